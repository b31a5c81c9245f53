//! The kernel's promises, on a flow that needs all of them.

use alloc::string::String;
use alloc::vec::Vec;

use super::toy::{Command, Rule, Toy};
use crate::effect::Effect;
use crate::fact::{Because, Fact, Headers, Origin, Verdict};
use crate::flow::FacetTransition;
use crate::id::{EffectId, Key};
use crate::policy::{Env, Mode};
use crate::rule::{Level, RuleSet};
use crate::snapshot::{Fault, HandleError, LoadError, Observation, ObserveError, SaveError, Snapshot, Transition};
use crate::time::Timestamp;

const LEASE: i64 = 300_000;

fn env(now: i64) -> Env<()> {
    Env::at(Timestamp::from_millis(now))
}

fn start() -> Snapshot<Toy> {
    Snapshot::start(Key::parse("00000000-0000-4000-8000-000000000001").unwrap())
}

fn asked() -> Snapshot<Toy> {
    start().handle(Command::Create { plan: "basic".into() }, &env(0)).unwrap().next
}

fn begin(at: &Snapshot<Toy>, id: &str, now: i64) -> Result<Transition<Toy>, Vec<&'static str>> {
    let codes = |it| match it {
        HandleError::Rejected(it) => it.violations.iter().map(|violation| violation.rule.code).collect(),
        HandleError::Fault(fault) => panic!("{fault}"),
    };
    at.handle(EffectId::parse(id).unwrap(), &env(now)).map_err(codes)
}

fn begun() -> Snapshot<Toy> {
    begin(&asked(), "create:1", 0).unwrap().next
}

fn observe(at: &Snapshot<Toy>, fact: Fact<'_>, now: i64) -> Snapshot<Toy> {
    at.observe(fact, &env(now)).unwrap().applied().unwrap().next
}

fn reply<'a>(to: &'a str, status: u16, body: &'a str) -> Fact<'a> {
    Fact::Reply { to: to.into(), sending: None, status, headers: Headers::default(), body: body.as_bytes().into() }
}

fn lost(to: &str) -> Fact<'_> {
    Fact::Lost { to: to.into(), sending: None }
}

fn webhook(body: &str) -> Fact<'_> {
    let body = body.as_bytes().into();
    Fact::Webhook { body, content_type: None, topic: None, origin: Origin::Unverified }
}

fn done(effect: &str, verdict: Option<Verdict>) -> Fact<'_> {
    Fact::Done { effect: effect.into(), verdict }
}

fn owed(at: &Snapshot<Toy>, now: i64) -> Vec<String> {
    at.owed(&env(now)).into_iter().map(|it| it.id.as_str().into()).collect()
}

fn because(at: &Snapshot<Toy>, fact: Fact<'_>, now: i64) -> Because {
    match at.observe(fact, &env(now)).unwrap() {
        Observation::Unmoved { because, .. } => because,
        Observation::Applied(_) => panic!("it moved"),
    }
}

#[test]
fn a_request_that_may_not_be_repeated_is_handed_out_once() {
    let at = begun();
    assert_eq!(begin(&at, "create:1", LEASE - 1).unwrap_err(), ["rulebound.effect.leased"]);
    assert_eq!(begin(&at, "create:1", LEASE).unwrap_err(), ["rulebound.effect.outcome-unknown"]);
    let lost = observe(&at, lost("create:1"), 1);
    assert_eq!(begin(&lost, "create:1", 2).unwrap_err(), ["rulebound.effect.outcome-unknown"]);
}

#[test]
fn its_look_up_is_owed_in_its_place_once_it_is_lost_or_the_lease_ends() {
    let at = begun();
    assert_eq!(owed(&at, LEASE - 1), ["create:1"]);
    assert_eq!(owed(&at, LEASE), ["create:1", "find:1"]);
    let lost = observe(&at, lost("create:1"), 1);
    assert_eq!(owed(&lost, 1), ["create:1", "find:1"]);
    assert!(!lost.owed(&env(1))[0].ready);
    assert!(lost.owed(&env(1))[1].ready);
}

