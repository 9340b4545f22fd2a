//! Decides a second time whether a request proves its caller: from the senders' documentation, with the cryptography of
//! `ring`, and without any of the gate's code.
//!
//! It requires less than the gate where trust is not at stake (headers may occur twice, and there may be any number of
//! signatures), so that it accepts everything that the gate accepts.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use http::HeaderMap;
use http::request::Parts;
use percent_encoding::percent_decode_str;
use ring::hmac::{self, Algorithm, HMAC_SHA1_FOR_LEGACY_USE_ONLY as SHA1, HMAC_SHA256, HMAC_SHA512};
use ring::signature::{self, UnparsedPublicKey};
use serde_json::Value;

/// What a route requires of its callers.
#[derive(Debug)]
pub struct Demand<'a> {
    /// The scheme's name.
    pub scheme: &'a str,
    /// The header's name, if the scheme leaves it open.
    pub header: Option<&'a str>,
    /// The query parameter, if the scheme leaves it open.
    pub query: Option<&'a str>,
    /// The URL that Twilio was configured with.
    pub url: Option<&'a str>,
    /// Each secret of the route.
    pub secrets: &'a [String],
    /// Entra's tenant, audience and application, and the keys that it publishes.
    pub entra: Option<&'a Value>,
}

impl Demand<'_> {
    /// Whether a request proves its caller at this time.
    pub fn is_met(&self, parts: &Parts, body: &[u8], now: u64) -> bool {
        if self.scheme == "entra" {
            return self.entra.is_some_and(|entra| token(entra, &parts.headers, now));
        }
        self.secrets.iter().any(|secret| self.by(secret, parts, body, now))
    }

    fn by(&self, secret: &str, parts: &Parts, body: &[u8], now: u64) -> bool {
        let headers = &parts.headers;
        let key = secret.as_bytes();
        let is = |name, value: &str| texts(headers, name).any(|text| text.trim() == value);
        match self.scheme {
            "github" => has(headers, "x-hub-signature-256", &hex(HMAC_SHA256, key, &[body])),
            "grafana" => has(headers, "x-grafana-alerting-signature", &hex(HMAC_SHA256, key, &[body])),
            "shopify" => has(headers, "x-shopify-hmac-sha256", &base64(HMAC_SHA256, key, &[body])),
            "hookdeck" => {
                let signature = base64(HMAC_SHA256, key, &[body]);
                has(headers, "x-hookdeck-signature", &signature) || has(headers, "x-hookdeck-signature-2", &signature)
            }
            "slack" => texts(headers, "x-slack-request-timestamp").filter(|time| within(time, 300, now)).any(|time| {
                let signed = [b"v0:", time.as_bytes(), b":", body];
                has(headers, "x-slack-signature", &hex(HMAC_SHA256, key, &signed))
            }),
            "stripe" => marked(headers, "stripe-signature", ',', "t=", ".", 300, key, body, now),
            "paddle" => marked(headers, "paddle-signature", ';', "ts=", ":", 5, key, body, now),
            "standard-webhooks" => standard(headers, "webhook", secret, body, now),
            "svix" => standard(headers, "svix", secret, body, now),
            "gitlab" => is("x-gitlab-token", secret),
            "bearer" => credentials(headers, "bearer").any(|shown| shown == secret),
            "basic" => credentials(headers, "basic").any(|shown| shown == STANDARD.encode(secret)),
            "event-grid" => match (self.header, self.query) {
                (Some(name), _) => is(name, secret),
                (_, Some(name)) => query(parts).iter().any(|(key, value)| key == name && value == secret),
                _ => false,
            },
            "twilio" => self.url.is_some_and(|url| twilio(url, secret, parts, body)),
            "sendgrid" => sendgrid(secret, headers, body, now),
            "hmac" => rules(headers, key, body, now),
            other => panic!("nobody decides about {other}"),
        }
    }
}

fn texts<'a>(headers: &'a HeaderMap, name: &str) -> impl Iterator<Item = &'a str> + use<'a> {
    headers.get_all(name).into_iter().filter_map(|value| std::str::from_utf8(value.as_bytes()).ok())
}

