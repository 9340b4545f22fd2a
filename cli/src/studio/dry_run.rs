//! The second gate: the same component with the same policy, whose mails go to its own emulator, where nobody reads
//! them.

use std::collections::VecDeque;
use std::future::pending;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use bytes::Bytes;
use http::{Request, Response, Uri};
use postern_emulator::{Config, Emulator, InProcess, Message, Store};
use postern_runtime::{Cache, Event, Guest, Host, Limits, LoadError};
use serde_json::{Value, json};
use uuid::Uuid;

use super::capture::AuditCapture;
use super::client::{Answer, GateClient};
use crate::dev::limits;

/// The most bodies to keep for the page's frames.
const MAX_BODIES: usize = 64;

/// Requests at a time: dry runs run one after the other, and each may need an instance.
const REQUESTS: usize = 4;

/// A gate whose mails are shown and then forgotten.
pub struct DryRun {
    client: GateClient,
    host: Host,
    acs: String,
    store: Store,
    emulator: InProcess,
    /// Only one dry run at a time uses the emulator, because a repeated event would find its earlier mails there.
    turn: tokio::sync::Mutex<()>,
    bodies: Mutex<VecDeque<(Uuid, Response<Bytes>)>>,
}

impl DryRun {
    /// Starts the emulator. The gate accepts requests once it is loaded; `url` is the address of the gate that it
    /// stands for.
    pub async fn start(cache: Option<Cache>, url: String) -> anyhow::Result<Self> {
        let config = Config { running_for: Duration::ZERO, max_messages: 100, ..Config::default() };
        let bound = Emulator::bind((Ipv4Addr::LOCALHOST, 0).into(), config).await;
        let bound = bound.context("The studio's own emulator cannot listen")?;
        let (acs, store, emulator) = (bound.endpoint(), bound.store(), bound.in_process());
        tokio::spawn(bound.serve(pending()));
        let capture = AuditCapture::default();
        let tell = {
            let (capture, store) = (capture.clone(), store.clone());
            move |event: Event<'_>| {
                if let Event::Stdout(line) = event {
                    capture.line(line);
                    store.audit(line);
                }
            }
        };
        let limits = Limits { max_requests: REQUESTS, ..limits() };
        let host = Host::new(limits, cache, Arc::new(tell))?;
        let client = GateClient::new(host.clone(), capture, url);
        Ok(Self { client, host, acs, store, emulator, turn: tokio::sync::Mutex::default(), bodies: Mutex::default() })
    }

    /// Where its mails go.
    pub fn acs(&self) -> &str {
        &self.acs
    }

    /// Replaces the current guest.
    pub async fn load(&self, guest: Guest) -> Result<(), LoadError> {
        self.host.load(guest).await
    }

    /// The gate.
    pub const fn client(&self) -> &GateClient {
        &self.client
    }

    /// What the gate does with a request, and the mails that it would send, including those that wait until somebody
    /// follows the confirmation link that starts with `link`.
    pub async fn of(&self, request: Request<Bytes>, link: Option<&str>) -> anyhow::Result<(Answer, Vec<Value>)> {
        let _turn = self.turn.lock().await;
        self.store.clear()?;
        let answer = self.client.call(request).await?;
        if let Some(link) = link.and_then(|link| self.link(link)) {
            self.client.call(Request::get(link).body(Bytes::new())?).await?;
        }
        let mut mails = Vec::new();
        for message in self.store.messages().iter().rev() {
            mails.push(self.look(message).await?);
        }
        Ok((answer, mails))
    }

    /// The first link in the text of a mail that starts like this.
    fn link(&self, start: &str) -> Option<String> {
        self.store.messages().iter().find_map(|message| {
            let text = message.email.content.plain_text.as_deref()?;
            let words = text.get(text.find(start)?..)?;
            words.split_whitespace().next().map(str::to_owned)
        })
    }

    /// What the inbox would say about a message.
    async fn look(&self, message: &Message) -> anyhow::Result<Value> {
        let path = format!("/api/messages/{}", message.id);
        let details = self.ask(&path).await?;
        let mut details: Value = serde_json::from_slice(details.body())?;
        if message.email.content.html.is_some() {
            let id = Uuid::new_v4();
            let html = self.ask(&format!("{path}/html")).await?;
            let mut bodies = self.bodies.lock().unwrap_or_else(PoisonError::into_inner);
            bodies.push_back((id, html));
            if bodies.len() > MAX_BODIES {
                bodies.pop_front();
            }
            if let Some(details) = details.as_object_mut() {
                details.insert("html".to_owned(), json!(format!("/studio/mails/{id}")));
            }
        }
        Ok(details)
    }

    async fn ask(&self, path: &str) -> anyhow::Result<Response<Bytes>> {
        let address = Uri::builder().scheme("http").authority("localhost").path_and_query(path).build()?;
        Ok(self.emulator.answer(Request::get(address).body(Bytes::new())?).await?)
    }

    /// The HTML body of a mail, as the emulator serves it to its inbox.
    pub fn html(&self, id: Uuid) -> Option<Response<Bytes>> {
        let bodies = self.bodies.lock().unwrap_or_else(PoisonError::into_inner);
        bodies.iter().find(|(known, _)| *known == id).map(|(_, html)| html.clone())
    }
}
