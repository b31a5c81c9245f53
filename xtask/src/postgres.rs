//! A temporary PostgreSQL for the suites: a cluster of the installed programs, which is removed at the end.

use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use std::{fs, thread};

use crate::{Outcome, run};

/// The address of the database, as the suites of Rust, Python and Node read it.
const VARIABLE: &str = "RULEBOUND_TEST_POSTGRES";

/// Whether what a cluster commits must survive a power failure: a measurement needs it, and a test does not.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Durability {
    Real,
    Skipped,
}

/// Runs this program again with the same words, and with a temporary cluster for as long as it runs. `None` if a cluster is there
/// already, or if PostgreSQL is not installed, which is said.
pub(crate) fn around(words: &[&str], durability: Durability) -> Option<Outcome> {
    if std::env::var_os(VARIABLE).is_some() {
        return None;
    }
    let Some(programs) = programs() else {
        println!("left out: the host kits on PostgreSQL, because its programs initdb and postgres are not installed");
        return None;
    };
    Some(Cluster::start(&programs, durability).and_then(|cluster| {
        let program = std::env::current_exe().map_err(|error| error.to_string())?;
        run(Command::new(program).args(words).env(VARIABLE, cluster.url()))
    }))
}

/// The folder of PostgreSQL's programs: Debian keeps them out of `PATH`, one folder for each version.
fn programs() -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut all: Vec<_> = versions.map(|it| it.path().join("bin")).collect();
    all.sort_by_key(|it| it.parent().and_then(Path::file_name).and_then(|it| it.to_str()?.parse::<u32>().ok()));
    let paths = std::env::var_os("PATH").unwrap_or_default();
    let installed = std::env::split_paths(&paths)
        .chain(all)
        .filter(|it| it.join("initdb").is_file() && it.join("postgres").is_file());
    installed.last()
}

/// A cluster in a temporary folder, on a free port of this machine.
struct Cluster {
    programs: PathBuf,
    folder: PathBuf,
    user: Option<&'static str>,
    port: u16,
}

impl Cluster {
    fn start(programs: &Path, durability: Durability) -> Result<Self, String> {
        let folder = std::env::temp_dir().join(format!("rulebound-postgres-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        let port =
            TcpListener::bind("127.0.0.1:0").and_then(|it| it.local_addr()).map_err(|error| error.to_string())?.port();
        let cluster = Self { programs: programs.into(), folder, user: unprivileged()?, port };
        if let Some(user) = cluster.user {
            run(Command::new("chown").arg(user).arg(&cluster.folder))?;
        }
        let data = cluster.folder.join("data");
        let mut initdb = cluster.command("initdb");
        initdb.args(["--auth", "trust", "--username", "postgres", "--no-sync", "--pgdata"]).arg(&data);
        run(initdb.stdout(Stdio::null()))?;
        let fsync = if durability == Durability::Real { "on" } else { "off" };
        let (port, folder) = (port.to_string(), cluster.folder.display());
        let options = format!(
            "-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder} -c max_connections=200 -c fsync={fsync}"
        );
        let mut start = cluster.command("pg_ctl");
        start.arg("--pgdata").arg(&data).args(["--options", &options, "--log"]).arg(cluster.folder.join("log"));
        run(start.args(["--no-wait", "start"]).stdout(Stdio::null()))?;
        cluster.wait()?;
        Ok(cluster)
    }

    /// A program of PostgreSQL, which refuses to run as root.
    fn command(&self, name: &str) -> Command {
        let program = self.programs.join(name);
        let mut command = match self.user {
            Some(user) => {
                let mut command = Command::new("runuser");
                command.args(["-u", user, "--"]).arg(program);
                command
            }
            None => Command::new(program),
        };
        command.current_dir(&self.folder);
        command
    }

    /// Waits until the cluster takes connections.
    fn wait(&self) -> Outcome {
        let started = Instant::now();
        while started.elapsed() < Duration::from_secs(30) {
            let is_ready = self
                .command("pg_isready")
                .args(["--quiet", "--host", "127.0.0.1", "--port", &self.port.to_string()])
                .status();
            if is_ready.is_ok_and(|it| it.success()) && TcpStream::connect(("127.0.0.1", self.port)).is_ok() {
                return Ok(());
            }
            thread::sleep(Duration::from_millis(100));
        }
        let log = fs::read_to_string(self.folder.join("log")).unwrap_or_default();
        Err(format!("PostgreSQL did not start within 30 s:\n{log}"))
    }

    fn url(&self) -> String {
        format!("postgresql://postgres@127.0.0.1:{}/postgres", self.port)
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let mut stop = self.command("pg_ctl");
        stop.args(["--mode", "immediate", "stop", "--pgdata"]).arg(self.folder.join("data")).stdout(Stdio::null());
        if let Err(why) = run(&mut stop) {
            eprintln!("{why}");
        }
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// The user for the cluster if this is root: one that cannot do anything else. An error if there is none.
fn unprivileged() -> Result<Option<&'static str>, String> {
    let id = |arguments: &[&str]| Command::new("id").args(arguments).stderr(Stdio::null()).output();
    let own = id(&["-u"]).map_err(|error| format!("`id` did not start: {error}"))?;
    if own.stdout.trim_ascii() != b"0" {
        return Ok(None);
    }
    let is_there = |user: &&&str| id(&["-u", user]).is_ok_and(|it| it.status.success());
    let user = ["postgres", "nobody"].iter().find(is_there).copied();
    user.map(Some)
        .ok_or_else(|| "PostgreSQL refuses to run as root, and there is neither the user postgres nor nobody".into())
}
