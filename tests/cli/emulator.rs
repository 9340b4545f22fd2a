//! `postern emulator`: it says where it is, and ends when asked.

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
    emulator.line("Ctrl-C ends");
    assert_eq!(emulator.end("-TERM"), (Some(0), vec![], vec![]));
}

#[test]
fn a_busy_port_is_one_sentence() {
    let held = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = held.local_addr().unwrap().port();
    let stderr = format!(
        "error: Port {port} on 127.0.0.1 is in use: stop the program that has it, or choose another address with \
         `--listen`.\n"
    );
    let expected = Said { status: 1, stdout: String::new(), stderr };
    assert_eq!(run(root(), &["emulator", "--listen", &port.to_string()]), expected);
}
