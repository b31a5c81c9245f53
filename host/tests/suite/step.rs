//! The steps, and what each expects.

use std::pin::Pin;
use std::sync::atomic::Ordering;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use rulebound::Headers;
use rulebound_host::{Delivery, Error, Host, Row};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::request;
use crate::stage::Stage;
use crate::world::{START, Tables, text};

type Played<'a> = Pin<Box<dyn Future<Output = Result<(), String>> + 'a>>;

/// How a call to a host ended.
enum Ended<T> {
    Well(T),
    Crashed,
}

impl Stage {
    pub(crate) async fn all(&mut self, steps: &[Value]) -> Result<(), String> {
        for (number, step) in steps.iter().enumerate() {
            let before = |why: String| format!("step {}: {why}", number + 1);
            self.step(step, false).await.map_err(before)?;
            if let Some(operation) = self.world.unscripted.lock().unwrap().take() {
                return Err(before(format!("`{operation}` was sent without a script")));
            }
        }
        Ok(())
    }

    fn step<'a>(&'a mut self, step: &'a Value, is_other: bool) -> Played<'a> {
        Box::pin(async move {
            let step = step.as_object().unwrap();
            let (name, with) = step.iter().find(|(name, _)| *name != "expect").unwrap();
            let (host, expect) = (if is_other { self.other.clone() } else { self.host.clone() }, step.get("expect"));
            match name.as_str() {
                "other" => return self.step(with, true).await,
                "tick" => return self.tick(host, expect).await,
                "webhook" => return self.webhook(host, with, expect).await,
                "request" => {
                    let next = request::play(&host, with, expect.unwrap_or(&Value::Null), &self.next).await?;
                    self.next = next.unwrap_or_default();
                    return Ok(());
                }
                _ => {}
            }
            let got = match name.as_str() {
                "handle" => self.handle(&host, with).await,
                "answer" => {
                    let text = |name: &str| with[name].as_str().unwrap_or_default();
                    let answer = host.answer(
                        text("flow"),
                        text("key"),
                        text("review"),
                        text("verdict"),
                        with["id"].as_str(),
                        text("actor"),
                    );
                    outcome(answer.await.map(|row| shown(&row)))
                }
                "callback" => {
                    let read = host.callback(word(with, "provider"), text(&with["body"]).as_bytes()).await;
                    outcome(read.map(|it| {
                        let mut says = json!({"status": it.status, "open": it.is_open()});
                        if let Some(parent) = &it.parent {
                            says["parent"] = json!(parent);
                        }
                        says
                    }))
                }
                "customer_returned" => outcome(
                    host.customer_returned_any(word(with, "flow"), word(with, "key")).await.map(|row| shown(&row)),
                ),
                "forget" => outcome(host.forget(word(with, "flow"), word(with, "key")).await.map(|()| json!({}))),
                "get" => host
                    .get_any(word(with, "flow"), word(with, "key"))
                    .await
                    .map_err(|it| it.to_string())?
                    .map_or(Value::Null, |row| shown(&row)),
                "row" => self.row(with).await,
                "unread" => self.unread().await,
                "tables" => count(&self.tables).await,
                "journal" => self.journal(with).await,
                "reviews" => {
                    let page = host.reviews(None).await.map_err(|it| it.to_string())?;
                    let rows = page.rows.iter().map(|it| {
                        let reviews = it.reviews.iter().map(|it| it.id.as_str()).collect::<Vec<_>>();
                        json!({"key": it.row.key, "reviews": reviews})
                    });
                    json!({"rows": rows.collect::<Vec<_>>(), "next": page.next})
                }
                "verify" => {
                    let problems = host.verify().await.map_err(|it| it.to_string())?.into_iter();
                    let named = problems.map(|it| json!({"flow": it.flow, "key": it.key, "problem": it.problem}));
                    json!({"problems": named.collect::<Vec<_>>()})
                }
                _ => return self.arrange(name, with),
            };
            let default = json!({});
            let wanted = expect.unwrap_or(&default);
            if expect.is_none() && (got["rejected"].is_array() || got["error"].is_string()) {
                return Err(format!("{name}: {got}"));
            }
            compare(name, wanted, &got)
        })
    }

