//! Azure Monitor: every service's alerts become the mails that were reviewed, whatever a service leaves out. Each
//! fixture names the page and the heading that document it. `POSTERN_BLESS=1 cargo test --test core azure_monitor`
//! writes the mails, to be reviewed.

use std::fs;
use std::path::{Path, PathBuf};

use postern::gate::Gate;
use postern_presets::Preset;
use serde_json::{Value, json};

use crate::presets::{SECRET, added, delivery, examples, mail, preset};
use crate::support::*;

/// Where Gmail clips a mail: docs/policy.md.
const CLIP_BYTES: usize = 102 * 1024;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/azure-monitor")
}

/// Payloads by name: the preset's examples, and the fixtures.
fn payloads() -> Vec<(String, Value)> {
    let example = |(name, text): (String, &str)| (name, serde_json::from_str(text).unwrap());
    let fixture = |path: PathBuf| {
        let mut fixture: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        assert!(["page", "heading"].iter().all(|source| fixture[source].is_string()), "{}", path.display());
        (path.file_stem().unwrap().to_str().unwrap().to_owned(), fixture["payload"].take())
    };
    let fixtures = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
    let mut fixtures: Vec<_> =
        fixtures.filter(|path| path.extension().is_some_and(|kind| kind == "json")).map(fixture).collect();
    fixtures.sort_by(|one, other| one.0.cmp(&other.0));
    examples(&preset("azure-monitor")).into_iter().map(example).chain(fixtures).collect()
}

fn payload(name: &str) -> Value {
    let (_, payload) = payloads().into_iter().find(|(known, _)| known == name).unwrap();
    payload
}

/// The preset, alone in a policy.
struct Monitor {
    preset: Preset,
    gate: Gate,
}

impl Monitor {
    fn new() -> Self {
        let preset = preset("azure-monitor");
        Self { gate: gate(&added(&preset)), preset }
    }

    /// What is sent for a payload: one mail, whatever it says.
    async fn sent(&self, payload: &Value) -> Value {
        let host = ScriptedHost::new().set("azure_monitor_secret", SECRET);
        let response = call(&self.gate, &host, delivery(&self.preset, &payload.to_string())).await;
        assert_eq!(response.status(), 200, "{payload}");
        let mut sent = host.sent();
        assert_eq!(sent.len(), 1, "{payload}");
        sent.remove(0)
    }
}

fn part<'a>(sent: &'a Value, name: &str) -> &'a str {
    sent["content"][name].as_str().unwrap()
}

