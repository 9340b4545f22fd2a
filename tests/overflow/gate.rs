//! The gate as a separate process: a sealed component, served by the tool.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use postern_emulator::DEVELOPMENT_KEY;
use serde_json::{Value, json};
use tempfile::TempDir;
use ureq::Agent;

use crate::running::Running;
use crate::tool::{postern, run, write};

pub const SECRET: &str = "a-secret-of-the-jobs";

/// The key with which the gate signs its letters.
pub const KEY: &str = "a-key-of-the-overflow-queue";

/// The domain of all recipients.
pub const DOMAIN: &str = "contoso.example";

/// A policy, and the component that it is sealed into.
pub struct Sealed {
    place: TempDir,
    component: PathBuf,
}

/// A running gate.
pub struct Gate {
    pub running: Running,
    pub caller: Caller,
}

/// The URL for events.
pub struct Caller {
    url: String,
    agent: Agent,
}

/// The gate's answer: the status, and the problem or the outcome of the mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    pub status: u16,
    pub mail: String,
    pub operation: String,
}

impl Sealed {
    /// Writes a policy with this overflow queue, approves it and seals it.
    pub fn new(queue: &str, container: &str, time_budget: u32) -> Self {
        let place = tempfile::tempdir().unwrap();
        let policy = format!(
            r#"[senders.alerts]
address = "alerts@{DOMAIN}"
owner = "team@{DOMAIN}"

[routes.jobs]
path = "/jobs"
kind = "event"
auth = {{ scheme = "bearer", secret = "jobs_secret" }}
schema = "job"
body_limit = 1000000
time_budget = {time_budget}

[[routes.jobs.mails]]
template = "job"
sender = "alerts"
purpose = "alert"
to = {{ field = "/to", allow = ["{DOMAIN}"] }}

[overflow]
queue = "{queue}"
container = "{container}"
"#
        );
        let text = |longest: u32| json!({"type": "string", "maxLength": longest});
        let schema = json!({
            "type": "object",
            "properties": {
                "id": text(40),
                "to": {"type": "string", "format": "email", "maxLength": 100},
                "text": text(200_000),
            },
            "required": ["id", "to", "text"],
            "additionalProperties": false,
        });
        for (path, text) in [
            ("postern.toml", policy),
            ("schemas/job.json", schema.to_string()),
            ("schemas/job.examples/valid/short.json", event("1", "ops", "It ran.").to_string()),
            ("schemas/job.examples/invalid/required-id.json", json!({"to": "a@b.example", "text": "x"}).to_string()),
            ("templates/job/subject.txt.j2", "{{ id }}".to_owned()),
            ("templates/job/body.txt.j2", "{{ text }}".to_owned()),
            ("templates/job/sample.json", event("sample", "ops", "It ran.").to_string()),
        ] {
            write(place.path(), path, &text);
        }
        let by = format!("team@{DOMAIN}");
        let approved = run(place.path(), &["approve", "--all", "--by", &by]);
        assert_eq!(approved.status, 0, "{approved:?}");
        let component = place.path().join("postern.wasm");
        let sealed = run(place.path(), &["seal", "-o", component.to_str().unwrap()]);
        assert_eq!(sealed.status, 0, "{sealed:?}");
        Self { place, component }
    }

    /// The directory of the policy.
    pub fn policy(&self) -> &Path {
        self.place.path()
    }

    /// Another policy in place of this one, for a replay.
    pub fn edit(&self, old: &str, new: &str) {
        let path = self.place.path().join("postern.toml");
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(old));
        fs::write(path, text.replace(old, new)).unwrap();
    }

    /// Starts a gate with these additional settings.
    pub fn serve(&self, settings: &[(&str, &str)]) -> Gate {
        let mut command = postern(self.place.path());
        command.args(["serve", "--listen", "127.0.0.1:0"]).arg(&self.component);
        let mut running = Running::start(with(&mut command, settings).env("JOBS_SECRET", SECRET));
        let line = running.complaint(" at http://");
        let url = line.split_once(" at ").unwrap().1.trim().to_owned();
        let agent = Agent::config_builder().http_status_as_error(false).build().into();
        Gate { running, caller: Caller { url, agent } }
    }
}

/// A tool's settings: the emulator's key, the gate's key for letters, and others.
pub fn with<'a>(command: &'a mut Command, settings: &[(&str, &str)]) -> &'a mut Command {
    command.env("ACS_ACCESS_KEY", DEVELOPMENT_KEY).env("OVERFLOW_KEY", KEY).envs(settings.iter().copied())
}

/// An event of the route; its id becomes the mail's subject.
pub fn event(id: &str, to: &str, text: &str) -> Value {
    json!({"id": id, "to": format!("{to}@{DOMAIN}"), "text": text})
}

impl Caller {
    /// Sends an event; none where the gate gave no whole answer. It has an id, so that no call depends on the time of
    /// day.
    pub fn post(&self, event: &Value) -> Option<Told> {
        let length = event["text"].as_str().unwrap().len();
        let id = format!("{} {} {length}", event["id"].as_str().unwrap(), event["to"].as_str().unwrap());
        let request = self.agent.post(format!("{}/jobs", self.url)).header("content-type", "application/json");
        let request = request.header("idempotency-key", id);
        let mut answer = request.header("authorization", format!("Bearer {SECRET}")).send(event.to_string()).ok()?;
        let body: Value = serde_json::from_str(&answer.body_mut().read_to_string().ok()?).unwrap();
        let status = answer.status().as_u16();
        assert_eq!(body["queued"] == true, status == 202, "{body}");
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let mail = &body["mails"][0];
        let said = if mail.is_null() { &body["type"] } else { &mail["status"] };
        Some(Told { status, mail: text(said), operation: text(&mail["operation"]) })
    }
}
