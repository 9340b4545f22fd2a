//! A stand-in for Entra, App Service and the metadata service: it issues a token for the one request that Microsoft's
//! own SDK would send, and refuses all others as Entra does.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use tokio::net::TcpListener;

pub const TENANT: &str = "11111111-1111-4111-8111-111111111111";
pub const CLIENT: &str = "22222222-2222-4222-8222-222222222222";
pub const SECRET: &str = "a s&cret+";
pub const HEADER: &str = "853b9a84-5bfa-4b22-a3f3-0b9a43d9ad8a";
pub const ASSERTION: &str = "header.claims.signature";

/// The token that it issues.
pub const TOKEN: &str = "canary-token";

/// Longer than any instance lives, and short enough that each request asks for another.
const LIFE_SECONDS: u64 = 60;

#[derive(Clone)]
pub struct Azure {
    pub address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    expected: Mutex<Value>,
    /// Whether each request was as expected.
    answers: Mutex<Vec<bool>>,
}

impl Azure {
    /// Starts one that expects the SDK's request of that name in the fixture.
    pub async fn start(name: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared { expected: Mutex::new(fixture(name)), answers: Mutex::default() });
        let router = axum::Router::new().fallback(answer).with_state(Arc::clone(&shared));
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { address, shared }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// From now on, another federated token is expected.
    pub fn expect_assertion(&self, text: &str) {
        self.shared.expected.lock().unwrap()["form"]["client_assertion"] = json!(text);
    }

    /// Whether each request so far was as expected.
    pub fn answers(&self) -> Vec<bool> {
        self.shared.answers.lock().unwrap().clone()
    }

    /// The settings of each identity, by the SDK's name for its request.
    pub fn settings(&self, name: &str, file: &str) -> BTreeMap<String, String> {
        let url = self.url();
        let endpoint = format!("{url}/msi/token");
        let application =
            [("azure_tenant_id", TENANT), ("azure_client_id", CLIENT), ("azure_authority_host", url.as_str())];
        let own = match name {
            "client-secret" => vec![("azure_client_secret", SECRET)],
            "workload" => vec![("azure_federated_token_file", file)],
            "app-service" => vec![("identity_endpoint", endpoint.as_str()), ("identity_header", HEADER)],
            "imds" => vec![("acs_identity", "imds"), ("azure_pod_identity_authority_host", url.as_str())],
            _ => panic!("nobody knows {name}"),
        };
        let application = application.into_iter().filter(|_| matches!(name, "client-secret" | "workload"));
        own.into_iter().chain(application).map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }
}

/// The SDK's request, without what it adds for its own purposes.
fn fixture(name: &str) -> Value {
    let all: Value = serde_json::from_str(include_str!("../fixtures/azure-identity-requests.json")).unwrap();
    let mut request = all["requests"][name].clone();
    request["form"].as_object_mut().unwrap().remove("client_info");
    if name == "app-service" {
        request["headers"].as_object_mut().unwrap().remove("metadata");
    }
    request
}

async fn answer(
    State(shared): State<Arc<Shared>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let good = fits(&shared.expected.lock().unwrap(), &method, &uri, &headers, &body);
    shared.answers.lock().unwrap().push(good);
    if good {
        Json(json!({"access_token": TOKEN, "token_type": "Bearer", "expires_in": LIFE_SECONDS})).into_response()
    } else {
        println!("not as expected: {method} {uri} {headers:?}");
        let refusal =
            json!({"error": "invalid_client", "error_description": "canary-entra", "error_codes": [7_000_215]});
        (StatusCode::UNAUTHORIZED, Json(refusal)).into_response()
    }
}

/// Everything but the server's name, which is that of this machine, and headers of the connection.
fn fits(expected: &Value, method: &Method, uri: &Uri, headers: &HeaderMap, body: &[u8]) -> bool {
    let pairs = |text: &[u8]| json!(form_urlencoded::parse(text).into_owned().collect::<BTreeMap<_, _>>());
    let path = expected["url"].as_str().unwrap().parse::<Uri>().unwrap().path().to_owned();
    let mut wanted = expected["headers"].as_object().unwrap().iter();
    method.as_str() == expected["method"]
        && uri.path() == path
        && pairs(uri.query().unwrap_or_default().as_bytes()) == expected["query"]
        && pairs(body) == expected["form"]
        && wanted.all(|(name, value)| headers.get(name).is_some_and(|header| header.to_str().unwrap() == value))
}
