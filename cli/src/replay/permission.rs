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

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use bytes::Bytes;
    use postern::host::Settings;
    use postern::overflow::{Authentic, FORM, Head, Key, Letter};
    use postern::policy::{Address, Files, Policy};
    use serde_json::{Value, json};

    use super::{Misfit, check};

    struct OneKey;

    impl Settings for OneKey {
        async fn setting(&self, _: &str) -> Option<String> {
            Some("a-key-of-thirty-two-bytes-or-more".to_owned())
        }

        async fn file(&self, _: &str) -> Option<String> {
            None
        }
    }

    const POLICY: &str = r#"
        [senders.web]
        address = "web@contoso.example"
        owner = "team@contoso.example"
        [routes.form]
        path = "/form"
        kind = "form"
        schema = "form"
        origins = ["https://www.contoso.example"]
        form = { attachments = { types = ["pdf"] } }
        [[routes.form.mails]]
        name = "team"
        template = "note"
        sender = "web"
        purpose = "notification"
        to = ["team@contoso.example", "second@contoso.example"]
        attachments = true
        [[routes.form.mails]]
        name = "visitor"
        template = "note"
        sender = "web"
        purpose = "confirmation"
        to = { field = "/email", allow = ["contoso.example"] }
    "#;

    fn policy() -> Policy {
        let schema = r#"{"type": "object", "properties": {"email": {"type": "string", "format": "email"}}, "required": ["email"]}"#;
        let files = Files::from_iter([
            ("postern.toml", POLICY),
            ("schemas/form.json", schema),
            ("templates/note/subject.txt.j2", "A note"),
            ("templates/note/body.txt.j2", "A note"),
            ("templates/note/sample.json", r#"{"email": "ada@contoso.example"}"#),
        ]);
        Policy::load(&files).unwrap()
    }

    /// A letter that the gate signed.
    async fn letter(route: &str, mail: &str, body: &Value) -> Authentic {
        let head = Head {
            postern: FORM,
            operation: "8540c0de-899f-5cce-acb5-3ec493af3800".parse().unwrap(),
            route: route.to_owned(),
            mail: mail.to_owned(),
            policy_sha256: String::new(),
            queued_at: String::new(),
            in_doubt: false,
            traceparent: String::new(),
            blob: None,
            mac: String::new(),
            set_aside: None,
        };
        let key = Key::read(&OneKey).await.unwrap();
        let letter = Letter { head, body: Bytes::from(body.to_string()) }.sealed(&key);
        letter.open(&[key], letter.body.clone()).unwrap()
    }

    fn to(address: &str) -> Value {
        json!({"senderAddress": "web@contoso.example", "recipients": {"to": [{"address": address}]}})
    }

    /// A body with something else at a place.
    fn with(mut body: Value, pointer: &str, value: Value) -> Value {
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        body.pointer_mut(parent).unwrap()[name] = value;
        body
    }

    #[tokio::test]
    async fn a_letter_is_what_the_policy_would_write_today() {
        let policy = policy();
        let (team, visitor) = (to("team@contoso.example"), to("ada@contoso.example"));
        let file = json!([{"name": "a.pdf", "contentType": "application/pdf", "contentInBase64": ""}]);
        let others = json!([{"address": "a@fabrikam.example"}]);
        for (route, mail, body, expected) in [
            ("form", "team", team.clone(), Ok(())),
            ("form", "visitor", visitor.clone(), Ok(())),
            ("form", "team", with(team.clone(), "/attachments", file.clone()), Ok(())),
            ("other", "team", team.clone(), Err(Misfit::Route)),
            ("form", "other", team.clone(), Err(Misfit::Mail)),
            ("form", "team", json!({}), Err(Misfit::Body)),
            ("form", "team", with(team.clone(), "/senderAddress", json!("a@contoso.example")), Err(Misfit::Sender)),
            ("form", "team", visitor.clone(), Err(Misfit::Recipient)),
            ("form", "team", with(team.clone(), "/recipients/to", json!([])), Err(Misfit::Recipient)),
            ("form", "team", with(team.clone(), "/recipients/bcc", others.clone()), Err(Misfit::Body)),
            ("form", "team", with(team, "/recipients/cc", others), Err(Misfit::Body)),
            ("form", "visitor", to("ada@fabrikam.example"), Err(Misfit::Recipient)),
            ("form", "visitor", to("ada%fabrikam.example@contoso.example"), Err(Misfit::Recipient)),
            ("form", "visitor", with(visitor, "/attachments", file), Err(Misfit::Attachment)),
        ] {
            assert_eq!(check(&policy, None, &letter(route, mail, &body).await), expected, "{route} {mail} {body}");
        }
    }

    #[tokio::test]
    async fn in_staging_a_letter_goes_where_all_mails_go() {
        let policy = policy();
        let staging = Address::parse("staging@fabrikam.example").unwrap();
        let redirected = letter("form", "team", &to("staging@fabrikam.example")).await;
        assert_eq!(check(&policy, Some(&staging), &redirected), Ok(()));
        assert_eq!(check(&policy, None, &redirected), Err(Misfit::Recipient));
    }
}
