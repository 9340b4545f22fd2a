//! The host's own answers, in place of the component's: one sentence of plain text each.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};

/// The body of a response, streamed from the component or created here.
pub type ResponseBody = UnsyncBoxBody<Bytes, wasmtime_wasi_http::Error>;

/// Why the component did not answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    NotLoaded,
    Busy,
    NoInstance,
    Failed,
    TooSlow,
}

impl Failure {
    fn status(self) -> StatusCode {
        match self {
            Self::NotLoaded | Self::Busy | Self::NoInstance => StatusCode::SERVICE_UNAVAILABLE,
            Self::Failed => StatusCode::INTERNAL_SERVER_ERROR,
            Self::TooSlow => StatusCode::GATEWAY_TIMEOUT,
        }
    }

    fn sentence(self) -> &'static str {
        match self {
            Self::NotLoaded => "No component is loaded yet; try again shortly.\n",
            Self::Busy => "Too many requests are in progress; try again shortly.\n",
            Self::NoInstance => "The component could not be started; try again shortly.\n",
            Self::Failed => "The component failed while it handled this request.\n",
            Self::TooSlow => "The component did not answer in time.\n",
        }
    }

    pub(crate) fn response(self) -> Response<ResponseBody> {
        let body = Full::new(Bytes::from_static(self.sentence().as_bytes()));
        let mut response = Response::new(body.map_err(|never| match never {}).boxed_unsync());
        *response.status_mut() = self.status();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
        if self.status() == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}
