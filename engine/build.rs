//! In a release build, builds the component in every flavour for `src/lib.rs` to embed.

use postern_flavour::{Build, Flavour, Profile, add_target};
use std::env;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// The sources of a component, relative to the workspace's root.
const INPUTS: [&str; 5] = ["src", "component", "flavour", "Cargo.toml", "Cargo.lock"];

fn main() -> ExitCode {
    match build() {
        Ok(()) => ExitCode::SUCCESS,
        Err(sentence) => {
            println!("cargo::error={sentence}");
            ExitCode::FAILURE
        }
    }
}

fn build() -> Result<(), String> {
    println!("cargo::rerun-if-changed=build.rs");
    let release = env::var("PROFILE").is_ok_and(|profile| profile == "release");
    let embedded = if release { components()? } else { Vec::new() };
    let mut table = String::from("[\n");
    for (flavour, file) in &embedded {
        // Writing to a string cannot fail.
        let _ = writeln!(table, "    (Flavour::{flavour:?}, include_bytes!({file:?}).as_slice()),");
    }
    table.push(']');
    let out = directory("OUT_DIR")?.join("embedded.rs");
    fs::write(&out, table).map_err(|error| format!("Cannot write {}: {error}.", out.display()))
}

/// Builds every flavour, in one call so that cargo works on them side by side.
fn components() -> Result<Vec<(Flavour, PathBuf)>, String> {
    let root = directory("CARGO_MANIFEST_DIR")?.join("..");
    let root = root.canonicalize().map_err(|error| format!("Cannot read the workspace: {error}."))?;
    watch(&root);
    add_target(&root)?;
    let output = Build::command_for_all(&root).output().map_err(|error| format!("Cannot start cargo: {error}."))?;
    if !output.status.success() {
        eprintln!("{}", String::from_utf8_lossy(&output.stderr));
        return Err("The component did not build; the compiler's messages are below.".to_owned());
    }
    let file = |flavour| (flavour, Build::of(flavour, Profile::Deployment).component(&root));
    Ok(Flavour::ALL.map(file).into())
}

fn directory(variable: &str) -> Result<PathBuf, String> {
    let missing = || format!("{variable} is not set: only cargo can run this build script.");
    env::var_os(variable).map(PathBuf::from).ok_or_else(missing)
}

fn watch(root: &Path) {
    println!("cargo::rerun-if-env-changed=CARGO_TARGET_DIR");
    for input in INPUTS {
        println!("cargo::rerun-if-changed={}", root.join(input).display());
    }
}
