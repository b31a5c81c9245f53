//! The command line of a host: what an operator runs.

use rulebound::time::Timestamp;

use crate::doctor::{Problem, Restored};
use crate::error::{Error, Result};
use crate::host::Host;

const USAGE: &str = "\
worker [--concurrency N]         carries out what is due, until SIGTERM or SIGINT; N rows at the same time (4)
migrate [--dry-run] [--formats]  creates or completes the tables, and prints the SQL; --dry-run executes nothing; --formats writes
                                 the newest formats: only if no older worker runs
doctor [--restored TIME]         finds drift of the tables, settings of the database that break a promise, and accounts that are
                                 paused; after a restored backup, before a worker runs: when it was taken, as ISO 8601 with zone
verify                           compares every row with its journal

It ends with 0, with 1 if it found a problem, and with 2 if it could not do what was asked.
";

/// What one command does.
#[derive(PartialEq, Eq, Debug)]
enum Command {
    Worker { concurrency: usize },
    Migrate { is_dry: bool, raises_formats: bool },
    Doctor { restored: Option<i64> },
    Verify,
    Help,
}

/// What a command found.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Report {
    /// What to print: one line for each problem, or what was done.
    pub text: String,
    /// How many problems were found. A program should end with 1 if there is one.
    pub problems: usize,
}

impl Report {
    /// A text without a problem.
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), problems: 0 }
    }
}

