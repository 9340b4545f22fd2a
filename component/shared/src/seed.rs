//! Seeds of the hash maps that validation fills with text from strangers.
//!
//! A snapshot contains every seed that was drawn before it, and everybody who has the component could read them. So
//! seeds are constant until a gate exists, while only the policy is hashed; after that they come from the host, and
//! each instance draws them once.

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
    // It can only be installed once, and an earlier call has installed the same.
    let _ = set_random_source(Seeds(random));
}
