//! The tests and the measurements are built with the dependencies that the tool is built with, and not with a second set.
#![allow(clippy::unwrap_used, reason = "a test may fail loudly")]

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

/// The features of each package, by name and version. One that is built for this machine and for build scripts as well may
/// have two sets.
fn features(selection: &[&str]) -> BTreeMap<String, BTreeSet<String>> {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["tree", "--locked", "--offline", "--no-dedupe", "--prefix", "none", "--format", "{p}|{f}"]);
    let output = cargo.args(selection).current_dir(env!("CARGO_MANIFEST_DIR")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut features = BTreeMap::<_, BTreeSet<_>>::new();
    for line in String::from_utf8(output.stdout).unwrap().lines() {
        let (package, enabled) = line.split_once('|').unwrap();
        let package: Vec<_> = package.split_whitespace().take(2).collect();
        features.entry(package.join(" ")).or_default().insert(enabled.trim_end_matches(" (*)").to_owned());
    }
    features
}

#[test]
fn the_tests_and_the_measurements_share_their_dependencies_with_the_tool() {
    let tool = features(&["--package", "postern-cli", "--edges", "normal,build"]);
    for selection in
        [["--package", "postern", "--edges", "normal,build,dev"], ["--package", "bench", "--edges", "normal,build"]]
    {
        let here = features(&selection);
        let different: Vec<_> =
            tool.iter().filter(|(name, set)| here.get(*name).is_some_and(|here| here != *set)).collect();
        assert!(different.is_empty(), "add to workspace-hack what {selection:?} builds anew: {different:#?}");
    }
}
