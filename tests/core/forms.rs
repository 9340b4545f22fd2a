//! What becomes of a browser's form: the types of the schema, the order of the page, files and limits.

use crate::support::*;
use http::Request;
use postern::policy::Files;
use serde_json::{Value, json};

/// A policy with one form whose only mail shows the payload as JSON and the table of all fields.
fn policy(schema: &Value) -> Files {
    let toml = r#"
        [senders.website]
        address = "forms@contoso.example"
        owner = "web@contoso.example"
        [routes.order]
        path = "/order"
        kind = "form"
        schema = "order"
        origins = ["https://www.contoso.example"]
        [[routes.order.mails]]
        template = "order"
        sender = "website"
        purpose = "notification"
        to = ["sales@contoso.example"]
    "#;
    let table = "{% for field in fields %}\n{{ field.label }}={{ field.value }}\n{% endfor %}\n";
    let files = [
        ("postern.toml", toml.to_owned()),
        ("schemas/order.json", schema.to_string()),
        ("templates/order/subject.txt.j2", "Order".to_owned()),
        ("templates/order/body.txt.j2", table.to_owned()),
        ("templates/order/sample.json", "{}".to_owned()),
    ];
    files.into_iter().map(|(path, text)| (path.to_owned(), text)).collect()
}

/// What a body becomes under a schema that only refuses what it says: the rows of the table of all fields, or the
/// violations.
async fn rows(schema: &Value, request: Request<bytes::Bytes>) -> Result<Vec<String>, Value> {
    let host = ScriptedHost::new();
    let response = call(&gate(&policy(schema)), &host, request).await;
    if response.status() != 200 {
        let body = body(&response);
        let errors = body["errors"].as_array().unwrap();
        if errors[0].get("field").is_none() {
            return Err(body["detail"].clone());
        }
        let told = |error: &Value| json!({"pointer": error["pointer"], "keyword": error["keyword"], "detail": error["detail"]});
        return Err(errors.iter().map(told).collect());
    }
    let text = host.sent()[0]["content"]["plainText"].as_str().unwrap().to_owned();
    Ok(text.lines().map(str::to_owned).collect())
}

async fn urlencoded(schema: &Value, form: &str) -> Result<Vec<String>, Value> {
    rows(schema, post("/order", URLENCODED, form.to_owned())).await
}

/// The same fields as a browser's multipart body.
async fn multipart(schema: &Value, form: &str) -> Result<Vec<String>, Value> {
    let part = |(name, text): (std::borrow::Cow<'_, str>, std::borrow::Cow<'_, str>)| {
        format!("--xyz\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{text}\r\n")
    };
    let parts: String = form_urlencoded::parse(form.as_bytes()).map(part).collect();
    rows(schema, post("/order", "multipart/form-data; boundary=xyz", format!("{parts}--xyz--\r\n"))).await
}

/// A schema that only accepts one payload.
fn exactly(properties: &Value, required: &[&str], payload: &Value) -> Value {
    json!({"type": "object", "properties": properties, "required": required, "allOf": [{"const": payload}]})
}

