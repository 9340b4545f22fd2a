//! Finds out what a body is encoded in: UTF-8 if its bytes are valid UTF-8, otherwise what its sender says.

use std::borrow::Cow;

use http::HeaderMap;

use super::Error;
use crate::web::media_type;

/// The control with which a page asks the browser to name the form's encoding (HTML standard, 4.10.21.4; RFC 7578, 4.6).
pub(super) const CHARSET_FIELD: &str = "_charset_";

const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// An encoding that is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Charset {
    /// What nearly everybody sends.
    #[default]
    Utf8,
    /// What a JSON text can be in, but no form (HTML standard, "encoding an entry list").
    Utf16,
    /// What old pages and programs mean by ISO-8859-1 and ASCII.
    Windows1252,
}

/// The labels of each (Encoding Standard, 4.2).
const LABELS: [(Charset, &[&str]); 3] = [
    (Charset::Utf8, &["unicode-1-1-utf-8", "unicode11utf8", "unicode20utf8", "utf-8", "utf8", "x-unicode20utf8"]),
    (
        Charset::Utf16,
        &[
            "csunicode",
            "iso-10646-ucs-2",
            "ucs-2",
            "unicode",
            "unicodefeff",
            "unicodefffe",
            "utf-16",
            "utf-16be",
            "utf-16le",
        ],
    ),
    (
        Charset::Windows1252,
        &[
            "ansi_x3.4-1968",
            "ascii",
            "cp1252",
            "cp819",
            "csisolatin1",
            "ibm819",
            "iso-8859-1",
            "iso-ir-100",
            "iso8859-1",
            "iso88591",
            "iso_8859-1",
            "iso_8859-1:1987",
            "l1",
            "latin1",
            "us-ascii",
            "windows-1252",
            "x-cp1252",
        ],
    ),
];

/// Windows-1252 from 0x80 to 0x9F; the other bytes are the code points of that number (Encoding Standard, 9).
const FROM_0X80: [char; 32] = [
    '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8D}', 'Ž', '\u{8F}', '\u{90}', '‘', '’',
    '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9D}', 'ž', 'Ÿ',
];

impl Charset {
    /// The encoding that a content type names, if it names one.
    ///
    /// # Errors
    /// If it is not one that is read.
    pub fn declared(headers: &HeaderMap) -> Result<Option<Self>, Error> {
        media_type::charset(headers).map(|label| Self::named(label.as_bytes()).ok_or(Error::Charset)).transpose()
    }

    /// The encoding of a label.
    pub fn named(label: &[u8]) -> Option<Self> {
        let label = label.trim_ascii();
        let has = |labels: &[&str]| labels.iter().any(|known| label.eq_ignore_ascii_case(known.as_bytes()));
        LABELS.iter().find(|(_, labels)| has(labels)).map(|(charset, _)| *charset)
    }

    /// The text; `None` if the bytes are not in this encoding.
    pub fn decode(self, bytes: &[u8]) -> Option<Cow<'_, str>> {
        match self {
            Self::Utf8 | Self::Utf16 => std::str::from_utf8(bytes).ok().map(Cow::Borrowed),
            Self::Windows1252 => Some(bytes.iter().map(|byte| windows_1252(*byte)).collect::<String>().into()),
        }
    }
}

pub(crate) fn windows_1252(byte: u8) -> char {
    let special = byte.checked_sub(0x80).and_then(|index| FROM_0X80.get(usize::from(index)));
    special.copied().unwrap_or(char::from(byte))
}

/// A body without the mark that Windows programs put before UTF-8.
pub(crate) fn unmarked(body: &[u8]) -> &[u8] {
    body.strip_prefix(BYTE_ORDER_MARK).unwrap_or(body)
}

/// The text of a JSON body. A JSON text starts with an ASCII character, so UTF-16 shows itself (RFC 4627, 3).
pub(super) fn json(body: &[u8], declared: Option<Charset>) -> Result<Cow<'_, str>, Error> {
    let body = unmarked(body);
    let text = match body {
        [0xFF, 0xFE, text @ ..] => utf16(text, u16::from_le_bytes),
        [0xFE, 0xFF, text @ ..] => utf16(text, u16::from_be_bytes),
        [_, 0, ..] => utf16(body, u16::from_le_bytes),
        [0, _, ..] => utf16(body, u16::from_be_bytes),
        _ => std::str::from_utf8(body).map(Cow::Borrowed).ok().or_else(|| declared?.decode(body)),
    };
    text.ok_or(Error::NotUtf8)
}

fn utf16(bytes: &[u8], unit: impl Fn([u8; 2]) -> u16) -> Option<Cow<'_, str>> {
    let (pairs, rest) = bytes.as_chunks();
    let units: Vec<u16> = pairs.iter().copied().map(unit).collect();
    rest.is_empty().then(|| Cow::Owned(String::from_utf16_lossy(&units)))
}

#[cfg(test)]
mod tests {
    use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};

    use super::{Charset, LABELS, json};

    #[test]
    fn labels_and_texts_are_those_of_the_standard() {
        for (charset, labels) in LABELS {
            for label in labels {
                let known = Encoding::for_label(label.as_bytes()).and_then(|encoding| match encoding {
                    _ if encoding == UTF_8 => Some(Charset::Utf8),
                    _ if encoding == UTF_16LE || encoding == UTF_16BE => Some(Charset::Utf16),
                    _ if encoding == WINDOWS_1252 => Some(Charset::Windows1252),
                    _ => None,
                });
                let named = Charset::named(format!(" {}\t", label.to_uppercase()).as_bytes());
                assert_eq!((known, named), (Some(charset), Some(charset)), "{label}");
            }
        }
        assert_eq!(LABELS.map(|(_, labels)| labels.len()), [6, 9, 17]);
        for label in ["", "utf-7", "utf-32", "iso-8859-15", "shift_jis", "\"utf-8\""] {
            assert_eq!(Charset::named(label.as_bytes()), None, "{label}");
        }
        let bytes: Vec<u8> = (0..=u8::MAX).collect();
        let (text, _) = WINDOWS_1252.decode_without_bom_handling(&bytes);
        assert_eq!(Charset::Windows1252.decode(&bytes), Some(text));
        assert_eq!(Charset::Utf8.decode(&bytes), None);
    }

    #[test]
    fn json_says_itself_whether_it_is_utf_16() {
        let bytes = |text: &str, unit: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(unit).collect::<Vec<_>>();
        for text in ["{\"a\":\"Ü\"}", "\u{FEFF}{\"a\":\"Ü\"}"] {
            for body in [bytes(text, u16::to_le_bytes), bytes(text, u16::to_be_bytes), text.as_bytes().to_vec()] {
                assert_eq!(json(&body, None).as_deref(), Ok("{\"a\":\"Ü\"}"));
                assert_eq!(json(&body, Some(Charset::Windows1252)).as_deref(), Ok("{\"a\":\"Ü\"}"));
            }
        }
        assert!(json(b"\xFF\xFE{\0}", None).is_err());
        assert_eq!(json(b"", None).as_deref(), Ok(""));
    }
}
