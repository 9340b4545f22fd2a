//! `postern doctor`: what is missing, and what an ACS resource reveals without a mail.

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;
use std::time::{Duration, SystemTime};

use postern_emulator::{Clock, Config, DEVELOPMENT_KEY, Emulator, Senders, Store};
use serde_json::{Value, json};

use crate::tool::{copy, edit, fixture, postern, said};

/// An emulator that answers until the test ends.
fn emulator(config: Config) -> (tokio::runtime::Runtime, String, Store) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let emulator = runtime.block_on(Emulator::bind(([127, 0, 0, 1], 0).into(), config)).unwrap();
    let (endpoint, store) = (emulator.endpoint(), emulator.store());
    runtime.spawn(emulator.serve(std::future::pending()));
    (runtime, endpoint, store)
}

fn asking(mut command: Command, endpoint: &str, key: &str) -> Command {
    command.env("ACS_ENDPOINT", endpoint).env("ACS_ACCESS_KEY", key);
    command
}

fn doctor(mut command: Command) -> Command {
    command.args(["doctor", "--listen", "127.0.0.1:0", "--acs-listen", "127.0.0.1:0"]);
    command
}

/// The exit status, and each finding as its check, state, message and help, without those about this machine.
fn findings(mut command: Command) -> (i32, Vec<Value>) {
    let said = said(command.args(["--format", "json"]).output().unwrap());
    assert_eq!(said.stderr, "");
    let all: Vec<Value> = serde_json::from_str(&said.stdout).unwrap();
    let machine = ["gate's port", "inbox's port", "cache", "git"];
    let others = all.into_iter().filter(|finding| !machine.contains(&finding["check"].as_str().unwrap()));
    (said.status, others.collect())
}

fn states(findings: &[Value]) -> Vec<(&str, &str)> {
    findings.iter().map(|finding| (finding["check"].as_str().unwrap(), finding["state"].as_str().unwrap())).collect()
}

const WEBSITE: &str = "sender website";

#[test]
fn the_machine_and_the_policy_are_looked_at_without_settings() {
    let (status, found) = findings(doctor(postern(&fixture())));
    assert_eq!(
        found,
        [
            json!({"check": "wasm target", "state": "good", "message": "wasm32-wasip2 is installed"}),
            found[1].clone(),
            found[2].clone(),
            found[3].clone(),
            json!({"check": "policy", "state": "good", "message": "it can be used: 2 routes, 2 mails"}),
            json!({"check": "approvals", "state": "good", "message": "everything is approved"}),
            json!({
                "check": "secrets",
                "state": "warning",
                "message": "not set: DEPLOY_SECRET",
                "help": "`postern dev` uses development values; the gate needs real ones.",
            }),
            json!({
                "check": "ACS",
                "state": "skipped",
                "message": "not checked: set ACS_ENDPOINT, and ACS_ACCESS_KEY or an identity's settings",
            }),
        ]
    );
    assert_eq!(
        found[1..4].iter().map(|tool| tool["check"].clone()).collect::<Vec<_>>(),
        ["node", "python3", "chromium"]
    );
    assert_eq!(status, 0);
}

#[test]
fn a_compiler_without_the_target_and_an_edit_that_nobody_approved_are_told() {
    let tools = tempfile::tempdir().unwrap();
    let rustc = tools.path().join("rustc");
    std::fs::write(&rustc, "#!/bin/sh\necho /nowhere\n").unwrap();
    std::fs::set_permissions(&rustc, std::fs::Permissions::from_mode(0o755)).unwrap();
    let mut command = doctor(postern(&fixture()));
    command.env("PATH", tools.path());
    let (status, found) = findings(command);
    assert_eq!(
        found[0],
        json!({
            "check": "wasm target",
            "state": "failed",
            "message": "wasm32-wasip2 is missing: the component cannot be built from this source",
            "help": "Run `rustup target add wasm32-wasip2`, or install rustup from https://rustup.rs.",
        })
    );
    assert_eq!(status, 1);

    let policy = copy(&fixture());
    edit(policy.path(), "templates/contact-notify/subject.txt.j2", "Message", "Letter");
    let (status, found) = findings(doctor(postern(policy.path())));
    assert_eq!(
        found[1],
        json!({
            "check": "approvals",
            "state": "warning",
            "message": "1 thing not approved, so the policy cannot be sealed",
            "help": "`postern check` lists them, and `postern approve` shows what changed.",
        })
    );
    assert_eq!(status, 0);
}

