//! Honeypots that browsers fill in: a person's message would be dropped, and nobody would see a sign of it.
//!
//! Browsers and password managers fill a form from a profile, the fields that nobody sees too. Chrome passes over
//! `autocomplete="off"` on purpose, and recognises fields by parts of their names.

use postern::policy::{POLICY_FILE, Route};

use crate::Findings;

/// Parts of names by which Chrome recognises what a profile has (components/autofill, regex constants), and those of the
/// HTML standard's autofill field names (html.spec.whatwg.org, "autofill") that are long enough for that, without
/// hyphens; last, what honeypots were called of which their own issue trackers report that browsers fill them in.
const PARTS: &[&str] = &[
    "address",
    "adresse",
    "birth",
    "business",
    "ccnumber",
    "city",
    "company",
    "country",
    "county",
    "firma",
    "honorific",
    "language",
    "mail",
    "mobile",
    "name",
    "onetimecode",
    "organisation",
    "organization",
    "password",
    "phone",
    "postal",
    "postcode",
    "province",
    "region",
    "salutation",
    "state",
    "strasse",
    "street",
    "title",
    "town",
    "transaction",
    "zip",
    "homepage",
    "website",
];

/// The rest of the HTML standard's names, too short to mean the same inside another word, and `fax`.
const WORDS: &[&str] = &["bday", "cc", "fax", "impp", "photo", "sex", "tel", "url"];

/// Warns of a honeypot that is called like something in a profile.
pub(crate) fn check(route: &Route, findings: &mut Findings) {
    let Some(honeypot) = &route.form.honeypot else { return };
    let name = honeypot.name.to_ascii_lowercase();
    let joined = name.replace(|character: char| !character.is_alphanumeric(), "");
    let mut words = name.split(|character: char| !character.is_alphabetic());
    if PARTS.iter().any(|part| joined.contains(part)) || words.any(|word| WORDS.contains(&word)) {
        let message = format!(
            "Autofill may fill in the honeypot `{}`, and the gate would silently drop a person's form.",
            honeypot.name
        );
        let help = "Rename it, here and on the page, to something that no profile has, such as \"feedback_note\".";
        findings.warning(POLICY_FILE, honeypot.place.clone(), message, help);
    }
}