#[tokio::test]
async fn fields_take_the_types_of_the_schema_and_nothing_is_guessed() {
    let flags = json!({"type": "array", "items": {"type": "string"}});
    let person = json!({"type": "object", "properties": {"name": {"type": "string"}, "age": {"type": "integer"}}});
    for (properties, form, payload) in [
        (json!({"n": {"type": "integer"}}), "n=7", json!({"n": 7})),
        (json!({"n": {"type": "integer"}}), "n=007", json!({"n": 7})),
        (json!({"n": {"type": "integer"}}), "n=1.0", json!({"n": 1.0})),
        (json!({"n": {"type": "number"}}), "n=-1.5e3", json!({"n": -1500.0})),
        (json!({"n": {"type": "number"}}), "n=+18446744073709551615", json!({"n": u64::MAX})),
        (json!({"n": {"type": ["integer", "null"]}}), "n=3", json!({"n": 3})),
        (json!({"n": {"type": ["integer", "string"]}}), "n=3", json!({"n": "3"})),
        (json!({"n": {"enum": [1, 2]}}), "n=2", json!({"n": 2})),
        (json!({"n": {"const": true}}), "n=on", json!({"n": true})),
        (json!({"n": {}}), "n=2", json!({"n": "2"})),
        (json!({}), "n=2&m=on", json!({"n": "2", "m": "on"})),
        (json!({"b": {"type": "boolean"}}), "b=on", json!({"b": true})),
        (json!({"b": {"type": "boolean"}}), "b=No", json!({"b": false})),
        (json!({"b": {"type": "boolean"}}), "b=0&b=1", json!({"b": true})),
        (json!({"a": flags}), "a=x", json!({"a": ["x"]})),
        (json!({"a": flags}), "a=x&a=&a=y", json!({"a": ["x", "y"]})),
        (json!({"a": flags}), "a[]=x&a[]=y", json!({"a": ["x", "y"]})),
        (json!({"a": flags}), "a[1]=y&a[0]=x", json!({"a": ["x", "y"]})),
        (json!({"a": {"type": "array", "items": {"type": "integer"}}}), "a=1&a=2", json!({"a": [1, 2]})),
        (json!({"p": person}), "p[name]=Ada&p.age=36", json!({"p": {"name": "Ada", "age": 36}})),
        (json!({"p": person}), "p[unknown]=x", json!({"p[unknown]": "x"})),
        (json!({"a.b": {"type": "integer"}}), "a.b=1", json!({"a.b": 1})),
        (json!({"p": {"$ref": "#/properties/q"}, "q": person}), "p[age]=1", json!({"p": {"age": 1}})),
        (json!({"p": {"$ref": "#/properties/p"}}), "p=1", json!({"p": "1"})),
        (
            json!({"l": {"type": "array", "items": person}}),
            "l[0][name]=Ada&l[0][age]=36&l[1][name]=Bob",
            json!({"l": [{"name": "Ada", "age": 36}, {"name": "Bob"}]}),
        ),
        (json!({"a": flags, "n": {"type": "number"}, "s": {"type": "string"}}), "a=&n=&s=&x=", json!({})),
        (json!({}), "[a]=1&b[=2&c]=3&.d=4&e..f=5", json!({"[a]": "1", "b[": "2", "c]": "3", ".d": "4", "e..f": "5"})),
    ] {
        let schema = exactly(&properties, &[], &payload);
        assert!(urlencoded(&schema, form).await.is_ok(), "{form} as {properties}");
        assert!(multipart(&schema, form).await.is_ok(), "multipart {form} as {properties}");
        let other = exactly(&properties, &[], &json!({"other": 1}));
        assert!(urlencoded(&other, form).await.is_err(), "the schema decides");
    }
}

#[tokio::test]
async fn what_does_not_read_as_its_type_stays_what_it_is_and_is_told() {
    for (kind, texts, detail) in [
        ("number", "n=1,5 n=1e999 n=inf n=nan n=0x10 n=1_000 n=1&n=2", "This must be a number."),
        ("integer", "n=1.5 n=one", "This must be a whole number."),
        ("boolean", "n=maybe n=on&n=maybe", "This must be true or false."),
        ("string", "n=1&n=2", "This must be text."),
        ("object", "n=1", "This must be an object."),
    ] {
        let schema = json!({"properties": {"n": {"type": kind}}});
        for form in texts.split(' ') {
            let expected = json!([{"pointer": "/n", "keyword": "type", "detail": detail}]);
            assert_eq!(urlencoded(&schema, form).await.unwrap_err(), expected, "{form} as {kind}");
        }
    }
}

#[tokio::test]
async fn a_required_field_left_empty_is_told_by_its_own_rule() {
    let schema = json!({
        "properties": {"s": {"type": "string", "minLength": 1}, "n": {"type": "number"}, "z": {"type": ["null", "number"]}},
        "required": ["s", "n", "z"],
    });
    assert_eq!(
        urlencoded(&schema, "s=&n=&z=").await.unwrap_err(),
        json!([
            {"pointer": "/n", "keyword": "required", "detail": "This field is required."},
            {"pointer": "/s", "keyword": "minLength", "detail": "This must not be empty."},
        ])
    );
    assert_eq!(
        urlencoded(&schema, "s=x&n=abc&z=").await.unwrap_err(),
        json!([{"pointer": "/n", "keyword": "type", "detail": "This must be a number."}])
    );
}

