//! The simulator's archive: its program starts, and gives the world of its README.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Stdio};

use super::clean::Clean;
use super::{block, built, same};
use crate::{Outcome, run};

pub(super) fn check() -> Outcome {
    let clean = Clean::new("simulator", &["tar", "gzip"])?;
    let mut child = clean
        .command(unpacked(&clean)?)
        .args(["--port", "0"])
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| format!("it did not start: {error}"))?;
    let said = world(&mut child);
    let _ = (child.kill(), child.wait());
    same("the first example of the simulator", &said?, &block("simulator/README.md", "text")?)
}

/// The program of the archive.
fn unpacked(clean: &Clean) -> Result<PathBuf, String> {
    let place = clean.place("place")?;
    let archive = built("simulator", "rulebound-simulator-", ".tar.gz")?;
    run(clean.command("tar").args(["-xzf", &archive.display().to_string(), "-C"]).arg(&place))?;
    let folder = fs::read_dir(&place).map_err(|it| it.to_string())?.flatten().next().ok_or("the archive is empty")?;
    Ok(folder.path().join("rulebound-simulator"))
}

/// The same program for the tests of a language's package, if the archive is built.
pub(super) fn for_tests(language: &str) -> Option<PathBuf> {
    let program = Clean::new(&format!("simulator-{language}"), &["tar", "gzip"]).and_then(|clean| unpacked(&clean));
    program.map_err(|why| println!("skipped: a test with the simulator: {why}")).ok()
}

/// What the first command of its README prints.
fn world(child: &mut Child) -> Result<String, String> {
    let output = child.stdout.take().ok_or("it has no output")?;
    let mut line = String::new();
    BufReader::new(output).read_line(&mut line).map_err(|error| error.to_string())?;
    let address = line.split("http://").nth(1).and_then(|it| it.split('"').next()).ok_or("it says no address")?;
    let body = r#"{"seed": "readme"}"#;
    let request = format!(
        "POST /_sim/worlds HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let talk = || -> std::io::Result<String> {
        let mut stream = TcpStream::connect(address)?;
        stream.write_all(request.as_bytes())?;
        let mut reply = String::new();
        stream.read_to_string(&mut reply).map(|_| reply)
    };
    let reply = talk().map_err(|error| format!("{line}: {error}"))?;
    let url = reply.split("\"url\":\"").nth(1).and_then(|it| it.split('"').next()).ok_or(reply.clone())?;
    Ok(format!("\"url\":\"{}\"\n", url.replace(address, "127.0.0.1:4010")))
}
