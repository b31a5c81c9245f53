//! What holds of every snapshot that exploration reaches, in every flow.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use rulebound::catalogue::Catalogue;
use rulebound::time::{Millis, Timestamp};
use rulebound::{Config, Context, Effect, EffectId, Fact, Flow, Named, PendingEffect, Snapshot};
use rulebound_tests::explore::{
    Exploration, Move, Outcome, Reached, answers, context_at, describe, ends, long_after, moves, play,
};
use rulebound_tests::survey::{Survey, duty};
use serde_json::Value;

/// The most that a snapshot is long, without the bodies of open requests.
const LONGEST: usize = 2 << 10;

/// How many other obligations and signals may have to come before an obligation can end.
const DETOUR: usize = 3;

/// The tests of each flow.
macro_rules! explored {
    ($provider:ident { $($module:ident::$flow:ident),+ }) => {
        mod $provider {$(
            mod $module {
                use super::super::*;

                static SEEN: LazyLock<Exploration<rulebound::$provider::$flow>> = LazyLock::new(Exploration::run);

                #[test]
                fn nothing_panics() {
                    none(SEEN.panics.clone());
                }

                #[test]
                fn no_move_lacks_a_row() {
                    none(SEEN.faults.clone());
                }

                #[test]
                fn every_row_is_a_move_that_happens() {
                    none(unproved(&SEEN));
                }

                #[test]
                fn the_same_input_gives_the_same_output_before_and_after_a_restart() {
                    none(breaches(&SEEN, is_deterministic));
                }

                #[test]
                fn what_moves_nothing_changes_nothing() {
                    none(breaches(&SEEN, changes_are_counted));
                }

                #[test]
                fn everything_owed_can_be_discharged() {
                    none(breaches(&SEEN, can_be_discharged));
                }

                #[test]
                fn what_is_ready_can_be_begun_and_nothing_else() {
                    none(breaches(&SEEN, ready_means_begun));
                }

                #[test]
                fn an_offer_says_what_its_command_meets() {
                    none(breaches(&SEEN, offers_tell));
                }

                #[test]
                fn the_catalogue_names_everything_that_is_owed_and_awaited() {
                    none(breaches(&SEEN, is_catalogued));
                }

                #[test]
                fn nothing_changes_by_itself_before_the_deadline() {
                    none(breaches(&SEEN, deadline_tells));
                }

                #[test]
                fn every_format_says_the_same() {
                    none(breaches(&SEEN, survives_formats));
                }

                #[test]
                fn a_snapshot_stays_small() {
                    none(breaches(&SEEN, is_small));
                }

                #[test]
                fn nothing_is_begun_twice_within_a_lease() {
                    none(leases(&SEEN));
                }
            }
        )+}
    };
}

rulebound::for_each_provider!(explored);

/// Fails with the number of breaches, and the first of each kind.
#[track_caller]
fn none(breaches: Vec<String>) {
    let mut kinds = BTreeMap::new();
    for breach in breaches.iter().rev() {
        kinds.insert(breach.lines().next(), breach.as_str());
    }
    let first: Vec<_> = kinds.into_values().take(10).collect();
    assert!(breaches.is_empty(), "{} breaches:\n{}", breaches.len(), first.join("\n\n"));
}

/// What is wrong with a snapshot, each breach in a line.
type Property<F> = fn(&Exploration<F>, &Reached<F>) -> Vec<String>;

fn breaches<F: Flow>(seen: &Exploration<F>, property: Property<F>) -> Vec<String> {
    let of = |(index, reached)| {
        let wrong = property(seen, reached).into_iter();
        wrong.map(move |wrong| format!("{wrong}\nafter\n  {}", seen.path(index)))
    };
    seen.reached.iter().enumerate().flat_map(of).collect()
}

fn is_catalogued<F: Flow>(_: &Exploration<F>, here: &Reached<F>) -> Vec<String> {
    static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(Catalogue::new);
    let Some(flow) = CATALOGUE.flows.iter().find(|it| it.id == F::ID) else { return vec![format!("no {}", F::ID)] };
    let effects = here.at.effects(&here.context()).into_iter().map(|it| duty(&it.effect));
    let signals = here.at.waiting_for(&here.context()).into_iter().map(|it| it.signal);
    let unknown = effects.filter(|it| !flow.effects.contains(&it.as_str())).map(|it| format!("has the effect {it}"));
    unknown.chain(signals.filter(|it| !flow.signals.contains(it)).map(|it| format!("waits for {it}"))).collect()
}

