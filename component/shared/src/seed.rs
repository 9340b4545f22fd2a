//! Seeds of the hash maps that validation fills with strangers' text.
//!
//! A snapshot keeps every seed that was drawn before it, and everybody who has the component could read it. So seeds
//! are constant until there is a gate, while only the policy is hashed; from then on they come from the host, drawn
//! once by each instance.

use std::sync::OnceLock;

use ahash::random_state::{RandomSource, set_random_source};

use crate::{SeedSource, own};

static SEED: OnceLock<usize> = OnceLock::new();

struct Seeds(SeedSource);

impl RandomSource for Seeds {
    fn gen_hasher_seed(&self) -> usize {
        if own::exists() { *SEED.get_or_init(|| (self.0)() as usize) } else { 0 }
    }
}

/// Makes every later map take its seed from here.
pub fn install(random: SeedSource) {
    // It can be installed once, and an earlier call installed the same.
    let _ = set_random_source(Seeds(random));
}
