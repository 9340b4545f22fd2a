//! A mail in MJML, from `check` to the sealed component.

use std::fs;

use serde_json::Value;

use crate::tool::{Said, copy, edit, fixture, run, write};

const MJML: &str = "templates/contact-notify/body.mjml.j2";

const MAIL: &str = "\
<mjml>
  <mj-body>
    <mj-section>
      <mj-column>
        <mj-text>{{ name }} wrote:</mj-text>
        {% if message %}
        <mj-text>{{ message }}</mj-text>
        {% endif %}
      </mj-column>
    </mj-section>
  </mj-body>
</mjml>
";

#[test]
fn every_command_takes_mjml_for_the_html_that_it_becomes() {
    let policy = copy(&fixture());
    for path in ["templates/contact-notify/body.html.j2", "templates/_layout.html.j2"] {
        fs::remove_file(policy.path().join(path)).unwrap();
    }
    write(policy.path(), MJML, MAIL);
    let shown = run(policy.path(), &["approve", "--all", "--by", "lead@contoso.example"]);
    assert_eq!((shown.status, shown.stderr.as_str()), (0, ""));
    assert!(shown.stdout.contains("        <mj-text>{{ name }} wrote:</mj-text>\n"), "{}", shown.stdout);
    let clean = Said { status: 0, stdout: "The policy has no errors.\n".to_owned(), stderr: String::new() };
    assert_eq!(run(policy.path(), &["check"]), clean);

    let html = run(policy.path(), &["preview", "contact-notify", "--html"]);
    assert_eq!((html.status, html.stderr.as_str()), (0, ""));
    assert!(html.stdout.contains(">Ada &lt;Example&gt; wrote:</div>"), "{}", html.stdout);
    assert!(!html.stdout.contains("mj-text") && !html.stdout.contains("{%"), "{}", html.stdout);

    assert_eq!(run(policy.path(), &["seal", "-o", "sealed.wasm"]).status, 0);
    let inspected = run(policy.path(), &["inspect", "sealed.wasm", "--format", "json"]);
    let description: Value = serde_json::from_str(&inspected.stdout).unwrap();
    let approvals: Value = fs::read_to_string(policy.path().join("approvals.toml"))
        .map(|text| serde_json::to_value(toml::from_str::<toml::Table>(&text).unwrap()).unwrap())
        .unwrap();
    let approved = approvals["templates/contact-notify"]["sha256"].as_str().unwrap();
    assert!(inspected.stdout.contains(approved), "{description:#}");

    edit(policy.path(), MJML, "{{ message }}", "{{ mesage }}");
    let stdout = "\
error: The schema `contact` has no field `mesage`.
 --> templates/contact-notify/body.mjml.j2:7:21
  |
7 |         <mj-text>{{ mesage }}</mj-text>
  |                     ^^^^^^
  |
  = help: Fix the name, or add it to `properties` in schemas/contact.json.
";
    let said = run(policy.path(), &["check"]);
    assert_eq!((said.status, said.stderr.as_str()), (1, ""));
    assert!(said.stdout.starts_with(stdout), "{}", said.stdout);
}
