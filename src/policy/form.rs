//! `[routes.NAME.form]`: options for visitors, and guards against robots.

use std::time::Duration;

use super::diagnostic::Place;
use crate::setting::SettingName;

/// A form's options for visitors, and its guards; empty for events.
#[derive(Debug, Default)]
pub struct Form {
    /// Whether to accept a request with neither `Origin` nor `Referer`.
    pub allow_missing_origin: bool,
    /// Where a browser goes if something is wrong; if absent, it gets a page of the gate.
    pub error_redirect: Option<String>,
    /// The form services whose control fields the gate understands.
    pub conventions: Vec<&'static Convention>,
    /// The name of the honeypot, a field that people do not see.
    pub honeypot: Option<Honeypot>,
    /// A form token: how long a page must and may have been open.
    pub token: Option<TokenGuard>,
    /// A proof of work that a browser must compute.
    pub proof_of_work: Option<ProofOfWorkGuard>,
    /// A third-party captcha.
    pub captcha: Option<CaptchaGuard>,
    /// A link by which the visitor confirms the form.
    pub confirmation: Option<ConfirmationGuard>,
    /// The files that the form accepts.
    pub attachments: Option<Attachments>,
}

/// A honeypot: a field that people do not see.
#[derive(Debug)]
pub struct Honeypot {
    /// The field's name.
    pub name: String,
    /// Where the policy names it.
    pub place: Place,
}

/// The files that a form accepts.
#[derive(Debug)]
pub struct Attachments {
    /// The types.
    pub types: Vec<&'static FileType>,
    /// The most files.
    pub max_count: usize,
    /// The most bytes of all files together.
    pub max_bytes: usize,
}

/// The most bytes of files that fit into ACS's 10 MB in base64, with room for the mail itself.
pub const MAX_ATTACHMENT_BYTES: usize = 7 * 1000 * 1000;

/// The rest of a form's body: its fields, boundaries and names.
const ROOM_FOR_FIELDS: usize = 64 * 1024;

/// A form token: how long a page must and may have been open.
#[derive(Debug)]
pub struct TokenGuard {
    /// The setting that contains the key.
    pub key: SettingName,
    /// The least time.
    pub min_age: Duration,
    /// The most time.
    pub max_age: Duration,
}

/// A proof of work that a browser must compute.
#[derive(Debug)]
pub struct ProofOfWorkGuard {
    /// The setting that contains the key.
    pub key: SettingName,
    /// The most numbers that a browser must try.
    pub max_number: u32,
    /// How long a challenge is valid.
    pub max_age: Duration,
}

/// A link by which the visitor confirms the form.
#[derive(Debug)]
pub struct ConfirmationGuard {
    /// The setting that contains the key.
    pub key: SettingName,
    /// The setting that contains the gate's own address: [`PUBLIC_URL`].
    pub base: SettingName,
    /// How long a link is valid at least; at most, it is valid for twice as long.
    pub max_age: Duration,
    /// Where a browser goes after the visitor confirmed the form.
    pub thanks: Option<String>,
}

/// The setting that contains the address under which visitors reach the gate. It must not come from a header: otherwise
/// whoever sends a form could choose where the link in a mail leads.
pub const PUBLIC_URL: &str = "public_url";

/// What a form's setting contains.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holds {
    /// A key that the gate uses for its own tokens.
    Key,
    /// A secret of a third party.
    Secret,
    /// The gate's own address.
    Address,
}

/// A third-party captcha.
#[derive(Debug)]
pub struct CaptchaGuard {
    /// The service.
    pub service: &'static Service,
    /// The setting that contains its secret.
    pub secret: SettingName,
    /// The sites on which it may have been solved.
    pub hostnames: Vec<String>,
    /// The action for which it must have been solved.
    pub action: Option<String>,
    /// The minimum score; for services that give one.
    pub min_score: f64,
    /// Whether to accept forms while the service is down.
    pub admit_on_failure: bool,
}

impl Form {
    /// Whether only a page's script can satisfy the guards.
    pub const fn needs_script(&self) -> bool {
        self.proof_of_work.is_some() || self.captcha.is_some()
    }

    /// The settings that the guards need, and what each contains.
    pub fn settings(&self) -> Vec<(&SettingName, Holds)> {
        let token = self.token.iter().map(|guard| (&guard.key, Holds::Key));
        let proof = self.proof_of_work.iter().map(|guard| (&guard.key, Holds::Key));
        let captcha = self.captcha.iter().map(|guard| (&guard.secret, Holds::Secret));
        let links = self.confirmation.iter();
        let links = links.flat_map(|guard| [(&guard.key, Holds::Key), (&guard.base, Holds::Address)]);
        token.chain(proof).chain(captcha).chain(links).collect()
    }
}

