//! Writes the first inputs of each target into `corpus/`, from the repository's own fixtures, examples and presets, and
//! runs each once: `cargo run --manifest-path fuzz/Cargo.toml --example seeds`.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a tool for developers may fail loudly")]

use std::fs;
use std::path::Path;

use bytes::Bytes;
use http::Request;
use http::request::Builder;
use postern_fuzz::request::text;
use postern_fuzz::senders::{self, ENTRA, ENTRA_PATH, SENDERS, VECTORS};
use postern_fuzz::{NOW, decode, door, verify};
use serde_json::{Value, json};

const SITE: &str = "https://www.contoso.example";
const FORM: &str = "name=Ada&email=ada%40customer.example&message=Hello";
const URLENCODED: &str = "application/x-www-form-urlencoded";
const MULTIPART: &str = "multipart/form-data; boundary=xyz";

type Inputs = Vec<Vec<u8>>;

fn main() {
    write("decode", &for_decode(), decode::run);
    write("verify", &for_verify(), verify::run);
    write("door", &for_door(), door::run);
}

fn write(target: &str, inputs: &Inputs, run: fn(&[u8]) -> bool) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target);
    fs::create_dir_all(&folder).unwrap();
    let mut good = 0;
    for (index, input) in inputs.iter().enumerate() {
        good += usize::from(run(input));
        fs::write(folder.join(format!("seed-{index:03}")), input).unwrap();
    }
    println!("{target}: {} seeds, of which {good} get through", inputs.len());
}

fn post(path: &str, content_type: &str) -> Builder {
    Request::post(path).header("content-type", content_type)
}

fn plain(request: Builder, body: impl Into<Bytes>) -> Vec<u8> {
    text(&request.body(body.into()).unwrap(), &[])
}

/// Every example of every preset, valid or invalid, by its preset's name.
fn examples() -> Vec<(&'static str, &'static str)> {
    let presets = postern_presets::all();
    let files =
        presets.iter().flat_map(|preset| preset.files().into_iter().map(|(path, text)| (preset.name, path, text)));
    files.filter(|(_, path, _)| path.contains(".examples/")).map(|(name, _, text)| (name, text)).collect()
}

/// A form as a browser sends it, with files.
fn multipart(files: &[(&str, &str, &[u8])]) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, text) in [("name", "Ada"), ("email", "ada@customer.example"), ("message", "Hello")] {
        body.extend(format!("--xyz\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{text}\r\n").bytes());
    }
    for (control, name, content) in files {
        let head = format!("--xyz\r\nContent-Disposition: form-data; name=\"{control}\"; filename=\"{name}\"\r\n");
        body.extend([head.as_bytes(), b"Content-Type: application/octet-stream\r\n\r\n", content, b"\r\n"].concat());
    }
    body.extend(b"--xyz--\r\n");
    body
}

fn files() -> Vec<u8> {
    multipart(&[
        ("cv", "Lebenslauf Ada.pdf", b"%PDF-1.7 x"),
        ("photo[]", "a.PNG", b"\x89PNG\r\n\x1a\n and more"),
        ("none", "", b""),
    ])
}

fn cloudevent(data: &Value) -> Value {
    json!({
        "specversion": "1.0", "type": "com.example.someevent", "source": "/mycontext/4", "id": "B234-1234-1234",
        "time": "2018-04-05T17:31:00Z", "subject": "Zürich 100%", "datacontenttype": "application/json", "data": data,
    })
}

fn grid(data: &Value) -> Value {
    json!({
        "id": "e-1", "topic": "/subscriptions/1", "subject": "number 1", "eventTime": "2026-03-03T07:05:09Z",
        "eventType": "Microsoft.Resources.ResourceWriteSuccess", "dataVersion": "1", "metadataVersion": "1", "data": data,
    })
}

