//! Microsoft Entra ID: tokens with which the gate authenticates, instead of keys.

mod cache;
mod identity;
mod token;

pub use cache::{ATTEMPT_PAUSE, TokenCache};
pub(crate) use identity::authority;
pub use identity::{Assertion, IMDS, Identity, PUBLIC_AUTHORITY, setting};
pub use token::{REFRESH_BEFORE, Token, TokenError};
