//! How kinds of callers react to answers: one table of how long they wait, what makes them retry, what stops them, and
//! where their events have an id.

use std::ops::RangeInclusive;
use std::time::Duration;

use http::StatusCode;

/// What is known about one kind of caller.
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
    /// Whether it sends only HTML forms.
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
    /// For how many seconds after its first attempt it retries by itself; 0 if it never does.
    pub retry_horizon: u64,
    /// The duplicate window, in seconds, of events whose id is derived from content. If absent, such content names its
    /// event, so the same content is always the same event.
    pub duplicate_window: Option<u64>,
}

/// How long the same content counts as a repeat of one event, if the sender gives its events no ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DuplicateWindow {
    /// Within this time of the event, the same content is always a repeat.
    horizon: Duration,
    /// After this time, the same content is never a repeat.
    window: Duration,
}

impl DuplicateWindow {
    /// The shortest and the longest window of a route: a second, and a week.
    pub const BOUNDS: RangeInclusive<u64> = 1..=7 * DAY;

    /// A window, and for how long its callers retry, both in seconds. The gate can recognise retries within at most
    /// half of the window; see `docs/delivery.md`.
    pub fn new(retry_horizon: u64, window: u64) -> Self {
        let window = Duration::from_secs(window);
        Self { horizon: Duration::from_secs(retry_horizon).min(window / 2), window }
    }

    /// Within this time of the event, the same content is always a repeat.
    pub const fn horizon(&self) -> Duration {
        self.horizon
    }

    /// After this time, the same content is never a repeat.
    pub const fn window(&self) -> Duration {
        self.window
    }
}

/// For visitors: an error page asks them to try again in a few minutes. Contact Form 7, which has the same problem,
/// keeps the hash of a form for at most an hour (rocklobster-in/contact-form-7, issue 477).
pub const FORM_RETRY_HORIZON: u64 = 10 * MINUTE;

/// The duplicate window of forms, unless the route says otherwise.
pub const FORM_DUPLICATE_WINDOW: u64 = HOUR;

/// Where an event's id is. A header counts only if the caller's proof covers it; otherwise, `auth` decides what the id
/// is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventId {
    /// Nowhere.
    None,
    /// In a header.
    Header(&'static str),
    /// In the payload, at these JSON Pointers together.
    Fields(&'static [&'static str]),
    /// In the payload, as the hash of the object at this JSON Pointer.
    Object(&'static str),
    /// Alertmanager's: a hash of the group, its state, and each alert's state, fingerprint and start time.
    AlertGroup,
}

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// How long before a caller gives up the gate must have its answer ready.
const MARGIN: Duration = Duration::from_secs(1);

impl Contract {
    /// The most time the gate may take for a request.
    pub const fn time_budget(&self) -> Duration {
        Duration::from_secs(self.patience).saturating_sub(MARGIN)
    }
}

/// The contract for callers about which nothing is known.
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
    // What scripts and low-code platforms do by default: curl's --retry and PowerShell's -MaximumRetryCount wait
    // seconds, Azure Logic Apps tries four more times, at most 45 seconds apart. Jobs that deliberately report the same
    // words do so every quarter of an hour or less often.
    retry_horizon: 5 * MINUTE,
    duplicate_window: Some(15 * MINUTE),
};

/// For callers that retry after every 5xx and give up after a 4xx.
const BY_CLASS: Contract =
    Contract { refused: StatusCode::UNPROCESSABLE_ENTITY, later: Some(StatusCode::SERVICE_UNAVAILABLE), ..PLAIN };

/// For those that name each event: by an id, or at least by ids and times in what they sign.
const NAMED: Contract = Contract { duplicate_window: None, ..BY_CLASS };

