//! Nothing but tests: see `browser/`.
