//! `postern dev`, from its first line to its last: the real component, the emulator, and edits.

use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::running::{Running, SITE, post, subjects};
use crate::terminal::Terminal;
use crate::tool::{Said, copy, edit, fixture, postern, root, run, said, write};

const ANYWHERE: [&str; 5] = ["dev", "--listen", "127.0.0.1:0", "--acs-listen", "127.0.0.1:0"];

const SUBJECT: &str = "templates/contact-notify/subject.txt.j2";

struct Dev {
    running: Running,
    gate: String,
    inbox: String,
}

/// The files that the program leaves in its own directory for temporary files.
fn left_behind(directory: &TempDir) -> Vec<String> {
    let entries = std::fs::read_dir(directory.path()).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

fn start(command: &mut Command) -> Dev {
    start_with(command, &[])
}

fn start_with(command: &mut Command, options: &[&str]) -> Dev {
    let mut running = Running::start(command.args(ANYWHERE).args(options));
    let (gate, inbox) = (running.address("Gate"), running.address("Inbox"));
    Dev { running, gate, inbox }
}

/// An audit line as people see it, without the parts that differ from run to run.
fn shape(line: &str) -> String {
    let words: Vec<&str> = line.split_whitespace().collect();
    assert!(words[0].len() == 9 && words[0].ends_with('Z') && words[4] == "ms", "{line}");
    [&words[1..3], &words[5..]].concat().join(" ")
}

#[test]
fn the_example_policy_is_served_as_its_own_lines_say() {
    let mut dev = start(&mut postern(root()));
    assert_eq!(dev.running.next(), "");
    assert_eq!(dev.running.next(), "  /contact       contact (form)");
    assert_eq!(dev.running.next(), "  /hooks/github  github (event, github)");

    dev.running.line("  Try it");
    let curl = shlex::split(&dev.running.next()).unwrap();
    let [program, i, url, origin_flag, origin, header_flag, header, data_flag, data] = &curl[..] else {
        panic!("{curl:?}")
    };
    assert_eq!([program, i, origin_flag, header_flag, data_flag], ["curl", "-i", "-H", "-H", "-d"]);
    assert_eq!(origin.strip_prefix("origin:"), Some(SITE));
    assert_eq!(*url, format!("{}/contact", dev.gate));
    let answer = post(url, header.strip_prefix("content-type:").unwrap(), data);
    assert_eq!(answer.0, 200, "{}", answer.1);
    assert_eq!(shape(&dev.running.line("contact ")), "200 sent contact 2 mails");
    assert_eq!(subjects(&dev.inbox), ["[sales] Message from Ada Example", "We have received your message"]);

    let sent = run(root(), &["send", "github", "--url", &dev.gate]);
    assert_eq!((sent.status, sent.stderr.as_str()), (0, ""), "{}", sent.stdout);
    assert!(sent.stdout.starts_with("200 OK\n{\n  "), "{}", sent.stdout);
    assert_eq!(shape(&dev.running.line("github ")), "200 sent github 1 mail");
    assert_eq!(subjects(&dev.inbox).last().unwrap(), "[contoso/shop] #1347 Checkout fails with a 500 on empty baskets");

    // The same sample as above, and still another submission.
    assert_eq!(run(root(), &["send", "contact", "--url", &dev.gate]).status, 0);
    assert_eq!(shape(&dev.running.line("contact ")), "200 sent contact 2 mails");
    assert_eq!(subjects(&dev.inbox).len(), 5);

    assert_eq!(post(&format!("{}/nowhere", dev.gate), "application/json", "{}").0, 404);
    assert_eq!(shape(&dev.running.next()), "404 refused - unknown-path");
    assert_eq!(dev.running.end("-INT"), (Some(0), vec![], vec![]));
}

#[test]
fn an_edit_is_served_when_it_is_good_and_reported_once_when_it_is_not() {
    let (policy, temporary) = (copy(&fixture()), tempfile::tempdir().unwrap());
    let mut dev = start(postern(policy.path()).env("TMPDIR", temporary.path()));
    dev.running.line("  Try it");
    let curl = shlex::split(&dev.running.next()).unwrap();
    let sample = std::fs::read_to_string(policy.path().join("templates/contact-notify/sample.json")).unwrap();
    let json = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    assert_eq!(json(curl.last().unwrap()), json(&sample), "an apostrophe survives the shell");
    dev.running.line("Press Ctrl-C to stop");
    assert_eq!(dev.running.next(), "");
    let post = |name: &str| {
        post(
            &format!("{}/contact", dev.gate),
            "application/json",
            &format!(r#"{{"name":"{name}","email":"a@b.example"}}"#),
        )
        .0
    };
    // Edited before the first request, because the component reads its policy then: it must not read this.
    write(policy.path(), SUBJECT, "News from {{ nam }}\n");
    assert!(dev.running.next().ends_with("Z  policy broken"));
    for line in [
        "error: The schema `contact` has no field `nam`.",
        " --> templates/contact-notify/subject.txt.j2:1:14",
        "  |",
        "1 | News from {{ nam }}",
        "  |              ^^^",
        "  |",
        "  = help: Fix the name, or add it to `properties` in schemas/contact.json.",
        "",
        "The policy cannot be used: 1 error.",
        "Still serving the last good policy.",
    ] {
        assert_eq!(dev.running.next(), line);
    }
    assert_eq!(post("one"), 200);
    assert_eq!(shape(&dev.running.next()), "200 sent contact 1 mail");

    // Another edit that leaves the same error is not reported again: the next line is that of the fixed policy.
    edit(policy.path(), "schemas/contact.json", "5000", "4000");
    write(policy.path(), SUBJECT, "News from {{ name }}\n");
    let open = "schemas/contact, templates/contact-notify (see postern approve)";
    assert_eq!(dev.running.next(), format!("not approved: {open}"));
    assert!(dev.running.next().ends_with("Z  policy fixed: 2 routes, 2 mails"));
    assert_eq!(post("two"), 200);
    dev.running.line("200 sent");

    edit(policy.path(), "postern.toml", "\"/contact\"", "\"/kontakt\"");
    assert_eq!(dev.running.next(), format!("not approved: routes, {open}"));
    assert!(dev.running.next().ends_with("Z  policy reloaded: 2 routes, 2 mails"));
    assert_eq!(post("three"), 404);
    assert_eq!(subjects(&dev.inbox), ["Message from one", "News from two"]);
    dev.running.line("404 refused");
    assert_eq!(left_behind(&temporary).len(), 2, "the policy that is served, and the one before it");
    assert_eq!(dev.running.end("-TERM"), (Some(0), vec![], vec![]));
    assert_eq!(left_behind(&temporary), Vec::<String>::new());
}

#[test]
fn an_edit_with_an_invisible_character_is_not_served() {
    let policy = copy(&fixture());
    let mut dev = start(&mut postern(policy.path()));
    dev.running.line("Press Ctrl-C to stop");
    assert_eq!(dev.running.next(), "");
    let good = std::fs::read_to_string(policy.path().join(SUBJECT)).unwrap();
    write(policy.path(), SUBJECT, &format!("{{# \u{202e} #}}{good}"));
    assert!(dev.running.next().ends_with("Z  policy broken"));
    let complaint = dev.running.next();
    assert!(complaint.starts_with("error: The character U+202E is invisible"), "{complaint}");
    dev.running.line("Still serving the last good policy.");
    write(policy.path(), SUBJECT, &good);
    assert!(dev.running.next().ends_with("Z  policy fixed: 2 routes, 2 mails"));
    assert_eq!(dev.running.end("-TERM").0, Some(0));
}

/// The next object, which must be of this kind.
fn event(running: &mut Running, kind: &str) -> Value {
    let mut object: Value = serde_json::from_str(&running.next()).unwrap();
    assert_eq!(object["event"].take(), kind, "{object}");
    let page = std::fs::read_to_string(root().join("docs/tool.md")).unwrap();
    let row = page.lines().find(|line| line.starts_with(&format!("| `{kind}` | "))).expect("the page has the event");
    for member in object.as_object().unwrap().keys().filter(|member| *member != "event") {
        assert!(row.contains(&format!("`{member}`")), "{member}: {row}");
    }
    object
}

#[test]
fn programs_read_one_object_for_everything_that_happens() {
    let policy = copy(&fixture());
    let mut running = Running::start(postern(policy.path()).args(ANYWHERE).arg("--json"));
    let served = event(&mut running, "policy");
    assert_eq!(
        served,
        json!({"event": null, "state": "good", "routes": 2, "mails": 2, "findings": [], "not_approved": []})
    );
    for text in [
        "the policy is valid: 2 routes, 2 mails",
        "bound the ports of the gate and the emulator",
        "compiling to native code; the first start takes a few seconds …",
        "ready",
    ] {
        let step = event(&mut running, "step");
        assert_eq!((&step["text"], step["elapsed_ms"].is_u64()), (&json!(text), true));
    }
    let ready = event(&mut running, "ready");
    let routes = json!([
        {"name": "contact", "path": "/contact"},
        {"name": "deploy", "path": "/hooks/deploy", "scheme": "standard-webhooks"},
    ]);
    assert_eq!((&ready["routes"], &ready["development"]), (&routes, &json!(["DEPLOY_SECRET"])));
    let (gate, command) = (ready["gate"].as_str().unwrap(), ready["try"].as_str().unwrap());
    assert!(command.starts_with(&format!("curl -i {gate}/contact -H ")), "{command}");
    assert_eq!(subjects(ready["inbox"].as_str().unwrap()), Vec::<String>::new());

    assert_eq!(post(&format!("{gate}/nowhere"), "application/json", "{}").0, 404);
    let request = event(&mut running, "request");
    let audit = &request["audit"];
    assert_eq!((&audit["verdict"], &audit["http.response.status_code"]), (&json!("refused"), &json!(404)));

    write(policy.path(), SUBJECT, "News from {{ nam }}\n");
    let broken = event(&mut running, "broken");
    assert_eq!(
        broken,
        json!({"event": null, "message": "The policy cannot be used: 1 error.", "findings": [{
            "severity": "error",
            "file": SUBJECT,
            "line": 1,
            "column": 14,
            "message": "The schema `contact` has no field `nam`.",
            "help": "Fix the name, or add it to `properties` in schemas/contact.json.",
        }]})
    );
    write(policy.path(), SUBJECT, "News from {{ name }}\n");
    let mended = event(&mut running, "policy");
    assert_eq!((&mended["state"], &mended["not_approved"]), (&json!("mended"), &json!(["templates/contact-notify"])));
    assert_eq!(running.end("-INT"), (Some(0), vec![], vec![]));
}

#[test]
fn quiet_means_that_only_errors_are_told() {
    let policy = copy(&fixture());
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let arguments = ["dev", "--quiet", "--listen", &free.to_string(), "--acs-listen", "127.0.0.1:0"];
    let mut running = Running::start(postern(policy.path()).args(arguments));
    // Nothing reports that it is ready, so this asks.
    let url = format!("http://{free}/contact");
    while TcpStream::connect(free).is_err() {
        std::thread::yield_now();
    }
    assert_eq!(post(&url, "application/json", r#"{"name":"A","email":"a@b.example"}"#).0, 200);
    assert_eq!(post(&url, "application/json", "{}").0, 422);
    assert_eq!(shape(&running.next()), "422 refused contact invalid-payload: required");
    write(policy.path(), SUBJECT, "News from {{ nam }}\n");
    assert!(running.next().ends_with("Z  policy broken"));
    assert_eq!(running.line("Still"), "Still serving the last good policy.");
    assert_eq!(running.end("-INT"), (Some(0), vec![], vec![]));
}

#[test]
fn the_inbox_is_opened_in_the_browser_of_the_users_choice() {
    let place = tempfile::tempdir().unwrap();
    let (browser, opened) = (place.path().join("browser"), place.path().join("opened"));
    // Reading from the pipe waits until the browser has written.
    assert!(Command::new("mkfifo").arg(&opened).status().unwrap().success());
    write(place.path(), "browser", &format!("#!/bin/sh\necho \"$@\" > '{}'\n", opened.display()));
    std::fs::set_permissions(&browser, std::fs::Permissions::from_mode(0o755)).unwrap();
    let dev = start_with(postern(&fixture()).env("BROWSER", &browser), &["--open"]);
    assert_eq!(std::fs::read_to_string(&opened).unwrap(), format!("{}\n", dev.inbox));
    assert_eq!(dev.running.end("-INT").0, Some(0));

    let mut dev = start_with(postern(&fixture()).env("BROWSER", place.path().join("none")), &["--open"]);
    let warning = dev.running.line("warning: cannot start a browser (");
    assert!(warning.ends_with(&format!("): open {} yourself.", dev.inbox)), "{warning}");
    assert_eq!(dev.running.end("-INT").0, Some(0));
}

#[test]
fn a_terminal_shows_what_it_is_at_and_what_is_wrong_until_it_is_mended() {
    let policy = copy(&fixture());
    let Some(mut terminal) = Terminal::start(postern(policy.path()).args(ANYWHERE)) else {
        eprintln!("skipped: there is no `script` of util-linux to give the program a terminal");
        return;
    };
    let screen = terminal.until(&["● ready"]);
    assert!(terminal.transcript().contains("compiling to native code; the first start takes a few seconds …"));
    let address = |heading: &str| {
        let line = screen.lines().find(|line| line.trim_start().starts_with(heading)).unwrap();
        line.split_whitespace().nth(1).unwrap().to_owned()
    };
    let (gate, inbox) = (address("Gate"), address("Inbox"));
    assert!(!screen.contains("compiling"), "{screen}");
    assert_eq!(screen.lines().last().unwrap(), format!("● ready  0 requests, 0 mails  {inbox}"));
    let form = r#"{"name":"A","email":"a@b.example"}"#;
    assert_eq!(post(&format!("{gate}/contact"), "application/json", form).0, 200);
    let screen = terminal.until(&["200 sent", "● ready  1 request, 1 mail  http"]);
    let [.., request, _] = screen.lines().collect::<Vec<_>>()[..] else { panic!("{screen}") };
    assert_eq!(shape(request), "200 sent contact 1 mail");

    write(policy.path(), SUBJECT, "News from {{ nam }}\n");
    let screen = terminal.until(&["● serving the last good policy"]);
    assert!(
        screen.contains("error: The schema `contact` has no field `nam`.\n --> templates/contact-notify/"),
        "{screen}"
    );
    // A request appears above the errors, which stay.
    assert_eq!(post(&format!("{gate}/contact"), "application/json", "{}").0, 422);
    let screen = terminal.until(&["422 refused", "policy broken", "2 requests, 1 mail"]);
    let (request, complaint) = (screen.find("422 refused").unwrap(), screen.find("policy broken").unwrap());
    assert!(request < complaint, "{screen}");

    write(policy.path(), SUBJECT, "News from {{ name }}\n");
    let screen = terminal.until(&["policy fixed: 2 routes, 2 mails", "● ready  2 requests, 1 mail  http"]);
    assert!(!screen.contains("error"), "{screen}");
    let (status, screen) = terminal.interrupt();
    assert_eq!(status, Some(0));
    assert_eq!(screen.lines().last(), Some("● stopped  2 requests, 1 mail"), "{screen}");
}

#[test]
fn without_a_form_the_line_to_try_is_a_signed_one() {
    let policy = copy(&fixture());
    let text = std::fs::read_to_string(policy.path().join("postern.toml")).unwrap();
    let (senders, rest) = text.split_once("[routes.contact]").unwrap();
    let (_, event) = rest.split_once("[routes.deploy]").unwrap();
    write(policy.path(), "postern.toml", &format!("{senders}[routes.deploy]{event}"));
    for path in ["schemas/contact.json", "templates/_layout.html.j2"] {
        std::fs::remove_file(policy.path().join(path)).unwrap();
    }
    std::fs::remove_dir_all(policy.path().join("templates/contact-notify")).unwrap();

    let mut dev = start(&mut postern(policy.path()));
    dev.running.line("  Try it");
    let words = shlex::split(&dev.running.next()).unwrap();
    assert_eq!(words[1..], ["send", "deploy", "--url", &dev.gate]);
    let arguments: Vec<&str> = words[1..].iter().map(String::as_str).collect();
    assert_eq!(Path::new(&words[0]).file_name().unwrap(), "postern");
    assert_eq!(run(policy.path(), &arguments).status, 0);
    assert_eq!(subjects(&dev.inbox), ["shop: deployment failed"]);
    assert_eq!(dev.running.end("-INT").0, Some(0));
}

#[test]
fn a_secret_from_the_environment_takes_the_place_of_the_development_one() {
    let mut dev = start(postern(&fixture()).env("DEPLOY_SECRET", "whsec_c2VjcmV0LW9mLXRoZS10ZXN0"));
    dev.running.line("  Try it");
    let send = |name: Option<&str>| {
        let mut command = postern(&fixture());
        command.args(["send", "deploy", "--url", &dev.gate]).env("OTHER_NAME", "whsec_c2VjcmV0LW9mLXRoZS10ZXN0");
        said(command.args(name.map(|name| format!("--secret-env={name}"))).output().unwrap())
    };
    let refused = send(None);
    assert_eq!((refused.status, refused.stdout.lines().next().unwrap()), (1, "401 Unauthorized"));
    let advice =
        "The request was signed with the development secret because DEPLOY_SECRET is not set in this environment.\n";
    assert_eq!(refused.stderr, advice);
    assert_eq!(shape(&dev.running.line("deploy ")), "401 refused deploy unauthenticated: wrong-signature");
    let accepted = send(Some("OTHER_NAME"));
    assert_eq!((accepted.status, accepted.stdout.lines().next().unwrap()), (0, "200 OK"));
    assert_eq!(dev.running.end("-INT").0, Some(0));
}

#[test]
fn a_broken_policy_does_not_start() {
    let policy = copy(&fixture());
    edit(policy.path(), "postern.toml", "\"/contact\"", "\"contact\"");
    let stderr = "\
error: `contact` is not a valid path.
 --> postern.toml:6:8
  |
6 | path = \"contact\"
  |        ^^^^^^^^^
  |
  = help: Start with a slash and use letters, digits, `-`, `_`, `.` and `~` between slashes.

The policy cannot be used: 1 error.
";
    assert_eq!(run(policy.path(), &ANYWHERE), Said { status: 1, stdout: String::new(), stderr: stderr.to_owned() });
}

#[test]
fn a_busy_port_is_one_sentence_with_the_option_to_change_it() {
    let held = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = held.local_addr().unwrap();
    for (option, other) in [("--listen", "--acs-listen"), ("--acs-listen", "--listen")] {
        let said = run(root(), &["dev", option, &address.to_string(), other, "127.0.0.1:0"]);
        let sentence = format!(
            "error: Port {} on 127.0.0.1 is in use: stop the program that uses it, or choose another address with \
             `{option}`.\n",
            address.port()
        );
        assert_eq!((said.status, said.stderr), (1, sentence));
    }
}

#[test]
fn a_secret_that_no_caller_could_use_is_told_at_the_start() {
    for (value, fault) in [
        ("canary?", "does not hold a valid secret for the scheme standard-webhooks"),
        ("\"whsec_Y2FuYXJ5\"", "is in quotation marks, which count as part of the value: remove them"),
        ("whsec_Y2FuYXJ5\r\n", "starts or ends with a line break: remove it"),
    ] {
        let output = postern(&fixture()).args(ANYWHERE).env("DEPLOY_SECRET", value).output().unwrap();
        let stderr = format!("error: The environment variable DEPLOY_SECRET {fault}.\n");
        assert_eq!(said(output), Said { status: 1, stdout: String::new(), stderr });
    }
}

/// The studio page's data for a call.
fn studio(inbox: &str, call: &str, order: &Value) -> Value {
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let request = agent.post(format!("{inbox}/studio/{call}")).header("content-type", "application/json");
    let mut answer = request.send(order.to_string()).unwrap();
    serde_json::from_str(&answer.body_mut().read_to_string().unwrap()).unwrap()
}

#[test]
fn the_studio_rehearses_without_sending_and_sends_without_telling_a_secret() {
    let secret = "whsec_Y2FuYXJ5LXNlY3JldC1vZi10aGUtdGVzdA==";
    let mut dev = start(postern(&fixture()).env("DEPLOY_SECRET", secret));
    dev.running.line("Press Ctrl-C to stop");
    assert_eq!(dev.running.next(), "");
    let payload = std::fs::read_to_string(fixture().join("templates/deploy-failed/sample.json")).unwrap();
    let order = json!({"route": "deploy", "payload": payload});

    let rehearsed = studio(&dev.inbox, "rehearse", &order);
    assert_eq!(rehearsed["answer"]["status"], 200);
    assert_eq!(rehearsed["mails"][0]["message"]["content"]["subject"], "shop: deployment failed");
    assert_eq!(rehearsed["mails"][0]["summary"]["mail"], "deploy-failed");
    let other = json!({"route": "deploy", "payload": payload.replace("shop", "store")});
    let rehearsed_again = studio(&dev.inbox, "rehearse", &other);
    assert_eq!(rehearsed_again["mails"].as_array().unwrap().len(), 1, "the first is forgotten");
    assert_eq!(rehearsed_again["mails"][0]["message"]["content"]["subject"], "store: deployment failed");
    assert_eq!(subjects(&dev.inbox), [""; 0]);

    let sent = studio(&dev.inbox, "send", &order);
    // The dry run has no line, so this is the first.
    assert_eq!(shape(&dev.running.next()), "200 sent deploy 1 mail");
    assert_eq!((&sent["answer"]["status"], &sent["answer"]["audit"][0]["verdict"]), (&json!(200), &json!("sent")));
    assert_eq!(subjects(&dev.inbox), ["shop: deployment failed"]);

    let mut wrong = order.clone();
    wrong["mistake"] = json!("wrong-signature");
    let refused = studio(&dev.inbox, "send", &wrong);
    assert_eq!(shape(&dev.running.next()), "401 refused deploy unauthenticated: wrong-signature");
    assert_eq!(refused["answer"]["audit"][0]["reason"], "unauthenticated: wrong-signature");

    let policy = ureq::get(format!("{}/studio/policy", dev.inbox)).call().unwrap().body_mut().read_to_string().unwrap();
    for told in [policy, sent.to_string(), refused.to_string(), rehearsed.to_string()] {
        assert!(!told.contains("whsec_") && !told.contains("v1,"), "{told}");
    }
    let unknown = studio(&dev.inbox, "send", &json!({"route": "nowhere", "payload": ""}));
    assert_eq!(unknown, json!({"error": "The route `nowhere` no longer exists."}));
    assert_eq!(dev.running.end("-INT").0, Some(0));
}

#[test]
fn the_studio_tells_no_secret_of_an_address() {
    let policy = copy(&fixture());
    assert_eq!(run(policy.path(), &["add", "azure-monitor"]).status, 0);
    let dev = start(postern(policy.path()).env("AZURE_MONITOR_SECRET", "canary"));
    let payload = std::fs::read_to_string(policy.path().join("templates/azure-monitor/sample.json")).unwrap();
    let sent = studio(&dev.inbox, "send", &json!({"route": "azure-monitor", "payload": payload}));
    assert_eq!(
        (&sent["request"]["target"], &sent["answer"]["status"]),
        (&json!("/hooks/azure-monitor?…"), &json!(200))
    );
    assert!(!sent.to_string().contains("canary"), "{sent}");
    assert_eq!(dev.running.end("-INT").0, Some(0));
}

#[test]
fn the_studio_hears_of_its_own_request_alone() {
    let dev = start(&mut postern(&fixture()));
    let slow = r#"{"recipient": "oncall@contoso.example", "effect": {"kind": "delay", "milliseconds": 1500}}"#;
    let faults = ureq::post(format!("{}/api/faults", dev.inbox)).header("content-type", "application/json");
    assert_eq!(faults.send(slow).unwrap().status(), 204);
    let payload = std::fs::read_to_string(fixture().join("templates/deploy-failed/sample.json")).unwrap();
    let order = json!({"route": "deploy", "payload": payload});
    let inbox = dev.inbox.clone();
    let sent = std::thread::spawn(move || studio(&inbox, "send", &order));
    let contact = format!("{}/contact", dev.gate);
    let mut others = 0;
    while !sent.is_finished() {
        assert_eq!(post(&contact, "application/json", r#"{"name":"Ada","email":"ada@customer.example"}"#).0, 200);
        others += 1;
    }
    let audit = sent.join().unwrap()["answer"]["audit"].clone();
    assert_eq!((audit.as_array().unwrap().len(), &audit[0]["route"]), (1, &json!("deploy")));
    assert!(others > 1, "{others}");
    assert_eq!(dev.running.end("-INT").0, Some(0));
}

#[test]
fn delivery_reports_go_to_a_route_of_the_policy() {
    let policy = copy(&fixture());
    assert_eq!(run(policy.path(), &["add", "acs-delivery"]).status, 0);
    let mut dev = start_with(&mut postern(policy.path()), &["--reports", "acs-delivery"]);
    let payload = r#"{"name":"Ada","email":"bounce@customer.example"}"#;
    assert_eq!(post(&format!("{}/contact", dev.gate), "application/json", payload).0, 200);
    // The fixture's form writes to the policy's own address, which accepts its mail.
    // The form's own line may come before or after the handshake's.
    assert_eq!(shape(&dev.running.line("handshake")), "200 handshake acs-delivery");
    assert_eq!(shape(&dev.running.line("no mail applies")), "200 ignored acs-delivery no mail applies");
    assert_eq!(dev.running.end("-INT").0, Some(0));

    let said = run(policy.path(), &[&ANYWHERE[..], &["--reports", "deploy"]].concat());
    let sentence = "error: The route `deploy` does not accept Event Grid events: it needs an `envelope`; see `postern add \
                    acs-delivery`.\n";
    assert!(said.stderr.ends_with(sentence), "{}", said.stderr);
}
