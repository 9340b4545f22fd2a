//! Presets: each is added to the policy that `postern init` writes, checked, and sent its examples, which are its
//! sender's payloads. `POSTERN_BLESS=1 cargo test --test core presets` writes the mails, for review.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::Request;
use postern::policy::Files;
use postern_presets::{AddError, Addition, Preset};
use serde_json::Value;

use crate::support::*;

/// Valid for every scheme: a name with a password, in printable characters.
pub const SECRET: &str = "a-name:and-a-password";
const FOLDER: &str = "tests/core/presets";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

pub fn starter() -> Files {
    Files::read(&root().join("cli/starter")).unwrap()
}

/// The preset of that name.
pub fn preset(name: &str) -> Preset {
    postern_presets::all().into_iter().find(|preset| preset.name == name).unwrap()
}

/// A policy with the additions of a preset.
fn with(files: &Files, addition: &Addition) -> Files {
    let old = files.paths().map(|path| (path.to_owned(), files.text(path).unwrap().to_owned()));
    let new = addition.files.iter().map(|(path, text)| (path.clone(), (*text).to_owned()));
    let policy = ("postern.toml".to_owned(), addition.policy.clone());
    old.chain(new).chain([policy]).collect()
}

/// The starting policy with a preset.
pub fn added(preset: &Preset) -> Files {
    let files = starter();
    with(&files, &preset.add(&files).unwrap())
}

/// The valid examples of a preset, by name.
pub fn examples(preset: &Preset) -> Vec<(String, &'static str)> {
    let folder = format!("schemas/{}.examples/valid/", preset.name);
    let example = |(path, text): (String, &'static str)| {
        Some((path.strip_prefix(&folder)?.strip_suffix(".json")?.to_owned(), text))
    };
    preset.files().into_iter().filter_map(example).collect()
}