#[tokio::test]
async fn the_table_of_all_fields_keeps_the_order_and_the_titles() {
    let schema = json!({
        "properties": {
            "zebra": {"type": "string", "title": "Animal"},
            "apples": {"type": "integer"},
            "tags": {"type": "array", "items": {"type": "string"}, "title": "Tags"},
            "address": {"properties": {"city": {"title": "City"}, "street": {}}},
            "left": {"type": "string"},
        }
    });
    let form = "zebra=Zoe&apples=3&tags=b&address[street]=Main+St&tags=a&left=&address[city]=Bern";
    let expected = ["Animal=Zoe", "apples=3", "Tags=b, a", "address.street=Main St", "City=Bern"];
    assert_eq!(urlencoded(&schema, form).await.unwrap(), expected);
    assert_eq!(multipart(&schema, form).await.unwrap(), expected);
    let json = r#"{"zebra": "Zoe", "tags": ["b", "a"], "apples": 3, "apples": 4}"#;
    let request = post("/order", "application/json", json);
    assert_eq!(rows(&schema, request).await.unwrap(), ["Animal=Zoe", "Tags=b, a", "apples=4"]);
}

#[tokio::test]
async fn a_mail_to_an_address_of_the_payload_has_no_table_of_all_fields() {
    let files = example();
    let table = "{% for field in fields %}{{ field.value }}{% endfor %}";
    let changed = files.paths().map(|path| {
        let text = files.text(path).unwrap_or_default();
        let own = path == "templates/contact-acknowledge/body.txt.j2";
        (path.to_owned(), if own { table.to_owned() } else { text.to_owned() })
    });
    let findings = postern_lint::check(&changed.collect());
    let message = "The schema `contact` has no field `fields`.";
    assert!(findings.iter().any(|finding| finding.message == message), "{findings:?}");
}

#[tokio::test]
async fn a_property_that_would_hide_the_table_is_a_finding() {
    assert_eq!(
        refused(&policy(&json!({"properties": {"fields": {}}}))),
        ["The schema of a form cannot have a property `fields`."]
    );
}

#[tokio::test]
async fn bodies_that_cannot_be_read_are_told_apart() {
    let many = "a=1&".repeat(201);
    let nested = json!({"properties": {"p": {"properties": {"q": {}}}}});
    let deep = format!("p{}=1", "[q]".repeat(40));
    let not_utf8 = "The form is not UTF-8. Add accept-charset=\"utf-8\" to its <form> element.";
    for (schema, form, detail) in [
        (&json!({}), many.as_str(), Some("The body has more than 200 fields.")),
        (&json!({}), &many[4..], None),
        (&json!({}), "a=%FF", Some(not_utf8)),
        (&nested, "p=1&p[q]=2", Some("Two fields set the same property in different ways.")),
        (&nested, "p[q]=2&p=1", Some("Two fields set the same property in different ways.")),
        (&nested, deep.as_str(), None),
    ] {
        let found = urlencoded(schema, form).await.err();
        assert_eq!(found, detail.map(|detail| json!(detail)), "{form}");
    }
    assert_eq!(multipart(&json!({}), &many).await.unwrap_err(), "The body has more than 200 fields.");
    let file = "--xyz\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a.txt\"\r\n\r\nx\r\n--xyz--\r\n";
    let nothing = file.replace("a.txt", "").replace("\r\n\r\nx", "\r\n\r\n");
    let nameless = "--xyz\r\nContent-Disposition: form-data\r\n\r\nx\r\n--xyz--\r\n";
    let latin = [&file.as_bytes()[..file.find(';').unwrap()], b"; name=\"f\"\r\n\r\n\xff\r\n--xyz--\r\n"].concat();
    let good = "multipart/form-data; boundary=xyz";
    let not_multipart = Some("The body is not multipart/form-data.");
    for (content_type, bytes, detail) in [
        (good, file.as_bytes(), Some("This form does not accept files.")),
        (good, nothing.as_bytes(), None),
        (good, nameless.as_bytes(), not_multipart),
        (good, latin.as_slice(), Some(not_utf8)),
        (good, &file.as_bytes()[..file.len() - 10], not_multipart),
        (good, b"", not_multipart),
        (good, b"--xyz--", None),
        ("multipart/form-data", file.as_bytes(), Some("The content type has no valid boundary.")),
        ("multipart/form-data; boundary=other", file.as_bytes(), not_multipart),
    ] {
        let found = rows(&json!({}), post("/order", content_type, bytes.to_vec())).await.err();
        let what = format!("{content_type}: {}", String::from_utf8_lossy(bytes));
        assert_eq!(found, detail.map(|detail| json!(detail)), "{what}");
    }
}
