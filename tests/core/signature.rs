//! Requests to ACS are signed as the official SDK signs them.

use postern::acs::{AccessKey, sign};
use serde_json::Value;

#[test]
fn the_official_sdk_s_signatures_are_met_byte_for_byte() {
    let fixture: Value = serde_json::from_str(include_str!("../fixtures/acs-signatures.json")).unwrap();
    let vectors = fixture["vectors"].as_array().unwrap();
    assert_eq!(vectors.len(), 6);
    for vector in vectors {
        let text = |name: &str| vector[name].as_str().unwrap();
        let url: http::Uri = text("url").parse().unwrap();
        let signature = sign(
            &AccessKey::parse(text("access_key")).unwrap(),
            &text("method").parse().unwrap(),
            url.authority().unwrap().as_str(),
            url.path_and_query().unwrap().as_str(),
            text("body").as_bytes(),
            httpdate::parse_http_date(text("date")).unwrap(),
        );
        let name = text("name");
        assert_eq!(signature.date, text("date"), "{name}");
        assert_eq!(signature.content_sha256, text("content_sha256"), "{name}");
        assert_eq!(signature.authorization, text("authorization"), "{name}");
    }
}
