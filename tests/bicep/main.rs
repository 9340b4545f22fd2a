//! A Bicep parser reads the Azure template: `tree-sitter-bicep` from PyPI, installed once into the target directory.
//! Without `python3` or the registry, the test says so and passes.
#![allow(clippy::unwrap_used, missing_docs, reason = "a test that cannot go on should stop at once")]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

const PACKAGES: [&str; 2] = ["tree-sitter==0.26.1", "tree-sitter-bicep==1.1.0"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A Python that has the parser; prints why and returns `None` if there is none.
fn python() -> Option<PathBuf> {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("bicep");
    let program = directory.join(if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" });
    let marker = directory.join("complete");
    if marker.exists() {
        return Some(program);
    }
    let mut create = Command::new("python3");
    create.args(["-m", "venv"]).arg(&directory);
    let mut install = Command::new(&program);
    install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]).args(PACKAGES);
    for mut command in [create, install] {
        let failure = match command.output() {
            Ok(output) if output.status.success() => continue,
            Ok(output) => String::from_utf8_lossy(&output.stderr).into_owned(),
            Err(error) => error.to_string(),
        };
        println!("skipped: the parser of Bicep is not installed: {failure}");
        return None;
    }
    fs::write(marker, "").unwrap();
    Some(program)
}

/// What the parser does not understand, a line each.
fn complaints(python: &Path, file: &Path) -> String {
    let output = Command::new(python).arg(root().join("tests/bicep/parse.py")).arg(file).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_azure_template_is_bicep() {
    let Some(python) = python() else { return };
    let template = root().join("deploy/azure/main.bicep");
    assert_eq!(complaints(&python, &template), "");
    let broken = Path::new(env!("CARGO_TARGET_TMPDIR")).join("broken.bicep");
    fs::write(&broken, fs::read_to_string(template).unwrap().replacen("scope: acs", "scope acs", 1)).unwrap();
    assert_ne!(complaints(&python, &broken), "", "the parser finds something");
}
