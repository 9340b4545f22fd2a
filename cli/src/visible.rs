//! Text of others, for terminals: replaces characters that could control a terminal or hide other text with an escape,
//! `\u001b`.
//!
//! The escape is that of JSON and of templates, so that JSON keeps its meaning. Everything that the tool prints passes
//! [`styled`] in `console`; what others wrote also passes [`text`] or [`line`] before a style is put around it.

use postern_lint::character::{steering, steers};

/// Makes a text of several lines visible.
pub fn text(text: &str) -> String {
    let places: Vec<_> = steering(text).map(|(index, _)| index).collect();
    escaped(text, |index, _| places.binary_search(&index).is_ok())
}

/// Makes a text visible that is part of a line, and must not start another one.
pub fn line(text: &str) -> String {
    escaped(text, |_, character| steers(character) || character == '\n')
}

/// Makes a text with our own styles visible: sequences that set a colour or a weight pass, and nothing else that a
/// terminal obeys.
pub fn styled(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find('\u{1b}') {
        let (plain, from) = rest.split_at(start);
        shown.push_str(&self::text(plain));
        let end = style(from).unwrap_or(1);
        let (sequence, after) = from.split_at(end);
        shown.push_str(&if end > 1 { sequence.to_owned() } else { self::text(sequence) });
        rest = after;
    }
    shown.push_str(&self::text(rest));
    shown
}

/// The length of the style at the start of a text: `ESC [`, numbers of ECMA-48's "Select Graphic Rendition" that the
/// tool's own styles and those of its reports set, `m`. None of them conceals, moves or blinks.
fn style(text: &str) -> Option<usize> {
    let parameters = text.strip_prefix("\u{1b}[")?;
    let end = parameters.find('m')?;
    let known =
        |number: &str| matches!(number, "0" | "1" | "2" | "31" | "32" | "33" | "91" | "92" | "93" | "94" | "96");
    parameters.get(..end)?.split(';').all(known).then_some("\u{1b}[".len() + end + "m".len())
}

fn escaped(text: &str, hides: impl Fn(usize, char) -> bool) -> String {
    let mut shown = String::with_capacity(text.len());
    for (index, character) in text.char_indices() {
        if hides(index, character) {
            shown.push_str(&format!("\\u{:04x}", u32::from(character)));
        } else {
            shown.push(character);
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::{line, styled, text};

    #[test]
    fn what_steers_is_shown_and_what_people_write_stays() {
        for (written, shown) in [
            ("a\u{1b}[8mb\u{1b}[1A\u{9b}2K", "a\\u001b[8mb\\u001b[1A\\u009b2K"),
            ("\u{202e}live\u{2069}\u{61c}\u{200f}", "\\u202elive\\u2069\\u061c\\u200f"),
            ("one\rtwo\r\nthree\n\tfour", "one\\u000dtwo\r\nthree\n\tfour"),
            ("\u{7f}\u{0}\u{2028}", "\\u007f\\u0000\\u2028"),
            (
                "مرحبا שלום 👩\u{200d}💻 क्\u{200d}ष می\u{200c}خواهم",
                "مرحبا שלום 👩\u{200d}💻 क्\u{200d}ष می\u{200c}خواهم",
            ),
        ] {
            assert_eq!(text(written), shown);
            assert_eq!(styled(written), shown);
        }
        assert_eq!(line("one\ntwo\r\n\tthree"), "one\\u000atwo\\u000d\\u000a\tthree");
    }

    #[test]
    fn styles_pass_where_they_are_ours_and_nothing_like_them() {
        let ours = "\u{1b}[1m\u{1b}[31mred\u{1b}[0m \u{1b}[1;94mblue\u{1b}[0m";
        assert_eq!(styled(ours), ours);
        assert_eq!(text("\u{1b}[1mbold"), "\\u001b[1mbold");
        for hidden in ["[8m", "[7m", "[30m", "[1;8m", "[m", "[1", "]0;title\u{7}", "[38;5;0m", "c"] {
            let shown = styled(&format!("\u{1b}{hidden}x"));
            assert!(!shown.contains('\u{1b}'), "{shown}");
        }
    }

    #[test]
    fn json_stays_what_it_was() {
        let value = serde_json::json!({"a\u{202e}": "b\\\u{7f}\u{9b}\u{1b}\n"});
        let shown = styled(&value.to_string());
        assert!(shown.is_ascii(), "{shown}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&shown).ok(), Some(value));
    }
}
