//! Bounds: large bodies, slow clients, many worlds, foreign hosts.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use rulebound_simulator::Simulator;
use serde_json::{Value, json};

use crate::harness::{Shop, hasty, send};
use crate::truemed::{cart, create};

const CREATE: &str = "/payments/v1/create_payment_session";

#[test]
fn a_body_of_10_mb_gets_the_error_of_the_provider() {
    let shop = Shop::new(&json!({}));
    let mut body = cart(1500);
    body["metadata"] = "x".repeat(10 << 20).into();
    let refused = shop.post(CREATE, &body);
    assert_eq!((refused.status, refused.json()["error"].as_str()), (413, Some("PayloadTooLarge")));
    assert_eq!(shop.control("ledger", &Value::Null)["truemed"]["payment_sessions"], json!([]));
}

#[test]
fn broken_bodies_are_refused() {
    let shop = Shop::new(&json!({}));
    let url = format!("{}/truemed{CREATE}", shop.url);
    let deep = "[".repeat(100_000);
    for body in ["{", "[]", "1", "\u{0}", deep.as_str()] {
        assert_eq!(send("POST", &url, &[("x-truemed-api-key", "k")], body.as_bytes()).unwrap().status, 400);
    }
}

#[test]
fn a_full_world_refuses_more_and_a_reset_empties_it() {
    let shop = Shop::new(&json!({}));
    let mut body = cart(1500);
    body["metadata"] = "x".repeat(1_000_000).into();
    let full = (0..80).map(|_| shop.post(CREATE, &body)).find(|got| got.status != 200).unwrap();
    assert_eq!(full.status, 507, "{}", full.text);
    assert_eq!(shop.get("/payments/v1/payment_sessions?page_size=1").status, 200, "reading is still possible");
    shop.control("reset", &json!({}));
    create(&shop, &cart(1500));
}

#[test]
fn a_client_that_sends_half_a_body_does_not_hold_others_up() {
    let shop = Shop::at(hasty().url(), &json!({}));
    let address = hasty().url().strip_prefix("http://").unwrap();
    let path = shop.url.split_once(address).unwrap().1;
    let mut slow = TcpStream::connect(address).unwrap();
    write!(slow, "POST {path}/truemed{CREATE} HTTP/1.1\r\nhost: {address}\r\ncontent-length: 100\r\n\r\n{{").unwrap();
    let started = Instant::now();
    create(&shop, &cart(1500));
    shop.advance(1_000);
    assert!(started.elapsed() < Duration::from_secs(4));
    slow.set_read_timeout(Some(Duration::from_secs(15))).unwrap();
    let mut reply = [0; 12];
    slow.read_exact(&mut reply).unwrap();
    assert_eq!(&reply, b"HTTP/1.1 408");
}

#[test]
fn slow_clients_do_not_hold_others_up() {
    let simulator = Simulator::start().unwrap();
    let shop = Shop::at(simulator.url(), &json!({}));
    let address = simulator.url().strip_prefix("http://").unwrap();
    let slow: Vec<TcpStream> = (0..500)
        .map(|_| {
            let mut slow = TcpStream::connect(address).unwrap();
            write!(slow, "POST /w/x HTTP/1.1\r\nhost: {address}\r\nx-half-a-hea").unwrap();
            slow
        })
        .collect();
    let started = Instant::now();
    create(&shop, &cart(1500));
    shop.advance(1_000);
    assert!(started.elapsed() < Duration::from_secs(4));
    drop(slow);
}

/// Makes a world over a connection that is kept, and returns the status and the body.
fn make(agent: &ureq::Agent, simulator: &Simulator) -> (u16, String) {
    let mut reply = agent.post(format!("{}/_sim/worlds", simulator.url())).send("{}").unwrap();
    (reply.status().as_u16(), reply.body_mut().read_to_string().unwrap())
}

fn agent() -> ureq::Agent {
    ureq::Agent::config_builder().http_status_as_error(false).proxy(None).build().into()
}

#[test]
fn of_ten_thousand_worlds_a_simulator_holds_a_thousand_at_a_time() {
    let (simulator, agent) = (Simulator::start().unwrap(), agent());
    let mut worlds = std::collections::VecDeque::new();
    for nth in 0..10_000 {
        if worlds.len() == 1_000 {
            if nth % 1_000 == 0 {
                let (status, text) = make(&agent, &simulator);
                assert!(status == 400 && text.contains("DELETE"), "{nth}: {status} {text}");
            }
            let oldest: String = worlds.pop_front().unwrap();
            assert_eq!(agent.delete(oldest).call().unwrap().status(), 204, "a deleted world leaves room for another");
        }
        let (status, text) = make(&agent, &simulator);
        assert_eq!(status, 201, "{nth}: {text}");
        let made: Value = serde_json::from_str(&text).unwrap();
        worlds.push_back(made["url"].as_str().unwrap().to_owned());
    }
    let listed = send("GET", &format!("{}/_sim/worlds", simulator.url()), &[], b"").unwrap().json();
    assert_eq!(listed["worlds"].as_array().unwrap().len(), 1_000);
    create(&Shop { url: worlds[999].clone(), key: "key".into() }, &cart(1500));
}

#[test]
fn a_foreign_host_or_page_is_not_served() {
    let shop = Shop::new(&json!({}));
    let rebound = send("GET", &format!("{}/_sim", shop.url), &[("host", "evil.example")], b"").unwrap();
    assert_eq!(rebound.status, 421);
    let page = [("origin", "https://evil.example")];
    assert_eq!(send("POST", &format!("{}/_sim/reset", shop.url), &page, b"").unwrap().status, 403);
    let own = [("origin", "http://localhost:3000")];
    assert_eq!(send("POST", &format!("{}/_sim/reset", shop.url), &own, b"").unwrap().status, 200);
}

#[test]
fn a_wrong_reading_stops_the_start() {
    let mut config = rulebound_simulator::Config::default();
    config.readings.insert("truemed.nothing".into(), "x".into());
    assert!(Simulator::with(config).unwrap_err().contains("no reading `truemed.nothing`"));
}
