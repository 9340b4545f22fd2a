//! The same sources give the same component in every directory.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail loudly")]

#[allow(dead_code, reason = "one flavour is enough to know whether paths get into it")]
#[path = "component/flavour.rs"]
mod flavour;

use std::fs;
use std::path::Path;

use postern_engine::{Build, Profile};

use flavour::{Flavour, component};

/// What is not a source.
const LEFT_OUT: [&str; 5] = [".git", "artifacts", "corpus", "node_modules", "target"];

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let name = entry.file_name();
        if LEFT_OUT.iter().any(|left_out| name == *left_out) {
            continue;
        }
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to.join(name));
        } else {
            fs::copy(entry.path(), to.join(name)).unwrap();
        }
    }
}

/// Every dependency is compiled again: otherwise a dependency compiled elsewhere could hide that its path matters.
#[test]
fn the_same_sources_in_another_directory_give_the_same_bytes() {
    let elsewhere = tempfile::tempdir().unwrap();
    let root = elsewhere.path().join("a machine of somebody else's");
    copy(Path::new(env!("CARGO_MANIFEST_DIR")), &root);
    let build = Build::of(Flavour::Wasi, Profile::Deployment);
    let there = build.component(&root);
    if !there.starts_with(&root) {
        println!("skipped: CARGO_TARGET_DIR is absolute, so both would be built in one place; unset it");
        return;
    }
    let output = build.command(&root).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let there = fs::read(there).unwrap();
    let here = component(Flavour::Wasi);
    let first = here.iter().zip(&there).position(|(here, there)| here != there);
    assert!(here == there, "{} and {} bytes, different from byte {first:?} on", here.len(), there.len());
}
