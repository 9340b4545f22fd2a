//! What a part of `multipart/form-data` says it is: a form control's name, and a file's.
//!
//! RFC 7578 knows one way to write a name beyond ASCII: as it is, in UTF-8. Senders have more:
//!
//! - browsers and curl write a quote and the ends of a line as `%22`, `%0D` and `%0A` (HTML, "multipart form data"),
//!   older ones with backslashes (RFC 2616, 2.2);
//! - .NET writes an encoded word (RFC 2047), and beside it `filename*` (RFC 8187; RFC 6266, 4.3), which Python's
//!   `requests` writes alone (urllib3 before 1.25), for controls as `name*`;
//! - curl on Windows and older programs write the bytes of their own character set.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode_str;

use super::charset::Charset;

/// The most bytes of a header: a file's name of 255 letters, written in every way, has fewer. Encoded words are looked
/// for in the rest of the text again and again, which must stay cheap.
const MAX_HEADER_BYTES: usize = 8192;

/// A part's `Content-Disposition`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Disposition {
    /// The control's name.
    pub name: String,
    /// The file's name, as it was sent; `None` if the part is a text.
    pub file: Option<String>,
}

impl Disposition {
    /// Reads a header; `None` if it names no control or is too long to be one.
    pub(super) fn parse(header: &[u8]) -> Option<Self> {
        if header.len() > MAX_HEADER_BYTES {
            return None;
        }
        let parameters = parameters(&decode(header));
        let value = |name: &str| parameters.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
        let named = |name: &str, extended_name: &str| {
            let plain = || value(name).map(|text| unescape(&decode_words(text)));
            value(extended_name).and_then(decode_extended).or_else(plain)
        };
        // Whatever has a parameter for a file's name is a file, even if the name cannot be read.
        let is_file = parameters.iter().any(|(name, _)| name == "filename" || name.starts_with("filename*"));
        let file = is_file.then(|| named("filename", "filename*").unwrap_or_default());
        Some(Self { name: named("name", "name*")?, file })
    }
}

/// The text of a name's bytes. As everywhere, valid UTF-8 is UTF-8, whatever its sender calls it; whoever does not write
/// that writes the character set of a Western European Windows.
fn decode(bytes: &[u8]) -> String {
    let text = std::str::from_utf8(bytes).ok().map(Cow::Borrowed).or_else(|| Charset::Windows1252.decode(bytes));
    text.unwrap_or_default().into_owned()
}

/// The parameters of a header, by their names in lower case (RFC 2183, 2).
fn parameters(header: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut rest = header;
    while let Some(end) = rest.find([';', '=']) {
        let (name, value) = rest.split_at(end);
        let Some(value) = value.strip_prefix('=').map(str::trim_start) else {
            rest = value.trim_start_matches(';');
            continue;
        };
        let (value, further) = match value.strip_prefix('"') {
            Some(quoted) => unquote(quoted),
            None => {
                let (token, further) = value.split_at(value.find(';').unwrap_or(value.len()));
                (token.trim_end().to_owned(), further)
            }
        };
        found.push((name.trim().to_ascii_lowercase(), value));
        rest = further;
    }
    found
}

/// A quoted text up to its end, and what follows it. A backslash stays where it hides nothing: old browsers send paths
/// of Windows.
fn unquote(quoted: &str) -> (String, &str) {
    let mut text = String::new();
    let mut characters = quoted.chars();
    while let Some(character) = characters.next() {
        let hidden = characters.as_str().chars().next().filter(|next| character == '\\' && matches!(next, '"' | '\\'));
        match (character, hidden) {
            (_, Some(hidden)) => {
                text.push(hidden);
                characters.next();
            }
            ('"', None) => break,
            (character, None) => text.push(character),
        }
    }
    (text, characters.as_str())
}

/// A text whose quotes and line ends were escaped for a form's body.
fn unescape(text: &str) -> String {
    text.replace("%22", "\"").replace("%0D", "\r").replace("%0A", "\n")
}

/// The text of `charset'language'percent-encoded` (RFC 8187, 3.2.1).
fn decode_extended(value: &str) -> Option<String> {
    let (_charset, rest) = value.split_once('\'')?;
    let (_language, text) = rest.split_once('\'')?;
    Some(decode(&percent_decode_str(text).collect::<Vec<u8>>()))
}

/// A text with its encoded words read (RFC 2047, 2); white space between two of them is none.
fn decode_words(text: &str) -> String {
    let (mut decoded, mut rest, mut follows_word) = (String::new(), text, false);
    while let Some((before, start)) = rest.split_once("=?") {
        let word = word(start);
        if word.is_none() || !follows_word || !before.trim().is_empty() {
            decoded.push_str(before);
        }
        follows_word = word.is_some();
        match word {
            Some((word, further)) => {
                decoded.push_str(&word);
                rest = further;
            }
            None => {
                decoded.push_str("=?");
                rest = start;
            }
        }
    }
    decoded + rest
}

