//! Properties of every snapshot that exploration reaches, in every flow.

#[path = "exploration/allowed.rs"]
mod allowed;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use rulebound::catalogue::Catalogue;
use rulebound::time::{Millis, Timestamp};
use rulebound::{Config, Context, Effect, EffectId, Fact, Flow, Named, PendingEffect, Snapshot};
use rulebound_tests::explore::{
    Exploration, Move, Outcome, Reached, context_at, describe, facts_about, long_after, moves, play, replies_to,
};
use rulebound_tests::survey::{Survey, effect_name};
use serde_json::Value;

/// The greatest length of a snapshot, without the bodies of open requests. A disputed Flex subscription with two paid
/// sessions is the longest.
const LONGEST: usize = (2 << 10) + 128;

/// How many other effects and webhooks may have to come before an effect can end.
const DETOUR: usize = 3;

/// The tests of each flow.
macro_rules! explored {
    ($provider:ident { $($module:ident::$flow:ident),+ }) => {
        mod $provider {$(
            mod $module {
                use super::super::*;

                static FOUND: LazyLock<Exploration<rulebound::$provider::$flow>> = LazyLock::new(Exploration::run);

                #[test]
                fn nothing_panics() {
                    none(FOUND.panics.clone());
                }

                #[test]
                fn no_transition_lacks_a_row() {
                    none(FOUND.faults.clone());
                }

                #[test]
                fn every_row_is_a_transition_that_happens() {
                    none(unproved(&FOUND));
                }

                #[test]
                fn the_same_input_gives_the_same_output_before_and_after_a_restart() {
                    none(breaches(&FOUND, is_deterministic));
                }

                #[test]
                fn only_a_change_raises_the_revision() {
                    none(breaches(&FOUND, changes_are_counted));
                }

                #[test]
                fn every_effect_can_end() {
                    none(breaches(&FOUND, can_end));
                }

                #[test]
                fn exactly_the_ready_effects_can_be_leased() {
                    none(breaches(&FOUND, ready_can_be_leased));
                }

                #[test]
                fn an_action_says_whether_its_command_is_accepted() {
                    none(breaches(&FOUND, actions_predict));
                }

                #[test]
                fn what_an_action_allows_a_command_can_do() {
                    none(allowed::breaches(&FOUND));
                }

                #[test]
                fn the_catalogue_names_every_effect_and_every_wait() {
                    none(breaches(&FOUND, is_catalogued));
                }

                #[test]
                fn nothing_changes_by_itself_before_wake_at() {
                    none(breaches(&FOUND, wake_at_predicts));
                }

                #[test]
                fn every_format_holds_the_same() {
                    none(breaches(&FOUND, survives_formats));
                }

                #[test]
                fn a_snapshot_stays_small() {
                    none(breaches(&FOUND, is_small));
                }

                #[test]
                fn nothing_is_leased_twice_within_a_lease() {
                    none(leases(&FOUND));
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

/// A check of a snapshot: what is wrong with it, each breach in a line.
type Property<F> = fn(&Exploration<F>, &Reached<F>) -> Vec<String>;

fn breaches<F: Flow>(found: &Exploration<F>, property: Property<F>) -> Vec<String> {
    let of = |(index, reached)| {
        let wrong = property(found, reached).into_iter();
        wrong.map(move |wrong| format!("{wrong}\nafter\n  {}", found.path(index)))
    };
    found.reached.iter().enumerate().flat_map(of).collect()
}

fn is_catalogued<F: Flow>(_: &Exploration<F>, reached: &Reached<F>) -> Vec<String> {
    static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(Catalogue::new);
    let Some(flow) = CATALOGUE.flows.iter().find(|it| it.id == F::ID) else { return vec![format!("no {}", F::ID)] };
    let effects = reached.snapshot.effects(&reached.context()).into_iter().map(|it| effect_name(&it.effect));
    let signals = reached.snapshot.waiting_for(&reached.context()).into_iter().map(|it| it.signal);
    let unknown = effects.filter(|it| !flow.effects.contains(&it.as_str())).map(|it| format!("has the effect {it}"));
    unknown.chain(signals.filter(|it| !flow.signals.contains(it)).map(|it| format!("waits for {it}"))).collect()
}

/// The declared transitions that neither exploration nor a vector makes.
fn unproved<F: Flow>(found: &Exploration<F>) -> Vec<String> {
    static SURVEY: LazyLock<Survey> = LazyLock::new(Survey::run);
    let of_vectors = SURVEY.flows.get(F::ID).map(|it| it.moves.keys().copied().collect()).unwrap_or_default();
    let made: BTreeSet<_> = found.transitions.union(&of_vectors).copied().collect();
    let never = Exploration::<F>::declared().difference(&made).copied().collect::<Vec<_>>();
    never
        .into_iter()
        .map(|it| format!("never: {} from {} to {} on {}", it.facet, it.before, it.after, it.trigger))
        .collect()
}

fn is_deterministic<F: Flow>(found: &Exploration<F>, reached: &Reached<F>) -> Vec<String> {
    let saved = reached.snapshot.save();
    let loaded = match Snapshot::<F>::load(&saved) {
        Ok(loaded) if loaded == reached.snapshot && loaded.save() == saved => loaded,
        other => return vec![format!("does not survive a save and a load: {other:?}")],
    };
    let context = reached.context();
    let mut wrong = Vec::new();
    if views(&reached.snapshot, &context) != views(&loaded, &context) {
        wrong.push("has other views after a load".into());
    }
    let differs = |step: &Move<F>| match (play(&reached.snapshot, step, reached.now), play(&loaded, step, reached.now))
    {
        (Outcome::Moved(one), Outcome::Moved(two)) => one != two || one.next.save() != two.next.save(),
        (one, two) => one != two,
    };
    let steps = moves(&reached.snapshot, reached.now, &found.alphabet);
    wrong.extend(steps.iter().filter(|step| differs(step)).map(|step| format!("two outcomes: {}", describe(step))));
    wrong
}

fn views<F: Flow>(snapshot: &Snapshot<F>, context: &Context) -> impl PartialEq + use<F> {
    (snapshot.effects(context), snapshot.waiting_for(context), snapshot.actions(context))
}

fn changes_are_counted<F: Flow>(found: &Exploration<F>, reached: &Reached<F>) -> Vec<String> {
    let (before, revision) = (reached.snapshot.clone(), reached.snapshot.revision());
    let follows = |next: &Snapshot<F>| next.revision() == revision + 1 && next.key() == before.key();
    let mut wrong = Vec::new();
    for step in moves(&reached.snapshot, reached.now, &found.alphabet) {
        let outcome = play(&reached.snapshot, &step, reached.now);
        let fits = match &outcome {
            Outcome::Moved(it) if it.next.revision() == revision => it.next == before && it.ignored.is_some(),
            Outcome::Moved(it) => follows(&it.next) && it.ignored.is_none(),
            Outcome::Leased(it) => follows(&it.next),
            Outcome::Rejected(rejection) => !rejection.violations.is_empty(),
            _ => true,
        };
        if !fits || reached.snapshot != before {
            wrong.push(format!("{}: {outcome:?}", describe(&step)));
        }
    }
    wrong
}

fn can_end<F: Flow>(found: &Exploration<F>, reached: &Reached<F>) -> Vec<String> {
    let effects = reached.snapshot.effects(&context_at::<F>(long_after(reached.now)));
    let stuck = effects.iter().filter(|it| !ends_within(&reached.snapshot, reached.now, &it.id, found, DETOUR));
    stuck.map(|it| format!("nothing in the alphabet ends {}", it.id)).collect()
}

/// Whether an effect can end, by a fact about it or after some other effects or webhooks.
fn ends_within<F: Flow>(
    snapshot: &Snapshot<F>,
    now: Timestamp,
    id: &EffectId,
    found: &Exploration<F>,
    detour: usize,
) -> bool {
    let Some(pending) = find(snapshot, now, id) else { return true };
    if outcomes(snapshot, now, &pending, found).iter().any(|(next, when)| find(next, *when, id).is_none()) {
        return true;
    }
    let others = snapshot.effects(&context_at::<F>(now)).into_iter().filter(|it| it.id != *id);
    let signals = found.alphabet.facts.iter().filter_map(|fact| after(snapshot, fact.clone(), now));
    detour > 0
        && others
            .flat_map(|it| outcomes(snapshot, now, &it, found))
            .chain(signals)
            .any(|(next, when)| next != *snapshot && ends_within(&next, when, id, found, detour - 1))
}

/// What an effect can lead to, leased as soon as possible.
fn outcomes<F: Flow>(
    snapshot: &Snapshot<F>,
    now: Timestamp,
    pending: &PendingEffect,
    found: &Exploration<F>,
) -> Vec<(Snapshot<F>, Timestamp)> {
    let Effect::Request { operation, .. } = &pending.effect else {
        // A planned review can have a verdict only once it is visible.
        let results = |when| {
            facts_about(pending, &found.alphabet).into_iter().filter_map(move |fact| after(snapshot, fact, when))
        };
        return [now, long_after(now)].into_iter().flat_map(results).collect();
    };
    let instants = [Some(now), pending.leased_until, pending.not_before, Some(long_after(now))];
    let lease = |when| Some((play(snapshot, &Move::Lease(pending.id.clone()), when).next()?, when));
    let leased = instants.into_iter().flatten().find_map(lease);
    let sending = pending.attempts + u32::from(leased.is_some());
    let (leased, when) = leased.unwrap_or_else(|| (snapshot.clone(), now));
    replies_to(&pending.id, Some(sending), operation, &found.alphabet)
        .into_iter()
        .filter_map(|fact| after(&leased, fact, when))
        .collect()
}

/// The snapshot after a fact, if the fact is not ignored.
fn after<F: Flow>(snapshot: &Snapshot<F>, fact: Fact<'static>, now: Timestamp) -> Option<(Snapshot<F>, Timestamp)> {
    match play(snapshot, &Move::Fact(fact), now) {
        Outcome::Moved(it) => Some((it.next, now)),
        _ => None,
    }
}

/// A pending effect, whether it is visible now or later.
fn find<F: Flow>(snapshot: &Snapshot<F>, now: Timestamp, id: &EffectId) -> Option<PendingEffect> {
    let later = || snapshot.effects(&context_at::<F>(long_after(now))).into_iter();
    snapshot.effects(&context_at::<F>(now)).into_iter().chain(later()).find(|it| it.id == *id)
}

fn ready_can_be_leased<F: Flow>(_: &Exploration<F>, reached: &Reached<F>) -> Vec<String> {
    let visible = reached.snapshot.effects(&reached.context());
    let hidden = reached.snapshot.effects(&context_at::<F>(long_after(reached.now)));
    let hidden = hidden.into_iter().filter(|it| visible.iter().all(|other| other.id != it.id));
    let all = visible.iter().map(|it| (it.id.clone(), it.ready)).chain(hidden.map(|it| (it.id, false)));
    // A review is ready for a verdict, and never leased.
    let all = all.map(|(id, ready)| if id.kind() == "review" { (id, false) } else { (id, ready) });
    let mut wrong = Vec::new();
    for (id, ready) in all {
        match play(&reached.snapshot, &Move::Lease(id.clone()), reached.now) {
            Outcome::Leased(it) => {
                let again = play(&it.next, &Move::Lease(id.clone()), reached.now);
                let rejected =
                    matches!(&again, Outcome::Rejected(it) if it.violations[0].rule.code == "rulebound.effect.leased");
                if !ready || !rejected || it.next.revision() == reached.snapshot.revision() {
                    wrong.push(format!("lease {id}, ready {ready}: accepted, and again: {again:?}"));
                }
            }
            other if ready => wrong.push(format!("lease {id}, ready: {other:?}")),
            _ => {}
        }
    }
    wrong
}

/// The rule that an action is not possible in the current state.
const NOT_NOW: &str = "rulebound.action.not-now";

fn actions_predict<F: Flow>(found: &Exploration<F>, reached: &Reached<F>) -> Vec<String> {
    let actions = reached.snapshot.actions(&reached.context());
    let mut wrong = Vec::new();
    for command in &found.alphabet.commands {
        let wanted = F::action_of(command);
        let Some(action) = actions.iter().find(|it| it.action == wanted) else {
            wrong.push(format!("{} is not an action", wanted.name()));
            continue;
        };
        let denied_by: BTreeSet<_> = action.violations.iter().map(|it| it.rule.code).collect();
        let step = Move::Command(command.clone());
        let fits = match play(&reached.snapshot, &step, reached.now) {
            Outcome::Moved(it) if reached.snapshot.state().is_duplicate(command) => it.next == reached.snapshot,
            Outcome::Moved(_) => action.is_allowed(),
            Outcome::Rejected(rejection) => {
                let codes: BTreeSet<_> = rejection.violations.iter().map(|it| it.rule.code).collect();
                // A step that every gate permits and that finds nothing to do names no field.
                let stopped = rejection.violations.iter().any(|it| it.rule.code == NOT_NOW && it.pointer.is_empty());
                codes.is_superset(&denied_by) && !codes.is_empty() && (!stopped || denied_by.contains(NOT_NOW))
            }
            _ => false,
        };
        if !fits {
            wrong.push(format!(
                "the action has {denied_by:?}, and its command leads to {:?}",
                play(&reached.snapshot, &step, reached.now)
            ));
        }
    }
    wrong
}

fn wake_at_predicts<F: Flow>(_: &Exploration<F>, reached: &Reached<F>) -> Vec<String> {
    let wake_at = reached.snapshot.wake_at(&reached.context());
    let (from, until) = (reached.now.as_millis(), wake_at.unwrap_or_else(|| long_after(reached.now)).as_millis());
    let is_work = |it: &PendingEffect| it.ready && !matches!(it.effect, Effect::Review { .. });
    match reached.snapshot.effects(&reached.context()).iter().any(is_work) {
        // While something is ready, the row must be looked at now.
        true if until == from => return Vec::new(),
        true => return vec![format!("something is ready, and wake_at is {wake_at:?}")],
        false if until <= from => return vec![format!("wake_at {wake_at:?} has passed")],
        false => {}
    }
    let hour = Millis::from_hours(1).as_u64().cast_signed();
    let probes = [from + 1, from + hour, from + 25 * hour, from + 200 * hour, from.midpoint(until), until - 1];
    let before = views(&reached.snapshot, &reached.context());
    let differs = |probe: &i64| views(&reached.snapshot, &context_at::<F>(Timestamp::from_millis(*probe))) != before;
    let early = probes.into_iter().filter(|probe| *probe < until).find(differs);
    early
        .map(|probe| {
            format!("changes by {}, before wake_at {wake_at:?}: `timers` must list it", Timestamp::from_millis(probe))
        })
        .into_iter()
        .collect()
}

fn survives_formats<F: Flow>(_: &Exploration<F>, reached: &Reached<F>) -> Vec<String> {
    let mut wrong = Vec::new();
    for format in F::OLDER.iter().copied().chain([F::FORMAT]) {
        match reached.snapshot.save_as(format) {
            Ok(saved) if Snapshot::load(&saved).as_ref() == Ok(&reached.snapshot) => {}
            Ok(saved) => wrong.push(format!("format {format} holds another snapshot: {saved}")),
            Err(error) => wrong.push(error.to_string()),
        }
    }
    wrong
}

fn is_small<F: Flow>(_: &Exploration<F>, reached: &Reached<F>) -> Vec<String> {
    let mut saved: Value = serde_json::from_str(&reached.snapshot.save()).unwrap();
    for entry in saved["outbox"].as_array_mut().unwrap() {
        if let Some(request) = entry.pointer_mut("/effect/request") {
            request.take();
        }
    }
    let length = saved.to_string().len();
    if length < LONGEST { Vec::new() } else { vec![format!("{length} bytes: {saved}")] }
}

/// No sequence of moves leases a request twice within a lease, unless a reply came, readable or not, or the fact `lost`.
fn leases<F: Flow>(found: &Exploration<F>) -> Vec<String> {
    let lease = Config::default().lease_ms;
    let mut all: Vec<BTreeMap<EffectId, Timestamp>> = Vec::new();
    let mut wrong = Vec::new();
    for (index, reached) in found.reached.iter().enumerate() {
        let mut leased = BTreeMap::new();
        if let Some((from, step)) = &reached.by {
            leased.clone_from(&all[*from]);
            match step {
                Move::Lease(id) => drop(leased.insert(id.clone(), reached.now.after(lease))),
                Move::Fact(Fact::Lost { effect, .. } | Fact::Reply { effect, .. }) => {
                    leased.retain(|id, _| id.as_str() != effect.as_ref());
                }
                _ => {}
            }
        }
        let requests = reached
            .snapshot
            .effects(&reached.context())
            .into_iter()
            .filter(|it| matches!(it.effect, Effect::Request { .. }));
        let twice = requests.filter(|it| it.ready && leased.get(&it.id).is_some_and(|end| *end > reached.now));
        wrong.extend(twice.map(|it| format!("{} is leased again after\n  {}", it.id, found.path(index))));
        all.push(leased);
    }
    wrong
}
