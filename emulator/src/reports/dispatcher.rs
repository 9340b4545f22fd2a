//! Pushes reports to the webhook: first a handshake, then every event until it is accepted or dropped.

use std::convert::Infallible;
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Response, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls::crypto::ring;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use uuid::Uuid;

use super::event::{PushRequest, Subscription};
use super::schedule::{ANSWER_WITHIN, DROPPED_ON, is_success, next};
use crate::acs::operation::Delivery;
use crate::store::Store;
use crate::store::message::Message;
use crate::store::report::{Push, Report, ReportState};

/// How often to check whether an operation has ended: its clock may be a test's.
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// The most bytes to read of a webhook's answer.
const MAX_ANSWER: usize = 64 * 1024;

/// Serves one subscription.
#[derive(Clone)]
pub(crate) struct Dispatcher {
    store: Store,
    subscription: Arc<Subscription>,
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
}

impl Dispatcher {
    pub(crate) fn new(store: Store, subscription: Arc<Subscription>) -> Result<Dispatcher, rustls::Error> {
        let connector = HttpsConnectorBuilder::new()
            .with_provider_and_webpki_roots(ring::default_provider())?
            .https_or_http()
            .enable_http1()
            .build();
        let client = Client::builder(TokioExecutor::new()).build(connector);
        Ok(Dispatcher { store, subscription, client })
    }

    /// Reports on each message, for ever. Dropping this future ends the reports in progress.
    pub(crate) async fn serve(self, mut messages: UnboundedReceiver<Arc<Message>>) -> Infallible {
        let mut under_way = JoinSet::new();
        while let Some(message) = messages.recv().await {
            while under_way.try_join_next().is_some() {}
            // The first message causes the handshake, so the webhook may start after the emulator.
            self.validate_webhook().await;
            for delivery in message.deliveries.clone() {
                under_way.spawn(self.clone().report(Arc::clone(&message), delivery));
            }
        }
        // The store, which sends messages to this channel, lives as long as this task.
        pending().await
    }

    async fn validate_webhook(&self) {
        let mut waited = Duration::ZERO;
        let mut tries = 0;
        while !self.store.is_validated() {
            match self.push(self.subscription.handshake(self.store.now())).await {
                Ok(answer) => match self.subscription.agrees(&answer) {
                    Ok(()) => self.store.validate_reports(),
                    Err(complaint) => self.store.complain_of_webhook(complaint),
                },
                Err(complaint) => self.store.complain_of_webhook(complaint),
            }
            tries += 1;
            if !self.store.is_validated() {
                // Azure would give up; here, a developer may fix the webhook.
                let wait = next(tries, waited).unwrap_or(Duration::from_secs(60));
                waited = waited.saturating_add(wait);
                self.pause(wait).await;
            }
        }
    }

    async fn report(self, message: Arc<Message>, delivery: Delivery) {
        while self.store.now() < message.operation.ends_at {
            sleep(POLL_INTERVAL).await;
        }
        let id = Uuid::new_v4();
        self.store.begin_report(Report {
            id,
            message_id: message.id,
            recipient: delivery.recipient.clone(),
            status: delivery.status,
            state: ReportState::Waiting,
            pushes: Vec::new(),
        });
        let mut after = Duration::ZERO;
        for tries in 1.. {
            let answer = self.push(self.subscription.report(id, &message, &delivery, tries - 1)).await;
            let wait = next(tries, after);
            let status = answer.as_ref().ok().map(Response::status);
            let state = state(status, wait);
            let push = Push { after, status: status.map(|status| status.as_u16()), error: answer.err() };
            self.store.update_report(id, |report| {
                report.pushes.push(push);
                report.state = state;
            });
            match (state, wait) {
                (ReportState::Waiting, Some(wait)) => {
                    after = after.saturating_add(wait);
                    self.pause(wait).await;
                }
                _ => return,
            }
        }
    }

    async fn push(&self, request: PushRequest) -> Result<Response<Bytes>, String> {
        let answer = async {
            let (parts, body) = self.client.request(request).await.map_err(|_| "no connection")?.into_parts();
            let body = Limited::new(body, MAX_ANSWER).collect().await.map_err(|_| "the response was cut short")?;
            Ok::<_, &str>(Response::from_parts(parts, body.to_bytes()))
        };
        let answer = timeout(ANSWER_WITHIN, answer).await.unwrap_or(Err("no answer within 30 seconds"));
        answer.map_err(str::to_owned)
    }

    async fn pause(&self, wait: Duration) {
        sleep(wait / self.subscription.webhook.speed.max(1)).await;
    }
}

fn state(status: Option<StatusCode>, wait: Option<Duration>) -> ReportState {
    match status {
        Some(status) if is_success(status) => ReportState::Taken,
        Some(status) if DROPPED_ON.contains(&status) => ReportState::Dropped,
        _ if wait.is_none() => ReportState::Dropped,
        _ => ReportState::Waiting,
    }
}
