//! Requests of `../shared/cases` whose point is time: the same alert again, and two alerts under one id.

use std::fs;
use std::path::Path;

use postern_presets::Preset;
use serde_json::Value;

use crate::presets::{SECRET, added, delivery, preset, starter};
use crate::support::*;

/// The text of a file of a case; none where the cases are not there.
fn input(case: &str, file: &str) -> Option<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/cases").join(case).join("input").join(file);
    let text = fs::read_to_string(&path).ok();
    if text.is_none() {
        println!("skipped: there is no {}", path.display());
    }
    text
}

/// What became of the mail of each of these events, sent at these seconds from now, and the subjects in order.
async fn sent(preset: &Preset, events: &[(u64, String)]) -> (Vec<Value>, Vec<String>) {
    let files = added(preset);
    let host = ScriptedHost::new().set(&preset.add(&starter()).unwrap().settings[0], SECRET);
    let gate = gate(&files);
    let mut statuses = Vec::new();
    for (seconds, event) in events {
        host.now.set(NOW + seconds);
        let answer = call(&gate, &host, delivery(preset, event)).await;
        assert_eq!(answer.status(), 200, "{:?}", answer.body());
        statuses.push(body(&answer)["mails"][0]["status"].clone());
    }
    let subjects = host.sent().iter().map(|mail| mail["content"]["subject"].as_str().unwrap().to_owned()).collect();
    let operations = host.operations();
    assert_eq!(operations.len(), operations.iter().collect::<std::collections::BTreeSet<_>>().len(), "new mails");
    (statuses, subjects)
}

#[tokio::test]
async fn a_reminder_of_alertmanager_is_a_mail_of_its_own() {
    let case = "29-alertmanager-reminder";
    let (Some(first), Some(reminder)) = (input(case, "at-03.json"), input(case, "at-07.json")) else { return };
    let four_hours = 4 * 60 * 60;
    let (statuses, subjects) = sent(&preset("alertmanager"), &[(0, first), (four_hours, reminder)]).await;
    assert_eq!(statuses, ["accepted", "accepted"]);
    assert_eq!(subjects.len(), 2);
}

#[tokio::test]
async fn samples_of_azure_s_test_button_are_mails_of_their_own() {
    let case = "05-azure-test-button-one-alert-id";
    let (Some(metric), Some(health)) = (input(case, "1-metric.json"), input(case, "2-resource-health.json")) else {
        return;
    };
    let (statuses, subjects) = sent(&preset("azure-monitor"), &[(0, metric), (5, health)]).await;
    assert_eq!(statuses, ["accepted", "accepted"]);
    assert!(subjects.len() == 2 && subjects[0] != subjects[1], "{subjects:?}");
}
