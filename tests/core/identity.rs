//! Identities of Microsoft Entra ID, against a stand-in for Entra and Azure's platforms that checks every parameter,
//! and against the requests of Microsoft's own SDK.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::{Request, Response};
use postern::acs::Connection;
use postern::entra::{ATTEMPT_PAUSE, REFRESH_BEFORE};
use postern::host::{Clock as _, FetchError};
use serde_json::{Value, json};

use crate::support::*;

const TENANT: &str = "11111111-1111-4111-8111-111111111111";
const CLIENT: &str = "22222222-2222-4222-8222-222222222222";
const SECRET: &str = "a s&cret+";
const HEADER: &str = "853b9a84-5bfa-4b22-a3f3-0b9a43d9ad8a";
const ASSERTION: &str = "header.claims.signature";
const FILE: &str = "/var/run/secrets/azure/tokens/azure-identity-token";

type Settings = Vec<(&'static str, &'static str)>;

/// The settings of each identity, by the name of the SDK's request in the fixture.
fn identities() -> Vec<(&'static str, &'static str, Settings)> {
    let application = |more: Settings| [vec![("azure_tenant_id", TENANT), ("azure_client_id", CLIENT)], more].concat();
    let app_service = vec![("identity_endpoint", "http://127.0.0.1:41741/msi/token"), ("identity_header", HEADER)];
    let imds = vec![("acs_identity", "imds")];
    let government = ("azure_authority_host", "https://login.microsoftonline.us/");
    vec![
        ("client-secret", "client-secret", application(vec![("azure_client_secret", SECRET)])),
        ("client-secret-government", "client-secret", application(vec![("azure_client_secret", SECRET), government])),
        ("workload", "workload", application(vec![("azure_federated_token_file", FILE)])),
        ("workload", "workload", application(vec![("azure_federated_token", ASSERTION)])),
        ("app-service", "app-service", app_service.clone()),
        ("app-service-user-assigned", "app-service", [app_service, vec![("azure_client_id", CLIENT)]].concat()),
        ("imds", "imds", imds.clone()),
        ("imds-user-assigned", "imds", [imds, vec![("azure_client_id", CLIENT)]].concat()),
    ]
}

fn host_of(settings: &Settings) -> ScriptedHost {
    let mut host = ScriptedHost::new();
    host.settings.remove("acs_access_key");
    for (name, value) in settings {
        host = host.set(name, value);
    }
    host.files.borrow_mut().insert(FILE.to_owned(), format!("{ASSERTION}\n"));
    host
}

/// A request with its parameters parsed, as the fixture writes it.
fn described(request: &Request<Bytes>) -> Value {
    let pairs = |text: &[u8]| form_urlencoded::parse(text).into_owned().collect::<BTreeMap<_, _>>();
    let uri = request.uri();
    let headers = request.headers().iter().map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()));
    json!({
        "method": request.method().as_str(),
        "url": format!("{}://{}{}", uri.scheme_str().unwrap(), uri.authority().unwrap(), uri.path()),
        "query": pairs(uri.query().unwrap_or_default().as_bytes()),
        "headers": headers.filter(|(name, _)| name != "content-length").collect::<BTreeMap<_, _>>(),
        "form": pairs(request.body()),
    })
}

/// The SDK's request, without what it adds for its own purposes.
fn fixture(name: &str) -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/azure-identity-requests.json");
    let all: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let mut request = all["requests"][name].clone();
    assert!(request.is_object(), "{name}");
    request["form"].as_object_mut().unwrap().remove("client_info");
    let headers = request["headers"].as_object_mut().unwrap();
    if name.starts_with("app-service") {
        headers.remove("metadata");
    }
    if name.starts_with("workload") {
        headers.insert("accept".to_owned(), json!("application/json"));
    }
    request
}

/// Entra, App Service and the metadata service: they answer only the request that is right in every parameter, and
/// refuse all others as Entra does.
fn stand_in(expected: Value, life: Value) -> Platform {
    Box::new(move |request| {
        let host = request.uri().host().unwrap();
        if host.ends_with("communication.azure.com") {
            return None;
        }
        let (status, answer) = if described(request) == expected {
            (200, json!({"access_token": "canary-token", "token_type": "Bearer", "expires_in": life}))
        } else {
            println!("not as expected: {:#}", described(request));
            (401, json!({"error": "invalid_client", "error_description": "canary-entra", "error_codes": [7_000_215]}))
        };
        Some(Ok(Response::builder().status(status).body(answer.to_string().into()).unwrap()))
    })
}

async fn event(host: &ScriptedHost, gate: &postern::gate::Gate) -> (u16, Value) {
    let response = call(gate, host, github_request(&issue(), GITHUB_SECRET)).await;
    let text = format!("{:?}{:?}", response, host.lines.borrow());
    for secret in ["canary", ASSERTION, SECRET, HEADER] {
        assert!(!text.contains(secret), "{secret} leaked: {text}");
    }
    (response.status().as_u16(), host.lines.borrow().last().unwrap()["mails"][0].clone())
}