    /// Changes what surrounds the hosts.
    fn arrange(&self, name: &str, with: &Value) -> Result<(), String> {
        let world = &self.world;
        match name {
            "advance" => drop(world.clock.fetch_add(with.as_i64().unwrap(), Ordering::SeqCst)),
            "script" => {
                for one in with.as_array().unwrap() {
                    let times = one["times"].as_u64().unwrap_or(1);
                    let mut scripts = world.scripts.lock().unwrap();
                    let queue = scripts.entry(word(one, "operation").into()).or_default();
                    (0..times).for_each(|_| queue.push_back(one.clone()));
                }
            }
            "handler" => {
                let kind = word(with, "kind").to_owned();
                world.raises.lock().unwrap().retain(|it| *it != kind);
                if word(with, "does") == "raise" {
                    world.raises.lock().unwrap().push(kind);
                }
            }
            "crash" => *world.crash.lock().unwrap() = with.as_str().map(str::to_owned),
            "meanwhile" => {
                let steps = with["steps"].as_array().unwrap().clone();
                world.meanwhile.lock().unwrap().push((word(with, "at").into(), steps));
            }
            "database" => {
                let away = match with {
                    Value::String(it) if it == "away" => u64::MAX,
                    Value::String(_) => 0,
                    other => other["away"].as_u64().unwrap(),
                };
                world.away.store(away, Ordering::SeqCst);
            }
            other => return Err(format!("the step `{other}` is unknown")),
        }
        Ok(())
    }

    /// Waits for a call to a host, and runs the steps of the checkpoints that it reaches.
    async fn run<T>(&mut self, call: impl Future<Output = T>) -> Result<Ended<T>, String> {
        let world = std::sync::Arc::clone(&self.world);
        let mut call = std::pin::pin!(call);
        loop {
            tokio::select! {
                ended = &mut call => return Ok(Ended::Well(ended)),
                () = world.crashed.notified() => return Ok(Ended::Crashed),
                Some((steps, done)) = self.steps.recv() => {
                    for step in &steps {
                        self.step(step, false).await?;
                    }
                    done.send(()).map_err(|()| "the checkpoint is gone".to_owned())?;
                }
            }
        }
    }

    async fn tick(&mut self, host: Host, expect: Option<&Value>) -> Result<(), String> {
        let before = std::mem::take(&mut *self.world.did.lock().unwrap());
        let ended = self.run(async move { host.tick().await }).await?;
        let did = std::mem::replace(&mut *self.world.did.lock().unwrap(), before);
        let [sent, credentials, handled] = &did;
        let mut got = json!({"sent": sent, "credentials": credentials, "handled": handled});
        match ended {
            Ended::Crashed => self.restart(),
            Ended::Well(Ok(_)) => {}
            Ended::Well(Err(error)) => got["error"] = json!(error.class()),
        }
        if got["error"].is_string() && expect.is_none_or(|it| it["error"].is_null()) {
            return Err(format!("tick: {got}"));
        }
        compare("tick", expect.unwrap_or(&json!({})), &got)
    }

    async fn webhook(&mut self, host: Host, with: &Value, expect: Option<&Value>) -> Result<(), String> {
        for number in 1..=with["times"].as_u64().unwrap_or(1) {
            let body = text(&with["body"]).replace("$n", &number.to_string());
            let headers = headers(with, &body, self.world.now());
            let (provider, account) =
                (word(with, "provider").to_owned(), with["account"].as_str().unwrap_or_default().to_owned());
            let (token, topic) = (with["token"].as_str().map(str::to_owned), with["topic"].as_str().map(str::to_owned));
            let host = host.clone();
            let call = async move {
                let mut delivery = Delivery::new().account(&account);
                if let Some(token) = &token {
                    delivery = delivery.token(token);
                }
                if let Some(topic) = &topic {
                    delivery = delivery.topic(topic);
                }
                let headers: Headers<'_> =
                    headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
                host.webhook(&provider, &headers, body.as_bytes(), delivery).await
            };
            let got = match self.run(call).await? {
                Ended::Well(status) => json!({"status": status}),
                Ended::Crashed => {
                    self.restart();
                    json!({"status": null})
                }
            };
            compare("webhook", expect.unwrap_or(&json!({})), &got)?;
        }
        Ok(())
    }

