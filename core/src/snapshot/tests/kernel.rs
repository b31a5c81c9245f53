//! The promises of the kernel, tested with a flow that needs all of them.

use alloc::string::String;
use alloc::vec::Vec;

use super::toy::{Command, Rule, Toy};
use crate::config::{Config, Context, Mode};
use crate::effect::Effect;
use crate::fact::{Fact, Headers, IgnoredReason, Origin, Verdict};
use crate::flow::FacetTransition;
use crate::id::TypedId;
use crate::id::{EffectId, Key};
use crate::rule::{Level, RuleSet};
use crate::snapshot::{Fault, HandleError, Lease, LeaseError, LoadError, ObserveError, SaveError, Snapshot};
use crate::time::Timestamp;

const LEASE: i64 = 300_000;

fn context(now: i64) -> Context {
    Context::at(Timestamp::from_millis(now))
}

fn start() -> Snapshot<Toy> {
    Snapshot::start(Key::parse("00000000-0000-4000-8000-000000000001").unwrap())
}

/// The config of a context, which a test can change.
fn config(context: &mut Context) -> &mut Config {
    alloc::sync::Arc::make_mut(&mut context.config)
}

fn requested() -> Snapshot<Toy> {
    start().handle(Command::Create { plan: "basic".into() }, &context(0)).unwrap().next
}

fn lease(snapshot: &Snapshot<Toy>, id: &str, now: i64) -> Result<Lease<Toy>, Vec<&'static str>> {
    let codes = |it: LeaseError| it.violations().iter().map(|it| it.rule.code).collect();
    snapshot.lease(&EffectId::parse(id).unwrap(), &context(now)).map_err(codes)
}

fn leased() -> Snapshot<Toy> {
    lease(&requested(), "create:1", 0).unwrap().next
}

fn observe(snapshot: &Snapshot<Toy>, fact: Fact<'_>, now: i64) -> Snapshot<Toy> {
    snapshot.observe(fact, &context(now)).unwrap().next
}

fn reply<'a>(effect: &'a str, status: u16, body: &'a str) -> Fact<'a> {
    Fact::Reply {
        effect: effect.into(),
        sending: None,
        http_status: status,
        headers: Headers::default(),
        body: body.as_bytes().into(),
    }
}

fn lost(effect: &str) -> Fact<'_> {
    Fact::Lost { effect: effect.into(), sending: None }
}

fn webhook(body: &str) -> Fact<'_> {
    let body = body.as_bytes().into();
    Fact::Webhook { body, content_type: None, topic: None, origin: Origin::Unverified, provider: None }
}

fn done(effect: &str, verdict: Option<Verdict>) -> Fact<'_> {
    let effect = effect.into();
    match verdict {
        None => Fact::Done { effect },
        Some(Verdict::Plain(verdict)) => Fact::Reviewed { effect, verdict, id: None },
        Some(Verdict::About { verdict, id }) => Fact::Reviewed { effect, verdict, id: Some(id) },
    }
}

fn effect_ids(snapshot: &Snapshot<Toy>, now: i64) -> Vec<String> {
    snapshot.effects(&context(now)).into_iter().map(|it| it.id.as_str().into()).collect()
}

fn ignored_reason(snapshot: &Snapshot<Toy>, fact: Fact<'_>, now: i64) -> IgnoredReason {
    snapshot.observe(fact, &context(now)).unwrap().ignored.expect("it is not ignored").reason
}

#[test]
fn a_header_can_have_the_idempotency_key_which_every_sending_repeats() {
    let key = "toy.subscription:00000000-0000-4000-8000-000000000001:create:1";
    let request = lease(&requested(), "create:1", 0).unwrap().request.unwrap();
    assert_eq!(request.idempotency_key, key);
    assert_eq!(request.headers["idempotency-key"], key);
}

#[test]
fn a_request_that_must_not_be_repeated_is_handed_out_once() {
    let snapshot = leased();
    assert_eq!(lease(&snapshot, "create:1", LEASE - 1).unwrap_err(), ["rulebound.effect.leased"]);
    assert_eq!(lease(&snapshot, "create:1", LEASE).unwrap_err(), ["rulebound.effect.outcome-unknown"]);
    let lost = observe(&snapshot, lost("create:1"), 1);
    assert_eq!(lease(&lost, "create:1", 2).unwrap_err(), ["rulebound.effect.outcome-unknown"]);
}

#[test]
fn its_lookup_is_pending_once_it_is_lost_or_the_lease_ends() {
    let snapshot = leased();
    assert_eq!(effect_ids(&snapshot, LEASE - 1), ["create:1"]);
    assert_eq!(effect_ids(&snapshot, LEASE), ["create:1", "find:1"]);
    let lost = observe(&snapshot, lost("create:1"), 1);
    assert_eq!(effect_ids(&lost, 1), ["create:1", "find:1"]);
    assert!(!lost.effects(&context(1))[0].ready);
    assert!(lost.effects(&context(1))[1].ready);
}

