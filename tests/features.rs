//! The tests and the measurements use the same builds of dependencies as the tool, not a second set.
#![allow(clippy::unwrap_used, reason = "a test may fail loudly")]

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use postern_engine::{Flavour, TARGET};

/// The features of each package, by name and version. One that is built for this machine and for build scripts as well may
/// have two sets.
fn features(selection: &[&str]) -> BTreeMap<String, BTreeSet<String>> {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["tree", "--locked", "--offline", "--no-dedupe", "--prefix", "none", "--format", "{p}|{f}"]);
    let output = cargo.args(selection).current_dir(env!("CARGO_MANIFEST_DIR")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut features = BTreeMap::<_, BTreeSet<_>>::new();
    for line in String::from_utf8(output.stdout).unwrap().lines().filter(|line| !line.is_empty()) {
        let (package, enabled) = line.split_once('|').unwrap();
        let package: Vec<_> = package.split_whitespace().take(2).collect();
        features.entry(package.join(" ")).or_default().insert(enabled.trim_end_matches(" (*)").to_owned());
    }
    features
}

/// Compares what is selected with what is built anew for it.
fn shared(expected: &BTreeMap<String, BTreeSet<String>>, selection: &[&str]) {
    let here = features(selection);
    let different: Vec<_> =
        expected.iter().filter(|(name, set)| here.get(*name).is_some_and(|here| here != *set)).collect();
    assert!(different.is_empty(), "add to workspace-hack what {selection:?} builds anew: {different:#?}");
}

#[test]
fn the_tests_and_the_measurements_share_their_dependencies_with_the_tool() {
    let tool = features(&["--package", "postern-cli", "--edges", "normal,build"]);
    for selection in
        [["--package", "postern", "--edges", "normal,build,dev"], ["--package", "bench", "--edges", "normal,build"]]
    {
        shared(&tool, &selection);
    }
}

#[test]
fn the_flavours_of_the_component_share_their_dependencies() {
    let packages = Flavour::ALL.map(|flavour| format!("postern-{}", flavour.name()));
    let selection = |packages: &[String]| {
        let packages = packages.iter().flat_map(|package| ["--package".to_owned(), package.clone()]);
        packages.chain(["--target", TARGET, "--edges", "normal"].map(str::to_owned)).collect::<Vec<_>>()
    };
    let all = selection(&packages);
    let all = features(&all.iter().map(String::as_str).collect::<Vec<_>>());
    for package in packages {
        let one = selection(&[package]);
        shared(&all, &one.iter().map(String::as_str).collect::<Vec<_>>());
    }
}
