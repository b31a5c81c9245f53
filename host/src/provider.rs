//! Providers and their accounts: secrets, settings, and what each decision needs of them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use rulebound::time::{Millis, Timestamp};
use rulebound::{Config, Headers, NotAuthentic, PROVIDERS, ffi, read_webhook};
use serde_json::{Value, json};

use crate::error::{BoxError, Error, Result};
use crate::limit::Limit;

/// How long what a lookup said of an account counts.
const CACHED: Duration = Duration::from_secs(60);
/// What is wrong with a row of no account, where every key is an account's.
const NO_ACCOUNT: &str = "the provider has several accounts and no API key of its own: name one with `account`";
/// How much longer a lease is than the timeout of what it is for.
const MARGIN_MS: i64 = 60_000;

type Lookup = Arc<dyn Fn(String) -> BoxFuture<'static, Result<Account, BoxError>> + Send + Sync>;

/// Whether a provider signs its webhooks. The address of one that does not needs a part that nobody can guess.
pub(crate) fn signs(provider: &str) -> bool {
    let received = read_webhook(provider, &[], &Headers::default(), b"", Timestamp::default());
    matches!(received, Err(NotAuthentic::NoSecret))
}

/// One of several accounts at a provider: its API key, and the settings that differ from the provider's.
#[derive(Clone)]
#[non_exhaustive]
pub struct Account {
    /// The API key.
    pub api_key: String,
    /// The settings of the provider for this account, such as `{"domain_prefix": "marshmallow"}`.
    pub config: Value,
    /// The secrets of the account's webhooks. If there are none, the provider's count.
    pub webhook_secrets: Vec<String>,
    limit: Limit,
}

impl Account {
    /// An account with an API key.
    pub fn new(api_key: impl Into<String>) -> Self {
        Self { api_key: api_key.into(), config: json!({}), webhook_secrets: Vec::new(), limit: Limit::default() }
    }

    /// Sets what differs from the provider's settings.
    #[must_use]
    pub fn config(self, config: Value) -> Self {
        Self { config, ..self }
    }

    /// Adds a secret of the account's webhooks.
    #[must_use]
    pub fn webhook_secret(mut self, secret: impl Into<String>) -> Self {
        self.webhook_secrets.push(secret.into());
        self
    }

    /// Sets how many requests of this account a process has in flight at most, in place of the provider's number.
    #[must_use]
    pub fn max_in_flight(mut self, requests: usize) -> Self {
        self.limit.in_flight = Some(requests);
        self
    }

    /// Sets how many requests of this account a process begins in a second at most, in place of the provider's number.
    #[must_use]
    pub fn max_per_second(mut self, requests: usize) -> Self {
        self.limit.per_second = Some(requests);
        self
    }
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Account(…)")
    }
}

/// How the host works with one provider.
#[derive(Clone)]
pub struct Provider {
    own: Account,
    lookup: Option<Lookup>,
    pub(crate) webhook_token: Option<String>,
    pub(crate) timeout: Duration,
}

impl fmt::Debug for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Provider").field("timeout", &self.timeout).finish_non_exhaustive()
    }
}

impl Provider {
    /// A provider at which you have one account, with its API key.
    pub fn new(api_key: impl Into<String>) -> Self {
        let timeout = Duration::from_secs(30);
        Self { own: Account::new(api_key), lookup: None, webhook_token: None, timeout }
    }

    /// Adds a secret of the provider's webhooks. Several can count while one is replaced by another.
    #[must_use]
    pub fn webhook_secret(mut self, secret: impl Into<String>) -> Self {
        self.own.webhook_secrets.push(secret.into());
        self
    }

    /// Sets the provider's settings, such as `json!({"environment": "production"})`.
    #[must_use]
    pub fn config(mut self, config: Value) -> Self {
        self.own.config = config;
        self
    }

    /// Sets the last part of the webhook's URL, which nobody can guess. A provider that does not sign needs it.
    #[must_use]
    pub fn webhook_token(self, token: impl Into<String>) -> Self {
        Self { webhook_token: Some(token.into()), ..self }
    }

