//! How long a request is sent again under its idempotency key.

use super::replies::{HOUR, Host, PAID, PAY, paying};
use super::toy::Command;
use crate::fact::{Fact, FailureKind};
use crate::snapshot::ObserveError;
use crate::time::Timestamp;

/// The first instant at which the payment cannot be leased: the provider knows its key for a week, a lease lasts five minutes,
/// and the clocks may differ by as much.
const FORGOTTEN: i64 = 7 * 24 * HOUR - 600_000;

#[test]
fn a_request_is_not_sent_again_once_its_key_may_be_forgotten() {
    let mut host = paying(1);
    host.now = FORGOTTEN - 1;
    host.review("review:outcome_unknown:pay:1", "keep_trying");
    assert!(host.can_lease(PAY));
    assert_eq!(host.snapshot.wake_at(&host.context()), Some(Timestamp::from_millis(host.now)));
    host.now = FORGOTTEN;
    assert!(!host.can_lease(PAY));
    // The person who wanted it sent again is asked again a day later, and cannot want that any more.
    assert_eq!(host.snapshot.wake_at(&host.context()), Some(Timestamp::from_millis(FORGOTTEN - 1 + 24 * HOUR)));
    host.now += 24 * HOUR;
    let (effect, verdict) = ("review:outcome_unknown:pay:1".into(), "keep_trying".into());
    let answer = host.snapshot.observe(Fact::Reviewed { effect, verdict, id: None }, &host.context());
    assert!(matches!(answer, Err(ObserveError::Fact(it)) if it.pointer == "/verdict"));
    assert_eq!(host.clone().reply(PAY, 1, 200, PAID), Ok(None));
    host.review("review:outcome_unknown:pay:1", "not_paid");
    assert_eq!(host.paid(), Some(false));
}

#[test]
fn a_key_counts_from_the_first_sending_that_may_have_arrived() {
    let mut host = paying(1);
    assert_eq!(host.reply(PAY, 1, 429, ""), Ok(Some(FailureKind::Throttled)));
    host.now = HOUR;
    host.lease(PAY);
    host.lose(PAY, 2);
    host.now += FORGOTTEN - 1;
    host.review("review:outcome_unknown:pay:1", "keep_trying");
    assert!(host.can_lease(PAY));
    host.now += 1;
    assert!(!host.can_lease(PAY));
}

#[test]
fn a_key_of_a_restored_row_counts_from_its_backup() {
    for (age, can_lease) in [(FORGOTTEN - 300_001, true), (FORGOTTEN - 300_000, false)] {
        let mut host = Host::new();
        host.handle(Command::Pay {});
        let taken_at = Timestamp::from_millis(host.now);
        host.now += age;
        host.observe(Fact::Restored { taken_at }).unwrap();
        host.now += 300_000;
        assert_eq!((host.can_lease(PAY), host.effect_ids()), (can_lease, [PAY.into()].into()));
    }
}