impl Attachments {
    /// The most bytes of a body with these files.
    pub const fn body_limit(&self) -> usize {
        self.max_bytes + ROOM_FOR_FIELDS
    }
}

/// The most fields a form may have.
pub const MAX_FIELDS: usize = 200;

/// A file type that a policy may allow.
#[derive(Debug, PartialEq, Eq)]
pub struct FileType {
    /// The name in policies.
    pub name: &'static str,
    /// The media type in mails.
    pub content_type: &'static str,
    /// The extensions of such a file's name, in lower case; the usual one first.
    pub extensions: &'static [&'static str],
    /// What its content must be.
    pub content: Content,
}

const DOCX: &str = "application/vnd.openxmlformats-officedocument.wordprocessingml.document";
const XLSX: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
const PPTX: &str = "application/vnd.openxmlformats-officedocument.presentationml.presentation";
const ODT: &str = "application/vnd.oasis.opendocument.text";
const ODS: &str = "application/vnd.oasis.opendocument.spreadsheet";
const ODP: &str = "application/vnd.oasis.opendocument.presentation";
const TXT: &str = "text/plain; charset=utf-8";
const CSV: &str = "text/csv; charset=utf-8";

/// Every file type that a policy may allow. Nothing that can run, on a computer or in a browser, is among them: no
/// program, no script, no HTML, no SVG, no macro. The extensions are those of IANA's registrations and of mime-db, which
/// browsers follow, those that Chrome offers for `accept="image/jpeg"`, and `hif`, which cameras use.
pub const FILE_TYPES: [FileType; 14] = [
    FileType { name: "pdf", content_type: "application/pdf", extensions: &["pdf"], content: Content::Pdf },
    FileType { name: "png", content_type: "image/png", extensions: &["png"], content: Content::Png },
    FileType {
        name: "jpeg",
        content_type: "image/jpeg",
        extensions: &["jpg", "jpeg", "jpe", "jfif", "pjpeg", "pjp"],
        content: Content::Jpeg,
    },
    FileType { name: "gif", content_type: "image/gif", extensions: &["gif"], content: Content::Gif },
    FileType { name: "webp", content_type: "image/webp", extensions: &["webp"], content: Content::Webp },
    FileType { name: "heic", content_type: "image/heic", extensions: &["heic", "heif", "hif"], content: Content::Heif },
    FileType { name: "docx", content_type: DOCX, extensions: &["docx"], content: Content::Office("word/") },
    FileType { name: "xlsx", content_type: XLSX, extensions: &["xlsx"], content: Content::Office("xl/") },
    FileType { name: "pptx", content_type: PPTX, extensions: &["pptx"], content: Content::Office("ppt/") },
    FileType { name: "odt", content_type: ODT, extensions: &["odt"], content: Content::OpenDocument(ODT) },
    FileType { name: "ods", content_type: ODS, extensions: &["ods"], content: Content::OpenDocument(ODS) },
    FileType { name: "odp", content_type: ODP, extensions: &["odp"], content: Content::OpenDocument(ODP) },
    FileType { name: "txt", content_type: TXT, extensions: &["txt"], content: Content::Text },
    FileType { name: "csv", content_type: CSV, extensions: &["csv"], content: Content::Text },
];

/// What a file's content may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    /// A document in PDF (ISO 32000-2, 7.5.2).
    Pdf,
    /// A picture in PNG (RFC 2083, 3.1).
    Png,
    /// A picture in JPEG (ISO/IEC 10918-1, B.1.1.3), whether JFIF or Exif.
    Jpeg,
    /// A picture in GIF.
    Gif,
    /// A picture in WebP.
    Webp,
    /// A picture in HEIF that is coded in HEVC (ISO/IEC 23008-12).
    Heif,
    /// A package of Office Open XML (ECMA-376, parts 1 and 2) whose document is in this folder.
    Office(&'static str),
    /// A package of OpenDocument (part 2: Packages) of this media type.
    OpenDocument(&'static str),
    /// Text for people.
    Text,
}

/// The most files a form may have, whatever its route says.
pub const MAX_FILES: usize = 10;

/// A captcha service.
#[derive(Debug, PartialEq, Eq)]
pub struct Service {
    /// The name in policies.
    pub name: &'static str,
    /// The field of a form that contains the visitor's solution.
    pub field: &'static str,
    /// The address that verifies solutions.
    pub address: &'static str,
    /// Whether the service accepts an event id, by which it recognises a solution that it is asked about again.
    pub takes_event_id: bool,
    /// Whether the service says for which action the captcha was solved.
    pub has_action: bool,
    /// Whether the service gives a score between 0 (a robot) and 1 (a person).
    pub has_score: bool,
}

impl Service {
    /// Scheme and host of the address, as lists of allowed servers contain them.
    pub fn origin(&self) -> &'static str {
        let end = self.address.match_indices('/').nth(2).map_or(self.address.len(), |(place, _)| place);
        self.address.get(..end).unwrap_or(self.address)
    }
}

