//! What real senders send, as whole requests through the presets: each file of `tests/fixtures/senders/PRESET/` is an
//! event, and the text next to it says where it comes from, what the gate answers, and the mail.
//! `POSTERN_BLESS=1 cargo test --test core senders` writes answers and mails, to be reviewed.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use http::{Request, Response};
use serde_json::{Value, json};

use crate::presets::{SECRET, added, delivery, mail, preset, signed};
use crate::support::*;

const FOLDER: &str = "tests/fixtures/senders";
/// What the first line of a reviewed text starts with.
const SOURCE: &str = "Source: ";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// What became of a request.
struct Outcome {
    response: Response<Bytes>,
    verdicts: Vec<String>,
    sent: Vec<Value>,
}

impl Outcome {
    /// The status, and what the audit lines say.
    fn told(&self) -> (u16, String) {
        (self.response.status().as_u16(), self.verdicts.join(", "))
    }

    /// Answer and mails as a reviewer reads them. Operation ids depend on the day.
    fn reviewed(&self) -> String {
        let mut answer = body(&self.response);
        for mail in answer.get_mut("mails").and_then(Value::as_array_mut).into_iter().flatten() {
            mail.as_object_mut().unwrap().remove("operation");
        }
        let (status, verdict) = self.told();
        let mut text = format!("Answer: {status} {answer}\nVerdict: {verdict}\n");
        for sent in &self.sent {
            write!(text, "\n{}\n", mail(sent)).unwrap();
        }
        text
    }

    fn html(&self) -> &str {
        self.sent[0]["content"]["html"].as_str().unwrap()
    }

    fn text(&self) -> &str {
        self.sent[0]["content"]["plainText"].as_str().unwrap()
    }

    fn subject(&self) -> &str {
        self.sent[0]["content"]["subject"].as_str().unwrap()
    }
}

async fn outcome(name: &str, request: Request<Bytes>) -> Outcome {
    let preset = preset(name);
    let host = ScriptedHost::new().set(&format!("{}_secret", name.replace('-', "_")), SECRET);
    let response = call(&gate(&added(&preset)), &host, request).await;
    let verdicts = host.lines.borrow().iter().map(|line| line["verdict"].as_str().unwrap().to_owned()).collect();
    Outcome { response, verdicts, sent: host.sent() }
}

async fn of_event(name: &str, event: &Value) -> Outcome {
    outcome(name, delivery(&preset(name), &event.to_string())).await
}

