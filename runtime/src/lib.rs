//! The embedded WebAssembly host: runs the Postern component behind an HTTP server, inside fixed limits.
//!
//! A [`Host`] has the engine and the current component; a [`Server`] serves it on a socket. The guest gets its
//! settings, the directory [`POLICY_DIRECTORY`] and others to read, and HTTP to the origins that it was given. It has
//! no other file, no other network and no inherited environment.

mod answer;
mod cache;
mod guest;
mod host;
mod instance;
mod limits;
mod log;
mod names;
mod origin;
mod outbound;
mod peers;
mod prune;
mod seal;
mod section;
mod server;
mod tape;
mod variables;

pub use answer::ResponseBody;
pub use cache::{Cache, CacheError};
pub use guest::{Guest, POLICY_DIRECTORY};
pub use host::{Host, HostError, LoadError};
pub use limits::Limits;
pub use log::{Event, Log};
pub use names::{NamesError, exports, imports};
pub use origin::{Origin, OriginError};
pub use seal::{SEAL_INSTRUCTIONS, SealError, Sealed, seal, seal_within};
pub use section::{add_section, find_section};
pub use server::{BindError, Server};
