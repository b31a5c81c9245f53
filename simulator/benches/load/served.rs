//! Servers in processes of their own, each on one core, so that the load does not run on it too.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStdin, Command, Stdio};

use axum::Router;
use axum::serve::ListenerExt as _;
use rulebound_simulator::Simulator;

/// A server that stops when this value is dropped.
pub(crate) struct Served {
    pub(crate) url: String,
    /// Whether it has one core.
    pub(crate) is_pinned: bool,
    process: Child,
    /// The process ends when this is closed.
    _input: ChildStdin,
}

impl Served {
    /// Starts `simulator` or `empty` on the first core, where `taskset` can do that.
    pub(crate) fn start(what: &str) -> Self {
        let this = std::env::current_exe().unwrap();
        let piped =
            |command: &mut Command| command.args(["serve", what]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let pinned = piped(Command::new("taskset").args(["-c", "0"]).arg(&this));
        let is_pinned = pinned.is_ok();
        let mut process = pinned.or_else(|_| piped(&mut Command::new(&this))).unwrap();
        let mut url = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut url).unwrap();
        let input = process.stdin.take().unwrap();
        Self { url: url.trim().to_owned(), is_pinned, process, _input: input }
    }

    /// How many KiB of memory the process has, where the system says so.
    pub(crate) fn resident(&self) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id())).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        line.trim().trim_end_matches(" kB").parse().ok()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ended = self.process.kill();
        let _waited = self.process.wait();
    }
}

/// Serves, prints the address, and stops when the input ends.
pub(crate) fn serve(what: &str) {
    let simulator = (what == "simulator").then(|| Simulator::start().unwrap());
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    match &simulator {
        Some(simulator) => println!("{}", simulator.url()),
        None => {
            let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
            println!("http://{}", listener.local_addr().unwrap());
            let listener = listener.tap_io(|stream| stream.set_nodelay(true).unwrap());
            let router: Router = Router::new().fallback(async || {});
            runtime.spawn(async { axum::serve(listener, router).await });
        }
    }
    let _input = std::io::stdin().read_to_end(&mut Vec::new());
    // Not to wait for the connections: the process ends.
    std::process::exit(0);
}
