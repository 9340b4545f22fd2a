//! The core, natively: every step through its public interface, with a scripted host.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail loudly")]

mod addresses;
mod attachments;
mod batches;
mod captchas;
mod confirmation;
mod contracts;
mod delivery;
mod deploy;
mod docs;
mod envelopes;
mod flow;
mod forms;
mod guards;
mod identity;
mod inquiry;
mod lint;
mod openapi;
mod origins;
mod outbound;
mod overflow;
mod policy;
mod presets;
mod repeats;
mod scaling;
mod schemes;
mod settings;
mod signature;
mod signed;
mod staging;
mod support;
mod tenants;
mod trace;
mod violations;
mod visitors;
mod webhooks;
