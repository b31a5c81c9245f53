//! Two workers that meet the same failure of one row at the same time.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use rulebound_host::{Host, Provider};

use crate::on_both;
use crate::place::{CREATE, FLOW, KEY, NOW, Place};

/// Where a worker waits for the other one.
#[derive(Default)]
struct Meeting(Mutex<u32>, Condvar);

impl Meeting {
    fn come(&self) {
        let mut here = self.0.lock().unwrap();
        *here += 1;
        self.1.notify_all();
        let (_here, waited) = self.1.wait_timeout_while(here, Duration::from_secs(20), |it| *it < 2).unwrap();
        assert!(!waited.timed_out(), "the other worker did not come");
    }
}

/// A worker that has read the row, and has found that it cannot be loaded, waits until the other one has done the same.
fn worker(place: &Place, meeting: &Arc<Meeting>) -> Host {
    // On SQLite an idle worker looks first whether a row is due at all.
    let notes_in = if matches!(place, Place::Sqlite(..)) { 3 } else { 2 };
    let (begun, meeting) = (AtomicU32::new(0), Arc::clone(meeting));
    let meet = move || {
        if begun.fetch_add(1, Ordering::SeqCst) + 1 == notes_in {
            tokio::task::block_in_place(|| meeting.come());
        }
        Ok(())
    };
    place.host(Provider::new("sk")).ignore("fulfill").database_fault(meet).build().unwrap()
}

async fn a_failure_that_two_workers_meet_counts_once(place: &Place) {
    let host = place.host(Provider::new("sk")).build().unwrap();
    host.migrate().await.unwrap();
    host.handle_json(FLOW, KEY, CREATE).await.unwrap();
    let flows = place.table("rulebound_flows");
    place.run(&format!("UPDATE {flows} SET snapshot = '{{', wake_at = {NOW}")).await;

    let meeting = Arc::<Meeting>::default();
    let [one, other] = [worker(place, &meeting), worker(place, &meeting)];
    let one = tokio::spawn(async move { one.tick().await });
    while *meeting.0.lock().unwrap() == 0 {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    assert_eq!(other.tick().await.unwrap(), []);
    assert_eq!(one.await.unwrap().unwrap(), []);

    assert_eq!(place.number(&format!("SELECT tries FROM {flows}")).await, 1);
    assert_eq!(place.number(&format!("SELECT wake_at FROM {flows}")).await, NOW + 3_600_000);
    let journal = place.table("rulebound_journal");
    assert_eq!(place.number(&format!("SELECT COUNT(*) FROM {journal} WHERE kind = 'error'")).await, 1);
}
on_both!(a_failure_that_two_workers_meet_counts_once);

async fn a_row_that_a_newer_release_saved_rests_a_minute_without_a_try(place: &Place) {
    let host = place.host(Provider::new("sk")).ignore("fulfill").build().unwrap();
    host.migrate().await.unwrap();
    host.handle_json(FLOW, KEY, CREATE).await.unwrap();
    let flows = place.table("rulebound_flows");
    let newer = r#"REPLACE(snapshot, '"format":', '"format":9')"#;
    place.run(&format!("UPDATE {flows} SET snapshot = {newer}")).await;
    assert_eq!(host.tick().await.unwrap(), []);
    assert_eq!(place.number(&format!("SELECT tries FROM {flows}")).await, 0);
    assert_eq!(place.number(&format!("SELECT wake_at FROM {flows}")).await, NOW + 60_000);
}
on_both!(a_row_that_a_newer_release_saved_rests_a_minute_without_a_try);
