//! The flavour `spin-p2`: WASI 0.2, settings from Spin variables.
#![cfg(target_family = "wasm")]
#![allow(unsafe_code, reason = "exports are generated")]

mod variables;

use http::{Request, Response};
use postern_component::sealable::{self, export_sealable};
use postern_p2::Sealable;
use wstd::http::{Body, Error};

export_sealable!(Sealable with_types_in sealable);

#[wstd::http_server]
async fn main(request: Request<Body>) -> Result<Response<Body>, Error> {
    Ok(postern_p2::handle(variables::Variables, request).await)
}
