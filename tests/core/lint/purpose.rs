//! What each purpose requires.

use postern_lint::purpose::{RULES, To};

use super::Case;

const FIXED: &str = "to = [\"team@contoso.example\"]";
const FIELD: &str = "to = { field = \"/email\" }";
const ALLOWED: &str = "to = { field = \"/email\", allow = [\"contoso.example\"] }";

fn about(purpose: &str, to: &str, event: bool) -> Vec<String> {
    let case = Case::new(
        "\"email\": { \"type\": \"string\", \"format\": \"email\" }",
        "[\"email\"]",
        r#"{ "email": "ada@contoso.example" }"#,
        "{% if email %}Hello{% endif %}",
    );
    let case = case.edit("postern.toml", "\"notification\"", &format!("\"{purpose}\"")).edit("postern.toml", FIXED, to);
    let case = if event {
        case.edit(
            "postern.toml",
            "kind = \"form\"\nschema = \"form\"\norigins = [\"https://www.contoso.example\"]",
            "kind = \"event\"\nauth = { scheme = \"github\", secret = \"a_secret\" }\nschema = \"form\"",
        )
    } else {
        case
    };
    case.told()
}

#[test]
fn each_purpose_goes_to_whom_it_is_for() {
    for rule in RULES {
        let purpose = rule.purpose.as_str();
        for (to, fits) in
            [(FIXED, rule.to != To::Payload), (ALLOWED, rule.to != To::Fixed), (FIELD, rule.to == To::Payload)]
        {
            let message =
                format!("A mail with the purpose `{purpose}` can only go to {}. {}", rule.to.words(), rule.reason);
            let expected = if fits { vec![] } else { vec![format!("error postern.toml:9 {message}")] };
            assert_eq!(about(purpose, to, false), expected, "{purpose} {to}");
        }
    }
}

#[test]
fn an_acknowledgement_comes_from_a_guarded_form() {
    assert_eq!(
        about("acknowledgement", FIELD, true),
        [
            "error postern.toml:9 The purpose `acknowledgement` requires a form with a guard against abuse. It answers a \
             person who used a form; without a guard, a script could have it sent to anyone."
        ]
    );
    assert_eq!(about("confirmation", FIELD, true), Vec::<String>::new());
    assert_eq!(RULES.iter().filter(|rule| rule.guarded_form).count(), 1);
}

#[test]
fn every_purpose_has_one_rule() {
    let mut names: Vec<_> = RULES.iter().map(|rule| rule.purpose.as_str()).collect();
    names.dedup();
    assert_eq!(names, ["notification", "acknowledgement", "alert", "confirmation", "verification", "workflow"]);
}
