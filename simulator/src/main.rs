//! The binary: `rulebound-simulator --port 0` prints `{"url": …}` and serves until it is stopped;
//! `rulebound-simulator compare` replays documented requests at a provider's sandbox.

use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use rulebound_simulator::{Comparison, Config, Secret, Simulator};

/// Simulates payment providers: their calls, their pages and their webhooks.
#[derive(Debug, Parser)]
#[command(name = "rulebound-simulator", args_conflicts_with_subcommands = true)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: Serve,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Replays documented requests at a provider's sandbox and here, and prints where the replies differ in shape.
    ///
    /// One difference a line, with the document. Exit code 0: none; 1: some; 2: it was not possible to compare.
    Compare(Compare),
}

#[derive(Debug, Args)]
struct Serve {
    /// The port on 127.0.0.1; 0 takes a free one.
    #[arg(long, default_value_t = 4010)]
    port: u16,
    /// A host beside loopback that webhooks can go to; can be repeated.
    #[arg(long, value_name = "HOST")]
    allow_host: Vec<String>,
    /// How an unclear document is read, such as truemed.survey-action=HealthSurvey; can be repeated.
    #[arg(long, value_name = "NAME=VALUE", value_parser = pair)]
    reading: Vec<(String, String)>,
}

#[derive(Debug, Args)]
struct Compare {
    /// The address of the sandbox, such as https://dev-api.truemed.com.
    #[arg(long, value_name = "URL")]
    against: String,
    /// The provider: truemed, flex, vend or revup.
    #[arg(long)]
    provider: String,
    /// The API key of an account of the sandbox. It is never printed.
    #[arg(long, env = "RULEBOUND_SANDBOX_KEY", hide_env_values = true, value_parser = secret)]
    key: Secret,
    /// Replays the requests too that create something in the sandbox.
    #[arg(long)]
    write: bool,
    /// A value that only you know, such as product_handle=lite; can be repeated.
    #[arg(long, value_name = "NAME=VALUE", value_parser = pair)]
    with: Vec<(String, String)>,
    /// How an unclear document is read here; can be repeated.
    #[arg(long, value_name = "NAME=VALUE", value_parser = pair)]
    reading: Vec<(String, String)>,
    /// How many seconds the sandbox can take for one reply.
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=600))]
    timeout: u64,
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("write NAME=VALUE")?;
    Ok((name.into(), value.into()))
}

#[expect(clippy::unnecessary_wraps, reason = "a parser of clap returns a result")]
fn secret(text: &str) -> Result<Secret, String> {
    Ok(Secret::new(text))
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match arguments.command {
        Some(Command::Compare(asked)) => compare(asked),
        None => serve(arguments.serve),
    }
}

fn serve(asked: Serve) -> ExitCode {
    let mut config = Config::default();
    config.port = asked.port;
    config.allow_hosts = asked.allow_host.into_iter().collect();
    config.readings = asked.reading.into_iter().collect();
    match Simulator::with(config) {
        Ok(simulator) => {
            println!("{}", serde_json::json!({"url": simulator.url()}));
            simulator.wait();
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Prints the differences to the output, and everything else beside it.
fn compare(asked: Compare) -> ExitCode {
    let mut comparison = Comparison::new(&asked.provider, &asked.against, asked.key);
    comparison.write = asked.write;
    comparison.values = asked.with.into_iter().collect();
    comparison.readings = asked.reading.into_iter().collect();
    comparison.timeout = Duration::from_secs(asked.timeout);
    match comparison.run() {
        Ok(found) => {
            found.differences.iter().for_each(|line| println!("{line}"));
            found.skipped.iter().for_each(|line| eprintln!("not replayed: {line}"));
            let (requests, differences) = (found.requests, found.differences.len());
            eprintln!(
                "{requests} requests were replayed, {} were not. {differences} differences.",
                found.skipped.len()
            );
            if differences == 0 { ExitCode::SUCCESS } else { ExitCode::from(1) }
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}
