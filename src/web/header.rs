//! Makes text safe for headers.

const BYTE_ORDER_MARK: char = '\u{feff}';

/// Makes a text safe for headers: replaces white space and control characters of any kind with single spaces, and
/// removes characters that change the text direction, which can make one text look like another.
pub fn one_line(text: &str, max_chars: usize) -> String {
    let visible = text.chars().filter(|character| !turns_direction(*character) && *character != BYTE_ORDER_MARK);
    let spaced: String = visible.map(|character| if breaks_line(character) { ' ' } else { character }).collect();
    let line = spaced.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= max_chars {
        return line;
    }
    line.chars().take(max_chars - 1).chain(['…']).collect()
}

/// Whether a character ends a line or controls a terminal.
pub fn breaks_line(character: char) -> bool {
    character.is_control() || matches!(character, '\u{2028}' | '\u{2029}')
}

/// Whether a character has Unicode's property `Bidi_Control` (UAX 9, 2), so that it changes how the text around it
/// looks.
pub const fn turns_direction(character: char) -> bool {
    matches!(character, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::one_line;

    #[test]
    fn a_header_text_is_one_line_without_tricks() {
        for (text, line) in [
            ("Hello", "Hello"),
            ("Hello\r\nBcc: x@y.example", "Hello Bcc: x@y.example"),
            ("  a\tb\u{0}c\u{7f}d\u{85}e\u{2028}f  ", "a b c d e f"),
            ("safe\u{202e}txt.exe", "safetxt.exe"),
            ("safe\u{61c}gpj.exe", "safegpj.exe"),
            ("\n\n", ""),
        ] {
            assert_eq!(one_line(text, 250), line, "{text:?}");
        }
    }

    #[test]
    fn a_long_text_is_cut_with_a_sign() {
        assert_eq!(one_line("äbcdef", 6), "äbcdef");
        assert_eq!(one_line("äbcdef", 5), "äbcd…");
    }
}