fn mac(algorithm: Algorithm, key: &[u8], pieces: &[&[u8]]) -> hmac::Tag {
    hmac::sign(&hmac::Key::new(algorithm, key), &pieces.concat())
}

fn hex(algorithm: Algorithm, key: &[u8], pieces: &[&[u8]]) -> String {
    mac(algorithm, key, pieces).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn base64(algorithm: Algorithm, key: &[u8], pieces: &[&[u8]]) -> String {
    STANDARD.encode(mac(algorithm, key, pieces))
}

/// Whether a header contains this signature; hexadecimal digits are case-insensitive.
fn has(headers: &HeaderMap, name: &str, signature: &str) -> bool {
    let is_hex = signature.bytes().all(|byte| byte.is_ascii_hexdigit());
    texts(headers, name).any(|text| text.contains(signature) || (is_hex && text.to_lowercase().contains(signature)))
}

fn within(time: &str, tolerance: u64, now: u64) -> bool {
    time.parse::<u64>().is_ok_and(|time| time.abs_diff(now) <= tolerance)
}

/// The time in the signature's header.
fn marked(
    headers: &HeaderMap,
    name: &str,
    separator: char,
    mark: &str,
    between: &str,
    tolerance: u64,
    key: &[u8],
    body: &[u8],
    now: u64,
) -> bool {
    let parts = texts(headers, name).flat_map(|text| text.split(separator));
    let times = parts.filter_map(|part| part.trim().strip_prefix(mark)).filter(|time| within(time, tolerance, now));
    times
        .into_iter()
        .any(|time| has(headers, name, &hex(HMAC_SHA256, key, &[time.as_bytes(), between.as_bytes(), body])))
}

fn standard(headers: &HeaderMap, prefix: &str, secret: &str, body: &[u8], now: u64) -> bool {
    let name = |rest: &str| format!("{prefix}-{rest}");
    let times: Vec<_> = texts(headers, &name("timestamp")).filter(|time| within(time, 300, now)).collect();
    texts(headers, &name("id")).filter(|id| !id.contains('.')).any(|id| {
        times.iter().any(|time| {
            let signed = [id.as_bytes(), b".", time.as_bytes(), b".", body];
            match secret.strip_prefix("whpk_") {
                Some(public) => {
                    let key = UnparsedPublicKey::new(&signature::ED25519, STANDARD.decode(public).unwrap());
                    let parts = texts(headers, &name("signature")).flat_map(|text| text.split(' '));
                    let mut signatures = parts.filter_map(|part| STANDARD.decode(part.strip_prefix("v1a,")?).ok());
                    signatures.any(|signature| key.verify(&signed.concat(), &signature).is_ok())
                }
                None => {
                    let key = STANDARD.decode(secret.trim_start_matches("whsec_")).unwrap();
                    has(headers, &name("signature"), &base64(HMAC_SHA256, &key, &signed))
                }
            }
        })
    })
}

fn credentials<'a>(headers: &'a HeaderMap, scheme: &'a str) -> impl Iterator<Item = &'a str> {
    let parts = texts(headers, "authorization").filter_map(|text| text.split_once(' '));
    parts.filter(move |(name, _)| name.eq_ignore_ascii_case(scheme)).map(|(_, rest)| rest.trim())
}

fn decoded(text: &str) -> String {
    percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned()
}

fn pairs(text: &str) -> Vec<(String, String)> {
    let pairs = text.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (decoded(name), decoded(value)))
        .collect()
}

fn query(parts: &Parts) -> Vec<(String, String)> {
    pairs(parts.uri.query().unwrap_or_default())
}