#[tokio::test]
async fn what_microsoft_documents_becomes_the_mail_that_was_reviewed() {
    let monitor = Monitor::new();
    let mut wrong = Vec::new();
    let mut count = 0;
    for (name, payload) in payloads() {
        let path = folder().join(format!("{name}.txt"));
        if !folder().join(format!("{name}.json")).exists() {
            continue;
        }
        let said = mail(&monitor.sent(&payload).await);
        if std::env::var_os("POSTERN_BLESS").is_some() {
            fs::write(&path, &said).unwrap();
        }
        if fs::read_to_string(&path).unwrap_or_default() != said {
            wrong.push(format!("{}:\n{said}", path.display()));
        }
        count += 1;
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(fs::read_dir(folder()).unwrap().count(), 2 * count, "each reviewed mail has its payload");
}

/// Every place below one of a payload, as a pointer.
fn places(value: &Value, at: &str) -> Vec<String> {
    let below = |(name, value): (String, &Value)| {
        let place = format!("{at}/{}", name.replace('~', "~0").replace('/', "~1"));
        std::iter::once(place.clone()).chain(places(value, &place)).collect::<Vec<_>>()
    };
    match value {
        Value::Object(members) => members.iter().map(|(name, value)| (name.clone(), value)).flat_map(below).collect(),
        Value::Array(entries) => {
            entries.iter().enumerate().map(|(index, value)| (index.to_string(), value)).flat_map(below).collect()
        }
        _ => Vec::new(),
    }
}

/// The payload with something else at some places, or without them.
fn changed(payload: &Value, places: impl Iterator<Item = String>, other: Option<&Value>) -> Value {
    let mut changed = payload.clone();
    for place in places {
        let (parent, name) = place.rsplit_once('/').unwrap();
        match (other, changed.pointer_mut(parent)) {
            (None, Some(Value::Object(members))) => drop(members.remove(&name.replace("~1", "/").replace("~0", "~"))),
            (other, Some(_)) => {
                if let Some(value) = changed.pointer_mut(&place) {
                    *value = other.cloned().unwrap_or_default();
                }
            }
            // What is around it has changed already.
            (_, None) => {}
        }
    }
    changed
}

#[tokio::test]
async fn nothing_that_a_service_leaves_out_or_changes_stops_an_alert() {
    let monitor = Monitor::new();
    let others = [Value::Null, "".into(), "text".into(), 0.into(), json!([]), json!({})];
    for (name, text) in examples(&preset("azure-monitor")) {
        let payload: Value = serde_json::from_str(text).unwrap();
        for (shift, other) in std::iter::once(None).chain(others.iter().map(Some)).enumerate() {
            // A third of the places at once, because there are thousands of them in all.
            for group in 0..3 {
                let places = places(&payload, "").into_iter();
                let inner =
                    places.enumerate().filter(|(index, _)| (index + shift) % 3 == group).map(|(_, place)| place);
                let sent = monitor.sent(&changed(&payload, inner, other)).await;
                let subject = part(&sent, "subject");
                assert!(subject.starts_with('[') && !subject.ends_with("] "), "{name} {other:?}: {subject}");
            }
        }
    }
}

/// The payload with every text longer and every list more often, but for the names that say which service it is.
fn swollen(payload: &Value, text: usize, entries: usize) -> Value {
    match payload {
        Value::String(start) => Value::String(format!("{start}{}", "<&é ".repeat(text))),
        Value::Array(list) => {
            let list: Vec<_> = list.iter().map(|entry| swollen(entry, text, entries)).collect();
            let length = list.len() * entries;
            list.into_iter().cycle().take(length).collect()
        }
        Value::Object(members) => {
            let swell = |(name, value): (&String, &Value)| {
                let kept = ["monitoringService", "monitorCondition"].contains(&name.as_str());
                (name.clone(), if kept { value.clone() } else { swollen(value, text, entries) })
            };
            members.iter().map(swell).collect()
        }
        other => other.clone(),
    }
}

#[tokio::test]
async fn an_alert_of_any_size_is_one_mail_that_mailboxes_show() {
    let monitor = Monitor::new();
    for (name, text) in examples(&preset("azure-monitor")) {
        let mut payload: Value = serde_json::from_str(text).unwrap();
        if let Some(context) = payload["data"]["alertContext"].as_object_mut() {
            context.remove("SearchResults");
        }
        for (text, entries) in [(700, 1), (1, 40)] {
            let sent = monitor.sent(&swollen(&payload, text, entries)).await;
            assert!(part(&sent, "subject").chars().count() <= 150, "{name}: {}", part(&sent, "subject"));
            assert!(part(&sent, "html").len() <= CLIP_BYTES, "{name}: {}", part(&sent, "html").len());
            assert!(part(&sent, "plainText").len() <= CLIP_BYTES, "{name}: {}", part(&sent, "plainText").len());
        }
    }
}

#[tokio::test]
async fn an_end_reads_as_an_end() {
    let monitor = Monitor::new();
    for (name, start, good) in [
        ("metric-fired", "[FIRED Sev2] ", false),
        ("metric-resolved", "[RESOLVED Sev2] ", true),
        ("log-v2", "[FIRED Sev3] ", false),
        ("log-v2-resolved", "[RESOLVED Sev3] ", true),
        ("prometheus", "[FIRED Sev3] ", false),
        ("prometheus-resolved", "[RESOLVED Sev3] ", true),
        ("service-health-active", "[INCIDENT ACTIVE] ", false),
        ("service-health-resolved", "[INCIDENT RESOLVED] ", true),
        ("service-health-status-resolved", "[INCIDENT RESOLVED] ", true),
        ("service-health-planned", "[MAINTENANCE PLANNED] ", false),
        ("service-health-in-progress", "[MAINTENANCE IN PROGRESS] ", false),
        ("service-health-complete", "[MAINTENANCE COMPLETE] ", true),
        ("service-health-security", "[SECURITY RCA] ", true),
        ("resource-health-unavailable", "[UNAVAILABLE] ", false),
        ("resource-health-available", "[AVAILABLE AGAIN] ", true),
        ("autoscale", "[SUCCEEDED] ", true),
        ("autoscale-failed", "[FAILED] ", false),
        ("older-metric", "[ACTIVATED] ", false),
        ("older-metric-resolved", "[DEACTIVATED] ", true),
    ] {
        let sent = monitor.sent(&payload(name)).await;
        assert!(part(&sent, "subject").starts_with(start), "{name}: {}", part(&sent, "subject"));
        assert_eq!(part(&sent, "html").contains("background:#166534"), good, "{name} is green");
    }
}

#[tokio::test]
async fn what_an_alert_says_is_escaped_once() {
    let monitor = Monitor::new();
    let mut payload = payload("service-health-active");
    payload["data"]["alertContext"]["properties"]["title"] = "<b>Delays</b> & losses".into();
    let sent = monitor.sent(&payload).await;
    let html = part(&sent, "html");
    assert_eq!(html.matches("&lt;b&gt;Delays&lt;&#x2f;b&gt; &amp; losses").count(), 2, "{html}");
    assert!(!html.contains("&amp;amp;") && !html.contains("&amp;lt;"), "{html}");
    assert!(html.contains("We look for the cause &amp; report"), "{html}");
}

/// Layouts for text and for HTML are two files each; only how a fact is written differs.
#[test]
fn the_text_and_the_page_say_the_same() {
    let files = preset("azure-monitor").files();
    let text = |path: &str| files.iter().find(|(known, _)| known == path).map(|(_, text)| *text);
    let layouts = files.iter().filter(|(path, _)| path.starts_with("templates/_azure_monitor"));
    let (mut pairs, written) = (0, "{% macro text(value) %}");
    for (path, source) in layouts.filter(|(path, _)| path.ends_with(".txt.j2")) {
        let source = source.replace(".txt.j2", ".html.j2");
        let page = text(&path.replace(".txt.j2", ".html.j2")).unwrap();
        let shared = |text: &str| text.find(written).map_or(text, |start| &text[start..]).to_owned();
        assert_eq!(shared(&source), shared(page), "{path}");
        pairs += 1;
    }
    assert_eq!(pairs, 10);
}
