//! The overflow queue: what goes there, what does not, and what answers and audit lines say about it.

use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{Request, Response, Uri};
use postern::host::{Fetch as _, FetchError};
use postern::outbound::Outbound;
use postern::overflow::{FORM, Head, Key, Letter, LetterError, MAX_MESSAGE_BYTES};
use postern::policy::{Files, Policy};
use serde_json::{Value, json};

use crate::support::*;

const QUEUE: &str = "https://contoso.queue.core.windows.net";
const BLOBS: &str = "https://contoso.blob.core.windows.net";
const KEY: &str = "canary-key-of-the-overflow-queue";
const SAS: &str = "?sv=2023-11-03&ss=bq&srt=co&sp=wap&se=2027-01-01T00:00:00Z&sig=canary%2Bsignature%3D";

/// The example policy with an overflow queue.
fn files() -> Files {
    with_table(&format!("queue = \"{QUEUE}/mail\""))
}

fn with_table(table: &str) -> Files {
    let example = example();
    let texts = example.paths().map(|path| {
        let text = example.text(path).unwrap().to_owned();
        let text = if path == "postern.toml" { format!("{text}\n[overflow]\n{table}\n") } else { text };
        (path.to_owned(), text)
    });
    texts.collect()
}

/// Azure Storage, which gives the same answer to every call.
fn storage(status: u16, code: Option<&'static str>) -> Platform {
    storage_of(move |_| {
        let mut answer = Response::builder().status(status);
        if let Some(code) = code {
            answer = answer.header("x-ms-error-code", code);
        }
        Ok(answer.body("<canary-storage-text/>".into()).unwrap())
    })
}

fn storage_of(answer: impl Fn(&Request<Bytes>) -> Answer + 'static) -> Platform {
    Box::new(move |request| request.uri().host().unwrap().contains(".core.windows.net").then(|| answer(request)))
}

fn host() -> ScriptedHost {
    let host = ScriptedHost::new().set("overflow_sas", SAS).set("overflow_key", KEY);
    host.platform.replace(Some(storage(201, None)));
    host
}

fn ailing(answer: Answer) -> ScriptedHost {
    let host = host();
    host.ailing.replace(Some(answer));
    host
}

/// What a request to the queue adds to it.
fn letter(request: &Request<Bytes>) -> Letter {
    let xml = std::str::from_utf8(request.body()).unwrap();
    let text = xml.strip_prefix("<QueueMessage><MessageText>").unwrap();
    Letter::decode(text.strip_suffix("</MessageText></QueueMessage>").unwrap()).unwrap()
}

fn letters(host: &ScriptedHost) -> Vec<Letter> {
    let requests = host.platform_requests.borrow();
    requests.iter().filter(|request| request.uri().path() == "/mail/messages").map(letter).collect()
}

/// The keys that a replay has with this setting.
async fn keys(key: &str) -> Vec<Key> {
    Key::read_all(&ScriptedHost::new().set("overflow_key", key)).await.unwrap()
}

async fn event(host: &ScriptedHost) -> (u16, Value, Value) {
    let response = call(&gate(&files()), host, github_request(&issue(), GITHUB_SECRET)).await;
    assert!(!format!("{response:?}{:?}", host.lines.borrow()).contains("canary"), "nothing secret is told");
    (response.status().as_u16(), body(&response), host.line())
}

