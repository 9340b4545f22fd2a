//! `postern status`: the status of an operation.

use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use http::HeaderMap;
use postern::acs::{Client, Connection, Inquiry, Status as Word};
use postern::entra::TokenCache;
use postern::host::Random as _;
use postern::outcome::Outcome;
use postern::trace::Trace;
use serde_json::json;
use uuid::Uuid;

use super::Format;
use crate::console::{self, BOLD, GREEN, RED, YELLOW};
use crate::interrupt::until_interrupted;
use crate::machine::Machine;
use crate::settings;

/// How long ACS and the issuer of tokens may take together.
const BUDGET: Duration = Duration::from_secs(30);

/// The exit status if ACS could not be asked, or did not report the status.
const UNKNOWN: u8 = 3;

/// Ask ACS for the status of an operation
///
/// Settings come from the environment, under the gate's names in upper case: ACS_ENDPOINT and ACS_ACCESS_KEY,
/// ACS_CONNECTION_STRING, or an identity's. The exit status is 0 if the operation is in progress or succeeded, 1 if it
/// failed, was canceled or is unknown to ACS, and 3 if ACS did not report the status.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  postern status 8540c0de-899f-5cce-acb5-3ec493af3800")]
pub struct Status {
    /// The operation's id, as in responses and audit lines
    #[arg(value_name = "ID")]
    operation: Uuid,

    /// The output format: for people, or one JSON object of id, status, terminal, error
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
}

impl Status {
    pub fn run(self) -> anyhow::Result<ExitCode> {
        until_interrupted(async move {
            let host = Machine::new();
            let connection = match Connection::read(&host).await {
                Ok(connection) => connection,
                Err(errors) => {
                    return Err(settings::unusable(&errors.iter().map(ToString::to_string).collect::<Vec<_>>()));
                }
            };
            let trace = Trace::of(&HeaderMap::new(), host.random(), host.random() as u64);
            let client = Client { host: &host, connection: &connection, tokens: &TokenCache::default(), trace };
            let inquiry = client.inquire(self.operation, BUDGET).await;
            match self.format {
                Format::Json => console::say(json(&inquiry)),
                Format::Text => console::say(text(&inquiry)),
            }
            Ok(exit(&inquiry))
        })
    }
}

/// For programs: the operation's status, or its id and the reason why the status is not known.
fn json(inquiry: &Inquiry) -> String {
    match &inquiry.answer {
        Ok(operation) => json!(operation).to_string(),
        Err(_) => json!({ "id": inquiry.operation, "status": inquiry.as_str(), "terminal": false }).to_string(),
    }
}

/// For people: a word, ACS's code, and what to do.
fn text(inquiry: &Inquiry) -> String {
    let style = match &inquiry.answer {
        Ok(operation) if operation.status == Word::Running => BOLD,
        Ok(operation) if operation.status == Word::Succeeded => GREEN,
        Ok(_) => RED,
        Err(_) => YELLOW,
    };
    let code = inquiry.error_code.as_ref().map(|code| format!(" {code}")).unwrap_or_default();
    format!("{style}{}{style:#}{code}{}", inquiry.as_str(), explanation(inquiry))
}

fn explanation(inquiry: &Inquiry) -> String {
    match &inquiry.answer {
        Ok(operation) => format!(": {}", operation.status.meaning()),
        Err(Outcome::NotFound) => {
            ": it was never accepted, or too long ago; if it is new, ask again in a moment".to_owned()
        }
        Err(_) => inquiry.advice().map(|advice| format!(": {advice}")).unwrap_or_default(),
    }
}

fn exit(inquiry: &Inquiry) -> ExitCode {
    match &inquiry.answer {
        Ok(operation) if !operation.status.is_failure() => ExitCode::SUCCESS,
        Ok(_) | Err(Outcome::NotFound) => ExitCode::FAILURE,
        Err(_) => ExitCode::from(UNKNOWN),
    }
}
