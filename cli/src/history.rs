//! Earlier versions of a policy: its files in the history of its git repository.

use std::path::Path;
use std::process::Command;

use postern::policy::{Files, POLICY_FILE};
use postern_lint::approval;

/// How many commits to search for an approved text.
const MAX_COMMITS: usize = 500;

/// The result of a search for an approved text.
#[derive(Debug)]
pub enum Found {
    /// The policy's files from the time when it had the approved content.
    Then(Files),
    /// The directory is not in a git repository, or git is not installed.
    NoHistory,
    /// No commit has that content.
    Nowhere,
}

/// Finds the newest commit in which `name` has the digest `sha256`.
pub fn find(directory: &Path, name: &str, sha256: &str) -> Found {
    // A template's digest covers all layouts; a table is in the policy file.
    let place = match name.split_once('/') {
        Some(("templates", _)) => "templates".to_owned(),
        Some(_) => format!("{name}.json"),
        None => POLICY_FILE.to_owned(),
    };
    let limit = format!("--max-count={MAX_COMMITS}");
    let Some(commits) = git(directory, &["log", "--format=%H", &limit, "--", &place]) else { return Found::NoHistory };
    let versions = commits.lines().filter_map(|commit| version(directory, commit, &place));
    let has = |files: &Files| approval::digest(files, name).is_some_and(|digest| digest.to_string() == sha256);
    versions.into_iter().find(has).map_or(Found::Nowhere, Found::Then)
}

/// The files of a commit below a place of the policy directory.
fn version(directory: &Path, commit: &str, place: &str) -> Option<Files> {
    let paths = git(directory, &["ls-tree", "-r", "-z", "--name-only", commit, "--", place])?;
    let text = |path: &str| Some((path.to_owned(), git(directory, &["show", &format!("{commit}:./{path}")])?));
    Some(paths.split('\0').filter(|path| !path.is_empty()).filter_map(text).collect())
}

/// The output of git, if it is installed and succeeds.
fn git(directory: &Path, arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").arg("-C").arg(directory).args(arguments).output().ok()?;
    output.status.success().then(|| String::from_utf8(output.stdout).ok())?
}
