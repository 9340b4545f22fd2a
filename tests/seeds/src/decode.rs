//! Bodies: every format, every envelope, and what forms can ask for.

use serde_json::{Value, json};

use crate::input::{plain, text};
use crate::senders::VECTORS;
use crate::upload::form;
use crate::{FORM, Inputs, JSON, URLENCODED, cloud, examples, grid, post};

const MULTIPART: &str = "multipart/form-data; boundary=xyz";

pub(crate) fn seeds() -> Inputs {
    let path = |name: &str| format!("/decode/{name}");
    let mut inputs: Inputs = VECTORS
        .iter()
        .map(|vector| {
            let content_type = vector["content_type"].as_str().unwrap();
            plain(post(&path("event"), content_type), vector["body"].as_str().unwrap())
        })
        .collect();
    for (preset, example) in examples() {
        let event: Value = serde_json::from_str(example).unwrap();
        let name = if ["alertmanager", "grafana"].contains(&preset) { "alerts" } else { "event" };
        inputs.push(plain(post(&path(name), JSON), example));
        inputs.push(plain(post(&path("list"), JSON), json!([event, {"sg_event_id": "1"}]).to_string()));
        inputs.push(plain(post(&path("grid"), JSON), json!([grid(&event)]).to_string()));
    }
    for (request, body) in cloud(&path("cloud"), &json!({"text": "hello"})) {
        inputs.push(plain(request, body));
    }
    let payload = "payload=%7B%22subject%22%3A%22from+JSON%22%7D";
    let nested = "name=Ada&age=36&share=0%2C5&agree=on&topic%5B%5D=a&topic=b&sizes[0]=1&sizes[7]=2&address.city=Z%C3%BCrich&address[city]=x&url=&_next=%2Fthanks&form_token=1.2.3";
    for (name, body) in
        [("event", payload), ("event", "a=1&a=2&b=%FF"), ("form", FORM), ("form", nested), ("files", nested)]
    {
        inputs.push(plain(post(&path(name), URLENCODED), body));
    }
    for name in ["form", "files"] {
        inputs.push(plain(post(&path(name), MULTIPART), form("xyz", &[])));
        inputs.push(plain(post(&path(name), MULTIPART), files()));
        inputs.push(plain(
            post(&path(name), JSON),
            r#"{"name": "Ada", "age": 36, "address": {"city": "Z\u00fcrich"}, "_gotcha": ""}"#,
        ));
    }
    inputs.push(plain(post(&path("event"), JSON), format!("{}1{}", "{\"a\":".repeat(32), "}".repeat(32))));
    for (name, content_type, body) in [
        ("event", JSON, "{\"a\":[@@1,@@1]}"),
        ("event", JSON, "{\"a\":[@@{\"\":[]},@@1]}"),
        ("event", JSON, "@@{\"a\":@@1"),
        ("list", JSON, "[@@{},@@{}]"),
        ("form", URLENCODED, "@@topic=a&@@name=Ada"),
        ("form", URLENCODED, "@@address.@@city=x"),
        ("form", URLENCODED, "name=@@%2B@@"),
        ("files", MULTIPART, "@@--xyz\r\n\r\n\r\n@@--xyz--"),
        ("files", MULTIPART, "--xyz\r\nContent-Disposition: form-data; name=\"@@a@@\"\r\n\r\n1\r\n--xyz--"),
    ] {
        let request = post(&path(name), content_type).body(body.into()).unwrap();
        for times in ["100", "100000"] {
            inputs.push(text(&request, &[("times", times)]));
        }
    }
    inputs
}

/// A form with two files, and a control in which nothing was chosen.
pub(crate) fn files() -> Vec<u8> {
    form(
        "xyz",
        &[
            ("cv", "Lebenslauf Ada.pdf", b"%PDF-1.7 x"),
            ("photo[]", "a.PNG", b"\x89PNG\r\n\x1a\n and more"),
            ("none", "", b""),
        ],
    )
}
