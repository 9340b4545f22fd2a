//! `postern seal`, `inspect` and `serve`: from a policy to a component, and from that to mail.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use postern::policy::Files;
use postern_emulator::{BearerCheck, Config, Emulator};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::azure::{Azure, TOKEN};
use crate::flavour::{Flavour, component};
use crate::running::{Running, post, subjects};
use crate::tool::{Said, copy, edit, fixture, postern, root, run, said};

const DEPLOY_SECRET: &str = "whsec_c2VjcmV0LW9mLXRoZS10ZXN0";

/// The sealed fixture, and the tool's output.
fn sealed(arguments: &[&str]) -> (TempDir, PathBuf, String) {
    // Built before; otherwise the tool would say that this takes minutes.
    component(Flavour::Wasi);
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("gate.wasm");
    let output = ["-o", file.to_str().unwrap()];
    let said = run(&fixture(), &[&["seal"], arguments, &output[..]].concat());
    assert_eq!((said.status, said.stderr.as_str()), (0, ""), "{}", said.stdout);
    (place, file, said.stdout)
}

fn inspected(file: &Path) -> Value {
    let said = run(root(), &["inspect", file.to_str().unwrap(), "--format", "json"]);
    assert_eq!((said.status, said.stderr.as_str()), (0, ""));
    serde_json::from_str(&said.stdout).unwrap()
}

fn policy_sha256() -> String {
    Files::read(&fixture()).unwrap().digest().to_string()
}

