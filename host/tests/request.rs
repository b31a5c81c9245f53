//! A request of no row: sent with the account's key, and never in place of a worker.
#![cfg(feature = "sqlite")]
#![allow(clippy::unwrap_used, reason = "a test, in which a panic is a failure")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::BoxFuture;
use rulebound::truemed::Settings;
use rulebound::truemed::list::ListPaymentTokens;
use rulebound_host::{Account, BoxError, Database, Error, Host, Outgoing, Provider, Sent, Transport};

/// Notes the API key of each request, and replies with a status.
#[derive(Clone, Default)]
struct Notes {
    keys: Arc<Mutex<Vec<String>>>,
    status: Arc<Mutex<u16>>,
}

impl Transport for Notes {
    fn send(&self, request: http::Request<Vec<u8>>, _: Duration) -> BoxFuture<'_, Sent> {
        assert_eq!(request.extensions().get::<Outgoing>().map(|it| it.provider.as_str()), Some("truemed"));
        self.keys.lock().unwrap().push(request.headers()["x-truemed-api-key"].to_str().unwrap().to_owned());
        let status = *self.status.lock().unwrap();
        Box::pin(async move { Sent::Reply(http::Response::builder().status(status).body(Vec::new()).unwrap()) })
    }
}

#[tokio::test]
async fn it_has_the_key_of_its_account_which_is_looked_up_again_after_a_401() {
    let (notes, asked) = (Notes::default(), Arc::new(Mutex::new(Vec::new())));
    *notes.status.lock().unwrap() = 401;
    let accounts = Arc::clone(&asked);
    let provider = Provider::new("sk_1").accounts(move |name| {
        accounts.lock().unwrap().push(name.clone());
        let found = if name == "eu" { Ok(Account::new("key of eu")) } else { Err(BoxError::from("there is none")) };
        async move { found }
    });
    let database = Database::connect("sqlite::memory:").await.unwrap();
    let host = Host::builder(database).provider("truemed", provider).transport(notes.clone()).build().unwrap();

    let request = ListPaymentTokens::default().request(&Settings::default()).unwrap();
    for account in ["", "eu", "eu"] {
        assert!(matches!(host.send_request("truemed", account, &request).await, Ok(Sent::Reply(_))));
    }
    assert_eq!(*notes.keys.lock().unwrap(), ["sk_1", "key of eu", "key of eu"]);
    assert_eq!(*asked.lock().unwrap(), ["eu", "eu"]);

    assert!(host.send_request("flex", "", &request).await.is_err(), "no such provider");
    assert!(host.send_request("truemed", "us", &request).await.is_err(), "no such account");
    let mut leased = request.clone();
    leased.sending = 1;
    let error = host.send_request("truemed", "", &leased).await.unwrap_err();
    assert!(matches!(&error, Error::Input { field, .. } if field == "request"), "{error}");
    assert_eq!(notes.keys.lock().unwrap().len(), 3);
}
