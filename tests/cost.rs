//! What the component costs, in bytes and in WebAssembly instructions: the same on every machine, so compared with a
//! budget. `UPDATE_COST=1 cargo test --test cost` rewrites the budget.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail loudly")]

#[allow(dead_code, reason = "one flavour is enough to know what the core costs")]
#[path = "component/flavour.rs"]
mod flavour;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::Request;
use http_body_util::{BodyExt as _, Full};
use postern::policy::Files;
use postern_emulator::{Config, DEVELOPMENT_KEY, Emulator};
use postern_runtime::{Cache, Guest, Host, Limits, Origin, seal};
use serde_json::{Value, json};

use crate::flavour::{Flavour, component};

/// How far a figure may differ from its budget, in per cent.
const SLACK: u64 = 3;

/// How many requests to average over: hash seeds are random and differ between instances.
const MORE: usize = 20;

/// Over how many instances to compare hashing.
const INSTANCES: usize = 8;

const ALERTS_SECRET: &str = "budget";

/// Bytes of the component, and instructions by purpose.
type Costs = BTreeMap<String, u64>;

/// A request that is sent repeatedly.
struct Load {
    name: &'static str,
    path: &'static str,
    body: Bytes,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/cost")
}

fn sample(template: &str) -> Value {
    let path = root().join("policy/templates").join(template).join("sample.json");
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// A batch as Alertmanager sends it for a whole rack: 100,000 bytes and the rest of its last alert.
fn batch() -> Value {
    let mut batch = sample("alerts");
    let alert = batch["alerts"][0].take();
    let size = alert.to_string().len();
    let alerts = (0..=100_000 / size).map(|number| {
        let mut alert = alert.clone();
        alert["labels"]["instance"] = json!(format!("db-{number:03}.contoso.example:9100"));
        alert["fingerprint"] = json!(format!("{number:016x}"));
        alert
    });
    batch["alerts"] = alerts.collect();
    batch
}

fn loads() -> [Load; 3] {
    let load = |name, path, payload: &Value| Load { name, path, body: payload.to_string().into() };
    [
        load("form of 3 fields", "/contact", &sample("contact")),
        load("form of 20 fields", "/application", &sample("application")),
        load("batch of 100 KB", "/hooks/alerts", &batch()),
    ]
}

impl Load {
    fn request(&self) -> Request<Full<Bytes>> {
        let mac = Hmac::<sha2::Sha256>::new_from_slice(ALERTS_SECRET.as_bytes()).unwrap().chain_update(&self.body);
        let hex: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        Request::post(format!("http://gate.test{}", self.path))
            .header("content-type", "application/json")
            .header("origin", "https://www.contoso.example")
            .header("content-length", self.body.len())
            .header("x-github-delivery", "72d3162e-cc78-11e3-81ab-4c9367dc0958")
            .header("x-hub-signature-256", format!("sha256={hex}"))
            .header("authorization", format!("Bearer {ALERTS_SECRET}"))
            .body(Full::new(self.body.clone()))
            .unwrap()
    }
}

fn cache() -> Cache {
    Cache::open(PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("compiled")).unwrap()
}

/// The instructions of one instance that answers a load this many times, from its start to its end.
async fn spent(guest: &Guest, load: &Load, times: usize) -> u64 {
    let limits =
        Limits { instructions_per_instance: Some(u64::MAX), requests_per_instance: times, ..Limits::default() };
    let host = Host::new(limits, Some(cache()), Arc::new(|event| println!("{event:?}"))).unwrap();
    host.load(guest.clone()).await.unwrap();
    for _ in 0..times {
        let response = host.handle(load.request()).await;
        let status = response.status();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(status, 200, "{}: {body:?}", load.name);
    }
    // The instance ends by itself, a moment after its last request.
    let ended = async {
        while host.instructions() == 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), ended).await.unwrap();
    host.instructions()
}

async fn measure(guest: &Guest) -> Costs {
    let mut costs = Costs::from([("bytes".to_owned(), guest.component.len() as u64)]);
    for load in loads() {
        // The first request finds nothing ready, and the second may still create something.
        let two = spent(guest, &load, 2).await;
        let request = (spent(guest, &load, 2 + MORE).await - two) / MORE as u64;
        costs.insert(load.name.to_owned(), request);
    }
    let [form, ..] = loads();
    costs.insert(format!("start and first {}", form.name), spent(guest, &form, 1).await);
    costs
}

