use alloc::format;
use alloc::string::{String, ToString};

use super::*;
use crate::providers::revup::api::payments::Tried;

fn id(name: &str) -> TransactionId {
    TransactionId::parse(name).unwrap()
}

fn amount(text: &str) -> Decimal {
    Decimal::parse(text).unwrap()
}

fn made(name: &str, sum: &str, currency: Option<&str>) -> MadePayment {
    let (currency, tried) = (currency.map(Into::into), Tried::Unsaid);
    MadePayment { transaction: id(name), amount: amount(sum), currency, payment: None, tried }
}

fn short(left: &str, proved: bool) -> Room {
    Room::Short { left: amount(left), proved }
}

fn saved(ledger: &Ledger) -> String {
    let text = serde_json::to_string(ledger).unwrap();
    assert_eq!(serde_json::from_str::<Ledger>(&text).unwrap(), *ledger);
    text
}

#[test]
fn refunds_add_up_to_at_most_the_payment() {
    let mut ledger = Ledger::default();
    ledger.note(made("t-0", "99", None), true);
    ledger.note(made("t-1", "30.00", None), true);
    ledger.note(made("t-1", "30.00", None), true);
    ledger.reserve(&id("t-0"), amount("98"));
    assert_eq!(ledger.room(&id("t-1"), amount("30")), Room::Enough);
    ledger.reserve(&id("t-1"), amount("15.5"));
    assert_eq!(ledger.room(&id("t-1"), amount("14.50")), Room::Enough);
    assert_eq!(ledger.room(&id("t-1"), amount("14.51")), short("14.5", true));
    ledger.release(&id("t-1"), amount("15.50"));
    assert_eq!(ledger.room(&id("t-1"), amount("30")), Room::Enough);
    assert_eq!(ledger.room(&id("t-0"), amount("2")), short("1", true));
}

#[test]
fn an_unknown_payment_has_no_room() {
    let mut ledger = Ledger::default();
    assert_eq!(ledger.room(&id("t-1"), amount("0.01")), Room::Unknown);
    ledger.reserve(&id("t-1"), amount("30"));
    assert_eq!(ledger.room(&id("t-1"), amount("29.99")), Room::Unknown);
    ledger.note(made("t-1", "30", None), true);
    assert_eq!(ledger.room(&id("t-1"), amount("0.01")), short("0", true));
    assert_eq!(ledger.room(&id("t-2"), amount("0.01")), Room::Unknown);
}

#[test]
fn an_unproved_amount_does_not_replace_a_proved_one() {
    let mut ledger = Ledger::default();
    ledger.note(made("t-1", "1", None), false);
    assert_eq!(ledger.room(&id("t-1"), amount("2")), short("1", false));
    ledger.note(made("t-1", "30", Some("EUR")), true);
    ledger.note(made("t-1", "1", Some("USD")), false);
    assert_eq!(ledger.room(&id("t-1"), amount("30")), Room::Enough);
    assert_eq!(ledger.currency(&id("t-1")), Some("EUR"));
}

#[test]
fn a_refund_of_others_counts_once_and_only_with_proof() {
    let mut ledger = Ledger::default();
    let payment = Some("p-1".into());
    ledger.note(MadePayment { payment, ..made("t-1", "30", None) }, true);
    ledger.note(made("t-2", "30", None), true);
    for proved in [false, true, true, false] {
        ledger.note_other(&id("r-1"), Some(Name::of("p-1")), Some(amount("20")), proved);
    }
    assert_eq!(ledger.room(&id("t-1"), amount("11")), short("10", true));
    assert_eq!(ledger.room(&id("t-2"), amount("30")), Room::Enough);
    ledger.note_other(&id("r-2"), Some(Name::of("p-2")), Some(amount("5")), false);
    assert_eq!(ledger.room(&id("t-2"), amount("30")), Room::Enough);
    ledger.note_other(&id("r-2"), Some(Name::of("p-2")), Some(amount("5")), true);
    assert_eq!(ledger.room(&id("t-2"), amount("30")), short("25", false));
    assert_eq!(ledger.room(&id("t-1"), amount("10")), Room::Enough);
    assert_eq!(ledger.room(&id("t-3"), amount("5")), Room::Unknown);
    ledger.reserve(&id("t-1"), amount("20"));
    assert_eq!(ledger.room(&id("t-1"), amount("1")), short("0", true));
    assert_eq!(ledger.claim(&id("t-1"), amount("20.00")), Some(id("r-1")));
    assert_eq!(ledger.room(&id("t-1"), amount("10")), Room::Enough);
    ledger.note_other(&id("r-1"), Some(Name::of("p-1")), Some(amount("20")), true);
    assert_eq!(ledger.room(&id("t-1"), amount("10")), Room::Enough);
}

