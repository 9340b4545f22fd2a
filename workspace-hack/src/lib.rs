//! Nothing: this crate is here for the features that its dependencies have.