#[test]
fn where_no_source_is_the_tools_of_its_tests_do_not_matter() {
    let policy = copy(&fixture());
    edit(policy.path(), "postern.toml", "\"/contact\"", "\"contact\"");
    let (status, found) = findings(doctor(postern(policy.path())));
    assert_eq!(states(&found), [("policy", "failed"), ("ACS", "skipped")]);
    assert_eq!(found[0]["help"], "`postern check .` shows where the errors are and how to fix them.");
    assert_eq!(status, 1);
    let nowhere = tempfile::tempdir().unwrap();
    let (status, found) = findings(doctor(postern(nowhere.path())));
    assert_eq!((status, states(&found)), (0, vec![("policy", "skipped"), ("ACS", "skipped")]));
}

#[test]
fn settings_with_something_around_them_are_named_and_not_shown() {
    let mut command = asking(doctor(postern(&fixture())), "'https://contoso.communication.azure.com'", "a2V5\n");
    command.env("DEPLOY_SECRET", "\"whsec_c2VjcmV0\"").env("REDIRECT_ALL_TO", " a@contoso.example");
    let (status, found) = findings(command);
    let quoted = "is in quotation marks, which count as part of the value: remove them";
    let alone = "Set the environment variable to the value alone.";
    let of_resource = "In the environment, names are in upper case; copy the values from the resource's Keys page.";
    let failed = |check: &str, message: String, help: &str| json!({"check": check, "state": "failed", "message": message, "help": help});
    assert_eq!(
        found[found.len() - 4..],
        [
            failed("settings", format!("DEPLOY_SECRET {quoted}"), alone),
            failed("settings", "REDIRECT_ALL_TO starts or ends with a space: remove it".to_owned(), alone),
            failed("ACS settings", format!("acs_endpoint {quoted}"), of_resource),
            failed(
                "ACS settings",
                "acs_access_key starts or ends with a line break: remove it".to_owned(),
                of_resource
            ),
        ]
    );
    assert_eq!(status, 1);
}

#[test]
fn people_read_marks_with_what_to_do_below() {
    let held = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = held.local_addr().unwrap().to_string();
    let nowhere = tempfile::tempdir().unwrap();
    for (locale, good, skipped) in [("C.UTF-8", "✓ ", "- "), ("C", "+ ", "- ")] {
        let mut command = postern(nowhere.path());
        command.env("LC_ALL", locale).env("TERM", "xterm");
        let said =
            said(command.args(["doctor", "--listen", &address, "--acs-listen", "127.0.0.1:0"]).output().unwrap());
        assert_eq!((said.status, said.stderr.as_str()), (0, ""));
        let lines: Vec<_> = said.stdout.lines().collect();
        assert_eq!(lines[0], format!("! gate's port     {address} is in use"));
        let help = "Stop the program that uses it, or choose another address with `--listen`.";
        assert_eq!(lines[1], format!("                  {help}"));
        assert_eq!(lines[2], format!("{good}inbox's port    127.0.0.1:0 is free"));
        assert!(lines.last().unwrap().starts_with(&format!("{skipped}ACS ")), "{lines:?}");
    }
}

#[test]
fn a_resource_is_asked_without_a_mail() {
    let (_runtime, endpoint, store) = emulator(Config::default());
    let (status, found) = findings(asking(doctor(postern(&fixture())), &endpoint, DEVELOPMENT_KEY));
    let asked = found.len() - 4;
    assert_eq!(
        states(&found[asked..]),
        [("ACS", "good"), ("clock", "good"), ("access-key", "good"), (WEBSITE, "unknown")]
    );
    let message = "unknown: ACS did not object (400, BadRequest), but may not have checked";
    assert_eq!(found.last().unwrap()["message"], message);
    assert_eq!(status, 0);
    assert_eq!(store.messages().len(), 0);
}

