//! The look at an HTML body, element by element.

use csscolorparser::Color;
use http::Uri;
use postern_legibility::{MIN_CONTRAST, Named, contrast, declarations, named};
use scraper::{ElementRef, Html, Node};

use super::support::{FEATURES, Sign};
use super::{Checks, Level};

/// What mail programs take out, or filters take offence at.
const REMOVED: [&str; 8] = ["script", "form", "input", "iframe", "object", "embed", "base", "link"];

/// Deepest nesting of elements that is looked into.
const DEEPEST: usize = 200;

/// A text's colour and what it stands on; `None` where that cannot be told.
#[derive(Clone)]
struct Paper {
    ink: Option<Color>,
    ground: Option<Color>,
}

pub(super) fn look(html: &str, checks: &mut Checks) {
    let document = Html::parse_document(html);
    for element in document.root_element().descendent_elements() {
        look_at(element, checks);
    }
    let paper = Paper { ink: seen("black", None), ground: seen("white", None) };
    read(document.root_element(), &paper, 0, checks);
}

fn look_at(element: ElementRef<'_>, checks: &mut Checks) {
    let name = element.value().name();
    if REMOVED.contains(&name) {
        checks.find(Level::Error, "removed", format!("Mail programs take <{name}> out, and filters mind it."));
    }
    if element.value().attrs().any(|(attribute, _)| attribute.starts_with("on")) {
        checks.find(Level::Error, "removed", format!("Mail programs run no scripts: <{name}> has a handler."));
    }
    match name {
        "a" | "area" => link(element, checks),
        "img" => picture(element, checks),
        _ => {}
    }
    let style = declarations(element.attr("style").unwrap_or_default());
    let sheet = if name == "style" { element.text().collect() } else { String::new() };
    for feature in &FEATURES {
        if shows(feature.sign, element, &style, &sheet) {
            let message = format!("{}: unknown to {}.", feature.name, feature.unknown_to);
            checks.find(Level::Note, "support", message);
        }
    }
}

fn shows(sign: Sign, element: ElementRef<'_>, style: &[(String, String)], sheet: &str) -> bool {
    match sign {
        Sign::Element(name) => element.value().name() == name,
        Sign::Value(property, value) => style.iter().any(|(name, said)| name == property && said.contains(value)),
        Sign::Property(property) => style
            .iter()
            .any(|(name, _)| name.strip_prefix(property).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))),
        Sign::Custom => style.iter().any(|(name, _)| name.starts_with("--")),
        Sign::Sheet(text) => sheet.contains(text),
        Sign::DataPicture => {
            element.value().name() == "img" && element.attr("src").is_some_and(|source| source.starts_with("data:"))
        }
    }
}

fn link(element: ElementRef<'_>, checks: &mut Checks) {
    let Some(address) = element.attr("href") else { return };
    checks.link(address, words(element));
    let scheme = address.split_once(':').map(|(scheme, _)| scheme.to_ascii_lowercase());
    match scheme.as_deref() {
        Some("mailto" | "tel") => {}
        Some("https") if has_host(address) => {}
        Some("http") if has_host(address) => {
            checks.find(Level::Warning, "links", format!("The link to {address} is not https."));
        }
        _ => checks.find(Level::Error, "links", format!("The link to `{address}` leads nowhere from a mail.")),
    }
}

fn has_host(address: &str) -> bool {
    address.parse::<Uri>().is_ok_and(|uri| uri.host().is_some_and(|host| !host.is_empty()))
}

fn words(element: ElementRef<'_>) -> String {
    element.text().flat_map(str::split_whitespace).collect::<Vec<_>>().join(" ")
}

fn picture(element: ElementRef<'_>, checks: &mut Checks) {
    let source: String = element.attr("src").unwrap_or_default().chars().take(80).collect();
    if element.attr("alt").is_none() {
        checks.find(Level::Error, "pictures", format!("The picture {source} has no alt text."));
    }
    if !["https:", "cid:", "data:"].iter().any(|scheme| source.starts_with(scheme)) {
        checks.find(Level::Warning, "pictures", format!("The picture `{source}` is neither https nor attached."));
    }
}

/// Follows colours down the tree. Style sheets are not looked at: many programs do not either.
fn read(element: ElementRef<'_>, around: &Paper, depth: usize, checks: &mut Checks) {
    let style = declarations(element.attr("style").unwrap_or_default());
    let says = |name: &str| style.iter().rev().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
    let unseen = matches!(element.value().name(), "head" | "style" | "script" | "title");
    if unseen || says("display") == Some("none") || depth > DEEPEST {
        return;
    }
    let ink = says("color").or_else(|| element.attr("color"));
    let ground = says("background-color").or_else(|| says("background")).or_else(|| element.attr("bgcolor"));
    // A link without a colour of its own has that of the mail program.
    let inherited = if element.value().name() == "a" { None } else { around.ink };
    let paper = Paper {
        ink: ink.map_or(inherited, |value| seen(value, inherited)),
        ground: ground.map_or(around.ground, |value| seen(value, around.ground)),
    };
    for child in element.children() {
        match child.value() {
            Node::Text(text) if !text.trim().is_empty() => compare(text.trim(), &paper, checks),
            _ => {
                if let Some(child) = ElementRef::wrap(child) {
                    read(child, &paper, depth + 1, checks);
                }
            }
        }
    }
}

/// The colour that a value gives: what is around where it names none, and `None` where it cannot be told.
fn seen(value: &str, around: Option<Color>) -> Option<Color> {
    match named(value) {
        Named::Colour(colour) => Some(colour),
        Named::Nothing => around,
        Named::Unknown => None,
    }
}

fn compare(text: &str, paper: &Paper, checks: &mut Checks) {
    let (Some(ink), Some(ground)) = (&paper.ink, &paper.ground) else { return };
    let found = contrast(ink, ground);
    if found < MIN_CONTRAST {
        let start: String = text.chars().take(40).collect();
        let (ink, ground) = (ink.to_css_hex(), ground.to_css_hex());
        let message = format!("“{start}” in {ink} on {ground} has a contrast of {found:.1}, below {MIN_CONTRAST}.");
        checks.find(Level::Warning, "contrast", message);
    }
}
