//! What waits for a person: one page of rows, each with its open reviews, so that a program can work them off.

use rulebound::PendingEffect;
use rulebound::effect::Effect;

use crate::error::{Error, Result};
use crate::host::Host;
use crate::snapshot::RowRecord;

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
    /// ```
    /// # async fn example(host: rulebound_host::Host) -> rulebound_host::Result<()> {
    /// let mut after = None;
    /// loop {
    ///     let page = host.reviews(after.as_deref()).await?;
    ///     for it in &page.rows {
    ///         println!("{} {}: {} questions", it.row.flow, it.row.key, it.reviews.len());
    ///     }
    ///     after = page.next;
    ///     if after.is_none() {
    ///         return Ok(());
    ///     }
    /// }
    /// # }
    /// ```
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
