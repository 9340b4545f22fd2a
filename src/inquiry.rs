//! `GET /operations/ID`: questions how an operation stands, for those whom the policy lets ask.

use uuid::Uuid;

use crate::policy::{Policy, RouteAuth};
use crate::refusal::Refusal;
use crate::web::path::OPERATIONS;

/// How long a hyphenated UUID is (RFC 9562, 4); other ways to write one are not taken.
const ID_LENGTH: usize = 36;

/// A question.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// How whoever asks must prove itself.
    pub auth: &'a RouteAuth,
    id: &'a str,
}

impl<'a> Question<'a> {
    /// The question at a path, where the policy lets anybody ask.
    pub fn find(policy: &'a Policy, path: &'a str) -> Option<Self> {
        Some(Self { auth: policy.operations()?, id: path.strip_prefix(OPERATIONS)? })
    }

    /// The operation that is asked for.
    ///
    /// # Errors
    /// When the path names none.
    pub fn operation(&self) -> Result<Uuid, Refusal> {
        Uuid::try_parse(self.id).ok().filter(|_| self.id.len() == ID_LENGTH).ok_or(Refusal::OperationId)
    }
}