#[tokio::test]
async fn what_time_mends_is_kept_with_its_operation_id_and_its_very_bytes() {
    let whole = ScriptedHost::new();
    event(&whole).await;
    let (operation, bytes) = (whole.operations().remove(0), whole.sends()[0].body().clone());
    for (answer, outcome, in_doubt) in [
        (refusal(429, "TooManyRequests"), "throttled", false),
        (refusal(500, "InternalServerError"), "unavailable", true),
        (refusal(503, "ServiceUnavailable"), "unavailable", true),
        (Err(FetchError::Timeout), "timeout", true),
        (Err(FetchError::Unreachable), "unreachable", true),
        (Err(FetchError::Garbled), "garbled", true),
    ] {
        let host = ailing(answer);
        let (status, answer, line) = event(&host).await;
        let mails = json!([{"mail": "issue-opened", "status": "queued", "operation": operation}]);
        assert_eq!((status, answer), (202, json!({"sent": 0, "queued": true, "mails": mails})), "{outcome}");
        let mail = &line["mails"][0];
        assert_eq!((&line["verdict"], &line["severity_text"]), (&json!("queued"), &json!("WARN")), "{outcome}");
        assert_eq!((&mail["outcome"], &mail["queued_after"]), (&json!("queued"), &json!(outcome)));
        assert_eq!(mail["advice"], "run `postern replay` once ACS works again");
        let kept = letters(&host);
        assert_eq!(kept.len(), 1, "{outcome}");
        assert_eq!(kept[0].body, bytes, "byte-identical: {outcome}");
        let expected = Head {
            postern: FORM,
            operation: operation.parse().unwrap(),
            route: "github".to_owned(),
            mail: "issue-opened".to_owned(),
            policy_sha256: line["policy_sha256"].as_str().unwrap().to_owned(),
            queued_at: "2026-03-03T07:05:09Z".to_owned(),
            in_doubt,
            traceparent: kept[0].head.traceparent.clone(),
            blob: None,
            mac: kept[0].head.mac.clone(),
            set_aside: None,
        };
        assert_eq!(kept[0].head, expected);
        assert!(kept[0].head.traceparent.contains(line["trace_id"].as_str().unwrap()));
        let opened = kept[0].open(&keys(KEY).await, kept[0].body.clone()).unwrap();
        assert_eq!((opened.head(), opened.body()), (&kept[0].head, &bytes));
    }
}

#[tokio::test]
async fn what_time_does_not_mend_is_not_kept() {
    for (answers, outcome) in [
        (vec![refusal(400, "BadRequest"), refusal(404, "NotFound")], "rejected"),
        (vec![refusal(413, "TooLarge")], "too-large"),
        (vec![refusal(401, "Denied")], "unauthorized"),
        (vec![refusal(404, "DomainNotLinked")], "unlinked-domain"),
        (vec![refusal(404, "NotFound")], "not-found"),
        (vec![Err(FetchError::Denied)], "denied"),
    ] {
        let host = host();
        host.answers.borrow_mut().extend(answers);
        let (status, answer, line) = event(&host).await;
        assert_eq!((status, &answer["mails"][0]["status"]), (502, &json!(outcome)));
        assert_eq!((answer.get("queued"), line["mails"][0].get("queued_after")), (None, None));
        assert!(host.platform_requests.borrow().is_empty(), "{outcome}");
    }
    let host = host();
    assert_eq!(event(&host).await.0, 200);
    assert!(host.platform_requests.borrow().is_empty(), "what was accepted is not kept");
}

#[tokio::test]
async fn after_trouble_the_rest_is_kept_untried_unless_the_operator_must_mend_it() {
    let host = ailing(refusal(429, "TooManyRequests"));
    let response = call(&gate(&files()), &host, contact_request(&contact())).await;
    assert_eq!((response.status().as_u16(), &body(&response)["queued"]), (202, &json!(true)));
    let mails: Vec<_> = letters(&host).into_iter().map(|letter| letter.head.mail).collect();
    assert_eq!(mails, ["contact-notify", "contact-acknowledge"]);
    assert_eq!(host.line()["mails"][1]["queued_after"], "not-attempted");
    assert_eq!(
        host.operations().iter().filter(|id| **id != host.operations()[0]).count(),
        0,
        "the second is not tried"
    );

    let host = ailing(refusal(401, "Denied"));
    let response = call(&gate(&files()), &host, contact_request(&contact())).await;
    let answer = body(&response);
    assert_eq!((response.status().as_u16(), &answer["mails"][1]["status"]), (502, &json!("not-attempted")));
    assert!(host.platform_requests.borrow().is_empty());

    // The first is with ACS, the second in the queue.
    let host = full_after_the_first();
    let first = call(&gate(&files()), &host, contact_request(&contact())).await;
    let answer = body(&first);
    assert_eq!((first.status().as_u16(), &answer["sent"], &answer["queued"]), (202, &json!(1), &json!(true)));
    assert_eq!((&host.line()["verdict"], letters(&host).len()), (&json!("queued"), 1));
}

