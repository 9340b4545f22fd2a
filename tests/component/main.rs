//! The built component in a real runtime, in every flavour, behind a real socket, against the ACS emulator.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test may fail loudly")]

mod azure;
mod batch;
mod connection;
mod corpus;
mod delivery;
mod flavour;
mod flow;
mod hostile;
mod identity;
mod interface;
mod jco;
mod reports;
mod seal;
mod stand;
mod upload;