    /// Sets how long a request can take, from its connection to the end of its body. 30 seconds by default.
    #[must_use]
    pub fn timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    /// Sets how many requests of each account a process has in flight at most.
    #[must_use]
    pub fn max_in_flight(self, requests: usize) -> Self {
        Self { own: self.own.max_in_flight(requests), ..self }
    }

    /// Sets how many requests of each account a process begins in a second at most.
    #[must_use]
    pub fn max_per_second(self, requests: usize) -> Self {
        Self { own: self.own.max_per_second(requests), ..self }
    }

    /// Sets the lookup of accounts. It is called outside transactions, what it says counts for a minute, and it is called
    /// again after a 401.
    #[must_use]
    pub fn accounts<R>(self, lookup: impl Fn(String) -> R + Send + Sync + 'static) -> Self
    where
        R: Future<Output = Result<Account, BoxError>> + Send + 'static,
    {
        Self { lookup: Some(Arc::new(move |account| Box::pin(lookup(account)))), ..self }
    }

    /// Whether webhooks of accounts can be told apart.
    pub(crate) const fn has_accounts(&self) -> bool {
        self.lookup.is_some()
    }
}

/// An account with everything that a visit to its rows needs.
#[derive(Clone)]
pub(crate) struct Settings {
    pub(crate) api_key: String,
    pub(crate) webhook_secrets: Vec<String>,
    pub(crate) config: Arc<Config>,
    pub(crate) timeout: Duration,
    pub(crate) limit: Limit,
}

impl Settings {
    /// The config under which an effect is leased: the lease is longer than the effect's timeout.
    pub(crate) fn leasing(&self, timeout: Duration) -> Arc<Config> {
        let mut config = Config::clone(&self.config);
        config.lease_ms = Millis::new(u64::try_from(lease_ms(timeout)).unwrap_or(0));
        Arc::new(config)
    }
}

/// How long the lease of an effect with this timeout lasts.
pub(crate) fn lease_ms(timeout: Duration) -> i64 {
    i64::try_from(timeout.as_millis()).unwrap_or(i64::MAX).saturating_add(MARGIN_MS)
}

/// What a lookup said, and when.
type Known = (Instant, Arc<Settings>);

/// Every provider of a host, and what is known of their accounts.
pub(crate) struct Accounts {
    base: Value,
    providers: BTreeMap<String, Provider>,
    own: BTreeMap<String, Arc<Settings>>,
    known: Mutex<BTreeMap<(String, String), Known>>,
    /// The providers of which a webhook came and that have no secret.
    without_secret: Mutex<BTreeSet<String>>,
}

impl Accounts {
    /// Checks the settings of every provider.
    pub(crate) fn new(base: Config, providers: BTreeMap<String, Provider>) -> Result<Self> {
        let base = serde_json::to_value(&base).map_err(|error| Error::input("config", error.to_string()))?;
        let (known, without_secret) = (Mutex::default(), Mutex::default());
        let mut all = Self { base, providers, own: BTreeMap::new(), known, without_secret };
        for (name, provider) in &all.providers {
            if !PROVIDERS.iter().any(|it| it.name == name) {
                let names: Vec<_> = PROVIDERS.iter().map(|it| it.name).collect();
                return Err(Error::input(format!("providers.{name}"), format!("is none of {}", names.join(", "))));
            }
            let has_token = provider.webhook_token.as_ref().is_some_and(|it| !it.trim().is_empty());
            if !signs(name) && !has_token {
                let reason = format!(
                    "is missing: {name} signs no webhooks, so that their address ends with a text that nobody can guess"
                );
                return Err(Error::input(format!("providers.{name}.webhook_token"), reason));
            }
            let settings = all.settings(name, provider, &provider.own)?;
            all.own.insert(name.clone(), Arc::new(settings));
        }
        Ok(all)
    }