/// ACS accepts what is sent first; then its quota is used up.
fn full_after_the_first() -> ScriptedHost {
    let host = host();
    let first = std::cell::Cell::new(true);
    let storage = storage(201, None);
    host.platform.replace(Some(Box::new(move |request| {
        let to_acs = request.uri().host().unwrap().ends_with("communication.azure.com");
        if !to_acs {
            return storage(request);
        }
        let operation = request.headers()["operation-id"].to_str().unwrap();
        Some(if first.replace(false) { accepted(operation) } else { refusal(429, "TooManyRequests") })
    })));
    host
}

#[tokio::test]
async fn nothing_is_called_queued_that_the_queue_did_not_confirm() {
    let cases: Vec<(Platform, &str, usize)> = vec![
        (storage(403, Some("AuthenticationFailed")), "403 AuthenticationFailed", 1),
        (storage(404, Some("QueueNotFound")), "404 QueueNotFound", 1),
        (storage(200, None), "200", 1),
        (storage(503, Some("ServerBusy")), "503 ServerBusy", 3),
        (storage(500, Some("<script>")), "500", 3),
        (storage_of(|_| Err(FetchError::Unreachable)), "unreachable", 3),
        (storage_of(|_| Err(FetchError::Timeout)), "timeout", 3),
        (storage_of(|_| Err(FetchError::Denied)), "denied", 1),
    ];
    for (platform, error, tries) in cases {
        let host = ailing(refusal(429, "TooManyRequests"));
        host.platform.replace(Some(platform));
        let (status, answer, line) = event(&host).await;
        assert_eq!((status, &answer["type"]), (503, &json!("urn:postern:problem:try-later")), "{error}");
        assert_eq!((&answer["mails"][0]["status"], answer.get("queued")), (&json!("throttled"), None));
        let mail = &line["mails"][0];
        assert_eq!((&line["verdict"], &mail["overflow_error"]), (&json!("failed"), &json!(error)));
        assert!(mail["advice"].as_str().unwrap().contains("overflow queue"), "{mail}");
        assert_eq!(host.platform_requests.borrow().len(), tries, "{error}");
    }
    // The queue has a temporary problem.
    let host = ailing(refusal(429, "TooManyRequests"));
    let tries = std::cell::Cell::new(0);
    host.platform.replace(Some(storage_of(move |_| {
        tries.set(tries.get() + 1);
        Ok(Response::builder().status(if tries.get() < 3 { 503 } else { 201 }).body(Bytes::new()).unwrap())
    })));
    assert_eq!(event(&host).await.0, 202);
}

#[tokio::test]
async fn part_of_the_time_is_for_the_queue() {
    let host = ailing(Err(FetchError::Timeout));
    host.latency.set(Duration::from_secs(3600));
    let (status, _, line) = event(&host).await;
    assert_eq!((status, &line["mails"][0]["outcome"]), (202, &json!("queued")));
    let spent = line["duration_ms"].as_u64().unwrap();
    assert!(spent <= 7000, "of nine seconds two are the queue's: {spent}");
}

/// The contact form with a message of this many characters.
async fn long(host: &ScriptedHost, files: &Files, characters: usize) -> (u16, Value) {
    let payload = json!({"name": "Ada", "email": "ada@customer.example", "message": "x".repeat(characters)});
    let response = call(&gate(files), host, contact_request(&payload)).await;
    (response.status().as_u16(), body(&response))
}

/// The example with room for long messages.
fn roomy() -> Files {
    let files = files();
    let text = |path: &str| {
        let text = files.text(path).unwrap();
        match path {
            "schemas/contact.json" => text.replace("\"maxLength\": 5000", "\"maxLength\": 200000"),
            _ => text.to_owned(),
        }
    };
    let roomy: Files = files.paths().map(|path| (path.to_owned(), text(path))).collect();
    assert_ne!(roomy.text("schemas/contact.json"), files.text("schemas/contact.json"));
    roomy
}

