//! The whole gate: senders, forms, guards, handshakes and probes.

use bytes::Bytes;
use http::Request;
use postern::policy::Route;
use postern::texts::Texts;
use postern::validate::violations;
use serde_json::{Value, json};

use crate::decode::files;
use crate::input::{plain, text};
use crate::policy::POLICY;
use crate::upload::form;
use crate::{FORM, Inputs, JSON, MARKUP, NOW, SITE, URLENCODED, cloud, cloudevent, examples, grid, post};

const MULTIPART: &str = "multipart/form-data; boundary=xyz";

/// What ACS answers, one call after the other: see the stand-in.
const SCRIPTS: [&str; 9] = ["A", "BB", "C", "LLD", "G", "JH", "K", "lF", "PMNO"];

pub(crate) fn seeds() -> Inputs {
    let mut inputs = Inputs::new();
    for (index, (preset, example)) in examples().into_iter().enumerate() {
        let path = if preset == "github-issues" { "/hooks/github".to_owned() } else { format!("/hooks/{preset}") };
        let Some(route) = POLICY.route(&path) else { panic!("no route at {path}") };
        let body = if route.envelope.is_some() { format!("[{example}]") } else { example.to_owned() };
        let request =
            |body: String| post(&path, JSON).header("x-github-delivery", "1").body(Bytes::from(body)).unwrap();
        inputs.push(text(&request(body), &[("sign", "0"), ("acs", SCRIPTS[index % SCRIPTS.len()])]));
        let event = marked(route, &serde_json::from_str(example).unwrap());
        let events = if route.envelope.is_some() { json!([event, event]) } else { event };
        inputs.push(text(&request(events.to_string()), &[("sign", "0")]));
    }
    let hook = r#"{"to": "a@contoso.example", "subject": "s", "when": "2026-03-03T07:05:09Z", "link": "https://a.b.example/aaa", "items": ["a", "b", {"next": {}}]}"#;
    for (path, content_type, body) in [
        ("/hooks", JSON, hook.to_owned()),
        ("/slack", JSON, hook.to_owned()),
        ("/slack", JSON, r#"{"challenge": "3eZbrw1aBm2r", "type": "url_verification"}"#.to_owned()),
        ("/slack", URLENCODED, "payload=%7B%22subject%22%3A%22from+JSON%22%7D".to_owned()),
        ("/hooks/acs-delivery", JSON, json!([grid(&json!({"validationCode": "512d38b6"}))]).to_string()),
    ] {
        let request = post(path, content_type).header("aeg-event-type", "SubscriptionValidation");
        inputs.push(text(&request.body(Bytes::from(body)).unwrap(), &[("sign", "0")]));
    }
    for (request, body) in cloud("/cloud", &serde_json::from_str(hook).unwrap()) {
        inputs.push(text(&request.body(Bytes::from(body)).unwrap(), &[("sign", "0")]));
    }
    for path in ["/cloud", "/events"] {
        let event = |number: usize| {
            let data = json!({"subject": MARKUP, "items": [MARKUP, number], "link": "javascript:alert(1)"});
            let mut event = cloudevent(&data);
            event["id"] = number.to_string().into();
            event["subject"] = MARKUP.into();
            event["items"] = json!([MARKUP]);
            event
        };
        let batch: Vec<_> = (0..20).map(event).collect();
        let batch = post(path, "application/cloudevents-batch+json").body(json!(batch).to_string().into()).unwrap();
        for milliseconds in ["0", "700", "3000"] {
            inputs.push(text(&batch, &[("sign", "0"), ("slow", milliseconds)]));
        }
        for (request, body) in cloud(path, &json!({"text": "hello"})) {
            inputs.push(text(&request.body(Bytes::from(body)).unwrap(), &[("sign", "0")]));
        }
    }
    for (path, content_type, body) in [
        ("/slack", JSON, "{\"items\":[@@[],@@1]}"),
        ("/slack", JSON, "{\"items\":[@@{\"next\":{}},@@1]}"),
        ("/slack", JSON, "{\"link\":\"https://@@a.@@\"}"),
        ("/contact", JSON, "{\"name\":[@@[],@@1]}"),
        ("/contact", JSON, "{\"name\":\"Ada\",\"email\":\"a@b.example\",\"message\":\"@@<@@\"}"),
        ("/contact", URLENCODED, "name=Ada&email=@@a@@%40b.example&message=Hello"),
    ] {
        let request = post(path, content_type).header("origin", SITE).body(body.into()).unwrap();
        for times in ["90", "100000"] {
            inputs.push(text(&request, &[("sign", "0"), ("times", times)]));
        }
    }
    let solved = format!("{FORM}&cf-turnstile-response=solved");
    let guarded = format!("{FORM}&form_token=@token@&altcha=@proof@");
    let forms: [(&str, &str, Vec<u8>); 11] = [
        ("/news", URLENCODED, FORM.into()),
        ("/contact", URLENCODED, FORM.into()),
        ("/contact", JSON, r#"{"name": "Ada", "email": "ada@customer.example", "message": "Hello"}"#.into()),
        ("/contact", URLENCODED, "name=&email=nobody&message=&topic=other".into()),
        ("/captcha", URLENCODED, solved.into()),
        ("/captcha", URLENCODED, format!("{FORM}&feedback_note=http://spam&_next=/thanks").into()),
        ("/guarded", URLENCODED, guarded.into()),
        ("/files", MULTIPART, files()),
        ("/files", MULTIPART, form("xyz", &[])),
        ("/files", URLENCODED, FORM.into()),
        ("/contact", URLENCODED, format!("name={MARKUP}&email=ada%40customer.example&message={MARKUP}").into()),
    ];
    for (index, (path, content_type, body)) in forms.into_iter().enumerate() {
        for accept in [JSON, "text/html,application/xhtml+xml,*/*;q=0.8"] {
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

/// An event with markup in every text that may have it.
fn marked(route: &Route, event: &Value) -> Value {
    let fits = |event: &Value| violations(&route.schema, event, Texts::neutral()).is_empty();
    let mut marked = event.clone();
    if !fits(&marked) {
        return marked;
    }
    for pointer in places(event, "") {
        let before = marked.clone();
        if let Some(Value::String(text)) = marked.pointer_mut(&pointer) {
            text.push_str(MARKUP);
        }
        if !fits(&marked) {
            marked = before;
        }
    }
    marked
}

/// Where a value has texts.
fn places(value: &Value, place: &str) -> Vec<String> {
    match value {
        Value::String(_) => vec![place.to_owned()],
        Value::Array(items) => {
            items.iter().enumerate().flat_map(|(index, item)| places(item, &format!("{place}/{index}"))).collect()
        }
        Value::Object(members) => {
            let escaped = |name: &str| name.replace('~', "~0").replace('/', "~1");
            members.iter().flat_map(|(name, value)| places(value, &format!("{place}/{}", escaped(name)))).collect()
        }
        _ => Vec::new(),
    }
}