fn sorted(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

#[tokio::test]
async fn each_recorded_event_gets_the_answer_and_the_mail_that_were_reviewed() {
    let mut wrong = Vec::new();
    for folder in sorted(&root().join(FOLDER)) {
        let name = folder.file_name().unwrap().to_str().unwrap();
        let events = sorted(&folder).into_iter().filter(|path| path.extension().is_some_and(|end| end == "json"));
        for path in events {
            let event = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
            let reviewed = path.with_extension("txt");
            let text = fs::read_to_string(&reviewed).unwrap_or_default();
            let source = text.lines().next().unwrap_or_default();
            assert!(source.starts_with(SOURCE), "{} names its source", reviewed.display());
            let found = format!("{source}\n{}", of_event(name, &event).await.reviewed());
            if std::env::var_os("POSTERN_BLESS").is_some() {
                fs::write(&reviewed, &found).unwrap();
            } else if found != text {
                wrong.push(format!("{}:\n{found}", reviewed.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A group of so many alerts, as a dead node pool makes it: each with fifteen labels and two links.
fn storm(alerts: usize) -> Value {
    let alert = |number: usize| {
        json!({
            "status": "firing",
            "labels": {
                "alertname": "KubePodNotReady", "cluster": "shop-prod", "namespace": "checkout",
                "pod": format!("payment-{number:04}-7d9c5b6f4-00000"), "container": "kube-state-metrics",
                "endpoint": "http", "instance": format!("10.20.{}.{}:8080", number / 250, number % 250),
                "job": "kube-state-metrics", "prometheus": "monitoring/k8s", "service": "kube-state-metrics",
                "severity": "critical", "team": "payments", "region": "west", "zone": "1", "node": "aks-31",
            },
            "annotations": {
                "summary": "Pod has been in a non-ready state for more than 15 minutes.",
                "description": format!("Pod checkout/payment-{number:04} has been in a non-ready state for longer."),
                "runbook_url": "https://runbooks.contoso.example/kubernetes/kubepodnotready",
            },
            "startsAt": "2026-03-02T03:14:00.000Z",
            "endsAt": "0001-01-01T00:00:00Z",
            "generatorURL": format!("https://prometheus.contoso.example/graph?g0.expr={}&g0.tab=1", "sum+by+".repeat(25)),
            "fingerprint": format!("{number:016x}"),
        })
    };
    json!({
        "version": "4", "groupKey": "{}:{alertname=\"KubePodNotReady\"}", "truncatedAlerts": 0, "status": "firing",
        "receiver": "postern", "groupLabels": { "alertname": "KubePodNotReady" },
        "commonLabels": { "alertname": "KubePodNotReady", "severity": "critical" },
        "commonAnnotations": {}, "externalURL": "https://alertmanager.contoso.example",
        "alerts": (0..alerts).map(alert).collect::<Vec<_>>(),
    })
}

#[tokio::test]
async fn the_worst_night_is_one_mail_with_twenty_alerts_and_an_honest_count() {
    for name in ["alertmanager", "grafana"] {
        for alerts in [340, 5000] {
            let mut event = storm(alerts);
            // What Grafana adds.
            for alert in event["alerts"].as_array_mut().unwrap().iter_mut().filter(|_| name == "grafana") {
                for link in ["silenceURL", "dashboardURL", "panelURL"] {
                    alert[link] = json!(format!("https://grafana.contoso.example/{}", "a".repeat(60)));
                }
                alert["values"] = json!({"A": 1.5, "B": 2, "C": 1});
                alert["valueString"] = json!("[ var='A' labels={instance=web01} value=1.5 ]");
            }
            let outcome = of_event(name, &event).await;
            assert_eq!((outcome.told(), outcome.sent.len()), ((200, "sent".to_owned()), 1), "{name}");
            assert_eq!(outcome.subject(), format!("[FIRING {alerts}] KubePodNotReady (critical)"));
            assert_eq!(outcome.text().matches("\nFIRING: ").count(), 20);
            assert!(outcome.text().contains(&format!("\n... and {} more.\n", alerts - 20)));
            assert!(outcome.html().contains(&format!(">… and {} more.<", alerts - 20)));
            assert!(outcome.html().len() < 102 * 1024, "Gmail shows all of it");
        }
    }
}

#[tokio::test]
async fn no_alert_is_refused_for_the_length_of_a_text() {
    let long = "x".repeat(200_000);
    for name in ["alertmanager", "grafana"] {
        for place in [
            "labels/cmdline",
            "labels/alertname",
            "annotations/summary",
            "annotations/description",
            "annotations/Error",
            "annotations/runbook_url",
            "annotations/__value_string__",
            "generatorURL",
            "startsAt",
            "silenceURL",
            "valueString",
        ] {
            let mut event = storm(2);
            let alert = &mut event["alerts"][0];
            match place.split_once('/') {
                Some((member, name)) => alert[member][name] = json!(long),
                None => alert[place] = json!(long),
            }
            let outcome = of_event(name, &event).await;
            assert_eq!(outcome.told(), (200, "sent".to_owned()), "{name} {place}");
            assert!(outcome.text().len() < 8000 && outcome.html().len() < 20_000, "{name} {place} is cut");
        }
        for place in ["receiver", "externalURL"] {
            let mut event = storm(1);
            event[place] = json!(long);
            assert_eq!(of_event(name, &event).await.told(), (200, "sent".to_owned()), "{name} {place}");
        }
        let labels: Value = (0..3000).map(|number| (format!("label_{number:04}"), json!(long[..100]))).collect();
        let mut event = storm(1);
        event["alerts"][0]["labels"] = labels;
        let outcome = of_event(name, &event).await;
        assert_eq!(outcome.told(), (200, "sent".to_owned()), "{name}: more labels than a mail shows");
        assert_eq!(outcome.text().matches("label_").count(), 25);
        assert!(outcome.text().contains(", ...\n") && outcome.html().contains(", …<"));
    }
}

#[tokio::test]
async fn the_largest_event_that_a_sender_allows_is_a_mail() {
    // docs.github.com: a text has 65,536 characters, a payload 25 MB. learn.microsoft.com, "Event Grid quotas": 1 MB.
    let issue = json!({
        "action": "opened", "repository": {"full_name": "contoso/shop"},
        "issue": {"number": 1, "title": "Logs", "html_url": "https://github.com/c/s/issues/1", "body": "😀".repeat(65_536)},
    });
    let report = json!({
        "id": "e-1", "topic": "t", "subject": "s", "dataVersion": "1.0", "metadataVersion": "1",
        "eventType": "Microsoft.Communication.EmailDeliveryReportReceived", "eventTime": "2026-03-03T07:04:12Z",
        "data": {"sender": "a@contoso.example", "recipient": "b@fabrikam.example", "status": "Bounced",
            "deliveryStatusDetails": {"statusMessage": "x".repeat(1_000_000)}},
    });
    for (name, event) in [("github-issues", issue), ("acs-delivery", report)] {
        let outcome = of_event(name, &event).await;
        assert_eq!(outcome.told(), (200, "sent".to_owned()), "{name}");
        assert!(outcome.text().len() < 50_000 && outcome.html().len() < 50_000, "{name} is cut");
    }
}

#[tokio::test]
async fn a_data_source_that_fails_is_reported_with_its_error() {
    let mut event = storm(1);
    let error = format!("failed to execute query A: {}", "SELECT … ".repeat(2000));
    event["alerts"][0]["labels"] = json!({"alertname": "DatasourceNoData", "datasource_uid": "P1", "ref_id": "A"});
    event["alerts"][0]["annotations"] = json!({"Error": error});
    for name in ["alertmanager", "grafana"] {
        let outcome = of_event(name, &event).await;
        assert_eq!(outcome.told(), (200, "sent".to_owned()));
        assert!(outcome.text().contains("\n  Error: failed to execute query A: SELECT … SELECT … "));
        assert!(outcome.html().contains(">Error: failed to execute query A: SELECT … SELECT … "));
    }
}

#[tokio::test]
async fn a_log_that_is_too_long_keeps_its_head_and_its_tail() {
    let line = |number: usize| {
        format!("2026-03-02T03:{:02}:{:02}Z dumping table {number:05}\n", number / 60 % 60, number % 60)
    };
    let log = |lines: usize| (0..lines).map(line).chain(["pg_dump: error: No space left on device".to_owned()]);
    for lines in [1000, 200_000] {
        let message: String = log(lines).collect();
        let missing = message.chars().count() - 20_000;
        let event = json!({"job": "nightly-backup", "state": "failed", "exit_code": 2, "message": message});
        let outcome = of_event("job", &event).await;
        assert_eq!(outcome.told(), (200, "sent".to_owned()));
        for part in [outcome.text(), outcome.html()] {
            assert!(part.contains("dumping table 00000"), "the head");
            assert!(part.contains(&format!("\n[... {missing} characters left out ...]\n")), "what is missing");
            assert!(part.contains("pg_dump: error: No space left on device"), "the tail");
            assert!(!part.contains(&format!("dumping table {:05}", lines / 2)), "the middle");
        }
    }
}

#[tokio::test]
async fn no_control_character_reaches_a_mail_whatever_its_template_prints() {
    let every: String = (0..0xa0).filter_map(char::from_u32).filter(|character| character.is_control()).collect();
    let dirty = format!("a{every}b");
    for (name, event) in [
        (
            "job",
            json!({"job": dirty, "host": dirty, "state": "failed", "finished_at": dirty, "message": dirty, "url": dirty}),
        ),
        ("iot-device", json!({"device": dirty, "state": "raised", "severity": "info", "alert": dirty, "value": dirty})),
        (
            "alertmanager",
            json!({"receiver": dirty, "externalURL": dirty, "alerts": [{"status": "firing",
            "labels": {"alertname": dirty, "x": dirty}, "annotations": {"summary": dirty}, "startsAt": dirty}]}),
        ),
    ] {
        let outcome = of_event(name, &event).await;
        assert_eq!(outcome.told(), (200, "sent".to_owned()), "{name}");
        let belongs = |character: char| !character.is_control() || ['\n', '\t'].contains(&character);
        assert!(outcome.text().chars().all(belongs) && outcome.html().chars().all(belongs), "{name}");
        assert!(outcome.subject().chars().all(|character| !character.is_control()), "{name}");
    }
}

#[tokio::test]
async fn a_batch_may_hold_what_a_route_does_not_want() {
    let event = |id: &str, kind: &str, data: Value| {
        json!({"id": id, "topic": "t", "subject": "s", "eventType": kind, "eventTime": "2026-03-03T07:04:12Z", "data": data,
            "dataVersion": "1.0", "metadataVersion": "1"})
    };
    let report = |status: &str| {
        let data = json!({"sender": "a@contoso.example", "recipient": "b@fabrikam.example", "status": status});
        event(status, "Microsoft.Communication.EmailDeliveryReportReceived", data)
    };
    let batch = json!([
        report("Delivered"),
        report("Bounced"),
        event(
            "e-3",
            "Microsoft.Communication.EmailEngagementTrackingReportReceived",
            json!({"engagementType": "click"})
        ),
        event("e-4", "Microsoft.EventGrid.SubscriptionDeletedEvent", json!({"eventSubscriptionId": "/x"})),
    ]);
    let name = "acs-delivery";
    let outcome = outcome(name, signed(&preset(name), &batch.to_string())).await;
    assert_eq!(outcome.told(), (200, "ignored, sent, ignored, ignored".to_owned()));
    assert_eq!(body(&outcome.response)["sent"], 1);
    assert_eq!(outcome.sent.len(), 1);
}

#[tokio::test]
async fn event_grid_gets_its_code_back_when_it_validates_a_subscription() {
    // learn.microsoft.com, "Endpoint validation with Event Grid event schema": the event and its header.
    let event = json!([{
        "id": "2d1781af-3a4c-4d7c-bd0c-e34b19da4e66",
        "topic": "/subscriptions/00000000-0000-0000-0000-000000000000",
        "subject": "",
        "data": {"validationCode": "512d38b6-c7b8-40c8-89fe-f46f9e9622b6", "validationUrl": "https://rp.eventgrid.azure.net"},
        "eventType": "Microsoft.EventGrid.SubscriptionValidationEvent",
        "eventTime": "2026-03-03T07:04:12.4556811Z",
        "metadataVersion": "1",
        "dataVersion": "1",
    }]);
    for name in ["acs-delivery", "event-grid-resources"] {
        let request = set(signed(&preset(name), &event.to_string()), "aeg-event-type", "SubscriptionValidation");
        let outcome = outcome(name, request).await;
        assert_eq!(outcome.told(), (200, "handshake".to_owned()), "{name}");
        assert_eq!(body(&outcome.response), json!({"validationResponse": "512d38b6-c7b8-40c8-89fe-f46f9e9622b6"}));
    }
}

#[tokio::test]
async fn what_no_route_can_read_is_refused() {
    for (name, event, status) in [
        ("alertmanager", json!({}), 422),
        ("alertmanager", json!({"alerts": [{"status": "firing"}, {"labels": {}}]}), 422),
        ("grafana", json!({"alerts": [7]}), 422),
        ("job", json!({"job": "x"}), 422),
        ("stripe-dispute", json!({"type": "charge.dispute.created"}), 422),
        ("github-issues", json!({"action": "opened", "issue": {}}), 422),
        ("github-issues", json!([]), 400),
    ] {
        let outcome = of_event(name, &event).await;
        assert_eq!((outcome.told(), outcome.sent.len()), ((status, "refused".to_owned()), 0), "{name} {event}");
    }
}

/// Recorded payloads of GitHub, which are not part of the repository.
const CORPUS: &str = "../shared/corpus/github";

/// Which of them become a mail; the rest is ignored.
const WANTED: &[(&str, &[&str])] = &[
    ("github-dependabot", &["dependabot_alert/created", "dependabot_alert/fixed"]),
    ("github-issues", &["issues/opened"]),
    ("github-workflow-failed", &[]),
];

#[tokio::test]
async fn every_payload_that_github_s_octokit_recorded_becomes_a_mail_or_is_ignored() {
    let corpus = root().join(CORPUS);
    if !corpus.is_dir() {
        println!("skipped: {CORPUS} is not there");
        return;
    }
    let folders = sorted(&corpus).into_iter().filter(|path| path.is_dir());
    let files: Vec<_> = folders.flat_map(|folder| sorted(&folder)).collect();
    assert!(files.len() > 70);
    for path in files {
        let payload: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        let kind = path.strip_prefix(&corpus).unwrap().to_str().unwrap();
        for (name, wanted) in WANTED {
            let outcome = of_event(name, &payload).await;
            let verdict =
                if wanted.iter().any(|wanted| kind.starts_with(&format!("{wanted}."))) { "sent" } else { "ignored" };
            assert_eq!(outcome.told(), (200, verdict.to_owned()), "{name}: {kind}");
            assert_eq!(outcome.sent.len(), usize::from(verdict == "sent"), "{name}: {kind}");
        }
    }
}
