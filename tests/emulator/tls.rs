//! https with the emulator's own certificate.

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, TcpStream};

use postern_emulator::{Effect, Fault, Tls};
use ureq::tls::{Certificate, RootCerts, TlsConfig};
use ureq::{Agent, Error};

use crate::lab::{Lab, email};

fn lab() -> (Lab, Tls) {
    let tls = Tls::generate(IpAddr::V4(Ipv4Addr::LOCALHOST)).unwrap();
    let kept = tls.clone();
    (Lab::with(|config| config.tls = Some(tls)), kept)
}

fn agent(roots: &str) -> Agent {
    let root = Certificate::from_pem(roots.as_bytes()).unwrap();
    let tls = TlsConfig::builder().root_certs(RootCerts::new_with_certs(&[root])).build();
    Agent::config_builder().tls_config(tls).http_status_as_error(false).build().new_agent()
}

#[test]
fn a_client_that_trusts_the_authority_gets_an_answer() {
    let (lab, tls) = lab();
    for name in ["localhost", "127.0.0.1"] {
        let url = format!("https://{name}:{}/api/messages", lab.address.port());
        let mut answer = agent(tls.authority()).get(&url).call().unwrap();
        assert!(answer.body_mut().read_to_string().unwrap().contains(r#""total":0"#));
    }
}

#[test]
fn the_operation_is_found_over_https() {
    let (lab, tls) = lab();
    let call = lab.post(&email());
    let mut request = agent(tls.authority()).post(format!("https://{}{}", lab.address, call.target));
    for (name, value) in call.signature() {
        request = request.header(name, value);
    }
    let answer = request.header("content-type", "application/json").send(email().to_string()).unwrap();
    assert_eq!(answer.status(), 202);
    let location = answer.headers()["operation-location"].to_str().unwrap();
    assert!(location.starts_with(&format!("https://{}/emails/operations/", lab.address)), "{location}");
}

#[test]
fn another_authority_is_not_trusted() {
    let (lab, _) = lab();
    let other = Tls::generate(IpAddr::V4(Ipv4Addr::LOCALHOST)).unwrap();
    let error = agent(other.authority()).get(format!("https://{}/", lab.address)).call().unwrap_err();
    assert!(matches!(error, Error::Rustls(_) | Error::Io(_) | Error::Tls(_)), "{error:?}");
}

#[test]
fn plain_http_is_not_spoken_there() {
    let (lab, _) = lab();
    let mut stream = TcpStream::connect(lab.address).unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    // Either a TLS alert or a reset, but never a page.
    let _ = stream.read_to_end(&mut answer);
    assert!(!answer.starts_with(b"HTTP"));
}

#[test]
fn a_connection_can_be_reset_under_tls() {
    let (lab, tls) = lab();
    lab.store.fault(Fault::next(Effect::Reset));
    let call = lab.post(&email());
    let mut request = agent(tls.authority()).post(format!("https://{}{}", lab.address, call.target));
    for (name, value) in call.signature() {
        request = request.header(name, value);
    }
    let result = request.header("content-type", "application/json").send(email().to_string());
    assert!(matches!(result, Err(Error::Io(_))), "{result:?}");
    assert!(lab.store.messages().is_empty());
}
