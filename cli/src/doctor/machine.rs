//! This machine: ports, the cache, and the programs that some tasks need.

use std::env;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::{Finding, State};
use crate::{cache, listen};

/// The compilation target of the component.
const TARGET: &str = "wasm32-wasip2";

/// A file that exists in a checkout of this tool's source, and hardly anywhere else.
const OF_THE_SOURCE: &str = "flavour/src/build.rs";

/// A program that only some tasks need.
struct Optional {
    /// Its names, the most common one first.
    names: &'static [&'static str],
    /// What needs it.
    purpose: &'static str,
    /// How to install it.
    help: &'static str,
}

/// Useful wherever a policy is kept.
const FOR_POLICIES: [Optional; 1] = [Optional {
    names: &["git"],
    purpose: "shows in `postern approve` what changed since the last approval",
    help: "Without it the whole text is shown: install git to see changes.",
}];

/// Useful in a checkout of this tool's source.
const FOR_THE_SOURCE: [Optional; 3] = [
    Optional {
        names: &["node"],
        purpose: "runs the tests of the form script and of ACS's JavaScript SDK",
        help: "These tests are skipped without it: install Node.js to run them.",
    },
    Optional {
        names: &["python3"],
        purpose: "runs the tests of ACS's Python SDK",
        help: "These tests are skipped without it: install Python to run them.",
    },
    Optional {
        names: &["chromium", "chromium-browser", "google-chrome"],
        purpose: "runs the tests of the inbox in a browser",
        help: "These tests are skipped without it: install Chromium to run them.",
    },
];

/// All checks of this machine.
pub fn look(gate: SocketAddr, emulator: SocketAddr) -> Vec<Finding> {
    let source = source();
    let mut findings: Vec<_> = source.as_deref().map(target).into_iter().collect();
    findings.push(port("gate's port", gate, "--listen"));
    findings.push(port("inbox's port", emulator, "--acs-listen"));
    findings.push(cache_place());
    findings.extend(FOR_POLICIES.iter().map(program));
    if source.is_some() {
        findings.extend(FOR_THE_SOURCE.iter().map(program));
    }
    findings
}

/// The checkout of this tool's source that contains the working directory.
fn source() -> Option<PathBuf> {
    let here = env::current_dir().ok()?;
    here.ancestors().find(|directory| directory.join(OF_THE_SOURCE).is_file()).map(Path::to_owned)
}

/// Asks the compiler, because it may not come from rustup.
fn target(source: &Path) -> Finding {
    let mut asked = Command::new("rustc");
    let asked = asked.args(["--print", "target-libdir", "--target", TARGET]).current_dir(source).output();
    let there = asked.is_ok_and(|answer| {
        answer.status.success() && Path::new(String::from_utf8_lossy(&answer.stdout).trim()).is_dir()
    });
    match there {
        true => Finding::good("wasm target", format!("{TARGET} is installed")),
        false => Finding::bad(
            "wasm target",
            State::Failed,
            format!("{TARGET} is missing: the component cannot be built from this source"),
            format!("Run `rustup target add {TARGET}`, or install rustup from https://rustup.rs."),
        ),
    }
}

fn port(check: &str, address: SocketAddr, option: &str) -> Finding {
    match TcpListener::bind(address) {
        Ok(_) => Finding::good(check, format!("{address} is free")),
        Err(reason) if reason.kind() == std::io::ErrorKind::AddrInUse => Finding::bad(
            check,
            State::Warning,
            format!("{address} is in use"),
            format!("Stop the program that uses it, or choose another address with `{option}`."),
        ),
        Err(reason) => Finding::bad(
            check,
            State::Failed,
            listen::refused(address, &reason, option).to_string(),
            format!("Choose an address of this machine with `{option}`."),
        ),
    }
}

fn cache_place() -> Finding {
    match cache::open() {
        Some(_) => Finding::good("cache", "compiled components are kept"),
        None => Finding::bad(
            "cache",
            State::Warning,
            "there is no directory for compiled components: every start compiles them again",
            "Set XDG_CACHE_HOME or HOME to a writable directory.",
        ),
    }
}

fn program(optional: &Optional) -> Finding {
    let found = optional.names.iter().find_map(|name| Some((*name, version(name)?)));
    let name = optional.names.first().copied().unwrap_or_default();
    match found {
        Some((found, version)) => Finding::good(name, format!("{found} {version}")),
        None => Finding::bad(name, State::Warning, format!("is not installed; it {}", optional.purpose), optional.help),
    }
}

/// The first word with a digit in the program's version output; none if it does not start.
fn version(program: &str) -> Option<String> {
    let output = Command::new(program).arg("--version").stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let numbers = said.split_whitespace().find(|word| word.contains(|digit: char| digit.is_ascii_digit()));
    output.status.success().then(|| numbers.unwrap_or_default().trim_start_matches('v').to_owned())
}
