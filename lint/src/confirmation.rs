//! Checks that a mail that asks for a confirmation shows the link in every part.

use postern::policy::{CONFIRMATION_LINK, Mail, Part, Place, Route};
use postern::render::asks;

use crate::Findings;
use crate::template::Report;

/// Looks for the link in the text that people see.
pub fn check(route: &Route, mail: &Mail, report: &Report<'_>, findings: &mut Findings) {
    if !asks(route, mail) {
        return;
    }
    let html = mail.template.has_html().then_some(Part::Html);
    for part in [Part::Text].into_iter().chain(html) {
        if !report.links.contains(&part) {
            let message = format!("The mail `{}` asks for a confirmation but does not contain the link.", mail.name);
            let help = format!("Add {{{{ {CONFIRMATION_LINK} }}}} where readers will find it.");
            findings.error(&mail.template.path(part.file()), Place::File, message, help);
        }
    }
}
