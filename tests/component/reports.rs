//! Delivery reports, full circle: a mail bounces, Event Grid reports it to the gate's own route, and the sender's owner
//! gets a mail about it.

use std::sync::{Arc, Mutex};
use std::thread;

use postern::policy::Files;
use postern_emulator::{
    Config, DEVELOPMENT_KEY, Effect, Emulator, EventSchema, Fault, Report, ReportState, Store, Webhook,
};
use postern_runtime::{Event, Guest, Host, Limits, Server};
use serde_json::{Value, json};
use tokio::runtime::{Builder, Runtime};

use crate::flavour::Flavour;
use crate::stand::{cache, policy, seal_into};

const OWNER: &str = "platform-team@contoso.example";
const SECRET: &str = "canary-delivery-secret";

/// A gate whose emulator reports to it.
struct Round {
    store: Store,
    url: String,
    lines: Arc<Mutex<Vec<String>>>,
    _runtime: Runtime,
}

impl Round {
    fn start(schema: EventSchema, files: &Files) -> Round {
        let component = seal_into(Flavour::Wasi, files).unwrap();
        let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let lines = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&lines);
        let (store, url) = runtime.block_on(async move {
            let server = Server::bind(([127, 0, 0, 1], 0).into()).await.unwrap();
            let url = format!("http://{}", server.local_addr());
            // Shortens waits between attempts to a thousandth.
            let mut webhook =
                Webhook { schema, speed: 1000, ..Webhook::new(format!("{url}/hooks/acs-delivery").parse().unwrap()) };
            webhook.headers.insert("x-postern-secret", SECRET.parse().unwrap());
            let config = Config { reports: Some(webhook), running_for: std::time::Duration::ZERO, ..Config::default() };
            let emulator = Emulator::bind(([127, 0, 0, 1], 0).into(), config).await.unwrap();
            let (store, acs) = (emulator.store(), emulator.endpoint());
            tokio::spawn(emulator.serve(std::future::pending()));
            let settings = [
                ("acs_endpoint", acs.as_str()),
                ("acs_access_key", DEVELOPMENT_KEY),
                ("acs_delivery_secret", SECRET),
                ("github_webhook_secret", SECRET),
            ];
            let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
            let guest = Guest {
                component: component.into(),
                settings,
                allowed_outbound: vec![acs.parse().unwrap()],
                ..Guest::default()
            };
            let log = Arc::new(move |event: Event<'_>| match event {
                Event::Stdout(line) => heard.lock().unwrap().push(line.to_owned()),
                other => println!("{other:?}"),
            });
            let host = Host::new(Limits::default(), Some(cache()), log).unwrap();
            host.load(guest).await.unwrap();
            tokio::spawn(server.serve(host, std::future::pending()));
            (store, url)
        });
        Round { store, url, lines, _runtime: runtime }
    }

    /// Sends the contact form with an acknowledgement to this address.
    fn write_from(&self, address: &str) {
        let payload = json!({"name": "Ada", "email": address, "message": "Hello"}).to_string();
        let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
        let request = agent.post(format!("{}/contact", self.url)).header("content-type", "application/json");
        let answer = request.header("origin", "https://www.contoso.example").send(payload).unwrap();
        assert_eq!(answer.status().as_u16(), 200);
    }

    /// Waits until there are this many reports and none is waiting.
    fn reports(&self, count: usize) -> Vec<Report> {
        loop {
            let reports = self.store.reports();
            if reports.len() >= count && reports.iter().all(|report| report.state != ReportState::Waiting) {
                return reports;
            }
            thread::yield_now();
        }
    }

    /// Waits until an attempt to report a bounce got this answer.
    fn until_answered(&self, status: u16) {
        let bounced = |report: &Report| report.recipient.starts_with("bounce@");
        let answered = |report: &Report| report.pushes.iter().any(|push| push.status == Some(status));
        while !self.store.reports().iter().any(|report| bounced(report) && answered(report)) {
            thread::yield_now();
        }
    }

    /// The subjects of the mails to the sender's owner.
    fn alerts(&self) -> Vec<String> {
        let to_owner = self
            .store
            .messages()
            .into_iter()
            .filter(|message| message.email.recipients.to.iter().any(|to| to.address == OWNER));
        to_owner.map(|message| message.email.content.subject.clone()).collect()
    }

    /// The gate's audit lines about the route.
    fn verdicts(&self) -> Vec<(String, u64)> {
        let lines = self.lines.lock().unwrap();
        let lines = lines.iter().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let own = lines.filter(|line| line["route"] == "acs-delivery");
        own.map(|line| {
            (line["verdict"].as_str().unwrap().to_owned(), line["http.response.status_code"].as_u64().unwrap())
        })
        .collect()
    }
}

/// The tests' policy with these additional files, and this text at the end of `postern.toml`.
fn policy_with(routes: &str, files: impl IntoIterator<Item = (String, String)>) -> Files {
    let own = Files::read(&policy()).unwrap();
    let texts = own.paths().map(|path| (path.to_owned(), own.text(path).unwrap().to_owned()));
    let text = format!("{}\n{routes}", own.text("postern.toml").unwrap());
    texts.chain(files).chain([("postern.toml".to_owned(), text)]).collect()
}

