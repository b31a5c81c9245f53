//! The shop, driven over HTTP: the journeys of the providers' documents, one click after the other.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::panic,
    dead_code,
    reason = "a test; and the example's own `main` is not called"
)]

#[path = "../examples/shop/app.rs"]
mod app;
#[path = "../examples/shop/clicks.rs"]
mod clicks;
#[path = "../examples/shop/truemed.rs"]
mod truemed;
#[path = "../examples/shop/view.rs"]
mod view;

use std::time::{Duration, Instant};

use serde_json::{Value, json};

struct Browser(String);

impl Browser {
    async fn state(&self) -> Value {
        let url = format!("{}/api/state", self.0);
        tokio::task::spawn_blocking(move || {
            serde_json::from_str(&ureq::get(&url).call().unwrap().body_mut().read_to_string().unwrap()).unwrap()
        })
        .await
        .unwrap()
    }

    /// Presses a button that the page suggests, or one that is always there.
    async fn click(&self, name: &str) -> Value {
        let (url, body) = (format!("{}/api/click", self.0), json!({"click": name}).to_string());
        tokio::task::spawn_blocking(move || {
            let post = ureq::post(&url).header("content-type", "application/json").header("x-shop", "1");
            let mut reply = post.config().http_status_as_error(false).build().send(&body).unwrap();
            let text = reply.body_mut().read_to_string().unwrap();
            assert!(reply.status().is_success(), "{body}: {text}");
            serde_json::from_str(&text).unwrap()
        })
        .await
        .unwrap()
    }

    async fn suggested(&self, name: &str) -> Value {
        let state = self.state().await;
        let clicks = state["clicks"].as_array().unwrap();
        assert_eq!(clicks.len(), 3, "{clicks:?}");
        assert!(
            clicks.iter().any(|it| it["click"] == name),
            "`{name}` is not suggested: {clicks:?}, {}",
            state["facets"]
        );
        self.click(name).await
    }

    /// Waits until the page shows it.
    async fn until(&self, what: &str, is: impl Fn(&Value) -> bool) -> Value {
        let started = Instant::now();
        loop {
            let state = self.state().await;
            if is(&state) {
                return state;
            }
            assert!(started.elapsed() < Duration::from_secs(30), "{what} never came: {state:#}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

fn facet(state: &Value, name: &str) -> String {
    state["facets"][name].as_str().unwrap_or_default().to_owned()
}

fn kinds(state: &Value) -> Vec<String> {
    state["journal"].as_array().unwrap().iter().map(|it| it["kind"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_newcomer_lives_the_journeys_of_the_documents() {
    let shop = app::Shop::open(0).await.unwrap();
    let browser = Browser(shop.url.clone());
    // A charge before there is a token is rejected, with the provider's page.
    let state = browser.suggested("charge_too_early").await;
    assert_eq!(state["rejected"][0]["rule"], "truemed.provision.no-charge-before-webhook", "{}", state["rejected"]);
    assert!(state["rejected"][0]["source"]["page"].as_str().unwrap().contains("truemed.com/"));
    // Subscribe, and pull the plug: the worker dies with the reply in its hands, and another one sends the same request.
    browser.suggested("plug").await;
    browser.suggested("subscribe").await;
    browser.until("the dead worker", |it| it["pulls"] == 1).await;
    let state = browser.suggested("minutes").await;
    assert_eq!(state["rejected"], Value::Null);
    let state = browser.until("the survey", |it| it["customer_url"].is_string()).await;
    assert_eq!(kinds(&state), ["reply", "lease", "lease", "command", "rejected"]);
    // Close the tab: it proves nothing, and the host looks it up.
    browser.suggested("close_tab").await;
    browser.until("the lookup", |it| kinds(it).iter().any(|kind| kind == "customer_returned")).await;
    browser.suggested("survey").await;
    browser.click("hour").await;
    browser.until("the token", |it| facet(it, "token") == "issued").await;
    // The webhook of the first charge overtakes its reply, and still one parcel is packed for one capture.
    browser.suggested("overtake").await;
    let state = browser.until("the first parcel", |it| it["parcels"].as_array().unwrap().len() == 1).await;
    assert_eq!(state["captured"], 1_500);
    // Add Magnesium. Cart and card at once are rejected.
    let state = browser.click("both").await;
    assert_eq!(state["rejected"][0]["rule"], "truemed.update.card-xor-items");
    browser.suggested("add_magnesium").await;
    let state = browser.until("the answer", |it| facet(it, "items") != "updating").await;
    if facet(&state, "items") == "pending" {
        browser.suggested("survey").await;
        browser.click("hour").await;
    }
    browser.until("Magnesium", |it| it["has_magnesium"] == true).await;
    // A month later the next charge has its own name, and costs more.
    browser.suggested("month").await;
    let state = browser.until("the second parcel", |it| it["parcels"].as_array().unwrap().len() == 2).await;
    assert_eq!(state["captured"], 1_500 + 2_400);
    shop.close().await;
}

#[test]
fn a_month_after_any_day_it_is_the_next_month() {
    let start = 1_798_761_600_000; // 2027-01-01T00:00:00Z
    for day in 0..366 {
        let now = start + day * 24 * 60 * 60_000;
        let next = now + view::length_of_month(now).unwrap();
        let number = |millis| view::written(millis, "%m").parse::<u32>().unwrap();
        assert_eq!(number(next), number(now) % 12 + 1, "{}", view::written(now, "%F"));
    }
}
