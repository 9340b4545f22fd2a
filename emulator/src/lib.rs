//! A local emulator of Azure Communication Services Email.
//!
//! It speaks the REST interface (`POST /emails:send`, `GET /emails/operations/{id}`), checks every signature, stores
//! the mails that it accepts, and fails on demand. Nothing leaves the machine.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use postern_emulator::{Config, Effect, Emulator, Fault};
//!
//! let emulator = Emulator::bind(([127, 0, 0, 1], 0).into(), Config::default()).await?;
//! let settings = emulator.connection_string(); // for the client under test
//! let store = emulator.store();
//! tokio::spawn(emulator.serve(std::future::pending()));
//!
//! store.fault(Fault::next(Effect::status(503)).for_recipient("ops@contoso.example"));
//! // … send mails …
//! assert_eq!(store.messages().len(), 1);
//! # Ok(())
//! # }
//! ```
//!
//! Besides the two calls of ACS, it answers:
//!
//! | call | does |
//! |---|---|
//! | `GET /` | inbox and studio, a page for people |
//! | `GET /studio/…` | the studio, where there is one ([`Emulator::with_studio`]) |
//! | `GET /api/messages[?limit=N&offset=N&search=…&sender=…&route=…&purpose=…&status=…]` | the messages wanted, newest first |
//! | `GET /api/messages/{id}` | one message with operation, deliveries, reports, checks, the raw request and the gate's audit line |
//! | `GET /api/messages/{id}/html` | its HTML body, as a page that can run and load nothing |
//! | `GET /api/messages/{id}/attachments/{n}` | an attachment, to be saved |
//! | `DELETE /api/messages` | forgets messages, operations and attempts |
//! | `GET /api/changes?after=N[&within=MS]` | `{revision}`, at once if it is not `N`, else when something changes, or after 25 s or `MS` |
//! | `GET /api/reports` | `{validated, complaints, reports}`: delivery reports and their tries, newest first |
//! | `GET /api/attempts` | every send seen, refused and lost ones included, newest first |
//! | `GET`, `POST`, `DELETE /api/faults` | lists, adds ([`Fault`] as JSON), forgets faults |
//! | `GET`, `POST`, `DELETE /api/suppressions` | lists, adds (`{"address": …}`), forgets suppressed addresses |
//!
//! Messages and suppressed addresses are in memory, up to a limit, and also in a file if [`Config::data`] names a
//! directory. Faults, attempts and quotas last only for one run.
//!
//! A mail to a recipient whose address starts with `bounce@`, `suppressed@`, `quarantine@`, `spam@` or `slow@` (with or
//! without a `+tag`) ends that way; the emulator accepts it all the same.

mod acs;
mod clock;
mod config;
mod faults;
mod inbox;
mod reports;
mod resource;
mod store;
mod tls;
mod wire;

use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use axum::Router;
use thiserror::Error;
use tokio::net::TcpListener;

use crate::reports::{Dispatcher, Subscription};
use crate::resource::Resource;

pub use crate::acs::bearer::BearerCheck;
pub use crate::acs::email::{Address, Attachment, Content, Email, Recipients};
pub use crate::acs::operation::{Delivery, DeliveryStatus, Failure, Operation, RepeatAnswer, Status};
pub use crate::acs::quota::{Limit, Meter, Quota};
pub use crate::acs::sender::Senders;
pub use crate::acs::signature::{AccessKey, AccessKeyError, CLOCK_TOLERANCE, DEVELOPMENT_KEY};
pub use crate::acs::suppression::Suppression;
pub use crate::acs::version::ApiVersion;
pub use crate::clock::Clock;
pub use crate::config::{Config, EventSchema, Webhook};
pub use crate::faults::{Call, Effect, Fault};
pub use crate::inbox::own_file;
pub use crate::reports::{DROPPED_ON, LIFETIME, RETRY_AFTER, TRIES};
pub use crate::store::Store;
pub use crate::store::archive::ArchiveError;
pub use crate::store::attempt::Attempt;
pub use crate::store::message::{Message, RawRequest};
pub use crate::store::report::{Push, Report, ReportState};
pub use crate::tls::{Tls, TlsError};
pub use crate::wire::{ConnectionReset, InProcess};
pub use uuid::Uuid;

