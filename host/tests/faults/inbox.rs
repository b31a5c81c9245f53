//! Webhooks that no row takes: those that no flow needs, and those that are old.

use std::time::Duration;

use rulebound_host::Provider;

use crate::on_both;
use crate::place::{CREATE, FLOW, KEY, NOW, Place};

const DAY: i64 = 86_400_000;
/// Truemed's own envelope around an event that is about nothing here.
const UNNEEDED: &str = r#"{"webhook_delivery_id": "wd_1", "event_type": "x", "data": {}}"#;

/// Puts a verified webhook without ids into the inbox, as an older release has left it.
async fn left(place: &Place, id: &str, body: &str, received_at: i64) {
    let bytes = match place {
        Place::Sqlite(..) => format!("CAST('{body}' AS blob)"),
        Place::Postgres(..) => format!("convert_to('{body}', 'UTF8')"),
    };
    let sql = format!(
        "INSERT INTO {} (id, provider, account, digest, deliveries, origin, body, received_at, tries) \
         VALUES ('{id}', 'truemed', '', '{id}', 1, 'verified', {bytes}, {received_at}, 0)",
        place.table("rulebound_inbox")
    );
    place.run(&sql).await;
}

async fn entries(place: &Place) -> i64 {
    place.number(&format!("SELECT COUNT(*) FROM {}", place.table("rulebound_inbox"))).await
}

async fn an_entry_of_an_event_that_no_flow_needs_goes(place: &Place) {
    let host = place.host(Provider::new("sk")).ignore("fulfill").build().unwrap();
    host.migrate().await.unwrap();
    left(place, "unneeded", UNNEEDED, NOW - DAY).await;
    left(place, "unreadable", "[", NOW - 2 * DAY).await;
    host.tick().await.unwrap();
    assert_eq!(entries(place).await, 1, "what is not readable waits for a newer release");
    assert_eq!(host.stats().await.unwrap().inbox_age_ms, 2 * DAY);
}
on_both!(an_entry_of_an_event_that_no_flow_needs_goes);

async fn what_is_too_old_goes_and_what_a_row_has_yet_to_apply_stays(place: &Place) {
    let builder = place.host(Provider::new("sk")).ignore("fulfill").keep_inbox_days(7).keep_journal_days(40);
    let host = builder.build().unwrap();
    host.migrate().await.unwrap();
    host.handle_json(FLOW, KEY, CREATE).await.unwrap();
    let (flows, journal) = (place.table("rulebound_flows"), place.table("rulebound_journal"));
    place.run(&format!("UPDATE {flows} SET wake_at = NULL; UPDATE {journal} SET at = {}", NOW - 41 * DAY)).await;
    left(place, "new", "[", NOW - 6 * DAY).await;
    left(place, "old", "[", NOW - 8 * DAY).await;
    left(place, "known", "[", NOW - 9 * DAY).await;
    let (ids, inbox_ids) = (place.table("rulebound_ids"), place.table("rulebound_inbox_ids"));
    place
        .run(&format!("INSERT INTO {ids} (provider, id, flow, key) VALUES ('truemed', 'ptr_1', '{FLOW}', '{KEY}')"))
        .await;
    place.run(&format!("INSERT INTO {inbox_ids} (provider, id, inbox) VALUES ('truemed', 'ptr_1', 'known')")).await;

    let worker = tokio::spawn({
        let host = host.clone();
        async move { host.run().await }
    });
    let old =
        format!("SELECT (SELECT COUNT(*) FROM {journal}) + (SELECT COUNT(*) FROM {})", place.table("rulebound_inbox"));
    for _ in 0..500 {
        if place.number(&old).await == 2 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    host.stop();
    worker.await.unwrap().unwrap();
    let kept = format!("SELECT COUNT(*) FROM {} WHERE id IN ('new', 'known')", place.table("rulebound_inbox"));
    assert_eq!((place.number(&kept).await, entries(place).await), (2, 2));
    assert_eq!(place.number(&format!("SELECT COUNT(*) FROM {journal}")).await, 0);
}
on_both!(what_is_too_old_goes_and_what_a_row_has_yet_to_apply_stays);