#[tokio::test]
async fn every_identity_asks_as_the_sdk_does_and_sends_with_its_token() {
    for (name, kind, settings) in identities() {
        let host = host_of(&settings);
        let life = if kind == "imds" || kind == "app-service" { json!("3599") } else { json!(3599) };
        host.platform.replace(Some(stand_in(fixture(name), life)));
        let (status, mail) = event(&host, &gate(&example())).await;
        assert_eq!((status, &mail["outcome"]), (200, &json!("accepted")), "{name}");
        let sends = host.sends();
        assert_eq!(sends[0].headers()["authorization"], "Bearer canary-token", "{name}");
        assert!(sends[0].headers()["authorization"].is_sensitive());
        for signature in ["x-ms-date", "x-ms-content-sha256"] {
            assert_eq!(sends[0].headers().get(signature), None, "{name}");
        }
        let response = call(&gate(&example()), &host, Request::get("/readyz").body("").unwrap()).await;
        assert_eq!((response.status().as_u16(), &body(&response)["identity"]), (200, &json!(kind)), "{name}");
    }
}

#[tokio::test]
async fn a_wrong_parameter_is_refused_and_told_by_entra_s_code_alone() {
    for (name, _, settings) in identities() {
        let mut expected = fixture(name);
        expected["url"] = json!("https://elsewhere.example");
        let host = host_of(&settings);
        host.platform.replace(Some(stand_in(expected, json!(3599))));
        let (status, mail) = event(&host, &gate(&example())).await;
        assert_eq!(
            (status, &mail["outcome"], &mail["acs_error"]),
            (502, &json!("unauthorized"), &json!("AADSTS7000215"))
        );
        assert_eq!(host.sends().len(), 0, "{name}");
    }
}

#[tokio::test]
async fn the_scope_is_a_setting() {
    let (_, _, settings) = identities().remove(0);
    let host = host_of(&settings).set("acs_scope", "https://communication.azure.us//.default");
    let mut expected = fixture("client-secret");
    expected["form"]["scope"] = json!("https://communication.azure.us//.default");
    host.platform.replace(Some(stand_in(expected, json!(3599))));
    assert_eq!(event(&host, &gate(&example())).await.0, 200);
}

#[tokio::test]
async fn a_token_is_kept_until_shortly_before_its_end() {
    let (name, _, settings) = identities().remove(0);
    let (gate, host) = (gate(&example()), host_of(&settings));
    host.platform.replace(Some(stand_in(fixture(name), json!(3600))));
    for (second, asked) in
        [(0, 1), (1, 1), (3600 - REFRESH_BEFORE.as_secs() - 1, 1), (3600 - REFRESH_BEFORE.as_secs(), 2)]
    {
        host.now.set(NOW + second);
        assert_eq!(event(&host, &gate).await.0, 200);
        assert_eq!(host.platform_requests.borrow().len(), asked, "after {second} seconds");
    }
}

#[tokio::test]
async fn a_long_token_is_replaced_after_half_its_life() {
    let (name, _, settings) = identities().remove(0);
    let (gate, host) = (gate(&example()), host_of(&settings));
    host.platform.replace(Some(stand_in(fixture(name), json!(86_400))));
    for (second, asked) in [(0, 1), (43_199, 1), (43_200, 2)] {
        host.now.set(NOW + second);
        event(&host, &gate).await;
        assert_eq!(host.platform_requests.borrow().len(), asked, "after {second} seconds");
    }
}

#[tokio::test]
async fn the_old_token_is_used_while_it_works_and_entra_is_asked_seldom() {
    let (name, _, settings) = identities().remove(0);
    let (gate, host) = (gate(&example()), host_of(&settings));
    host.platform.replace(Some(stand_in(fixture(name), json!(3600))));
    event(&host, &gate).await;
    host.platform.replace(Some(Box::new(|request| {
        let entra = request.uri().host().unwrap().starts_with("login");
        entra.then_some(Err(FetchError::Timeout))
    })));
    let due = 3600 - REFRESH_BEFORE.as_secs();
    let pause = ATTEMPT_PAUSE.as_secs();
    for (second, asked, status) in [(due, 2, 200), (due + pause - 1, 2, 200), (due + pause, 3, 200), (3569, 4, 200)] {
        host.now.set(NOW + second);
        assert_eq!(event(&host, &gate).await.0, status, "after {second} seconds");
        assert_eq!(host.platform_requests.borrow().len(), asked, "after {second} seconds");
    }
    host.now.set(NOW + 3570);
    let (status, mail) = event(&host, &gate).await;
    assert_eq!((status, &mail["outcome"]), (503, &json!("unavailable")), "without a token it is the caller who waits");
}

