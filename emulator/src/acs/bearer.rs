//! Microsoft Entra tokens: the emulator issues none, so its caller decides which ones to accept.

use std::fmt;
use std::sync::Arc;

/// A check for bearer tokens. The default refuses every token.
#[derive(Clone)]
pub struct BearerCheck(Arc<dyn Fn(&str) -> bool + Send + Sync>);

impl BearerCheck {
    /// Accepts the tokens for which `accepts` is true. It gets the text after `Bearer `.
    pub fn new(accepts: impl Fn(&str) -> bool + Send + Sync + 'static) -> BearerCheck {
        BearerCheck(Arc::new(accepts))
    }

    pub(crate) fn accepts(&self, token: &str) -> bool {
        (self.0)(token)
    }
}

impl Default for BearerCheck {
    fn default() -> BearerCheck {
        BearerCheck::new(|_| false)
    }
}

impl fmt::Debug for BearerCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BearerCheck")
    }
}
