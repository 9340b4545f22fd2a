//! Whether the policy still allows a mail as its letter has it: the policy may have changed since, and so may the
//! allowed recipients.

use postern::overflow::Authentic;
use postern::policy::{Address, Mail, Policy, Recipients};
use serde::Deserialize;
use serde::de::IgnoredAny;

/// Why the policy does not allow a mail as its letter has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Misfit {
    /// The body does not have the format that the gate writes.
    #[error("its body is not a mail as the gate writes it")]
    Body,
    /// The route does not exist.
    #[error("its route is not in the policy")]
    Route,
    /// The route does not have the mail.
    #[error("its mail is not in the policy")]
    Mail,
    /// The mail has another sender.
    #[error("its sender is not in the policy")]
    Sender,
    /// The mail is not allowed to go to one of the addresses.
    #[error("the policy does not allow its recipients")]
    Recipient,
    /// The mail must not have attachments.
    #[error("it has attachments, which the policy does not allow for this mail")]
    Attachment,
}

/// The parts of a body that are checked. The gate never writes `cc` and `bcc`, so a body with them is refused.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    sender_address: String,
    recipients: To,
    #[serde(default)]
    attachments: Vec<IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct To {
    to: Vec<Recipient>,
}

#[derive(Deserialize)]
struct Recipient {
    address: String,
}

/// Checks route, mail, sender, recipients and attachments against the policy. `redirected_to` is the address that gets
/// all mails instead, if the gate redirects them.
pub fn check(policy: &Policy, redirected_to: Option<&Address>, letter: &Authentic) -> Result<(), Misfit> {
    let body: Body = serde_json::from_slice(letter.body()).map_err(|_| Misfit::Body)?;
    let route = policy.routes().find(|route| route.name == letter.head().route).ok_or(Misfit::Route)?;
    let mail = route.mails.iter().find(|mail| mail.name == letter.head().mail).ok_or(Misfit::Mail)?;
    if body.sender_address != mail.sender.address.as_str() {
        return Err(Misfit::Sender);
    }
    let goes_to = |recipient: &Recipient| {
        let redirected = redirected_to.is_some_and(|address| address.as_str() == recipient.address);
        redirected || may_go_to(mail, &recipient.address)
    };
    if body.recipients.to.is_empty() || !body.recipients.to.iter().all(goes_to) {
        return Err(Misfit::Recipient);
    }
    if mail.attachments || body.attachments.is_empty() { Ok(()) } else { Err(Misfit::Attachment) }
}

fn may_go_to(mail: &Mail, address: &str) -> bool {
    match &mail.to {
        Recipients::Fixed(addresses) => addresses.iter().any(|fixed| fixed.as_str() == address),
        Recipients::Field { allow, .. } => {
            Address::parse(address).is_ok_and(|address| allow.is_empty() || allow.contains(&address.domain()))
        }
    }
}
