//! Proof of work as in ALTCHA's widget: no third party, no stored state, no network call.
//!
//! The gate picks a number and publishes its hash with a salt; a browser tries numbers until the hash matches. Format:
//! `altcha-org/altcha-lib`, version 1 of the protocol, which every version of the widget supports.

use std::time::SystemTime;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::mac;
use super::token::seconds;
use crate::policy::{ProofOfWorkGuard, Route};

const ALGORITHM: &str = "SHA-256";
const PURPOSE: &str = "postern proof of work";

/// The longest solution that the gate reads; the widget's have about 400 characters.
const MAX_BYTES: usize = 2048;

/// Why the gate does not accept a solution.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProofOfWorkError {
    /// It is missing.
    #[error("missing")]
    Missing,
    /// It is malformed.
    #[error("malformed")]
    Malformed,
    /// It does not solve a challenge that this gate issued for this route.
    #[error("forged")]
    Forged,
    /// The challenge is too old.
    #[error("too-old")]
    TooOld,
    /// The number is wrong.
    #[error("wrong")]
    Wrong,
}

#[derive(Deserialize)]
struct Solution {
    algorithm: String,
    challenge: String,
    number: u64,
    salt: String,
    signature: String,
}

/// A challenge for a route, as the widget reads it.
pub(crate) fn challenge(route: &Route, guard: &ProofOfWorkGuard, key: &str, now: SystemTime, random: u128) -> Value {
    let expires = seconds(now).saturating_add(guard.max_age.as_secs());
    // The low half chooses the number; the high half hides it, as part of the salt.
    let number = u64::try_from(random & u128::from(u64::MAX)).unwrap_or_default() % (u64::from(guard.max_number) + 1);
    let nonce = mac::sign(key, "postern salt", &[&random.to_string()]);
    let nonce = nonce.get(..24).unwrap_or_default();
    // The last `&` keeps digits from moving between the salt and the number.
    let salt = format!("{nonce}?expires={expires}&");
    let challenge = hash(&salt, number);
    json!({
        "algorithm": ALGORITHM,
        "challenge": challenge,
        "maxnumber": guard.max_number,
        "salt": salt,
        "signature": sign(route, key, &challenge),
    })
}

pub(super) fn check(route: &Route, key: &str, text: Option<&str>, now: SystemTime) -> Result<(), ProofOfWorkError> {
    let text = text.filter(|text| !text.is_empty()).ok_or(ProofOfWorkError::Missing)?;
    let solution = Some(text).filter(|text| text.len() <= MAX_BYTES).and_then(|text| STANDARD.decode(text).ok());
    let solution = solution.and_then(|json| serde_json::from_slice::<Solution>(&json).ok());
    let solution = solution.filter(|solution| solution.algorithm == ALGORITHM).ok_or(ProofOfWorkError::Malformed)?;
    if !mac::verify(key, PURPOSE, &[&route.name, &solution.challenge], &solution.signature) {
        return Err(ProofOfWorkError::Forged);
    }
    if hash(&solution.salt, solution.number) != solution.challenge {
        return Err(ProofOfWorkError::Wrong);
    }
    // From here on, the salt is known to be the gate's own text: only the issued salt and number have the signed hash.
    let expires = solution.salt.split_once("?expires=").and_then(|(_, rest)| rest.strip_suffix('&')?.parse().ok());
    if expires.is_some_and(|expires: u64| seconds(now) <= expires) { Ok(()) } else { Err(ProofOfWorkError::TooOld) }
}

fn hash(salt: &str, number: u64) -> String {
    base16ct::lower::encode_string(&Sha256::digest(format!("{salt}{number}")))
}

fn sign(route: &Route, key: &str, challenge: &str) -> String {
    mac::sign(key, PURPOSE, &[&route.name, challenge])
}
