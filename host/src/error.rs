//! What can go wrong, each with what to do about it.

use rulebound::ffi::AnyError;
use rulebound::{LoadError, Rejection};
use thiserror::Error as ThisError;

/// The result of the kit's calls.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What an integrator's own code can fail with.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Why a call led to nothing.
#[derive(Debug, ThisError)]
#[non_exhaustive]
pub enum Error {
    /// The command would break rules. Nothing was written.
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// Only a new transaction can cure it.
    #[error("another transaction was in the way: run the whole transaction again ({0})")]
    Retry(#[source] sqlx::Error),
    /// The database failed, or is away.
    #[error("the database failed: {0}")]
    Database(#[source] sqlx::Error),
    /// PostgreSQL's 55P03. Who has locked it can be the caller, who would wait again, so that it is no [`Retry`](Self::Retry).
    #[error(
        "the row is locked for longer than `lock_timeout` (2 s) by another transaction: if it is your own, pass its `tx`; \
         otherwise try again ({0})"
    )]
    Locked(#[source] sqlx::Error),
    /// A statement of a transaction failed, its error was ignored, and PostgreSQL accepts no other statement until the end.
    #[error(
        "the transaction cannot be committed, because one of its statements failed and the error was ignored: \
         return each error, or run the statement in a savepoint ({0})"
    )]
    Aborted(#[source] sqlx::Error),
    /// An argument is wrong.
    #[error("`{field}` {reason}")]
    #[non_exhaustive]
    Input {
        /// The argument.
        field: String,
        /// What is wrong with it, and what to do.
        reason: String,
    },
    /// There is no such row.
    #[error("there is no row of `{flow}` with the key `{key}`: call `handle` first")]
    #[non_exhaustive]
    Unknown {
        /// The flow.
        flow: String,
        /// The key.
        key: String,
    },
    /// The row has no such open review: somebody has answered it, or the provider has.
    #[error("`{key}` has no open review `{review}`: look at the effects of the row again")]
    #[non_exhaustive]
    NoReview {
        /// The key.
        key: String,
        /// The id of the review's effect.
        review: String,
    },
    /// The row still has something to do, or waits for something.
    #[error("`{key}` cannot be forgotten, because {what} is pending: end the flow first")]
    #[non_exhaustive]
    Pending {
        /// The key.
        key: String,
        /// What is pending.
        what: String,
    },
    /// The library refused a snapshot, a fact or a command.
    #[error(transparent)]
    Core(AnyError),
    /// A row had another revision although it was locked.
    #[error("bug in rulebound-host: `{key}` was locked, and another transaction has saved it")]
    #[non_exhaustive]
    Conflict {
        /// The key.
        key: String,
    },
    /// The tables are missing, or made for another release.
    #[error("{0}")]
    Schema(String),
    /// An effect has no handler.
    #[error("there is no handler for {0}: register one with `on` or `on_tx`, or call `ignore`")]
    Handlers(String),
    /// The lookup of an account failed.
    #[error("the {} was not found: {reason}", account_of(.provider, .account))]
    #[non_exhaustive]
    Account {
        /// The provider.
        provider: String,
        /// The account.
        account: String,
        /// What the lookup said.
        reason: String,
    },
    /// The account is not known, and nothing is looked up in the caller's transaction, whose locks the lookup could wait for.
    #[error(
        "the account `{account}` of {provider} must be looked up before the transaction: roll back, call `look_up`, and begin \
         again, as `Host::transaction` does by itself"
    )]
    #[non_exhaustive]
    Lookup {
        /// The provider.
        provider: String,
        /// The account.
        account: String,
    },
    /// What the lookup said of an account has a mistake. Its rows rest, and it is looked up again after a minute.
    #[error("the account `{account}` of {provider} has wrong settings: {reason}: correct what the lookup returns")]
    #[non_exhaustive]
    Config {
        /// The provider.
        provider: String,
        /// The account.
        account: String,
        /// Which member is wrong, and why.
        reason: String,
    },
    /// A tick did not come to an end.
    #[error("rows are still due after {0} visits: look at what the tick did")]
    Endless(usize),
    /// The integrator's own code failed.
    #[error("{0}")]
    Other(BoxError),
}

impl Error {
    pub(crate) fn input(field: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Input { field: field.into(), reason: reason.into() }
    }

    /// A short name of the kind, for logs and for the journal. It contains no data.
    pub const fn class(&self) -> &'static str {
        match self {
            Self::Rejected(_) => "rejected",
            Self::Retry(_) => "retry",
            Self::Database(_) => "database",
            Self::Locked(_) => "locked",
            Self::Aborted(_) => "aborted",
            Self::Input { .. } => "invalid_input",
            Self::Unknown { .. } => "unknown",
            Self::NoReview { .. } => "no_review",
            Self::Pending { .. } => "pending",
            Self::Core(AnyError::Load(LoadError::Newer { .. })) => "newer_format",
            Self::Core(AnyError::Load(_)) => "unreadable_snapshot",
            Self::Core(AnyError::Save(_)) => "unknown_format",
            Self::Core(AnyError::Fault(_)) => "internal",
            Self::Core(_) => "invalid_input",
            Self::Conflict { .. } => "conflict",
            Self::Schema(_) => "schema",
            Self::Handlers(_) => "handlers",
            Self::Account { .. } => "account",
            Self::Lookup { .. } => "lookup",
            Self::Config { .. } => "config",
            Self::Endless(_) => "endless",
            Self::Other(_) => "handler",
        }
    }

    /// Whether the same call can succeed later without a change: the database is away, or was busy, or a row was locked.
    pub const fn is_passing(&self) -> bool {
        matches!(self, Self::Retry(_) | Self::Database(_) | Self::Locked(_))
    }

    /// The broken rules; empty if it is another error.
    pub fn violations(&self) -> &[rulebound::Violation] {
        if let Self::Rejected(rejection) = self { &rejection.violations } else { &[] }
    }
}

/// An account in words: most providers have only one, which has no name.
pub(crate) fn account_of(provider: &str, account: &str) -> String {
    if account.is_empty() { format!("account of {provider}") } else { format!("account `{account}` of {provider}") }
}

impl From<AnyError> for Error {
    fn from(error: AnyError) -> Self {
        match error {
            AnyError::Rejected(rejection) => Self::Rejected(rejection),
            other => Self::Core(other),
        }
    }
}

/// What PostgreSQL says of a transaction that must be run again, and what SQLite says when another writer is at work.
const RETRY: [&str; 7] = ["40001", "40P01", "5", "261", "517", "6", "262"];

/// What PostgreSQL says of each statement after one that failed in the same transaction.
const ABORTED: &str = "25P02";

/// What PostgreSQL says of a statement that has waited for `lock_timeout`.
const LOCKED: &str = "55P03";

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        match error.as_database_error().and_then(|it| it.code()).as_deref() {
            Some(code) if RETRY.contains(&code) => Self::Retry(error),
            Some(ABORTED) => Self::Aborted(error),
            Some(LOCKED) => Self::Locked(error),
            _ => Self::Database(error),
        }
    }
}

impl From<BoxError> for Error {
    /// Keeps an error of the kit that an integrator's code has passed on.
    fn from(error: BoxError) -> Self {
        match error.downcast::<Self>() {
            Ok(own) => *own,
            Err(other) => match other.downcast::<sqlx::Error>() {
                Ok(database) => (*database).into(),
                Err(other) => Self::Other(other),
            },
        }
    }
}
