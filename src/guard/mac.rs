//! Signatures of the gate's own tokens: an HMAC-SHA256 over a purpose and texts with fixed boundaries.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// Signs texts for one purpose; the signature is not valid for another purpose.
pub(crate) fn sign(key: &str, purpose: &str, texts: &[impl AsRef<[u8]>]) -> String {
    mac(key, purpose, texts)
        .map_or_else(String::new, |mac| base16ct::lower::encode_string(&mac.finalize().into_bytes()))
}

/// Whether a hexadecimal signature matches these texts. Compares in constant time.
pub(crate) fn verify(key: &str, purpose: &str, texts: &[impl AsRef<[u8]>], signature: &str) -> bool {
    let Ok(signature) = base16ct::mixed::decode_vec(signature) else { return false };
    mac(key, purpose, texts).is_some_and(|mac| mac.verify_slice(&signature).is_ok())
}

fn mac(key: &str, purpose: &str, texts: &[impl AsRef<[u8]>]) -> Option<Hmac<Sha256>> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).ok()?;
    for text in [purpose.as_bytes()].into_iter().chain(texts.iter().map(AsRef::as_ref)) {
        mac.update(&(text.len() as u64).to_be_bytes());
        mac.update(text);
    }
    Some(mac)
}
