//! What an action allows, some command of it can do: with the ids and the amounts that the snapshot itself shows.

use std::collections::BTreeSet;

use rulebound::ffi::read_command;
use rulebound::{Flow, Named};
use rulebound_tests::alphabet::written_commands;
use rulebound_tests::explore::{Exploration, Move, Outcome, Reached, play};
use serde_json::{Map, Value, json};

/// The members of a status that hold an amount, and the command that moves it.
const AMOUNTS: [(&str, &[&str]); 2] = [
    ("refundable", &["create_refund", "refund_payment"]),
    ("capturable", &["capture_payment", "capture_payment_session"]),
];

/// The members that name the payment of a refund. A command has one of them.
const PAYMENTS: [&str; 3] = ["payment_intent_id", "invoice_id", "checkout_session_id"];

type Command = Map<String, Value>;

/// Each allowed action has a command that is accepted, and each amount of the status is the most that is accepted.
pub(crate) fn breaches<F: Flow>(found: &Exploration<F>) -> Vec<String> {
    let commands = written_commands(F::ID);
    let of = |(index, reached)| {
        let wrong = breaches_of(&commands, reached).into_iter();
        wrong.map(move |wrong| format!("{wrong}\nafter\n  {}", found.path(index)))
    };
    found.reached.iter().enumerate().flat_map(of).collect()
}

fn breaches_of<F: Flow>(commands: &[Command], reached: &Reached<F>) -> Vec<String> {
    let (snapshot, context) = (&reached.snapshot, reached.context());
    let ids: Vec<_> = snapshot.ids().into_iter().map(|it| (it.kind().to_owned(), it.as_str().to_owned())).collect();
    let status = serde_json::to_value(snapshot.status(&context)).unwrap();
    let accepts = |command: &Command| accepts(reached, command);
    let mut wrong = Vec::new();
    for action in snapshot.actions(&context).iter().filter(|it| it.is_allowed()) {
        let of_action = |it: &&Command| action_of::<F>(it).as_deref() == Some(action.action.name());
        let own: Vec<_> = commands.iter().filter(of_action).cloned().collect();
        // The alphabet may have no command of the action.
        if own.is_empty() {
            continue;
        }
        if own.iter().any(&accepts) || own.iter().flat_map(|it| variants(it, commands, &ids)).any(|it| accepts(&it)) {
            continue;
        }
        wrong.push(format!("{} is allowed, and no command of it is accepted\n{status}", action.action.name()));
    }
    for (member, operations) in AMOUNTS {
        let Some(amount) = status.pointer(&format!("/{member}/amount")).and_then(Value::as_i64) else { continue };
        let own: Vec<_> = commands.iter().filter(|it| operations.contains(&it["type"].as_str().unwrap())).collect();
        let names: BTreeSet<_> = own.iter().filter_map(|it| action_of::<F>(it)).collect();
        if !snapshot.actions(&context).iter().any(|it| it.is_allowed() && names.contains(it.action.name())) {
            continue;
        }
        let all: Vec<_> = own.into_iter().flat_map(|it| variants(it, commands, &ids)).collect();
        let can_move = |cents: i64| all.iter().any(|it| accepts(&with_amount(it, cents)));
        if amount > 0 && !can_move(amount) {
            wrong.push(format!("{member} is {amount}, and no command of that amount is accepted\n{status}"));
        }
        // A refund can name a second payment, which has an amount of its own.
        let second = status["second_payments"].as_array().into_iter().flatten();
        let most = second.filter_map(|it| it.pointer(&format!("/{member}/amount"))?.as_i64()).fold(amount, i64::max);
        // The payments of a subscription's earlier periods are not part of the amount.
        if F::ID != "flex.subscription" && can_move(most + 1) {
            wrong.push(format!("{member} is {amount}, and a command of more is accepted\n{status}"));
        }
    }
    wrong
}

fn action_of<F: Flow>(command: &Command) -> Option<String> {
    let read = read_command::<F>(&Value::Object(command.clone()).to_string()).ok()?;
    Some(F::action_of(&read).name().to_owned())
}

/// Whether the command is accepted and changes something, or is known already.
fn accepts<F: Flow>(reached: &Reached<F>, command: &Command) -> bool {
    let Ok(command) = read_command::<F>(&Value::Object(command.clone()).to_string()) else { return false };
    matches!(play(&reached.snapshot, &Move::Command(command), reached.now), Outcome::Moved(_))
}

fn with_amount(command: &Command, cents: i64) -> Command {
    let mut command = command.clone();
    let member =
        if command.contains_key("amount") || !command.contains_key("total_amount") { "amount" } else { "total_amount" };
    command.insert(member.into(), cents.into());
    command
}

/// The command under a new intent, with each known id, with the items of each other command, and with other amounts.
fn variants(command: &Command, all: &[Command], ids: &[(String, String)]) -> Vec<Command> {
    let mut named = vec![command.clone()];
    if command.contains_key("intent") {
        named.iter_mut().for_each(|it| drop(it.insert("intent".into(), json!("another-intent"))));
    }
    let mut found = Vec::new();
    for command in named {
        found.push(command.clone());
        let names_one = |it: &&String| it.ends_with("_id") || it.ends_with("Id") || *it == "payment_token";
        let own: Vec<_> = command.keys().filter(names_one).cloned().collect();
        for member in own.iter().map(String::as_str).chain(command.contains_key("refund").then_some("refund")) {
            let mut without = command.clone();
            without.remove(member);
            found.push(without);
        }
        for member in own {
            let of_payment = PAYMENTS.contains(&member.as_str());
            let members: Vec<&str> = if of_payment { PAYMENTS.to_vec() } else { vec![&member] };
            for (to, (_, id)) in members.into_iter().flat_map(|to| ids.iter().map(move |id| (to, id))) {
                let mut other = command.clone();
                other.remove(&member);
                other.insert(to.into(), json!(id));
                found.push(other);
            }
        }
    }
    let items: BTreeSet<_> = all.iter().filter_map(|it| Some(it.get("order_items")?.to_string())).collect();
    let with_items = |it: &Command| {
        let replaced = |text: &String| {
            let (mut other, items) = (it.clone(), serde_json::from_str::<Value>(text).unwrap());
            let price = |item: &Value| item["price"].as_i64().unwrap_or(0) * item["quantity"].as_i64().unwrap_or(0);
            if other.contains_key("total_amount") {
                other.insert("total_amount".into(), items.as_array().unwrap().iter().map(price).sum::<i64>().into());
            }
            other.insert("order_items".into(), items);
            other
        };
        if it.contains_key("order_items") { items.iter().map(replaced).collect() } else { vec![it.clone()] }
    };
    let found: Vec<_> = found.iter().flat_map(with_items).collect();
    let least = |it: &Command| {
        let cents = if it.get("amount").is_some_and(Value::is_string) { json!("0.01") } else { json!(1) };
        let mut other = it.clone();
        if other.contains_key("amount") {
            other.insert("amount".into(), cents);
        }
        [it.clone(), other]
    };
    found.iter().flat_map(least).collect()
}
