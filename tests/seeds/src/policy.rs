//! The policy that all inputs are for: the repository's example, every preset, a route for each kind of sender, and
//! routes with what is dear to decode, to check and to write. One policy, so that one component answers everything.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::LazyLock;

use postern::policy::{Files, Policy};

use crate::senders;

/// What routes for [`decode`](DECODE_SECRET) are shown.
pub const DECODE_SECRET: &str = "s3cret";

/// The secret of every other route whose scheme takes any text; a name and a password for those that want one.
const SECRET: &str = "canary-name:canary-password";

/// The secrets of schemes that want another.
const OTHER_SECRETS: [(&str, &str); 2] =
    [("hooks_secret", "whsec_Y2FuYXJ5LXNlY3JldC1vZi1ob29rcw=="), ("decode_secret", DECODE_SECRET)];

/// Routes beside those of the repository's example and of all presets.
const ROUTES: &str = r#"
[routes.guarded]
path = "/guarded"
kind = "form"
schema = "contact"
origins = ["https://www.contoso.example"]
[routes.guarded.form]
allow_missing_origin = true
error_redirect = "https://www.contoso.example/sorry?x=1#form"
token = { key = "form_key", min_seconds = 3, max_seconds = 600 }
proof_of_work = { key = "form_key", max_number = 50, max_seconds = 600 }
[[routes.guarded.mails]]
template = "contact-notify"
sender = "website"
purpose = "notification"
to = ["sales@contoso.example"]

[routes.captcha]
path = "/captcha"
kind = "form"
schema = "contact"
origins = ["https://www.contoso.example"]
[routes.captcha.form]
honeypot = "feedback_note"
conventions = ["formspree", "formsubmit", "web3forms", "netlify"]
captcha = { service = "turnstile", secret = "captcha_secret" }
[[routes.captcha.mails]]
template = "contact-notify"
sender = "website"
purpose = "notification"
to = ["sales@contoso.example"]
reply_to = { field = "/email", name = "/name" }

[routes.files]
path = "/files"
kind = "form"
schema = "contact"
origins = ["https://*.contoso.example"]
[routes.files.form]
attachments = { types = ["pdf", "png", "jpeg", "docx", "txt", "csv"], max_count = 2, max_bytes = 4096 }
[[routes.files.mails]]
template = "contact-notify"
sender = "website"
purpose = "notification"
to = ["sales@contoso.example"]
attachments = true

[routes.upload]
path = "/upload"
kind = "form"
schema = "contact"
origins = ["https://www.contoso.example"]
[routes.upload.form.attachments]
types = ["pdf", "png", "jpeg", "gif", "webp", "heic", "docx", "xlsx", "odt", "ods", "txt", "csv"]
max_bytes = 1000000
[[routes.upload.mails]]
template = "contact-notify"
sender = "website"
purpose = "notification"
to = ["sales@contoso.example"]
attachments = true

[routes.news]
path = "/news"
kind = "form"
schema = "contact"
origins = ["https://www.contoso.example"]
[routes.news.form]
confirmation = { key = "form_key", max_seconds = 86400 }
[[routes.news.mails]]
template = "please-confirm"
sender = "website"
purpose = "verification"
to = { field = "/email" }
[[routes.news.mails]]
template = "contact-notify"
sender = "website"
purpose = "notification"
to = ["sales@contoso.example"]

[routes.hooks]
path = "/hooks"
kind = "event"
auth = { scheme = "standard-webhooks", secret = "hooks_secret" }
schema = "hook"
[[routes.hooks.mails]]
template = "hook"
sender = "alerts"
purpose = "workflow"
to = { field = "/to", allow = ["contoso.example"] }

[routes.cloud]
path = "/cloud"
kind = "event"
auth = { scheme = "bearer", secret = "cloud_secret" }
envelope = "cloudevents"
handshake = { protocol = "cloudevents", origin = "events.contoso.example" }
schema = "event"
[[routes.cloud.mails]]
template = "hook"
sender = "alerts"
purpose = "alert"
to = ["oncall@contoso.example", "second@contoso.example"]

