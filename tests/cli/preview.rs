//! `postern preview`: exactly what the gate would send.

use crate::tool::{Said, copy, fixture, run, write};

const TEXT: &str = "Ada <Example> <ada@example.com> wrote:\n\nIt's \"fine\"\n";
const HTML: &str = "<!doctype html>\n<html lang=\"en\"><body><p>Ada &lt;Example&gt; wrote: \
                    It&#x27;s &quot;fine&quot;</p></body></html>\n";

fn good(stdout: &str) -> Said {
    Said { status: 0, stdout: stdout.to_owned(), stderr: String::new() }
}

fn bad(stderr: &str) -> Said {
    Said { status: 1, stdout: String::new(), stderr: stderr.to_owned() }
}

#[test]
fn subject_and_text_are_shown_and_html_is_mentioned() {
    let html = format!("\nThe HTML body has {} bytes; print it with --html.\n", HTML.trim_end().len());
    let expected = good(&format!("Subject: Message from Ada <Example>\n\n{TEXT}{html}"));
    assert_eq!(run(&fixture(), &["preview", "contact-notify"]), expected);
}

#[test]
fn one_part_is_printed_alone() {
    assert_eq!(run(&fixture(), &["preview", "contact-notify", "--text"]), good(TEXT));
    assert_eq!(run(&fixture(), &["preview", "contact-notify", "--html"]), good(HTML));
}

#[test]
fn programs_get_one_object() {
    let said = run(&fixture(), &["preview", "contact-notify", "--json"]);
    let object: serde_json::Value = serde_json::from_str(&said.stdout).unwrap();
    let expected = serde_json::json!({ "subject": "Message from Ada <Example>", "text": TEXT.trim_end(), "html": HTML.trim_end() });
    assert_eq!((said.status, object), (0, expected));
}

#[test]
fn another_payload_can_be_given() {
    let policy = copy(&fixture());
    write(policy.path(), "payload.json", r#"{"state": "failed", "service": "blog"}"#);
    let expected = good("Subject: blog: deployment failed\n\nThe deployment of blog failed.\n");
    assert_eq!(run(policy.path(), &["preview", "deploy-failed", "--sample", "payload.json"]), expected);
    // The path that a shell completes works like the name.
    let arguments = ["preview", "templates/deploy-failed/", "--policy", ".", "--sample", "payload.json"];
    assert_eq!(run(policy.path(), &arguments), expected);
}

#[test]
fn a_payload_that_the_gate_would_refuse_is_not_rendered() {
    let policy = copy(&fixture());
    write(policy.path(), "payload.json", "{\n  \"name\": \"\",\n  \"email\": \"ada\"\n}\n");
    let expected = "\
error: The payload does not match the schema `contact`: This must be an email address.
 --> payload.json:3:3
  |
3 |   \"email\": \"ada\"
  |   ^^^^^^^^^^^^^^
  |
  = help: The rule is `format` at `/email`.

error: The payload does not match the schema `contact`: This must not be empty.
 --> payload.json:2:3
  |
2 |   \"name\": \"\",
  |   ^^^^^^^^^^
  |
  = help: The rule is `minLength` at `/name`.
error: The gate would refuse this payload.
";
    assert_eq!(run(policy.path(), &["preview", "contact-notify", "--sample", "payload.json"]), bad(expected));
}

#[test]
fn a_payload_that_is_no_json_is_shown_where_it_breaks() {
    let policy = copy(&fixture());
    write(policy.path(), "payload.json", "{\n  \"name\" \"Ada\"\n}\n");
    let expected = "\
error: The payload is not JSON: expected `:` at line 2 column 10.
 --> payload.json:2:1
  |
2 |   \"name\" \"Ada\"
  | ^^^^^^^^^^^^^^
  |
  = help: Fix the JSON syntax.
error: The gate would refuse this payload.
";
    assert_eq!(run(policy.path(), &["preview", "contact-notify", "--sample", "payload.json"]), bad(expected));
}

#[test]
fn names_that_do_not_exist_are_answered_with_those_that_do() {
    let expected = "error: There is no template `contact`; available: contact-notify, deploy-failed.\n";
    assert_eq!(run(&fixture(), &["preview", "contact"]), bad(expected));
    let expected = "error: The template `deploy-failed` has no HTML body.\n";
    assert_eq!(run(&fixture(), &["preview", "deploy-failed", "--html"]), bad(expected));
    let expected = "error: The directory nowhere does not exist; name the one that contains postern.toml.\n";
    assert_eq!(run(&fixture(), &["preview", "contact-notify", "--policy", "nowhere"]), bad(expected));
    let expected = "error: Cannot read nowhere.json: No such file or directory (os error 2)\n";
    assert_eq!(run(&fixture(), &["preview", "contact-notify", "--sample", "nowhere.json"]), bad(expected));
}

#[test]
fn a_policy_with_an_error_is_not_previewed() {
    let policy = copy(&fixture());
    write(policy.path(), "templates/deploy-failed/subject.txt.j2", "{{ service\n");
    let said = run(policy.path(), &["preview", "contact-notify"]);
    assert_eq!((said.status, said.stdout.as_str()), (1, ""));
    assert!(said.stderr.contains(" --> templates/deploy-failed/subject.txt.j2:1:1\n"), "{}", said.stderr);
}
