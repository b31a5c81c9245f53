//! What goes on beside the workers: the gauges are told, and what is too old goes.

use std::time::Duration;

use crate::db::args;
use crate::error::Result;
use crate::host::Host;
use crate::ops::Stats;

const DAY_MS: i64 = 86_400_000;
/// How often the gauges are told, and after how many times of it what is old goes: each hour.
const TOLD_EVERY: Duration = Duration::from_secs(15);
const PRUNED_EVERY: u32 = 240;
/// How many lines of the journal one transaction deletes.
const LINES: u64 = 1_000;

impl Host {
    /// Works until the host stops.
    pub(crate) async fn upkeep(&self) {
        let mut stopping = self.0.stopping.clone();
        for round in 0_u32.. {
            let pruned = if round.is_multiple_of(PRUNED_EVERY) { self.prune().await } else { Ok(()) };
            let told = self.tell().await;
            for error in [pruned, told].into_iter().filter_map(Result::err) {
                tracing::error!(class = error.class(), %error, "the upkeep failed, and goes on");
            }
            tokio::select! {
                () = tokio::time::sleep(TOLD_EVERY) => {}
                _ = stopping.wait_for(|it| *it) => return,
            }
        }
    }

    /// Tells the gauges as an event: `tracing-opentelemetry` makes metrics of fields with these names.
    async fn tell(&self) -> Result<()> {
        if tracing::enabled!(tracing::Level::INFO) {
            let stats = self.stats().await?;
            let Stats { oldest_overdue_ms, due, inbox_age_ms, failing_effects, reviews_open, .. } = stats;
            tracing::info!(
                gauge.rulebound.oldest_overdue_ms = oldest_overdue_ms,
                gauge.rulebound.due = due,
                gauge.rulebound.inbox_age_ms = inbox_age_ms,
                gauge.rulebound.failing_effects = failing_effects,
                gauge.rulebound.reviews_open = reviews_open,
                gauge.rulebound.accounts_paused = stats.accounts_paused,
                gauge.rulebound.oldest_held_ms = stats.oldest_held_ms,
                gauge.rulebound.refused_in_day = stats.refused_in_day,
                "gauges"
            );
        }
        Ok(())
    }

    /// Deletes lines of the journal, and webhooks that no row knows, that are too old.
    async fn prune(&self) -> Result<()> {
        let (now, keep) = (self.0.hooks.now(), self.0.keep);
        let before = |days: u32| now.saturating_sub(i64::from(days).saturating_mul(DAY_MS));
        while self.prune_journal(before(keep.journal_days)).await? {}
        loop {
            let mut own = self.begin().await?;
            let has_more = self.0.store.prune_entries(&mut own.tx(), before(keep.inbox_days)).await?;
            own.commit().await?;
            if !has_more {
                return Ok(());
            }
        }
    }

    /// Deletes a portion of the journal's lines before an instant. Whether there may be more.
    async fn prune_journal(&self, before: i64) -> Result<bool> {
        let t = &self.0.store.t;
        let sql = format!(
            "DELETE FROM {t}journal WHERE (flow, key, seq) IN (SELECT flow, key, seq FROM {t}journal WHERE at < $1 ORDER BY at LIMIT {LINES})"
        );
        let mut own = self.begin().await?;
        let deleted = own.tx().run(&sql, args![before]).await?;
        own.commit().await?;
        Ok(deleted == LINES)
    }
}
