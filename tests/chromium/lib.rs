//! Contains only tests: see `browser/`.