    async fn handle(&self, host: &Host, with: &Value) -> Value {
        let command = with["command"].to_string();
        let call = |host: &Host| {
            let mut call = host.handle_json(word(with, "flow"), word(with, "key"), &command);
            if let Some(account) = with["account"].as_str() {
                call = call.account(account);
            }
            if let Some(reference) = with["reference"].as_str() {
                call = call.reference(reference);
            }
            if let Some(actor) = with["actor"].as_str() {
                call = call.actor(actor);
            }
            call
        };
        macro_rules! in_transaction {
            ($pool:expr, $end:expr) => {{
                let mut tx = $pool.begin().await.unwrap();
                let row = call(host).tx(&mut tx).await;
                match $end {
                    "commit" => tx.commit().await.unwrap(),
                    _ => tx.rollback().await.unwrap(),
                }
                row
            }};
        }
        let row = match (with["tx"].as_str(), &self.tables) {
            (None, _) => call(host).await,
            (Some(end), Tables::Sqlite(pool, _)) => in_transaction!(pool, end),
            (Some(end), Tables::Postgres(pool, _)) => in_transaction!(pool, end),
        };
        outcome(row.map(|row| shown(&row)))
    }

    /// Changes the stored text of a row, or shows what is stored of it.
    async fn row(&self, with: &Value) -> Value {
        let (table, id) = (self.tables.name("rulebound_flows"), [word(with, "flow"), word(with, "key")]);
        if !with["snapshot"].is_null() {
            let stored =
                self.tables.rows(&format!("SELECT snapshot FROM {table} WHERE flow = $1 AND key = $2"), &id).await;
            let stored = stored[0][0].clone().unwrap();
            let text = match &with["snapshot"] {
                Value::String(text) => text.clone(),
                members => {
                    // The members keep their order, because a snapshot begins with its flow and format.
                    let old: Value = serde_json::from_str(&stored).unwrap();
                    members.as_object().unwrap().iter().fold(stored, |text, (name, value)| {
                        text.replacen(&format!("\"{name}\":{}", old[name]), &format!("\"{name}\":{value}"), 1)
                    })
                }
            };
            let sql = format!(
                "UPDATE {table} SET snapshot = $3, wake_at = {} WHERE flow = $1 AND key = $2",
                self.world.now()
            );
            self.tables.run(&sql, &[id[0], id[1], &text]).await;
        }
        let sql = format!(
            "SELECT CAST(wake_at AS text), CAST(revision AS text), CAST(tries AS text) FROM {table} WHERE flow = $1 AND key = $2"
        );
        let found = self.tables.rows(&sql, &id).await;
        let number = |at: usize| found[0][at].as_ref().map(|it| it.parse::<i64>().unwrap());
        json!({"wake_at": number(0).map(|it| it - self.world.now()), "revision": number(1), "tries": number(2)})
    }

    /// Leaves the entries as an older release leaves those that it cannot read: they name no ids, and rest.
    async fn unread(&self) -> Value {
        let [inbox, ids] = ["rulebound_inbox", "rulebound_inbox_ids"].map(|it| self.tables.name(it));
        self.tables.run(&format!("DELETE FROM {ids}"), &[]).await;
        self.tables.run(&format!("UPDATE {inbox} SET wake_at = NULL"), &[]).await;
        json!({})
    }

    /// Removes lines, and shows the others.
    async fn journal(&self, with: &Value) -> Value {
        let (table, id) = (self.tables.name("rulebound_journal"), [word(with, "flow"), word(with, "key")]);
        for seq in with["without"].as_array().into_iter().flatten() {
            let sql = format!("DELETE FROM {table} WHERE flow = $1 AND key = $2 AND CAST(seq AS text) = $3");
            self.tables.run(&sql, &[id[0], id[1], &seq.to_string()]).await;
        }
        let sql = format!(
            "SELECT kind, actor, code, CAST(http_status AS text), money FROM {table} WHERE flow = $1 AND key = $2 ORDER BY seq"
        );
        let lines = self.tables.rows(&sql, &id).await;
        let column = |at: usize| lines.iter().map(|it| &it[at]).collect::<Vec<_>>();
        let parsed = |at: usize, none: Value| {
            let values = lines.iter().map(|it| it[at].as_ref().map_or(none.clone(), |it| it.parse().unwrap()));
            values.collect::<Vec<Value>>()
        };
        let (statuses, money) = (parsed(3, Value::Null), parsed(4, json!([])));
        json!({"kinds": column(0), "actors": column(1), "codes": column(2), "statuses": statuses, "money": money})
    }
}