    fn settings(&self, name: &str, provider: &Provider, account: &Account) -> Result<Settings> {
        let mut config = self.base.clone();
        if let Some(settings) = config.get_mut(name) {
            merge(settings, &provider.own.config);
            merge(settings, &account.config);
        }
        let config = ffi::read_config(&config.to_string())
            .map_err(|error| Error::input(format!("providers.{name}"), error.to_string()))?;
        let limit = account.limit.or(provider.own.limit);
        limit.check(name)?;
        let is_own = std::ptr::eq(account, &raw const provider.own);
        if account.api_key.trim().is_empty() && !(is_own && provider.lookup.is_some()) {
            return Err(Error::input(format!("providers.{name}.api_key"), "is empty: give the API key"));
        }
        let secrets = if account.webhook_secrets.is_empty() { &provider.own } else { account };
        if secrets.webhook_secrets.iter().any(|it| it.trim().is_empty()) {
            let reason = "is empty: give the secret, or leave it out if the provider sends you no webhooks";
            return Err(Error::input(format!("providers.{name}.webhook_secret"), reason));
        }
        Ok(Settings {
            api_key: account.api_key.clone(),
            webhook_secrets: secrets.webhook_secrets.clone(),
            config: Arc::new(config),
            timeout: provider.timeout,
            limit,
        })
    }

    pub(crate) fn provider(&self, name: &str) -> Result<&Provider> {
        let unknown = || {
            Error::input(
                "provider",
                format!("is `{name}`, which this host does not have: add it when you build the host"),
            )
        };
        self.providers.get(name).ok_or_else(unknown)
    }

    /// What is known of an account without a lookup; nothing if it must be looked up.
    pub(crate) fn known(&self, name: &str, account: &str) -> Result<Option<Arc<Settings>>> {
        self.remembered(name, account, CACHED)
    }

    /// An account in the caller's transaction, where nothing is looked up: what was said of it counts there however old it is.
    pub(crate) fn within(&self, name: &str, account: &str) -> Result<Arc<Settings>> {
        let missing = || Error::Lookup { provider: name.into(), account: account.into() };
        self.remembered(name, account, Duration::MAX)?.ok_or_else(missing)
    }

    fn remembered(&self, name: &str, account: &str, age: Duration) -> Result<Option<Arc<Settings>>> {
        let provider = self.provider(name)?;
        if account.is_empty() {
            let own = self.own.get(name).filter(|it| !it.api_key.trim().is_empty()).cloned();
            return own.map(Some).ok_or_else(|| missing(name, account, NO_ACCOUNT));
        }
        if provider.lookup.is_none() {
            return Err(missing(name, account, "the provider has no lookup"));
        }
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let found = known.get(&(name.to_owned(), account.to_owned()));
        Ok(found.filter(|(since, _)| since.elapsed() < age).map(|(_, it)| Arc::clone(it)))
    }

    /// The secrets of an address. The provider's own address has its own ones, also if each request is an account's.
    pub(crate) async fn secrets(&self, name: &str, account: &str) -> Result<Vec<String>> {
        match self.own.get(name).filter(|_| account.is_empty()) {
            Some(own) => Ok(own.webhook_secrets.clone()),
            None => Ok(self.get(name, account).await?.webhook_secrets.clone()),
        }
    }

    /// Whether this is the first webhook of a provider without a secret: it is said once.
    pub(crate) fn is_first_without_secret(&self, name: &str) -> bool {
        self.without_secret.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned())
    }

    /// An account, looked up if it is not known.
    pub(crate) async fn get(&self, name: &str, account: &str) -> Result<Arc<Settings>> {
        if let Some(known) = self.known(name, account)? {
            return Ok(known);
        }
        let provider = self.provider(name)?;
        let failed = |reason: &str| missing(name, account, reason);
        let lookup = provider.lookup.as_ref().ok_or_else(|| failed("the provider has no lookup"))?;
        let found = lookup(account.into()).await.map_err(|error| failed(&error.to_string()))?;
        let wrong =
            |error: Error| Error::Config { provider: name.into(), account: account.into(), reason: error.to_string() };
        let settings = Arc::new(self.settings(name, provider, &found).map_err(wrong)?);
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert((name.into(), account.into()), (Instant::now(), Arc::clone(&settings)));
        Ok(settings)
    }

    /// Forgets an account, because the provider did not accept its API key.
    pub(crate) fn forget(&self, name: &str, account: &str) {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).remove(&(name.to_owned(), account.to_owned()));
    }
}

