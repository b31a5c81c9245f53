use serde_json::{Value, json};

use super::{leased_at, read_text};

/// The expanded steps of a file with one vector.
fn steps(bodies: Value, steps: Value) -> Result<Value, String> {
    let vector = json!({"name": "it holds", "source": "a page", "flow": "a.flow", "key": "k-1", "steps": steps});
    read(json!({"about": "One vector.", "bodies": bodies, "vectors": [vector]})).map(|mut all| all[0]["steps"].take())
}

fn read(file: Value) -> Result<Vec<Value>, String> {
    read_text(&file.to_string())
}

fn vector(name: &str) -> Value {
    json!({"name": name, "source": "a page", "flow": "a.flow", "key": "k-1", "steps": []})
}

#[track_caller]
fn assert_wrong(bodies: Value, step: Value, why: &str) {
    assert_eq!(steps(bodies, json!([step])).unwrap_err(), format!("vector `it holds`: {why}"));
}

#[test]
fn a_step_that_sends_is_a_lease_and_a_reply() {
    let short = json!([{"now": 5000, "send": "a:1", "reply": {"http_status": 200, "body": {}}}]);
    let fact = json!({"type": "reply", "effect": "a:1", "http_status": 200, "headers": {}, "body": {}});
    let lease = json!({"now": 4000, "lease": "a:1", "expect": {"accepted": true}});
    assert_eq!(steps(json!({}), short), Ok(json!([lease, {"now": 5000, "fact": fact}])));
}

#[test]
fn a_step_that_sends_may_say_what_is_sent_and_what_follows() {
    let reply = json!({"http_status": 200, "headers": {"retry-after": "1"}, "body": "", "sending": 2});
    let short = json!({"now": 5000, "send": "a:1", "request": {"method": "POST"}, "reply": reply, "config": {"b": 1},
        "expect": {"applied": true}});
    let lease = json!({"now": 4000, "lease": "a:1", "config": {"b": 1},
        "expect": {"accepted": true, "request": {"method": "POST"}}});
    let mut fact = reply.clone();
    (fact["type"], fact["effect"]) = ("reply".into(), "a:1".into());
    let reply = json!({"now": 5000, "fact": fact, "config": {"b": 1}, "expect": {"applied": true}});
    assert_eq!(steps(json!({}), json!([short])), Ok(json!([lease, reply])));
}

#[test]
fn a_request_is_leased_a_second_before_its_reply_unless_the_step_before_is_later() {
    assert_eq!(leased_at(5000, None), 4000);
    assert_eq!(leased_at(5000, Some(4000)), 4000);
    assert_eq!(leased_at(5000, Some(4001)), 4999);
}

#[test]
fn a_named_body_is_put_in_its_places() {
    let named = |body: Value| {
        json!([
            {"now": 0, "command": body, "config": body, "expect": {"request": {"body": body}}},
            {"now": 1, "fact": {"type": "webhook", "body": body}},
            {"now": 2000, "send": "a:1", "request": {"body": body}, "reply": {"http_status": 200, "body": body}}
        ])
    };
    let body = json!({"a": [1]});
    assert_eq!(steps(json!({"create": body}), named("@create".into())), steps(json!({}), named(body)));
}

#[test]
fn a_named_config_is_put_in_its_place() {
    let mut named = vector("it holds");
    named["config"] = "@strict".into();
    let all = read(json!({"about": "One.", "bodies": {"strict": {"mode": "strict"}}, "vectors": [named]})).unwrap();
    assert_eq!(all[0]["config"], json!({"mode": "strict"}));
}

#[test]
fn a_named_body_carries_the_key_of_the_vector() {
    let webhook = |body: Value| json!([{"now": 1, "fact": {"type": "webhook", "body": body}}]);
    let short = steps(json!({"open": {"a": ["@key"]}}), webhook("@open".into()));
    assert_eq!(short, steps(json!({}), webhook(json!({"a": ["k-1"]}))));
}

#[test]
fn the_parts_of_a_long_string_are_joined() {
    let parts = steps(json!({"page": {"@text": ["<p>", "</p>"]}}), json!([{"now": 0, "command": "@page"}]));
    assert_eq!(parts, Ok(json!([{"now": 0, "command": "<p></p>"}])));
}

