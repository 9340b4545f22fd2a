//! Batches: every flavour makes several calls to ACS at the same time.

use std::fs;
use std::path::PathBuf;

use postern_emulator::{Effect, Fault};
use postern_runtime::{Guest, Limits};
use serde_json::{Value, json};

use crate::flavour::{Flavour, component};
use crate::stand::Stand;

/// How many events there are. One after the other, each with its delay, they would take twice the available time.
const EVENTS: usize = 60;

const DELAY: u64 = 300;

const POLICY: &str = r#"
[senders.web]
address = "web@contoso.example"
owner = "team@contoso.example"

[routes.list]
path = "/list"
kind = "event"
schema = "any"
auth = { scheme = "bearer", secret = "list_secret" }
envelope = "list"

[[routes.list.mails]]
template = "note"
sender = "web"
purpose = "alert"
to = ["team@contoso.example"]
"#;

/// The directory of a policy with a route of lists.
fn policy() -> PathBuf {
    let directory = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("lists");
    for (path, text) in [
        ("postern.toml", POLICY),
        ("schemas/any.json", r#"{"type": "object"}"#),
        ("templates/note/subject.txt.j2", "Event {{ number }}"),
        ("templates/note/body.txt.j2", "Hello"),
        ("templates/note/sample.json", r#"{"number": 1}"#),
    ] {
        let path = directory.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    directory
}

#[test]
fn several_events_are_on_their_way_at_a_time() {
    let policy = policy();
    for flavour in Flavour::ALL {
        let guest =
            Guest { component: component(flavour).into(), policy_dir: Some(policy.clone()), ..Guest::default() };
        let stand = Stand::of(guest, Limits::default(), |settings| {
            settings.insert("list_secret".to_owned(), "canary-list-secret".to_owned());
        });
        let slow = Effect::Delay { milliseconds: DELAY };
        assert!(stand.store.fault(Fault::next(slow).times(10_000)));
        let list: Vec<_> = (1..=EVENTS).map(|number| json!({ "number": number })).collect();
        let request = stand.request("/list").header("content-type", "application/json");
        let request = request.header("authorization", "Bearer canary-list-secret");
        let answer = stand.call(request.body(json!(list).to_string().into()).unwrap());
        assert_eq!((answer.status, &answer.body["sent"]), (200, &json!(EVENTS)), "{}", flavour.name());
        let mut subjects = stand.subjects();
        subjects.sort();
        subjects.dedup();
        assert_eq!(subjects.len(), EVENTS);
        let lines = stand.lines();
        let places: Vec<_> = lines.iter().map(|line| line["batch"]["event"].clone()).collect();
        assert_eq!(places, (1..=EVENTS).map(Value::from).collect::<Vec<_>>(), "lines have the events' order");
    }
}
