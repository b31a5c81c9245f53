//! The published schemas match the library. An independent validator accepts everything that the library takes and
//! returns, and nothing that it rejects as malformed.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use jsonschema::Validator;
use rulebound::PROVIDERS;
use rulebound_tests::mutate::mutations;
use rulebound_tests::root;
use rulebound_tests::vectors::{ask, files, key, read_folder, read_text, with_context, with_text};
use serde_json::{Map, Value, json};

/// One bundle for each provider, and one of everything.
fn bundles() -> Vec<&'static str> {
    PROVIDERS.iter().map(|it| it.name).chain(["rulebound"]).collect()
}

/// The verbs that read a snapshot, with the definition of their answer. An empty one begins with the flow's name.
const VIEWS: [(&str, &str); 5] = [
    ("status", ""),
    ("effects", "CallEffects"),
    ("waiting_for", "CallWaitingFor"),
    ("wake_at", "CallWakeAt"),
    ("actions", ""),
];

/// What the snapshot decides, and not the shape: which effects and sendings there are, and which verdicts and ids a review
/// takes.
const OF_THE_SNAPSHOT: [&str; 4] = ["/fact/effect", "/fact/sending", "/fact/verdict", "/fact/id"];

/// What the messages about the shape of such a member say.
const OF_THE_SHAPE: [&str; 3] = ["expected ", "is not the id of an effect", "missing field"];

/// Whether a reply says that the shape of what was given is wrong.
fn is_malformed(reply: &Value) -> bool {
    let text = |member: &str| reply["error"][member].as_str().unwrap_or_default();
    let of_shape = OF_THE_SHAPE.iter().any(|it| text("message").starts_with(it));
    text("code") == "malformed" && (of_shape || !OF_THE_SNAPSHOT.contains(&text("pointer")))
}

