//! What a mail is for: a closed list without a word for marketing.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The purposes that ACS is meant for. Postern does not send mail that fits none of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case", try_from = "String")]
pub enum Purpose {
    /// Informs a team that someone did something, such as filling in a form.
    Notification,
    /// Confirms to the person who did something that it arrived.
    Acknowledgement,
    /// Informs people on duty that something needs attention.
    Alert,
    /// Confirms an order, a booking or a change to the person who made it.
    Confirmation,
    /// Proves that an address belongs to the person who gave it.
    Verification,
    /// Moves a business process on, such as an approval.
    Workflow,
}

/// The text is not a purpose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PurposeError(String);

/// Words for mail that Postern is not for. Whoever writes one learns that the list omits it deliberately.
const MARKETING: [&str; 7] =
    ["advertising", "announcement", "campaign", "marketing", "newsletter", "promotion", "promotional"];

impl Purpose {
    /// All purposes.
    pub const ALL: [Self; 6] = [
        Self::Notification,
        Self::Acknowledgement,
        Self::Alert,
        Self::Confirmation,
        Self::Verification,
        Self::Workflow,
    ];

    /// The purpose's name in policies and audit lines.
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

impl TryFrom<String> for Purpose {
    type Error = PurposeError;

    fn try_from(text: String) -> Result<Self, PurposeError> {
        Self::ALL.into_iter().find(|purpose| purpose.as_str() == text).ok_or(PurposeError(text))
    }
}

impl fmt::Display for PurposeError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "`{}` is not a purpose", self.0)?;
        if MARKETING.contains(&self.0.as_str()) {
            out.write_str(": Postern is for system mail, not for marketing")?;
        }
        write!(out, ". Purposes are: {}", Purpose::ALL.map(Purpose::as_str).join(", "))
    }
}
