//! Mails that could not be delivered in time are stored in an Azure Storage queue, from which `postern replay` sends
//! them.
//!
//! REST interface: Microsoft Learn, "Put Message", "Put Blob" and "Create account SAS".

mod credential;
mod key;
mod letter;

use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, Response, StatusCode, Uri};

use crate::entra::{TokenCache, TokenError};
use crate::host::{FetchError, Sending};
use crate::outcome::StorageError;
use crate::policy::{Overflow, StorageAddress};
use crate::web::retry::{plain_code, wait};

pub use credential::{API_VERSION, SCOPE, StorageCredential, setting};
pub use key::Key;
pub use letter::{Authentic, FORM, Head, Letter, LetterError};

use letter::blob_name;

/// The most bytes of a message's text (Microsoft Learn, "Put Message": 64 KiB).
pub const MAX_MESSAGE_BYTES: usize = 64 * 1024;

/// How often the gate tries to write a message or blob.
const TRIES: u32 = 3;

/// The share of a request's time that is reserved for the queue, and the maximum.
const RESERVED_SHARE: u32 = 4;
const MAX_RESERVED: Duration = Duration::from_secs(2);

/// How much of a request's time not to spend on ACS, so that some remains for the queue.
pub fn reserved(time_budget: Duration) -> Duration {
    (time_budget / RESERVED_SHARE).min(MAX_RESERVED)
}

impl From<TokenError> for StorageError {
    fn from(error: TokenError) -> Self {
        match error {
            TokenError::Refused { code, .. } => Self::Identity { code },
            TokenError::Assertion => Self::Identity { code: None },
            TokenError::Denied => Self::Denied,
            TokenError::Unavailable { .. } => Self::Unreachable,
        }
    }
}

impl From<FetchError> for StorageError {
    fn from(error: FetchError) -> Self {
        match error {
            FetchError::Denied => Self::Denied,
            FetchError::Timeout => Self::Timeout,
            FetchError::Unreachable => Self::Unreachable,
            FetchError::Garbled => Self::Garbled,
        }
    }
}

/// Everything needed to write to the queue.
#[derive(Debug)]
pub struct Client<'a, H> {
    /// The host.
    pub host: &'a H,
    /// The queue's address.
    pub overflow: &'a Overflow,
    /// How the gate authenticates to it.
    pub credential: &'a StorageCredential,
    /// The key that signs letters.
    pub key: &'a Key,
    /// The instance's tokens.
    pub tokens: &'a TokenCache,
}

impl<H: Sending> Client<'_, H> {
    /// Signs a letter and puts it into the queue. If it is too large, its body goes into a blob first, which belongs to
    /// this message alone.
    ///
    /// If the answer gets lost and the gate puts it again, there are two letters for one operation, which are one mail.
    ///
    /// # Errors
    /// If the queue did not confirm it within the budget.
    pub async fn keep(&self, letter: Letter, budget: Duration) -> Result<(), StorageError> {
        let end = self.host.monotonic().saturating_add(budget);
        let letter = letter.sealed(self.key);
        let text = match letter.encode() {
            Some(text) => text,
            None => {
                let blob = blob_name(letter.head.operation, self.host.random());
                self.write(&put_blob(&self.overflow.container.uri(&format!("/{blob}")), &letter.body), end).await?;
                let head = Head { blob: Some(blob), ..letter.head };
                let pointer = Letter { head, ..letter }.sealed(self.key);
                Letter { body: Bytes::new(), ..pointer }.encode().unwrap_or_default()
            }
        };
        self.write(&put_message(&self.overflow.queue, &text), end).await
    }

    /// Makes a request, and repeats it if that may help.
    async fn write(&self, request: &Request<Bytes>, end: Duration) -> Result<(), StorageError> {
        let mut tries = 1;
        loop {
            let left = end.saturating_sub(self.host.monotonic());
            // Enough time for another try must remain after this one.
            let timeout = if tries < TRIES { left / 2 } else { left };
            let error = match self.call(request.clone(), timeout).await {
                Ok(answer) if answer.status() == StatusCode::CREATED => return Ok(()),
                Ok(answer) => refusal(&answer),
                Err(error) => error,
            };
            let pause = wait(tries, self.host.random());
            if tries == TRIES || !error.is_temporary() || pause >= end.saturating_sub(self.host.monotonic()) {
                return Err(error);
            }
            self.host.sleep(pause).await;
            tries += 1;
        }
    }

    async fn call(&self, request: Request<Bytes>, timeout: Duration) -> Result<Response<Bytes>, StorageError> {
        let request = self.credential.prove(self.host, self.tokens, request, timeout).await?;
        Ok(self.host.fetch(request, timeout).await?)
    }
}

/// What Azure Storage says about a request that it rejected.
pub fn refusal(answer: &Response<Bytes>) -> StorageError {
    let code = answer.headers().get("x-ms-error-code").and_then(|code| plain_code(code.to_str().ok()?));
    StorageError::Answer { status: answer.status().as_u16(), code }
}

/// The request that puts a text into a queue, without authentication. The text is base64, so it needs no escaping. The
/// message never expires; by default it would after seven days.
pub fn put_message(queue: &StorageAddress, text: &str) -> Request<Bytes> {
    let xml = format!("<QueueMessage><MessageText>{text}</MessageText></QueueMessage>");
    let mut request = write(Method::POST, &queue.uri("/messages?messagettl=-1"), Bytes::from(xml));
    request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/xml"));
    request
}

/// The request that writes a blob, without authentication.
fn put_blob(blob: &Uri, body: &Bytes) -> Request<Bytes> {
    let mut request = write(Method::PUT, blob, body.clone());
    let headers = request.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert("x-ms-blob-type", HeaderValue::from_static("BlockBlob"));
    request
}

fn write(method: Method, address: &Uri, body: Bytes) -> Request<Bytes> {
    let length = HeaderValue::from(body.len());
    let mut request = Request::new(body);
    *request.method_mut() = method;
    *request.uri_mut() = address.clone();
    request.headers_mut().insert(CONTENT_LENGTH, length);
    request
}
