//! Fetching a tenant's keys from Entra: rarely, by one request at a time, and never with all the available time.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use futures_util::future::join_all;
use http::{Request, Response};
use postern::gate::Gate;
use postern::host::{Clock as _, FetchError};
use serde_json::{Value, json};

use crate::contracts::hook;
use crate::support::*;

fn fixture() -> Value {
    serde_json::from_str(include_str!("../fixtures/entra-tokens.json")).unwrap()
}

fn tenant() -> Gate {
    let fixture = fixture();
    let text = |name: &str| fixture[name].as_str().unwrap();
    let (tenant, audience, app) = (text("tenant"), text("audience"), text("app"));
    gate(&hook(&format!(
        "auth = {{ scheme = \"entra\", tenant = \"{tenant}\", audience = \"{audience}\", apps = [\"{app}\"] }}"
    )))
}

fn with_token(token: &str) -> Request<Bytes> {
    set(post("/hook", "application/json", "{}"), "authorization", &format!("Bearer {token}"))
}

/// A token that Entra has signed.
fn genuine() -> Request<Bytes> {
    with_token(fixture()["tokens"][0]["token"].as_str().unwrap())
}

/// A stranger's token: all its claims are right, but its key is invented.
fn forged(kid: usize) -> Request<Bytes> {
    let fixture = fixture();
    let claims = fixture["tokens"][0]["token"].as_str().unwrap().split('.').nth(1).unwrap();
    let head = URL_SAFE_NO_PAD.encode(json!({"alg": "RS256", "kid": format!("invented-{kid}")}).to_string());
    with_token(&format!("{head}.{claims}.AAAA"))
}

/// A host whose Entra publishes the tenant's keys, or fails, as the cell says.
fn host(well: &Rc<Cell<bool>>) -> ScriptedHost {
    let (host, well, keys) = (ScriptedHost::new(), Rc::clone(well), fixture()["jwks"].to_string());
    host.platform.replace(Some(Box::new(move |request| {
        let answer = || if well.get() { Ok(Response::new(keys.clone().into())) } else { Err(FetchError::Unreachable) };
        request.uri().path().contains("/discovery/").then(answer)
    })));
    host
}

/// The statuses of simultaneous requests, whose waits never end: whoever waits is woken by whoever fetches the keys.
async fn at_once(gate: &Gate, host: &ScriptedHost, requests: impl IntoIterator<Item = Request<Bytes>>) -> Vec<u16> {
    host.patient.set(true);
    let answers = join_all(requests.into_iter().map(|request| call(gate, host, request))).await;
    host.patient.set(false);
    answers.iter().map(|answer| answer.status().as_u16()).collect()
}

/// The status of one request.
async fn status(gate: &Gate, host: &ScriptedHost, request: Request<Bytes>) -> u16 {
    call(gate, host, request).await.status().as_u16()
}

fn readings(host: &ScriptedHost) -> usize {
    host.platform_requests.borrow().len()
}

#[tokio::test]
async fn requests_at_the_same_time_read_the_keys_once() {
    let (gate, host) = (tenant(), host(&Rc::new(Cell::new(true))));
    assert_eq!(at_once(&gate, &host, (0..40).map(forged)).await, [401; 40]);
    assert_eq!(readings(&host), 1);
    assert_eq!(at_once(&gate, &host, (0..4).map(|_| genuine())).await, [200; 4]);
    assert_eq!(readings(&host), 1);
}

#[tokio::test]
async fn invented_keys_are_asked_for_once_in_five_minutes() {
    let (gate, host) = (tenant(), host(&Rc::new(Cell::new(true))));
    for (pause, expected) in [(0, 1), (0, 1), (299, 1), (1, 2), (1, 2)] {
        host.sleep(Duration::from_secs(pause)).await;
        for kid in 0..10 {
            assert_eq!(status(&gate, &host, forged(kid)).await, 401);
        }
        assert_eq!(readings(&host), expected, "after {pause} s");
    }
}

#[tokio::test]
async fn while_entra_fails_it_is_asked_once_in_five_seconds() {
    let well = Rc::new(Cell::new(false));
    let (gate, host) = (tenant(), host(&well));
    for (pause, expected) in [(0, 1), (0, 1), (4, 1), (1, 2)] {
        host.sleep(Duration::from_secs(pause)).await;
        assert_eq!(at_once(&gate, &host, (0..40).map(forged)).await, [503; 40]);
        assert_eq!(status(&gate, &host, genuine()).await, 503);
        assert_eq!(readings(&host), expected, "after {pause} s");
    }
    well.set(true);
    host.sleep(Duration::from_secs(5)).await;
    assert_eq!(status(&gate, &host, genuine()).await, 200);
    assert_eq!(status(&gate, &host, forged(1)).await, 401);
    assert_eq!(readings(&host), 3);
    // Known keys work for their owners, whatever strangers do.
    well.set(false);
    host.sleep(Duration::from_secs(300)).await;
    for (request, expected) in [(forged(2), 503), (genuine(), 200), (forged(3), 503)] {
        assert_eq!(status(&gate, &host, request).await, expected);
    }
    assert_eq!(readings(&host), 4);
}

#[tokio::test]
async fn while_entra_hangs_keys_of_yesterday_leave_half_of_the_time_for_the_mails() {
    let gate = tenant();
    let calm = host(&Rc::new(Cell::new(true)));
    assert_eq!(status(&gate, &calm, genuine()).await, 200);
    // The next day, nobody answers.
    let day = Duration::from_secs(24 * 60 * 60);
    let host = ScriptedHost::new();
    host.sleep(day).await;
    host.latency.set(Duration::from_secs(60));
    let start = host.monotonic();
    let response = call(&gate, &host, genuine()).await;
    let asked: Vec<_> = host.requests.borrow().iter().map(|asked| asked.uri().host().unwrap().to_owned()).collect();
    assert_eq!(asked[..2], ["login.microsoftonline.com", "contoso.communication.azure.com"], "{response:?}");
    assert!(host.monotonic() - start <= Duration::from_secs(9));
    // The gate does not ask again so soon.
    host.latency.set(Duration::from_millis(7));
    assert_eq!(status(&gate, &host, genuine()).await, 200);
    let asked = host.requests.borrow().iter().filter(|asked| asked.uri().path().contains("/discovery/")).count();
    assert_eq!(asked, 1);
}