fn bundle(name: &str) -> Value {
    let path = root().join(format!("schemas/{name}.schema.json"));
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

/// The bundle of everything, with a validator for each definition that was used.
struct Schemas {
    all: Value,
    made: RefCell<BTreeMap<String, Validator>>,
}

impl Schemas {
    fn new() -> Self {
        Self { all: bundle("rulebound"), made: RefCell::default() }
    }

    /// What a definition finds wrong with a value.
    fn wrong(&self, name: &str, value: &Value) -> Option<String> {
        let mut made = self.made.borrow_mut();
        let validator = made.entry(name.to_owned()).or_insert_with(|| {
            assert!(self.all["$defs"].get(name).is_some(), "there is no definition `{name}`");
            let schema = json!({"$ref": format!("#/$defs/{name}"), "$defs": self.all["$defs"]});
            jsonschema::draft202012::new(&schema).unwrap()
        });
        let wrong = validator.iter_errors(value).next();
        wrong.map(|it| format!("{name}: `{}`: {it:.300}", it.instance_path()))
    }

    fn check(&self, name: &str, value: &Value, what: &str) {
        if let Some(wrong) = self.wrong(name, value) {
            panic!("{what}: {wrong}\n{value}");
        }
    }
}

/// `truemed.payment_token` as `TruemedPaymentToken`.
fn pascal(name: &str) -> String {
    let words = name.split(['.', '_']);
    words.map(|word| word[..1].to_uppercase() + &word[1..]).collect()
}

fn vectors() -> Vec<Value> {
    let all = read_folder(&root().join("tests/vectors")).unwrap();
    all.into_iter().map(|(name, vector)| vector.unwrap_or_else(|why| panic!("{name}: {why}"))).collect()
}

fn start(flow: &str, key: &Value) -> Value {
    ask("start", json!({"flow": flow, "key": key}))["ok"].take()
}

/// Calls a function with every object of a schema, and its path.
fn each(value: &Value, path: &str, call: &mut impl FnMut(&str, &Map<String, Value>)) {
    match value {
        Value::Object(members) => {
            call(path, members);
            members.iter().for_each(|(name, it)| each(it, &format!("{path}/{name}"), call));
        }
        Value::Array(entries) => entries.iter().for_each(|it| each(it, path, call)),
        _ => {}
    }
}

#[test]
fn every_bundle_is_a_schema_that_stands_alone() {
    let all = bundle("rulebound");
    for name in bundles() {
        let bundle = bundle(name);
        jsonschema::draft202012::meta::validate(&bundle).unwrap_or_else(|wrong| panic!("{name}: {wrong}"));
        jsonschema::draft202012::new(&bundle).unwrap();
        assert_eq!(bundle["$id"], format!("urn:rulebound:{}:{name}", env!("CARGO_PKG_VERSION")));
        for (definition, schema) in bundle["$defs"].as_object().unwrap() {
            assert_eq!(*schema, all["$defs"][definition], "{definition} differs in {name}");
        }
        each(&bundle, "", &mut |path, members| {
            if let Some(Value::String(target)) = members.get("$ref") {
                assert!(bundle.pointer(&target[1..]).is_some(), "{name}: {path}: {target} does not exist");
            }
        });
    }
}

#[test]
fn every_file_of_vectors_satisfies_its_schema_and_what_the_reader_rejects_does_not() {
    let json = |path: &Path| serde_json::from_str::<Value>(&fs::read_to_string(path).unwrap()).unwrap();
    let schema = json(&root().join("tests/vectors.schema.json"));
    jsonschema::draft202012::meta::validate(&schema).unwrap();
    let schema = jsonschema::draft202012::new(&schema).unwrap();
    for file in files(&root().join("tests/vectors")).unwrap() {
        if let Some(wrong) = schema.iter_errors(&json(&file)).next() {
            panic!("{}: `{}`: {wrong:.300}", file.display(), wrong.instance_path());
        }
    }
    let file = |step: &Value| {
        let vector = json!({"name": "it", "source": "page", "flow": "a.flow", "key": "k", "steps": [step]});
        json!({"about": "One.", "vectors": [vector]})
    };
    let reply = json!({"http_status": 200, "body": ""});
    let good = json!({"now": 1000, "send": "a:1", "reply": reply, "request": {}, "config": {}, "expect": {}});
    assert!(schema.is_valid(&file(&good)) && read_text(&file(&good).to_string()).is_ok());
    for wrong in [
        json!({"send": "a:1", "reply": reply}),
        json!({"now": 0, "send": "a:1"}),
        json!({"now": 0, "reply": reply}),
        json!({"now": 0, "request": {}}),
        json!({"now": 0, "send": 1, "reply": reply}),
        json!({"now": 0, "send": "a:1", "lease": "a:1", "reply": reply}),
        json!({"now": 0, "send": "a:1", "reply": {"http_status": 200, "body": "", "effect": "a:1"}}),
        json!({"now": 0, "expects": {}}),
    ] {
        assert!(!schema.is_valid(&file(&wrong)), "the schema accepts {wrong}");
        assert!(read_text(&file(&wrong).to_string()).is_err(), "the reader accepts {wrong}");
    }
}

#[test]
fn every_definition_and_every_field_is_named_described_and_bounded() {
    let all = bundle("rulebound");
    for (name, schema) in all["$defs"].as_object().unwrap() {
        let is_plain = name.starts_with(|it: char| it.is_ascii_uppercase()) && name.chars().all(char::is_alphabetic);
        assert!(is_plain, "{name} is not the name of a type");
        assert_eq!(schema["title"], **name);
        assert!(schema["description"].is_string(), "{name} has no description");
        each(schema, name, &mut |path, members| {
            let is_integer = members.get("type").is_some_and(|it| it.to_string().contains("\"integer\""));
            let is_bounded = members.contains_key("minimum") && members.contains_key("maximum");
            assert!(!is_integer || is_bounded || members.contains_key("const"), "{path} has no bounds");
            let Some(Value::Object(fields)) = members.get("properties") else { return };
            assert!(path == name, "{path} has no name");
            assert_eq!(members.get("additionalProperties"), Some(&false.into()), "{path} is open");
            for (field, schema) in fields {
                let is_tag = field == "type" && schema["const"].is_string();
                assert!(is_tag || schema["description"].is_string(), "{path}/{field} has no description");
            }
        });
    }
}

#[test]
fn every_call_of_the_vectors_satisfies_the_schemas() {
    let schemas = Schemas::new();
    for vector in vectors() {
        let flow = vector["flow"].as_str().unwrap();
        let (name, prefix) = (vector["name"].as_str().unwrap(), pascal(flow));
        let mut snapshot = start(flow, &key(&vector["key"]));
        for step in vector["steps"].as_array().unwrap() {
            let (verb, part, given) = match (&step["command"], &step["fact"], &step["lease"]) {
                (Value::Null, Value::Null, Value::Null) => continue,
                (Value::Null, Value::Null, effect) => ("lease", "effect", effect.clone()),
                (Value::Null, fact, _) => ("observe", "fact", with_text(fact)),
                (command, ..) => ("handle", "command", command.clone()),
            };
            let mut fields = with_context(&vector, step, json!({"snapshot": snapshot}));
            fields[part] = given;
            let answer = ask(verb, fields.clone());
            schemas.check(&format!("{prefix}{}Reply", pascal(verb)), &answer, name);
            let wrong = schemas.wrong(&format!("{prefix}{}Fields", pascal(verb)), &fields);
            assert_eq!(wrong.is_some(), is_malformed(&answer), "{name}: {wrong:?} {answer}");
            if answer["ok"]["next"].is_null() {
                continue;
            }
            snapshot = answer["ok"]["next"].clone();
            schemas.check(&format!("{prefix}Snapshot"), &snapshot, name);
            let fields = with_context(&vector, step, json!({"snapshot": snapshot}));
            for (view, reply) in VIEWS {
                let answer = ask(view, fields.clone());
                let reply = if reply.is_empty() { format!("{prefix}{}", pascal(view)) } else { reply.into() };
                schemas.check(&format!("{reply}Reply"), &answer, name);
            }
        }
        let ids = ask("ids", json!({"snapshot": snapshot}));
        schemas.check("CallIdsReply", &ids, name);
    }
}

#[test]
fn every_golden_snapshot_and_its_effects_satisfy_the_schemas() {
    let schemas = Schemas::new();
    let newest = ask("versions", json!({}))["ok"]["formats"].take();
    for file in files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("golden")).unwrap() {
        let golden: Value = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
        let (flow, what) = (golden["snapshot"]["flow"].as_str().unwrap(), file.display().to_string());
        let formats = newest[flow].as_array().unwrap();
        let part = if formats.last() == Some(&golden["snapshot"]["format"]) { "Snapshot" } else { "OlderSnapshot" };
        schemas.check(&format!("{}{part}", pascal(flow)), &golden["snapshot"], &what);
        schemas.check("CallRequest", &json!({"load": {"snapshot": golden["snapshot"]}}), &what);
        for format in formats {
            let saved = ask("save_as", json!({"snapshot": golden["snapshot"], "format": format}));
            schemas.check(&format!("{}SaveAsReply", pascal(flow)), &saved, &what);
        }
        let mut fields = json!({"snapshot": golden["snapshot"], "now": golden["now"]});
        if let Some(config) = golden.get("config") {
            fields["config"] = config.clone();
        }
        // The file may lack what a later release says of an effect.
        let effects = ask("effects", fields)["ok"].take();
        assert_eq!(effects.as_array().map(Vec::len), golden["effects"].as_array().map(Vec::len), "{what}");
        effects.as_array().unwrap().iter().for_each(|it| schemas.check("PendingEffect", it, &what));
        golden["requests"].as_object().unwrap().values().for_each(|it| schemas.check("Request", it, &what));
    }
}

