//! What an operator reads: tables that are whole, old, new, or broken, and rows after a restored backup.

use rulebound_host::{Error, Host, Provider, Report};

use crate::on_both;
use crate::place::{CREATE, FLOW, KEY, Place};

async fn run(host: &Host, words: &str) -> Result<Report, Error> {
    let mut report = host.command(words.split(' ').map(str::to_owned)).await?;
    if let Some(line) = report.text.lines().find(|it| it.starts_with("database `fsync` is off: ")).map(str::to_owned) {
        // A server for tests need not survive a power failure.
        let (lines, count) = (report.text.replace(&format!("{line}\n"), ""), report.problems);
        report.problems = count - 1;
        report.text = lines.replace(&format!("{count} problems"), &format!("{} problems", count - 1));
    }
    Ok(report)
}

/// The host, with a pool whose settings keep what the kit promises.
async fn kept(place: &Place) -> Host {
    if let Place::Sqlite(..) = place {
        place.run("PRAGMA journal_mode = WAL").await;
    }
    place.host(Provider::new("sk")).ignore("fulfill").build().unwrap()
}

async fn whole_tables_are_complete(place: &Place) {
    let host = kept(place).await;
    let none = run(&host, "doctor").await.unwrap();
    assert!(none.problems > 0 && none.text.starts_with("schema There are no tables. Run `rulebound migrate`."));
    let error = host.run().await.unwrap_err();
    assert!(matches!(error, Error::Schema(_)) && error.to_string().contains("Run `rulebound migrate`"), "{error}");

    let dry = run(&host, "migrate --dry-run").await.unwrap();
    assert!(dry.problems == 0 && dry.text.contains("rulebound_flows ("), "{}", dry.text);
    let made = run(&host, "migrate").await.unwrap();
    assert_eq!(made, dry, "what was executed is what was shown");
    for words in ["migrate", "migrate --dry-run", "migrate --formats"] {
        assert_eq!(run(&host, words).await.unwrap(), Report::new("The tables are complete.\n"));
    }
    for words in ["doctor", "verify"] {
        assert_eq!(run(&host, words).await.unwrap(), Report::new("0 problems\n"));
    }
    // What it printed can be executed, as an operator does who may not let a program make tables.
    for table in ["flows", "ids", "inbox", "inbox_ids", "journal", "pauses", "formats", "schema_version"] {
        place.run(&format!("DROP TABLE {}", place.table(&format!("rulebound_{table}")))).await;
    }
    place.run(&made.text).await;
    assert_eq!(run(&host, "migrate").await.unwrap().text, "The tables are complete.\n");
}
on_both!(whole_tables_are_complete);

/// Executes what a line says after `execute:`.
async fn cure(place: &Place, line: &str) {
    let (_, sql) = line.split_once("xecute: ").unwrap();
    place.run(sql).await;
}

async fn broken_tables_are_never_complete_and_the_cure_works(place: &Place) {
    let host = kept(place).await;
    run(&host, "migrate").await.unwrap();
    let (flows, index) = (place.table("rulebound_flows"), place.table("rulebound_flows_key"));
    place.run(&format!("DROP INDEX {index}")).await;
    place.run(&format!("ALTER TABLE {flows} DROP COLUMN last_error")).await;
    place.run(&format!("DROP TABLE {}", place.table("rulebound_pauses"))).await;
    for words in ["migrate", "migrate --dry-run", "migrate --formats"] {
        let report = run(&host, words).await.unwrap();
        assert!(report.problems == 3 && !report.text.contains("complete"), "{words}: {}", report.text);
    }
    let found = run(&host, "doctor").await.unwrap();
    assert_eq!(found.problems, 3, "{}", found.text);
    let lines: Vec<_> = found.text.lines().collect();
    let add = format!("ALTER TABLE {flows} ADD COLUMN last_error text");
    assert_eq!(
        lines[0],
        format!("schema `rulebound_flows` has no column `last_error`. Restore a backup, or execute: {add}")
    );
    let make = format!("CREATE INDEX rulebound_flows_key ON {flows} (key)");
    assert_eq!(lines[1], format!("schema `rulebound_flows_key` is missing. Execute: {make}"));
    assert!(lines[2].starts_with("schema `rulebound_pauses` is missing. Restore a backup, or execute: CREATE TABLE"));
    assert_eq!(lines[3], "3 problems");
    for line in &lines[..3] {
        cure(place, line).await;
    }
    assert_eq!(run(&host, "doctor").await.unwrap().text, "0 problems\n");
}
on_both!(broken_tables_are_never_complete_and_the_cure_works);

async fn tables_without_their_version_are_not_made_again(place: &Place) {
    let host = kept(place).await;
    run(&host, "migrate").await.unwrap();
    let version = place.table("rulebound_schema_version");
    for breaks in [format!("DELETE FROM {version}"), format!("DROP TABLE {version}")] {
        place.run(&breaks).await;
        let error = run(&host, "migrate").await.unwrap_err().to_string();
        assert!(error.starts_with("`rulebound_schema_version` is ") && error.contains("Restore a backup"), "{error}");
        let found = run(&host, "doctor").await.unwrap();
        assert!(found.text.starts_with(&format!("schema {error}\n")) && found.problems == 1, "{}", found.text);
        cure(place, &error).await;
        assert_eq!(run(&host, "migrate").await.unwrap().text, "The tables are complete.\n");
    }
}
on_both!(tables_without_their_version_are_not_made_again);

