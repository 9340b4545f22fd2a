//! The visitor's copy: a mail to the address in a form, beside those to the team that the policy names.
//!
//! ACS may refuse the copy, for a typing error above all, while the team's mails are on their way. Then the visitor's
//! message has arrived, and sending it again would change nothing.

use crate::outcome::{Outcome, Sent};
use crate::policy::{Mail, Route};
use crate::texts::Texts;
use crate::validate::Violation;

/// Whether nothing went wrong but that ACS refused copies for good: the team has the form.
pub(super) fn only_copies_refused(route: &Route, sent: &[Sent]) -> bool {
    let is_copy = |sent: &&Sent| address_field(route, sent).is_some();
    let (copies, team): (Vec<&Sent>, Vec<&Sent>) = sent.iter().partition(is_copy);
    let outcome = |sent: &&Sent| sent.delivery.outcome;
    !team.is_empty()
        && team.iter().map(outcome).all(Outcome::is_taken)
        && copies.iter().map(outcome).all(|outcome| outcome.is_taken() || outcome.is_refused())
}

/// The fields whose addresses are why nothing was sent at all: a correction may help.
pub(super) fn refused_addresses(route: &Route, sent: &[Sent], texts: &Texts) -> Vec<Violation> {
    let about_address = |sent: &Sent| matches!(sent.delivery.outcome, Outcome::InvalidAddress | Outcome::Suppressed);
    let violation = |sent: &Sent| {
        Some(Violation {
            pointer: address_field(route, sent)?.to_owned(),
            keyword: "delivery".to_owned(),
            detail: texts.undeliverable.to_owned(),
            code: "TYPE_EMAIL".to_owned(),
        })
    };
    let all = sent.iter().all(about_address);
    let mut violations: Vec<_> = sent.iter().filter(|_| all).filter_map(violation).collect();
    violations.dedup();
    violations
}

/// The field with the address that a mail went to; `None` if the policy names its recipients.
fn address_field<'a>(route: &'a Route, sent: &Sent) -> Option<&'a str> {
    let is_mail = |mail: &&Mail| mail.name == sent.mail;
    route.mails.iter().find(is_mail)?.to.pointer()
}
