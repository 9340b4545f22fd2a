//! Checks an HTML body, element by element.

use http::Uri;
use postern_legibility::{LowContrast, MIN_CONTRAST, declarations, low_contrast};
use scraper::{ElementRef, Html};

use super::support::{FEATURES, Marker};
use super::{Checks, Level};

/// Elements that mail programs remove, or that filters object to.
const REMOVED: [&str; 8] = ["script", "form", "input", "iframe", "object", "embed", "base", "link"];

pub(super) fn check(html: &str, checks: &mut Checks) {
    let document = Html::parse_document(html);
    for element in document.root_element().descendent_elements() {
        check_element(element, checks);
    }
    for found in low_contrast(document.root_element()) {
        contrast(&found, checks);
    }
}

fn check_element(element: ElementRef<'_>, checks: &mut Checks) {
    let name = element.value().name();
    if REMOVED.contains(&name) {
        checks.find(Level::Error, "removed", format!("Mail programs remove <{name}>, and spam filters object to it."));
    }
    if element.value().attrs().any(|(attribute, _)| attribute.starts_with("on")) {
        checks.find(
            Level::Error,
            "removed",
            format!("Mail programs do not run scripts, but <{name}> has an event handler."),
        );
    }
    match name {
        "a" | "area" => link(element, checks),
        "img" => picture(element, checks),
        _ => {}
    }
    let style = declarations(element.attr("style").unwrap_or_default());
    let sheet = if name == "style" { element.text().collect() } else { String::new() };
    for feature in &FEATURES {
        if shows(feature.marker, element, &style, &sheet) {
            let message = format!("{}: not supported by {}.", feature.name, feature.unknown_to);
            checks.find(Level::Note, "support", message);
        }
    }
}

fn shows(marker: Marker, element: ElementRef<'_>, style: &[(String, String)], sheet: &str) -> bool {
    match marker {
        Marker::Element(name) => element.value().name() == name,
        Marker::Value(property, value) => style.iter().any(|(name, said)| name == property && said.contains(value)),
        Marker::Property(property) => style
            .iter()
            .any(|(name, _)| name.strip_prefix(property).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))),
        Marker::Custom => style.iter().any(|(name, _)| name.starts_with("--")),
        Marker::Sheet(text) => sheet.contains(text),
        Marker::DataPicture => {
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
        _ => checks.find(Level::Error, "links", format!("The link to `{address}` does not work in a mail.")),
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
        checks.find(Level::Error, "pictures", format!("The image {source} has no alt text."));
    }
    if !["https:", "cid:", "data:"].iter().any(|scheme| source.starts_with(scheme)) {
        checks.find(Level::Warning, "pictures", format!("The image `{source}` is neither https nor attached."));
    }
}

fn contrast(found: &LowContrast<'_>, checks: &mut Checks) {
    let LowContrast { text, foreground, background, ratio } = found;
    let start: String = text.chars().take(40).collect();
    let message =
        format!("“{start}” in {foreground} on {background} has a contrast of {ratio:.1}, below {MIN_CONTRAST}.");
    checks.find(Level::Warning, "contrast", message);
}
