//! The elements, attributes and links that the HTML of a mail may have.

use postern::policy::{Files, Mail, Part, Place, TEMPLATES_FOLDER, Template};
use postern_legibility::{LowContrast, MIN_CONTRAST, declarations, low_contrast};
use scraper::{ElementRef, Html};

use crate::Findings;

/// Elements that are not allowed in a mail, with the reason.
const REFUSED: &[(&str, &str)] = &[
    ("script", "mail programs do not run scripts, and filters treat them as an attack"),
    ("form", "a form in a mail sends what people type to a place that they cannot see"),
    ("input", "a form in a mail sends what people type to a place that they cannot see"),
    ("button", "a button without a form does nothing; style a link instead"),
    ("iframe", "mail programs do not show other pages"),
    ("object", "mail programs do not show embedded content"),
    ("embed", "mail programs do not show embedded content"),
    ("base", "it changes where all links lead"),
    ("link", "an external stylesheet is either not loaded or reveals that the mail was opened"),
];

/// Checks a rendered body.
pub fn check(html: &str, mail: &Mail, files: &Files, findings: &mut Findings) {
    let document = Html::parse_document(html);
    let mut check = Check { template: &mail.template, files, findings };
    for element in document.root_element().descendent_elements() {
        check.element(element);
    }
    for found in low_contrast(document.root_element()) {
        check.contrast(&found);
    }
}

struct Check<'a> {
    template: &'a Template,
    files: &'a Files,
    findings: &'a mut Findings,
}

impl Check<'_> {
    /// Reports a finding at the first place in the template or a layout that contains the text.
    fn error(&mut self, needle: &str, message: String, help: &str) {
        let own = self.template.path(Part::Html.file());
        let layouts = self.files.paths().filter(|path| {
            path.strip_prefix(TEMPLATES_FOLDER).is_some_and(|name| !name.contains('/') && name.ends_with(".html.j2"))
        });
        let found = std::iter::once(own.as_str()).chain(layouts).find_map(|path| {
            let start = self.files.text(path)?.find(needle)?;
            Some((path.to_owned(), Place::Span(start..start + needle.len())))
        });
        let (file, place) = found.unwrap_or((own, Place::File));
        self.findings.error(&file, place, message, help);
    }

    fn element(&mut self, element: ElementRef<'_>) {
        let name = element.value().name();
        if let Some((_, reason)) = REFUSED.iter().find(|(refused, _)| *refused == name) {
            self.error(&format!("<{name}"), format!("`<{name}>` is not allowed in mail: {reason}."), "Remove it.");
        }
        for (attribute, _) in element.value().attrs().filter(|(attribute, _)| attribute.starts_with("on")) {
            let message = format!("`{attribute}` is not allowed in mail: mail programs do not run scripts.");
            self.error(attribute, message, "Remove the attribute.");
        }
        match name {
            "a" | "area" => self.link(element),
            "img" => self.image(element),
            "meta" if element.attr("http-equiv").is_some_and(|value| value.eq_ignore_ascii_case("refresh")) => {
                self.error("http-equiv", "A mail cannot redirect its reader.".to_owned(), "Remove the refresh.");
            }
            "style" if element.text().any(|text| text.contains("@import")) => {
                let message = "An external stylesheet is either not loaded or reveals that the mail was opened.";
                self.error("@import", message.to_owned(), "Put the styles into the mail.");
            }
            _ => {}
        }
    }

    fn link(&mut self, element: ElementRef<'_>) {
        let Some(target) = element.attr("href") else { return };
        if !is_https(target) && !target.starts_with("mailto:") {
            let message = format!("The link to `{target}` is not an absolute https address.");
            self.error(target, message, "Write https://…, or mailto: with an address.");
        }
    }

    fn image(&mut self, element: ElementRef<'_>) {
        let source = element.attr("src").unwrap_or_default();
        if element.attr("alt").is_none() {
            let message = format!("The image `{source}` has no `alt`.");
            self.error(source, message, "Describe what it shows, or write alt=\"\" if it is decoration.");
        }
        if !is_https(source) && !source.starts_with("cid:") {
            let message = format!("The image `{source}` does not have an absolute https address.");
            self.error(source, message, "Write https://…, or cid: for an attachment.");
        }
        if is_https(source) && is_pixel(element) {
            let message = format!("The image `{source}` is a tracking pixel.");
            self.error(source, message, "Remove it: system mail does not track its readers.");
        }
    }

    fn contrast(&mut self, found: &LowContrast<'_>) {
        let LowContrast { text, foreground, background, ratio } = found;
        let message = format!(
            "Text in {foreground} on {background} has a contrast of {ratio:.1}, below the minimum of {MIN_CONTRAST}."
        );
        let line = text.lines().next().unwrap_or_default();
        self.error(line, message, "Make the text darker or the background lighter, or the other way round.");
    }
}

fn is_https(address: &str) -> bool {
    let uri: Option<http::Uri> = address.parse().ok();
    uri.is_some_and(|uri| uri.scheme_str() == Some("https") && uri.host().is_some_and(|host| !host.is_empty()))
}

fn is_pixel(image: ElementRef<'_>) -> bool {
    let style = declarations(image.attr("style").unwrap_or_default());
    ["width", "height"].into_iter().any(|side| {
        let styled = style.iter().filter(|(name, _)| name == side).map(|(_, value)| value.as_str());
        image.attr(side).into_iter().chain(styled).any(is_tiny)
    })
}

fn is_tiny(size: &str) -> bool {
    matches!(size.trim().trim_end_matches("px").trim(), "0" | "1")
}