#[tokio::test]
async fn what_is_too_large_for_the_queue_is_a_blob_first() {
    let host = ailing(refusal(503, "ServiceUnavailable"));
    let (status, answer) = long(&host, &roomy(), 100_000).await;
    assert_eq!((status, &answer["queued"]), (202, &json!(true)), "{answer}");
    let requests = host.platform_requests.borrow().clone();
    let paths: Vec<_> = requests.iter().map(|request| (request.method().as_str(), request.uri().host())).collect();
    let (blobs, queue) = (Some("contoso.blob.core.windows.net"), Some("contoso.queue.core.windows.net"));
    // The second mail, to the visitor, does not repeat the message and is small.
    assert_eq!(paths, [("PUT", blobs), ("POST", queue), ("POST", queue)]);
    let (blob, pointer) = (&requests[0], letter(&requests[1]));
    let name = pointer.head.blob.as_deref().unwrap();
    assert!(name.starts_with(&format!("{}-", pointer.head.operation)), "{name}");
    assert_eq!(pointer.blob(), Ok(Some(name)));
    let opened = pointer.open(&keys(KEY).await, blob.body().clone()).unwrap();
    assert_eq!((opened.head(), opened.body()), (&pointer.head, blob.body()));
    assert_eq!(pointer.open(&keys(KEY).await, Bytes::new()), Err(LetterError::Forged), "the blob is signed, too");
    assert_eq!(blob.uri().path(), format!("/mail/{name}"));
    assert_eq!((blob.body(), pointer.body.len()), (host.sends()[0].body(), 0), "byte-identical");
    for (name, value) in [("x-ms-blob-type", "BlockBlob"), ("x-ms-version", "2023-11-03")] {
        assert_eq!(blob.headers()[name], value);
    }

    // If the blob is not confirmed, no message points to it.
    let host = ailing(refusal(503, "ServiceUnavailable"));
    host.platform.replace(Some(storage_of(|request| {
        let status = if request.method() == "PUT" { 403 } else { 201 };
        Ok(Response::builder().status(status).body(Bytes::new()).unwrap())
    })));
    let (status, answer) = long(&host, &roomy(), 100_000).await;
    assert_eq!((status, &answer["mails"][0]["status"]), (503, &json!("unavailable")));
    assert!(letters(&host).iter().all(|letter| letter.head.mail == "contact-acknowledge"));
}

#[test]
fn a_letter_is_read_as_it_was_written_and_nothing_else_is_one() {
    let head = |blob: Option<&str>| Head {
        postern: FORM,
        operation: uuid::Uuid::from_u128(7),
        route: "a".to_owned(),
        mail: "b".to_owned(),
        policy_sha256: "c".to_owned(),
        queued_at: "d".to_owned(),
        in_doubt: true,
        traceparent: "e".to_owned(),
        blob: blob.map(str::to_owned),
        mac: "00".repeat(32),
        set_aside: None,
    };
    for body in ["", "{}", "{\"a\":\"\\n\"}\nmore\n", "\u{0}\u{1f600}"] {
        let letter = Letter { head: head(Some("f")), body: Bytes::from(body.to_owned()) };
        let text = letter.encode().unwrap();
        assert!(
            text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte)),
            "plain in XML: {text}"
        );
        assert_eq!(Letter::decode(&text), Ok(letter));
    }
    let largest = |size: usize| Letter { head: head(None), body: vec![b'x'; size].into() }.encode();
    let room = MAX_MESSAGE_BYTES / 4 * 3 - serde_json::to_vec(&head(None)).unwrap().len() - 1;
    assert_eq!(largest(room).unwrap().len(), MAX_MESSAGE_BYTES);
    assert_eq!(largest(room + 1), None);

    let written = |text: &str| Letter::decode(&STANDARD.encode(text));
    for text in ["", "{}", "{}\n{}", "[2]\n", "{\"postern\":2}\n{}", "{\"postern\":\"2\"}\n", "\n"] {
        assert_eq!(written(text), Err(LetterError::Foreign), "{text}");
    }
    assert_eq!(written("{\"postern\":1,\"more\":1}\n"), Err(LetterError::Form(1)));
    assert_eq!(Letter::decode("no base64!"), Err(LetterError::Foreign));
}

/// A letter as the gate signs it.
async fn sealed() -> Letter {
    let host = ailing(refusal(429, "TooManyRequests"));
    event(&host).await;
    letters(&host).remove(0)
}