/// An emulator that listens; [`Emulator::serve`] starts to serve.
#[derive(Debug)]
pub struct Emulator {
    listener: TcpListener,
    address: SocketAddr,
    resource: Arc<Resource>,
    studio: Router,
}

/// Why an emulator could not listen.
#[derive(Debug, Error)]
pub enum BindError {
    /// Another program listens there.
    #[error("{0} is in use; stop the program that listens there, or choose another port")]
    InUse(SocketAddr),
    /// The system reported another error.
    #[error("cannot listen on {address}: {source}")]
    Other {
        /// The requested address.
        address: SocketAddr,
        /// The system's error.
        source: io::Error,
    },
    /// What an earlier emulator stored cannot be read.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
}

impl Emulator {
    /// Listens on `address`; port 0 lets the system choose.
    ///
    /// # Errors
    /// If the address is in use, or not this machine's, or not allowed, or if the data directory cannot be used.
    pub async fn bind(address: SocketAddr, config: Config) -> Result<Emulator, BindError> {
        let failed = |source: io::Error| match source.kind() {
            io::ErrorKind::AddrInUse => BindError::InUse(address),
            _ => BindError::Other { address, source },
        };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let store = Store::open(&config)?;
        let port = address.port();
        let resource = Resource { config, store, port, validation_code: Uuid::new_v4() };
        Ok(Emulator { listener, address, resource: Arc::new(resource), studio: inbox::without_studio() })
    }

    /// Adds routes below `/studio`, protected from other sites' pages like the inbox. `GET /studio/studio.js` is the
    /// module that fills the page's studio: its `start` gets the element to fill, and returns an object with
    /// `show(fragment)`, called with the address's fragment when the studio comes into view, and `refresh()`, called
    /// after any change. Without such routes, the page says what the studio needs.
    #[must_use]
    pub fn with_studio(self, routes: Router) -> Emulator {
        Emulator { studio: routes, ..self }
    }

    /// The address it listens on.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// The endpoint for clients on this machine, such as `http://127.0.0.1:3001`.
    pub fn endpoint(&self) -> String {
        let ip = match self.address.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
            ip => ip,
        };
        format!("{}://{}", self.resource.scheme(), SocketAddr::new(ip, self.address.port()))
    }

    /// Endpoint and access key in the format that the Azure portal shows. It contains the key.
    pub fn connection_string(&self) -> String {
        let key = self.resource.config.access_key.reveal();
        format!("endpoint={}/;accesskey={key}", self.endpoint())
    }

    /// A handle on everything that the emulator remembers; it works before, during and after serving.
    pub fn store(&self) -> Store {
        self.resource.store.clone()
    }

    /// The emulator for clients in the same process, without a socket.
    pub fn in_process(&self) -> InProcess {
        InProcess::new(wire::router(Arc::clone(&self.resource), self.address, self.studio.clone()))
    }

    /// Serves until `shutdown` completes; open calls then have two seconds to finish.
    ///
    /// # Errors
    /// If there is a webhook for delivery reports and TLS cannot be set up for it.
    pub async fn serve(self, shutdown: impl Future<Output = ()> + Send + 'static) -> io::Result<()> {
        match self.dispatcher()? {
            Some(dispatcher) => tokio::select! {
                never = dispatcher => match never {},
                ended = self.listen(shutdown) => ended,
            },
            None => self.listen(shutdown).await,
        }
    }

    /// Pushes delivery reports, if there is a webhook for them.
    fn dispatcher(&self) -> io::Result<Option<impl Future<Output = Infallible> + use<>>> {
        let Some(webhook) = &self.resource.config.reports else {
            return Ok(None);
        };
        let code = self.resource.validation_code;
        let confirmation = format!("{}/api/reports/validate?code={code}", self.endpoint());
        let subscription = Subscription { webhook: webhook.clone(), code, confirmation };
        let dispatcher = Dispatcher::new(self.store(), Arc::new(subscription)).map_err(io::Error::other)?;
        Ok(Some(dispatcher.serve(self.store().accepted())))
    }

    async fn listen(self, shutdown: impl Future<Output = ()> + Send + 'static) -> io::Result<()> {
        let tls = self.resource.config.tls.as_ref().map(|tls| tls.acceptor().clone());
        let router = wire::router(self.resource, self.address, self.studio);
        wire::serve(self.listener, tls, router, shutdown).await
    }
}
