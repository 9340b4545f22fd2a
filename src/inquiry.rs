//! `GET /operations/ID`: status requests, from callers that the policy allows to make them.

use uuid::Uuid;

use crate::policy::{Policy, RouteAuth};
use crate::refusal::Refusal;
use crate::web::path::OPERATIONS;

/// The length of a hyphenated UUID (RFC 9562, 4); the gate accepts no other notation.
const ID_LENGTH: usize = 36;

/// A status request.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// How the caller must authenticate.
    pub auth: &'a RouteAuth,
    id: &'a str,
}

impl<'a> Question<'a> {
    /// The status request at a path, if the policy allows any.
    pub fn find(policy: &'a Policy, path: &'a str) -> Option<Self> {
        Some(Self { auth: policy.operations()?, id: path.strip_prefix(OPERATIONS)? })
    }

    /// The requested operation.
    ///
    /// # Errors
    /// If the path does not contain an operation id.
    pub fn operation(&self) -> Result<Uuid, Refusal> {
        Uuid::try_parse(self.id).ok().filter(|_| self.id.len() == ID_LENGTH).ok_or(Refusal::OperationId)
    }
}