#[tokio::test]
async fn requests_at_the_same_time_ask_for_one_token() {
    let (name, _, settings) = identities().remove(0);
    let (gate, host) = (gate(&example()), host_of(&settings));
    host.platform.replace(Some(stand_in(fixture(name), json!(3600))));
    host.patient.set(true);
    let request = || gate.handle(&host, github_request(&issue(), GITHUB_SECRET).map(Ok), host.monotonic());
    let (a, b, c) = tokio::join!(request(), request(), request());
    assert_eq!([a.status(), b.status(), c.status()], [200; 3]);
    assert_eq!(host.platform_requests.borrow().len(), 1);
}

#[tokio::test]
async fn a_federated_token_is_read_anew_for_each_token() {
    let (_, _, settings) = identities().remove(2);
    let (gate, host) = (gate(&example()), host_of(&settings));
    host.platform.replace(Some(stand_in(fixture("workload"), json!(600))));
    assert_eq!(event(&host, &gate).await.0, 200);
    host.now.set(NOW + 590);
    host.files.borrow_mut().insert(FILE.to_owned(), "rotated".to_owned());
    let mut expected = fixture("workload");
    expected["form"]["client_assertion"] = json!("rotated");
    host.platform.replace(Some(stand_in(expected, json!(600))));
    assert_eq!(event(&host, &gate).await.0, 200);
    host.files.borrow_mut().clear();
    host.now.set(NOW + 1200);
    let (status, mail) = event(&host, &gate).await;
    assert_eq!((status, &mail["outcome"]), (502, &json!("unauthorized")), "no file, no token");
}

#[tokio::test]
async fn what_a_platform_says_is_told_apart() {
    let (_, _, settings) = identities().remove(6);
    for (status, expected, outcome) in [
        (400, 502, "unauthorized"),
        (404, 503, "unavailable"),
        (410, 503, "unavailable"),
        (429, 503, "unavailable"),
        (500, 503, "unavailable"),
        (200, 503, "unavailable"),
    ] {
        let host = host_of(&settings);
        host.platform.replace(Some(Box::new(move |request| {
            let imds = request.uri().host() == Some("169.254.169.254");
            imds.then(|| Ok(Response::builder().status(status).body("{\"access_token\":\"x\"}".into()).unwrap()))
        })));
        let (told, mail) = event(&host, &gate(&example())).await;
        assert_eq!((told, &mail["outcome"]), (expected, &json!(outcome)), "{status}");
        assert_eq!(host.sends().len(), 0, "{status}");
        let asked = host.platform_requests.borrow().len();
        assert_eq!(asked > 1, matches!(status, 404 | 429 | 500 | 200), "{status}: asked {asked} times");
    }
}

#[tokio::test]
async fn a_key_that_is_set_is_meant_unless_a_name_says_otherwise() {
    let (_, _, settings) = identities().remove(4);
    let identity = async |host: &ScriptedHost| Connection::read(host).await.map(|credentials| credentials.identity());
    let host = host_of(&settings).set("acs_access_key", "a2V5");
    assert_eq!(identity(&host).await, Ok("access-key"));
    assert_eq!(identity(&host.set("acs_identity", "app-service")).await, Ok("app-service"));
    let refused = async |name: &str, value: &str, settings: &Settings| {
        let host = host_of(settings).set(name, value);
        let errors = identity(&host).await.unwrap_err();
        errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
    };
    let (_, _, application) = identities().remove(0);
    for (name, value, settings, message) in [
        (
            "acs_identity",
            "magic",
            &settings,
            "acs_identity must be access-key, client-secret, workload, app-service or imds",
        ),
        (
            "acs_identity",
            "workload",
            &vec![],
            "azure_tenant_id is not set; azure_client_id is not set; azure_federated_token_file is not set",
        ),
        ("acs_identity", "access-key", &vec![], "acs_access_key is not set"),
        ("identity_header", "a\nb", &settings, "identity_header contains characters that a header cannot contain"),
        ("identity_endpoint", "ftp://x", &settings, "identity_endpoint must be an http or https address"),
        ("azure_tenant_id", "a/b", &application, "azure_tenant_id must be a tenant id or domain"),
        (
            "azure_authority_host",
            "http://evil.example",
            &application,
            "azure_authority_host must be an https address without a path (http only for localhost)",
        ),
    ] {
        assert_eq!(refused(name, value, settings).await, message);
    }
}

#[tokio::test]
async fn no_secret_is_in_debug_output() {
    for (name, _, settings) in identities() {
        let host = host_of(&settings);
        let text = format!("{:?}", Connection::read(&host).await);
        for secret in [SECRET, HEADER, ASSERTION] {
            assert!(!text.contains(secret), "{name}: {text}");
        }
    }
}
