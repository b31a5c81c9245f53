//! Qualification sessions.

use serde_json::{Value, json};

use crate::harness::Shop;

fn body(members: &Value) -> Value {
    let mut body = super::cart_with(members);
    body.as_object_mut().unwrap().remove("total_amount");
    body
}

fn create(shop: &Shop, members: &Value) -> Value {
    let made = shop.post("/api/v1/qualification_session/create", &body(members));
    assert_eq!(made.status, 200, "{}", made.text);
    made.json()
}

fn path(session: &Value) -> String {
    format!("/api/v1/qualification_session/{}", session["qualification_session_id"].as_str().unwrap())
}

#[test]
fn a_session_is_approved_or_rejected_and_its_webhook_says_so_once() {
    for (letter, status) in [(true, "approved"), (false, "rejected")] {
        let (shop, receiver) = Shop::with_receiver("signed");
        let session = create(&shop, &json!({"metadata": "{}"}));
        assert_eq!(shop.get(&path(&session)).json()["status"], "pending");
        shop.act(&json!({"do": "finish", "url": session["redirect_url"], "letter": letter}));
        assert_eq!(shop.get(&path(&session)).json()["status"], "processing");
        shop.advance(7_200_000);
        let shown = shop.get(&path(&session)).json();
        assert_eq!((shown["status"].as_str(), shown["expires_at"].is_string()), (Some(status), letter));
        let hooks = receiver.take();
        assert_eq!(hooks.len(), 1);
        let hook = hooks[0].json();
        assert_eq!((hook["event_type"].as_str(), &hook["data"]), (Some("qualification_session.completed"), &shown));
        assert_eq!(shown["metadata"], "{}");
        let ledger = shop.control("ledger", &Value::Null);
        assert_eq!(ledger["truemed"]["qualification_sessions"][0]["status"], status);
    }
}

#[test]
fn an_update_names_the_customer_once_and_its_key_is_one_request() {
    let shop = Shop::new(&json!({}));
    let session = create(&shop, &json!({}));
    let update = |body: Value| {
        let got = shop.post(&format!("{}/update", path(&session)), &body);
        let error = got.json()["error"].as_str().unwrap_or_default().to_owned();
        (got.status, error)
    };
    let done = (200, String::new());
    assert_eq!(update(json!({"user_id": "u"})), (400, "MissingField".into()));
    assert_eq!(update(json!({"idempotency_key": "1", "user_id": "u"})), done);
    assert_eq!(update(json!({"idempotency_key": "1", "user_id": "u"})), done);
    assert_eq!(update(json!({"idempotency_key": "1", "user_id": "w"})), (400, "ValidationError".into()));
    assert_eq!(update(json!({"idempotency_key": "2", "user_id": "w"})), (409, "user_id_already_set".into()));
    assert_eq!(update(json!({"idempotency_key": "3", "user_id": "u", "metadata": "m"})), done);
    let shown = shop.get(&path(&session)).json();
    assert_eq!((shown["user_id"].as_str(), shown["metadata"].as_str()), (Some("u"), Some("m")));
}

#[test]
fn sessions_are_listed_for_their_own_account_and_refused_requests_leave_none() {
    let mut shop = Shop::new(&json!({"readings": {"truemed.qualification-metadata": "json"}}));
    let wrong = shop.post("/api/v1/qualification_session/create", &body(&json!({"metadata": "no json"})));
    assert_eq!((wrong.status, wrong.header("x-sim-broke")), (400, "truemed.qualification.metadata-json"));
    assert_eq!(shop.post("/api/v1/qualification_session/create", &json!({})).status, 400);
    let sessions = [(); 3].map(|()| create(&shop, &json!({"metadata": "[]"}))["qualification_session_id"].clone());
    let listed = shop.get("/api/v1/qualification_sessions?page_size=2").json();
    let ids: Vec<&Value> =
        listed["qualification_sessions"].as_array().unwrap().iter().map(|it| &it["qualification_session_id"]).collect();
    assert_eq!(ids, [&sessions[2], &sessions[1]]);
    assert_eq!(listed["pagination"]["count"], 3);
    shop.key = "another".into();
    assert_eq!(shop.get("/api/v1/qualification_sessions").json()["pagination"]["count"], 0);
    let foreign = format!("/api/v1/qualification_session/{}", sessions[0].as_str().unwrap());
    assert_eq!(shop.get(&foreign).status, 404);
    assert_eq!(shop.post(&format!("{foreign}/update"), &json!({"idempotency_key": "1"})).status, 404);
}

#[test]
fn a_list_is_filtered_as_its_page_says() {
    let shop = Shop::new(&json!({}));
    let approved = create(&shop, &json!({"user_id": "pat-1"}));
    create(&shop, &json!({"user_id": "sam-2"}));
    shop.act(&json!({"do": "finish", "url": approved["redirect_url"]}));
    shop.advance(7_200_000);
    let list = |query: &str| shop.get(&format!("/api/v1/qualification_sessions?{query}"));
    let count = |query: &str| list(query).json()["pagination"]["count"].as_u64().unwrap();
    let queries = ["status=approved", "status=pending,approved", "status=rejected", "user_id=sam-2", "user_id=sam"];
    assert_eq!(queries.map(count), [1, 2, 0, 1, 0]);
    assert_eq!(["search=sam", "expires_at=2027-01-01", "expires_at=2027-01-02"].map(count), [1, 1, 0]);
    let refused = list("status=done");
    assert_eq!((refused.status, refused.refusal().1.as_str()), (400, "ValidationError"));
    assert_eq!(list("").header("x-sim-fidelity"), "documented");
}

#[test]
fn an_update_moves_where_the_customer_returns_to_until_the_survey_is_done() {
    let shop = Shop::new(&json!({}));
    let session = create(&shop, &json!({}));
    let update = |key: &str, url: &str| {
        let body = json!({"idempotency_key": key, "success_url": url});
        shop.post(&format!("{}/update", path(&session)), &body).status
    };
    assert_eq!([update("1", "nowhere"), update("2", "http://shop.test/moved")], [400, 200]);
    let done = shop.act(&json!({"do": "finish", "url": session["redirect_url"]}));
    assert_eq!(done["url"], "http://shop.test/moved");
    assert_eq!(update("3", "http://shop.test/late"), 200);
}
