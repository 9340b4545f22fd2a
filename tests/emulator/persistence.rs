//! What survives a restart of the emulator.

use std::fs;

use postern_emulator::{BindError, Config, Emulator};
use serde_json::json;
use tokio::runtime::Runtime;

use crate::lab::{ID, Lab, email, email_about, email_to, with};

fn lab_in(directory: &std::path::Path) -> Lab {
    Lab::with(|config| config.data = Some(directory.to_owned()))
}

#[test]
fn messages_and_suppressions_outlive_the_emulator() {
    let directory = tempfile::tempdir().unwrap();
    let first = lab_in(directory.path());
    let rich = with(email_to("bounce@example.com"), "/content/html", json!("<p>Hi</p>"));
    assert_eq!(first.post(&rich).header("operation-id", ID).go().status, 202);
    first.sent(&email_about("second"));
    let path = format!("/api/messages/{ID}");
    let before = first.own("GET", &path).json();
    first.stop();
    drop(first);

    let second = lab_in(directory.path());
    assert_eq!(second.subjects(), ["second", "Hello"]);
    let mut after = second.own("GET", &path).json();
    // Attempts last only for one run.
    after["attempts"] = json!(1);
    assert_eq!(after, before);
    let suppressed: Vec<_> = second.store.suppressions().into_iter().map(|entry| entry.address).collect();
    assert_eq!(suppressed, ["bounce@example.com"]);
    second.pass(1);
    assert_eq!(second.status(ID).json()["status"], "Succeeded");
    // The operation id is still in use.
    assert_eq!(second.post(&rich).header("operation-id", ID).go().status, 202);
    assert_eq!(second.store.messages().len(), 2);
}

#[test]
fn what_is_forgotten_stays_forgotten() {
    let directory = tempfile::tempdir().unwrap();
    let first = lab_in(directory.path());
    first.sent(&email_to("bounce@example.com"));
    assert_eq!(first.own("DELETE", "/api/messages").status, 204);
    assert_eq!(first.own("DELETE", "/api/suppressions").status, 204);
    assert_eq!(first.own_post("/api/suppressions", &json!({"address": "a@example.com"})).status, 204);
    first.stop();
    drop(first);
    let second = lab_in(directory.path());
    assert!(second.store.messages().is_empty());
    let suppressed: Vec<_> = second.store.suppressions().into_iter().map(|entry| entry.address).collect();
    assert_eq!(suppressed, ["a@example.com"]);
}

#[test]
fn the_cap_holds_for_the_file_as_well() {
    let directory = tempfile::tempdir().unwrap();
    let first = Lab::with(|config| {
        config.data = Some(directory.path().to_owned());
        config.max_messages = 2;
    });
    for subject in ["one", "two", "three"] {
        first.sent(&email_about(subject));
    }
    first.stop();
    drop(first);
    assert_eq!(lab_in(directory.path()).subjects(), ["three", "two"]);
}

#[test]
fn a_file_in_use_or_of_another_layout_is_told() {
    let directory = tempfile::tempdir().unwrap();
    let lab = lab_in(directory.path());
    lab.sent(&email());
    let bind = || {
        let config = Config { data: Some(directory.path().to_owned()), ..Config::default() };
        Runtime::new().unwrap().block_on(Emulator::bind(([127, 0, 0, 1], 0).into(), config)).unwrap_err()
    };
    let error = bind();
    assert!(matches!(error, BindError::Archive(_)));
    assert!(error.to_string().ends_with("another emulator may be using it"), "{error}");
    lab.stop();
    drop(lab);

    let file = directory.path().join("emulator.sqlite3");
    fs::write(&file, "no database, and longer than the hundred bytes of its header: ".repeat(10)).unwrap();
    assert!(bind().to_string().starts_with(&format!("cannot use {}: ", file.display())));

    fs::remove_file(&file).unwrap();
    rusqlite::Connection::open(&file).unwrap().pragma_update(None, "user_version", 7).unwrap();
    let sentence =
        format!("{} has layout 7, but this emulator supports only layout 1; move the file away", file.display());
    assert_eq!(bind().to_string(), sentence);
}