#[test]
fn a_reply_after_lost_is_applied_like_any_other() {
    let at = observe(&begun(), lost("create:1"), 1);
    let at = observe(&at, reply("create:1", 200, r#"{"id":"sub_1"}"#), 2);
    assert!(matches!(at.state(), Toy::Live { id, .. } if id == "sub_1"));
    assert!(owed(&at, LEASE).is_empty());
}

#[test]
fn what_no_look_up_proves_within_a_day_a_person_judges_and_the_verdict_is_only_attested() {
    const DAY: i64 = 86_400_000;
    let at = observe(&begun(), lost("create:1"), 1);
    let at = begin(&at, "find:1", 2).unwrap().next;
    let at = observe(&at, reply("find:1", 200, "{}"), 3);
    assert_eq!(owed(&at, DAY - 1), ["create:1", "find:2"]);
    assert_eq!(owed(&at, DAY), ["create:1", "find:2", "review:create_ambiguous:create:1"]);
    let review = "review:create_ambiguous:create:1";
    let field = |verdict, now| at.observe(done(review, verdict), &env(now)).unwrap_err().field();
    let early = Some(Verdict::Plain("not_created".into()));
    assert_eq!(because(&at, done(review, early), DAY - 1), Because::Known);
    assert_eq!(field(None, DAY), "/verdict");
    assert_eq!(field(Some(Verdict::Plain("perhaps".into())), DAY), "/verdict");
    assert_eq!(field(Some(Verdict::Plain("created".into())), DAY), "/verdict");
    let created = Verdict::About { verdict: "created".into(), id: "sub_9".into() };
    let attested = observe(&at, done(review, Some(created)), DAY);
    assert!(matches!(attested.state(), Toy::Live { id, attested: true, .. } if id == "sub_9"));
    let gone = observe(&at, done(review, Some(Verdict::Plain("not_created".into()))), DAY);
    assert_eq!(*gone.state(), Toy::Absent);
    assert!(owed(&gone, DAY).is_empty());
    // The request stays remembered: what comes of it after all is told to a person, and is never known already.
    let late = observe(&gone, reply("create:1", 200, r#"{"id":"sub_9"}"#), DAY + 1);
    assert_eq!(owed(&late, DAY + 1), ["review:made_after_all:sub_9"]);
    assert_eq!(Snapshot::load(&late.save()), Ok(late));
}

#[test]
fn a_hint_makes_the_look_up_owed_and_grants_nothing() {
    let at = observe(&begun(), reply("create:1", 200, r#"{"id":"sub_1"}"#), 1);
    let hinted = observe(&at, webhook(r#"{"id":"sub_1","until":99}"#), 2);
    assert_eq!(owed(&hinted, 2), ["look:1"]);
    assert_eq!(because(&hinted, webhook(r#"{"id":"sub_1","until":99}"#), 3), Because::Known);
    // One that comes while the look-up is in hand makes it owed again.
    let looking = begin(&hinted, "look:1", 3).unwrap().next;
    let again = observe(&looking, webhook(r#"{"id":"sub_1"}"#), 4);
    assert_eq!(owed(&again, 4), ["look:1", "look:2"]);
    assert_eq!(because(&begun(), webhook("{}"), 1), Because::Early);
    assert_eq!(because(&at, webhook("<html>"), 1), Because::Unreadable);
}

#[test]
fn access_is_a_level_and_only_the_newest_is_owed() {
    let at = observe(&begun(), reply("create:1", 200, r#"{"id":"sub_1","until":1000}"#), 1);
    let at = observe(&at, webhook("{}"), 2);
    let at = begin(&at, "look:1", 2).unwrap().next;
    let at = observe(&at, reply("look:1", 200, r#"{"id":"sub_1","until":2000}"#), 3);
    let owed = at.owed(&env(3));
    let until = Timestamp::from_millis(2000 + 86_400_000);
    assert_eq!(owed.len(), 1);
    assert_eq!(owed[0].id.as_str(), "access:sub_1/86402000");
    assert_eq!(owed[0].effect, Effect::Access { of: "sub_1".into(), until });
    // What was done of an older level says nothing of this one, by whichever name.
    assert_eq!(because(&at, done("access:sub_1/86401000", None), 4), Because::Known);
    assert_eq!(because(&at, done("access:sub_1", None), 4), Because::Known);
    let at = observe(&at, done("access:sub_1/86402000", None), 4);
    assert!(at.owed(&env(4)).is_empty());
    assert_eq!(because(&at, done("access:sub_1/86402000", None), 5), Because::Known);
}

#[test]
fn the_only_level_of_access_there_ever_was_may_be_named_without_its_instant() {
    let at = observe(&begun(), reply("create:1", 200, r#"{"id":"sub_1","until":1000}"#), 1);
    assert_eq!(owed(&at, 1), ["access:sub_1/86401000"]);
    assert!(owed(&observe(&at, done("access:sub_1", None), 2), 2).is_empty());
}

#[test]
fn a_rate_limited_request_rests_and_was_not_done() {
    let retry_after: Headers<'_> = [("Retry-After", "60")].into_iter().collect();
    let fact = Fact::Reply {
        to: "create:1".into(),
        sending: None,
        status: 429,
        headers: retry_after,
        body: b"".as_slice().into(),
    };
    let at = observe(&begun(), fact, 1_000);
    assert_eq!(begin(&at, "create:1", 60_999).unwrap_err(), ["rulebound.effect.not-before"]);
    assert_eq!(at.owed(&env(2_000))[0].not_before, Some(Timestamp::from_millis(61_000)));
    assert_eq!(at.deadline(&env(2_000)), Some(Timestamp::from_millis(61_000)));
    assert!(begin(&at, "create:1", 61_000).is_ok());
}

#[test]
fn what_no_provider_sends_is_unreadable_and_no_error() {
    let long = "x".repeat((1 << 20) + 1);
    assert_eq!(because(&begun(), webhook(&long), 1), Because::Unreadable);
    for (status, body) in [(200, long.as_str()), (600, "{}"), (999, "{}")] {
        let at = observe(&begun(), reply("create:1", status, body), 1);
        assert_eq!(at.owed(&env(1)).iter().map(|it| it.id.as_str()).collect::<Vec<_>>(), ["create:1", "find:1"]);
    }
}

#[test]
fn a_fact_that_the_host_built_wrong_names_its_field() {
    let field = |at: &Snapshot<Toy>, fact: Fact<'_>| at.observe(fact, &env(1)).unwrap_err().field();
    assert_eq!(field(&asked(), reply("create:1", 200, "{}")), "/to");
    assert_eq!(field(&begun(), reply("", 200, "{}")), "/to");
    assert_eq!(field(&begun(), reply("create:1", 0, "{}")), "/status");
    assert_eq!(field(&begun(), done("create:1", None)), "/effect");
    assert_eq!(field(&begun(), reply("create:1", 1000, "{}")), "/status");
    assert_eq!(field(&begun(), reply("nonsense:9", 200, "{}")), "/to");
    assert_eq!(field(&begun(), lost("nonsense:name")), "/to");
    assert_eq!(field(&begun(), done("no:such:thing", None)), "/effect");
}

#[test]
fn every_broken_rule_is_named_and_nothing_changes() {
    let at = begun();
    let refused = at.handle(Command::Create { plan: String::new() }, &env(1)).unwrap_err();
    let codes: Vec<_> = refused.violations().iter().map(|it| it.rule.code).collect();
    assert_eq!(codes, ["toy.create.one", "toy.create.plan-named", "rulebound.flow.already-started"]);
    assert_eq!(refused.violations()[1].at, "/plan");
}

#[test]
fn lenient_softens_inferred_requests_and_money_only_by_its_own_code() {
    let nameless = || Command::Create { plan: String::new() };
    let mut lenient = env(0);
    lenient.policy.mode = Mode::Lenient;
    let accepted = start().handle(nameless(), &lenient).unwrap();
    assert_eq!(accepted.warnings[0].rule, Rule::PlanNamed.rule());
    assert!(accepted.warnings[0].by_policy);
    let at = begun();
    assert!(at.handle(nameless(), &lenient).unwrap_err().violations().iter().any(|it| it.rule == Rule::One.rule()));
    lenient.policy.overrides.insert("toy.create.one".into(), Level::Warn);
    let left: Vec<_> = at.handle(nameless(), &lenient).unwrap_err().violations().to_vec();
    assert!(left.iter().all(|it| it.rule != Rule::One.rule()));
}

#[test]
fn a_snapshot_survives_and_an_older_format_is_read() {
    let at = begun();
    assert_eq!(Snapshot::load(&at.save()), Ok(at.clone()));
    assert_eq!(at.revision(), 2);
    let first = r#"{"flow":"toy.subscription","format":1,"key":"00000000-0000-4000-8000-000000000001","revision":7,
        "state":"sub_1","owed":[],"ordinals":[]}"#;
    let upgraded = Snapshot::<Toy>::load(first).unwrap();
    assert!(matches!(upgraded.state(), Toy::Live { id, .. } if id == "sub_1"));
    assert!(upgraded.save().contains(r#""format":2"#));
    let zeroth = Snapshot::<Toy>::load(&first.replace(r#""format":1"#, r#""format":0"#)).unwrap_err();
    assert_eq!(zeroth.field(), "/format");
}

#[test]
fn an_older_format_says_the_same_or_is_refused() {
    let live = observe(&begun(), reply("create:1", 200, r#"{"id":"sub_1"}"#), 1);
    let first = live.save_as(1).unwrap();
    assert!(first.contains(r#""format":1"#) && first.contains(r#""state":"sub_1""#), "{first}");
    assert_eq!(Snapshot::load(&first), Ok(live.clone()));
    assert_eq!(live.save_as(2), Ok(live.save()));
    assert_eq!(live.save_as(3), Err(SaveError::Unknown(3)));
    let paid = observe(&begun(), reply("create:1", 200, r#"{"id":"sub_1","until":1000}"#), 1);
    let what = "until when and on whose word a subscription lives";
    assert_eq!(paid.save_as(1), Err(SaveError::Inexpressible { format: 1, what }));
}

#[test]
fn a_snapshot_that_is_none_is_refused_by_name() {
    let good = begun().save();
    let load = |text: &str| Snapshot::<Toy>::load(text).unwrap_err();
    assert_eq!(load(&good.replace("\"revision\":2", "\"revision\":-2")).field(), "/revision");
    assert_eq!(load(&good.replace("\"state\":\"asked\"", "\"state\":\"sleeping\"")).field(), "/state");
    assert_eq!(load(&good.replace("00000000-0000-4000-8000-", "")).field(), "/key");
    assert_eq!(load(&good.replace("\"begun\":1", "\"begun\":1,\"more\":2")).field(), "/owed/0/more");
    assert_eq!(load(&good.replace("\"format\":2", "\"format\":3")).field(), "/format");
    assert_eq!(load(&good.replace("\"format\":2", "\"format\":0")).field(), "/format");
    assert_eq!(load(&good.replace("toy.subscription", "truemed.payment_token")).field(), "/flow");
    assert_eq!(load(good.strip_suffix("]}").unwrap()).field(), "/ordinals");
    assert_eq!(load("{").field(), "");
    let empty = good.replace("\"state\":\"asked\"", r#""state":{"live":{"id":"","until":null,"attested":false}}"#);
    assert_eq!(load(&empty), LoadError::Impossible("a live subscription has an id"));
    assert_eq!(load(&"[".repeat((2 << 20) + 1)), LoadError::TooLong);
    assert!(matches!(load(&"[".repeat(1 << 10)), LoadError::Malformed(_)));
}

#[test]
fn a_move_without_a_row_is_a_fault_and_leaves_everything_as_it_was() {
    let undeclared = |on| FacetTransition { facet: "toy", before: "absent", after: "live", trigger: on };
    let fault = |on| Fault::Undeclared { flow: "toy.subscription", moved: undeclared(on).into() };
    assert_eq!(start().handle(Command::Stray {}, &env(0)), Err(HandleError::Fault(fault("create"))));
    let strays = webhook(r#"{"none": true}"#);
    assert_eq!(start().observe(strays, &env(0)), Err(ObserveError::Fault(fault("seen"))));
    let said = alloc::format!("{}", fault("seen"));
    assert!(said.contains("`toy` from `absent` to `live` on `seen`"), "{said}");
}

#[test]
fn a_step_lists_its_moves() {
    let step = start().handle(Command::Create { plan: "basic".into() }, &env(0)).unwrap();
    let moved = FacetTransition { facet: "toy", before: "absent", after: "asked", trigger: "create" };
    assert_eq!(step.transitions(), [moved]);
    assert_eq!(begin(&step.next, "create:1", 0).unwrap().transitions(), []);
}
