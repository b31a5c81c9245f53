//! The binary: `rulebound-simulator --port 0` prints `{"url": …}` and serves until it is stopped.

use std::process::ExitCode;

use clap::Parser;
use rulebound_simulator::{Config, Simulator};

/// Simulates payment providers: their calls, their pages and their webhooks.
#[derive(Debug, Parser)]
#[command(name = "rulebound-simulator")]
struct Arguments {
    /// The port on 127.0.0.1; 0 takes a free one.
    #[arg(long, default_value_t = 4010)]
    port: u16,
    /// A host beside loopback that webhooks can go to; can be repeated.
    #[arg(long, value_name = "HOST")]
    allow_host: Vec<String>,
    /// How an unclear document is read, such as truemed.survey-action=HealthSurvey; can be repeated.
    #[arg(long, value_name = "NAME=VALUE", value_parser = reading)]
    reading: Vec<(String, String)>,
}

fn reading(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("write NAME=VALUE")?;
    Ok((name.into(), value.into()))
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let mut config = Config::default();
    config.port = arguments.port;
    config.allow_hosts = arguments.allow_host.into_iter().collect();
    config.readings = arguments.reading.into_iter().collect();
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