#[tokio::test]
async fn a_letter_is_true_only_as_the_gate_wrote_it() {
    let letter = sealed().await;
    let changes: [fn(&mut Letter); 11] = [
        |letter| letter.head.operation = uuid::Uuid::from_u128(7),
        |letter| letter.head.route.push('x'),
        |letter| letter.head.mail.push('x'),
        |letter| letter.head.policy_sha256.clear(),
        |letter| letter.head.queued_at.clear(),
        |letter| letter.head.in_doubt ^= true,
        |letter| letter.head.traceparent.clear(),
        |letter| letter.head.blob = Some(String::new()),
        |letter| letter.head.mac.clear(),
        |letter| letter.head.mac = "0".repeat(64),
        |letter| letter.body = [&letter.body[..], b" "].concat().into(),
    ];
    for (index, change) in changes.into_iter().enumerate() {
        let mut forged = letter.clone();
        change(&mut forged);
        let read = Letter::decode(&forged.encode().unwrap()).unwrap();
        assert_eq!(read.open(&keys(KEY).await, read.body.clone()), Err(LetterError::Forged), "change {index}");
    }
    let other = keys("another-key-of-the-overflow-queue").await;
    assert_eq!(letter.open(&other, letter.body.clone()), Err(LetterError::Forged));
    // Nothing can move between header and body, and what is added to a letter later is not signed.
    let mut moved = letter.clone();
    moved.head.traceparent.pop();
    moved.body = [b"0".as_slice(), &letter.body].concat().into();
    assert_eq!(moved.open(&keys(KEY).await, moved.body.clone()), Err(LetterError::Forged));
    let mut aside = letter.clone();
    aside.head.set_aside = Some("rejected".to_owned());
    assert!(aside.open(&keys(KEY).await, letter.body.clone()).is_ok());
}

#[tokio::test]
async fn a_key_is_replaced_without_losing_what_the_old_one_signed() {
    let letter = sealed().await;
    let host = ScriptedHost::new().set("overflow_key", "the-new-key-of-the-overflow-queue");
    let old = Key::read_all(&host).await.unwrap();
    assert_eq!(letter.open(&old, letter.body.clone()), Err(LetterError::Forged));
    let both = Key::read_all(&host.set("overflow_previous_key", KEY)).await.unwrap();
    assert!(letter.open(&both, letter.body.clone()).is_ok());
    let short = ScriptedHost::new().set("overflow_previous_key", "short");
    let wrong: Vec<_> = Key::read_all(&short).await.unwrap_err().iter().map(ToString::to_string).collect();
    let too_short = "overflow_previous_key is too short: a key needs at least 24 random characters";
    assert_eq!(wrong, ["overflow_key is not set", too_short]);
}

#[tokio::test]
async fn only_the_blob_of_a_letter_is_read() {
    let mut letter = sealed().await;
    let (operation, digits) = (letter.head.operation, "0123456789abcdef0123456789abcdef");
    for (name, own) in [
        (format!("{operation}-{digits}"), true),
        (format!("{operation}-{}", digits.to_uppercase()), false),
        (format!("{operation}-+{}", &digits[1..]), false),
        (format!("{operation}-{}", &digits[1..]), false),
        (format!("{operation}-{digits}0"), false),
        (format!("{}-{digits}", uuid::Uuid::nil()), false),
        (format!("{operation}-{digits}/../{operation}"), false),
        ("..".to_owned(), false),
        (String::new(), false),
    ] {
        letter.head.blob = Some(name.clone());
        let expected = if own { Ok(Some(name.as_str())) } else { Err(LetterError::Blob) };
        assert_eq!(letter.blob(), expected, "{name}");
    }
}

#[tokio::test]
async fn a_signature_is_in_the_address_and_a_token_in_the_head() {
    for sas in [SAS, &SAS[1..]] {
        let host = ailing(refusal(429, "TooManyRequests")).set("overflow_sas", sas);
        assert_eq!(event(&host).await.0, 202);
        let requests = host.platform_requests.borrow();
        let expected = format!("{QUEUE}/mail/messages?messagettl=-1&{}", &SAS[1..]);
        assert_eq!((requests.len(), requests[0].uri().to_string()), (1, expected));
        let names: Vec<_> = requests[0].headers().keys().map(|name| name.as_str()).collect();
        assert_eq!(names, ["content-length", "content-type", "x-ms-version", "x-ms-date"]);
        assert_eq!(requests[0].headers()["x-ms-date"], "Tue, 03 Mar 2026 07:05:09 GMT");
    }
}

