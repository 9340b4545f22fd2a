//! Requests of `../shared/cases`, as they were recorded: alerts that were refused or said nothing, the same alert again,
//! and two alerts under one id.

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

/// The subject of the one mail that an alert becomes.
async fn subject(preset_name: &str, case: &str, file: &str) -> Option<String> {
    let event = input(case, file)?;
    let (statuses, mut subjects) = sent(&preset(preset_name), &[(0, event)]).await;
    assert_eq!(statuses, ["accepted"], "{case}/{file}");
    subjects.pop()
}

#[tokio::test]
async fn alerts_become_mails_that_say_what_happened() {
    for (preset, case, file, expected) in ALERTS {
        let Some(subject) = subject(preset, case, file).await else { return };
        assert_eq!(subject, expected, "{case}/{file}");
    }
}

/// Preset, case, file, and the subject of the mail.
const ALERTS: [(&str, &str, &str, &str); 19] = [
    ("azure-monitor", "04-azure-budget-alert-nulls", "actual.json", "[BUDGET] shop-monthly: $412.50 spent of $500.00"),
    (
        "azure-monitor",
        "04-azure-budget-alert-nulls",
        "budget-without-common-schema.json",
        "[ALERT] shop-monthly (Azure Monitor, older schema)",
    ),
    (
        "azure-monitor",
        "04-azure-budget-alert-nulls",
        "forecasted.json",
        "[BUDGET FORECAST] shop-monthly: $640.00 expected of $500.00",
    ),
    ("azure-monitor", "06-azure-alerts-that-say-nothing", "log-v1.json", "[FIRED Sev3] no heartbeat on web01"),
    (
        "azure-monitor",
        "06-azure-alerts-that-say-nothing",
        "log-v2-no-data.json",
        "[FIRED Sev3] no heartbeat v2 on web01",
    ),
    (
        "azure-monitor",
        "06-azure-alerts-that-say-nothing",
        "prometheus.json",
        "[FIRED Sev3] KubePodCrashLooping: Pod checkout/payment-7d9 restarts again and again",
    ),
    (
        "azure-monitor",
        "06-azure-alerts-that-say-nothing",
        "resource-health.json",
        "[UNAVAILABLE] web01: The virtual machine is not available",
    ),
    (
        "azure-monitor",
        "06-azure-alerts-that-say-nothing",
        "service-health-resolved.json",
        "[INCIDENT RESOLVED] Resolved: mail delivery delays in West Europe, Communication Services",
    ),
    (
        "azure-monitor",
        "06-azure-alerts-that-say-nothing",
        "smart-detector.json",
        "[FIRED Sev3] Dependency Latency Degradation - shop on shop",
    ),
    (
        "alertmanager",
        "07-alertmanager-storm-over-the-body-limit",
        "storm.json",
        "[FIRING 340] KubePodNotReady (critical)",
    ),
    ("alertmanager", "08-alertmanager-one-long-value", "long-annotation.json", "[FIRING 1] SlowStatements (critical)"),
    ("alertmanager", "08-alertmanager-one-long-value", "long-generator-url.json", "[FIRING 1] SlowRequests (critical)"),
    ("alertmanager", "08-alertmanager-one-long-value", "long-label.json", "[FIRING 1] ProcessMemoryHigh (critical)"),
    ("job", "23-job-log-with-colours-or-too-long", "colours.json", "[FAILED] nightly-backup on db01 (exit 2)"),
    ("job", "23-job-log-with-colours-or-too-long", "long.json", "[FAILED] nightly-backup on db01 (exit 2)"),
    ("job", "23-job-log-with-colours-or-too-long", "nul.json", "[FAILED] nightly-backup on db01 (exit 2)"),
    (
        "grafana",
        "30-grafana-alerts-as-they-were-recorded",
        "grafana-8-mixed.json",
        "[FIRING 4] room44 alert and others",
    ),
    ("grafana", "30-grafana-alerts-as-they-were-recorded", "grafana-no-data.json", "[FIRING 1] DatasourceNoData"),
    (
        "alertmanager",
        "30-grafana-alerts-as-they-were-recorded",
        "grafana-through-alertmanager.json",
        "[RESOLVED] MEMORY USED",
    ),
];
