//! Makes a call fail, before or after it is handled.

use std::convert::Infallible;
use std::future::pending;
use std::time::Duration;

use axum::response::{IntoResponse, Response};
use http::StatusCode;

use crate::acs::refusal::Refusal;
use crate::faults::Effect;
use crate::faults::ResetHandle;

/// Truncated JSON.
const GARBAGE: &str = "{\"id\":\"8540c0de-899f-5c";

/// The part of a fault before the call is handled.
pub(crate) async fn before(reset: &ResetHandle, fault: Option<&Effect>) -> Result<(), Refusal> {
    match fault {
        Some(Effect::Status { status, retry_after, code }) => {
            Err(Refusal::Fault { status: error_status(*status), retry_after: *retry_after, code: code.clone() })
        }
        Some(Effect::Delay { milliseconds }) => {
            let wait = Duration::from_millis(*milliseconds).min(Effect::LONGEST_DELAY);
            tokio::time::sleep(wait).await;
            Ok(())
        }
        Some(Effect::Hang) => match pending::<Infallible>().await {},
        Some(Effect::Reset) => match reset.reset().await {},
        _ => Ok(()),
    }
}

/// The part of a fault after the call was handled.
pub(crate) async fn after(reset: &ResetHandle, fault: Option<&Effect>, response: Response) -> Response {
    match fault {
        Some(Effect::AcceptThenReset) => match reset.reset().await {},
        Some(Effect::Garbage) => (response.status(), GARBAGE).into_response(),
        _ => response,
    }
}

fn error_status(status: u16) -> StatusCode {
    let known = StatusCode::from_u16(status).ok();
    known
        .filter(|status| status.is_client_error() || status.is_server_error())
        .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}
