//! An email address that is safe to pass to ACS.

use std::borrow::Cow;
use std::fmt;

use email_address::{EmailAddress, Options};
use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46, verify_dns_length};

use crate::web::header::turns_direction;

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
    /// Before the `@` are letters beyond ASCII, which need SMTPUTF8 (RFC 6531). ACS does not say that it has it.
    #[error("not an address that mail can be sent to: before the `@` are letters beyond ASCII")]
    Local,
}

/// The longest address that fits an SMTP path (RFC 5321, 4.5.3.1.3, less the angle brackets).
const MAX_BYTES: usize = 254;

/// What may be the `@`: input methods of East Asia also type the full-width one.
const AT: [char; 2] = ['@', '\u{ff20}'];

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

    /// Parses an address as a person types it: the domain may have letters of any script (an IDN), and becomes A-labels,
    /// which is what mail servers and ACS know.
    ///
    /// # Errors
    /// When it is not of the form that [`Address`] describes, or not only because of the letters before the `@`.
    pub fn parse_typed(text: &str) -> Result<Self, AddressError> {
        Self::parse(&on_the_wire(text)?)
    }

    /// A text without what nobody sees at its ends and no address has there: white space, also of the kinds that do not
    /// break or have no width, and marks of direction, as copying from pages, documents and chats brings them along.
    pub fn trim(text: &str) -> &str {
        text.trim_matches(|character: char| {
            character.is_whitespace() || turns_direction(character) || NO_WIDTH.contains(&character)
        })
    }

    /// The address as mail servers know it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The part after the `@`, in lower case.
    pub fn domain(&self) -> String {
        self.0.rsplit('@').next().unwrap_or_default().to_ascii_lowercase()
    }
}

/// Characters without a width that are not white space to Unicode: soft hyphen, zero width space and joiners, word
/// joiner, byte order mark.
const NO_WIDTH: [char; 6] = ['\u{ad}', '\u{200b}', '\u{200c}', '\u{200d}', '\u{2060}', '\u{feff}'];

/// The formats of JSON Schema that ask for an address.
pub const ADDRESS_FORMATS: [&str; 2] = ["email", "idn-email"];

/// Whether a text is a mailbox as JSON Schema's `email` means it (RFC 5321, 4.1.2), or one at an IDN: browsers differ in
/// whether they convert the domain of `<input type=email>`, so the same person may send either.
pub fn is_mailbox(text: &str) -> bool {
    on_the_wire(text).is_ok_and(|address| is_ascii_mailbox(&address))
}

/// Whether a text is a mailbox as JSON Schema's `idn-email` means it (RFC 6531, 3.3).
pub fn is_international_mailbox(text: &str) -> bool {
    match on_the_wire(text) {
        Err(error) => error == AddressError::Local,
        Ok(address) => is_ascii_mailbox(&address),
    }
}

fn is_ascii_mailbox(address: &str) -> bool {
    let options = Options::default().without_display_text().without_domain_literal();
    address.is_ascii()
        && EmailAddress::parse_with_options(address, options).is_ok_and(|address| is_host(address.domain()))
}

/// Whether an ASCII text is the name of a host: letters, digits and hyphens, but no hyphen at the end of a label (RFC
/// 1123, 2.1), and at most 253 octets.
fn is_host(domain: &str) -> bool {
    let is_label = |label: &str| {
        let letters = label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        letters && !label.starts_with('-') && !label.ends_with('-')
    };
    verify_dns_length(domain, false) && domain.split('.').all(is_label)
}

