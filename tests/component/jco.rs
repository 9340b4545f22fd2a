//! The flavour for older hosts in one of these hosts: `jco serve`, which runs components on Node.
//!
//! Its package comes from npm once, into the target directory. Without `npm` or its registry, the test says so and
//! passes.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;

use postern_emulator::DEVELOPMENT_KEY;
use serde_json::json;

use crate::flavour::Flavour;
use crate::stand::{Form, GITHUB_SECRET, JOBS_SECRET, OPERATIONS_TOKEN, Stand, sealed};

/// A version that is known to work.
const JCO: &str = "@bytecodealliance/jco@1.35.0";

/// The program, or why it is not available.
fn jco() -> Result<PathBuf, String> {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("jco");
    let program = directory.join("node_modules/@bytecodealliance/jco/dist/jco.js");
    if !program.exists() {
        fs::create_dir_all(&directory).unwrap();
        let mut install = Command::new("npm");
        install.args(["install", "--silent", "--no-audit", "--no-fund", "--prefix"]).arg(&directory).arg(JCO);
        let output = install.output().map_err(|error| format!("npm does not start: {error}"))?;
        if !output.status.success() {
            return Err(format!("npm cannot install {JCO}: {}", String::from_utf8_lossy(&output.stderr)));
        }
    }
    Ok(program)
}

/// A server that ends with the test.
struct Serving(Child);

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn serve(program: &Path, component: &Path, acs: &str) -> (Serving, String) {
    // `jco serve` does not report a port that it chose itself, so it gets one that was free a moment ago.
    let port = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
    let mut command = Command::new("node");
    command
        .arg(program)
        .args(["serve", "--host", "127.0.0.1", "--port", &port.to_string()])
        .arg(component)
        .env("ACS_ENDPOINT", acs)
        .env("ACS_ACCESS_KEY", DEVELOPMENT_KEY)
        .env("GITHUB_WEBHOOK_SECRET", GITHUB_SECRET)
        .env("JOBS_SECRET", JOBS_SECRET)
        .env("OPERATIONS_TOKEN", OPERATIONS_TOKEN)
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let serving = Serving(child);
    let start = lines.by_ref().map(Result::unwrap).find(|line| line.contains("listening")).unwrap();
    println!("{start}");
    // If nobody read its output, the server would stop, too.
    thread::spawn(move || lines.for_each(drop));
    (serving, format!("http://127.0.0.1:{port}"))
}

#[test]
fn jco_serves_the_flavour_for_older_hosts() {
    let program = match jco() {
        Ok(program) => program,
        Err(reason) => return println!("skipped: {reason}"),
    };
    let place = tempfile::tempdir().unwrap();
    let component = place.path().join("postern.wasm");
    fs::write(&component, sealed(Flavour::WasiP2)).unwrap();
    let mut stand = Stand::new(Flavour::WasiP2, Form::Sealed, |_| {});
    let (_serving, url) = serve(&program, &component, &stand.acs);
    stand.url = url;
    assert_eq!(stand.get("/readyz").body["status"], "ready");
    let answer = stand.contact(&json!({"name": "Ada", "email": "ada@customer.example", "message": "Grüße"}));
    assert_eq!((answer.status, &answer.body["sent"]), (200, &json!(2)), "{}", answer.body);
    assert_eq!(stand.subjects(), ["Message from Ada", "We have received your message"]);
    let issue = json!({"action": "opened", "issue": {"title": "It breaks"}});
    assert_eq!(stand.github(&issue, Some("another")).status, 401);
    assert_eq!(stand.github(&issue, Some(GITHUB_SECRET)).status, 200);
}
