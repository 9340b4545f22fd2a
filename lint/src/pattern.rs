//! Proves that a pattern allows neither web or mail addresses nor markup.

use regex_syntax::hir::{Class, ClassUnicode, ClassUnicodeRange, Hir, HirKind, Look};

/// Characters that occur in addresses and markup, including the wide and small forms that browsers and mail programs
/// treat as equal (UTS 46); line breaks and other controls; and those that change the text direction (UAX 9).
const TELLING: &[(char, char)] = &[
    ('\0', '\u{1f}'),
    ('/', '/'),
    (':', ':'),
    ('<', '<'),
    ('>', '>'),
    ('@', '@'),
    ('\u{7f}', '\u{9f}'),
    ('\u{61c}', '\u{61c}'),
    ('\u{200e}', '\u{200f}'),
    ('\u{2028}', '\u{202e}'),
    ('\u{2066}', '\u{2069}'),
    ('\u{fe55}', '\u{fe55}'),
    ('\u{fe64}', '\u{fe65}'),
    ('\u{fe6b}', '\u{fe6b}'),
    ('\u{feff}', '\u{feff}'),
    ('\u{ff0f}', '\u{ff0f}'),
    ('\u{ff1a}', '\u{ff1a}'),
    ('\u{ff1c}', '\u{ff1c}'),
    ('\u{ff1e}', '\u{ff1e}'),
    ('\u{ff20}', '\u{ff20}'),
];

/// Full stops: next to letters they form a host name, which mail programs turn into a link.
const STOPS: &[(char, char)] = &[
    ('.', '.'),
    ('\u{2024}', '\u{2024}'),
    ('\u{3002}', '\u{3002}'),
    ('\u{fe52}', '\u{fe52}'),
    ('\u{ff0e}', '\u{ff0e}'),
    ('\u{ff61}', '\u{ff61}'),
];

/// Why a pattern proves nothing, as the end of the sentence "its `pattern` …".
pub fn objection(pattern: &str) -> Option<&'static str> {
    let Ok(hir) = regex_syntax::parse(pattern) else { return Some("cannot be parsed") };
    let HirKind::Concat(parts) = hir.kind() else { return Some("does not begin with `^` and end with `$`") };
    let ends = parts.first().zip(parts.last());
    let anchored = ends.is_some_and(|(first, last)| {
        *first.kind() == HirKind::Look(Look::Start) && *last.kind() == HirKind::Look(Look::End)
    });
    if !anchored {
        return Some("does not begin with `^` and end with `$`");
    }
    let mut characters = ClassUnicode::empty();
    gather(&hir, &mut characters);
    if meets(&characters, &class(TELLING)) {
        return Some("allows a character of web addresses, mail addresses, markup or line breaks");
    }
    let letters = characters.iter().any(|range| (range.start()..=range.end()).any(char::is_alphabetic));
    (letters && meets(&characters, &class(STOPS))).then_some("allows letters with a full stop, which make a link")
}

fn class(ranges: &[(char, char)]) -> ClassUnicode {
    ClassUnicode::new(ranges.iter().map(|(start, end)| ClassUnicodeRange::new(*start, *end)))
}

fn meets(characters: &ClassUnicode, others: &ClassUnicode) -> bool {
    let mut both = characters.clone();
    both.intersect(others);
    !both.ranges().is_empty()
}

/// Every character that a match can contain.
fn gather(hir: &Hir, characters: &mut ClassUnicode) {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => {}
        HirKind::Literal(literal) => {
            for character in String::from_utf8_lossy(&literal.0).chars() {
                characters.push(ClassUnicodeRange::new(character, character));
            }
        }
        HirKind::Class(Class::Unicode(class)) => characters.union(class),
        HirKind::Class(Class::Bytes(_)) => characters.push(ClassUnicodeRange::new('\0', char::MAX)),
        HirKind::Repetition(repetition) => gather(&repetition.sub, characters),
        HirKind::Capture(capture) => gather(&capture.sub, characters),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => {
            parts.iter().for_each(|part| gather(part, characters));
        }
    }
}
