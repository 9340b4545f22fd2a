//! The requests that fuzzing starts from, and the policy that they are for.
//!
//! The fuzz targets run them natively, with sanitizers; `tests/component/corpus.rs` sends the same through the component,
//! where `usize` has 32 bits. Each input is a request as text (see [`input`]), so that whoever reads one understands it.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "what tests start from may fail loudly"
)]

mod decode;
mod door;
pub mod hostile;
pub mod input;
pub mod policy;
pub mod senders;
mod sign;
pub mod upload;
mod verify;

use http::Request;
use http::request::Builder;
use postern_presets::all as presets;
use serde_json::{Value, json};

pub use sign::signed;

/// The clock of a request that does not set it: that of most fixtures, 2026-03-03T07:05:09Z.
pub const NOW: u64 = 1_772_521_509;

/// The site whose pages use the forms.
pub const SITE: &str = "https://www.contoso.example";

/// Markup that no template contains. It stands in the payloads of seeds, so wherever HTML has it, escaping failed.
pub const MARKUP: &str = "<zq a=\"'>";

/// How [`MARKUP`] begins, which is enough to be markup.
pub const MARKUP_START: &str = "<zq";

/// The first inputs of a fuzz target.
pub type Inputs = Vec<Vec<u8>>;

/// The first inputs of every fuzz target, by its name.
pub fn all() -> [(&'static str, Inputs); 4] {
    [("decode", decode::seeds()), ("verify", verify::seeds()), ("door", door::seeds()), ("upload", upload::seeds())]
}

const FORM: &str = "name=Ada&email=ada%40customer.example&message=Hello";
const URLENCODED: &str = "application/x-www-form-urlencoded";
const JSON: &str = "application/json";

fn post(path: &str, content_type: &str) -> Builder {
    Request::post(path).header("content-type", content_type)
}

/// Every example of every preset, whether it fits its schema or not, by its preset's name.
fn examples() -> Vec<(&'static str, &'static str)> {
    let files = presets().into_iter().flat_map(|preset| {
        let name = preset.name;
        preset.files().into_iter().map(move |(path, text)| (name, path, text))
    });
    files.filter(|(_, path, _)| path.contains(".examples/")).map(|(name, _, text)| (name, text)).collect()
}

fn cloudevent(data: &Value) -> Value {
    json!({
        "specversion": "1.0", "type": "com.example.someevent", "source": "/mycontext/4", "id": "B234-1234-1234",
        "time": "2018-04-05T17:31:00Z", "subject": "Zürich 100%", "datacontenttype": "application/json", "data": data,
    })
}

fn grid(data: &Value) -> Value {
    json!({
        "id": "e-1", "topic": "/subscriptions/1", "subject": "number 1", "eventTime": "2026-03-03T07:05:09Z",
        "eventType": "Microsoft.Resources.ResourceWriteSuccess", "dataVersion": "1", "metadataVersion": "1", "data": data,
    })
}

/// The forms in which CloudEvents come.
fn cloud(path: &str, data: &Value) -> Vec<(Builder, String)> {
    let event = cloudevent(data);
    let binary = post(path, JSON)
        .header("ce-specversion", "1.0")
        .header("ce-type", "com.example.someevent")
        .header("ce-source", "\"/mycontext/4\"")
        .header("ce-id", "B234-1234-1234")
        .header("ce-subject", "Z%C3%BCrich 100%25");
    vec![
        (post(path, "application/cloudevents+json; charset=UTF-8"), event.to_string()),
        (post(path, "application/cloudevents-batch+json"), json!([event, event]).to_string()),
        (binary, data.to_string()),
    ]
}