/// An application's identity, in addition to ACS's key or instead of it.
fn with_identity(mut host: ScriptedHost) -> ScriptedHost {
    host.settings.remove("overflow_sas");
    let client = "22222222-2222-4222-8222-222222222222";
    host.set("azure_tenant_id", "tenant.example").set("azure_client_id", client).set("azure_client_secret", "s3cret")
}

#[tokio::test]
async fn an_identity_serves_for_both_and_has_a_token_for_each() {
    for with_key in [true, false] {
        let mut host = with_identity(ailing(refusal(429, "TooManyRequests")));
        if !with_key {
            host.settings.remove("acs_access_key");
        }
        let storage = storage(201, None);
        host.platform.replace(Some(Box::new(move |request| {
            if request.uri().host() != Some("login.microsoftonline.com") {
                return storage(request);
            }
            let form: BTreeMap<_, _> = form_urlencoded::parse(request.body()).into_owned().collect();
            let token = if form["scope"] == "https://storage.azure.com/.default" { "storage" } else { "mail" };
            let answer = json!({"access_token": format!("canary-{token}"), "expires_in": 3599}).to_string();
            Some(Ok(Response::new(answer.into())))
        })));
        assert_eq!(event(&host).await.0, 202);
        let requests = host.platform_requests.borrow();
        let put = requests.last().unwrap();
        assert_eq!(put.uri().to_string(), format!("{QUEUE}/mail/messages?messagettl=-1"));
        assert_eq!(put.headers()["authorization"], "Bearer canary-storage");
        let sent = host.sends()[0].headers()["authorization"].to_str().unwrap().to_owned();
        assert_eq!(sent == "Bearer canary-mail", !with_key, "{sent}");
    }
}

#[tokio::test]
async fn without_a_proof_nothing_is_kept_and_readiness_says_so() {
    let ready = async |host: &ScriptedHost| {
        let response = call(&gate(&files()), host, Request::get("/readyz").body("").unwrap()).await;
        (response.status().as_u16(), body(&response))
    };
    for (name, value, missing) in [
        ("", "", "overflow_sas is not set"),
        (
            "overflow_sas",
            "sv=2026",
            "overflow_sas is not a shared access signature: use the part of the URL after the ?, with sig=",
        ),
        (
            "overflow_sas",
            "sig=a b",
            "overflow_sas is not a shared access signature: use the part of the URL after the ?, with sig=",
        ),
        (
            "overflow_identity",
            "sas",
            "overflow_identity must be access-key, client-secret, workload, app-service or imds",
        ),
        ("overflow_identity", "client-secret", "azure_tenant_id is not set"),
    ] {
        let mut host = ailing(refusal(429, "TooManyRequests"));
        host.settings.remove("overflow_sas");
        if !name.is_empty() {
            host = host.set(name, value);
        }
        let (status, answer) = ready(&host).await;
        assert_eq!((status, &answer["missing"][0]), (503, &json!(missing)));
        let (status, _, line) = event(&host).await;
        assert_eq!((status, &line["mails"][0]["overflow_error"]), (503, &json!("not-configured")), "{name}");
        assert!(host.platform_requests.borrow().is_empty());
    }
    for (key, missing) in [
        (None, "overflow_key is not set"),
        (Some("brief"), "overflow_key is too short: a key needs at least 24 random characters"),
    ] {
        let mut host = ailing(refusal(429, "TooManyRequests"));
        host.settings.remove("overflow_key");
        host = key.into_iter().fold(host, |host, key| host.set("overflow_key", key));
        let (status, answer) = ready(&host).await;
        assert_eq!((status, &answer["missing"]), (503, &json!([missing])));
        let (status, _, line) = event(&host).await;
        assert_eq!((status, &line["mails"][0]["overflow_error"]), (503, &json!("not-configured")), "{missing}");
        assert!(host.platform_requests.borrow().is_empty(), "nothing is kept that nobody could know again");
    }
    assert_eq!(ready(&host()).await.1["overflow"], "sas");
    assert_eq!(ready(&with_identity(host())).await.1["overflow"], "client-secret");
    let response = call(&gate(&example()), &host(), Request::get("/readyz").body("").unwrap()).await;
    assert_eq!(body(&response).get("overflow"), None, "without a queue nothing is said of one");
}