/// The moves that are declared, and that neither exploration nor a vector has made.
fn unproved<F: Flow>(seen: &Exploration<F>) -> Vec<String> {
    static SURVEY: LazyLock<Survey> = LazyLock::new(Survey::run);
    let shown = SURVEY.flows.get(F::ID).map(|it| it.moves.keys().copied().collect()).unwrap_or_default();
    let taken: BTreeSet<_> = seen.taken.union(&shown).copied().collect();
    let never = Exploration::<F>::declared().difference(&taken).copied().collect::<Vec<_>>();
    never
        .into_iter()
        .map(|it| format!("never: {} from {} to {} on {}", it.facet, it.before, it.after, it.trigger))
        .collect()
}

fn is_deterministic<F: Flow>(seen: &Exploration<F>, here: &Reached<F>) -> Vec<String> {
    let saved = here.at.save();
    let loaded = match Snapshot::<F>::load(&saved) {
        Ok(loaded) if loaded == here.at && loaded.save() == saved => loaded,
        other => return vec![format!("does not survive a save and a load: {other:?}")],
    };
    let context = here.context();
    let mut wrong = Vec::new();
    if views(&here.at, &context) != views(&loaded, &context) {
        wrong.push("looks different after a load".into());
    }
    let differs = |step: &Move<F>| match (play(&here.at, step, here.now), play(&loaded, step, here.now)) {
        (Outcome::Moved(one), Outcome::Moved(two)) => one != two || one.next.save() != two.next.save(),
        (one, two) => one != two,
    };
    let steps = moves(&here.at, here.now, &seen.alphabet);
    wrong.extend(steps.iter().filter(|step| differs(step)).map(|step| format!("two outcomes: {}", describe(step))));
    wrong
}

fn views<F: Flow>(at: &Snapshot<F>, context: &Context) -> impl PartialEq + use<F> {
    (at.effects(context), at.waiting_for(context), at.actions(context))
}

fn changes_are_counted<F: Flow>(seen: &Exploration<F>, here: &Reached<F>) -> Vec<String> {
    let (before, revision) = (here.at.clone(), here.at.revision());
    let follows = |next: &Snapshot<F>| next.revision() == revision + 1 && next.key() == before.key();
    let mut wrong = Vec::new();
    for step in moves(&here.at, here.now, &seen.alphabet) {
        let outcome = play(&here.at, &step, here.now);
        let fits = match &outcome {
            Outcome::Moved(it) if it.next.revision() == revision => it.next == before && it.ignored.is_some(),
            Outcome::Moved(it) => follows(&it.next) && it.ignored.is_none(),
            Outcome::Leased(it) => follows(&it.next),
            Outcome::Rejected(rejection) => !rejection.violations.is_empty(),
            _ => true,
        };
        if !fits || here.at != before {
            wrong.push(format!("{}: {outcome:?}", describe(&step)));
        }
    }
    wrong
}

fn can_be_discharged<F: Flow>(seen: &Exploration<F>, here: &Reached<F>) -> Vec<String> {
    let owed = here.at.effects(&context_at::<F>(long_after(here.now)));
    let stuck = owed.iter().filter(|it| !ends_within(&here.at, here.now, &it.id, seen, DETOUR));
    stuck.map(|it| format!("nothing ends {}", it.id)).collect()
}

/// Whether an obligation ends, by its own answer or after some other obligations or signals.
fn ends_within<F: Flow>(at: &Snapshot<F>, now: Timestamp, id: &EffectId, seen: &Exploration<F>, detour: usize) -> bool {
    let Some(owed) = find(at, now, id) else { return true };
    if outcomes(at, now, &owed, seen).iter().any(|(next, when)| find(next, *when, id).is_none()) {
        return true;
    }
    let others = at.effects(&context_at::<F>(now)).into_iter().filter(|it| it.id != *id);
    let signals = seen.alphabet.facts.iter().filter_map(|fact| after(at, fact.clone(), now));
    detour > 0
        && others
            .flat_map(|it| outcomes(at, now, &it, seen))
            .chain(signals)
            .any(|(next, when)| next != *at && ends_within(&next, when, id, seen, detour - 1))
}

