//! What waits for a person: one page of rows, each with its open reviews, so that a program can work them off.

use rulebound::PendingEffect;
use rulebound::effect::Effect;
use serde::Serialize;

use crate::error::{Error, Result};
use crate::host::Host;

/// The columns of a row, as the dashboard's API has them.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[non_exhaustive]
pub struct RowRecord {
    /// The flow, such as `truemed.payment_token`.
    pub flow: String,
    /// Your name for it.
    pub key: String,
    /// Which of your accounts at the provider; empty if there is one.
    pub account: String,
    /// What a person searches for.
    pub reference: Option<String>,
    /// The number of changes.
    pub revision: i64,
    /// When a worker looks at it again, in milliseconds since 1970.
    pub wake_at: Option<i64>,
    /// Open questions for a person.
    pub reviews: i64,
    /// Effects that were tried five times or more.
    pub failing: i64,
    /// Failures of the row itself.
    pub tries: i64,
    /// The class of the last failure of the row itself.
    pub last_error: Option<String>,
    /// When it was made.
    pub created_at: i64,
    /// When it was last saved.
    pub updated_at: i64,
}

/// A row with a question for a person.
#[derive(Debug)]
#[non_exhaustive]
pub struct OpenReviews {
    /// The row.
    pub row: RowRecord,
    /// Its open reviews; none if it cannot be loaded.
    pub reviews: Vec<PendingEffect>,
}

/// One page of [`Host::reviews`].
#[derive(Debug)]
#[non_exhaustive]
pub struct ReviewPage {
    /// At most 50, the least recently changed first.
    pub rows: Vec<OpenReviews>,
    /// What begins the next page; nothing on the last one.
    pub next: Option<String>,
}

impl Host {
    /// One page of the rows with a question for a person, each with its open reviews. `after` is the `next` of the page before.
    ///
    /// # Errors
    ///
    /// [`Error::Input`] if `after` is no `next`; [`Error::Database`] if the database fails.
    pub async fn reviews(&self, after: Option<&str>) -> Result<ReviewPage> {
        let (records, next) = self.review_rows(after).await?;
        let mut rows = Vec::with_capacity(records.len());
        for row in records {
            rows.push(OpenReviews { reviews: self.open_reviews(&row).await?, row });
        }
        Ok(ReviewPage { rows, next })
    }

    async fn open_reviews(&self, of: &RowRecord) -> Result<Vec<PendingEffect>> {
        match self.get_any(&of.flow, &of.key).await {
            Ok(row) => {
                let effects = row.map(|it| it.effects()).unwrap_or_default().into_iter();
                Ok(effects.filter(|it| matches!(it.effect, Effect::Review { .. })).collect())
            }
            Err(Error::Core(_)) => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }
}