/// Every service. Sources: developers.cloudflare.com/turnstile, docs.hcaptcha.com,
/// developers.google.com/recaptcha/docs/verify.
pub const SERVICES: [Service; 4] = [
    Service {
        name: "turnstile",
        field: "cf-turnstile-response",
        address: "https://challenges.cloudflare.com/turnstile/v0/siteverify",
        takes_event_id: true,
        has_action: true,
        has_score: false,
    },
    Service {
        name: "hcaptcha",
        field: "h-captcha-response",
        address: "https://api.hcaptcha.com/siteverify",
        takes_event_id: false,
        has_action: false,
        has_score: false,
    },
    Service {
        name: "recaptcha-v2",
        field: "g-recaptcha-response",
        address: "https://www.google.com/recaptcha/api/siteverify",
        takes_event_id: false,
        has_action: false,
        has_score: false,
    },
    Service {
        name: "recaptcha-v3",
        field: "g-recaptcha-response",
        address: "https://www.google.com/recaptcha/api/siteverify",
        takes_event_id: false,
        has_action: true,
        has_score: true,
    },
];

/// The fields that captcha widgets add to a form, and the widgets, whichever guard the route has: a page may have another
/// one, or more than one. Left out unless the schema names them. Sources: the widgets' own documentation.
pub const WIDGET_FIELDS: [(&str, &str); 9] = [
    ("g-recaptcha-response", "reCAPTCHA, and hCaptcha's for pages that were written for it"),
    ("h-captcha-response", "hCaptcha"),
    ("cf-turnstile-response", "Turnstile"),
    (PROOF_FIELD, "ALTCHA"),
    ("frc-captcha-solution", "Friendly Captcha, version 1"),
    ("frc-captcha-response", "Friendly Captcha, version 2"),
    ("procaptcha-response", "Prosopo Procaptcha"),
    ("private-captcha-solution", "Private Captcha"),
    ("mtcaptcha-verifiedtoken", "MTCaptcha"),
];

/// The control fields of a form service. Any other field is an ordinary one.
#[derive(Debug, PartialEq, Eq)]
pub struct Convention {
    /// The name in policies.
    pub name: &'static str,
    /// The honeypot, a field that people do not see: if it is filled in, a robot did it.
    pub honeypot: &'static str,
    /// The field that says where to go afterwards.
    pub next: Option<&'static str>,
    /// Left out unless the schema names them, because only then does the policy know what to do with them.
    pub offered: &'static [&'static str],
    /// Left out, and reported as ignored.
    pub ignored: &'static [&'static str],
}

/// Every convention. Sources: `formspree/formspree` and `formspree-js`; formsubmit.co, as public pages
/// use it; docs.web3forms.com; docs.netlify.com/forms.
pub const CONVENTIONS: [Convention; 4] = [
    Convention {
        name: "formspree",
        honeypot: "_gotcha",
        next: Some("_next"),
        offered: &["_subject", "_replyto"],
        ignored: &["_cc", "_format", "_language"],
    },
    Convention {
        name: "formsubmit",
        honeypot: "_honey",
        next: Some("_next"),
        offered: &["_subject", "_replyto"],
        ignored: &["_autoresponse", "_blacklist", "_captcha", "_cc", "_template", "_url", "_webhook"],
    },
    Convention {
        name: "web3forms",
        honeypot: "botcheck",
        next: Some("redirect"),
        offered: &["subject", "replyto", "from_name"],
        ignored: &["access_key", "ccemail", "webhook"],
    },
    Convention { name: "netlify", honeypot: "bot-field", next: None, offered: &["subject"], ignored: &["form-name"] },
];

/// The field of a form that contains the token.
pub const TOKEN_FIELD: &str = "form_token";

/// The field of a form that contains the solution.
pub const PROOF_FIELD: &str = "altcha";

/// The name of the link in the verification mail's templates.
pub const CONFIRMATION_LINK: &str = "confirmation_link";
