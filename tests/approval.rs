//! `postern init`, `approve` and `check`, used as people use them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    missing_docs,
    reason = "a test may fail loudly"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::LazyLock;

use tempfile::TempDir;

/// Built once by cargo, which only checks it if it was built before.
static PROGRAM: LazyLock<PathBuf> = LazyLock::new(|| {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
    let build = escargot::CargoBuild::new().manifest_path(manifest).package("postern-cli").bin("postern");
    build.run().expect("the tool builds").path().to_owned()
});

const EVERYTHING: [&str; 5] =
    ["routes", "schemas/contact", "senders", "templates/contact-acknowledge", "templates/contact-notify"];

fn said(output: Output) -> (i32, String, String) {
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

fn postern(directory: &Path, arguments: &[&str]) -> (i32, String, String) {
    said(Command::new(&*PROGRAM).current_dir(directory).args(arguments).env_remove("CLICOLOR_FORCE").output().unwrap())
}

fn git(directory: &Path, arguments: &[&str]) {
    let settings = ["-c", "user.name=Test", "-c", "user.email=test@contoso.example", "-c", "commit.gpgsign=false"];
    let (status, _, errors) =
        said(Command::new("git").current_dir(directory).args(settings).args(arguments).output().unwrap());
    assert_eq!(status, 0, "{errors}");
}

/// A new policy in a separate directory.
fn started() -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    let (status, _, errors) = postern(directory.path(), &["init", "."]);
    assert_eq!((status, errors.as_str()), (0, ""));
    directory
}

fn approve(directory: &Path, names: &[&str]) -> (i32, String, String) {
    postern(directory, &[&["approve", "--by", "lead@contoso.example"], names].concat())
}

fn edit(directory: &Path, path: &str, old: &str, new: &str) {
    let path = directory.join(path);
    let text = fs::read_to_string(&path).unwrap();
    assert_eq!(text.matches(old).count(), 1, "{old} is in {}", path.display());
    fs::write(path, text.replace(old, new)).unwrap();
}

/// The messages of `postern check`, and its status.
fn check(directory: &Path) -> (i32, Vec<String>) {
    let (status, out, _) = postern(directory, &["check", "--format", "json"]);
    let findings: Vec<serde_json::Value> = serde_json::from_str(&out).unwrap();
    let line = |finding: &serde_json::Value| {
        format!("{} {}", finding["severity"].as_str().unwrap(), finding["message"].as_str().unwrap())
    };
    (status, findings.iter().map(line).collect())
}

#[test]
fn a_new_policy_passes_once_it_is_approved() {
    let directory = started();
    let open: Vec<_> = EVERYTHING.iter().map(|name| format!("warning `{name}` is not approved.")).collect();
    assert_eq!(check(directory.path()), (0, open));
    let (status, out, errors) = approve(directory.path(), &["--all"]);
    assert_eq!((status, errors.as_str()), (0, ""));
    assert!(out.ends_with("Wrote approvals.toml. Commit it together with what it approves.\n"), "{out}");
    assert_eq!(check(directory.path()), (0, vec![]));
    assert_eq!(approve(directory.path(), &["--all"]), (0, "Everything is already approved.\n".into(), String::new()));
}

#[test]
fn init_overwrites_nothing() {
    let directory = started();
    let before = fs::read_to_string(directory.path().join("postern.toml")).unwrap();
    let expected = "error: ./postern.toml already exists; choose another directory.\n";
    assert_eq!(postern(directory.path(), &["init", "."]), (1, String::new(), expected.into()));
    assert_eq!(fs::read_to_string(directory.path().join("postern.toml")).unwrap(), before);
    let other = tempfile::tempdir().unwrap();
    fs::create_dir(other.path().join("templates")).unwrap();
    let expected = "error: ./templates already exists; choose another directory.\n";
    assert_eq!(postern(other.path(), &["init", "."]), (1, String::new(), expected.into()));
    assert!(!other.path().join("postern.toml").exists());
}

#[test]
fn a_change_is_shown_against_the_approved_text_in_git() {
    let directory = started();
    let path = directory.path();
    assert_eq!(approve(path, &["--all"]).0, 0);
    git(path, &["init", "--quiet"]);
    git(path, &["add", "."]);
    git(path, &["commit", "--quiet", "-m", "policy"]);
    edit(path, "templates/contact-acknowledge/subject.txt.j2", "We have received", "Thank you for");
    edit(path, "postern.toml", "[\"sales@contoso.example\"]", "[\"team@contoso.example\"]");
    git(path, &["commit", "--quiet", "-am", "words"]);
    let (status, out, errors) = approve(path, &["templates/contact-acknowledge/", "routes"]);
    assert_eq!((status, errors.as_str()), (0, ""));
    for expected in [
        "changes since lead@contoso.example approved it on ",
        "-We have received your message\n+Thank you for your message\n",
        "-          \"sales@contoso.example\"\n+          \"team@contoso.example\"\n",
    ] {
        assert!(out.contains(expected), "{expected}\n{out}");
    }
    assert!(!out.contains("within two working days"), "unchanged texts are left out: {out}");
    assert_eq!(check(path), (0, vec![]));
}