#[tokio::test]
async fn a_visitor_is_told_the_truth() {
    let host = ailing(refusal(503, "ServiceUnavailable"));
    let response = call(&gate(&files()), &host, browser(GOOD)).await;
    assert_eq!(response.status(), 202, "the site's own page would say that something was sent");
    let page = String::from_utf8(response.body().to_vec()).unwrap();
    assert!(
        page.contains("<p>Your message has been received. It could not be sent just now, but will be sent as soon")
    );
    assert!(page.contains("<a href=\"https:&#x2f;&#x2f;www.contoso.example&#x2f;thanks\">Continue</a>"), "{page}");

    let german = set(browser(GOOD), "accept-language", "de");
    let page = call(&gate(&files()), &ailing(refusal(503, "ServiceUnavailable")), german).await;
    assert!(String::from_utf8(page.body().to_vec()).unwrap().contains("Ihre Nachricht ist angekommen."));

    for accept in ["application/json", "*/*"] {
        let request = set(browser(GOOD), "accept", accept);
        let response = call(&gate(&files()), &ailing(refusal(503, "ServiceUnavailable")), request).await;
        let answer = body(&response);
        assert_eq!((response.status().as_u16(), &answer["sent"], &answer["queued"]), (202, &json!(0), &json!(true)));
        assert_eq!(answer["next"], "https://www.contoso.example/thanks");
    }
}

#[tokio::test]
async fn the_queue_adds_its_servers_and_no_others() {
    let policy = Policy::load(&files()).unwrap();
    assert_eq!(policy.servers(), [BLOBS, QUEUE]);
    let reached = async |host: &ScriptedHost, overflow: bool, url: &str| {
        let outbound = Outbound::new(host, None::<Uri>, policy.overflow().filter(|_| overflow));
        let request = Request::post(url).header("operation-id", "x").body(Bytes::new()).unwrap();
        !matches!(outbound.fetch(request, Duration::from_secs(1)).await, Err(FetchError::Denied))
    };
    let (signed, named) = (host(), with_identity(host()));
    for (url, by_signature, by_identity) in [
        (QUEUE, true, true),
        (BLOBS, true, true),
        ("http://contoso.queue.core.windows.net/", false, false),
        ("https://other.queue.core.windows.net/", false, false),
        ("https://contoso.file.core.windows.net/", false, false),
        ("https://login.microsoftonline.com/", false, true),
    ] {
        assert_eq!(reached(&signed, true, url).await, by_signature, "{url}");
        assert_eq!(reached(&named, true, url).await, by_identity, "{url}");
        assert!(!reached(&named, false, url).await, "{url}");
    }
}

#[test]
fn a_table_that_does_not_do_is_told() {
    let address = "error postern.toml:59 This is not the address of an Azure Storage queue or container.";
    let nowhere = "error postern.toml:59 The container's address cannot be derived from this queue address.";
    let first = told(&with_table("queue = \"x\""));
    let line = first[0].split(' ').nth(1).unwrap().to_owned();
    for (table, finding) in [
        ("queue = \"mail\"", address),
        ("queue = \"http://contoso.queue.core.windows.net/mail\"", address),
        ("queue = \"https://contoso.queue.core.windows.net/mail?sig=canary\"", address),
        ("queue = \"http://127.0.0.1:10001/devstoreaccount1/mail\"", nowhere),
        ("queue = \"https://storage.contoso.example/mail\"", nowhere),
    ] {
        let found = told(&with_table(table));
        assert_eq!(found, [finding.replace("postern.toml:59", &line)], "{table}");
    }
    for table in [
        "queue = \"https://contoso.queue.core.windows.net/mail\"",
        "queue = \"http://127.0.0.1:10001/devstoreaccount1/mail\"\ncontainer = \"http://127.0.0.1:10000/devstoreaccount1/mail\"",
    ] {
        assert_eq!(told(&with_table(table)), Vec::<String>::new());
    }
    let name = "a".repeat(57);
    assert_eq!(told(&with_table(&format!("queue = \"{QUEUE}/{name}\""))).len(), 1, "-poison must fit behind it");
    assert_eq!(told(&with_table("")).len(), 1);
    assert_eq!(told(&with_table(&format!("queue = \"{QUEUE}/mail\"\nother = 1"))).len(), 1);
}
