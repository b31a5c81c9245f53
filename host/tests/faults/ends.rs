//! Functions that end the host's transaction, rows that two transactions adopt at once, and rows that are locked for long.

use std::time::{Duration, Instant};

use rulebound_host::{Error, Import, Provider};

use crate::on_both;
use crate::place::{CREATE, FLOW, KEY, Place};

const ADOPT: &str = r#"{"type": "retrieve_payment_token", "payment_token": "pt_9"}"#;

/// The types have no `commit`; a statement can still be one.
#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn only_the_host_ends_its_transaction() {
    let Some(place) = Place::postgres().await else { return };
    let host = place.host(Provider::new("sk")).build().unwrap();
    host.migrate().await.unwrap();
    for sql in ["COMMIT", "ROLLBACK"] {
        let ended = host.transaction(|tx| {
            Box::pin(async move {
                sqlx::query(sql).execute(tx.postgres()?).await?;
                Ok(())
            })
        });
        let error = ended.await.unwrap_err().to_string();
        assert!(error.starts_with("`tx` was ended by the function: leave COMMIT and ROLLBACK to the host"), "{error}");
    }
    let whole = host.transaction(|tx| {
        Box::pin(async move {
            sqlx::query("SELECT 1").execute(tx.postgres()?).await?;
            Ok(())
        })
    });
    whole.await.unwrap();
    place.remove().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn two_rows_do_not_adopt_one_object_at_once() {
    let Some(place) = Place::postgres().await else { return };
    let host = place.host(Provider::new("sk")).build().unwrap();
    host.migrate().await.unwrap();
    let Place::Postgres(pool, _) = &place else { panic!("another database") };
    let mut tx = pool.begin().await.unwrap();
    host.handle_json(FLOW, KEY, ADOPT).tx(&mut tx).await.unwrap();
    let others = ["9a22", "9a33"].map(|end| {
        let (host, key) = (host.clone(), KEY.replace("9a11", end));
        tokio::spawn(async move { host.handle_json(FLOW, &key, ADOPT).await })
    });
    // Another object is not waited for.
    let other = ADOPT.replace("pt_9", "pt_8");
    host.handle_json(FLOW, &KEY.replace("9a11", "9a99"), &other).await.unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(others.iter().all(|it| !it.is_finished()), "they wait");
    tx.commit().await.unwrap();
    for other in others {
        let error = other.await.unwrap().unwrap_err().to_string();
        assert!(error.ends_with(&format!("names `pt_9`, which the row `{KEY}` has: use that row")), "{error}");
    }
    let ids = format!("SELECT COUNT(*) FROM {} WHERE id = 'pt_9'", place.table("rulebound_ids"));
    assert_eq!(place.number(&ids).await, 1);
    place.remove().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_row_that_another_transaction_has_locked_is_said_so_once() {
    let Some(place) = Place::postgres().await else { return };
    let host = place.host(Provider::new("sk")).build().unwrap();
    host.migrate().await.unwrap();
    host.handle_json(FLOW, KEY, CREATE).await.unwrap();
    let Place::Postgres(pool, _) = &place else { panic!("another database") };
    let mut tx = pool.begin().await.unwrap();
    host.handle_json(FLOW, KEY, CREATE).tx(&mut tx).await.unwrap();
    let begun = Instant::now();
    let error = host.handle_json(FLOW, KEY, CREATE).await.unwrap_err();
    assert!(matches!(error, Error::Locked(_)) && error.is_passing() && error.class() == "locked", "{error:?}");
    let text = error.to_string();
    assert!(
        text.starts_with("the row is locked for longer than `lock_timeout` (2 s) by another transaction: if it is"),
        "{text}"
    );
    assert!((1_500..4_000).contains(&begun.elapsed().as_millis()), "it is not tried again");
    tx.rollback().await.unwrap();
    place.remove().await;
}

async fn a_row_of_an_import_that_is_none_is_named(place: &Place) {
    let host = place.host(Provider::new("sk")).build().unwrap();
    host.migrate().await.unwrap();
    let before =
        || (0..101).map(|n| Import::new(FLOW, format!("import-{n:016}"), ADOPT.replace("pt_9", &format!("pt_{n}"))));
    let cases = [
        (Import::new("truemed.token", KEY, ADOPT), "`rows/101/flow` is `truemed.token`, which is not a flow"),
        (Import::new(FLOW, "short", ADOPT), "`rows/101/key` is not a key: "),
        (Import::new(FLOW, KEY, "pt_1"), "`rows/101/command` is no object with a `type`: give a lookup as JSON"),
        (Import::new(FLOW, KEY, CREATE), "`rows/101/command` is `create_payment_token`, which is no lookup"),
    ];
    for (wrong, said) in cases {
        let error = host.import(before().chain([wrong]), 5).await.unwrap_err().to_string();
        assert!(error.starts_with(said), "{error}");
    }
    let rows = format!("SELECT COUNT(*) FROM {}", place.table("rulebound_flows"));
    assert_eq!(place.number(&rows).await, 100, "the batch with the mistake has none");
}
on_both!(a_row_of_an_import_that_is_none_is_named);

async fn an_account_without_a_name_is_named_by_its_provider(place: &Place) {
    let host = place.host(Provider::new("sk")).build().unwrap();
    host.migrate().await.unwrap();
    let pause = format!(
        "INSERT INTO {} (provider, account, until, reason, count) VALUES ('truemed', '', 9000000000000, '401', 1)",
        place.table("rulebound_pauses")
    );
    place.run(&pause).await;
    let found = host.doctor().await.unwrap();
    let details: Vec<_> = found.iter().filter(|it| it.problem == "account").map(|it| it.detail.as_str()).collect();
    assert_eq!(details, ["The account of truemed is paused (401). Correct its API key."]);
    let error = host.callback("truemed", b"[]").await.unwrap_err().to_string();
    assert!(error.contains("has no callbacks") && error.contains("`customer_returned`"), "{error}");
    assert!(host.callback("revup", b"[]").await.unwrap_err().to_string().contains("this host does not have"));
}
on_both!(an_account_without_a_name_is_named_by_its_provider);