fn hex_hmac(signed: &[&[u8]]) -> String {
    let mac = Hmac::<sha2::Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
    let mac = signed.iter().fold(mac, |mac, part| mac.chain_update(part));
    mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A delivery of one event as the sender would make it.
pub fn delivery(preset: &Preset, event: &str) -> Request<Bytes> {
    let listed = preset.route().contains("envelope = \"event-grid\"");
    signed(preset, &if listed { format!("[{event}]") } else { event.to_owned() })
}

/// A request with this body, signed with the sha2 and hmac crates, not with the code under test.
pub fn signed(preset: &Preset, body: &str) -> Request<Bytes> {
    let route = preset.route();
    let value = |key: &str| {
        let (_, rest) = route.split_once(&format!("{key} = \""))?;
        rest.split('"').next()
    };
    let mut path = value("path").unwrap().to_owned();
    let (header, proof) = match value("scheme").unwrap() {
        "github" => ("x-hub-signature-256", format!("sha256={}", hex_hmac(&[body.as_bytes()]))),
        "grafana" => ("x-grafana-alerting-signature", hex_hmac(&[body.as_bytes()])),
        "stripe" => {
            let signature = hex_hmac(&[format!("{NOW}.").as_bytes(), body.as_bytes()]);
            ("stripe-signature", format!("t={NOW},v1={signature}"))
        }
        "bearer" => ("authorization", format!("Bearer {SECRET}")),
        "basic" => ("authorization", format!("Basic {}", STANDARD.encode(SECRET))),
        "event-grid" => match value("query") {
            Some(name) => {
                write!(path, "?{name}={SECRET}").unwrap();
                ("x-unused", String::new())
            }
            None => (value("header").unwrap(), SECRET.to_owned()),
        },
        scheme => unreachable!("{scheme}"),
    };
    Request::post(path)
        .header("content-type", "application/json")
        .header("x-github-delivery", "72d3162e-cc78-11e3-81ab-4c9367dc0958")
        .header("aeg-event-type", "Notification")
        .header(header, proof)
        .body(body.to_owned().into())
        .unwrap()
}

/// The status, and what was sent to ACS, for an event.
async fn outcome(preset: &Preset, event: &str) -> (u16, Vec<Value>) {
    let files = added(preset);
    let setting = &preset.add(&starter()).unwrap().settings[0];
    let host = ScriptedHost::new().set(setting, SECRET);
    let response = call(&gate(&files), &host, delivery(preset, event)).await;
    (response.status().as_u16(), host.sent())
}

/// What is sent for an event, in readable form.
async fn mails(preset: &Preset, event: &str) -> String {
    let (status, sent) = outcome(preset, event).await;
    assert_eq!(status, 200, "{}", preset.name);
    let mails: Vec<_> = sent.iter().map(mail).collect();
    if mails.is_empty() { "No mail.\n".to_owned() } else { mails.join("\n=====\n") }
}

/// A mail as its reader sees it.
pub fn mail(sent: &Value) -> String {
    assert!(sent["content"]["html"].as_str().unwrap().starts_with("<!doctype html>"));
    let to = sent["recipients"]["to"].as_array().unwrap().iter().map(|to| to["address"].as_str().unwrap());
    let (from, subject) = (sent["senderAddress"].as_str().unwrap(), sent["content"]["subject"].as_str().unwrap());
    let (to, text) = (to.collect::<Vec<_>>().join(", "), sent["content"]["plainText"].as_str().unwrap());
    format!("From: {from}\nTo: {to}\nSubject: {subject}\n\n{text}")
}

#[tokio::test]
async fn what_each_sender_sends_becomes_the_mail_that_was_reviewed() {
    let mut wrong = Vec::new();
    let mut reviewed: Vec<PathBuf> = Vec::new();
    for preset in postern_presets::all() {
        for (name, event) in examples(&preset) {
            let path = root().join(FOLDER).join(preset.name).join(format!("{name}.txt"));
            let said = mails(&preset, event).await;
            if std::env::var_os("POSTERN_BLESS").is_some() {
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(&path, &said).unwrap();
            }
            if fs::read_to_string(&path).unwrap_or_default() != said {
                wrong.push(format!("{}:\n{said}", path.display()));
            }
            reviewed.push(path);
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let folders = fs::read_dir(root().join(FOLDER)).unwrap().map(|entry| entry.unwrap().path());
    let mut there: Vec<_> =
        folders.flat_map(|folder| fs::read_dir(folder).unwrap()).map(|entry| entry.unwrap().path()).collect();
    there.sort();
    reviewed.sort();
    assert_eq!(there, reviewed, "each reviewed mail has its example");
}

fn example(preset: &Preset, name: &str) -> Value {
    let examples = examples(preset);
    let (_, text) = examples.iter().find(|(known, _)| known == name).unwrap();
    serde_json::from_str(text).unwrap()
}

#[tokio::test]
async fn a_mail_shows_twenty_alerts_and_those_that_fire_first() {
    for (name, shown, cut) in [("more-than-fit", 20, "and 50 more."), ("firing", 3, "")] {
        let alertmanager = preset("alertmanager");
        let (_, sent) = outcome(&alertmanager, &example(&alertmanager, name).to_string()).await;
        let html = sent[0]["content"]["html"].as_str().unwrap();
        assert_eq!(html.matches("border-left:4px").count(), shown);
        assert!(html.contains(cut) && html.contains("more.") != cut.is_empty(), "{name}");
        let first_resolved = html.find("Resolved:").unwrap_or(html.len());
        assert!(html.rfind("Since").unwrap() > html.find("border-left:4px solid #b91c1c").unwrap());
        assert!(html.rfind("border-left:4px solid #b91c1c").unwrap() < first_resolved, "{name}");
    }
}

#[tokio::test]
async fn an_address_that_is_not_https_is_no_link() {
    let alertmanager = preset("alertmanager");
    let mut event = example(&alertmanager, "firing");
    event["externalURL"] = "javascript:alert(1)".into();
    for alert in event["alerts"].as_array_mut().unwrap() {
        alert["generatorURL"] = "http://prometheus:9090/".into();
        alert["annotations"]["runbook_url"] = "javascript:alert(2)".into();
        alert["annotations"]["summary"] = "<a href=\"https://attacker.example\">x</a>".into();
    }
    let (status, sent) = outcome(&alertmanager, &event.to_string()).await;
    assert_eq!((status, sent.len()), (200, 1));
    assert!(!sent[0]["content"]["html"].as_str().unwrap().contains("<a "));
}

#[tokio::test]
async fn what_the_owner_s_own_mailbox_refuses_is_not_reported_to_it() {
    let reports = preset("acs-delivery");
    let mut event = example(&reports, "bounced");
    assert_eq!(outcome(&reports, &event.to_string()).await.1.len(), 1);
    event["data"]["recipient"] = "platform-team@contoso.example".into();
    assert_eq!(outcome(&reports, &event.to_string()).await, (200, Vec::new()));
}

#[tokio::test]
async fn an_approver_is_of_an_allowed_domain() {
    let approval = preset("erp-approval");
    let mut event = example(&approval, "requested");
    event["approver"]["email"] = "facilities@attacker.example".into();
    assert_eq!(outcome(&approval, &event.to_string()).await, (422, Vec::new()));
}

#[test]
fn each_preset_alone_makes_the_starting_policy_no_worse() {
    for preset in postern_presets::all() {
        assert_eq!(told(&added(&preset)), [""; 0], "{}", preset.name);
    }
}

#[test]
fn all_presets_fit_into_one_policy() {
    let mut files = starter();
    let mut kept: BTreeMap<_, usize> = BTreeMap::new();
    for preset in postern_presets::all() {
        let addition = preset.add(&files).unwrap();
        addition.kept.iter().for_each(|path| *kept.entry(path.clone()).or_default() += 1);
        files = with(&files, &addition);
    }
    assert_eq!(told(&files), [""; 0]);
    assert_eq!(files.text("postern.toml").unwrap().matches("[senders.alerts]").count(), 1);
    assert!(kept.contains_key("templates/_alert.html.j2"), "the layout is shared: {kept:?}");
}

#[test]
fn every_folder_is_a_preset_and_is_embedded() {
    let folders = fs::read_dir(root().join("presets")).unwrap().map(|entry| entry.unwrap().path());
    let is_preset = |path: &PathBuf| path.is_dir() && !["shared", "src"].iter().any(|other| path.ends_with(other));
    let name = |path: PathBuf| path.file_name().unwrap().to_str().unwrap().to_owned();
    let mut names: Vec<_> = folders.filter(is_preset).map(name).collect();
    names.sort();
    let embedded: Vec<_> = postern_presets::all().iter().map(|preset| preset.name).collect();
    assert_eq!(names, embedded);
}

#[test]
fn the_example_s_comments_and_layout_survive() {
    let files = starter();
    let addition = preset("job").add(&files).unwrap();
    assert!(addition.policy.starts_with(files.text("postern.toml").unwrap().trim_end()));
    assert_eq!(addition.settings, ["job_secret"]);
    assert_eq!(
        addition.addresses,
        ["alerts@contoso.example", "operations@contoso.example", "platform-team@contoso.example"]
    );
    assert!(addition.policy.ends_with("purpose = \"notification\"\nto = [\"operations@contoso.example\"]\n"));
}

#[test]
fn nothing_that_is_there_is_overwritten() {
    let job = preset("job");
    let files = added(&job);
    assert_eq!(job.add(&files).unwrap_err(), AddError::Route("job".into()));
    let edited = |old: &str, new: &str| {
        let text = |path: &str| files.text(path).unwrap().replace(old, new);
        files.paths().map(|path| (path.to_owned(), text(path))).collect::<Files>()
    };
    let renamed = edited("routes.job", "routes.mine");
    let taken = AddError::Path { route: "mine".into(), path: "/hooks/job".into() };
    assert_eq!(job.add(&renamed).unwrap_err(), taken);
    let moved = edited("routes.job", "routes.mine").paths().map(str::to_owned).collect::<Vec<_>>();
    let moved: Files = moved
        .into_iter()
        .map(|path| {
            let text = renamed.text(&path).unwrap().replace("/hooks/job", "/hooks/mine");
            (path, text)
        })
        .collect();
    assert_eq!(job.add(&moved).unwrap_err(), AddError::File("schemas/job.examples/invalid/enum-state.json".into()));
    let none = Files::from_iter([("schemas/x.json", "{}")]);
    assert_eq!(job.add(&none).unwrap_err(), AddError::NoPolicy);
    let broken = Files::from_iter([("postern.toml", "[senders")]);
    assert_eq!(job.add(&broken).unwrap_err(), AddError::NotToml);
    let inline = Files::from_iter([("postern.toml", "routes = { a = { path = \"/a\" } }")]);
    assert_eq!(job.add(&inline).unwrap_err(), AddError::NotToml);
}

#[test]
fn a_sender_and_a_layout_that_are_there_stay() {
    let files = Files::from_iter([
        ("postern.toml", "[senders.alerts]\naddress = \"pager@contoso.example\"\nowner = \"me@contoso.example\"\n"),
        ("templates/_alert.html.j2", "mine"),
    ]);
    let addition = preset("job").add(&files).unwrap();
    assert_eq!(addition.kept, ["templates/_alert.html.j2"]);
    assert!(!addition.files.iter().any(|(path, _)| path == "templates/_alert.html.j2"));
    assert_eq!(addition.policy.matches("[senders.alerts]").count(), 1);
    assert_eq!(addition.addresses, ["operations@contoso.example"]);
}

/// docs/presets.md, generated from the presets.
fn document() -> String {
    let mut text = "# Presets\n\nConnect a common sender with one command: a preset adds a route with its schema, \
                    templates and example payloads to your\npolicy. `postern presets` lists the presets, \
                    and\n\n```sh\npostern add alertmanager --policy my-policy\n```\n\nadds one: the files below \
                    `schemas/` and `templates/`, and the route in `postern.toml`. It overwrites nothing. From \
                    then\non the files are yours: replace the addresses, change the texts, approve the result. The \
                    schemas check what the\ntemplates need and accept whatever else the sender adds or leaves \
                    out; the templates cut what is too long for a mail. The\nmails are readable on a phone: they \
                    say what happened, where and since when, link to the place to look, and distinguish\nthe start \
                    of an alert from its end. A test generates this page from the presets.\n\n| preset | what it reports |\n|---|---|\n"
        .to_owned();
    for preset in postern_presets::all() {
        writeln!(text, "| [`{0}`](#{0}) | {1} |", preset.name, preset.about.description).unwrap();
    }
    for preset in postern_presets::all() {
        let about = &preset.about;
        let subjects = examples(&preset).into_iter().filter_map(|(name, _)| {
            let mail = fs::read_to_string(root().join(FOLDER).join(preset.name).join(format!("{name}.txt"))).ok()?;
            Some(format!("- `{}`\n", mail.lines().find_map(|line| line.strip_prefix("Subject: "))?))
        });
        let subjects: String = subjects.collect();
        write!(
            text,
            "\n## {}\n\n{}.\n\n```toml\n{}```\n\n{}\n\nSubjects of its example mails:\n\n{subjects}\n{}{}Where the examples come from:\n{}\n",
            preset.name,
            about.description,
            preset.route(),
            about.setup.trim(),
            about
                .documentation
                .iter()
                .map(|page| format!("[The sender's documentation]({page}).\n"))
                .collect::<String>(),
            about.tried.iter().map(|tried| format!("Tried with: {}\n", tried.trim())).collect::<String>(),
            about.fixture.trim()
        )
        .unwrap();
    }
    text
}

#[test]
fn the_document_says_what_the_presets_say() {
    let path = root().join("docs/presets.md");
    let expected = document();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, &expected).unwrap();
    }
    let found = fs::read_to_string(&path).unwrap_or_default();
    let other = found.lines().zip(expected.lines()).find(|(found, expected)| found != expected);
    assert_eq!(other, None, "run `UPDATE_DOCS=1 cargo test --test core presets`");
    assert_eq!(found.len(), expected.len(), "nothing is missing at the end");
}
