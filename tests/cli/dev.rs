//! `postern dev`, from its first line to its last: the real component, the emulator, and edits in between.

use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use crate::running::{Running, SITE, post, subjects};
use crate::tool::{Said, copy, edit, fixture, postern, root, run, said, write};

const ANYWHERE: [&str; 5] = ["dev", "--listen", "127.0.0.1:0", "--acs-listen", "127.0.0.1:0"];

struct Dev {
    running: Running,
    gate: String,
    inbox: String,
}

/// What the program leaves behind in a directory for temporary files of its own.
fn left_behind(directory: &TempDir) -> Vec<String> {
    let entries = std::fs::read_dir(directory.path()).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

fn start(command: &mut Command) -> Dev {
    let mut running = Running::start(command.args(ANYWHERE));
    let (gate, inbox) = (running.address("Gate"), running.address("Inbox"));
    Dev { running, gate, inbox }
}

/// An audit line as people see it, without what differs from run to run.
fn shape(line: &str) -> String {
    let words: Vec<&str> = line.split_whitespace().collect();
    assert!(words[0].len() == 9 && words[0].ends_with('Z') && words[4] == "ms", "{line}");
    [&words[1..3], &words[5..]].concat().join(" ")
}

#[test]
fn the_example_policy_is_served_as_its_own_lines_say() {
    let mut dev = start(&mut postern(root()));
    assert_eq!(dev.running.next(), "");
    assert_eq!(dev.running.next(), "  /contact       contact (form)");
    assert_eq!(dev.running.next(), "  /hooks/github  github (event, github)");

    dev.running.line("  Try it");
    let curl = shlex::split(&dev.running.next()).unwrap();
    let [program, i, url, origin_flag, origin, header_flag, header, data_flag, data] = &curl[..] else {
        panic!("{curl:?}")
    };
    assert_eq!([program, i, origin_flag, header_flag, data_flag], ["curl", "-i", "-H", "-H", "-d"]);
    assert_eq!(origin.strip_prefix("origin:"), Some(SITE));
    assert_eq!(*url, format!("{}/contact", dev.gate));
    let answer = post(url, header.strip_prefix("content-type:").unwrap(), data);
    assert_eq!(answer.0, 200, "{}", answer.1);
    assert_eq!(shape(&dev.running.line("contact ")), "200 sent contact 2 mails");
    assert_eq!(subjects(&dev.inbox), ["[sales] Message from Ada Example", "We have received your message"]);

    let sent = run(root(), &["send", "github", "--url", &dev.gate]);
    assert_eq!((sent.status, sent.stderr.as_str()), (0, ""), "{}", sent.stdout);
    assert!(sent.stdout.starts_with("200 OK\n{\n  "), "{}", sent.stdout);
    assert_eq!(shape(&dev.running.line("github ")), "200 sent github 1 mail");
    assert_eq!(subjects(&dev.inbox).last().unwrap(), "[contoso/shop] #1347 Checkout fails with a 500 on empty baskets");

    // The same sample as above, and yet another submission.
    assert_eq!(run(root(), &["send", "contact", "--url", &dev.gate]).status, 0);
    assert_eq!(shape(&dev.running.line("contact ")), "200 sent contact 2 mails");
    assert_eq!(subjects(&dev.inbox).len(), 5);

    assert_eq!(post(&format!("{}/nowhere", dev.gate), "application/json", "{}").0, 404);
    assert_eq!(shape(&dev.running.next()), "404 refused - unknown-path");
    assert_eq!(dev.running.end("-INT"), (Some(0), vec![], vec![]));
}

#[test]
fn an_edit_is_served_when_it_is_good_and_reported_once_when_it_is_not() {
    let (policy, temporary) = (copy(&fixture()), tempfile::tempdir().unwrap());
    let mut dev = start(postern(policy.path()).env("TMPDIR", temporary.path()));
    dev.running.line("  Try it");
    let curl = shlex::split(&dev.running.next()).unwrap();
    let sample = std::fs::read_to_string(policy.path().join("templates/contact-notify/sample.json")).unwrap();
    let json = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    assert_eq!(json(curl.last().unwrap()), json(&sample), "an apostrophe survives the shell");
    dev.running.line("Ctrl-C ends");
    assert_eq!(dev.running.next(), "");
    let post = |name: &str| {
        post(
            &format!("{}/contact", dev.gate),
            "application/json",
            &format!(r#"{{"name":"{name}","email":"a@b.example"}}"#),
        )
        .0
    };
    let subject = "templates/contact-notify/subject.txt.j2";
    // Before the first request, because the component reads its policy then: it must not read this.
    write(policy.path(), subject, "News from {{ nam }}\n");
    assert!(dev.running.next().ends_with("Z  policy broken"));
    for line in [
        "error: The schema `contact` has no field `nam`.",
        " --> templates/contact-notify/subject.txt.j2:1:14",
        "  |",
        "1 | News from {{ nam }}",
        "  |              ^^^",
        "  |",
        "  = help: Correct the name, or add it to `properties` in schemas/contact.json.",
        "",
        "The policy cannot be used: 1 error.",
        "The last good policy is still served.",
    ] {
        assert_eq!(dev.running.next(), line);
    }
    assert_eq!(post("one"), 200);
    assert_eq!(shape(&dev.running.next()), "200 sent contact 1 mail");

    // Another edit that leaves the same error is not told again: the next line is that of the mended policy.
    edit(policy.path(), "schemas/contact.json", "5000", "4000");
    write(policy.path(), subject, "News from {{ name }}\n");
    let open = "schemas/contact, templates/contact-notify (see postern approve)";
    assert_eq!(dev.running.next(), format!("not approved: {open}"));
    assert!(dev.running.next().ends_with("Z  policy mended: 2 routes, 2 mails"));
    assert_eq!(post("two"), 200);
    dev.running.line("200 sent");

    edit(policy.path(), "postern.toml", "\"/contact\"", "\"/kontakt\"");
    assert_eq!(dev.running.next(), format!("not approved: routes, {open}"));
    assert!(dev.running.next().ends_with("Z  policy reloaded: 2 routes, 2 mails"));
    assert_eq!(post("three"), 404);
    assert_eq!(subjects(&dev.inbox), ["Message from one", "News from two"]);
    dev.running.line("404 refused");
    assert_eq!(left_behind(&temporary), Vec::<String>::new(), "the policy is in the component");
    assert_eq!(dev.running.end("-TERM"), (Some(0), vec![], vec![]));
    assert_eq!(left_behind(&temporary), Vec::<String>::new());
}

#[test]
fn programs_read_audit_lines_and_people_read_standard_error() {
    let mut running = Running::start(postern(root()).args(ANYWHERE).arg("--json"));
    let gate = running.complaint("  Gate").trim().strip_prefix("Gate").unwrap().trim().to_owned();
    assert_eq!(post(&format!("{gate}/nowhere"), "application/json", "{}").0, 404);
    let line: Value = serde_json::from_str(&running.next()).unwrap();
    assert_eq!((&line["verdict"], &line["http.response.status_code"]), (&Value::from("refused"), &Value::from(404)));
    let (status, stdout, _) = running.end("-INT");
    assert_eq!((status, stdout), (Some(0), vec![]));
}

#[test]
fn without_a_form_the_line_to_try_is_a_signed_one() {
    let policy = copy(&fixture());
    let text = std::fs::read_to_string(policy.path().join("postern.toml")).unwrap();
    let (senders, rest) = text.split_once("[routes.contact]").unwrap();
    let (_, event) = rest.split_once("[routes.deploy]").unwrap();
    write(policy.path(), "postern.toml", &format!("{senders}[routes.deploy]{event}"));
    for path in ["schemas/contact.json", "templates/_layout.html.j2"] {
        std::fs::remove_file(policy.path().join(path)).unwrap();
    }
    std::fs::remove_dir_all(policy.path().join("templates/contact-notify")).unwrap();

    let mut dev = start(&mut postern(policy.path()));
    dev.running.line("  Try it");
    let words = shlex::split(&dev.running.next()).unwrap();
    assert_eq!(words[1..], ["send", "deploy", "--url", &dev.gate]);
    let arguments: Vec<&str> = words[1..].iter().map(String::as_str).collect();
    assert_eq!(Path::new(&words[0]).file_name().unwrap(), "postern");
    assert_eq!(run(policy.path(), &arguments).status, 0);
    assert_eq!(subjects(&dev.inbox), ["shop: deployment failed"]);
    assert_eq!(dev.running.end("-INT").0, Some(0));
}

#[test]
fn a_secret_from_the_environment_takes_the_place_of_the_development_one() {
    let mut dev = start(postern(&fixture()).env("DEPLOY_SECRET", "whsec_c2VjcmV0LW9mLXRoZS10ZXN0"));
    dev.running.line("  Try it");
    let send = |name: Option<&str>| {
        let mut command = postern(&fixture());
        command.args(["send", "deploy", "--url", &dev.gate]).env("OTHER_NAME", "whsec_c2VjcmV0LW9mLXRoZS10ZXN0");
        said(command.args(name.map(|name| format!("--secret-env={name}"))).output().unwrap())
    };
    let refused = send(None);
    assert_eq!((refused.status, refused.stdout.lines().next().unwrap()), (1, "401 Unauthorized"));
    let advice = "It was signed with the development secret, because DEPLOY_SECRET is not set in this environment.\n";
    assert_eq!(refused.stderr, advice);
    assert_eq!(shape(&dev.running.line("deploy ")), "401 refused deploy unauthenticated: wrong-signature");
    let accepted = send(Some("OTHER_NAME"));
    assert_eq!((accepted.status, accepted.stdout.lines().next().unwrap()), (0, "200 OK"));
    assert_eq!(dev.running.end("-INT").0, Some(0));
}

#[test]
fn a_broken_policy_does_not_start() {
    let policy = copy(&fixture());
    edit(policy.path(), "postern.toml", "\"/contact\"", "\"contact\"");
    let stderr = "\
error: `contact` is not a usable path.
 --> postern.toml:6:8
  |
6 | path = \"contact\"
  |        ^^^^^^^^^
  |
  = help: Start with a slash and use letters, digits, `-`, `_`, `.` and `~` between slashes.

The policy cannot be used: 1 error.
";
    assert_eq!(run(policy.path(), &ANYWHERE), Said { status: 1, stdout: String::new(), stderr: stderr.to_owned() });
}

#[test]
fn a_busy_port_is_one_sentence_with_the_option_to_change_it() {
    let held = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = held.local_addr().unwrap();
    for (option, other) in [("--listen", "--acs-listen"), ("--acs-listen", "--listen")] {
        let said = run(root(), &["dev", option, &address.to_string(), other, "127.0.0.1:0"]);
        let sentence = format!(
            "error: Port {} on 127.0.0.1 is in use: stop the program that has it, or choose another address with \
             `{option}`.\n",
            address.port()
        );
        assert_eq!((said.status, said.stderr), (1, sentence));
    }
}

#[test]
fn a_secret_that_no_caller_could_use_is_told_at_the_start() {
    let output = postern(&fixture()).args(ANYWHERE).env("DEPLOY_SECRET", "canary?").output().unwrap();
    let stderr = "error: The environment variable DEPLOY_SECRET holds no secret of the scheme standard-webhooks.\n";
    assert_eq!(said(output), Said { status: 1, stdout: String::new(), stderr: stderr.to_owned() });
}