#[test]
fn a_file_that_is_not_one_says_why() {
    let wrong = |file: Value| read(file).unwrap_err();
    assert!(read_text("{").unwrap_err().starts_with("the file is not JSON: EOF"));
    assert_eq!(wrong(json!([])), "the file: must be an object");
    assert_eq!(wrong(json!({"vectors": []})), "the file: has no `about`: add a sentence on what the file shows");
    let blank = json!({"about": " ", "vectors": []});
    assert_eq!(wrong(blank), "the file: `about` must be a sentence on what the file shows");
    assert_eq!(wrong(json!({"about": "a"})), "the file: has no `vectors`: add an array");
    let unknown = json!({"about": "a", "vectors": [], "body": {}});
    assert_eq!(wrong(unknown), "the file: `body` is not known here: remove it, or correct the name");
}

#[test]
fn a_vector_that_is_not_one_says_why() {
    let wrong = |vectors: Value| read(json!({"about": "a", "vectors": vectors})).unwrap_err();
    let change = |member: &str, value: Value| {
        let mut one = vector("it holds");
        one[member] = value;
        wrong(json!([one]))
    };
    assert_eq!(wrong(json!([{}])), "vector 1: has no `name`: add a sentence on what happens and what the library does");
    assert_eq!(wrong(json!([7])), "vector 1: must be an object");
    assert_eq!(
        wrong(json!([vector("it holds"), vector("it holds")])),
        "vector `it holds`: `name` is also that of another vector: give each its own"
    );
    assert_eq!(change("key", 7.into()), r#"vector `it holds`: `key` must be a string or `{"of": [kind, id]}`"#);
    assert_eq!(change("steps", json!({})), "vector `it holds`: `steps` must be an array");
    let unknown = "vector `it holds`: `stepz` is not known here: remove it, or correct the name";
    assert_eq!(change("stepz", json!([])), unknown);
}

#[test]
fn a_step_that_is_not_one_says_why() {
    let none = || json!({});
    assert_wrong(none(), json!({"lease": "a:1"}), "step 1: has no `now`: add a time in milliseconds");
    assert_wrong(none(), json!({"now": 1.5}), "step 1: `now` must be a time in milliseconds");
    let unknown = "step 1: `expects` is not known here: remove it, or correct the name";
    assert_wrong(none(), json!({"now": 1, "expects": {}}), unknown);
    let two = json!({"now": 1, "lease": "a:1", "fact": {}});
    assert_wrong(none(), two, "step 1: `lease` and `fact` are two steps: separate them");
}

#[test]
fn a_step_that_sends_without_what_it_needs_says_why() {
    let step = |mut members: Value| {
        members["now"] = 1.into();
        members
    };
    let wrong = |members: Value, why: &str| assert_wrong(json!({}), step(members), &format!("step 1: {why}"));
    wrong(json!({"send": "a:1"}), "`send` has no `reply`: add it, or write `lease`");
    wrong(json!({"reply": {}}), "`reply` has no `send`: add the id of the request, or write a `fact`");
    wrong(json!({"lease": "a:1", "request": {}}), "`request` has no `send`: write it in `expect`");
    wrong(json!({"send": 1, "reply": {}}), "`send` must be the id of a request");
    wrong(json!({"send": "a:1", "reply": "yes"}), "`reply` must be an object");
    wrong(json!({"send": "a:1", "reply": {"effect": "b:1"}}), "`reply/effect` follows from `send`: remove it");
}

#[test]
fn a_body_that_is_unknown_or_unused_says_so() {
    let unknown = json!({"now": 0, "fact": {"type": "webhook", "body": "@open"}});
    let why = "step 1: `fact/body`: `bodies` has no `open`: add it, or correct the name";
    assert_wrong(json!({}), unknown, why);
    let unused = steps(json!({"open": {}}), json!([{"now": 0}]));
    assert_eq!(unused.unwrap_err(), "the file: `bodies/open` is used by no vector: remove it");
}

#[test]
fn a_long_string_of_other_than_strings_says_so() {
    let wrong = json!({"now": 0, "command": {"@text": "page"}});
    assert_wrong(json!({}), wrong, "`@text` must be an array of strings");
}