[routes.events]
path = "/events"
kind = "event"
auth = { scheme = "github", secret = "events_secret" }
envelope = "cloudevents"
schema = "event"
[[routes.events.mails]]
template = "hook"
sender = "alerts"
purpose = "alert"
to = ["oncall@contoso.example"]

[routes.slack]
path = "/slack"
kind = "event"
auth = { scheme = "slack", secret = "slack_secret" }
handshake = "slack"
schema = "event"
[[routes.slack.mails]]
template = "hook"
sender = "alerts"
purpose = "alert"
to = ["oncall@contoso.example"]
"#;

/// A schema with what is dear to check, and a template with what is dear to write.
const HOOK_SCHEMA: &str = r##"{
    "type": "object",
    "properties": {
        "to": { "type": "string", "format": "email" },
        "subject": { "type": "string" },
        "when": { "type": "string", "format": "date-time" },
        "link": { "type": "string", "format": "uri", "pattern": "^https://([a-z]+\\.)+example/(a+)+$" },
        "items": {
            "type": "array", "maxItems": 1000, "uniqueItems": true,
            "items": { "anyOf": [{ "type": "string" }, { "$ref": "#/$defs/node" }] }
        }
    },
    "required": [],
    "unevaluatedProperties": { "maxLength": 1000 },
    "$defs": { "node": { "type": "object", "properties": { "next": { "$ref": "#/$defs/node" } } } }
}"##;
const HOOK_HTML: &str = "<!doctype html><html lang=\"en\"><head><title>{{ subject or 'Event' }}</title></head><body>\
    {% include \"_items.html.j2\" %}<a href=\"https://www.contoso.example/?q={{ subject|default('')|urlencode }}\" \
    title=\"{{ subject or '' }}\">More</a></body></html>";
const ITEMS_HTML: &str = "<ul>{% for item in items or [] %}<li>{{ item }}</li>{% endfor %}</ul>";
const HOOK_BODY: &str = "{{ subject or '' }} {{ when or '' }}\n{% for item in items or [] %}{{ loop.index }}. {{ item }}\n\
    {% for other in items %}{{ other }}{% endfor %}\n{% endfor %}";
const CONFIRM_SAMPLE: &str = r#"{"name": "Ada", "email": "ada@customer.example", "message": "Hello"}"#;
const HOOK_SAMPLE: &str = r#"{"to": "a@contoso.example", "subject": "s", "when": "2026-03-03T07:05:09Z", "items": []}"#;

/// Routes for what bodies are decoded to: every envelope, and where event ids are.
const DECODE_ROUTES: [(&str, &str); 5] = [
    ("event", "contract = \"github\""),
    ("list", "envelope = \"list\"\ncontract = \"sendgrid\""),
    ("grid", "envelope = \"event-grid\""),
    ("cloud", "envelope = \"cloudevents\""),
    ("alerts", "contract = \"alertmanager\""),
];

/// Forms for what bodies are decoded to, with and without files.
const DECODE_FORMS: [(&str, &str, &str); 2] = [
    ("form", "", ""),
    ("files", "attachments = { types = [\"pdf\", \"png\", \"txt\"], max_bytes = 2048 }", "attachments = true"),
];

/// What a form can ask for: every type, a list, an object, and files by name.
const FORM_SCHEMA: &str = r#"{
    "type": "object",
    "properties": {
        "name": { "type": "string" },
        "age": { "type": "integer" },
        "share": { "type": "number" },
        "agree": { "type": "boolean" },
        "topic": { "type": "array", "items": { "type": "string" } },
        "sizes": { "type": "array", "items": { "type": "integer" } },
        "address": { "type": "object", "properties": { "city": { "type": "string" } } },
        "cv": { "type": "string" }
    }
}"#;

/// The policy's files.
pub static FILES: LazyLock<Files> = LazyLock::new(files);

/// The policy.
pub static POLICY: LazyLock<Policy> =
    LazyLock::new(|| Policy::load(&FILES).unwrap_or_else(|findings| panic!("{findings:?}")));

