//! No echo to strangers: if anybody can name the recipient, only the policy decides what the mail says.

use postern::policy::{Kind, Mail, POLICY_FILE, Recipients, Route};

use crate::Findings;
use crate::field::{Field, Types};
use crate::pattern;
use crate::template::Report;

/// How many characters of text from a payload a mail to a stranger may contain.
pub const MAX_ECHO_CHARS: u64 = 100;

const FORMATS: [&str; 3] = ["date", "date-time", "time"];

/// Checks what a mail prints against who receives it.
pub fn check(route: &Route, mail: &Mail, report: &Report<'_>, findings: &mut Findings) {
    if route.kind != Kind::Form || matches!(mail.to, Recipients::Fixed(_)) {
        return;
    }
    for print in &report.prints {
        for source in &print.sources {
            let Some(objection) = objection(source) else { continue };
            let message = format!(
                "`{}` would go to an address that a stranger chooses, and could say anything: {objection}.",
                print.name
            );
            let help = format!(
                "Leave it out, or restrict it: an enum, const, boolean, number or date, or a string with \"maxLength\" of \
                 at most {MAX_ECHO_CHARS} and a \"pattern\" such as \"^[\\\\p{{L}} '-]+$\"."
            );
            findings.error(&print.file, print.place.clone(), message, help);
        }
    }
    if mail.reply_to.is_some() {
        let message = "A stranger can trigger this mail, and would decide where replies to it go.";
        findings.error(POLICY_FILE, mail.place.clone(), message, "Remove `reply_to` from this mail.");
    }
}

/// Why a field could contain text of the sender's choice.
fn objection(field: &Field<'_>) -> Option<String> {
    let types = field.types();
    if types.may_be(Types::LIST.or(Types::OBJECT)) {
        return Some("it is not a single value".to_owned());
    }
    if field.options().is_some() || !types.may_be(Types::TEXT) || field.formats().any(|name| FORMATS.contains(&name)) {
        return None;
    }
    match field.max_length() {
        None => return Some("it has no `maxLength`".to_owned()),
        Some(most) if most > MAX_ECHO_CHARS => return Some(format!("its `maxLength` is above {MAX_ECHO_CHARS}")),
        Some(_) => {}
    }
    let objections: Vec<_> = field.patterns().map(pattern::objection).collect();
    if objections.is_empty() {
        return Some("it has no `pattern`".to_owned());
    }
    // One pattern that proves it is enough, because a text must match all of them.
    let all: Option<Vec<_>> = objections.into_iter().collect();
    all.and_then(|all| all.first().map(|reason| format!("its `pattern` {reason}")))
}