/// What an obligation may lead to, begun as soon as it can be.
fn outcomes<F: Flow>(
    at: &Snapshot<F>,
    now: Timestamp,
    owed: &PendingEffect,
    seen: &Exploration<F>,
) -> Vec<(Snapshot<F>, Timestamp)> {
    let Effect::Request { operation, .. } = &owed.effect else {
        // A review that is planned is judged once its time has come.
        let told = |when| ends(owed, &seen.alphabet).into_iter().filter_map(move |fact| after(at, fact, when));
        return [now, long_after(now)].into_iter().flat_map(told).collect();
    };
    let instants = [Some(now), owed.leased_until, owed.not_before, Some(long_after(now))];
    let lease = |when| Some((play(at, &Move::Lease(owed.id.clone()), when).next()?, when));
    let begun = instants.into_iter().flatten().find_map(lease);
    let sending = owed.attempts + u32::from(begun.is_some());
    let (begun, when) = begun.unwrap_or_else(|| (at.clone(), now));
    answers(&owed.id, Some(sending), operation, &seen.alphabet)
        .into_iter()
        .filter_map(|fact| after(&begun, fact, when))
        .collect()
}

fn after<F: Flow>(at: &Snapshot<F>, fact: Fact<'static>, now: Timestamp) -> Option<(Snapshot<F>, Timestamp)> {
    match play(at, &Move::Fact(fact), now) {
        Outcome::Moved(it) => Some((it.next, now)),
        _ => None,
    }
}

/// An obligation, whether or not it still rests.
fn find<F: Flow>(at: &Snapshot<F>, now: Timestamp, id: &EffectId) -> Option<PendingEffect> {
    let all = || at.effects(&context_at::<F>(long_after(now))).into_iter();
    at.effects(&context_at::<F>(now)).into_iter().chain(all()).find(|it| it.id == *id)
}

fn ready_means_begun<F: Flow>(_: &Exploration<F>, here: &Reached<F>) -> Vec<String> {
    let visible = here.at.effects(&here.context());
    let hidden = here.at.effects(&context_at::<F>(long_after(here.now)));
    let hidden = hidden.into_iter().filter(|it| visible.iter().all(|seen| seen.id != it.id));
    let said = visible.iter().map(|it| (it.id.clone(), it.ready)).chain(hidden.map(|it| (it.id, false)));
    // A review is ready for a verdict, and never begun.
    let said = said.map(|(id, ready)| if id.kind() == "review" { (id, false) } else { (id, ready) });
    let mut wrong = Vec::new();
    for (id, ready) in said {
        match play(&here.at, &Move::Lease(id.clone()), here.now) {
            Outcome::Leased(it) => {
                let again = play(&it.next, &Move::Lease(id.clone()), here.now);
                let rejected =
                    matches!(&again, Outcome::Rejected(no) if no.violations[0].rule.code == "rulebound.effect.leased");
                if !ready || !rejected || it.next.revision() == here.at.revision() {
                    wrong.push(format!("lease {id}, ready {ready}: accepted, and again: {again:?}"));
                }
            }
            other if ready => wrong.push(format!("lease {id}, ready: {other:?}")),
            _ => {}
        }
    }
    wrong
}

/// The rule that says that the state has nothing that a command could be done to.
const NOT_NOW: &str = "rulebound.action.not-now";

fn offers_tell<F: Flow>(seen: &Exploration<F>, here: &Reached<F>) -> Vec<String> {
    let offers = here.at.actions(&here.context());
    let mut wrong = Vec::new();
    for command in &seen.alphabet.commands {
        let wish = F::action_of(command);
        let Some(offer) = offers.iter().find(|it| it.action == wish) else {
            wrong.push(format!("{} is not offered", wish.name()));
            continue;
        };
        let closed: BTreeSet<_> = offer.violations.iter().map(|it| it.rule.code).collect();
        let step = Move::Wish(command.clone());
        let fits = match play(&here.at, &step, here.now) {
            Outcome::Moved(it) if here.at.state().is_duplicate(command) => it.next == here.at,
            Outcome::Moved(_) => offer.is_allowed(),
            Outcome::Rejected(no) => {
                let codes: BTreeSet<_> = no.violations.iter().map(|it| it.rule.code).collect();
                // A step that finds nothing to do where every gate lets it through names no field.
                let stopped = no.violations.iter().any(|it| it.rule.code == NOT_NOW && it.pointer.is_empty());
                codes.is_superset(&closed) && !codes.is_empty() && (!stopped || closed.contains(NOT_NOW))
            }
            _ => false,
        };
        if !fits {
            wrong.push(format!("offered with {closed:?}, and then {:?}", play(&here.at, &step, here.now)));
        }
    }
    wrong
}

