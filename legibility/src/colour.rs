//! Inline styles, and the colours that they name.

use csscolorparser::Color;
use cssparser::{ParseError, Parser, Token};

/// The declarations of a `style` attribute with names in lower case, as far as they can be read.
pub fn declarations(style: &str) -> Vec<(String, String)> {
    let mut parser = Parser::new(style);
    let mut found = Vec::new();
    while !parser.is_exhausted() {
        let declaration: Result<_, ParseError<()>> =
            parser.parse_until_after(cssparser::Delimiter::Semicolon, |parser| {
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

/// What a value says about a colour.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Named {
    /// An opaque colour.
    Colour(Color),
    /// Nothing.
    Nothing,
    /// Something that depends on what is behind it: an image, a gradient, a transparent colour.
    Unknown,
}

/// Finds the colour in a value of `color`, `background` or `background-color`.
pub(crate) fn named(value: &str) -> Named {
    let mut parser = Parser::new(value);
    let mut found = Named::Nothing;
    loop {
        parser.skip_whitespace();
        let start = parser.position();
        let function = match parser.next() {
            Err(_) => return found,
            Ok(Token::UnquotedUrl(_)) => return Named::Unknown,
            Ok(Token::Function(name)) if name.eq_ignore_ascii_case("url") || name.ends_with("gradient") => {
                return Named::Unknown;
            }
            Ok(token) => matches!(token, Token::Function(_)),
        };
        if function {
            let rest: Result<(), ParseError<()>> = parser.parse_nested_block(|block| {
                while block.next().is_ok() {}
                Ok(())
            });
            if rest.is_err() {
                return Named::Unknown;
            }
        }
        let text = parser.slice_from(start).trim();
        match csscolorparser::parse(text) {
            Ok(colour) if colour.a < 1.0 => return Named::Unknown,
            Ok(colour) => found = Named::Colour(colour),
            Err(_) => {}
        }
    }
}