/// All contracts, sorted by name.
pub const CONTRACTS: &[Contract] = &[
    // prometheus/alertmanager, notify/util.go: retries 5xx, but not 4xx, not even 429. No ids. It retries until the
    // group is due again (dispatch/dispatch.go): group_interval, five minutes by default. It sends a reminder of the
    // same alerts every repeat_interval, four hours by default.
    Contract { name: "alertmanager", event_id: EventId::AlertGroup, ..BY_CLASS },
    // learn.microsoft.com, "Action groups": retries 408, 429, 503 and 504; anything else pauses the endpoint. Five
    // retries within 75 seconds, and the time-outs between them. The samples of the portal's test button share one
    // alertId and differ in rule, service and time.
    Contract {
        name: "azure-monitor",
        event_id: EventId::Object("/data/essentials"),
        retry_horizon: 3 * MINUTE,
        duplicate_window: Some(9 * MINUTE),
        ..BY_CLASS
    },
    // cloudevents/spec, http-webhook.md. It does not say how long senders retry.
    Contract { name: "cloudevents", event_id: EventId::Fields(&["/source", "/id"]), retry_horizon: DAY, ..NAMED },
    // learn.microsoft.com, "Event Grid message delivery and retry": 400, 401, 403 and 413 stop it; it retries
    // everything else for 24 hours.
    Contract {
        name: "event-grid",
        patience: 30,
        event_id: EventId::Fields(&["/id"]),
        unusable: Some(StatusCode::BAD_REQUEST),
        refused: StatusCode::BAD_REQUEST,
        retry_horizon: DAY,
        ..NAMED
    },
    // docs.github.com, "Handling failed webhook deliveries": never retries.
    Contract {
        name: "github",
        event_id: EventId::Header("x-github-delivery"),
        forms: true,
        retry_horizon: 0,
        duplicate_window: None,
        ..PLAIN
    },
    // docs.gitlab.com, "Webhooks": sends Idempotency-Key, and the same one when it retries. Its worker retries four
    // times, which takes a few minutes (app/workers/web_hook_worker.rb).
    Contract { name: "gitlab", retry_horizon: 10 * MINUTE, ..NAMED },
    // The payload is Alertmanager's with additions, and so is the code that sends it (grafana/alerting, notify and
    // dispatch).
    Contract { name: "grafana", event_id: EventId::AlertGroup, ..BY_CLASS },
    // hookdeck.com/docs: retries up to 50 times within a week, as its user configures. It forwards other senders'
    // webhooks, whose bodies name their events.
    Contract { name: "hookdeck", event_id: EventId::Header("x-hookdeck-eventid"), retry_horizon: 7 * DAY, ..NAMED },
    // developer.paddle.com, "Respond to webhooks": five seconds; retries for three days.
    Contract {
        name: "paddle",
        patience: 5,
        event_id: EventId::Fields(&["/event_id"]),
        retry_horizon: 3 * DAY,
        ..NAMED
    },
    PLAIN,
    // docs.sendgrid.com, "Event Webhook": a list of events, each with its id; retries for 24 hours.
    Contract { name: "sendgrid", event_id: EventId::Fields(&["/sg_event_id"]), retry_horizon: DAY, ..NAMED },
    // shopify.dev, "Webhooks": five seconds; eight failures in four hours delete a subscription. So the gate accepts
    // and drops what can never succeed, and the audit line says so.
    Contract {
        name: "shopify",
        patience: 5,
        event_id: EventId::Header("x-shopify-webhook-id"),
        unusable: Some(StatusCode::OK),
        refused: StatusCode::OK,
        retry_horizon: 4 * HOUR,
        ..NAMED
    },
    // docs.slack.dev, "The Events API": three seconds; the header stops it. Three retries, the last after five minutes.
    Contract {
        name: "slack",
        patience: 3,
        event_id: EventId::Fields(&["/event_id"]),
        forms: true,
        unusable: Some(StatusCode::BAD_REQUEST),
        refused: StatusCode::BAD_REQUEST,
        stop: Some(("x-slack-no-retry", "1")),
        challenges: true,
        retry_horizon: 10 * MINUTE,
        ..NAMED
    },
    // spec/standard-webhooks.md: retries everything but 2xx and obeys Retry-After. 410, which the gate never sends,
    // disables the endpoint. Its example of a schedule lasts 75.5 hours.
    Contract {
        name: "standard-webhooks",
        patience: 15,
        event_id: EventId::Header("webhook-id"),
        retry_horizon: 76 * HOUR,
        ..NAMED
    },
    // docs.stripe.com, "Webhooks": retries everything but 2xx for three days.
    Contract { name: "stripe", event_id: EventId::Fields(&["/id"]), retry_horizon: 3 * DAY, ..NAMED },
    // docs.svix.com: as Standard Webhooks; its schedule lasts 27.5 hours.
    Contract { name: "svix", patience: 15, event_id: EventId::Header("svix-id"), retry_horizon: 28 * HOUR, ..NAMED },
    // twilio.com/docs/usage/webhooks: fifteen seconds; a retry, which follows at once, has the same token. The text
    // that it signs names the call or message.
    Contract {
        name: "twilio",
        patience: 15,
        event_id: EventId::Header("i-twilio-idempotency-token"),
        forms: true,
        only_forms: true,
        retry_horizon: MINUTE,
        ..NAMED
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