async fn tables_of_a_newer_release_are_left_alone(place: &Place) {
    let host = kept(place).await;
    run(&host, "migrate").await.unwrap();
    place.run(&format!("UPDATE {} SET version = 3, readable_from = 3", place.table("rulebound_schema_version"))).await;
    let host = kept(place).await; // a program that begins now
    let said = "The tables have version 3, and this kit works with version 1. Deploy a newer release of rulebound.";
    assert_eq!(run(&host, "migrate").await.unwrap_err().to_string(), said);
    assert_eq!(run(&host, "doctor").await.unwrap().text, format!("schema {said}\n1 problems\n"));
    assert_eq!(run(&host, "worker").await.unwrap_err().to_string(), said);
    // A page of the shop leaves them alone too.
    assert_eq!(host.handle_json(FLOW, KEY, CREATE).await.unwrap_err().to_string(), said);
    assert_eq!(place.number(&format!("SELECT COUNT(*) FROM {}", place.table("rulebound_flows"))).await, 0);
}
on_both!(tables_of_a_newer_release_are_left_alone);

async fn a_restored_backup_counts_open_requests_as_sent(place: &Place) {
    let host = kept(place).await;
    run(&host, "migrate").await.unwrap();
    host.handle_json(FLOW, KEY, CREATE).await.unwrap();
    let error = run(&host, "doctor --restored 2999-01-01T00:00:00Z").await.unwrap_err().to_string();
    assert_eq!(error, "`taken_at` is in the future: give the time when the backup was taken");
    let report = run(&host, "doctor --restored 2023-11-14T22:00:00Z").await.unwrap();
    let said = "1 rows count each open request as sent, with an unknown outcome: it is looked up, or sent again under the same key";
    assert_eq!(report, Report::new(format!("{said}\n0 problems\n")));
    let row = host.get_any(FLOW, KEY).await.unwrap().unwrap();
    let sent = row.effects().iter().map(|it| (it.attempts, it.ready)).collect::<Vec<_>>();
    assert_eq!(sent, [(1, false)], "as after a sending whose lease has not ended");
    // A row that cannot be read is named, and the others go on.
    place.run(&format!("UPDATE {} SET snapshot = '{{'", place.table("rulebound_flows"))).await;
    let report = run(&host, "doctor --restored 2023-11-14T22:00:00Z").await.unwrap();
    assert!(report.problems == 1 && report.text.contains(&format!("\nrow {FLOW} {KEY} ")), "{}", report.text);
}
on_both!(a_restored_backup_counts_open_requests_as_sent);

/// The program of an operator: what it prints, and how it ends.
#[test]
fn the_program_ends_with_what_it_found() {
    let file = std::env::temp_dir().join(format!("rulebound-command-{}.db", std::process::id()));
    let database = format!("sqlite:{}", file.display());
    let run = |words: &[&str]| {
        let ended = std::process::Command::new(env!("CARGO_BIN_EXE_rulebound")).args(words).output().unwrap();
        let [out, error] = [ended.stdout, ended.stderr].map(|it| String::from_utf8(it).unwrap());
        (ended.status.code().unwrap(), out + &error)
    };
    let gone = "which is not there: correct the path, or make it with `migrate`";
    for words in [&["doctor", &database], &["verify", &database]] {
        assert_eq!(run(words), (2, format!("rulebound: `database` is `{}`, {gone}\n", file.display())));
    }
    let (code, dry) = run(&["migrate", &database, "--dry-run"]);
    assert!(code == 0 && dry.starts_with("CREATE TABLE rulebound_flows (") && !file.exists(), "{code}: {dry}");
    let (code, sql) = run(&["migrate", "--formats", &database]);
    assert_eq!((code, sql), (0, dry));
    assert_eq!(run(&["migrate", &database, "--dry-run"]), (0, "The tables are complete.\n".into()));
    assert_eq!(run(&["doctor", &database]), (0, "0 problems\n".into()));
    assert_eq!(run(&["verify", &database]), (0, "0 problems\n".into()));
    assert!(run(&["--help"]).1.starts_with("rulebound COMMAND DATABASE"));
    for (words, said) in [
        (&["worker", &database] as &[&str], "rulebound: `worker` is not a command of this program\n"),
        (&["doctor"], "rulebound: name a database, such as sqlite:shop.db\n"),
        (&["doctor", &database, "--restored", "2026-11-30T04:00:00Z"], "rulebound: `--restored` needs the providers"),
        (&["doctor", "mysql://shop"], "rulebound: `database` must begin with `sqlite:` or `postgresql:`"),
        (&["migrate", &database, "--force"], "rulebound: `command` is `migrate --force`"),
    ] {
        let (code, text) = run(words);
        assert!(code == 2 && text.starts_with(said), "{words:?}: {code}: {text}");
    }
    for end in ["", "-wal", "-shm"] {
        drop(std::fs::remove_file(format!("{}{end}", file.display())));
    }
}