#[test]
fn the_transactions_of_one_payment_share_its_room() {
    let of = |name: &str, payment: &str| MadePayment { payment: Some(payment.into()), ..made(name, "30", None) };
    let mut ledger = Ledger::default();
    ledger.note(of("t-1", "p-1"), true);
    ledger.note(of("t-2", "p-1"), true);
    ledger.note(of("t-3", "p-3"), true);
    ledger.reserve(&id("t-1"), amount("20"));
    assert_eq!(ledger.room(&id("t-2"), amount("11")), short("10", true));
    ledger.note_other(&id("r-1"), Some(Name::of("t-1")), Some(amount("4")), true);
    assert_eq!(ledger.room(&id("t-2"), amount("7")), short("6", true));
    assert_eq!(ledger.room(&id("t-3"), amount("30")), Room::Enough);
    // One payment is named after the transaction of another, which gets its own name later.
    ledger.note(of("t-5", "t-4"), true);
    ledger.note(of("t-4", "t-4"), true);
    ledger.note(of("t-4", "p-4"), true);
    ledger.reserve(&id("t-5"), amount("30"));
    assert_eq!(ledger.room(&id("t-4"), amount("1")), short("0", true));
    ledger.note_other(&id("r-2"), Some(Name::of("p-4")), Some(amount("4")), true);
    ledger.release(&id("t-5"), amount("30"));
    assert_eq!(ledger.room(&id("t-5"), amount("27")), short("26", true));
}

#[test]
fn an_unproved_entry_adds_no_name_to_a_proved_payment() {
    let of = |name: &str| MadePayment { payment: Some("p-1".into()), ..made(name, "30", None) };
    let mut ledger = Ledger::default();
    ledger.note(of("t-1"), true);
    ledger.note(of("t-2"), false);
    ledger.reserve(&id("t-2"), amount("30"));
    assert_eq!(ledger.room(&id("t-1"), amount("30")), Room::Enough);
    assert_eq!(ledger.room(&id("t-2"), amount("1")), short("0", false));
    ledger.reserve(&id("t-1"), amount("30"));
    ledger.note(of("t-3"), false);
    assert_eq!(ledger.room(&id("t-3"), amount("1")), short("0", false));
}

#[test]
fn a_payment_is_reported_once_by_the_transaction_that_took_the_money() {
    let of = |name: &str, tried| MadePayment { payment: Some("p-1".into()), tried, ..made(name, "30", None) };
    let reported = |ledger: &Ledger| {
        let all = ledger.payment_reports(None, &[]).into_iter();
        all.map(|it| (String::from(it.transaction_id.as_str()), it.payment_id)).collect::<Vec<_>>()
    };
    let p_1 = Some("p-1".into());
    let mut ledger = Ledger::default();
    ledger.note(of("t-1", Tried::Failed), true);
    assert_eq!(reported(&ledger), []);
    for (name, tried) in [("t-1", Tried::Unsaid), ("t-2", Tried::Unsaid), ("t-3", Tried::Last)] {
        ledger.note(of(name, tried), true);
    }
    ledger.note(made("t-9", "30", None), true);
    assert_eq!(reported(&ledger), [("t-3".into(), p_1.clone()), ("t-9".into(), None)]);
    let failed = ["t-1", "t-2", "t-3", "t-9", "t-8"].map(|name| ledger.failed(&id(name)));
    assert_eq!(failed, [Some(HasFailed::Surely), Some(HasFailed::Probably), None, None, None]);
    ledger.note(of("t-2", Tried::Succeeded), true);
    assert_eq!(reported(&ledger), [("t-2".into(), p_1), ("t-9".into(), None)]);
    saved(&ledger);
}

/// A ledger of many payments, each with its own refund of a half.
fn long(payments: usize, refunds: impl Fn(&mut Ledger, usize)) -> Ledger {
    let mut ledger = Ledger::default();
    for n in 1..=payments {
        let payment = Some(format!("00000000-0000-4000-8000-{n:012}"));
        ledger.note(
            MadePayment { payment, ..made(&format!("10000000-0000-4000-8000-{n:012}"), "9.98", Some("EUR")) },
            true,
        );
        refunds(&mut ledger, n);
    }
    ledger
}

