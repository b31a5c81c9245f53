//! The provider's webhooks lead to the same end in any order and with any repeats. Tried with every run of webhooks in the
//! vectors.

use std::collections::BTreeSet;
use std::path::Path;

use rulebound::ffi::{AnySnapshot, load, read_config, read_effect, read_fact, start};
use rulebound::time::Timestamp;
use rulebound::{Context, IgnoredReason, Key};
use rulebound_tests::vectors::{key, read_folder, with_text};
use serde_json::Value;

/// The longest run of webhooks that is put into every order.
const LONGEST_RUN: usize = 4;

/// Consecutive webhooks of a vector, and everything around them.
struct Run<'a> {
    vector: &'a Value,
    /// The snapshot before them.
    before: String,
    /// The time of the last webhook, at which all of them are delivered.
    now: Timestamp,
    webhooks: Vec<String>,
    /// The steps after them.
    rest: &'a [Value],
}

#[test]
fn webhooks_lead_to_the_same_end_in_any_order_and_with_any_repeat() {
    let mut runs = 0;
    let mut orders = 0;
    let mut different = Vec::new();
    for vector in vectors() {
        for run in runs_of(&vector) {
            runs += 1;
            let count = run.webhooks.len();
            let ends: Vec<_> = deliveries(count).iter().map(|order| (order.clone(), run.end(order))).collect();
            orders += ends.len();
            let name = &vector["name"];
            if let Some((order, end)) = ends.iter().find(|(_, end)| *end != ends[0].1) {
                different
                    .push(format!("{name}: the order {:?} ends\n{}\nand {order:?} ends\n{end}", ends[0].0, ends[0].1));
            }
        }
    }
    println!("{runs} runs of webhooks in {orders} orders");
    assert!(runs >= 5, "only {runs} runs of webhooks were found");
    assert!(different.is_empty(), "{} of {runs} runs differ:\n{}", different.len(), different.join("\n\n"));
}

fn vectors() -> Vec<Value> {
    let all = read_folder(&Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors")).unwrap();
    all.into_iter().map(|(name, vector)| vector.unwrap_or_else(|why| panic!("{name}: {why}"))).collect()
}

/// The runs of two to four webhooks of a vector.
fn runs_of(vector: &Value) -> Vec<Run<'_>> {
    let steps = vector["steps"].as_array().unwrap();
    let key = Key::parse(key(&vector["key"]).as_str().unwrap()).unwrap();
    let Some(mut snapshot) = start(vector["flow"].as_str().unwrap(), key) else { return Vec::new() };
    let is_webhook = |step: &Value| step["fact"]["type"] == "webhook";
    let mut runs = Vec::new();
    let mut index = 0;
    while index < steps.len() {
        let run: Vec<_> = steps[index..].iter().take_while(|step| is_webhook(step)).collect();
        if let Some(last) = run.last().filter(|_| (2..=LONGEST_RUN).contains(&run.len())) {
            let webhooks = run.iter().map(|step| with_text(&step["fact"]).to_string()).collect();
            let rest = &steps[index + run.len()..];
            runs.push(Run { vector, before: snapshot.save(), now: time(last), webhooks, rest });
        }
        let until = index + run.len().max(1);
        let mut host = Host { vector, snapshot, inbox: Vec::new() };
        steps[index..until].iter().for_each(|step| host.replay(step));
        (snapshot, index) = (host.snapshot, until);
    }
    runs
}

fn time(step: &Value) -> Timestamp {
    Timestamp::from_millis(step["now"].as_i64().unwrap())
}

/// Every order of the webhooks, each once, and with each of them once more. The first order is that of the vector.
fn deliveries(count: usize) -> Vec<Vec<usize>> {
    let mut once: Vec<_> = (0..count).collect();
    let mut all = Vec::new();
    permute(&mut once.clone(), 0, &mut all);
    for again in 0..count {
        once.push(again);
        permute(&mut once.clone(), 0, &mut all);
        once.pop();
    }
    let mut known = BTreeSet::new();
    all.retain(|order| known.insert(order.clone()));
    all
}

fn permute(order: &mut Vec<usize>, from: usize, all: &mut Vec<Vec<usize>>) {
    if from >= order.len() {
        return all.push(order.clone());
    }
    for index in from..order.len() {
        order.swap(from, index);
        permute(order, from + 1, all);
        order.swap(from, index);
    }
}

impl Run<'_> {
    /// The ends of the flow after the webhooks in an order, and after the rest of the vector.
    fn end(&self, order: &[usize]) -> String {
        let mut host = Host { vector: self.vector, snapshot: load(&self.before).unwrap(), inbox: Vec::new() };
        for webhook in order {
            host.deliver(self.webhooks[*webhook].clone(), self.now);
        }
        host.retry_inbox(self.now);
        let end = host.end(self.now);
        self.rest.iter().for_each(|step| host.replay(step));
        let last = self.rest.last().map_or(self.now, time);
        host.retry_inbox(last);
        format!("{end}\nand at last\n{}", host.end(last))
    }
}

/// A host that keeps early webhooks, and observes them again when ids are new.
struct Host<'a> {
    vector: &'a Value,
    snapshot: Box<dyn AnySnapshot>,
    inbox: Vec<String>,
}

impl Host<'_> {
    /// Plays a step of the vector. A rejected step changes nothing.
    fn replay(&mut self, step: &Value) {
        if step["fact"].is_object() {
            return self.deliver(with_text(&step["fact"]).to_string(), time(step));
        }
        let next = self.with_context(time(step), |snapshot, context| match step["lease"].as_str() {
            Some(effect) => snapshot.lease(&read_effect(effect)?, context).map(|it| it.next),
            None => snapshot.handle(&step["command"].to_string(), context).map(|it| it.next),
        });
        if let Ok(next) = next {
            self.snapshot = next;
        }
    }

    fn deliver(&mut self, fact: String, now: Timestamp) {
        match self.with_context(now, |snapshot, context| snapshot.observe(read_fact(&fact)?, context)) {
            Ok(step) if step.ignored.is_none() => {
                self.snapshot = step.next;
                if !step.new_ids.is_empty() {
                    self.retry_inbox(now);
                }
            }
            Ok(step) if step.ignored.as_ref().is_some_and(|it| it.reason == IgnoredReason::Early) => {
                self.inbox.push(fact)
            }
            _ => {}
        }
    }

    fn retry_inbox(&mut self, now: Timestamp) {
        for fact in std::mem::take(&mut self.inbox) {
            self.deliver(fact, now);
        }
    }

    /// The state, and the effects besides notices.
    fn end(&self, now: Timestamp) -> String {
        let saved: Value = serde_json::from_str(&self.snapshot.save()).unwrap();
        let effects = self.with_context(now, |snapshot, context| snapshot.effects(context));
        let ids: BTreeSet<_> =
            effects.iter().map(|it| it.id.as_str()).filter(|id| !id.starts_with("notify:")).collect();
        format!("{} with the effects {ids:?}", saved["state"])
    }

    fn with_context<T>(&self, now: Timestamp, call: impl FnOnce(&dyn AnySnapshot, &Context) -> T) -> T {
        let config = self.vector.get("config").map_or_else(|| "{}".to_owned(), Value::to_string);
        call(self.snapshot.as_ref(), &Context::new(now, read_config(&config).unwrap()))
    }
}