async fn guest(component: Vec<u8>, policy_dir: Option<PathBuf>) -> Guest {
    let emulator = Emulator::bind(([127, 0, 0, 1], 0).into(), Config::default()).await.unwrap();
    let endpoint = emulator.endpoint();
    tokio::spawn(emulator.serve(std::future::pending()));
    let settings =
        [("acs_endpoint", endpoint.as_str()), ("acs_access_key", DEVELOPMENT_KEY), ("alerts_secret", ALERTS_SECRET)];
    Guest {
        component: component.into(),
        settings: settings.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
        policy_dir,
        allowed_outbound: vec![endpoint.parse::<Origin>().unwrap()],
        ..Guest::default()
    }
}

fn policy() -> PathBuf {
    root().join("policy")
}

async fn unsealed() -> Costs {
    measure(&guest(component(Flavour::Wasi).to_vec(), Some(policy())).await).await
}

async fn sealed() -> Costs {
    let seal = || {
        let files = Files::read(&policy()).unwrap().sealed();
        seal(component(Flavour::Wasi), &files, Some(&cache())).unwrap().component
    };
    let component = tokio::task::spawn_blocking(seal).await.unwrap();
    measure(&guest(component, None).await).await
}

/// The largest group that senders are known to send.
const ALERTS_OF_A_STORM: usize = 5000;

/// The preset's policy, as `postern add` makes it.
fn alerting() -> Files {
    let starter = Files::read(&root().join("../../../cli/starter")).unwrap();
    let presets = postern_presets::all();
    let addition = presets.iter().find(|preset| preset.name == "alertmanager").unwrap().add(&starter).unwrap();
    let own = starter.paths().map(|path| (path.to_owned(), starter.text(path).unwrap().to_owned()));
    let new = addition.files.iter().map(|(path, text)| (path.clone(), (*text).to_owned()));
    own.chain(new).chain([("postern.toml".to_owned(), addition.policy.clone())]).collect()
}

/// A group as one dead node pool makes it: 5 MB.
fn storm() -> Value {
    let alert = |number: usize| {
        let labels = [
            "cluster",
            "namespace",
            "container",
            "endpoint",
            "instance",
            "job",
            "prometheus",
            "service",
            "team",
            "region",
            "zone",
            "node",
        ];
        let mut alert = json!({
            "status": "firing", "startsAt": "2026-03-02T03:14:00.000Z", "endsAt": "0001-01-01T00:00:00Z",
            "labels": {"alertname": "KubePodNotReady", "severity": "critical", "pod": format!("payment-{number:05}")},
            "annotations": {"summary": "x".repeat(60), "description": "y".repeat(100), "runbook_url": "https://c.example"},
            "generatorURL": format!("https://prometheus.contoso.example/graph?g0.expr={}", "sum+by+".repeat(30)),
            "fingerprint": format!("{number:016x}"),
        });
        labels.iter().for_each(|label| alert["labels"][label] = json!(format!("a value of {label}")));
        alert
    };
    json!({"version": "4", "status": "firing", "receiver": "postern", "groupKey": "{}", "truncatedAlerts": 0,
        "commonLabels": {}, "groupLabels": {}, "externalURL": "https://alertmanager.contoso.example",
        "alerts": (0..ALERTS_OF_A_STORM).map(alert).collect::<Vec<_>>()})
}

/// An instance has enough memory for the largest group of alerts, and answers long before its sender gives up.
#[tokio::test]
async fn a_storm_of_alerts_fits_into_an_instance() {
    let seal = || seal(component(Flavour::Wasi), &alerting().sealed(), Some(&cache())).unwrap().component;
    let mut guest = guest(tokio::task::spawn_blocking(seal).await.unwrap(), None).await;
    guest.settings.insert("alertmanager_secret".to_owned(), ALERTS_SECRET.to_owned());
    let load = Load { name: "storm", path: "/hooks/alertmanager", body: storm().to_string().into() };
    let instructions = spent(&guest, &load, 1).await;
    println!("{} bytes, {instructions} instructions", load.body.len());
    assert!(instructions < MOST_INSTRUCTIONS, "{instructions}");
}