fn transaction(n: usize) -> TransactionId {
    id(&format!("10000000-0000-4000-8000-{n:012}"))
}

#[test]
fn the_last_128_payments_are_kept_with_their_refunds() {
    let ledger = long(REMEMBERED, |ledger, n| match n % 3 {
        0 => ledger.reserve(&transaction(n), amount("9.98")),
        1 => {
            let of = Name::of(&format!("00000000-0000-4000-8000-{n:012}"));
            ledger.note_other(&id(&format!("20000000-0000-4000-8000-{n:012}")), Some(of), Some(amount("5")), true);
        }
        _ => {}
    });
    let mut ledger = serde_json::from_str::<Ledger>(&saved(&ledger)).unwrap();
    for n in 1..=REMEMBERED {
        let room = ledger.room(&transaction(n), amount("9.97"));
        let wanted = [short("0", true), short("4.98", true), Room::Enough];
        assert_eq!(room, wanted[n % 3], "{n}");
        assert_eq!(ledger.currency(&transaction(n)), Some("EUR"));
        // A repeat does not count twice.
        let of = Name::of(transaction(n).as_str());
        let by = id(&format!("20000000-0000-4000-8000-{n:012}"));
        let of = ledger.payment_of(&by).unwrap_or(of);
        if n % 3 == 1 {
            ledger.note_other(&by, Some(of), Some(amount("5")), true);
        }
    }
    assert_eq!(ledger.room(&transaction(1), amount("4.98")), Room::Enough);
    assert_eq!(ledger.room(&id("another"), amount("9.97")), Room::Unknown);
}

#[test]
fn a_dropped_payment_has_no_room_until_a_lookup_shows_it_again() {
    let mut ledger = long(REMEMBERED + 2, |ledger, n| ledger.reserve(&transaction(n), amount("9.98")));
    assert_eq!(ledger.room(&transaction(1), amount("0.01")), Room::Forgotten);
    assert_eq!(ledger.room(&id("another"), amount("0.01")), Room::Forgotten);
    ledger.note(made(transaction(1).as_str(), "9.98", None), true);
    assert_eq!(ledger.room(&transaction(1), amount("0.01")), short("0", true));
    ledger.note(made("another", "9.98", None), true);
    assert_eq!(ledger.room(&id("another"), amount("9.98")), Room::Enough);
    saved(&ledger);
}

#[test]
fn an_unproved_entry_does_not_displace_a_proved_one() {
    let mut ledger = long(RECENT, |_, _| {});
    for n in 0..2 * REMEMBERED {
        ledger.note(made(&format!("unproved-{n}"), "1", None), false);
        ledger.note_other(&id(&format!("other-{n}")), Some(Name::of("unproved")), Some(amount("1")), false);
    }
    assert_eq!(ledger.room(&transaction(1), amount("9.99")), short("9.98", true));
    assert_eq!(ledger.room(&id("unheard"), amount("9")), Room::Unknown);
    assert_eq!((ledger.paid.len(), ledger.others.len()), (REMEMBERED, RECENT));
}

#[test]
fn the_payments_and_refunds_of_two_years_of_weeks_take_little_room() {
    let ledger = long(104, |_, _| {});
    assert!(saved(&ledger).len() < 5 << 10, "{}", saved(&ledger).len());
    let ledger = long(104, |ledger, n| {
        ledger.reserve(&transaction(n), amount("9.98"));
        ledger.note_our_refund(&id(&format!("20000000-0000-4000-8000-{n:012}")));
    });
    assert!(saved(&ledger).len() < 12 << 10, "{}", saved(&ledger).len());
    // The number of lookups does not matter.
    let mut again = ledger.clone();
    for n in 1..=104 {
        let payment = Some(format!("00000000-0000-4000-8000-{n:012}"));
        again.note(MadePayment { payment, ..made(transaction(n).as_str(), "9.98", Some("EUR")) }, true);
    }
    assert_eq!(again, ledger);
}

#[test]
fn our_refunds_are_known_by_their_transactions() {
    let mut ledger = Ledger::default();
    for n in 0..=REMEMBERED {
        ledger.note_our_refund(&id(&n.to_string()));
    }
    assert!(!ledger.is_our_refund(&id("0")) && ledger.is_our_refund(&id("1")));
}
