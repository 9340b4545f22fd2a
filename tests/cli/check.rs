//! `postern check`: the exact text of every finding. Each file in `findings/` is a case: an edit of the fixture, then
//! the tool's output. `POSTERN_BLESS=1 cargo test --test cli` writes the output into the files, for review.

use std::fs;
use std::path::Path;

use crate::tool::{Said, copy, edit, fixture, root, run, write};

const CLEAN: &str = "The policy has no errors.\n";
const RULE: &str = "=== exit status ";

#[test]
fn the_example_policy_has_no_findings() {
    let expected = Said { status: 0, stdout: CLEAN.to_owned(), stderr: String::new() };
    assert_eq!(run(root(), &["check"]), expected);
}

#[test]
fn the_fixture_has_no_findings_from_anywhere() {
    let expected = Said { status: 0, stdout: CLEAN.to_owned(), stderr: String::new() };
    assert_eq!(run(root(), &["check", "tests/cli/policy"]), expected);
    let empty = Said { status: 0, stdout: "[]\n".to_owned(), stderr: String::new() };
    assert_eq!(run(root(), &["check", "tests/cli/policy", "--format", "json"]), empty);
}

/// Applies `# edit FILE` with `- old` and `+ new`, `# write FILE` with `+ text`, and `# remove FILE`.
fn apply(policy: &Path, script: &str) {
    for step in script.split("# ").skip(1) {
        let (head, body) = step.split_once('\n').unwrap();
        let marked = |mark: char| {
            let lines = body.lines().filter_map(|line| line.strip_prefix(mark));
            lines.map(|line| line.strip_prefix(' ').unwrap_or(line)).collect::<Vec<_>>().join("\n")
        };
        match head.split_once(' ').unwrap() {
            ("edit", file) => edit(policy, file, &marked('-'), &marked('+')),
            ("write", file) => write(policy, file, &format!("{}\n", marked('+'))),
            ("remove", file) => fs::remove_file(policy.join(file)).unwrap(),
            (verb, _) => panic!("{verb}?"),
        }
    }
}

#[test]
fn every_kind_of_finding_is_told_with_its_place() {
    let mut cases: Vec<_> =
        fs::read_dir(root().join("tests/cli/findings")).unwrap().map(|entry| entry.unwrap().path()).collect();
    cases.sort();
    assert!(cases.len() > 20, "the cases are there");
    let mut wrong = Vec::new();
    for path in cases {
        let case = fs::read_to_string(&path).unwrap();
        let script = case.split(RULE).next().unwrap();
        let policy = copy(&fixture());
        apply(policy.path(), script);
        let said = run(policy.path(), &["check"]);
        assert_eq!(said.stderr, "", "{}", path.display());
        let actual = format!("{script}{RULE}{}\n{}", said.status, said.stdout);
        if std::env::var_os("POSTERN_BLESS").is_some() {
            fs::write(&path, &actual).unwrap();
        } else if actual != case {
            wrong.push(format!("{}:\n{actual}", path.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn programs_get_one_array() {
    let policy = copy(&fixture());
    edit(policy.path(), "postern.toml", "\"/contact\"", "\"contact\"");
    edit(policy.path(), "schemas/deploy.json", "\"maxLength\"", "\"maxlength\"");
    write(policy.path(), "templates/_unused.txt.j2", "");
    let said = run(policy.path().parent().unwrap(), &["check", policy.path().to_str().unwrap(), "--format", "json"]);
    let findings: serde_json::Value = serde_json::from_str(&said.stdout).unwrap();
    let file = |name: &str| policy.path().join(name).to_str().unwrap().to_owned();
    let expected = serde_json::json!([
        {
            "severity": "error",
            "file": file("postern.toml"),
            "line": 6,
            "column": 8,
            "message": "`contact` is not a valid path.",
            "help": "Start with a slash and use letters, digits, `-`, `_`, `.` and `~` between slashes.",
        },
        {
            "severity": "error",
            "file": file("schemas/deploy.json"),
            "line": 5,
            "column": 36,
            "message": "`maxlength` is not a keyword of JSON Schema.",
            "help": "Check the spelling; keywords are case-sensitive.",
        },
        {
            "severity": "error",
            "file": file("templates/_unused.txt.j2"),
            "line": 1,
            "column": 1,
            "message": "No template uses this layout.",
            "help": "Use it with {% extends %}, {% include %} or {% import %}, or remove it.",
        },
    ]);
    assert_eq!((said.status, findings, said.stderr.as_str()), (1, expected, ""));
}

#[test]
fn a_directory_that_is_none_is_named() {
    let stderr = "error: The directory nowhere does not exist; name the one that contains postern.toml.\n";
    let expected = Said { status: 1, stdout: String::new(), stderr: stderr.to_owned() };
    assert_eq!(run(root(), &["check", "nowhere"]), expected);
}

#[test]
fn colours_are_for_those_who_ask_when_there_is_no_terminal() {
    let policy = copy(&fixture());
    edit(policy.path(), "postern.toml", "\"/contact\"", "\"contact\"");
    let forced = crate::tool::postern(policy.path()).arg("check").env("CLICOLOR_FORCE", "1").output().unwrap();
    assert!(forced.stdout.contains(&b'\x1b'));
    let plain = crate::tool::postern(policy.path()).arg("check").env("NO_COLOR", "1").output().unwrap();
    assert!(!plain.stdout.contains(&b'\x1b'));
}