/// The modes of CloudEvents.
fn cloud(path: &str, data: &Value) -> Vec<(Builder, String)> {
    let event = cloudevent(data);
    let binary = post(path, "application/json")
        .header("ce-specversion", "1.0")
        .header("ce-type", "com.example.someevent")
        .header("ce-source", "\"/mycontext/4\"")
        .header("ce-id", "B234-1234-1234")
        .header("ce-subject", "Z%C3%BCrich 100%25");
    vec![
        (post(path, "application/cloudevents+json; charset=UTF-8"), event.to_string()),
        (post(path, "application/cloudevents-batch+json"), json!([event, event]).to_string()),
        (binary, data.to_string()),
    ]
}

fn for_decode() -> Inputs {
    let json = "application/json";
    let mut inputs: Inputs = VECTORS
        .iter()
        .map(|vector| plain(post("/event", vector["content_type"].as_str().unwrap()), vector["body"].as_str().unwrap()))
        .collect();
    for (preset, example) in examples() {
        let event: Value = serde_json::from_str(example).unwrap();
        let path = if ["alertmanager", "grafana"].contains(&preset) { "/alerts" } else { "/event" };
        inputs.push(plain(post(path, json), example));
        inputs.push(plain(post("/list", json), json!([event, {"sg_event_id": "1"}]).to_string()));
        inputs.push(plain(post("/grid", json), json!([grid(&event)]).to_string()));
    }
    for (request, body) in cloud("/cloud", &json!({"text": "hello"})) {
        inputs.push(plain(request, body));
    }
    let payload = "payload=%7B%22subject%22%3A%22from+JSON%22%7D";
    let nested = "name=Ada&age=36&share=0%2C5&agree=on&topic%5B%5D=a&topic=b&sizes[0]=1&sizes[7]=2&address.city=Z%C3%BCrich&address[city]=x&url=&_next=%2Fthanks&form_token=1.2.3";
    for (path, body) in
        [("/event", payload), ("/event", "a=1&a=2&b=%FF"), ("/form", FORM), ("/form", nested), ("/files", nested)]
    {
        inputs.push(plain(post(path, URLENCODED), body));
    }
    for path in ["/form", "/files"] {
        inputs.push(plain(post(path, MULTIPART), multipart(&[])));
        inputs.push(plain(post(path, MULTIPART), files()));
        inputs.push(plain(
            post(path, json),
            r#"{"name": "Ada", "age": 36, "address": {"city": "Z\u00fcrich"}, "_gotcha": ""}"#,
        ));
    }
    inputs.push(plain(post("/event", json), format!("{}1{}", "{\"a\":".repeat(32), "}".repeat(32))));
    inputs
}

fn for_verify() -> Inputs {
    let mut inputs = Inputs::new();
    for vector in VECTORS.iter() {
        let now = vector["now"].to_string();
        inputs.push(text(&senders::request(vector), &[("now", &now)]));
    }
    for sender in SENDERS.values() {
        for index in 0..sender.keys.len() {
            for (content_type, body) in [("application/json", "{\"a\": 1}"), (URLENCODED, "b=2&a=z&a=y&%C3%9C=%C3%9F")]
            {
                let request = post(&sender.path, content_type).body(Bytes::from(body)).unwrap();
                inputs.push(text(&request, &[("sign", &index.to_string())]));
            }
        }
    }
    for token in ENTRA["tokens"].as_array().unwrap() {
        let token = format!("Bearer {}", token["token"].as_str().unwrap());
        let request = post(ENTRA_PATH, "application/json").header("authorization", token);
        inputs.push(text(&request.body(Bytes::from("{}")).unwrap(), &[("now", &ENTRA["now"].to_string())]));
    }
    inputs
}

/// ACS's answers, one per call: see the stand-in.
const SCRIPTS: [&str; 9] = ["A", "BB", "C", "LLD", "G", "JH", "K", "lF", "PMNO"];

