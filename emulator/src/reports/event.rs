//! The events in both schemas, and the two handshakes.
//!
//! Source: Event Grid, ACS email events; end point validation with the Event Grid and the CloudEvents schema.

use std::time::SystemTime;

use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Full;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::acs::operation::{Delivery, DeliveryStatus};
use crate::acs::sender::domain_of;
use crate::config::{EventSchema, Webhook};
use crate::store::message::Message;

const DELIVERY_REPORT: &str = "Microsoft.Communication.EmailDeliveryReportReceived";
const VALIDATION: &str = "Microsoft.EventGrid.SubscriptionValidationEvent";
const TOPIC: &str = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/emulator\
    /providers/Microsoft.Communication/communicationServices/emulator";

/// The name that Event Grid capitalises.
const SUBSCRIPTION: HeaderValue = HeaderValue::from_static("EMULATOR");
const EVENT_TYPE: HeaderName = HeaderName::from_static("aeg-event-type");
const SUBSCRIPTION_NAME: HeaderName = HeaderName::from_static("aeg-subscription-name");
const DELIVERY_COUNT: HeaderName = HeaderName::from_static("aeg-delivery-count");
const REQUEST_ORIGIN: HeaderName = HeaderName::from_static("webhook-request-origin");
const ALLOWED_ORIGIN: &str = "webhook-allowed-origin";
const ORIGIN: &str = "eventgrid.azure.net";

/// A webhook with the code for its validation.
#[derive(Debug)]
pub(crate) struct Subscription {
    pub(crate) webhook: Webhook,
    pub(crate) code: Uuid,
    /// The address at which the code can be confirmed by hand.
    pub(crate) confirmation: String,
}

/// A complete request to the webhook.
pub(super) type PushRequest = Request<Full<Bytes>>;

impl Subscription {
    /// The handshake, which asks whether the webhook wants events.
    pub(super) fn handshake(&self, now: SystemTime) -> PushRequest {
        match self.webhook.schema {
            EventSchema::EventGrid => {
                let data = json!({"validationCode": self.code, "validationUrl": self.confirmation});
                let event = grid_event(Uuid::new_v4(), VALIDATION, "", &time(now), data);
                let mut request = self.request(Method::POST, "application/json; charset=utf-8", &json!([event]));
                request.headers_mut().insert(EVENT_TYPE, HeaderValue::from_static("SubscriptionValidation"));
                request
            }
            EventSchema::CloudEvents => {
                let mut request = Request::new(Full::default());
                *request.method_mut() = Method::OPTIONS;
                *request.uri_mut() = self.webhook.url.clone();
                request.headers_mut().extend(self.webhook.headers.clone());
                request.headers_mut().insert(REQUEST_ORIGIN, HeaderValue::from_static(ORIGIN));
                request
            }
        }
    }

    /// Whether the webhook accepted the handshake; otherwise what is wrong with its answer.
    pub(super) fn agrees(&self, answer: &Response<Bytes>) -> Result<(), String> {
        if answer.status() != StatusCode::OK {
            return Err(format!("the handshake returned status {}, not 200", answer.status().as_u16()));
        }
        match self.webhook.schema {
            EventSchema::EventGrid => {
                let body: Value = serde_json::from_slice(answer.body()).unwrap_or_default();
                let response = body.get("validationResponse").and_then(Value::as_str);
                let right = response == Some(self.code.to_string().as_str());
                right.then_some(()).ok_or_else(|| "the answer has no validationResponse with the code".to_owned())
            }
            EventSchema::CloudEvents => allows(answer.headers()),
        }
    }

    /// The event for the delivery to one recipient; `count` is the number of previous attempts.
    pub(super) fn report(&self, id: Uuid, message: &Message, delivery: &Delivery, count: usize) -> PushRequest {
        let subject = format!("sender/{}/message/{}", message.email.sender_address, message.id);
        let at = time(message.operation.ends_at);
        let data = data(message, delivery, &at);
        let (media_type, body) = match self.webhook.schema {
            EventSchema::EventGrid => {
                ("application/json; charset=utf-8", json!([grid_event(id, DELIVERY_REPORT, &subject, &at, data)]))
            }
            EventSchema::CloudEvents => (
                "application/cloudevents+json; charset=utf-8",
                json!({
                    "specversion": "1.0", "id": id, "source": TOPIC, "type": DELIVERY_REPORT, "subject": subject,
                    "time": at, "data": data,
                }),
            ),
        };
        let mut request = self.request(Method::POST, media_type, &body);
        request.headers_mut().insert(EVENT_TYPE, HeaderValue::from_static("Notification"));
        request.headers_mut().insert(DELIVERY_COUNT, HeaderValue::from(count));
        request
    }

    fn request(&self, method: Method, media_type: &'static str, body: &Value) -> PushRequest {
        let mut request = Request::new(Full::from(body.to_string()));
        *request.method_mut() = method;
        *request.uri_mut() = self.webhook.url.clone();
        let headers = request.headers_mut();
        headers.extend(self.webhook.headers.clone());
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
        headers.insert(SUBSCRIPTION_NAME, SUBSCRIPTION);
        request
    }
}

fn allows(headers: &HeaderMap) -> Result<(), String> {
    let allowed = headers.get(ALLOWED_ORIGIN).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if allowed != "*" && !allowed.eq_ignore_ascii_case(ORIGIN) {
        return Err(format!("the answer does not allow the origin {ORIGIN} in WebHook-Allowed-Origin"));
    }
    let posts = headers.get_all(ALLOW).iter().filter_map(|value| value.to_str().ok());
    let posts = posts.flat_map(|list| list.split(',')).any(|method| method.trim() == "POST");
    posts.then_some(()).ok_or_else(|| "the answer does not name POST in Allow".to_owned())
}

fn grid_event(id: Uuid, event_type: &str, subject: &str, at: &str, data: Value) -> Value {
    json!({
        "id": id, "topic": TOPIC, "subject": subject, "eventType": event_type, "eventTime": at, "data": data,
        "dataVersion": "1.0", "metadataVersion": "1",
    })
}

fn data(message: &Message, delivery: &Delivery, at: &str) -> Value {
    json!({
        "sender": message.email.sender_address,
        "recipient": delivery.recipient,
        "messageId": message.id,
        "internetMessageId": message.internet_message_id,
        "status": delivery.status,
        "deliveryStatusDetails": {
            "statusMessage": status_message(delivery.status),
            "recipientMailServerHostName": format!("mx.{}", domain_of(&delivery.recipient)),
        },
        "deliveryAttemptTimestamp": at.replace('Z', "+00:00"),
    })
}

fn status_message(status: DeliveryStatus) -> &'static str {
    match status {
        DeliveryStatus::Delivered => "",
        DeliveryStatus::Bounced => "550 5.1.1 The address does not exist.",
        DeliveryStatus::Suppressed => "The address is on the suppression list.",
        DeliveryStatus::Quarantined => "The message was set aside.",
        DeliveryStatus::FilteredSpam => "550 5.7.1 The message was refused as spam.",
        DeliveryStatus::Failed => "The message was dropped.",
    }
}

/// With seven decimal places, as Event Grid writes.
fn time(at: SystemTime) -> String {
    let nanoseconds = humantime::format_rfc3339_nanos(at).to_string();
    nanoseconds.get(..27).map_or(nanoseconds.clone(), |cut| format!("{cut}Z"))
}
