//! The same content again: a retry is the same mail, a reminder is a new one, and only time distinguishes them.

use std::collections::BTreeSet;

use bytes::Bytes;
use http::Request;
use postern::host::FetchError;
use postern::policy::Files;
use serde_json::{Value, json};

use crate::contracts::{hook, host, request};
use crate::support::*;

/// The start of a period of `plain`, whose window is 900 seconds and whose callers retry for 300.
const BORDER: u64 = NOW - NOW % 600;

/// A route of callers about which nothing is known.
fn plain(lines: &str) -> Files {
    hook(&format!("auth = {{ scheme = \"bearer\", secret = \"hook_secret\" }}\n{lines}"))
}

/// The operations of sends at these times, or the earlier ones that they repeat. Every send is accepted.
async fn operations(files: &Files, times: &[u64]) -> Vec<String> {
    let (gate, host) = (gate(files), host([]));
    let mut operations = Vec::new();
    for time in times {
        host.now.set(*time);
        let response = call(&gate, &host, request("{}")).await;
        let answer = body(&response);
        assert_eq!((response.status().as_u16(), &answer["mails"][0]["status"]), (200, &json!("accepted")), "{times:?}");
        operations.push(answer["mails"][0]["operation"].as_str().unwrap().to_owned());
    }
    let sent: BTreeSet<_> = host.operations().into_iter().collect();
    assert_eq!(sent, operations.iter().cloned().collect(), "no operation is named that was not sent: {times:?}");
    operations
}

#[tokio::test]
async fn within_the_horizon_it_is_one_mail_and_beyond_the_window_a_new_one() {
    for (line, horizon, window) in
        [("", 300, 900), ("duplicate_window = 90", 45, 90), ("duplicate_window = 3600", 300, 3600)]
    {
        let files = plain(line);
        let gaps = [0, 1, horizon / 2, horizon - 1, horizon, horizon + 1, window - horizon, window, window + 1];
        let (mut repeats, mut new) = (0, 0);
        for phase in (0..window - horizon).step_by(usize::try_from((window - horizon) / 9).unwrap()) {
            for first in gaps {
                for second in gaps {
                    let start = NOW - NOW % (window - horizon) + phase;
                    let times = [start, start + first, start + first + second];
                    let operations = operations(&files, &times).await;
                    for later in 0..3 {
                        let became = operations.iter().position(|operation| *operation == operations[later]).unwrap();
                        assert!(times[later] - times[became] <= window, "a new mail: {times:?}");
                        for earlier in 0..later {
                            let began = !operations[..earlier].contains(&operations[earlier]);
                            let soon = times[later] - times[earlier] <= horizon;
                            assert!(!(began && soon) || became == earlier, "one mail: {times:?}");
                        }
                        *(if became < later { &mut repeats } else { &mut new }) += 1;
                    }
                }
            }
        }
        assert!(repeats > 100 && new > 100, "{line}: {repeats} repeats, {new} new ones");
    }
}

#[tokio::test]
async fn a_repeat_across_a_border_costs_one_status_read_and_names_the_first_operation() {
    let (gate, host) = (gate(&plain("")), host([]));
    host.now.set(BORDER - 5);
    let first = body(&call(&gate, &host, request("{}")).await);
    host.lines.borrow_mut().clear();
    host.now.set(BORDER + 100);
    let second = call(&gate, &host, request("{}")).await;
    assert_eq!((second.status().as_u16(), body(&second)), (200, first.clone()));
    let calls: Vec<_> = host.requests.borrow().iter().map(|request| request.method().to_string()).collect();
    assert_eq!(calls, ["POST", "GET"]);
    let line = host.line();
    assert_eq!((&line["verdict"], &line["mails"][0]["outcome"]), (&json!("sent"), &json!("accepted")));
    assert_eq!((&line["mails"][0]["attempts"], &line["mails"][0]["status_reads"]), (&json!(0), &json!(1)));
    assert_eq!(
        (&line["mails"][0]["operation_id"], &line["mails"][0]["acs_status"]),
        (&first["mails"][0]["operation"], &json!(200))
    );
}

/// What happens at `age` seconds of a period, if the same content was sent ten seconds before it began and `answer` is
/// what ACS says about that: the methods of the calls, and whether the operation is the earlier one.
async fn early(age: u64, answer: Option<Answer>) -> (Vec<String>, bool) {
    let (gate, host) = (gate(&plain("")), host([]));
    host.now.set(BORDER - 10);
    let first = body(&call(&gate, &host, request("{}")).await);
    host.requests.borrow_mut().clear();
    host.now.set(BORDER + age);
    host.answers.borrow_mut().extend(answer);
    let second = body(&call(&gate, &host, request("{}")).await);
    assert_eq!(second["mails"][0]["status"], "accepted");
    let calls = host.requests.borrow().iter().map(|request| request.method().to_string()).collect();
    (calls, first["mails"][0]["operation"] == second["mails"][0]["operation"])
}

fn calls(methods: &[&str]) -> Vec<String> {
    methods.iter().map(|method| (*method).to_owned()).collect()
}