fn files() -> Files {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut files = Files::read(&root).expect("the example is there");
    for preset in postern_presets::all() {
        match preset.add(&files) {
            Ok(addition) => {
                let added = addition.files.into_iter().map(|(path, text)| (path, text.to_owned()));
                files = and(&files, added.chain([("postern.toml".to_owned(), addition.policy)]));
            }
            // The example has the route of one preset under another name, with the same schema.
            Err(error) => assert_eq!(preset.name, "github-issues", "{error}"),
        }
    }
    let policy = [files.text("postern.toml").unwrap_or_default(), ROUTES, &decoding(), &senders::routes()].concat();
    let own = [
        ("postern.toml", policy.as_str()),
        ("schemas/any.json", "{\"type\": \"object\"}"),
        ("schemas/form.json", FORM_SCHEMA),
        ("schemas/hook.json", &HOOK_SCHEMA.replace("\"required\": []", "\"required\": [\"to\"]")),
        ("schemas/event.json", HOOK_SCHEMA),
        ("templates/_items.html.j2", ITEMS_HTML),
        ("templates/hook/subject.txt.j2", "{{ subject or 'Event' }}"),
        ("templates/hook/body.txt.j2", HOOK_BODY),
        ("templates/hook/body.html.j2", HOOK_HTML),
        ("templates/hook/sample.json", HOOK_SAMPLE),
        ("templates/note/subject.txt.j2", "Event"),
        ("templates/note/body.txt.j2", "Event"),
        ("templates/note/sample.json", "{}"),
        ("templates/please-confirm/subject.txt.j2", "Please confirm"),
        ("templates/please-confirm/body.txt.j2", "{{ confirmation_link }}"),
        ("templates/please-confirm/sample.json", CONFIRM_SAMPLE),
    ];
    and(&files, own.map(|(path, text)| (path.to_owned(), text.to_owned())))
}

fn and(files: &Files, more: impl IntoIterator<Item = (String, String)>) -> Files {
    let old = files.paths().map(|path| (path.to_owned(), files.text(path).unwrap_or_default().to_owned()));
    old.chain(more).collect()
}

/// The lines of the routes for what bodies are decoded to.
fn decoding() -> String {
    let auth = "kind = \"event\"\nschema = \"any\"\nauth = { scheme = \"bearer\", secret = \"decode_secret\" }";
    let events = DECODE_ROUTES.map(|(name, lines)| route(name, &format!("{auth}\n{lines}"), ""));
    let forms = DECODE_FORMS.map(|(name, form, mail)| {
        let lines = format!(
            "kind = \"form\"\nschema = \"form\"\norigins = [\"https://www.contoso.example\"]\n\
             [routes.decode-{name}.form]\nhoneypot = \"feedback_note\"\n\
             conventions = [\"formspree\", \"formsubmit\", \"web3forms\", \"netlify\"]\n{form}"
        );
        route(name, &lines, mail)
    });
    events.into_iter().chain(forms).collect()
}

fn route(name: &str, lines: &str, mail: &str) -> String {
    format!(
        "[routes.decode-{name}]\npath = \"/decode/{name}\"\n{lines}\n[[routes.decode-{name}.mails]]\n\
         template = \"note\"\nsender = \"website\"\npurpose = \"notification\"\nto = [\"team@contoso.example\"]\n{mail}\n"
    )
}

/// A value for every setting of the policy, but for those of ACS.
pub fn settings() -> BTreeMap<String, String> {
    let other = |name: &str| OTHER_SECRETS.iter().find(|(known, _)| *known == name).map(|(_, secret)| *secret);
    let own = POLICY.secrets().into_iter().map(|name| {
        let value = other(name.as_str()).unwrap_or(SECRET);
        (name.as_str().to_owned(), value.to_owned())
    });
    own.chain(senders::settings()).collect()
}

/// What the sender of a route signs with: one of its keys, by a number of any size; `None` where nobody signs.
pub fn key(path: &str, number: u64) -> Option<String> {
    let pick = |count: usize| usize::try_from(number).unwrap_or_default().checked_rem(count);
    if let Some(sender) = senders::SENDERS.values().find(|sender| sender.path == path) {
        return Some(sender.keys[pick(sender.keys.len())?].1.clone());
    }
    let secrets = &POLICY.route(path)?.auth.as_ref()?.secrets;
    settings().remove(secrets[pick(secrets.len())?].as_str())
}
