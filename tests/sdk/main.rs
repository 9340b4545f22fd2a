//! The official SDKs of ACS Email against the emulator, unchanged. Their packages come from PyPI and npm once, into the
//! target directory; without `python3`, `npm` or the registry, the tests say so and pass.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    missing_docs,
    reason = "a test that cannot go on should stop at once"
)]

mod packages;
mod service;

use std::process::Command;

use postern_emulator::DEVELOPMENT_KEY;

use crate::packages::{node, python};
use crate::service::Service;

/// Runs a client to its end, and compares its output with what the emulator has.
#[track_caller]
fn sends(service: &Service, mut client: Command, subject: &str) {
    let before = service.store.messages().len();
    let output = client.output().unwrap();
    let (said, complained) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let messages = service.store.messages();
    assert_eq!(messages.len(), before + 1, "{said}{complained}");
    let message = &messages[0];
    assert_eq!(said.trim(), format!("Succeeded {}", message.id), "{complained}");
    let email = &message.email;
    assert_eq!(email.content.subject, subject);
    assert_eq!(email.content.plain_text.as_deref(), Some("Grüße"));
    let all: Vec<_> = email.recipients.all().map(|to| to.address.as_str()).collect();
    assert_eq!(all, ["user@example.com", "copy@example.com"]);
    assert_eq!(email.reply_to.as_ref().unwrap()[0].address, "reply@example.com");
    assert_eq!(email.headers.as_ref().unwrap()["X-Order"], "17");
    let attachment = &email.attachments.as_ref().unwrap()[0];
    assert_eq!((attachment.content_in_base64.as_str(), attachment.content_id.as_deref()), ("SGk=", Some("a")));
}

/// The client with an endpoint and a key, then with a connection string.
fn settings(service: &Service) -> [Vec<String>; 2] {
    let key = ["key", &service.endpoint, DEVELOPMENT_KEY].map(str::to_owned).into();
    let string = ["string", &service.connection_string].map(str::to_owned).into();
    [key, string]
}

fn python_sends(how: &str) {
    let Some(program) = python() else {
        return;
    };
    let client = |service: &Service, settings: &[String]| {
        let mut command = Command::new(program);
        command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/sdk/send.py")).arg(how).args(settings);
        service.trusted_by(command)
    };
    // For http, the package only accepts an endpoint: it makes a connection string https.
    let plain = Service::http();
    sends(&plain, client(&plain, &settings(&plain)[0]), "From Python");
    let secure = Service::https();
    for settings in settings(&secure) {
        sends(&secure, client(&secure, &settings), "From Python");
    }
}

#[test]
fn python_sends_and_polls() {
    python_sends("sync");
}

#[test]
fn asynchronous_python_sends_and_polls() {
    python_sends("async");
}

#[test]
fn javascript_sends_and_polls() {
    let Some(packages) = node() else {
        return;
    };
    for service in [Service::http(), Service::https()] {
        for settings in settings(&service) {
            let mut command = Command::new("node");
            command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/sdk/send.mjs")).args(settings);
            command.env("POSTERN_SDK", packages);
            sends(&service, service.trusted_by(command), "From JavaScript");
        }
    }
}
