//! Builds the component in every flavour, for `src/lib.rs` to embed.

mod component;

use component::{Build, FLAVOURS, INPUTS};
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

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
    let root = directory("CARGO_MANIFEST_DIR")?.join("..");
    let root = root.canonicalize().map_err(|error| format!("The workspace cannot be read: {error}."))?;
    watch(&root);
    component::add_target(&root)?;
    let out = directory("OUT_DIR")?;
    FLAVOURS.iter().try_for_each(|build| embed(build, &root, &out))
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

/// Builds one flavour and puts it where `include_bytes!` finds it; the compiler's output is shown if it fails.
fn embed(build: &Build, root: &Path, out: &Path) -> Result<(), String> {
    let flavour = build.name;
    let output = build.command(root).output().map_err(|error| format!("cargo does not start: {error}."))?;
    if !output.status.success() {
        eprintln!("{}", String::from_utf8_lossy(&output.stderr));
        return Err(format!(
            "The component did not build in the flavour `{flavour}`; the compiler's messages are below."
        ));
    }
    fs::copy(build.component(root), out.join(format!("{flavour}.wasm")))
        .map(drop)
        .map_err(|error| format!("The component of the flavour `{flavour}` cannot be copied: {error}."))
}
