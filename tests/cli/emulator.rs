//! `postern emulator`: prints its addresses, and ends when asked.

use std::net::TcpListener;

use crate::running::{Running, subjects};
use crate::tool::{Said, postern, root, run};

#[test]
fn it_prints_what_a_client_needs_and_ends_quietly() {
    let mut emulator = Running::start(postern(root()).args(["emulator", "--listen", "127.0.0.1:0"]));
    let endpoint = emulator.address("Endpoint");
    assert_eq!(emulator.address("Inbox"), format!("{endpoint}/"));
    let connection = emulator.address("Connection string");
    assert_eq!(connection, format!("endpoint={endpoint}/;accesskey={}", postern_emulator::DEVELOPMENT_KEY));
    assert_eq!(subjects(&endpoint), Vec::<String>::new());
    emulator.line("Press Ctrl-C to stop");
    assert_eq!(emulator.end("-TERM"), (Some(0), vec![], vec![]));
}

#[test]
fn a_busy_port_is_one_sentence() {
    let held = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = held.local_addr().unwrap().port();
    let stderr = format!(
        "error: Port {port} on 127.0.0.1 is in use: stop the program that uses it, or choose another address with \
         `--listen`.\n"
    );
    let expected = Said { status: 1, stdout: String::new(), stderr };
    assert_eq!(run(root(), &["emulator", "--listen", &port.to_string()]), expected);
}

#[test]
fn it_speaks_https_and_says_how_to_trust_it() {
    let directory = tempfile::tempdir().unwrap();
    let mut command = postern(directory.path());
    let mut emulator = Running::start(command.args(["emulator", "--listen", "127.0.0.1:0", "--tls=ca.pem"]));
    let endpoint = emulator.address("Endpoint");
    assert!(endpoint.starts_with("https://127.0.0.1:"), "{endpoint}");
    let file = directory.path().canonicalize().unwrap().join("ca.pem");
    emulator.line(&format!("NODE_EXTRA_CA_CERTS={}", file.display()));
    emulator.line(&format!("SSL_CERT_FILE={}", file.display()));
    let authority = std::fs::read_to_string(&file).unwrap();
    assert!(authority.starts_with("-----BEGIN CERTIFICATE-----"));
    assert!(!authority.contains("KEY"));
    assert_eq!(emulator.end("-TERM").0, Some(0));
}

#[test]
fn it_says_who_can_reach_it() {
    let mut emulator = Running::start(postern(root()).args(["emulator", "--listen", "127.0.0.1:0"]));
    emulator.line("Only this machine can connect.");
    emulator.end("-TERM");
    let mut emulator = Running::start(postern(root()).args(["emulator", "--listen", "0.0.0.0:0"]));
    emulator.line("Anyone who can reach 0.0.0.0:0 can read the mails: it is not a loopback address.");
    emulator.end("-TERM");
}

#[test]
fn it_keeps_messages_where_it_is_told() {
    let directory = tempfile::tempdir().unwrap();
    let start = || {
        let mut command = postern(directory.path());
        Running::start(command.args(["emulator", "--listen", "127.0.0.1:0", "--data", "mails"]))
    };
    let mut emulator = start();
    emulator.address("Endpoint");
    emulator.end("-TERM");
    assert!(directory.path().join("mails/emulator.sqlite3").exists());
}