#[test]
fn a_reply_after_lost_is_applied_like_any_other() {
    let snapshot = observe(&leased(), lost("create:1"), 1);
    let snapshot = observe(&snapshot, reply("create:1", 200, r#"{"id":"sub_1"}"#), 2);
    assert!(matches!(snapshot.state(), Toy::Live { id, .. } if id == "sub_1"));
    assert!(effect_ids(&snapshot, LEASE).is_empty());
}

#[test]
fn a_person_reviews_what_no_lookup_proves_within_a_day_and_the_verdict_is_only_attested() {
    const DAY: i64 = 86_400_000;
    let snapshot = observe(&leased(), lost("create:1"), 1);
    let snapshot = lease(&snapshot, "find:1", 2).unwrap().next;
    let snapshot = observe(&snapshot, reply("find:1", 200, "{}"), 3);
    assert_eq!(effect_ids(&snapshot, DAY - 1), ["create:1", "find:2"]);
    assert_eq!(effect_ids(&snapshot, DAY), ["create:1", "find:2", "review:create_ambiguous:create:1"]);
    let review = "review:create_ambiguous:create:1";
    let pointer = |verdict, now| snapshot.observe(done(review, verdict), &context(now)).unwrap_err().pointer();
    let early = Some(Verdict::Plain("not_created".into()));
    assert_eq!(ignored_reason(&snapshot, done(review, early), DAY - 1), IgnoredReason::Duplicate);
    assert_eq!(pointer(None, DAY), "/effect");
    assert_eq!(pointer(Some(Verdict::Plain("perhaps".into())), DAY), "/verdict");
    assert_eq!(pointer(Some(Verdict::Plain("created".into())), DAY), "/id");
    let about = |verdict: &str, id: &str| Some(Verdict::About { verdict: verdict.into(), id: id.into() });
    assert_eq!(pointer(about("created", ""), DAY), "/id");
    assert_eq!(pointer(about("not_created", "sub_9"), DAY), "/id");
    let created = Verdict::About { verdict: "created".into(), id: "sub_9".into() };
    let attested = observe(&snapshot, done(review, Some(created)), DAY);
    assert!(matches!(attested.state(), Toy::Live { id, attested: true, .. } if id == "sub_9"));
    let not_created = observe(&snapshot, done(review, Some(Verdict::Plain("not_created".into()))), DAY);
    assert_eq!(*not_created.state(), Toy::Absent);
    assert!(effect_ids(&not_created, DAY).is_empty());
    // The request stays remembered. If a late reply proves it, a person is asked, and the reply is not a duplicate.
    let late = observe(&not_created, reply("create:1", 200, r#"{"id":"sub_9"}"#), DAY + 1);
    assert_eq!(effect_ids(&late, DAY + 1), ["review:made_after_all:sub_9"]);
    assert_eq!(Snapshot::load(&late.save()), Ok(late));
}

#[test]
fn a_hint_makes_the_lookup_pending_and_grants_nothing() {
    let snapshot = observe(&leased(), reply("create:1", 200, r#"{"id":"sub_1"}"#), 1);
    let hinted = observe(&snapshot, webhook(r#"{"id":"sub_1","until":99}"#), 2);
    assert_eq!(effect_ids(&hinted, 2), ["look:1"]);
    assert_eq!(ignored_reason(&hinted, webhook(r#"{"id":"sub_1","until":99}"#), 3), IgnoredReason::Duplicate);
    // A hint that comes while a worker has leased the lookup makes another one pending.
    let looking = lease(&hinted, "look:1", 3).unwrap().next;
    let again = observe(&looking, webhook(r#"{"id":"sub_1"}"#), 4);
    assert_eq!(effect_ids(&again, 4), ["look:1", "look:2"]);
    assert_eq!(ignored_reason(&leased(), webhook("{}"), 1), IgnoredReason::Early);
    assert_eq!(ignored_reason(&snapshot, webhook("<html>"), 1), IgnoredReason::Unreadable);
}

#[test]
fn access_is_a_level_and_only_the_newest_is_pending() {
    let snapshot = observe(&leased(), reply("create:1", 200, r#"{"id":"sub_1","until":1000}"#), 1);
    let snapshot = observe(&snapshot, webhook("{}"), 2);
    let snapshot = lease(&snapshot, "look:1", 2).unwrap().next;
    let snapshot = observe(&snapshot, reply("look:1", 200, r#"{"id":"sub_1","until":2000}"#), 3);
    let effects = snapshot.effects(&context(3));
    let until = Timestamp::from_millis(2000 + 86_400_000);
    assert_eq!(effects.len(), 1);
    assert_eq!(effects[0].id.as_str(), "access:sub_1/86402000");
    let (about, paid_until) = (TypedId::new("subscription", "sub_1"), Some(Timestamp::from_millis(2000)));
    assert_eq!(effects[0].effect, Effect::Access { about, paid_until, access_until: until });
    // A `done` of an older level does not count for this one, under either name.
    assert_eq!(ignored_reason(&snapshot, done("access:sub_1/86401000", None), 4), IgnoredReason::Duplicate);
    assert_eq!(ignored_reason(&snapshot, done("access:sub_1", None), 4), IgnoredReason::Duplicate);
    let snapshot = observe(&snapshot, done("access:sub_1/86402000", None), 4);
    assert!(snapshot.effects(&context(4)).is_empty());
    assert_eq!(ignored_reason(&snapshot, done("access:sub_1/86402000", None), 5), IgnoredReason::Duplicate);
}

#[test]
fn the_only_level_of_access_so_far_can_be_named_without_its_instant() {
    let snapshot = observe(&leased(), reply("create:1", 200, r#"{"id":"sub_1","until":1000}"#), 1);
    assert_eq!(effect_ids(&snapshot, 1), ["access:sub_1/86401000"]);
    assert!(effect_ids(&observe(&snapshot, done("access:sub_1", None), 2), 2).is_empty());
}

#[test]
fn a_rate_limited_request_rests_and_was_not_done() {
    let retry_after: Headers<'_> = [("Retry-After", "60")].into_iter().collect();
    let fact = Fact::Reply {
        effect: "create:1".into(),
        sending: None,
        http_status: 429,
        headers: retry_after,
        body: b"".as_slice().into(),
    };
    let snapshot = observe(&leased(), fact, 1_000);
    assert_eq!(lease(&snapshot, "create:1", 60_999).unwrap_err(), ["rulebound.effect.not-before"]);
    assert_eq!(snapshot.effects(&context(2_000))[0].not_before, Some(Timestamp::from_millis(61_000)));
    assert_eq!(snapshot.wake_at(&context(2_000)), Some(Timestamp::from_millis(61_000)));
    assert!(lease(&snapshot, "create:1", 61_000).is_ok());
}

#[test]
fn a_message_that_no_provider_sends_is_unreadable_and_not_an_error() {
    let long = "x".repeat((1 << 20) + 1);
    assert_eq!(ignored_reason(&leased(), webhook(&long), 1), IgnoredReason::Unreadable);
    for (status, body) in [(200, long.as_str()), (600, "{}"), (999, "{}")] {
        let snapshot = observe(&leased(), reply("create:1", status, body), 1);
        assert_eq!(
            snapshot.effects(&context(1)).iter().map(|it| it.id.as_str()).collect::<Vec<_>>(),
            ["create:1", "find:1"]
        );
    }
}

#[test]
fn a_fact_that_the_host_built_wrong_names_its_field() {
    let field = |snapshot: &Snapshot<Toy>, fact: Fact<'_>| snapshot.observe(fact, &context(1)).unwrap_err().pointer();
    assert_eq!(field(&requested(), reply("create:1", 200, "{}")), "/effect");
    assert_eq!(field(&leased(), reply("", 200, "{}")), "/effect");
    assert_eq!(field(&leased(), reply("create:1", 0, "{}")), "/http_status");
    assert_eq!(field(&leased(), done("create:1", None)), "/effect");
    assert_eq!(field(&leased(), reply("create:1", 1000, "{}")), "/http_status");
    assert_eq!(field(&leased(), reply("nonsense:9", 200, "{}")), "/effect");
    assert_eq!(field(&leased(), lost("nonsense:name")), "/effect");
    assert_eq!(field(&leased(), done("no:such:thing", None)), "/effect");
}

#[test]
fn every_broken_rule_is_named_and_nothing_changes() {
    let snapshot = leased();
    let rejected = snapshot.handle(Command::Create { plan: String::new() }, &context(1)).unwrap_err();
    let codes: Vec<_> = rejected.violations().iter().map(|it| it.rule.code).collect();
    assert_eq!(codes, ["toy.create.one", "toy.create.plan-named", "rulebound.flow.already-started"]);
    assert_eq!(rejected.violations()[1].pointer, "/plan");
}

#[test]
fn lenient_softens_inferred_requests_and_money_only_by_its_own_code() {
    let nameless = || Command::Create { plan: String::new() };
    let mut lenient = context(0);
    config(&mut lenient).mode = Mode::Lenient;
    let accepted = start().handle(nameless(), &lenient).unwrap();
    assert_eq!(accepted.warnings[0].rule, Rule::PlanNamed.rule());
    assert_eq!(accepted.warnings[0].level, Level::Deny);
    let snapshot = leased();
    assert!(
        snapshot.handle(nameless(), &lenient).unwrap_err().violations().iter().any(|it| it.rule == Rule::One.rule())
    );
    config(&mut lenient).overrides.insert("toy.create.one".into(), Level::Warn);
    let others: Vec<_> = snapshot.handle(nameless(), &lenient).unwrap_err().violations().to_vec();
    assert!(others.iter().all(|it| it.rule != Rule::One.rule()));
}

#[test]
fn a_snapshot_survives_and_an_older_format_is_read() {
    let snapshot = leased();
    assert_eq!(Snapshot::load(&snapshot.save()), Ok(snapshot.clone()));
    assert_eq!(snapshot.revision(), 2);
    let first = r#"{"flow":"toy.subscription","format":1,"key":"00000000-0000-4000-8000-000000000001","revision":7,
        "state":"sub_1","outbox":[],"counters":[]}"#;
    let upgraded = Snapshot::<Toy>::load(first).unwrap();
    assert!(matches!(upgraded.state(), Toy::Live { id, .. } if id == "sub_1"));
    assert!(upgraded.save().contains(r#""format":2"#));
    let zeroth = Snapshot::<Toy>::load(&first.replace(r#""format":1"#, r#""format":0"#)).unwrap_err();
    assert_eq!(zeroth.pointer(), "/format");
}

#[test]
fn an_older_format_expresses_the_same_or_is_rejected() {
    let live = observe(&leased(), reply("create:1", 200, r#"{"id":"sub_1"}"#), 1);
    let first = live.save_as(1).unwrap();
    assert!(first.contains(r#""format":1"#) && first.contains(r#""state":"sub_1""#), "{first}");
    assert_eq!(Snapshot::load(&first), Ok(live.clone()));
    assert_eq!(live.save_as(2), Ok(live.save()));
    assert_eq!(live.save_as(3), Err(SaveError::Unknown(3)));
    let paid = observe(&leased(), reply("create:1", 200, r#"{"id":"sub_1","until":1000}"#), 1);
    let what = "when a subscription ends and who attests it";
    assert_eq!(paid.save_as(1), Err(SaveError::Inexpressible { format: 1, what }));
}

#[test]
fn a_malformed_snapshot_is_rejected_with_the_reason() {
    let good = leased().save();
    let load = |text: &str| Snapshot::<Toy>::load(text).unwrap_err();
    assert_eq!(load(&good.replace("\"revision\":2", "\"revision\":-2")).pointer(), "/revision");
    assert_eq!(load(&good.replace("\"state\":\"requested\"", "\"state\":\"sleeping\"")).pointer(), "/state");
    assert_eq!(load(&good.replace("00000000-0000-4000-8000-", "")).pointer(), "/key");
    assert_eq!(load(&good.replace("\"attempts\":1", "\"attempts\":1,\"more\":2")).pointer(), "/outbox/0/more");
    assert_eq!(load(&good.replace("\"format\":2", "\"format\":3")).pointer(), "/format");
    assert_eq!(load(&good.replace("\"format\":2", "\"format\":0")).pointer(), "/format");
    assert_eq!(load(&good.replace("toy.subscription", "truemed.payment_token")).pointer(), "/flow");
    assert_eq!(load(good.strip_suffix("]}").unwrap()).pointer(), "/counters");
    assert_eq!(load("{").pointer(), "");
    let empty = good.replace("\"state\":\"requested\"", r#""state":{"live":{"id":"","until":null,"attested":false}}"#);
    assert_eq!(load(&empty), LoadError::Impossible("a live subscription has an id"));
    assert_eq!(load(&"[".repeat((2 << 20) + 1)), LoadError::TooLong);
    assert!(matches!(load(&"[".repeat(1 << 10)), LoadError::Malformed(_)));
}

#[test]
fn a_move_without_a_row_is_a_fault_and_changes_nothing() {
    let undeclared = |on| FacetTransition { facet: "toy", before: "absent", after: "live", trigger: on };
    let fault = |on| Fault::Undeclared { flow: "toy.subscription", moved: undeclared(on).into() };
    assert_eq!(start().handle(Command::Stray {}, &context(0)), Err(HandleError::Fault(fault("create"))));
    let strays = webhook(r#"{"none": true}"#);
    assert_eq!(start().observe(strays, &context(0)), Err(ObserveError::Fault(fault("reported"))));
    let message = alloc::format!("{}", fault("reported"));
    assert!(message.contains("`toy` from `absent` to `live` on `reported`"), "{message}");
}

#[test]
fn a_step_lists_its_moves() {
    let step = start().handle(Command::Create { plan: "basic".into() }, &context(0)).unwrap();
    let moved = FacetTransition { facet: "toy", before: "absent", after: "requested", trigger: "create" };
    assert_eq!(step.transitions(), [moved]);
}
