//! An email address that is safe to pass to ACS.

use std::fmt;

use email_address::{EmailAddress, Options};

/// A bare address `local@domain`: ASCII, no display name, no quotes, no address literal, at most 254 octets, and before
/// the `@` nothing that names another server.
///
/// Deliberately narrower than RFC 5321: real mailboxes do not need what it leaves out, but attackers do.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Address(String);

/// Why Postern does not send to or from a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// It does not have the format that [`Address`] describes.
    #[error("not a plain email address such as name@example.com")]
    Form,
    /// The part before the `@` may lead to another server than the one after it: by a `%` or `!`, the routes of old
    /// (RFC 5321, F.2), or by an encoded word (RFC 2047), which some mail software decodes even in addresses.
    #[error("not a safe email address: `%`, `!` and `=?` before the `@` make some mail servers deliver it elsewhere")]
    Route,
}

/// The longest address that fits an SMTP path (RFC 5321, 4.5.3.1.3, less the angle brackets).
const MAX_BYTES: usize = 254;

impl Address {
    /// Parses a bare address.
    ///
    /// # Errors
    /// If the text does not have the format that [`Address`] describes.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        let options = Options::default().without_display_text().without_domain_literal().with_required_tld();
        let plain = text.len() <= MAX_BYTES && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"');
        if !plain || EmailAddress::parse_with_options(text, options).is_err() {
            return Err(AddressError::Form);
        }
        let (local, domain) = text.rsplit_once('@').ok_or(AddressError::Form)?;
        // RFC 5321, 2.3.5; the parser would accept any atom.
        if !domain.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.')) {
            return Err(AddressError::Form);
        }
        if local.contains(['%', '!']) || local.contains("=?") {
            return Err(AddressError::Route);
        }
        Ok(Self(text.to_owned()))
    }

    /// The address as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The part after the `@`, in lower case.
    pub fn domain(&self) -> String {
        self.0.rsplit('@').next().unwrap_or_default().to_ascii_lowercase()
    }
}

/// Shows only the domain: addresses are personal data and must not reach a log by accident.
impl fmt::Debug for Address {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Address(…@{})", self.domain())
    }
}

#[cfg(test)]
mod tests {
    use super::{Address, AddressError};

    #[test]
    fn plain_addresses_are_accepted_as_given() {
        for text in ["a@b.example", "First.Last+tag@Mail.Example.com", "o'brien@example.co.uk"] {
            assert_eq!(Address::parse(text).map(|address| address.as_str().to_owned()), Ok(text.to_owned()));
        }
    }

    #[test]
    fn anything_that_could_carry_more_than_an_address_is_refused() {
        let long = format!("{}@example.com", "a".repeat(250));
        for text in [
            "",
            "a",
            "a@",
            "@b.example",
            "a@b",
            "A <a@b.example>",
            "a@b.example,c@d.example",
            "a@[127.0.0.1]",
            "a@b.example\r\nBcc: c@d.example",
            "a b@c.example",
            "\"a b\"@c.example",
            "ä@b.example",
            "a@b.example ",
            "a@@b.example",
            "a@b..example",
            long.as_str(),
        ] {
            assert_eq!(Address::parse(text), Err(AddressError::Form), "{text:?}");
        }
    }

    #[test]
    fn debug_output_hides_the_local_part() {
        let address = Address::parse("secret.name@Example.com");
        assert_eq!(format!("{address:?}"), "Ok(Address(…@example.com))");
    }
}
