//! `cargo dev`: builds the component and the command-line tool, then runs `postern dev`. `cargo xtask` has the other
//! tasks for a checkout.

mod cold;

use postern_flavour::{Build, Flavour, Profile, TARGET, add_target, cargo};
use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Instant;

const USAGE: &str = "\
Usage: cargo dev [OPTIONS OF `postern dev`]
       cargo xtask cold         measure how long a newcomer waits
       cargo xtask components   build every flavour for deployment";

fn main() -> ExitCode {
    match run(env::args_os().skip(1)) {
        Ok(code) => code,
        Err(sentence) => {
            eprintln!("{sentence}");
            ExitCode::FAILURE
        }
    }
}

fn run(mut arguments: impl Iterator<Item = OsString>) -> Result<ExitCode, String> {
    match arguments.next() {
        Some(task) if task == "dev" => dev(arguments),
        Some(task) if task == "cold" => cold::cold(&root()?).map(|()| ExitCode::SUCCESS),
        Some(task) if task == "components" => components(&root()?).map(|()| ExitCode::SUCCESS),
        _ => Err(USAGE.to_owned()),
    }
}

fn dev(arguments: impl Iterator<Item = OsString>) -> Result<ExitCode, String> {
    let root = root()?;
    let state = match add_target(&root)? {
        true => "added",
        false => "present",
    };
    eprintln!("[1/3] wasm target {TARGET}: {state}");
    if !Build::of(Flavour::Wasi, Profile::Development).component(&root).exists() {
        eprintln!("      The first build takes about five minutes on two cores; later ones take seconds.");
    }
    step("[2/3] building the component", || component(&root))?;
    step("[3/3] building the command-line tool", || tool(&root))?;
    become_postern(&root, arguments)
}

fn root() -> Result<PathBuf, String> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    here.canonicalize().map_err(|error| format!("Cannot read the workspace: {error}."))
}

fn step(title: &str, work: impl FnOnce() -> Result<(), String>) -> Result<(), String> {
    eprintln!("{title} …");
    let start = Instant::now();
    work()?;
    eprintln!("{title}: {:.1} s", start.elapsed().as_secs_f32());
    Ok(())
}

/// The only flavour that `postern dev` serves, built in the same way.
fn component(root: &Path) -> Result<(), String> {
    let build = Build::of(Flavour::Wasi, Profile::Development);
    finish(build.command(root), "The component did not build; the compiler's messages are above.".to_owned())
}

/// Every flavour at once, for tasks that need all of them: a release, the tests.
fn components(root: &Path) -> Result<(), String> {
    add_target(root)?;
    finish(Build::command_for_all(root), "A component did not build; the compiler's messages are above.".to_owned())
}

fn tool(root: &Path) -> Result<(), String> {
    let mut command = cargo(root);
    command.args(["build", "--package", "postern-cli"]);
    let failure = "The command-line tool did not build; the compiler's messages are above.";
    finish(command, failure.to_owned())
}

fn finish(mut command: Command, failure: String) -> Result<(), String> {
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(_) => Err(failure),
        Err(error) => Err(format!("Cannot start cargo: {error}.")),
    }
}

fn become_postern(root: &Path, arguments: impl Iterator<Item = OsString>) -> Result<ExitCode, String> {
    let mut command = cargo(root);
    command
        .args(["run", "--quiet", "--package", "postern-cli"])
        .args(["--bin", "postern", "--", "dev"])
        .args(arguments)
        // `postern dev` asks cargo for the component again, and finds it up to date.
        .env("CARGO_TERM_QUIET", "true");
    replace(command).map_err(|error| format!("Cannot start `postern dev`: {error}."))
}

/// On Unix, this process becomes the command, so that Ctrl-C and the exit status are the command's.
#[cfg(unix)]
fn replace(mut command: Command) -> std::io::Result<ExitCode> {
    use std::os::unix::process::CommandExt;
    Err(command.exec())
}

#[cfg(not(unix))]
fn replace(mut command: Command) -> std::io::Result<ExitCode> {
    let code = command.status()?.code().and_then(|code| u8::try_from(code).ok());
    Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
}