impl Host {
    /// Carries out a command of an operator, so that your own program has `worker`, `migrate`, `doctor` and `verify` with your handlers
    /// and your providers. The program `rulebound` of this crate has those that need neither.
    ///
    /// ```
    /// # async fn example(host: rulebound_host::Host) -> rulebound_host::Result<()> {
    /// let report = host.command(std::env::args().skip(1)).await?; // end with 2 if it is an error
    /// print!("{}", report.text);
    /// std::process::exit(i32::from(report.problems > 0));
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Input`] with the usage if there is no such command, and what the command itself returns.
    pub async fn command(&self, arguments: impl IntoIterator<Item = String>) -> Result<Report> {
        let arguments: Vec<_> = arguments.into_iter().collect();
        match parse(&arguments.iter().map(String::as_str).collect::<Vec<_>>())? {
            Command::Worker { concurrency } => self.run_until_signal(concurrency).await,
            Command::Migrate { is_dry, raises_formats } => self.migrate_as(is_dry, raises_formats).await,
            Command::Doctor { restored } => self.look(restored).await,
            Command::Verify => Ok(report(String::new(), &self.verify().await?)),
            Command::Help => Ok(Report::new(USAGE)),
        }
    }

    async fn run_until_signal(&self, concurrency: usize) -> Result<Report> {
        let stopping = self.clone();
        let signals = tokio::spawn(async move {
            signal().await;
            stopping.stop();
        });
        let ran = self.run_with(concurrency).await;
        signals.abort();
        ran.map(|()| Report::new(""))
    }

    async fn migrate_as(&self, is_dry: bool, raises_formats: bool) -> Result<Report> {
        let sql = self.migration().await?;
        let mut broken = if sql.is_empty() { self.drift().await? } else { Vec::new() };
        if broken.is_empty() && !is_dry {
            self.migrate().await?;
            if raises_formats {
                self.raise_formats().await?;
            }
            broken = self.drift().await?;
        }
        if sql.is_empty() && broken.is_empty() {
            return Ok(Report::new("The tables are complete.\n"));
        }
        let found: String = broken.iter().map(|it| format!("{}\n", it.detail)).collect();
        Ok(Report { text: sql + &found, problems: broken.len() })
    }

    async fn look(&self, restored: Option<i64>) -> Result<Report> {
        let (mut found, mut text) = (self.doctor().await?, String::new());
        if let Some(taken_at) = restored.filter(|_| !found.iter().any(|it| it.problem == "schema")) {
            let Restored { rows, problems } = self.restored(taken_at).await?;
            text = format!(
                "{rows} rows count each open request as sent, with an unknown outcome: it is looked up, or sent again under the same key\n"
            );
            found.extend(problems);
        }
        Ok(report(text, &found))
    }
}

fn report(text: String, problems: &[Problem]) -> Report {
    let lines: String = problems.iter().map(|it| format!("{it}\n")).collect();
    let count = problems.len();
    Report { text: format!("{text}{lines}{count} problems\n"), problems: count }
}

fn parse(arguments: &[&str]) -> Result<Command> {
    match arguments {
        ["worker"] => Ok(Command::Worker { concurrency: 4 }),
        ["worker", "--concurrency", number] => match number.parse() {
            Ok(concurrency) if concurrency > 0 => Ok(Command::Worker { concurrency }),
            _ => Err(Error::input("--concurrency", format!("is `{number}`, which is not a number above 0"))),
        },
        ["migrate", options @ ..] if options.iter().all(|it| ["--dry-run", "--formats"].contains(it)) => {
            let has = |name| options.contains(&name);
            Ok(Command::Migrate { is_dry: has("--dry-run"), raises_formats: has("--formats") })
        }
        ["doctor"] => Ok(Command::Doctor { restored: None }),
        ["doctor", "--restored", at] => match Timestamp::parse_iso(at) {
            Some(at) => Ok(Command::Doctor { restored: Some(at.as_millis()) }),
            None => Err(Error::input(
                "--restored",
                format!("is `{at}`, which is not a time with a zone: write 2026-11-30T04:00:00Z"),
            )),
        },
        ["verify"] => Ok(Command::Verify),
        ["help" | "--help" | "-h"] => Ok(Command::Help),
        _ => Err(Error::input("command", format!("is `{}`: use one of\n\n{USAGE}", arguments.join(" ")))),
    }
}

/// Until the operator or the system asks the program to end.
async fn signal() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let (Ok(mut term), Ok(mut int)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt())) {
            tokio::select! {
                _ = term.recv() => {}
                _ = int.recv() => {}
            }
            return;
        }
    }
    // Without handlers of signals only the system ends the program.
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_and_their_options() {
        assert_eq!(parse(&["worker"]).unwrap(), Command::Worker { concurrency: 4 });
        assert_eq!(parse(&["worker", "--concurrency", "8"]).unwrap(), Command::Worker { concurrency: 8 });
        let migrate = |is_dry, raises_formats| Command::Migrate { is_dry, raises_formats };
        assert_eq!(parse(&["migrate"]).unwrap(), migrate(false, false));
        assert_eq!(parse(&["migrate", "--formats", "--dry-run"]).unwrap(), migrate(true, true));
        assert_eq!(parse(&["doctor"]).unwrap(), Command::Doctor { restored: None });
        let restored = parse(&["doctor", "--restored", "2023-11-14T22:13:20Z"]).unwrap();
        assert_eq!(restored, Command::Doctor { restored: Some(1_700_000_000_000) });
        assert_eq!(parse(&["verify"]).unwrap(), Command::Verify);
    }

    #[cfg(feature = "sqlite")]
    #[tokio::test]
    async fn tables_are_made_compared_and_proved() {
        let database = crate::db::Database::connect("sqlite::memory:").await.unwrap();
        let host = Host::builder(database).build().unwrap();
        let run = async |words: &[&str]| host.command(words.iter().map(|it| (*it).to_owned())).await.unwrap();
        assert!(run(&["migrate", "--dry-run"]).await.text.contains("CREATE TABLE rulebound_flows"));
        assert!(run(&["migrate", "--formats"]).await.text.starts_with("CREATE TABLE rulebound_flows ("));
        assert_eq!(run(&["migrate"]).await.text, "The tables are complete.\n");
        assert_eq!(run(&["verify"]).await, Report { text: "0 problems\n".into(), problems: 0 });
        let doctor = run(&["doctor"]).await;
        assert!(doctor.problems == 1 && doctor.text.contains("`journal_mode` is not WAL"), "{}", doctor.text);
    }

    #[test]
    fn what_is_wrong_is_named() {
        let error = |arguments: &[&str]| parse(arguments).unwrap_err().to_string();
        assert!(error(&["doctor", "--restored", "yesterday"]).contains("`--restored` is `yesterday`"));
        assert!(error(&["worker", "--concurrency", "0"]).contains("`--concurrency` is `0`"));
        let usage = error(&["migrate", "--force"]);
        assert!(usage.contains("`migrate --force`") && usage.contains("--dry-run"), "{usage}");
    }
}
