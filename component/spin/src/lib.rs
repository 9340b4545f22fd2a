//! The flavour `spin`: WASI 0.3, settings from Spin variables.
#![cfg(target_family = "wasm")]
#![allow(unsafe_code, reason = "exports are generated")]

mod variables;

use bytes::Bytes;
use http::Response;
use http_body_util::Full;
use postern_component::sealable::{self, export_sealable};
use postern_p3::{Incoming, Sealable};
use spin_sdk::http_service;

export_sealable!(Sealable with_types_in sealable);

#[http_service]
async fn handle(request: Incoming) -> Response<Full<Bytes>> {
    postern_p3::handle(variables::Variables, request).await
}
