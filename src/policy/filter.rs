//! The filters that templates have besides MiniJinja's own.

use std::borrow::Cow;
use std::time::{Duration, UNIX_EPOCH};

use anstream::adapter::strip_str;
use minijinja::{Environment, Error, ErrorKind};

/// Adds the filters to the template language.
pub(super) fn add(environment: &mut Environment<'static>) {
    environment.add_filter("excerpt", excerpt);
    environment.add_filter("strip_ansi", strip_ansi);
    environment.add_filter("utc", utc);
}

/// Of an excerpt, the head is one part in so many: an error stands at the end of a log.
const HEAD: usize = 4;

/// The head and the tail of a text of more than `length` characters, with a note of how many are missing between them.
fn excerpt(text: Cow<'_, str>, length: usize) -> String {
    let left_out = text.chars().count().saturating_sub(length);
    if left_out == 0 {
        return text.into_owned();
    }
    let head = length / HEAD;
    let (start, end): (String, String) =
        (text.chars().take(head).collect(), text.chars().skip(head + left_out).collect());
    format!("{start}\n[... {left_out} characters left out ...]\n{end}")
}

/// What a program wrote to a terminal, without colours, cursor movements and other control sequences (ECMA-48). Each
/// line is read by itself: a sequence that lacks its end takes no other line along.
fn strip_ansi(text: &str) -> String {
    text.split('\n').map(|line| strip_str(line).to_string()).collect::<Vec<_>>().join("\n")
}

/// The last second of the year 9999; later times have no common notation.
const LAST_SECOND: f64 = 253_402_300_799.0;

/// Unix seconds in a format for people, `2026-03-03 07:05 UTC`: many senders write times as numbers.
fn utc(seconds: f64) -> Result<String, Error> {
    if !(0.0..=LAST_SECOND).contains(&seconds) {
        let reason = "utc takes seconds since 1970, up to the year 9999";
        return Err(Error::new(ErrorKind::InvalidOperation, reason));
    }
    let time = humantime::format_rfc3339_seconds(UNIX_EPOCH + Duration::from_secs_f64(seconds)).to_string();
    Ok(format!("{} UTC", time.replace('T', " ").get(..16).unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::{excerpt, strip_ansi};

    #[test]
    fn an_excerpt_keeps_head_and_tail_and_counts_the_rest() {
        assert_eq!(excerpt("abcdefgh".into(), 8), "abcdefgh");
        assert_eq!(excerpt("abcdefghi".into(), 8), "ab\n[... 1 characters left out ...]\ndefghi");
        assert_eq!(excerpt("äöüÄÖÜßéè".into(), 4), "ä\n[... 5 characters left out ...]\nßéè");
        assert_eq!(excerpt("abc".into(), 0), "\n[... 3 characters left out ...]\n");
    }

    #[test]
    fn what_steers_a_terminal_is_removed() {
        for (written, read) in [
            ("\u{1b}[31m\u{1b}[1mFAIL\u{1b}[22m\u{1b}[39m x", "FAIL x"),
            ("\u{1b}[2K\u{1b}[1Gdone", "done"),
            ("\u{1b}[38;5;196mred\u{1b}[38;2;1;2;3mrgb\u{1b}[38:2::1:2:3mitu\u{1b}[m", "redrgbitu"),
            ("\u{1b}]8;;https://c.example\u{1b}\\link\u{1b}]8;;\u{1b}\\", "link"),
            ("\u{1b}]0;title\u{7}text", "text"),
            ("\u{1b}(B\u{1b}=\u{1b}7text\u{1b}8", "text"),
            ("a\n\u{1b}]0;without an end\nb\u{1b}[\nc", "a\n\nb\nc"),
            ("no sequence: [31m äöü\t€", "no sequence: [31m äöü\t€"),
        ] {
            assert_eq!(strip_ansi(written), read, "{written:?}");
        }
    }
}
