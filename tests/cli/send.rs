//! `postern send`, without a gate.

use std::net::TcpListener;

use crate::tool::{Said, fixture, run};

fn bad(stderr: &str) -> Said {
    Said { status: 1, stdout: String::new(), stderr: format!("error: {stderr}\n") }
}

#[test]
fn what_is_not_there_is_named() {
    let expected = bad("There is no route `contacts`; available: contact, deploy.");
    assert_eq!(run(&fixture(), &["send", "contacts"]), expected);
    let expected = bad("Cannot read nowhere.json: No such file or directory (os error 2)");
    assert_eq!(run(&fixture(), &["send", "contact", "nowhere.json"]), expected);
    let expected = bad("The environment variable NOBODY_SET_THIS is not set.");
    assert_eq!(run(&fixture(), &["send", "deploy", "--secret-env", "NOBODY_SET_THIS"]), expected);
    let expected = bad("`127.0.0.1:3000` is not the URL of a gate; write, for example, --url http://127.0.0.1:3000.");
    assert_eq!(run(&fixture(), &["send", "contact", "--url", "127.0.0.1:3000"]), expected);
}

#[test]
fn a_gate_that_is_not_running_is_one_sentence() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let expected =
        bad(&format!("Nothing is listening at http://{free}: start `postern dev`, or name another gate with --url."));
    assert_eq!(run(&fixture(), &["send", "contact", "--url", &format!("http://{free}/")]), expected);
}

#[test]
fn a_secret_that_does_not_suit_the_scheme_is_named_and_not_shown() {
    let mut command = crate::tool::postern(&fixture());
    let said = crate::tool::said(command.args(["send", "deploy"]).env("DEPLOY_SECRET", "canary?").output().unwrap());
    let expected =
        bad("The environment variable DEPLOY_SECRET does not hold a valid secret for the scheme standard-webhooks.");
    assert_eq!(said, expected);
}