fn twilio(url: &str, secret: &str, parts: &Parts, body: &[u8]) -> bool {
    let mut signed = url.to_owned();
    if let Some(query) = parts.uri.query() {
        signed = format!("{signed}?{query}");
    }
    // If there are several content types, the first decides how the body is read, and so how it must be signed; one
    // that is not text counts as none.
    let first = parts.headers.get("content-type").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let is_form = first.to_ascii_lowercase().starts_with("application/x-www-form-urlencoded");
    if is_form {
        // Bytes that are not text cannot be what a caller meant, but the fields must still be signed.
        let text: String = body
            .iter()
            .map(|byte| if byte.is_ascii() { char::from(*byte).to_string() } else { format!("%{byte:02x}") })
            .collect();
        let mut fields = pairs(&text);
        fields.sort();
        fields.dedup();
        signed.extend(fields.into_iter().flat_map(|(name, value)| [name, value]));
    } else {
        let digest = ring::digest::digest(&ring::digest::SHA256, body);
        let hash: String = digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        if !query(parts).iter().any(|(name, value)| name == "bodySHA256" && value.to_lowercase() == hash) {
            return false;
        }
    }
    has(&parts.headers, "x-twilio-signature", &base64(SHA1, secret.as_bytes(), &[signed.as_bytes()]))
}

fn sendgrid(key: &str, headers: &HeaderMap, body: &[u8], now: u64) -> bool {
    // The point is at the end of the SubjectPublicKeyInfo.
    let key = STANDARD.decode(key).unwrap();
    let key = UnparsedPublicKey::new(&signature::ECDSA_P256_SHA256_ASN1, &key[key.len() - 65..]);
    let name = |rest: &str| format!("x-twilio-email-event-webhook-{rest}");
    texts(headers, &name("timestamp")).filter(|time| within(time, 300, now)).any(|time| {
        let mut signatures = texts(headers, &name("signature")).filter_map(|text| STANDARD.decode(text).ok());
        signatures.any(|signature| key.verify(&[time.as_bytes(), body].concat(), &signature).is_ok())
    })
}

/// The rules in the policies of the targets.
fn rules(headers: &HeaderMap, key: &[u8], body: &[u8], now: u64) -> bool {
    let old = hex(SHA1, key, &[body]);
    let by_erp = texts(headers, "x-erp-id").any(|id| {
        texts(headers, "x-erp-time").filter(|time| within(time, 30, now)).any(|time| {
            let signed = [b"v1:", id.as_bytes(), b":", time.as_bytes(), b":", body];
            !id.contains(':') && has(headers, "x-erp-signature", &base64(HMAC_SHA512, key, &signed))
        })
    });
    by_erp || has(headers, "x-old", &old) || has(headers, "x-new", &old)
}

/// RFC 7519, with the keys that Entra publishes, and learn.microsoft.com on claims.
fn token(entra: &Value, headers: &HeaderMap, now: u64) -> bool {
    let part = |text: &str| URL_SAFE_NO_PAD.decode(text).ok();
    credentials(headers, "bearer").any(|token| {
        let parts: Vec<_> = token.split('.').collect();
        let [head, claims, signature] = parts[..] else { return false };
        let json = |text: &str| serde_json::from_slice::<Value>(&part(text)?).ok();
        let (Some(head), Some(claims), Some(signature)) = (json(head), json(claims), part(signature)) else {
            return false;
        };
        let keys = entra["jwks"]["keys"].as_array().unwrap().iter();
        let signed = &token[..token.rfind('.').unwrap()];
        let mut keys = keys.filter(|key| key["kty"] == "RSA" && key["kid"] == head["kid"]);
        let verified = keys.any(|key| {
            let number = |name: &str| part(key[name].as_str().unwrap()).unwrap();
            let key = signature::RsaPublicKeyComponents { n: number("n"), e: number("e") };
            key.verify(&signature::RSA_PKCS1_2048_8192_SHA256, signed.as_bytes(), &signature).is_ok()
        });
        let tenant = entra["tenant"].as_str().unwrap();
        let issuers =
            [format!("https://login.microsoftonline.com/{tenant}/v2.0"), format!("https://sts.windows.net/{tenant}/")];
        let for_us = claims["aud"] == entra["audience"]
            || claims["aud"].as_array().is_some_and(|all| all.contains(&entra["audience"]));
        let app = if claims["azp"].is_string() { &claims["azp"] } else { &claims["appid"] };
        let now = now as f64;
        verified
            && head["alg"] == "RS256"
            && issuers.iter().any(|issuer| claims["iss"] == *issuer.as_str())
            && for_us
            && *app == entra["app"]
            && claims["exp"].as_f64().is_some_and(|end| end + 300.0 >= now)
            && claims["nbf"].as_f64().is_none_or(|start| start <= now + 300.0)
    })
}