/// The word `charset?encoding?text?=` at the beginning of a text, and what follows it.
fn word(text: &str) -> Option<(String, &str)> {
    let (_charset, text) = text.split_once('?')?;
    let (encoding, text) = text.split_once('?')?;
    let (text, further) = text.split_once("?=")?;
    let bytes = match encoding {
        "B" | "b" => STANDARD.decode(text).ok()?,
        // Percent-encoding by another sign, and with another space.
        "Q" | "q" => percent_decode_str(&text.replace('%', "%25").replace('=', "%").replace('_', " ")).collect(),
        _ => return None,
    };
    Some((decode(&bytes), further))
}

#[cfg(test)]
mod tests {
    use super::{Disposition, MAX_HEADER_BYTES};

    fn file(header: &[u8]) -> Option<String> {
        Disposition::parse(&[b"form-data; name=cv; ", header].concat()).and_then(|part| part.file)
    }

    #[test]
    fn a_file_has_its_name_however_it_is_written() {
        for (header, name) in [
            // RFC 7578, 5.1; curl; undici.
            ("filename=\"Müller.pdf\"", "Müller.pdf"),
            ("filename=a.pdf", "a.pdf"),
            ("FileName = \"a;b.pdf\" ; x=1", "a;b.pdf"),
            // HTML, "multipart form data".
            ("filename=\"CV %22final%22%0D%0A 100%.pdf\"", "CV \"final\"\r\n 100%.pdf"),
            // curl with --form-escape, and before 7.81.
            ("filename=\"CV \\\"final\\\" \\\\.pdf\"", "CV \"final\" \\.pdf"),
            // Internet Explorer.
            ("filename=\"C:\\Users\\ada\\cv.pdf\"", "C:\\Users\\ada\\cv.pdf"),
            // System.Net.Http, and the same with a name given to ContentDispositionHeaderValue alone.
            ("filename=\"=?utf-8?B?w7wucGRm?=\"; filename*=utf-8''%C3%BC.pdf", "ü.pdf"),
            ("filename=\"=?utf-8?B?w7wucGRm?=\"", "ü.pdf"),
            // Jakarta Mail's MimeUtility.
            ("filename=\"=?UTF-8?Q?Lebenslauf_M=C3=BCller?= =?UTF-8?Q?_neu.pdf?=\"", "Lebenslauf Müller neu.pdf"),
            ("filename=\"=?ISO-8859-1?Q?M=FCller?=.pdf\"", "Müller.pdf"),
            // urllib3 1.24; RFC 5987's other character set.
            ("filename*=utf-8''%C3%BC%22.pdf", "ü\".pdf"),
            ("filename*=ISO-8859-1'de'M%FCller.pdf", "Müller.pdf"),
            ("filename*=\"UTF-8''%C3%BC.pdf\"", "ü.pdf"),
            // What is not to be read is a file all the same.
            ("filename*=cv.pdf; filename=\"b.pdf\"", "b.pdf"),
            ("filename*=cv.pdf", ""),
            ("filename*0*=utf-8''a; filename*1=.pdf", ""),
            ("filename=\"=?utf-8?B?!?=.pdf\"", "=?utf-8?B?!?=.pdf"),
            ("filename=\"=?utf-8?X?a?=.pdf\"", "=?utf-8?X?a?=.pdf"),
            ("filename=\"cut", "cut"),
            ("filename=", ""),
        ] {
            assert_eq!(file(header.as_bytes()), Some(name.to_owned()), "{header}");
        }
        // curl on Windows.
        assert_eq!(file(b"filename=\"M\xfcller.pdf\""), Some("Müller.pdf".to_owned()));
        assert_eq!(file(b"x; filenames=\"a\""), None);
    }

    #[test]
    fn a_control_has_its_name() {
        for (header, name) in [
            ("form-data; name=\"a%22b\"", Some("a\"b")),
            ("form-data; name*=utf-8''gr%C3%B6%C3%9Fe", Some("größe")),
            ("form-data; name=\"=?utf-8?B?Z3LDtsOfZQ==?=\"", Some("größe")),
            ("form-data; filename=\"name=x\"; name=y", Some("y")),
            ("form-data", None),
            ("", None),
        ] {
            let found = Disposition::parse(header.as_bytes()).map(|part| part.name);
            assert_eq!(found.as_deref(), name, "{header}");
        }
        let long = format!("form-data; name={}", "a".repeat(MAX_HEADER_BYTES));
        assert_eq!(Disposition::parse(long.as_bytes()), None);
    }
}
