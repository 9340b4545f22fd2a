//! What a form's page does before it sends: it fetches a form token, waits until the token is old enough, and solves
//! the proof of work.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use postern::policy::{PROOF_FIELD, Route, TOKEN_FIELD};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::client::GateClient;

/// The longest wait for a token; pages that must be open for longer cannot be simulated here.
const LONGEST_WAIT: Duration = Duration::from_secs(15);

/// What a form requires of its page.
pub struct PageGuards {
    path: String,
    /// How old a token must be, and may be.
    token: Option<(Duration, Duration)>,
    /// How old a solution may be.
    proof: Option<Duration>,
}

impl PageGuards {
    /// What a route requires; `None` if it requires nothing.
    pub fn of(route: &Route) -> Option<Self> {
        let token = route.form.token.as_ref().map(|guard| (guard.min_age, guard.max_age));
        let proof = route.form.proof_of_work.as_ref().map(|guard| guard.max_age);
        (token.is_some() || proof.is_some()).then(|| Self { path: route.path.clone(), token, proof })
    }
}

/// Something that the gate issued to a page, and when.
#[derive(Clone)]
struct Issued {
    value: String,
    at: Instant,
}

/// What was issued to pages, by the address that issued it: each can be used for several submissions.
#[derive(Default)]
pub struct Visitor(Mutex<BTreeMap<String, Issued>>);

impl Visitor {
    /// The payload with the fields that the form's page would add.
    pub async fn fill(&self, client: &GateClient, guards: &PageGuards, payload: &str) -> anyhow::Result<String> {
        let mut members = Vec::new();
        if let Some((least, most)) = guards.token {
            let issued = self.issued(client, &format!("{}/token", guards.path), most, token).await?;
            let missing = least.saturating_sub(issued.at.elapsed());
            ensure!(
                missing <= LONGEST_WAIT,
                "The form must stay open for {} seconds, which is longer than the studio waits.",
                least.as_secs()
            );
            tokio::time::sleep(missing).await;
            members.push((TOKEN_FIELD, issued.value));
        }
        if let Some(most) = guards.proof {
            let issued = self.issued(client, &format!("{}/challenge", guards.path), most, solve).await?;
            members.push((PROOF_FIELD, issued.value));
        }
        Ok(members.iter().fold(payload.to_owned(), |payload, (name, value)| with(&payload, name, value)))
    }

    /// What an address issued, or a new one once half of its time is over.
    async fn issued(
        &self,
        client: &GateClient,
        path: &str,
        good_for: Duration,
        make: fn(Value) -> anyhow::Result<String>,
    ) -> anyhow::Result<Issued> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(path).cloned();
        if let Some(known) = known.filter(|known| known.at.elapsed() < good_for / 2) {
            return Ok(known);
        }
        let answer = client.get(path).await?;
        let value = tokio::task::spawn_blocking(move || make(answer)).await??;
        let issued = Issued { value, at: Instant::now() };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(path.to_owned(), issued.clone());
        Ok(issued)
    }
}

fn token(answer: Value) -> anyhow::Result<String> {
    let token = answer.get("token").and_then(Value::as_str);
    Ok(token.context("The gate issued no form token.")?.to_owned())
}

/// ALTCHA's challenge, and the solution, which adds the number.
#[derive(Serialize, Deserialize)]
struct Challenge {
    algorithm: String,
    challenge: String,
    salt: String,
    signature: String,
    #[serde(skip_serializing)]
    maxnumber: u64,
    #[serde(default)]
    number: u64,
}

/// Tries numbers until the hash matches the challenge.
fn solve(answer: Value) -> anyhow::Result<String> {
    let mut challenge: Challenge = serde_json::from_value(answer).context("The gate issued no challenge")?;
    let wanted = base16ct::lower::decode_vec(challenge.challenge.as_bytes()).context("The challenge is not a hash")?;
    let salted = Sha256::new_with_prefix(challenge.salt.as_bytes());
    let fits = |number: &u64| salted.clone().chain_update(number.to_string()).finalize().as_slice() == wanted;
    challenge.number = (0..=challenge.maxnumber).find(fits).context("No number solves the challenge.")?;
    Ok(STANDARD.encode(serde_json::to_vec(&challenge)?))
}

/// An object's text with one more member at its end, so that the others keep their order.
pub fn with(object: &str, name: &str, value: &str) -> String {
    let Some(open) = object.trim_end().strip_suffix('}') else { return object.to_owned() };
    let comma = if open.trim_end().ends_with('{') { "" } else { "," };
    format!("{open}{comma}{}:{}}}", json!(name), json!(value))
}
