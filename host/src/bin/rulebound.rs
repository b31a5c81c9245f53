//! `rulebound COMMAND DATABASE`: what an operator does with the tables. A worker needs the handlers of your application: your own
//! program calls [`Host::command`].

use std::io::Write as _;
use std::process::ExitCode;

use rulebound_host::{BoxError, Database, Host, Report};

const USAGE: &str = "\
rulebound COMMAND DATABASE [--schema NAME]    DATABASE is sqlite:shop.db or postgresql://…

  migrate [--dry-run] [--formats]  creates or completes the tables, and prints the SQL; --dry-run executes nothing; --formats
                                   writes the newest formats: only if no older worker runs
  doctor                           finds drift of the tables, settings of the database that break a promise, and accounts that
                                   are paused
  verify                           compares every row with its journal

It ends with 0, with 1 if it found a problem, and with 2 if it could not do what was asked.
`worker`, `doctor --restored` and an import need the handlers, the providers or the rows of your application: call
`Host::command` and `Host::import` in your own program.
";

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run(std::env::args().skip(1).collect()).await {
        Ok(Report { text, problems, .. }) => {
            // A reader that has gone needs no text.
            let _written = std::io::stdout().write_all(text.as_bytes());
            if problems > 0 { ExitCode::from(1) } else { ExitCode::SUCCESS }
        }
        Err(error) => {
            let _written = writeln!(std::io::stderr(), "rulebound: {error}");
            ExitCode::from(2)
        }
    }
}

async fn run(mut arguments: Vec<String>) -> Result<Report, BoxError> {
    if arguments.iter().any(|it| it == "--help" || it == "-h") {
        return Ok(Report::new(USAGE));
    }
    let wrong = |what: String| BoxError::from(format!("{what}\n\n{USAGE}"));
    let command = arguments.first().ok_or_else(|| wrong("name a command and a database".into()))?;
    if !["migrate", "doctor", "verify"].contains(&command.as_str()) {
        return Err(wrong(format!("`{command}` is not a command of this program")));
    }
    if arguments.iter().any(|it| it == "--restored") {
        return Err(wrong("`--restored` needs the providers of your application".into()));
    }
    let schema = match arguments.iter().position(|it| it == "--schema") {
        Some(at) if at.saturating_add(1) < arguments.len() => arguments.drain(at..=at.saturating_add(1)).nth(1),
        Some(_) => return Err(wrong("`--schema` needs a name".into())),
        None => None,
    };
    let at = arguments.iter().skip(1).position(|it| !it.starts_with("--")).map(|it| it.saturating_add(1));
    let at = at.ok_or_else(|| wrong("name a database, such as sqlite:shop.db".into()))?;
    let database = Database::connect(&arguments.remove(at)).await?;
    let database = match schema {
        Some(name) => database.schema(&name)?,
        None => database,
    };
    Ok(Host::builder(database).build()?.command(arguments).await?)
}
