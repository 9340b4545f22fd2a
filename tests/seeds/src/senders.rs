//! Routes for every scheme, with the secrets of the fixtures, so that what others signed is let in.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::LazyLock;

use bytes::Bytes;
use http::Request;
use serde_json::Value;

/// Requests that others signed.
pub static VECTORS: LazyLock<Vec<Value>> = LazyLock::new(|| {
    let fixture: Value = serde_json::from_str(include_str!("../../fixtures/webhook-signatures.json")).unwrap();
    fixture["vectors"].as_array().unwrap().clone()
});

/// Tokens of Entra, good and bad, and the keys for them.
pub static ENTRA: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(include_str!("../../fixtures/entra-tokens.json")).unwrap());

/// Where tokens of Entra are shown.
pub const ENTRA_PATH: &str = "/senders/entra";

/// A route for callers of one kind.
#[derive(Debug)]
pub struct Sender {
    /// Where they post to.
    pub path: String,
    /// Each secret, and what its sender signs with.
    pub keys: Vec<(String, String)>,
    auth: String,
}

/// All senders, by what their route's `auth` says beside its secrets.
pub static SENDERS: LazyLock<BTreeMap<String, Sender>> = LazyLock::new(|| {
    let mut senders = BTreeMap::new();
    for vector in VECTORS.iter() {
        add(&mut senders, terms(vector), vector);
    }
    for (rule, secret) in RULES {
        let vector = serde_json::json!({"secret": secret});
        add(&mut senders, format!("scheme = \"hmac\", rule = {{ {rule} }}"), &vector);
    }
    let fixture = |name: &str| ENTRA[name].as_str().unwrap();
    let (tenant, audience, app) = (fixture("tenant"), fixture("audience"), fixture("app"));
    let auth = format!("scheme = \"entra\", tenant = \"{tenant}\", audience = \"{audience}\", apps = [\"{app}\"]");
    senders.insert(auth.clone(), Sender { path: ENTRA_PATH.to_owned(), keys: Vec::new(), auth });
    senders
});

/// Rules that a policy may write itself: the second opinion of the target `verify` knows them by their headers.
const RULES: [(&str, &str); 2] = [
    (
        "header = \"X-Erp-Signature\", prefix = \"sig=\", encoding = \"base64\", hash = \"sha512\", id = \"x-erp-id\", timestamp = \"x-erp-time\", signed = \"v1:{id}:{timestamp}:{body}\", tolerance = 30",
        "s3cret",
    ),
    ("header = [\"x-old\", \"x-new\"], separator = \",\", hash = \"sha1\"", "an old secret"),
];

fn add(senders: &mut BTreeMap<String, Sender>, auth: String, vector: &Value) {
    let path = format!("/senders/{}", senders.len());
    let sender = senders.entry(auth.clone()).or_insert(Sender { path, keys: Vec::new(), auth });
    let secret = vector["secret"].as_str().unwrap().to_owned();
    let private = vector["private"].as_str().unwrap_or(&secret).to_owned();
    if !sender.keys.iter().any(|(known, _)| *known == secret) {
        sender.keys.push((secret, private));
    }
}

/// The terms of a vector's `auth` beside its secret.
fn terms(vector: &Value) -> String {
    let place = vector["place"].as_str().map(|place| format!(", {place}")).unwrap_or_default();
    let url = vector["url"].as_str().map(|url| format!(", url = \"{url}\"")).unwrap_or_default();
    format!("scheme = \"{}\"{place}{url}", vector["scheme"].as_str().unwrap())
}

/// The sender of a vector.
pub fn of(vector: &Value) -> &'static Sender {
    &SENDERS[&terms(vector)]
}

/// The request of a vector, to its sender's route.
pub fn request(vector: &Value) -> Request<Bytes> {
    let query = vector["query"].as_str().map(|query| format!("?{query}")).unwrap_or_default();
    let request = Request::post(format!("{}{query}", of(vector).path));
    let request = request.header("content-type", vector["content_type"].as_str().unwrap());
    let headers = vector["headers"].as_object().unwrap();
    let request = headers.iter().fold(request, |request, (name, value)| request.header(name, value.as_str().unwrap()));
    request.body(vector["body"].as_str().unwrap().to_owned().into()).unwrap()
}

/// The policy's lines with a route for each sender.
pub(crate) fn routes() -> String {
    let mut routes = String::new();
    for sender in SENDERS.values() {
        let Sender { path, auth, keys } = sender;
        let name = sender.name();
        let names: Vec<_> = (0..keys.len()).map(|index| format!("\"{}\"", setting(sender, index))).collect();
        let secret = if names.is_empty() { String::new() } else { format!(", secret = [{}]", names.join(", ")) };
        write!(
            routes,
            "[routes.{name}]\npath = \"{path}\"\nkind = \"event\"\nschema = \"any\"\nauth = {{ {auth}{secret} }}\n\
             [[routes.{name}.mails]]\ntemplate = \"note\"\nsender = \"website\"\npurpose = \"alert\"\n\
             to = [\"team@contoso.example\"]\n"
        )
        .unwrap();
    }
    routes
}

/// The settings with the secrets of all senders.
pub(crate) fn settings() -> impl Iterator<Item = (String, String)> {
    SENDERS.values().flat_map(|sender| {
        let keys = sender.keys.iter().enumerate();
        keys.map(|(index, (secret, _))| (setting(sender, index), secret.clone()))
    })
}

fn setting(sender: &Sender, index: usize) -> String {
    format!("{}_secret_{index}", sender.name())
}

impl Sender {
    fn name(&self) -> String {
        self.path.trim_start_matches('/').replace('/', "_")
    }
}
