//! The api-versions that the emulator supports, and their differences.

use http::Uri;
use serde::{Serialize, Serializer};

use crate::acs::refusal::Refusal;

/// A supported value of the `api-version` query parameter.
///
/// Source: the REST descriptions in `Azure/azure-rest-api-specs`, one folder per version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ApiVersion {
    /// `2023-03-31`, the first stable version: no `contentId`.
    V2023_03_31,
    /// `2024-07-01-preview`, which added `attachments[].contentId`.
    V2024_07_01Preview,
    /// `2025-09-01`, the newest stable version.
    V2025_09_01,
}

impl ApiVersion {
    /// Every supported version, oldest first.
    pub const ALL: [ApiVersion; 3] = [ApiVersion::V2023_03_31, ApiVersion::V2024_07_01Preview, ApiVersion::V2025_09_01];

    /// The value as written in a URL.
    pub fn as_str(self) -> &'static str {
        match self {
            ApiVersion::V2023_03_31 => "2023-03-31",
            ApiVersion::V2024_07_01Preview => "2024-07-01-preview",
            ApiVersion::V2025_09_01 => "2025-09-01",
        }
    }

    /// Whether attachments may carry a `contentId`.
    pub(crate) fn has_content_id(self) -> bool {
        self != ApiVersion::V2023_03_31
    }

    /// The version that a request asks for. Two values count as one unknown version.
    pub(crate) fn of(uri: &Uri) -> Result<ApiVersion, Refusal> {
        let query = uri.query().unwrap_or_default();
        let asked: Vec<_> = form_urlencoded::parse(query.as_bytes())
            .filter(|(name, _)| name == "api-version")
            .map(|(_, value)| value)
            .collect();
        let asked = asked.join(",");
        if asked.is_empty() {
            return Err(Refusal::VersionMissing);
        }
        ApiVersion::ALL.into_iter().find(|version| version.as_str() == asked).ok_or(Refusal::VersionUnknown(asked))
    }

    /// All versions, comma-separated, for error texts and the `api-supported-versions` header.
    pub(crate) fn list() -> String {
        ApiVersion::ALL.map(ApiVersion::as_str).join(", ")
    }
}

impl Serialize for ApiVersion {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}
