//! What clients do with their connections, and how the gate reacts, in every flavour.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};

use serde_json::json;

use crate::stand::{Stand, every_build};

const ADA: &str = r#"{"name":"Ada","email":"ada@customer.example","message":"x"}"#;

/// A connection on which a test can write anything.
struct Raw(TcpStream);

impl Raw {
    fn open(stand: &Stand) -> Self {
        Self(TcpStream::connect(stand.url.strip_prefix("http://").unwrap()).unwrap())
    }

    fn write(&mut self, text: &str) {
        self.0.write_all(text.as_bytes()).unwrap();
    }

    /// Everything until the server closes the connection. After its answer, the server may reset it.
    fn rest(mut self) -> String {
        let mut answer = Vec::new();
        let _ = self.0.read_to_end(&mut answer);
        String::from_utf8(answer).unwrap()
    }
}

/// The head of a post to the contact form.
fn head(lines: &[&str]) -> String {
    let mut head = "POST /contact HTTP/1.1\r\nContent-Type: application/json\r\n".to_owned();
    head.push_str("Origin: https://www.contoso.example\r\n");
    for line in lines {
        head.push_str(line);
        head.push_str("\r\n");
    }
    head + "\r\n"
}

fn chunks(text: &str, size: usize) -> String {
    let pieces = text.as_bytes().chunks(size).map(|piece| std::str::from_utf8(piece).unwrap());
    pieces.map(|piece| format!("{:x}\r\n{piece}\r\n", piece.len())).collect()
}

#[test]
fn a_body_of_unknown_length_is_read_to_its_end() {
    every_build(|stand| {
        let mut raw = Raw::open(stand);
        raw.write(&head(&["Host: gate.example", "Connection: close", "Transfer-Encoding: chunked"]));
        raw.write(&(chunks(ADA, 7) + "0\r\n\r\n"));
        let answer = raw.rest();
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
        assert_eq!(stand.subjects(), ["Message from Ada", "We have received your message"]);
    });
}

#[test]
fn a_body_of_unknown_length_that_is_too_long_is_not_read_to_its_end() {
    every_build(|stand| {
        let mut raw = Raw::open(stand);
        raw.write(&head(&["Host: gate.example", "Transfer-Encoding: chunked"]));
        // The last chunk is missing: the gate must answer before it.
        raw.write(&chunks(&" ".repeat(5000), 1000));
        let mut start = [0; 13];
        raw.0.read_exact(&mut start).unwrap();
        assert_eq!(&start, b"HTTP/1.1 413 ");
        assert_eq!(stand.line()["reason"], "body-too-large");
    });
}

#[test]
fn a_slow_body_is_given_up_when_the_time_of_its_route_is_over() {
    every_build(|stand| {
        let mut raw = Raw::open(stand);
        raw.write(&head(&["Host: gate.example", &format!("Content-Length: {}", ADA.len())]));
        raw.write(&ADA[..20]);
        // Nothing more is sent, and the gate answers all the same.
        let mut start = [0; 13];
        raw.0.read_exact(&mut start).unwrap();
        assert_eq!(&start, b"HTTP/1.1 400 ");
        assert_eq!(stand.line()["reason"], "body-interrupted");
        assert_eq!(stand.store.attempts().len(), 0);
    });
}

#[test]
fn a_client_that_hangs_up_early_sends_nothing_and_harms_nobody() {
    every_build(|stand| {
        for end in [Shutdown::Write, Shutdown::Both] {
            let mut raw = Raw::open(stand);
            raw.write(&head(&["Host: gate.example", &format!("Content-Length: {}", ADA.len())]));
            raw.write(&ADA[..20]);
            raw.0.shutdown(end).unwrap();
            raw.rest();
        }
        assert_eq!(stand.store.attempts().len(), 0);
        let answer = stand.contact(&json!({"name": "Bob", "email": "bob@customer.example", "message": "x"}));
        assert_eq!(answer.status, 200);
        assert_eq!(stand.subjects(), ["Message from Bob", "We have received your message"]);
    });
}

#[test]
fn headers_of_the_connection_concern_nobody_else() {
    every_build(|stand| {
        let mut raw = Raw::open(stand);
        raw.write(&head(&[
            "Host: evil.example",
            "Connection: close, X-Canary",
            "X-Canary: canary-value",
            "Keep-Alive: timeout=5",
            "TE: trailers",
            "Proxy-Authorization: Basic Y2FuYXJ5",
            "Proxy-Connection: keep-alive",
            "Upgrade: websocket",
            &format!("Content-Length: {}", ADA.len()),
        ]));
        raw.write(ADA);
        let answer = raw.rest();
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
        assert!(!answer.contains("canary") && !answer.contains("evil.example"), "{answer}");
        // The emulator checks the signature, which covers the host name under which ACS was called.
        assert_eq!(stand.subjects(), ["Message from Ada", "We have received your message"]);
    });
}