fn deadline_tells<F: Flow>(_: &Exploration<F>, here: &Reached<F>) -> Vec<String> {
    let deadline = here.at.wake_at(&here.context());
    let (from, until) = (here.now.as_millis(), deadline.unwrap_or_else(|| long_after(here.now)).as_millis());
    let is_work = |it: &PendingEffect| it.ready && !matches!(it.effect, Effect::Review { .. });
    match here.at.effects(&here.context()).iter().any(is_work) {
        // While something can be done, it is now.
        true if until == from => return Vec::new(),
        true => return vec![format!("something is ready, and the deadline is {deadline:?}")],
        false if until <= from => return vec![format!("the deadline {deadline:?} has passed")],
        false => {}
    }
    let hour = Millis::from_hours(1).as_u64().cast_signed();
    let probes = [from + 1, from + hour, from + 25 * hour, from + 200 * hour, from.midpoint(until), until - 1];
    let before = views(&here.at, &here.context());
    let differs = |at: &i64| views(&here.at, &context_at::<F>(Timestamp::from_millis(*at))) != before;
    let early = probes.into_iter().filter(|at| *at < until).find(differs);
    early
        .map(|at| format!("changes by {}, before its deadline {deadline:?}", Timestamp::from_millis(at)))
        .into_iter()
        .collect()
}

fn survives_formats<F: Flow>(_: &Exploration<F>, here: &Reached<F>) -> Vec<String> {
    let mut wrong = Vec::new();
    for format in F::OLDER.iter().copied().chain([F::FORMAT]) {
        match here.at.save_as(format) {
            Ok(saved) if Snapshot::load(&saved).as_ref() == Ok(&here.at) => {}
            Ok(saved) => wrong.push(format!("in format {format} it is another: {saved}")),
            Err(error) => wrong.push(error.to_string()),
        }
    }
    wrong
}

fn is_small<F: Flow>(_: &Exploration<F>, here: &Reached<F>) -> Vec<String> {
    let mut saved: Value = serde_json::from_str(&here.at.save()).unwrap();
    for owed in saved["outbox"].as_array_mut().unwrap() {
        if let Some(request) = owed.pointer_mut("/effect/request") {
            request.take();
        }
    }
    let length = saved.to_string().len();
    if length < LONGEST { Vec::new() } else { vec![format!("{length} bytes: {saved}")] }
}

/// No sequence of moves hands a request out twice within a lease, unless it was answered, if only by a text that cannot
/// be read, or said to be lost.
fn leases<F: Flow>(seen: &Exploration<F>) -> Vec<String> {
    let lease = Config::default().lease_ms;
    let mut hands: Vec<BTreeMap<EffectId, Timestamp>> = Vec::new();
    let mut wrong = Vec::new();
    for (index, here) in seen.reached.iter().enumerate() {
        let mut held = BTreeMap::new();
        if let Some((from, step)) = &here.by {
            held.clone_from(&hands[*from]);
            match step {
                Move::Lease(id) => drop(held.insert(id.clone(), here.now.after(lease))),
                Move::Fact(Fact::Lost { effect, .. } | Fact::Reply { effect, .. }) => {
                    held.retain(|id, _| id.as_str() != effect.as_ref());
                }
                _ => {}
            }
        }
        let requests =
            here.at.effects(&here.context()).into_iter().filter(|it| matches!(it.effect, Effect::Request { .. }));
        let twice = requests.filter(|it| it.ready && held.get(&it.id).is_some_and(|end| *end > here.now));
        wrong.extend(twice.map(|it| format!("{} is handed out again after\n  {}", it.id, seen.path(index))));
        hands.push(held);
    }
    wrong
}