#[test]
fn the_calls_of_no_flow_satisfy_the_schemas() {
    let schemas = Schemas::new();
    let provider = |fields: Value| {
        let mut fields = fields;
        fields["provider"] = "truemed".into();
        fields
    };
    let body = r#"{"payment_token": "pt_1", "provision_token_request_id": "ptr_1"}"#;
    for (verb, fields) in [
        ("catalogue", json!({})),
        ("versions", json!({})),
        ("key_for", json!({"kind": "revup.token", "name": "fc44c6f8-6f92-43ab-98ea-3302b7586e7c"})),
        ("key_for", json!({"kind": "revup.tokn", "name": "fc44c6f8"})),
        (
            "read_webhook",
            provider(json!({"secrets": ["s"], "headers": {"x-truemed-api-key": "s"}, "body": body, "now": 0})),
        ),
        ("read_webhook", provider(json!({"secrets": ["s"], "headers": {}, "body": body, "now": 0}))),
        ("webhook_ids", provider(json!({"fact": {"type": "webhook", "origin": "verified", "body": body}}))),
        ("webhook_ids", provider(json!({"fact": {"type": "customer_returned"}}))),
        ("ask", provider(json!({"question": "needs_update", "with": {"confirmed": [], "wanted": []}}))),
    ] {
        let mut request = json!({});
        request[verb] = fields.clone();
        schemas.check("CallRequest", &request, verb);
        schemas.check(&format!("Call{}Reply", pascal(verb)), &ask(verb, fields), verb);
    }
}

