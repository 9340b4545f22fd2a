//! A queue and a container of Azure Storage, as far as a replay needs them.
//!
//! REST interface: Microsoft Learn, "Queue service REST API" and "Blob service REST API".

use std::time::Duration;

use bytes::Bytes;
use form_urlencoded::byte_serialize;
use http::header::CONTENT_LENGTH;
use http::{HeaderValue, Method, Request, Response, StatusCode, Uri};
use postern::acs::MAX_REQUEST_BYTES;
use postern::entra::TokenCache;
use postern::outcome::StorageError;
use postern::overflow::{MAX_MESSAGE_BYTES, StorageCredential, put_message, refusal};
use postern::policy::StorageAddress;
use serde::Deserialize;

use crate::machine::Machine;

/// How long one call may take; the largest mail must fit.
const CALL_TIME: Duration = Duration::from_secs(30);

/// How often to try a call if the service cannot be reached or fails, and the pause before the next try.
const TRIES: u32 = 3;
const PAUSE: Duration = Duration::from_millis(500);

/// A message's text, in which each byte may take up to six when escaped (`&quot;`), and the XML around it.
const MAX_ANSWER_BYTES: usize = 6 * MAX_MESSAGE_BYTES + 16 * 1024;

/// A storage account, and how a replay authenticates to it.
pub struct Account<'a> {
    pub host: &'a Machine,
    pub credentials: &'a StorageCredential,
    pub tokens: &'a TokenCache,
}

/// A queue.
pub struct Queue<'a> {
    pub account: &'a Account<'a>,
    pub address: StorageAddress,
}

/// A container of blobs.
pub struct Container<'a> {
    pub account: &'a Account<'a>,
    pub address: StorageAddress,
}

/// A message that is hidden from others for a time.
pub struct Leased {
    pub text: String,
    /// How often it was taken from the queue, including this time.
    pub dequeue_count: u32,
    id: String,
    receipt: String,
}

/// Why a blob cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// No blob has this name.
    #[error("its blob no longer exists")]
    Gone,
    /// The storage does not return it, or it cannot be a mail.
    #[error("its blob cannot be read ({0})")]
    Refused(StorageError),
}

#[derive(Deserialize)]
struct MessageList {
    #[serde(rename = "QueueMessage", default)]
    messages: Vec<Message>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Message {
    message_id: String,
    pop_receipt: String,
    dequeue_count: u32,
    #[serde(default)]
    message_text: String,
}

impl Account<'_> {
    /// Makes a call, and repeats it if that may help; repeating does no harm for any of them.
    async fn call(&self, request: Request<Bytes>, limit: usize) -> Result<Response<Bytes>, StorageError> {
        let mut tries = 1;
        loop {
            let proven = self.credentials.prove(self.host, self.tokens, request.clone(), CALL_TIME).await?;
            let answer = self.host.call(proven, CALL_TIME, limit).await;
            let passes = match &answer {
                Ok(answer) => answer.status().is_server_error() || answer.status() == StatusCode::TOO_MANY_REQUESTS,
                Err(_) => true,
            };
            if !passes || tries == TRIES {
                return Ok(answer?);
            }
            tokio::time::sleep(PAUSE * tries).await;
            tries += 1;
        }
    }
}