/// Twice what such a group takes: not a budget, but a sign of work that does not grow with the body alone.
const MOST_INSTRUCTIONS: u64 = 2_000_000_000;

/// A policy that hashes every name of a payload, as its mail's condition requires, and sends nothing.
fn hashing(keyword: &str) -> Files {
    // Only the payload decides which branch applies, so the validator collects its names in a set.
    let condition = format!(
        r#"{{
            anyOf = [{{ patternProperties = {{ "^key" = {{ type = "integer" }} }} }}, {{ required = ["never"] }}],
            {keyword} = {{ type = "integer" }},
        }}"#
    );
    let policy = format!(
        r#"
        [senders.web]
        address = "web@contoso.example"
        owner = "team@contoso.example"
        [routes.alerts]
        path = "/hooks/alerts"
        kind = "event"
        auth = {{ scheme = "github", secret = "alerts_secret" }}
        schema = "many"
        [[routes.alerts.mails]]
        when = {{ allOf = [{condition}, {{ required = ["never"] }}] }}
        template = "note"
        sender = "web"
        purpose = "alert"
        to = ["team@contoso.example"]
        "#
    );
    Files::from_iter([
        ("postern.toml", policy.as_str()),
        ("schemas/many.json", r#"{"type": "object"}"#),
        ("templates/note/subject.txt.j2", "Event"),
        ("templates/note/body.txt.j2", "Event"),
        ("templates/note/sample.json", "{}"),
    ])
}

/// How many different numbers of instructions fresh instances need for the same request.
async fn variety(files: Files) -> usize {
    let seal = move || seal(component(Flavour::Wasi), &files.sealed(), Some(&cache())).unwrap().component;
    let guest = guest(tokio::task::spawn_blocking(seal).await.unwrap(), None).await;
    let payload: Value = (0..1000).map(|number| (format!("key {number}"), json!(number))).collect();
    let load = Load { name: "many names", path: "/hooks/alerts", body: payload.to_string().into() };
    let mut counts = BTreeSet::new();
    for _ in 0..INSTANCES {
        counts.insert(spent(&guest, &load, 1).await);
    }
    println!("{counts:?}");
    counts.len()
}

/// A stranger who has the component knows its content, so the seeds of maps that contain a stranger's names must not be
/// part of it: with its own seeds, each instance needs another number of instructions. Without such maps, all need
/// nearly the same.
#[tokio::test]
async fn no_two_instances_of_a_sealed_component_hash_alike() {
    // Two instances may need the same number by chance; the digits of a clock turn one number into two or three.
    assert!(variety(hashing("unevaluatedProperties")).await >= INSTANCES - 2);
    assert!(variety(hashing("additionalProperties")).await <= INSTANCES / 2);
}

/// Compares in both directions: if something gets cheaper, the budget must go down, or the next increase would go
/// unnoticed.
#[tokio::test]
async fn bytes_and_instructions_keep_to_the_budget() {
    let path = root().join("budget.json");
    let found = BTreeMap::from([("sealed".to_owned(), sealed().await), ("unsealed".to_owned(), unsealed().await)]);
    if std::env::var_os("UPDATE_COST").is_some() {
        println!("{found:#?}");
        std::fs::write(&path, format!("{}\n", serde_json::to_string_pretty(&found).unwrap())).unwrap();
        return;
    }
    let budget: BTreeMap<String, Costs> = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let far = |cost: u64, budget: u64| cost.abs_diff(budget) * 100 > budget * SLACK;
    let kept = |(component, costs): (&String, &Costs)| {
        let budget = &budget[component];
        budget.len() == costs.len() && costs.iter().all(|(name, cost)| !far(*cost, budget[name]))
    };
    assert!(
        found.len() == budget.len() && found.iter().all(kept),
        "found: {found:#?}\nbudget: {budget:#?}\nIf the change is meant, run `UPDATE_COST=1 cargo test --test cost`."
    );
}