#[tokio::test]
async fn where_acs_does_not_say_the_earlier_operation_is_used_and_nothing_is_doubled() {
    for answer in [Err(FetchError::Timeout), refusal(429, "TooManyRequests"), refusal(403, "Denied"), refusal(500, "x")]
    {
        assert_eq!(early(60, Some(answer)).await, (calls(&["GET", "POST"]), true));
    }
    // ACS gave up the earlier one, so it is not a mail, and this becomes one.
    let [first] = operations(&plain(""), &[BORDER - 10]).await.try_into().unwrap();
    assert_eq!(early(60, Some(operation(&first, "Failed", None))).await, (calls(&["GET", "POST"]), false));
}

#[tokio::test]
async fn the_gate_asks_again_while_the_first_may_still_be_on_its_way() {
    let unknown = || Some(refusal(404, "NotFound"));
    assert_eq!(early(1, unknown()).await, (calls(&["GET", "GET"]), true), "it has arrived meanwhile");
    assert_eq!(early(3, unknown()).await, (calls(&["GET", "POST"]), false), "it would have arrived by now");
}

/// Whether two requests, a day apart, are the same operation.
async fn same_a_day_later(files: &Files, request: impl Fn() -> Request<Bytes>) -> bool {
    let (gate, host) = (gate(files), host([]));
    for day in 0..2 {
        host.now.set(NOW + day * 86_400);
        let response = call(&gate, &host, request()).await;
        assert_eq!(response.status(), 200, "{:?}", response.body());
    }
    assert_eq!(host.requests.borrow().len(), 2, "two sends, and nothing is asked");
    let operations = host.operations();
    operations[0] == operations[1]
}

#[tokio::test]
async fn ids_that_the_sender_makes_unique_are_one_event_for_ever() {
    let keyed = || set(request("{}"), "idempotency-key", "8e03978e-40d5-43e8-bc93-6894a57f9324");
    assert!(same_a_day_later(&plain(""), keyed).await);
    assert!(!same_a_day_later(&plain(""), || request("{}")).await);
    // The body names the event: GitHub's has ids and times.
    assert!(same_a_day_later(&example(), || github_request(&issue(), GITHUB_SECRET)).await);
    let cloud = plain("envelope = \"cloudevents\"");
    let event = json!({"specversion": "1.0", "id": "1", "source": "/x", "type": "t", "data": {}}).to_string();
    let event = || set(request(event.clone()), "content-type", "application/cloudevents+json");
    assert!(same_a_day_later(&cloud, event).await);
}

#[tokio::test]
async fn a_form_sent_again_is_a_new_mail_an_hour_later_and_a_double_click_is_none() {
    let sent = async |seconds: u64, key: Option<&'static str>| {
        let (gate, host) = (gate(&example()), ScriptedHost::new());
        for time in [NOW, NOW + seconds] {
            host.now.set(time);
            let request = contact_request(&contact());
            let request = match key {
                Some(key) => set(request, "idempotency-key", key),
                None => request,
            };
            assert_eq!(call(&gate, &host, request).await.status(), 200);
        }
        host.operations().into_iter().collect::<BTreeSet<_>>().len()
    };
    let mails = sent(0, None).await;
    for (seconds, times) in [(1, 1), (600, 1), (3601, 2), (4 * 86_400, 2)] {
        assert_eq!(sent(seconds, None).await, mails * times, "{seconds}");
    }
    assert_eq!(sent(4 * 86_400, Some("of-this-submission")).await, mails);
}

#[tokio::test]
async fn what_a_route_says_of_its_window_counts() {
    for (line, seconds, same) in [
        ("duplicate_window = 60", 61, false),
        ("duplicate_window = 604800", 300, true),
        ("contract = \"github\"", 1, true),
    ] {
        let found = operations(&plain(line), &[NOW, NOW + seconds]).await;
        assert_eq!(found[0] == found[1], same, "{line}");
    }
    for seconds in [0, 604_801] {
        let findings = told(&plain(&format!("duplicate_window = {seconds}")));
        let expected = "error postern.toml:10 `duplicate_window` must be between 1 and 604800 seconds.";
        assert_eq!(findings.first().map(String::as_str), Some(expected));
    }
}

#[tokio::test]
async fn where_acs_has_another_mail_under_the_id_it_is_called_a_duplicate() {
    for status in [400, 409] {
        let (gate, host) = (gate(&plain("")), host([]));
        let text = |text: &str| set(request(json!({"data": {"text": text}}).to_string()), "idempotency-key", "one");
        let first = body(&call(&gate, &host, text("91 %")).await);
        host.lines.borrow_mut().clear();
        host.answers.borrow_mut().push_back(refusal(status, "BadRequest"));
        let second = call(&gate, &host, text("99 %")).await;
        let operation = &first["mails"][0]["operation"];
        assert_eq!(second.status(), 200);
        assert_eq!(
            body(&second),
            json!({"sent": 0, "mails": [{"mail": "note", "status": "duplicate", "operation": operation}]})
        );
        let line = host.line();
        assert_eq!((&line["verdict"], &line["severity_text"]), (&json!("duplicate"), &json!("INFO")));
        assert_eq!((&line["mails"][0]["outcome"], &line["mails"][0]["operation_id"]), (&json!("duplicate"), operation));
        assert_eq!(line["reason"], Value::Null);
    }
}
