//! `postern presets` and `add`: adding a preset changes nothing else in the policy.

use std::fs;
use std::path::Path;

use crate::tool::{Said, root, run};

fn good(stdout: &str) -> Said {
    Said { status: 0, stdout: stdout.to_owned(), stderr: String::new() }
}

fn bad(stderr: &str) -> Said {
    Said { status: 1, stdout: String::new(), stderr: stderr.to_owned() }
}

fn started() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    assert_eq!(run(directory.path(), &["init", "mail"]).status, 0);
    directory
}

fn policy(directory: &Path) -> String {
    fs::read_to_string(directory.join("mail/postern.toml")).unwrap()
}

const ADDED: &str = "Added erp-approval to the policy: 10 files, and a route in postern.toml.

Next:
- Replace these addresses in postern.toml: erp-team@contoso.example, workflow@contoso.example.
- Set erp_approval_secret for the gate (ERP_APPROVAL_SECRET in the environment).
- Have the ERP system post JSON as in `sample.json`, with basic authentication; the setting holds `NAME:PASSWORD`. The
  payload names the approver, whose address must be in a domain listed in `allow`. The mail only links to the ERP system,
  where the approver signs in and decides: mail scanners would follow a link that approves by itself.

`postern check mail` lists what to fix or approve.
";

#[test]
fn every_preset_is_listed_with_what_it_tells() {
    let presets = postern_presets::all();
    let lines = presets.iter().map(|preset| format!("{:22}  {}\n", preset.name, preset.about.description));
    let expected = format!("{}\n`postern add PRESET` adds one to a policy.\n", lines.collect::<String>());
    assert_eq!(run(root(), &["presets"]), good(&expected));
}

#[test]
fn a_preset_is_added_once_and_the_policy_is_sound() {
    let directory = started();
    let before = policy(directory.path());
    let arguments = ["add", "erp-approval", "--policy", "mail"];
    assert_eq!(run(directory.path(), &arguments), good(ADDED));
    let after = policy(directory.path());
    assert!(after.starts_with(before.trim_end()) && after.len() > before.len());
    let checked = run(directory.path(), &["check", "mail"]);
    assert_eq!(checked.status, 0, "{}", checked.stdout);
    assert!(!checked.stdout.contains("error") || checked.stdout.contains("no errors"), "{}", checked.stdout);

    let refused = "error: The policy already has a route `erp-approval`. Rename it to add the preset.\n";
    assert_eq!(run(directory.path(), &arguments), bad(refused));
    assert_eq!(policy(directory.path()), after);
}

#[test]
fn what_cannot_be_added_is_a_sentence() {
    let directory = started();
    let unknown = run(directory.path(), &["add", "fax", "--policy", "mail"]);
    assert_eq!(unknown.status, 1);
    assert!(unknown.stderr.starts_with("error: There is no preset `fax`; available: acs-delivery, alertmanager, "));
    let nowhere = "error: There is no postern.toml here. Create one with `postern init`, or pass its directory with \
                   --policy.\n";
    assert_eq!(run(directory.path(), &["add", "job"]), bad(nowhere));
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1, "nothing was written");
}