#[test]
fn a_sealed_component_says_what_is_in_it() {
    let (_place, file, said) = sealed(&[]);
    assert!(said.lines().all(|line| line.starts_with("Component") || line.chars().count() <= 80), "{said}");
    for line in [
        "  imports  wasi:cli@0.2.12",
        "  contact: form /contact",
        "    authenticated by standard-webhooks, secret in deploy_secret",
    ] {
        assert!(said.contains(&format!("\n{line}\n")), "{said}");
    }
    assert!(said.contains(&format!("\nPolicy\n  sha256   {}\n", policy_sha256())), "{said}");
    let end = said.lines().last().unwrap();
    assert!(end.starts_with("Sealed in ") && end.ends_with(" ms."), "{end}");

    let description = inspected(&file);
    assert_eq!(description["policy_sha256"], policy_sha256());
    assert_eq!(description["engine"]["host"], "wasi");
    assert_eq!(description["engine"]["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(description["settings"], json!(["deploy_secret"]));
    assert_eq!(
        description["senders"],
        json!([{"name": "website", "address": "forms@contoso.example", "owner": "web-team@contoso.example"}])
    );
    assert_eq!(description["routes"][1]["scheme"], "standard-webhooks");
    assert_eq!(description["routes"][1]["mails"][0]["to"], json!(["oncall@contoso.example"]));
    assert_eq!(description["routes"][1]["mails"][0]["purpose"], "alert");

    let approval = &description["approvals"][0];
    assert_eq!((&approval["name"], &approval["by"]), (&json!("routes"), &json!("web-team@contoso.example")));

    let text = run(root(), &["inspect", file.to_str().unwrap()]).stdout;
    let from_engine = text.split_once("Engine").unwrap().1;
    assert!(said.contains(from_engine.trim_end()), "inspect says what seal said: {text}");
}

#[test]
fn the_same_inputs_give_the_same_file_and_an_engine_of_a_file_is_as_good() {
    let (_one, first, _) = sealed(&["--host", "spin"]);
    let (_two, second, _) = sealed(&["--host", "spin"]);
    assert!(fs::read(&first).unwrap() == fs::read(&second).unwrap());
    let place = tempfile::tempdir().unwrap();
    let engine = place.path().join("engine.wasm");
    fs::write(&engine, component(Flavour::Spin)).unwrap();
    let (_three, third, _) = sealed(&["--engine", engine.to_str().unwrap()]);
    let (mut expected, mut found) = (inspected(&first), inspected(&third));
    assert_eq!(expected["engine"]["version"].take(), env!("CARGO_PKG_VERSION"));
    assert_eq!(found["engine"]["version"].take(), Value::Null);
    assert_eq!(found, expected);
}

/// `faketime` is in Debian's package of that name. The engine comes from a file, so that no compiler runs under the
/// false clock: rustc waits for ever under it.
#[test]
fn a_policy_sealed_on_another_day_is_the_same() {
    if Command::new("faketime").arg("--version").output().is_err() {
        println!("skipped: there is no faketime here (apt-get install faketime)");
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let [engine, today, later] = ["engine.wasm", "today.wasm", "later.wasm"].map(|name| place.path().join(name));
    fs::write(&engine, component(Flavour::Wasi)).unwrap();
    let seal = |command: &mut Command, file: &Path| {
        command.args(["seal", "--engine"]).arg(&engine).arg("-o").arg(file);
        let said = said(command.output().unwrap());
        assert_eq!((said.status, said.stderr.as_str()), (0, ""), "{}", said.stdout);
        fs::read(file).unwrap()
    };
    let mut tool = postern(&fixture());
    let mut elsewhere = Command::new("faketime");
    elsewhere.arg("2031-07-09 03:00:00").arg(tool.get_program()).current_dir(fixture());
    elsewhere.env("TZ", "Asia/Tokyo").env("ACS_ACCESS_KEY", "x");
    assert!(seal(&mut tool, &today) == seal(&mut elsewhere, &later));
}

#[test]
fn what_nobody_approved_is_not_sealed() {
    let policy = copy(&fixture());
    edit(policy.path(), "templates/deploy-failed/subject.txt.j2", "deployment failed", "the deployment failed");
    let said = run(policy.path(), &["seal"]);
    let stderr = "error: Not approved: templates/deploy-failed. Review and approve with `postern approve --all --by \
                  YOU@YOUR-DOMAIN`.\n";
    assert_eq!(said, Said { status: 1, stdout: String::new(), stderr: stderr.to_owned() });
    assert!(!policy.path().join("postern.wasm").exists());
}

#[test]
fn a_policy_with_an_error_is_not_sealed() {
    let policy = copy(&fixture());
    edit(policy.path(), "templates/deploy-failed/subject.txt.j2", "{{", "{{ unknown_name }}{{");
    let said = run(policy.path(), &["seal"]);
    assert_eq!((said.status, said.stdout.as_str()), (1, ""));
    assert!(said.stderr.ends_with("The policy cannot be used: 1 error.\n"), "{}", said.stderr);
    assert!(!policy.path().join("postern.wasm").exists());
}

#[test]
fn an_invisible_character_is_not_sealed() {
    let policy = copy(&fixture());
    edit(policy.path(), "templates/deploy-failed/subject.txt.j2", "{{", "{# \u{202e} #}{{");
    let said = run(policy.path(), &["seal"]);
    assert_eq!((said.status, said.stdout.as_str()), (1, ""));
    assert!(said.stderr.starts_with("error: The character U+202E is invisible"), "{}", said.stderr);
    assert!(!policy.path().join("postern.wasm").exists());
}

#[test]
fn files_that_are_not_what_they_should_be_are_named() {
    let place = tempfile::tempdir().unwrap();
    fs::write(place.path().join("text.wasm"), "hello").unwrap();
    fs::write(place.path().join("bare.wasm"), component(Flavour::Wasi)).unwrap();
    let bad = |arguments: &[&str], start: &str| {
        let said = run(place.path(), arguments);
        assert_eq!((said.status, said.stdout.as_str()), (1, ""), "{arguments:?}");
        assert!(said.stderr.starts_with(start), "{arguments:?}: {}", said.stderr);
    };
    for command in ["inspect", "serve"] {
        bad(&[command, "nowhere.wasm"], "error: Cannot read nowhere.wasm: ");
        bad(&[command, "text.wasm"], "error: text.wasm: This is not a WebAssembly component: ");
        let sentence = "error: bare.wasm: This component was not sealed by `postern seal`.\n";
        bad(&[command, "bare.wasm"], sentence);
    }
    let policy = fixture();
    bad(&["seal", policy.to_str().unwrap(), "--engine", "text.wasm"], "error: text.wasm: This is not a WebAssembly");
}

fn serve(file: &Path, acs: &str) -> Command {
    let mut command = postern(root());
    command
        .args(["serve", file.to_str().unwrap(), "--listen", "127.0.0.1:0"])
        .env("ACS_ENDPOINT", acs)
        .env("ACS_ACCESS_KEY", postern_emulator::DEVELOPMENT_KEY)
        .env("DEPLOY_SECRET", DEPLOY_SECRET);
    command
}

#[test]
fn what_is_sealed_is_served_with_settings_from_the_environment() {
    let (_place, file, _) = sealed(&[]);
    let mut acs = Running::start(postern(root()).args(["emulator", "--listen", "127.0.0.1:0"]));
    let endpoint = acs.address("Endpoint");
    let mut gate = Running::start(&mut serve(&file, &endpoint));
    let start = gate.complaint("http://");
    let url = start.strip_prefix(&format!("Policy {} at ", policy_sha256())).unwrap();
    let payload = r#"{"name":"Ada","email":"ada@customer.example"}"#;
    let (status, body) = post(&format!("{url}/contact"), "application/json", payload);
    assert_eq!(status, 200, "{body}");
    let line: Value = serde_json::from_str(&gate.next()).unwrap();
    assert_eq!((&line["verdict"], &line["policy_sha256"]), (&json!("sent"), &json!(policy_sha256())));
    let mut send = postern(&fixture());
    let sent = said(send.args(["send", "deploy", "--url", url]).env("DEPLOY_SECRET", DEPLOY_SECRET).output().unwrap());
    assert_eq!((sent.status, sent.stderr.as_str()), (0, ""), "{}", sent.stdout);
    assert_eq!(subjects(&endpoint), ["Message from Ada", "shop: deployment failed"]);
    assert!(gate.next().contains("\"deploy\""));
    assert_eq!(gate.end("-TERM"), (Some(0), vec![], vec![]));
}

#[test]
fn what_has_an_identity_reaches_the_servers_and_the_file_that_it_needs() {
    let (_place, file, _) = sealed(&[]);
    let tokens = tempfile::tempdir().unwrap();
    let token = tokens.path().join("azure-identity-token");
    fs::write(&token, crate::azure::ASSERTION).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let config = Config { bearer: BearerCheck::new(|token| token == TOKEN), ..Config::default() };
    let emulator = runtime.block_on(Emulator::bind(([127, 0, 0, 1], 0).into(), config)).unwrap();
    let endpoint = emulator.endpoint();
    runtime.spawn(emulator.serve(std::future::pending()));
    for name in ["client-secret", "workload", "app-service", "imds"] {
        println!("identity {name}");
        let azure = runtime.block_on(Azure::start(name));
        let settings = azure.settings(name, token.to_str().unwrap());
        let mut command = serve(&file, &endpoint);
        command.envs(settings.iter().map(|(name, value)| (name.to_uppercase(), value)));
        let mut gate = Running::start(command.env_remove("ACS_ACCESS_KEY").env("REDIRECT_ALL_TO", "a@contoso.example"));
        let start = gate.complaint("http://");
        let (_, url) = start.split_once(" at ").unwrap();
        let ready: Value = serde_json::from_str(
            &ureq::get(format!("{url}/readyz")).call().unwrap().body_mut().read_to_string().unwrap(),
        )
        .unwrap();
        assert_eq!((&ready["identity"], &ready["redirect_all_to"]), (&json!(name), &json!("a@contoso.example")));
        let payload = json!({"name": name, "email": "ada@customer.example"}).to_string();
        let (status, body) = post(&format!("{url}/contact"), "application/json", &payload);
        assert_eq!((status, azure.answers()), (200, vec![true]), "{body}");
        assert_eq!(subjects(&endpoint).pop().unwrap(), format!("[to sales@contoso.example] Message from {name}"));
    }
}

#[test]
fn a_federated_token_is_in_a_directory_of_its_own() {
    let (_place, file, _) = sealed(&[]);
    let mut command = serve(&file, "https://contoso.communication.azure.com");
    command.env_remove("ACS_ACCESS_KEY").env("AZURE_TENANT_ID", "a").env("AZURE_CLIENT_ID", "b");
    for (path, sentence) in [
        ("/token", "AZURE_FEDERATED_TOKEN_FILE must be in a directory of its own."),
        (
            "/no/such/token",
            "/no/such is not the absolute path of an existing directory, so the component cannot read it.",
        ),
    ] {
        let said = said(command.env("AZURE_FEDERATED_TOKEN_FILE", path).output().unwrap());
        assert_eq!(said, Said { status: 1, stdout: String::new(), stderr: format!("error: {sentence}\n") });
    }
}

#[test]
fn settings_that_are_missing_are_told_before_it_serves() {
    let (_place, file, _) = sealed(&[]);
    let mut command = serve(&file, "https://contoso.example/path");
    let stderr = "error: Missing or invalid settings (environment variables, upper case): acs_endpoint must be \
                  an https address without a path (http only for localhost); deploy_secret is not set.\n";
    let expected = Said { status: 1, stdout: String::new(), stderr: stderr.to_owned() };
    assert_eq!(said(command.env_remove("DEPLOY_SECRET").output().unwrap()), expected);
}

#[test]
fn settings_in_quotation_marks_are_named_before_it_serves() {
    let (_place, file, _) = sealed(&[]);
    let mut command = serve(&file, "\"https://contoso.communication.azure.com\"");
    command.env("DEPLOY_SECRET", format!("'{DEPLOY_SECRET}'")).env("PUBLIC_URL", "https://mail.contoso.example\n");
    let quoted = "is in quotation marks, which count as part of the value: remove them";
    let stderr = format!(
        "error: Missing or invalid settings (environment variables, upper case): acs_endpoint {quoted}; deploy_secret \
         {quoted}; public_url starts or ends with a line break: remove it.\n"
    );
    assert_eq!(said(command.output().unwrap()), Said { status: 1, stdout: String::new(), stderr });
}
