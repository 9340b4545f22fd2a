//! Colours as styles name them, and how well one can be read on another.

use csscolorparser::Color;
use cssparser::{Delimiter, ParseError, Parser};

/// The least contrast of text that people can read well (WCAG 2.2, 1.4.3).
pub(super) const MIN_CONTRAST: f32 = 4.5;

/// The declarations of a style, names in lower case, as far as they can be read.
pub(super) fn declarations(style: &str) -> Vec<(String, String)> {
    let mut parser = Parser::new(style);
    let mut found = Vec::new();
    while !parser.is_exhausted() {
        let declaration: Result<_, ParseError<()>> = parser.parse_until_after(Delimiter::Semicolon, |parser| {
            let name = parser.expect_ident()?.to_ascii_lowercase();
            parser.expect_colon()?;
            let start = parser.position();
            while parser.next().is_ok() {}
            Ok((name, parser.slice_from(start).trim().to_owned()))
        });
        found.extend(declaration);
    }
    found
}

/// An opaque colour; `None` where the text says something else, or more.
pub(super) fn opaque(value: &str) -> Option<Color> {
    csscolorparser::parse(value.trim()).ok().filter(|colour| colour.a >= 1.0)
}

/// The contrast of two opaque colours, from 1 to 21 (WCAG 2.2, contrast ratio).
pub(super) fn contrast(one: &Color, other: &Color) -> f32 {
    let (one, other) = (luminance(one), luminance(other));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

fn luminance(colour: &Color) -> f32 {
    let [red, green, blue, _] = colour.to_linear_rgba();
    0.2126 * red + 0.7152 * green + 0.0722 * blue
}
