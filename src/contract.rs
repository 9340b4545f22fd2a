//! How kinds of callers react to answers: one table of how long they wait, what makes them retry, what stops them,
//! and where the ids of their events are.

use std::time::Duration;

use http::StatusCode;

/// What is known of one kind of caller.
#[derive(Debug)]
pub struct Contract {
    /// The name in policies.
    pub name: &'static str,
    /// After how many seconds it gives up waiting.
    pub patience: u64,
    /// Where the id of an event is.
    pub event_id: EventId,
    /// Whether it sends HTML forms as well as JSON.
    pub forms: bool,
    /// Whether it sends nothing else.
    pub only_forms: bool,
    /// The status that best says "this request will never succeed". If absent, the problem's own.
    pub unusable: Option<StatusCode>,
    /// The status for "ACS refused the mail and would refuse it again".
    pub refused: StatusCode,
    /// The status for "retry later". If absent, the problem's own: 500 or 503.
    pub later: Option<StatusCode>,
    /// A header that, together with a permanent error, stops it from retrying.
    pub stop: Option<(&'static str, &'static str)>,
    /// Whether its handshake is an event with a challenge.
    pub challenges: bool,
    /// Whether it retries by itself after a temporary error.
    pub redelivers: bool,
}

/// Where the id of an event is. A header counts only where the caller's proof covers it; `auth` knows what the id is
/// otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventId {
    /// Nowhere.
    None,
    /// In a header.
    Header(&'static str),
    /// In the payload, at these JSON Pointers together.
    Fields(&'static [&'static str]),
    /// Alertmanager's: a hash of the group, its state, and each alert's state, fingerprint and beginning.
    AlertGroup,
}

/// How long before a caller gives up the gate has its answer ready.
const MARGIN: Duration = Duration::from_secs(1);

impl Contract {
    /// The most time the gate may take for a request.
    pub const fn time_budget(&self) -> Duration {
        Duration::from_secs(self.patience).saturating_sub(MARGIN)
    }
}

/// The contract of callers about which nothing is known.
pub const PLAIN: Contract = Contract {
    name: "plain",
    patience: 10,
    event_id: EventId::None,
    forms: false,
    only_forms: false,
    unusable: None,
    refused: StatusCode::BAD_GATEWAY,
    later: None,
    stop: None,
    challenges: false,
    redelivers: true,
};

/// For callers that retry after every 5xx and give up after a 4xx.
const BY_CLASS: Contract =
    Contract { refused: StatusCode::UNPROCESSABLE_ENTITY, later: Some(StatusCode::SERVICE_UNAVAILABLE), ..PLAIN };

/// All contracts, sorted by name.
pub const CONTRACTS: &[Contract] = &[
    // prometheus/alertmanager, notify/util.go: 5xx is retried, 4xx is not, not even 429. No ids.
    Contract { name: "alertmanager", event_id: EventId::AlertGroup, ..BY_CLASS },
    // learn.microsoft.com, "Action groups": 408, 429, 503 and 504 are retried; anything else pauses the endpoint.
    Contract {
        name: "azure-monitor",
        event_id: EventId::Fields(&["/data/essentials/alertId", "/data/essentials/monitorCondition"]),
        ..BY_CLASS
    },
    // cloudevents/spec, http-webhook.md.
    Contract { name: "cloudevents", event_id: EventId::Fields(&["/source", "/id"]), ..BY_CLASS },
    // learn.microsoft.com, "Event Grid message delivery and retry": 400, 401, 403 and 413 stop it, all else is retried
    // for 24 hours.
    Contract {
        name: "event-grid",
        patience: 30,
        event_id: EventId::Fields(&["/id"]),
        unusable: Some(StatusCode::BAD_REQUEST),
        refused: StatusCode::BAD_REQUEST,
        ..BY_CLASS
    },
    // docs.github.com, "Handling failed webhook deliveries": nothing is retried.
    Contract {
        name: "github",
        event_id: EventId::Header("x-github-delivery"),
        forms: true,
        redelivers: false,
        ..PLAIN
    },
    // docs.gitlab.com, "Webhooks": sends Idempotency-Key.
    Contract { name: "gitlab", ..BY_CLASS },
    // The payload is Alertmanager's with additions.
    Contract { name: "grafana", event_id: EventId::AlertGroup, ..BY_CLASS },
    // hookdeck.com/docs.
    Contract { name: "hookdeck", event_id: EventId::Header("x-hookdeck-eventid"), ..BY_CLASS },
    // developer.paddle.com, "Respond to webhooks": five seconds.
    Contract { name: "paddle", patience: 5, event_id: EventId::Fields(&["/event_id"]), ..BY_CLASS },
    PLAIN,
    // docs.sendgrid.com, "Event Webhook": a list of events, each with its id.
    Contract { name: "sendgrid", event_id: EventId::Fields(&["/sg_event_id"]), ..BY_CLASS },
    // shopify.dev, "Webhooks": five seconds; eight failures in four hours delete a subscription, so what can never
    // succeed is accepted and dropped, and the audit line says so.
    Contract {
        name: "shopify",
        patience: 5,
        event_id: EventId::Header("x-shopify-webhook-id"),
        unusable: Some(StatusCode::OK),
        refused: StatusCode::OK,
        ..BY_CLASS
    },
    // docs.slack.dev, "The Events API": three seconds; the header stops it.
    Contract {
        name: "slack",
        patience: 3,
        event_id: EventId::Fields(&["/event_id"]),
        forms: true,
        unusable: Some(StatusCode::BAD_REQUEST),
        refused: StatusCode::BAD_REQUEST,
        stop: Some(("x-slack-no-retry", "1")),
        challenges: true,
        ..BY_CLASS
    },
    // spec/standard-webhooks.md: all but 2xx is retried, Retry-After is obeyed, and 410, which never comes from
    // here, disables the endpoint.
    Contract { name: "standard-webhooks", patience: 15, event_id: EventId::Header("webhook-id"), ..BY_CLASS },
    // docs.stripe.com, "Webhooks": all but 2xx is retried for three days.
    Contract { name: "stripe", event_id: EventId::Fields(&["/id"]), ..BY_CLASS },
    // docs.svix.com: as Standard Webhooks.
    Contract { name: "svix", patience: 15, event_id: EventId::Header("svix-id"), ..BY_CLASS },
    // twilio.com/docs/usage/webhooks: fifteen seconds; the token is the same when a request is retried.
    Contract {
        name: "twilio",
        patience: 15,
        event_id: EventId::Header("i-twilio-idempotency-token"),
        forms: true,
        only_forms: true,
        ..BY_CLASS
    },
];

/// The contract of that name.
pub fn find(name: &str) -> Option<&'static Contract> {
    CONTRACTS.iter().find(|contract| contract.name == name)
}

/// The names of all contracts, for messages.
pub fn names() -> String {
    CONTRACTS.iter().map(|contract| contract.name).collect::<Vec<_>>().join(", ")
}
