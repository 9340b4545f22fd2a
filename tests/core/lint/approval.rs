//! Approvals are for the content that a reviewer saw.

use postern::policy::{Address, Files, Policy};
use postern_lint::approval::{self, approve, digest, names, stale, unapproved};

use super::Case;
use crate::support::example;

const DAY: postern_lint::approval::Date = postern_lint::approval::Date { year: 2026, month: 3, day: 31 };

fn case() -> Case {
    Case::new("\"name\": { \"type\": \"string\" }", "[\"name\"]", r#"{ "name": "Ada" }"#, "{{ name }}")
        .with("templates/_frame.txt.j2", "{% block a %}{% endblock %}")
}

fn all(files: &Files) -> Vec<String> {
    names(files).into_iter().collect()
}

fn approved(case: impl Fn() -> Case) -> Case {
    let files = case().files();
    let by = Address::parse("lead@contoso.example").unwrap();
    case().with("approvals.toml", &approve(&files, &all(&files), &by, DAY).unwrap())
}

fn open(case: Case) -> Vec<String> {
    unapproved(&case.files()).unwrap().into_iter().map(|open| open.name).collect()
}

#[test]
fn everything_that_says_something_needs_approval() {
    assert_eq!(open(case()), ["routes", "schemas/form", "senders", "templates/note"]);
    assert_eq!(open(approved(case)), Vec::<String>::new());
}

#[test]
fn the_example_policy_is_approved() {
    assert_eq!(approval::findings(&example()), []);
}

#[test]
fn digests_are_those_of_the_core() {
    let files = example();
    let policy = Policy::load(&files).unwrap();
    let route = policy.route("/contact").unwrap();
    assert_eq!(digest(&files, "schemas/contact"), Some(route.schema.digest()));
    let template = policy.templates().get("contact-notify").unwrap();
    assert_eq!(digest(&files, "templates/contact-notify"), Some(template.digest()));
    assert_eq!(digest(&files, "templates/gone"), None);
    assert_eq!(digest(&files, "schemas/gone"), None);
}

#[test]
fn a_change_of_meaning_needs_a_new_look_and_a_change_of_form_does_not() {
    for (path, old, new, changed) in [
        ("postern.toml", "[senders.web]", "# a comment\n[senders.web]", ""),
        ("postern.toml", "kind = \"form\"", "kind   =   'form'", ""),
        ("postern.toml", "owner = \"team@", "owner = \"lead@", "senders"),
        ("postern.toml", "path = \"/form\"", "path = \"/other\"", "routes"),
        ("schemas/form.json", "\"type\": \"object\",", "\"type\":\n\n\"object\",", ""),
        ("schemas/form.json", "\"type\": \"object\",", "\"title\": \"x\",\"type\": \"object\",", "schemas/form"),
        ("templates/note/subject.txt.j2", "A note", "A letter", "templates/note"),
        ("templates/note/sample.json", "Ada", "Bob", ""),
        ("templates/_frame.txt.j2", "{% block", "x{% block", "templates/note"),
    ] {
        let expected: Vec<_> = Some(changed).filter(|name| !name.is_empty()).into_iter().collect();
        assert_eq!(open(approved(case).edit(path, old, new)), expected, "{path}: {new}");
    }
}

#[test]
fn what_is_open_or_gone_is_a_warning() {
    let told = |case: Case| {
        let files = case.files();
        let line = |finding: &postern::policy::Diagnostic| {
            format!("{:?} {}:{} {}", finding.severity, finding.file, finding.line(&files), finding.message)
        };
        approval::findings(&files).iter().map(line).collect::<Vec<_>>()
    };
    assert_eq!(
        told(case()),
        [
            "Warning postern.toml:1 `routes` is not approved.",
            "Warning schemas/form.json:1 `schemas/form` is not approved.",
            "Warning postern.toml:1 `senders` is not approved.",
            "Warning templates/note/body.txt.j2:1 `templates/note` is not approved.",
        ]
    );
    assert_eq!(
        told(approved(case).edit("schemas/form.json", "\"type\": \"object\",", "")),
        ["Warning approvals.toml:6 `schemas/form` has changed since lead@contoso.example approved it on 2026-03-31."]
    );
    let gone = approved(|| case().with("schemas/old.json", "{}")).without("schemas/old.json");
    assert_eq!(
        stale(&approved(|| case().with("schemas/old.json", "{}")).without("schemas/old.json").files()).unwrap(),
        ["schemas/old"]
    );
    assert_eq!(told(gone), ["Warning approvals.toml:11 `schemas/old` is approved but no longer exists."]);
}

#[test]
fn an_approval_that_says_too_little_or_too_much_is_an_error() {
    for (text, message) in [
        ("[routes]\nsha256 = \"x\"\napproved_by = \"a@b.example\"\n", "missing field `approved_on`."),
        (
            "[routes]\nsha256 = \"x\"\napproved_by = \"somebody\"\napproved_on = 2026-03-31\n",
            "The approval of `routes` does not say who approved it and on which day.",
        ),
        (
            "[routes]\nsha256 = \"x\"\napproved_by = \"a@b.example\"\napproved_on = 07:00:00\n",
            "The approval of `routes` does not say who approved it and on which day.",
        ),
        (
            "[routes]\nsha256 = \"x\"\napproved_by = \"a@b.example\"\napproved_on = 2026-03-31\nnote = \"x\"\n",
            "unknown field `note`, expected one of `sha256`, `approved_by`, `approved_on`.",
        ),
    ] {
        let files = case().with("approvals.toml", text).files();
        let finding = unapproved(&files).unwrap_err();
        assert_eq!(finding.message, message);
        assert_eq!(approval::findings(&files), [finding]);
    }
}

#[test]
fn what_is_written_is_sorted_and_keeps_the_rest() {
    let by = Address::parse("lead@contoso.example").unwrap();
    let kept = "# Reviewed in the weekly round.\n[senders]\nsha256 = \"x\"\napproved_by = \"a@b.example\"\napproved_on = 2026-01-01 # late\n";
    let files = case().with("approvals.toml", kept).files();
    let text = approve(&files, &["templates/note".into(), "routes".into()], &by, DAY).unwrap();
    let heads: Vec<_> = text.lines().filter(|line| line.starts_with(['[', '#'])).collect();
    assert_eq!(heads, ["[routes]", "# Reviewed in the weekly round.", "[senders]", "[\"templates/note\"]"]);
    assert!(text.contains("approved_on = 2026-01-01 # late"), "{text}");
    assert!(text.contains("approved_on = 2026-03-31"), "{text}");
    assert_eq!(
        approve(&files, &["schemas/gone".into()], &by, DAY).unwrap_err().to_string(),
        "there is no `schemas/gone` to approve"
    );
}
