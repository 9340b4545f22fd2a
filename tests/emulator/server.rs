//! Listening, unknown paths, stopping.

use std::future::ready;

use postern_emulator::{AccessKey, BindError, Config, DEVELOPMENT_KEY, Emulator};
use tokio::runtime::Runtime;

use crate::lab::{Lab, SEND, email};

#[test]
fn a_busy_port_is_told_in_one_sentence() {
    let lab = Lab::new();
    let result = Runtime::new().unwrap().block_on(Emulator::bind(lab.address, Config::default()));
    let error = result.unwrap_err();
    assert!(matches!(error, BindError::InUse(address) if address == lab.address));
    let sentence = format!("{} is in use; stop the program that listens there, or choose another port", lab.address);
    assert_eq!(error.to_string(), sentence);
}

#[test]
fn the_connection_string_has_endpoint_and_key() {
    Runtime::new().unwrap().block_on(async {
        let key = AccessKey::parse(DEVELOPMENT_KEY).unwrap();
        for config in [Config::default(), Config { access_key: key, ..Config::default() }] {
            let emulator = Emulator::bind(([0, 0, 0, 0], 0).into(), config).await.unwrap();
            let endpoint = format!("http://127.0.0.1:{}", emulator.local_addr().port());
            assert_eq!(emulator.endpoint(), endpoint);
            let expected = format!("endpoint={endpoint}/;accesskey={DEVELOPMENT_KEY}");
            assert_eq!(emulator.connection_string(), expected);
        }
    });
}

#[test]
fn serving_ends_when_told_to() {
    Runtime::new().unwrap().block_on(async {
        let emulator = Emulator::bind(([127, 0, 0, 1], 0).into(), Config::default()).await.unwrap();
        let address = emulator.local_addr();
        emulator.serve(ready(())).await.unwrap();
        Emulator::bind(address, Config::default()).await.unwrap();
    });
}

#[test]
fn idle_connections_do_not_keep_it_from_ending() {
    let lab = Lab::new();
    assert_eq!(lab.send(&email()).status, 202);
    lab.stop();
    assert!(lab.post(&email()).try_go().is_err());
    assert_eq!(lab.store.messages().len(), 1);
}

#[test]
fn unknown_places_and_methods_are_refused_in_the_same_shape() {
    let lab = Lab::new();
    lab.own("GET", "/emails").refused(404, "NotFound", "nothing at this address");
    lab.own("GET", "/api").refused(404, "NotFound", "nothing at this address");
    for (method, path) in [("GET", SEND), ("DELETE", "/"), ("PUT", "/api/messages")] {
        let answer = lab.own(method, path);
        answer.refused(405, "MethodNotAllowed", "not allowed here");
        assert!(answer.header("allow").is_some(), "{path}");
    }
}

#[test]
fn a_host_without_a_port_still_gets_a_location_that_works() {
    let lab = Lab::with(|config| config.bearer = postern_emulator::BearerCheck::new(|_| true));
    let body = email().to_string();
    let request = format!(
        "POST {SEND} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer t\r\ncontent-type: application/json\r\n\
         content-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
    let answer = lab.raw(&request).unwrap();
    let location = format!("operation-location: http://localhost:{}/emails/operations/", lab.address.port());
    assert!(answer.contains(&location), "{answer}");
}

#[test]
fn a_name_that_only_points_at_this_machine_sees_no_mails() {
    let lab = Lab::new();
    lab.sent(&email());
    let get = |path: &str, host: &str| {
        let request = format!("GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
        let answer = lab.raw(&request).unwrap();
        answer.lines().next().unwrap().to_owned()
    };
    for path in ["/", "/api/messages", "/api/attempts"] {
        for host in ["localhost:3001", "inbox.localhost", "127.0.0.1:1", "[::1]:3001"] {
            assert_eq!(get(path, host), "HTTP/1.1 200 OK", "{host}");
        }
        for host in ["rebound.example", "rebound.example:3001", "127.0.0.1.rebound.example", ""] {
            assert_eq!(get(path, host), "HTTP/1.1 404 Not Found", "{host}");
        }
    }
}

#[test]
fn a_page_of_another_site_is_told_nothing() {
    let lab = Lab::new();
    let own = format!("http://{}", lab.address);
    let with_origin = |origin: &str| {
        let call = lab.call("DELETE", "/api/messages").header("origin", origin);
        call.unsigned().status
    };
    for origin in ["https://attacker.example", "null", "http://127.0.0.1:1", ""] {
        assert_eq!(with_origin(origin), 404, "{origin}");
    }
    assert_eq!(with_origin(&own), 204);
}
