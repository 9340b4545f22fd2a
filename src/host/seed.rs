//! Seeds of the hash maps that validation fills with strangers' text.
//!
//! A snapshot keeps every seed that was drawn before it, and everybody who has the component could read it. So until
//! there is a gate, when only the policy is hashed, seeds are constant; from then on they come from the host,
//! drawn once by each instance.

use std::sync::OnceLock;

use ahash::random_state::{RandomSource, set_random_source};

use super::{own, wasi};

static SEED: OnceLock<usize> = OnceLock::new();

struct Seeds;

impl RandomSource for Seeds {
    fn gen_hasher_seed(&self) -> usize {
        if own::exists() { *SEED.get_or_init(|| wasi::random_u64() as usize) } else { 0 }
    }
}

/// Makes every later map take its seed from here.
pub(super) fn install() {
    // It can be installed once, and whoever was first has installed the same.
    let _ = set_random_source(Seeds);
}
