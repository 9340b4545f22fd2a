//! What a mail is for: a closed list that has no word for marketing.

use serde::{Deserialize, Serialize};

/// The purposes ACS is meant for. A mail that fits none of them does not belong here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Purpose {
    /// Tells a team that someone did something, such as filling in a form.
    Notification,
    /// Tells the person who did something that it arrived.
    Acknowledgement,
    /// Tells people on duty that something needs attention.
    Alert,
    /// Confirms an order, a booking or a change to the person who made it.
    Confirmation,
    /// Proves that an address belongs to the person who gave it.
    Verification,
    /// Moves a business process on, such as an approval.
    Workflow,
}

impl Purpose {
    /// The word used in policies and audit lines.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Notification => "notification",
            Self::Acknowledgement => "acknowledgement",
            Self::Alert => "alert",
            Self::Confirmation => "confirmation",
            Self::Verification => "verification",
            Self::Workflow => "workflow",
        }
    }
}