fn for_door() -> Inputs {
    let mut inputs = Inputs::new();
    for (index, (preset, example)) in examples().into_iter().enumerate() {
        let path = if preset == "github-issues" { "/hooks/github".to_owned() } else { format!("/hooks/{preset}") };
        let Some(route) = door::policy().route(&path) else { panic!("no route at {path}") };
        let body = if route.envelope.is_some() { format!("[{example}]") } else { example.to_owned() };
        let request = post(&path, "application/json").header("x-github-delivery", "1").body(Bytes::from(body)).unwrap();
        inputs.push(text(&request, &[("sign", "0"), ("acs", SCRIPTS[index % SCRIPTS.len()])]));
    }
    let hook = r#"{"to": "a@contoso.example", "subject": "s", "when": "2026-03-03T07:05:09Z", "link": "https://a.b.example/aaa", "items": ["a", "b", {"next": {}}]}"#;
    for (path, content_type, body) in [
        ("/hooks", "application/json", hook.to_owned()),
        ("/slack", "application/json", hook.to_owned()),
        ("/slack", "application/json", r#"{"challenge": "3eZbrw1aBm2r", "type": "url_verification"}"#.to_owned()),
        ("/slack", URLENCODED, "payload=%7B%22subject%22%3A%22from+JSON%22%7D".to_owned()),
        ("/hooks/acs-delivery", "application/json", json!([grid(&json!({"validationCode": "512d38b6"}))]).to_string()),
    ] {
        let request = post(path, content_type).header("aeg-event-type", "SubscriptionValidation");
        inputs.push(text(&request.body(Bytes::from(body)).unwrap(), &[("sign", "0")]));
    }
    for (request, body) in cloud("/cloud", &serde_json::from_str(hook).unwrap()) {
        inputs.push(text(&request.body(Bytes::from(body)).unwrap(), &[("sign", "0")]));
    }
    let solved = format!("{FORM}&cf-turnstile-response=solved");
    let guarded = format!("{FORM}&form_token=@token@&altcha=@proof@");
    let forms: [(&str, &str, Vec<u8>); 10] = [
        ("/news", URLENCODED, FORM.into()),
        ("/contact", URLENCODED, FORM.into()),
        (
            "/contact",
            "application/json",
            r#"{"name": "Ada", "email": "ada@customer.example", "message": "Hello"}"#.into(),
        ),
        ("/contact", URLENCODED, "name=&email=nobody&message=&topic=other".into()),
        ("/captcha", URLENCODED, solved.into()),
        ("/captcha", URLENCODED, format!("{FORM}&feedback_note=http://spam&_next=/thanks").into()),
        ("/guarded", URLENCODED, guarded.into()),
        ("/files", MULTIPART, files()),
        ("/files", MULTIPART, multipart(&[])),
        ("/files", URLENCODED, FORM.into()),
    ];
    for (index, (path, content_type, body)) in forms.into_iter().enumerate() {
        for accept in ["application/json", "text/html,application/xhtml+xml,*/*;q=0.8"] {
            let request = post(path, content_type).header("origin", SITE).header("accept", accept);
            let request =
                request.header("accept-language", "de-CH,de;q=0.9,en;q=0.8").body(Bytes::from(body.clone())).unwrap();
            let script = SCRIPTS[index % SCRIPTS.len()];
            inputs.push(text(&request, &[]));
            inputs.push(text(&request, &[("acs", script), ("late", "3")]));
        }
    }
    for path in [
        "/healthz",
        "/readyz",
        "/postern.js",
        "/openapi.json",
        "/contact",
        "/contact/schema",
        "/guarded/token",
        "/guarded/challenge",
        "/news/confirm?token=@link@",
        "/news/confirm?token=1.2",
        "/none",
    ] {
        inputs.push(plain(Request::get(path).header("origin", SITE), ""));
    }
    let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let options = |path: &str| Request::options(path).header("origin", SITE).header("traceparent", trace);
    inputs.push(plain(options("/contact").header("access-control-request-method", "POST"), ""));
    inputs.push(plain(options("/cloud").header("webhook-request-origin", "events.contoso.example"), ""));
    inputs.push(plain(post("/contact", URLENCODED).header("referer", format!("{SITE}/page")), FORM));
    inputs.push(text(
        &post("/contact", URLENCODED)
            .header("host", "mail.contoso.example")
            .header("origin", "https://mail.contoso.example")
            .body(Bytes::from(FORM))
            .unwrap(),
        &[("now", &NOW.to_string())],
    ));
    inputs
}