#[test]
fn a_clock_that_is_wrong_explains_a_key_that_is_refused() {
    let ahead = Clock::new(|| SystemTime::now() + Duration::from_secs(3600));
    let (_runtime, endpoint, _) = emulator(Config { clock: ahead, ..Config::default() });
    let (status, found) = findings(asking(doctor(postern(&fixture())), &endpoint, DEVELOPMENT_KEY));
    let asked = &found[found.len() - 3..];
    assert_eq!(states(asked), [("ACS", "good"), ("clock", "failed"), ("access-key", "unknown")]);
    let message = asked[1]["message"].as_str().unwrap();
    let away = message.strip_suffix(" away from ACS's clock, which is more than ACS accepts").unwrap();
    assert!(["1h", "59m 59s"].contains(&away), "{away}");
    assert_eq!(status, 1);

    let slow = Clock::new(|| SystemTime::now() - Duration::from_secs(120));
    let (_runtime, endpoint, _) = emulator(Config { clock: slow, ..Config::default() });
    let (status, found) = findings(asking(doctor(postern(&fixture())), &endpoint, DEVELOPMENT_KEY));
    assert_eq!(states(&found[found.len() - 3..])[..2], [("clock", "warning"), ("access-key", "good")]);
    assert_eq!(status, 0);
}

#[test]
fn a_wrong_key_is_told_from_a_resource_that_does_not_answer() {
    let (_runtime, endpoint, _) = emulator(Config::default());
    let (status, found) = findings(asking(doctor(postern(&fixture())), &endpoint, "d3Jvbmc="));
    let asked = &found[found.len() - 3..];
    assert_eq!(states(asked), [("ACS", "good"), ("clock", "good"), ("access-key", "failed")]);
    assert_eq!((status, &asked[2]["message"]), (1, &json!("ACS refuses it (401)")));

    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (status, found) = findings(asking(doctor(postern(&fixture())), &format!("http://{free}"), DEVELOPMENT_KEY));
    let last = found.last().unwrap();
    assert_eq!((status, &last["check"], &last["state"]), (1, &json!("ACS"), &json!("failed")));
    assert_eq!(last["message"], format!("http://{free} does not answer: unreachable"));

    let (status, found) = findings(asking(doctor(postern(&fixture())), "http://contoso.example", DEVELOPMENT_KEY));
    let last = found.last().unwrap();
    assert_eq!((status, &last["check"]), (1, &json!("ACS settings")));
    assert!(!last.to_string().contains(DEVELOPMENT_KEY));
}

#[test]
fn a_sender_whose_domain_is_not_linked_is_told_from_a_name_that_is_not_known() {
    for (known, message, help) in [
        (
            "forms@fabrikam.example",
            "the domain contoso.example is not linked to the resource (404, DomainNotLinked)",
            "Link the sender's domain to the Communication Services resource.",
        ),
        (
            "other@contoso.example",
            "its domain is linked, but ACS does not know the name (400, InvalidSenderUserName)",
            "Add the sender's username to its domain in ACS, or correct it in the policy.",
        ),
    ] {
        let senders = Senders::Only(vec![known.to_owned()]);
        let (_runtime, endpoint, store) = emulator(Config { senders, ..Config::default() });
        let (status, found) = findings(asking(doctor(postern(&fixture())), &endpoint, DEVELOPMENT_KEY));
        let expected = json!({"check": WEBSITE, "state": "failed", "message": message, "help": help});
        assert_eq!((status, found.last().unwrap()), (1, &expected));
        assert_eq!(store.messages().len(), 0);
    }
}

#[test]
fn what_acs_does_not_tell_is_unknown() {
    let (_runtime, endpoint, _) = emulator(Config::default());
    let fault = json!({"call": "status", "effect": {"kind": "status", "status": 503}});
    ureq::post(format!("{endpoint}/api/faults")).send_json(fault).unwrap();
    let (status, found) = findings(asking(doctor(postern(&fixture())), &endpoint, DEVELOPMENT_KEY));
    let last = found.last().unwrap();
    assert_eq!((&last["check"], &last["state"]), (&json!("access-key"), &json!("unknown")));
    assert_eq!((status, &last["message"]), (0, &json!("unknown: ACS answers 503")));
}
