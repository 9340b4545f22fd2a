//! Routes for every scheme, with the secrets of the fixtures, so that the gate accepts what others signed.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::LazyLock;

use bytes::Bytes;
use http::Request;
use postern::policy::{Files, Policy};
use serde_json::Value;

use crate::host::StandIn;

/// Requests that others signed.
pub static VECTORS: LazyLock<Vec<Value>> = LazyLock::new(|| {
    let fixture: Value = serde_json::from_str(include_str!("../../tests/fixtures/webhook-signatures.json")).unwrap();
    fixture["vectors"].as_array().unwrap().clone()
});

/// Tokens of Entra, valid and invalid, and the keys for them.
pub static ENTRA: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(include_str!("../../tests/fixtures/entra-tokens.json")).unwrap());

/// The path for tokens of Entra.
pub const ENTRA_PATH: &str = "/entra";

/// A route for callers of one kind.
#[derive(Debug)]
pub struct Sender {
    /// The path that they post to.
    pub path: String,
    /// Each secret, and what its sender signs with.
    pub keys: Vec<(String, String)>,
    auth: String,
}

/// All senders, by their route's `auth` without its secrets.
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

/// Rules of a policy; [`crate::decision`] recognises them by their headers.
const RULES: [(&str, &str); 2] = [
    (
        "header = \"X-Erp-Signature\", prefix = \"sig=\", encoding = \"base64\", hash = \"sha512\", id = \"x-erp-id\", timestamp = \"x-erp-time\", signed = \"v1:{id}:{timestamp}:{body}\", tolerance = 30",
        "s3cret",
    ),
    ("header = [\"x-old\", \"x-new\"], separator = \",\", hash = \"sha1\"", "an old secret"),
];

fn add(senders: &mut BTreeMap<String, Sender>, auth: String, vector: &Value) {
    let path = format!("/{}", senders.len());
    let sender = senders.entry(auth.clone()).or_insert(Sender { path, keys: Vec::new(), auth });
    let secret = vector["secret"].as_str().unwrap().to_owned();
    let private = vector["private"].as_str().unwrap_or(&secret).to_owned();
    if !sender.keys.iter().any(|(known, _)| *known == secret) {
        sender.keys.push((secret, private));
    }
}

/// A vector's `auth` without its secret.
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

/// The policy with a route for each sender.
pub static POLICY: LazyLock<Policy> = LazyLock::new(|| {
    let mut policy = "[senders.web]\naddress = \"web@contoso.example\"\nowner = \"team@contoso.example\"\n".to_owned();
    for sender in SENDERS.values() {
        let Sender { path, auth, keys } = sender;
        let name = &path[1..];
        let names: Vec<_> = (0..keys.len()).map(|index| format!("\"{}\"", setting(sender, index))).collect();
        let secret = if names.is_empty() { String::new() } else { format!(", secret = [{}]", names.join(", ")) };
        write!(
            policy,
            "[routes.r{name}]\npath = \"{path}\"\nkind = \"event\"\nschema = \"any\"\nauth = {{ {auth}{secret} }}\n\
             [[routes.r{name}.mails]]\ntemplate = \"note\"\nsender = \"web\"\npurpose = \"alert\"\nto = [\"team@contoso.example\"]\n"
        )
        .unwrap();
    }
    let files = Files::from_iter([
        ("postern.toml", policy.as_str()),
        ("schemas/any.json", "{\"type\": \"object\"}"),
        ("templates/note/subject.txt.j2", "Event"),
        ("templates/note/body.txt.j2", "Event"),
        ("templates/note/sample.json", "{}"),
    ]);
    Policy::load(&files).expect("the policy is good")
});

fn setting(sender: &Sender, index: usize) -> String {
    format!("secret_{}_{index}", &sender.path[1..])
}

/// A host that has the secrets of all senders, and Entra's keys.
pub fn host(now: u64) -> StandIn {
    let settings = SENDERS.values().flat_map(|sender| {
        let keys = sender.keys.iter().enumerate();
        keys.map(|(index, (secret, _))| (setting(sender, index), secret.clone()))
    });
    StandIn::new(now).with(settings).publishing(ENTRA["jwks"].to_string().into())
}
