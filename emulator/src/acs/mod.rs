//! The emulated service: what ACS Email accepts, refuses and answers. Nothing here knows HTTP routes or the store.

pub(crate) mod bearer;
pub(crate) mod body;
pub(crate) mod email;
pub(crate) mod operation;
pub(crate) mod quota;
pub(crate) mod refusal;
pub(crate) mod sender;
pub(crate) mod signature;
pub(crate) mod suppression;
pub(crate) mod validate;
pub(crate) mod version;
