//! What each purpose requires of a mail, and why.

use postern::policy::{Kind, Mail, POLICY_FILE, Purpose, Recipients, Route};

use crate::Findings;

/// Who may receive a mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum To {
    /// Addresses the policy names.
    Fixed,
    /// Addresses in the policy, or the payload's if `allow` lists its domain.
    FixedOrAllowed,
    /// Only the address in the payload.
    Payload,
}

/// The rule of a purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// The purpose.
    pub purpose: Purpose,
    /// Who may receive such a mail.
    pub to: To,
    /// Whether only a form route with a guard against abuse may send it.
    pub guarded_form: bool,
    /// Why, as a sentence.
    pub reason: &'static str,
}

/// The one table of purposes, each once.
pub const RULES: [Rule; 6] = [
    Rule {
        purpose: Purpose::Notification,
        to: To::Fixed,
        guarded_form: false,
        reason: "Notifications go to a team that asked for them; a payload must not choose who works on it.",
    },
    Rule {
        purpose: Purpose::Acknowledgement,
        to: To::Payload,
        guarded_form: true,
        reason: "It answers a person who used a form; without a guard, a script could have it sent to anyone.",
    },
    Rule {
        purpose: Purpose::Alert,
        to: To::FixedOrAllowed,
        guarded_form: false,
        reason: "People on duty are known in advance; an alert to a stranger is a leak.",
    },
    Rule {
        purpose: Purpose::Confirmation,
        to: To::Payload,
        guarded_form: false,
        reason: "It informs the person who ordered, booked or changed something, and nobody else.",
    },
    Rule {
        purpose: Purpose::Verification,
        to: To::Payload,
        guarded_form: false,
        reason: "It proves that the person who gave the address reads its mail; a copy sent elsewhere would prove nothing.",
    },
    Rule {
        purpose: Purpose::Workflow,
        to: To::FixedOrAllowed,
        guarded_form: false,
        reason: "Steps of a business process stay within the business.",
    },
];

impl To {
    /// The rule in words, for documents and findings.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Fixed => "fixed addresses",
            Self::FixedOrAllowed => "fixed addresses, or a field with `allow`",
            Self::Payload => "the payload's address",
        }
    }

    const fn permits(self, to: &Recipients) -> bool {
        match (self, to) {
            (Self::Fixed | Self::FixedOrAllowed, Recipients::Fixed(_)) | (Self::Payload, Recipients::Field { .. }) => {
                true
            }
            (Self::FixedOrAllowed, Recipients::Field { allow, .. }) => !allow.is_empty(),
            (Self::Fixed, Recipients::Field { .. }) | (Self::Payload, Recipients::Fixed(_)) => false,
        }
    }

    const fn help(self) -> &'static str {
        match self {
            Self::Fixed => "Write to = [\"team@your-domain.example\"], or choose the purpose that fits.",
            Self::FixedOrAllowed => {
                "Write to = [\"team@your-domain.example\"], or add allow = [\"your-domain.example\"] to the field."
            }
            Self::Payload => "Write to = { field = \"/email\" }, or choose the purpose that fits.",
        }
    }
}

/// The guards against abuse that a route has, by their keys in the policy.
pub fn guards(route: &Route) -> Vec<&'static str> {
    let form = &route.form;
    let guards = [
        ("origins", !route.origins.is_empty()),
        ("token", form.token.is_some()),
        ("proof_of_work", form.proof_of_work.is_some()),
        ("captcha", form.captcha.is_some()),
    ];
    guards.into_iter().filter(|(_, there)| *there).map(|(name, _)| name).collect()
}

/// Checks a mail against the rule of its purpose.
pub(crate) fn check(route: &Route, mail: &Mail, findings: &mut Findings) {
    let Some(rule) = RULES.iter().find(|rule| rule.purpose == mail.purpose) else { return };
    let purpose = mail.purpose.as_str();
    if !rule.to.permits(&mail.to) {
        let message =
            format!("A mail with the purpose `{purpose}` can only go to {}. {}", rule.to.words(), rule.reason);
        findings.error(POLICY_FILE, mail.place.clone(), message, rule.to.help());
    }
    if rule.guarded_form && (route.kind != Kind::Form || guards(route).is_empty()) {
        let message = format!("The purpose `{purpose}` requires a form with a guard against abuse. {}", rule.reason);
        let help = "Choose `confirmation` for a mail about a signed event, or add `origins` to the form.";
        findings.error(POLICY_FILE, mail.place.clone(), message, help);
    }
}
