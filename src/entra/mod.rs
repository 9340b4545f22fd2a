//! Microsoft Entra ID: tokens by which the gate proves itself, instead of keys.

mod cache;
mod identity;
mod token;

pub use cache::{ATTEMPT_PAUSE, TokenCache};
pub use identity::{Assertion, IMDS, Identity, PUBLIC_AUTHORITY, setting};
pub use token::{REFRESH_BEFORE, Token, TokenError};
