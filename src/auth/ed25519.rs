//! Ed25519 keys (RFC 8032), in the notation of Standard Webhooks.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_compact::{KeyPair, Seed, Signature};

/// The prefix of a public key.
pub const PUBLIC_PREFIX: &str = "whpk_";

/// The prefix of a private key.
pub const PRIVATE_PREFIX: &str = "whsk_";

/// A key that verifies.
pub struct PublicKey(ed25519_compact::PublicKey);

/// A key that signs.
pub struct PrivateKey(KeyPair);

impl PublicKey {
    /// Reads `whpk_` and base64.
    pub fn read(text: &str) -> Option<Self> {
        let bytes = STANDARD.decode(text.strip_prefix(PUBLIC_PREFIX)?).ok()?;
        ed25519_compact::PublicKey::from_slice(&bytes).ok().map(Self)
    }

    /// Whether the matching private key signed the message.
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        Signature::from_slice(signature).is_ok_and(|signature| self.0.verify(message, &signature).is_ok())
    }
}

impl PrivateKey {
    /// Reads `whsk_` and the base64 of a seed, optionally followed by the public key.
    pub fn read(text: &str) -> Option<Self> {
        let bytes = STANDARD.decode(text.strip_prefix(PRIVATE_PREFIX)?).ok()?;
        let seed = match bytes.len() {
            32 | 64 => Seed::from_slice(bytes.get(..32)?).ok()?,
            _ => return None,
        };
        Some(Self(KeyPair::from_seed(seed)))
    }

    /// Signs a message.
    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.0.sk.sign(message, None).to_vec()
    }
}
