//! What people can read of a mail's HTML: the contrast of its text, and how much of it Gmail shows.
//!
//! The proofs before deployment and the inbox's checks apply the same rules. Neither may depend on the other: the
//! proofs know policies, which the emulator does not, and the emulator contains a server.

mod colour;
mod contrast;

pub use colour::declarations;
pub use contrast::{LowContrast, MIN_CONTRAST, low_contrast};

/// The most bytes of HTML: Gmail clips a longer mail and hides the rest behind a link.
///
/// Source: Google does not document it; observations agree on 102 KB.
pub const CLIP_BYTES: usize = 102 * 1024;