/// An address with its domain in A-labels (RFC 5891, by UTS 46); one in ASCII stays as it is.
fn on_the_wire(text: &str) -> Result<Cow<'_, str>, AddressError> {
    if text.is_ascii() {
        return Ok(Cow::Borrowed(text));
    }
    // A letter has at most four bytes.
    if text.len() > 4 * MAX_BYTES {
        return Err(AddressError::Form);
    }
    let (local, domain) = text.rsplit_once(AT).ok_or(AddressError::Form)?;
    let (denied, hyphens) = (AsciiDenyList::STD3, Hyphens::CheckFirstLast);
    let domain = Uts46::new().to_ascii(domain.as_bytes(), denied, hyphens, DnsLength::Verify);
    let domain = domain.map_err(|_| AddressError::Form)?;
    if local.is_ascii() {
        return Ok(Cow::Owned(format!("{local}@{domain}")));
    }
    // It is the letters alone that are wrong if the address is one without them.
    let letters = |character: char| if character.is_ascii() { character } else { 'a' };
    let plain: String = local.chars().map(letters).collect();
    Address::parse(&format!("{plain}@{domain}")).and(Err(AddressError::Local))
}

/// Shows only the domain: addresses are personal data and must not reach a log by accident.
impl fmt::Debug for Address {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Address(…@{})", self.domain())
    }
}

#[cfg(test)]
mod tests {
    use super::{Address, AddressError, is_international_mailbox, is_mailbox};

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
    fn a_domain_of_any_script_becomes_a_labels() {
        for (typed, address) in [
            ("kontakt@b\u{fc}cher.example", "kontakt@xn--bcher-kva.example"),
            ("kontakt@bu\u{308}cher.example", "kontakt@xn--bcher-kva.example"),
            ("kontakt@B\u{dc}CHER.example", "kontakt@xn--bcher-kva.example"),
            ("info@stra\u{df}e.example", "info@xn--strae-oqa.example"),
            ("ada\u{ff20}example\u{ff0e}com", "ada@example.com"),
            ("ada@\u{4f8b}\u{5b50}\u{3002}example", "ada@xn--fsqu00a.example"),
            ("Ada@EXAMPLE.com", "Ada@EXAMPLE.com"),
        ] {
            let parsed = Address::parse_typed(typed).map(|address| address.as_str().to_owned());
            assert_eq!((parsed, is_mailbox(typed)), (Ok(address.to_owned()), true), "{typed}");
        }
    }

    #[test]
    fn what_is_wrong_with_a_typed_address_is_known() {
        let long = format!("a@{}.example", "\u{fc}".repeat(2000));
        for (typed, error) in [
            ("\u{7528}\u{6237}@\u{4f8b}\u{5b50}.example", AddressError::Local),
            ("j\u{fc}rgen@example.com", AddressError::Local),
            ("J\u{fc}rgen <a@b.example>", AddressError::Form),
            ("J\u{fc}rgen a@b.example", AddressError::Form),
            ("gr\u{f6}\u{df}e", AddressError::Form),
            ("\u{fc}%b@example.com", AddressError::Route),
            ("a@b\u{fc}\u{ff20}c.example", AddressError::Form),
            ("a@\u{fc}_b.example", AddressError::Form),
            ("a@\u{fc}", AddressError::Form),
            ("a@\u{ff3b}127.0.0.1\u{ff3d}", AddressError::Form),
            ("a@\u{fc}\u{2024}\u{ff0f}b.example", AddressError::Form),
            (&long, AddressError::Form),
        ] {
            assert_eq!(Address::parse_typed(typed), Err(error), "{typed}");
            // A domain of one label is a mailbox, but none that mail reaches from here.
            let international = error == AddressError::Local || typed == "a@\u{fc}";
            assert_eq!(is_international_mailbox(typed), international, "{typed}");
        }
    }

    #[test]
    fn nothing_invisible_stays_at_the_ends() {
        for around in
            [" ", "\t\r\n", "\u{a0}", "\u{200b}", "\u{feff}", "\u{202a}", "\u{200e}", "\u{3000}", "\u{2060}", ""]
        {
            assert_eq!(Address::trim(&format!("{around}a@b.example{around}")), "a@b.example", "{around:?}");
        }
        assert_eq!(Address::trim("a @b.example"), "a @b.example");
    }

    #[test]
    fn debug_output_hides_the_local_part() {
        let address = Address::parse("secret.name@Example.com");
        assert_eq!(format!("{address:?}"), "Ok(Address(…@example.com))");
    }
}
