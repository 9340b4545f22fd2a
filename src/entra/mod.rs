//! Microsoft Entra ID: tokens by which the gate proves itself, instead of keys.

mod cache;
mod identity;
mod token;

pub use cache::{ATTEMPT_PAUSE, REFRESH_BEFORE, TokenCache};
pub use identity::{Assertion, IMDS, Identity, PUBLIC_AUTHORITY, Secret, setting};
pub use token::{Token, TokenError};