fn missing(provider: &str, account: &str, reason: &str) -> Error {
    Error::Account { provider: provider.into(), account: account.into(), reason: reason.into() }
}

/// Puts the members of `own` in place of those of `config`.
fn merge(config: &mut Value, own: &Value) {
    match (config, own) {
        (Value::Object(config), Value::Object(own)) => {
            config.extend(own.iter().map(|(name, value)| (name.clone(), value.clone())));
        }
        (_, Value::Null) => {}
        (config, own) => *config = own.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accounts(provider: Provider) -> Result<Accounts> {
        Accounts::new(Config::default(), [("vend".to_owned(), provider.webhook_token("unguessable"))].into())
    }

    #[tokio::test]
    async fn an_account_has_the_providers_settings_and_its_own() {
        let lookup = async |account: String| match account.as_str() {
            "a" => Ok(Account::new("key-a").config(json!({"domain_prefix": "a"}))),
            other => Err(BoxError::from(format!("no {other}"))),
        };
        let all = accounts(Provider::new("key").config(json!({"domain_prefix": "own"})).accounts(lookup)).unwrap();
        let prefix = |it: &Settings| it.config.vend.domain_prefix.clone();
        let own = all.get("vend", "").await.unwrap();
        assert_eq!((own.api_key.as_str(), prefix(&own).as_str()), ("key", "own"));
        assert!(all.known("vend", "a").unwrap().is_none());
        let other = all.get("vend", "a").await.unwrap();
        assert_eq!((other.api_key.as_str(), prefix(&other).as_str()), ("key-a", "a"));
        assert!(all.known("vend", "a").unwrap().is_some());
        all.forget("vend", "a");
        assert!(all.known("vend", "a").unwrap().is_none());
        let error = all.get("vend", "b").await.err().unwrap();
        assert_eq!(error.to_string(), "the account `b` of vend was not found: no b");
    }

    #[tokio::test]
    async fn no_request_is_without_a_key() {
        let error = accounts(Provider::new(" ")).err().unwrap().to_string();
        assert_eq!(error, "`providers.vend.api_key` is empty: give the API key");
        let all = accounts(Provider::new("").webhook_secret("s").accounts(async |_| Ok(Account::new("")))).unwrap();
        for error in [all.known("vend", "").err().unwrap(), all.within("vend", "").err().unwrap()] {
            assert!(error.to_string().contains("name one with `account`"), "{error}");
        }
        let error = all.get("vend", "a").await.err().unwrap().to_string();
        assert!(error.contains("api_key` is empty"), "{error}");
        assert_eq!(all.secrets("vend", "").await.unwrap(), ["s"]);
        assert_eq!(["vend", "vend", "flex"].map(|it| all.is_first_without_secret(it)), [true, false, true]);
        let error = accounts(Provider::new("key")).unwrap().get("vend", "a").await.err().unwrap();
        assert_eq!(error.to_string(), "the account `a` of vend was not found: the provider has no lookup");
    }

    #[test]
    fn wrong_settings_and_unknown_providers_are_named() {
        let error = accounts(Provider::new("key").config(json!({"domain": "x"}))).err().unwrap().to_string();
        assert!(error.contains("providers.vend") && error.contains("domain"), "{error}");
        let error = accounts(Provider::new("key").webhook_secret("")).err().unwrap().to_string();
        assert!(error.starts_with("`providers.vend.webhook_secret` is empty: "), "{error}");
        let bare = [("vend".to_owned(), Provider::new("key").webhook_token(""))].into();
        let error = Accounts::new(Config::default(), bare).err().unwrap().to_string();
        assert!(error.starts_with("`providers.vend.webhook_token` is missing: "), "{error}");
        let error = Accounts::new(Config::default(), [("stripe".to_owned(), Provider::new("k"))].into()).err().unwrap();
        let names = PROVIDERS.iter().map(|it| it.name).collect::<Vec<_>>().join(", ");
        assert_eq!(error.to_string(), format!("`providers.stripe` is none of {names}"));
    }
}
