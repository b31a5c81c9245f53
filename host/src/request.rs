//! Requests of no row: those that the library builds for lists, catalogs and orders.

use std::time::Duration;

use rulebound::Request;
use rulebound::fact::LARGEST_BODY;

use crate::error::{Error, Result};
use crate::host::Host;
use crate::send::{Outgoing, Sent, is_safe};

impl Host {
    /// Sends a request of no row, such as that of [`ListPaymentTokens`](rulebound::truemed::list::ListPaymentTokens), with the account's API key.
    ///
    /// Nobody repeats it. After [`Sent::Lost`] the provider may have carried it out; a body above 1 MiB is lost too. The account is
    /// empty if the provider has a key of its own.
    ///
    /// # Errors
    ///
    /// [`Error::Input`] if this is a request of a row, which only a worker sends, if the host does not have the provider or the
    /// account, or if the provider's address is not `https`.
    pub async fn send_request(&self, provider: &str, account: &str, request: &Request) -> Result<Sent> {
        if request.sending != 0 {
            return Err(Error::input("request", "is a request of a row, which only a worker sends"));
        }
        let settings = self.0.accounts.get(provider, account).await?;
        let http = with_key(request, &settings.api_key)?;
        let about = Outgoing { provider: provider.into(), operation: String::new(), account: account.into() };
        Ok(self.transmit(http, about, settings.timeout).await)
    }

    /// Sends a request that has its API key. A body that is too large is lost. After a 401 the account is looked up again.
    pub(crate) async fn transmit(&self, mut http: http::Request<Vec<u8>>, about: Outgoing, deadline: Duration) -> Sent {
        http.extensions_mut().insert(about.clone());
        match self.0.hooks.transport.send(http, deadline).await {
            Sent::Reply(reply) if reply.body().len() > LARGEST_BODY => Sent::Lost,
            Sent::Reply(reply) => {
                if reply.status() == http::StatusCode::UNAUTHORIZED {
                    self.0.accounts.forget(&about.provider, &about.account);
                }
                Sent::Reply(reply)
            }
            sent => sent,
        }
    }
}

/// The request with the API key, which goes only to `https`, or to this machine.
pub(crate) fn with_key(request: &Request, api_key: &str) -> Result<http::Request<Vec<u8>>> {
    let reason = |error| format!("cannot have this API key: {error}");
    let http = request.to_http(api_key).map_err(|error| Error::input("request", reason(error)))?;
    if is_safe(http.uri()) {
        return Ok(http);
    }
    Err(Error::input("request", "goes to an address that is not https: correct the provider's address"))
}
