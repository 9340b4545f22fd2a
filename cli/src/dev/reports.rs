//! Delivery reports for a route of the policy, configured like an Event Grid subscription.

use std::time::SystemTime;

use anyhow::{Context as _, bail, ensure};
use postern::policy::{Envelope, Policy, Scheme};
use postern_emulator::{EventSchema, Webhook};

use crate::caller::{self, Body};

/// How many times faster than Event Grid to retry: a developer should not wait ten minutes.
const SPEED: u32 = 60;

/// The webhook at the gate's address for the route of this name.
pub fn webhook(policy: &Policy, name: &str, gate: &str) -> anyhow::Result<Webhook> {
    let route = policy.routes().find(|route| route.name == name);
    let route = route.with_context(|| format!("There is no route `{name}` for delivery reports."))?;
    let schema = match route.envelope {
        Some(Envelope::EventGrid) => EventSchema::EventGrid,
        Some(Envelope::CloudEvents) => EventSchema::CloudEvents,
        _ => bail!(
            "The route `{name}` does not accept Event Grid events: it needs an `envelope`; see `postern add acs-delivery`."
        ),
    };
    let auth = route.auth.as_ref().context("The route has no authentication.")?;
    let fixed = matches!(auth.scheme, Scheme::Token(_));
    ensure!(fixed, "Event Grid signs nothing: the route `{name}` needs the scheme event-grid, which sends a secret.");
    let key = caller::key(policy, auth)?;
    let body = Body { content_type: "", bytes: Vec::new() };
    let credentials = caller::prove(route, auth, &key.value, SystemTime::now(), &body)?;
    let query = credentials.query.map(|query| format!("?{query}")).unwrap_or_default();
    let mut webhook = Webhook { schema, speed: SPEED, ..Webhook::new(format!("{gate}{}{query}", route.path).parse()?) };
    for (name, value) in credentials.headers {
        let mut value = http::HeaderValue::try_from(value).context("The secret is not a valid header value")?;
        value.set_sensitive(true);
        webhook.headers.insert(name, value);
    }
    Ok(webhook)
}
