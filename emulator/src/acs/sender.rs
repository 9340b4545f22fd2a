//! Which From addresses the emulated resource may use.

use crate::acs::refusal::Refusal;

/// The senders that the resource accepts.
#[derive(Clone, Debug, Default)]
pub enum Senders {
    /// Every address, without any check.
    #[default]
    Any,
    /// Exactly these addresses. Their domains count as linked to the resource, all other domains do not.
    Only(Vec<String>),
}

impl Senders {
    /// Refuses a domain that is not linked, and an unknown name at a domain that is. Letter case does not matter.
    pub(crate) fn check(&self, sender: &str) -> Result<(), Refusal> {
        let Senders::Only(known) = self else {
            return Ok(());
        };
        if known.iter().any(|address| address.eq_ignore_ascii_case(sender)) {
            return Ok(());
        }
        let domain = domain_of(sender);
        let linked = known.iter().any(|address| domain_of(address).eq_ignore_ascii_case(domain));
        Err(if linked { Refusal::SenderUnknown } else { Refusal::DomainNotLinked })
    }
}

/// The part after the last `@`.
pub(crate) fn domain_of(address: &str) -> &str {
    address.rsplit_once('@').map_or(address, |(_, domain)| domain)
}