#[test]
fn without_history_the_whole_text_is_shown_with_the_reason() {
    let directory = started();
    let path = directory.path();
    assert_eq!(approve(path, &["--all"]).0, 0);
    edit(path, "schemas/contact.json", "5000", "4000");
    let (_, out, _) = approve(path, &["schemas/contact.json"]);
    assert!(out.contains(": there is no git history here\n"), "{out}");
    assert!(out.contains("--- schemas/contact.json\n{\n"), "{out}");
    git(path, &["init", "--quiet"]);
    git(path, &["add", "."]);
    git(path, &["commit", "--quiet", "-m", "late"]);
    edit(path, "approvals.toml", &sha256_of(path, "senders"), &"0".repeat(64));
    let (_, out, _) = approve(path, &["senders"]);
    assert!(out.contains(": no commit contains it\n"), "{out}");
}

fn sha256_of(directory: &Path, name: &str) -> String {
    let text = fs::read_to_string(directory.join("approvals.toml")).unwrap();
    let entry = text.split(&format!("[{name}]\nsha256 = \"")).nth(1).unwrap();
    entry[..64].to_owned()
}

#[test]
fn nothing_wrong_is_approved() {
    let directory = started();
    let path = directory.path();
    let (status, _, errors) = approve(path, &["templates/contact"]);
    assert_eq!(status, 1);
    assert_eq!(
        errors,
        format!(
            "error: There is nothing named `templates/contact` to approve; available: {}.\n",
            EVERYTHING.join(", ")
        )
    );
    edit(path, "templates/contact-notify/subject.txt.j2", "name", "nome");
    let (status, _, errors) = approve(path, &["--all"]);
    assert_eq!(status, 1);
    assert!(errors.contains("The schema `contact` has no field `nome`."), "{errors}");
    assert!(!path.join("approvals.toml").exists());
    let (status, ..) = postern(path, &["approve", "--all", "--by", "somebody"]);
    assert_eq!(status, 2);
}

/// Control characters that hide a line from a reader at a terminal.
const HIDDEN: &str = "{# \u{1b}[1A\u{1b}[2K\u{1b}[8m #}Pay now.\u{202e}";

#[test]
fn what_steers_a_terminal_is_refused_and_never_printed() {
    let directory = started();
    let (path, template) = (directory.path(), "templates/contact-acknowledge/body.txt.j2");
    let good = fs::read_to_string(path.join(template)).unwrap();
    fs::write(path.join(template), format!("{good}{HIDDEN}\n")).unwrap();
    let message = "error The character U+001B is invisible, and changes how the text around it is shown or printed.";
    assert_eq!(check(path), (1, vec![message.into()]));
    for arguments in [&["check"][..], &["approve", "--all", "--by", "lead@contoso.example"]] {
        let (status, out, errors) = in_colour(path, arguments);
        assert_eq!(status, 1);
        assert_nothing_steers(&format!("{out}{errors}"));
        assert!(!path.join("approvals.toml").exists());
    }

    // An earlier approved text is in the history, and approve shows it when the text changes.
    git(path, &["init", "--quiet"]);
    let bad = postern::policy::Files::read(path).unwrap();
    let sha256 = postern::policy::Template::digest_of(&bad, "contact-acknowledge").to_string();
    let entry = format!(
        "[\"templates/contact-acknowledge\"]\nsha256 = \"{sha256}\"\napproved_by = \"a@contoso.example\"\n\
         approved_on = 2026-01-01\n"
    );
    fs::write(path.join("approvals.toml"), entry).unwrap();
    git(path, &["add", "."]);
    git(path, &["commit", "--quiet", "-m", "policy"]);
    fs::write(path.join(template), good).unwrap();
    let (status, out, _) = in_colour(path, &["approve", "--all", "--by", "lead@contoso.example"]);
    assert_eq!(status, 0, "{out}");
    assert_nothing_steers(&out);
    let shown = "-{# \\u001b[1A\\u001b[2K\\u001b[8m #}Pay now.\\u202e";
    assert!(out.contains(shown), "{out}");
}

/// As on a terminal with colours.
fn in_colour(directory: &Path, arguments: &[&str]) -> (i32, String, String) {
    let mut command = Command::new(&*PROGRAM);
    said(
        command
            .current_dir(directory)
            .args(arguments)
            .env("CLICOLOR_FORCE", "1")
            .env_remove("NO_COLOR")
            .output()
            .unwrap(),
    )
}

/// Only text remains, and styles whose first number conceals nothing.
fn assert_nothing_steers(shown: &str) {
    assert!(shown.contains("\u{1b}[1m"), "styles are there: {shown:?}");
    let plain = |character: char| character == '\n' || !character.is_control() && character != '\u{202e}';
    for part in shown.split('\u{1b}') {
        assert!(part.chars().all(plain), "{part:?}");
    }
    for sequence in ["[8m", "[1A", "[2K"] {
        assert!(!shown.contains(&format!("\u{1b}{sequence}")), "{sequence}");
    }
}

#[test]
fn approvals_of_what_is_gone_are_told_and_forgotten() {
    let directory = started();
    let path = directory.path();
    assert_eq!(approve(path, &["--all"]).0, 0);
    let stale = "\n[\"schemas/old\"]\nsha256 = \"00\"\napproved_by = \"a@contoso.example\"\napproved_on = 2026-01-01\n";
    let text = fs::read_to_string(path.join("approvals.toml")).unwrap();
    fs::write(path.join("approvals.toml"), format!("{text}{stale}")).unwrap();
    assert_eq!(check(path), (0, vec!["warning `schemas/old` is approved but no longer exists.".into()]));
    assert_eq!(approve(path, &["--all"]).0, 0);
    assert_eq!(check(path), (0, vec![]));
}