/// The policy with the preset, as `postern add acs-delivery` changes it.
fn preset() -> Files {
    let own = Files::read(&policy()).unwrap();
    let preset = postern_presets::all().into_iter().find(|preset| preset.name == "acs-delivery").unwrap();
    let addition = preset.add(&own).unwrap();
    let texts = own.paths().map(|path| (path.to_owned(), own.text(path).unwrap().to_owned()));
    let new = addition.files.into_iter().map(|(path, text)| (path, text.to_owned()));
    // By default, the gate keeps trying for as long as Event Grid waits; here it gives up sooner.
    let path = "path = \"/hooks/acs-delivery\"\n";
    assert!(addition.policy.contains(path));
    let policy = addition.policy.replace(path, &format!("{path}time_budget = 2\n"));
    texts.chain(new).chain([("postern.toml".to_owned(), policy)]).collect()
}

/// A route for the same reports as CloudEvents.
fn cloud_events() -> Files {
    let route = format!(
        r#"
        [senders.postmaster]
        address = "postmaster@contoso.example"
        owner = "{OWNER}"

        [routes.acs-delivery]
        path = "/hooks/acs-delivery"
        kind = "event"
        auth = {{ scheme = "event-grid", header = "x-postern-secret", secret = "acs_delivery_secret" }}
        envelope = "cloudevents"
        handshake = "cloudevents"
        schema = "acs-delivery"

        [[routes.acs-delivery.mails]]
        when.properties.data.properties.status.const = "Bounced"
        template = "acs-delivery"
        sender = "postmaster"
        purpose = "alert"
        to = ["{OWNER}"]
        "#
    );
    let schema = json!({
        "type": "object",
        "properties": {
            "type": {"const": "Microsoft.Communication.EmailDeliveryReportReceived"},
            "data": {
                "type": "object",
                "properties": {
                    "recipient": {"type": "string", "maxLength": 320},
                    "status": {"type": "string", "maxLength": 50},
                },
                "required": ["recipient", "status"],
            },
        },
        "required": ["type", "data"],
    });
    let texts = [
        ("schemas/acs-delivery.json", schema.to_string()),
        ("templates/acs-delivery/subject.txt.j2", "[BOUNCED] {{ data.recipient }}".to_owned()),
        ("templates/acs-delivery/body.txt.j2", "{{ data.recipient }}: {{ data.status }}".to_owned()),
        ("templates/acs-delivery/sample.json", "{}".to_owned()),
    ];
    policy_with(&route, texts.map(|(path, text)| (path.to_owned(), text)))
}

#[test]
fn a_bounced_mail_becomes_an_alert_to_the_senders_owner() {
    for (schema, files, subject) in [
        (EventSchema::EventGrid, preset(), "did not reach bounce@customer.example"),
        (EventSchema::CloudEvents, cloud_events(), "[BOUNCED] bounce@customer.example"),
    ] {
        let round = Round::start(schema, &files);
        round.write_from("bounce@customer.example");
        // For the two mails of the form, and for the alert itself.
        let reports = round.reports(3);
        assert!(reports.iter().all(|report| report.state == ReportState::Taken), "{reports:?}");
        assert!(round.store.is_validated());
        assert_eq!(round.store.webhook_complaints(), [""; 0]);
        let alerts = round.alerts();
        assert_eq!(alerts.len(), 1, "{alerts:?}");
        assert!(alerts[0].starts_with("[BOUNCED]") && alerts[0].ends_with(subject), "{alerts:?}");
        // The handshake comes first; reports of delivered mails cause no alert.
        let mut verdicts = round.verdicts();
        // With CloudEvents, the handshake is an OPTIONS request, which also has an audit line.
        assert_eq!(verdicts.remove(0), ("handshake".to_owned(), 200));
        verdicts.sort();
        let ignored = ("ignored".to_owned(), 200);
        assert_eq!(verdicts, [ignored.clone(), ignored, ("sent".to_owned(), 200)]);
    }
}

#[test]
fn an_event_that_meets_trouble_is_tried_again_until_its_alert_is_sent() {
    let round = Round::start(EventSchema::EventGrid, &preset());
    round.store.fault(Fault::next(Effect::status(503)).times(1000).for_recipient(OWNER));
    round.write_from("bounce@customer.example");
    round.until_answered(503);
    assert_eq!(round.alerts(), [""; 0]);
    round.store.clear_faults();
    let reports = round.reports(3);
    let bounced = reports.iter().find(|report| report.recipient.starts_with("bounce@")).unwrap();
    let (last, earlier) = bounced.pushes.split_last().unwrap();
    assert_eq!((last.status, bounced.state), (Some(200), ReportState::Taken));
    assert!(!earlier.is_empty() && earlier.iter().all(|push| push.status == Some(503)), "{bounced:?}");
    assert_eq!(round.alerts().len(), 1);
}

#[test]
fn an_event_that_comes_again_is_no_second_alert() {
    let round = Round::start(EventSchema::EventGrid, &preset());
    // ACS accepts the alert, but the gate never gets the answer.
    round.store.fault(Fault::next(Effect::AcceptThenReset).for_recipient(OWNER));
    round.store.fault(Fault::next(Effect::status(503)).times(1000).for_recipient(OWNER));
    round.store.fault(Fault::next(Effect::status(503)).times(1000).on_status());
    round.write_from("bounce@customer.example");
    round.until_answered(503);
    assert_eq!(round.alerts().len(), 1);
    round.store.clear_faults();
    let reports = round.reports(3);
    assert!(reports.iter().all(|report| report.state == ReportState::Taken), "{reports:?}");
    assert_eq!(round.alerts().len(), 1, "the same event is the same operation");
}