impl Queue<'_> {
    /// The next message, hidden from others for `time`; none if no message is visible.
    pub async fn lease(&self, time: Duration) -> Result<Option<Leased>, StorageError> {
        let below = format!("/messages?numofmessages=1&visibilitytimeout={}", time.as_secs());
        let answer = self.call(bare(Method::GET, self.address.uri(&below))).await?;
        let answer = expect(answer, &[StatusCode::OK])?;
        let list = std::str::from_utf8(answer.body()).ok().and_then(|xml| quick_xml::de::from_str(xml).ok());
        let list: MessageList = list.ok_or(StorageError::Garbled)?;
        Ok(list.messages.into_iter().next().map(Leased::of))
    }

    /// Hides a message for `time` from now on; returns false if another replay has it by now.
    pub async fn renew(&self, message: &mut Leased, time: Duration) -> Result<bool, StorageError> {
        let uri = self.address.uri(&format!("{}&visibilitytimeout={}", message.path(), time.as_secs()));
        let answer = self.call(bare(Method::PUT, uri)).await?;
        match answer.status() {
            StatusCode::NO_CONTENT => {
                let receipt = answer.headers().get("x-ms-popreceipt").and_then(|value| value.to_str().ok());
                message.receipt = receipt.ok_or(StorageError::Garbled)?.to_owned();
                Ok(true)
            }
            StatusCode::BAD_REQUEST | StatusCode::NOT_FOUND => Ok(false),
            _ => Err(refusal(&answer)),
        }
    }

    /// Deletes a message. If it is gone or another replay has it, this does nothing.
    pub async fn delete(&self, message: &Leased) -> Result<(), StorageError> {
        let answer = self.call(bare(Method::DELETE, self.address.uri(&message.path()))).await?;
        expect(answer, &[StatusCode::NO_CONTENT, StatusCode::BAD_REQUEST, StatusCode::NOT_FOUND]).map(drop)
    }

    /// Adds a text, and creates the queue first if it does not exist.
    pub async fn put(&self, text: &str) -> Result<(), StorageError> {
        // If somebody else wrote the message, its text can be anything.
        let text = quick_xml::escape::escape(text);
        let request = put_message(&self.address, &text);
        let answer = self.call(request.clone()).await?;
        if answer.status() != StatusCode::NOT_FOUND {
            return expect(answer, &[StatusCode::CREATED]).map(drop);
        }
        let created = self.call(bare(Method::PUT, self.address.uri(""))).await?;
        expect(created, &[StatusCode::CREATED, StatusCode::NO_CONTENT])?;
        expect(self.call(request).await?, &[StatusCode::CREATED]).map(drop)
    }

    /// The approximate number of messages, including hidden ones; none if the queue does not exist.
    pub async fn count(&self) -> Result<u64, StorageError> {
        let answer = self.call(bare(Method::GET, self.address.uri("?comp=metadata"))).await?;
        let answer = expect(answer, &[StatusCode::OK])?;
        let count = answer.headers().get("x-ms-approximate-messages-count");
        count.and_then(|count| count.to_str().ok()?.parse().ok()).ok_or(StorageError::Garbled)
    }

    async fn call(&self, request: Request<Bytes>) -> Result<Response<Bytes>, StorageError> {
        self.account.call(request, MAX_ANSWER_BYTES).await
    }
}

impl Container<'_> {
    /// A blob's content, or why this blob cannot be read; an error if no other blob could be read either.
    pub async fn get(&self, blob: &str) -> Result<Result<Bytes, Unreadable>, StorageError> {
        let answer = match self.account.call(bare(Method::GET, self.blob(blob)), MAX_REQUEST_BYTES).await {
            // It is larger than any mail, or did not arrive completely.
            Err(error @ StorageError::Garbled) => return Ok(Err(Unreadable::Refused(error))),
            answer => answer?,
        };
        match answer.status() {
            StatusCode::OK => Ok(Ok(answer.into_body())),
            StatusCode::NOT_FOUND => Ok(Err(Unreadable::Gone)),
            status if concerns_all(status) => Err(refusal(&answer)),
            _ => Ok(Err(Unreadable::Refused(refusal(&answer)))),
        }
    }

    /// Deletes a blob. One that cannot be deleted, such as a leased one, stays.
    pub async fn delete(&self, blob: &str) -> Result<(), StorageError> {
        let answer = self.account.call(bare(Method::DELETE, self.blob(blob)), MAX_ANSWER_BYTES).await?;
        if concerns_all(answer.status()) { Err(refusal(&answer)) } else { Ok(()) }
    }

    fn blob(&self, blob: &str) -> Uri {
        self.address.uri(&format!("/{}", encoded(blob)))
    }
}

impl Leased {
    fn of(message: Message) -> Self {
        let Message { message_id: id, pop_receipt: receipt, dequeue_count, message_text: text } = message;
        Self { text, dequeue_count, id, receipt }
    }

    fn path(&self) -> String {
        format!("/messages/{}?popreceipt={}", encoded(&self.id), encoded(&self.receipt))
    }
}

/// Makes a text from the network safe as part of an address.
fn encoded(text: &str) -> String {
    byte_serialize(text.as_bytes()).collect()
}

/// A request without a body and without authentication.
fn bare(method: Method, uri: Uri) -> Request<Bytes> {
    let mut request = Request::new(Bytes::new());
    if method == Method::PUT {
        request.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(0));
    }
    *request.method_mut() = method;
    *request.uri_mut() = uri;
    request
}

/// Whether an answer concerns the storage as a whole, and not only the requested item.
fn concerns_all(status: StatusCode) -> bool {
    matches!(status.as_u16(), 401 | 403 | 408 | 429 | 500..)
}

fn expect(answer: Response<Bytes>, wanted: &[StatusCode]) -> Result<Response<Bytes>, StorageError> {
    if wanted.contains(&answer.status()) { Ok(answer) } else { Err(refusal(&answer)) }
}