fn word<'a>(with: &'a Value, name: &str) -> &'a str {
    with[name].as_str().unwrap()
}

async fn count(tables: &Tables) -> Value {
    let mut counts = json!({});
    for table in ["flows", "ids", "inbox", "journal", "pauses", "handled"] {
        let name = if table == "handled" { tables.name(table) } else { tables.name(&format!("rulebound_{table}")) };
        let found = tables.rows(&format!("SELECT CAST(COUNT(*) AS text) FROM {name}"), &[]).await;
        counts[table] = json!(found[0][0].as_ref().unwrap().parse::<u64>().unwrap());
    }
    counts
}

fn outcome(result: Result<Value, Error>) -> Value {
    match result {
        Ok(value) => value,
        Err(Error::Rejected(rejection)) => {
            json!({"rejected": rejection.violations.iter().map(|it| it.rule.code).collect::<Vec<_>>()})
        }
        // What the library refuses has one name in the suite.
        Err(error @ Error::Core(_)) => json!({"error": "invalid_input", "message": error.to_string()}),
        Err(error) => json!({"error": error.class(), "message": error.to_string()}),
    }
}

/// A row as scenarios compare it.
fn shown(row: &Row) -> Value {
    let status: Value = serde_json::from_str(&row.status().json).unwrap();
    json!({
        "facets": status["facets"],
        "effects": row.effects().iter().map(|it| it.id.as_str()).collect::<Vec<_>>(),
        "waiting_for": row.waiting_for().iter().map(|it| it.signal).collect::<Vec<_>>(),
        "wake_at": row.wake_at.map(|it| it - row.context.now.as_millis()),
        "revision": row.revision, "tries": row.tries, "reviews": row.reviews, "failing": row.failing,
        "account": row.account, "reference": row.reference,
    })
}

/// Compares what is expected with what is there: each member, and within `facets` each facet.
fn compare(step: &str, wanted: &Value, got: &Value) -> Result<(), String> {
    let is_as_wanted = match wanted {
        Value::Object(members) => members.iter().all(|(name, value)| match name.as_str() {
            "facets" => value.as_object().unwrap().iter().all(|(facet, state)| got["facets"][facet] == *state),
            _ => got[name] == *value,
        }),
        other => other == got,
    };
    if is_as_wanted { Ok(()) } else { Err(format!("{step}: wanted {wanted}, got {got}")) }
}

/// The headers of a webhook, signed as the provider signs.
fn headers(with: &Value, body: &str, now: i64) -> Vec<(String, String)> {
    let own = with["headers"].as_object().into_iter().flatten();
    let mut all: Vec<_> = own.map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned())).collect();
    match (with["sign"].as_str(), with["provider"].as_str()) {
        (None, _) => {}
        (Some(secret), Some("flex")) => {
            let key = STANDARD.decode(secret.strip_prefix("whsec_").unwrap()).unwrap_or_default();
            let seconds = (now / 1_000).to_string();
            let mut mac = Hmac::<Sha256>::new_from_slice(&key).unwrap();
            mac.update(format!("msg_1.{seconds}.{body}").as_bytes());
            let signature = format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()));
            let signed = [("svix-id", "msg_1"), ("svix-timestamp", &seconds), ("svix-signature", &signature)];
            all.extend(signed.map(|(name, value)| (name.to_owned(), value.to_owned())));
        }
        (Some(secret), _) => all.push(("x-truemed-api-key".into(), secret.into())),
    }
    debug_assert!(now >= START - 86_400_000, "the clock of a scenario begins in 2023");
    all
}