/// The definition of a part of a call, in a flow.
fn definition(part: &str, flow: &str) -> String {
    match part {
        "fact" => "Fact".to_owned(),
        "config" => "Config".to_owned(),
        _ => format!("{}Command", pascal(flow)),
    }
}

/// The commands, facts and configs of the vectors, one of each shape, with the flow and the key.
fn samples() -> Vec<(String, Value, &'static str, Value, Value)> {
    let (mut shapes, mut samples) = (BTreeSet::new(), Vec::new());
    for vector in vectors() {
        let flow = vector["flow"].as_str().unwrap().to_owned();
        for step in vector["steps"].as_array().unwrap() {
            for part in ["command", "fact", "config"] {
                let Some(given) = step.get(part).or_else(|| vector.get(part)) else { continue };
                let given = if part == "fact" { with_text(given) } else { given.clone() };
                let config = step.get("config").or_else(|| vector.get("config")).cloned();
                if shapes.insert((definition(part, &flow), shape(&given))) {
                    samples.push((flow.clone(), key(&vector["key"]), part, given, config.unwrap_or_else(|| json!({}))));
                }
            }
        }
    }
    samples
}

/// The names of the fields of a value, and the kinds of their contents.
fn shape(value: &Value) -> String {
    match value {
        Value::Object(members) => {
            let fields = members.iter().map(|(name, it)| match name.as_str() {
                "type" => format!("{name}={it}"),
                _ => format!("{name}:{}", shape(it)),
            });
            format!("{{{}}}", fields.collect::<Vec<_>>().join(","))
        }
        Value::Array(entries) => format!("[{}]", entries.first().map(shape).unwrap_or_default()),
        Value::String(_) => "s".into(),
        other => if other.is_number() { "n" } else { "-" }.into(),
    }
}

#[test]
fn what_is_malformed_does_not_validate_and_what_validates_is_not_malformed() {
    let schemas = Schemas::new();
    let (mut differ, mut count) = (Vec::new(), 0);
    for (flow, key, part, given, config) in samples() {
        let snapshot = start(&flow, &key);
        let definition = definition(part, &flow);
        for (what, wrong) in mutations(&given) {
            let mut fields = json!({"snapshot": snapshot, "now": 0, "config": config});
            fields[part] = wrong.clone();
            let verb = match part {
                "command" => "handle",
                "fact" => "observe",
                _ => "actions",
            };
            let answer = ask(verb, fields);
            let complaint = schemas.wrong(&definition, &wrong);
            count += 1;
            if is_malformed(&answer) != complaint.is_some() {
                differ.push(format!(
                    "{definition} {}: {what}: {complaint:?}: {:.200}",
                    given["type"],
                    answer.to_string()
                ));
            }
        }
    }
    assert!(count > 1000, "only {count} were tried");
    assert!(differ.is_empty(), "{} of {count}:\n{}", differ.len(), differ.join("\n"));
}
