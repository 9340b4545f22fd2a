//! The walk over a mail's HTML that finds text which is hard to read on its background.

use csscolorparser::Color;
use scraper::{ElementRef, Node};

use crate::colour::{Named, declarations, named};

/// The lowest contrast of text that people can read well (WCAG 2.2, 1.4.3).
pub const MIN_CONTRAST: f32 = 4.5;

/// How deep to follow nested elements; anything deeper is ignored.
const MAX_DEPTH: usize = 200;

/// Elements whose text is not displayed.
const INVISIBLE: [&str; 4] = ["head", "script", "style", "title"];

/// A text whose contrast is below [`MIN_CONTRAST`].
#[derive(Debug, Clone, PartialEq)]
pub struct LowContrast<'a> {
    /// The text, without white space around it.
    pub text: &'a str,
    /// Its colour, as `#rrggbb`.
    pub foreground: String,
    /// The colour behind it, as `#rrggbb`.
    pub background: String,
    /// Their contrast, from 1 to 21.
    pub ratio: f32,
}

/// The colours of an element's text; `None` if they cannot be determined.
#[derive(Debug, Clone, Copy)]
struct Colours {
    foreground: Option<Color>,
    background: Option<Color>,
}

/// Finds the texts below an element that are hard to read, in document order.
///
/// Inherits colours from element to element, from inline styles and the attributes `color` and `bgcolor`, starting with
/// black on white. Ignores style sheets, as many mail programs do. Reports a text only if both of its colours are
/// known: a background image or a transparent colour proves nothing.
pub fn low_contrast(root: ElementRef<'_>) -> Vec<LowContrast<'_>> {
    let mut found = Vec::new();
    let start =
        Colours { foreground: Some(Color::new(0.0, 0.0, 0.0, 1.0)), background: Some(Color::new(1.0, 1.0, 1.0, 1.0)) };
    walk(root, start, 0, &mut found);
    found
}

fn walk<'a>(element: ElementRef<'a>, around: Colours, depth: usize, found: &mut Vec<LowContrast<'a>>) {
    let style = declarations(element.attr("style").unwrap_or_default());
    let declared = |name: &str| style.iter().rev().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
    let name = element.value().name();
    if INVISIBLE.contains(&name) || declared("display") == Some("none") || depth > MAX_DEPTH {
        return;
    }
    let foreground = declared("color").or_else(|| element.attr("color"));
    let background =
        declared("background-color").or_else(|| declared("background")).or_else(|| element.attr("bgcolor"));
    // Without its own colour, a link has the mail program's.
    let inherited = if name == "a" { None } else { around.foreground };
    let colours =
        Colours { foreground: resolved(foreground, inherited), background: resolved(background, around.background) };
    for child in element.children() {
        match child.value() {
            Node::Text(text) if !text.trim().is_empty() => found.extend(colours.judge(text.trim())),
            _ => {
                if let Some(child) = ElementRef::wrap(child) {
                    walk(child, colours, depth + 1, found);
                }
            }
        }
    }
}

/// The colour in a value, or the inherited one if the value names none.
fn resolved(value: Option<&str>, inherited: Option<Color>) -> Option<Color> {
    match value.map(named) {
        None | Some(Named::Nothing) => inherited,
        Some(Named::Colour(colour)) => Some(colour),
        Some(Named::Unknown) => None,
    }
}

impl Colours {
    fn judge<'a>(self, text: &'a str) -> Option<LowContrast<'a>> {
        let (foreground, background) = (self.foreground?, self.background?);
        let ratio = contrast(&foreground, &background);
        (ratio < MIN_CONTRAST).then(|| LowContrast {
            text,
            foreground: foreground.to_css_hex().to_string(),
            background: background.to_css_hex().to_string(),
            ratio,
        })
    }
}

/// The contrast of two opaque colours, from 1 to 21 (WCAG 2.2, contrast ratio).
fn contrast(one: &Color, other: &Color) -> f32 {
    let (one, other) = (luminance(one), luminance(other));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

fn luminance(colour: &Color) -> f32 {
    let [red, green, blue, _] = colour.to_linear_rgba();
    0.2126 * red + 0.7152 * green + 0.0722 * blue
}
