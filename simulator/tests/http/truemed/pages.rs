//! The customer's pages, as a browser uses them.

use serde_json::{Value, json};

use super::{cart, create, status};
use crate::harness::{Got, Shop, send};

fn open(url: &str) -> Got {
    send("GET", url, &[], b"").unwrap()
}

fn submit(url: &str, form: &str) -> Got {
    send("POST", url, &[("content-type", "application/x-www-form-urlencoded")], form.as_bytes()).unwrap()
}

/// The address to which the form with this test id leads.
fn action(page: &Got, id: &str) -> String {
    let form = page.text.split("<form ").find(|form| form.contains(&format!("data-testid=\"{id}\""))).unwrap();
    form.split("action=\"").nth(1).unwrap().split('"').next().unwrap().to_owned()
}

#[test]
fn a_customer_takes_the_survey_and_pays() {
    let shop = Shop::new(&json!({}));
    let session = create(&shop, &cart(1500));
    let url = session["redirect_url"].as_str().unwrap();
    let page = open(url);
    assert_eq!((page.status, page.header("content-type")), (200, "text/html; charset=utf-8"));
    assert!(page.text.contains("$15.00") && !page.text.contains("<script"));
    let nothing = submit(&action(&page, "survey"), "");
    assert!(nothing.status == 422 && nothing.text.contains("data-testid=\"notice\""));
    let answered = submit(&action(&page, "survey"), "condition=sleep");
    assert_eq!((answered.status, answered.header("location")), (303, url));
    let page = open(url);
    let pay = action(&page, "card");
    let declined = submit(&pay, "number=4000+0000+0000+0002&expiry=12%2F30");
    assert!(declined.status == 422 && declined.text.contains("declined"));
    assert!(submit(&pay, "number=4242&expiry=12/30").text.contains("12 to 19 digits"));
    assert!(submit(&pay, "number=4242424242424242&expiry=soon").text.contains("MM/YY"));
    assert!(submit(&pay, "number=4242424242424242&expiry=12/25").text.contains("has expired"));
    let paid = submit(&pay, "number=4242+4242+4242+4242&expiry=12%2F30&cvc=123");
    let id = session["id"].as_str().unwrap();
    assert_eq!((paid.status, paid.header("location")), (303, format!("http://shop.test/ok?id={id}").as_str()));
    assert_eq!(status(&shop, id), "processing");
}

#[test]
fn a_customer_who_comes_back_pays_once() {
    let shop = Shop::new(&json!({}));
    let session = create(&shop, &cart(1500));
    let url = session["redirect_url"].as_str().unwrap();
    let page = open(url);
    let survey = action(&page, "survey");
    submit(&survey, "condition=sleep");
    let pay = action(&open(url), "card");
    for _ in 0..2 {
        assert_eq!(submit(&pay, "number=4242424242424242&expiry=12/30").status, 303);
        submit(&survey, "condition=none");
    }
    assert!(open(url).text.contains("Thank you"));
    shop.advance(3_600_000);
    let hooks = shop.control("webhooks", &Value::Null);
    let statuses: Vec<&Value> = hooks["webhooks"].as_array().unwrap().iter().map(|it| &it["data"]["status"]).collect();
    assert_eq!(statuses, ["processing", "captured"]);
}

#[test]
fn cancel_leads_to_the_failure_url_and_the_link_stays_valid() {
    let shop = Shop::new(&json!({}));
    let session = create(&shop, &cart(1500));
    let url = session["redirect_url"].as_str().unwrap();
    let canceled = submit(&format!("{url}/cancel"), "");
    assert_eq!((canceled.status, canceled.header("location")), (303, "http://shop.test/no"));
    assert_eq!(status(&shop, session["id"].as_str().unwrap()), "pending");
    assert!(open(url).text.contains("data-testid=\"survey\""));
}

#[test]
fn the_page_of_a_canceled_session_has_timed_out() {
    let shop = Shop::new(&json!({}));
    let session = create(&shop, &cart(1500));
    let (id, url) = (session["id"].as_str().unwrap(), session["redirect_url"].as_str().unwrap());
    shop.post(&format!("/payments/v1/payment_session/{id}/cancel"), &json!({}));
    let page = open(url);
    assert!(page.text.contains("timed out") && page.text.contains("href=\"http://shop.test/no\""));
    assert_eq!(submit(&format!("{url}/survey"), "condition=sleep").status, 303);
    assert_eq!(status(&shop, id), "canceled");
    assert_eq!(open(&format!("{}x", url)).status, 404);
}
