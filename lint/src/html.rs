//! What the HTML of a mail may be made of.

use postern::policy::{Files, Mail, Part, Place, TEMPLATES_FOLDER, Template};
use postern_legibility::{self as legibility, Named};
use scraper::{ElementRef, Html, Node};

use crate::Findings;

/// Elements that have no place in a mail, with the reason.
const REFUSED: &[(&str, &str)] = &[
    ("script", "mail programs run no scripts, and filters take them for an attack"),
    ("form", "a form in a mail sends what people type somewhere they cannot see"),
    ("input", "a form in a mail sends what people type somewhere they cannot see"),
    ("button", "a button without a form does nothing; style a link instead"),
    ("iframe", "mail programs show no other pages"),
    ("object", "mail programs show no other content"),
    ("embed", "mail programs show no other content"),
    ("base", "it changes where every link leads"),
    ("link", "a stylesheet from elsewhere tells that the mail was opened, and is not loaded"),
];

/// Judges a rendered body.
pub fn check(html: &str, mail: &Mail, files: &Files, findings: &mut Findings) {
    let document = Html::parse_document(html);
    let mut judge = Judge { template: &mail.template, files, findings };
    for element in document.root_element().descendent_elements() {
        judge.element(element);
    }
    let paper = Paper {
        text: Named::Colour(csscolorparser::Color::new(0.0, 0.0, 0.0, 1.0)),
        ground: Named::Colour(csscolorparser::Color::new(1.0, 1.0, 1.0, 1.0)),
    };
    judge.contrast(document.root_element(), &paper);
}

/// The colours that an element's text has.
#[derive(Clone)]
struct Paper {
    text: Named,
    ground: Named,
}

struct Judge<'a> {
    template: &'a Template,
    files: &'a Files,
    findings: &'a mut Findings,
}

impl Judge<'_> {
    /// Reports at the first place in the template or a layout where the text stands.
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
            self.error(&format!("<{name}"), format!("A mail holds no <{name}>: {reason}."), "Remove it.");
        }
        for (attribute, _) in element.value().attrs().filter(|(attribute, _)| attribute.starts_with("on")) {
            let message = format!("A mail holds no `{attribute}`: mail programs run no scripts.");
            self.error(attribute, message, "Remove the attribute.");
        }
        match name {
            "a" | "area" => self.link(element),
            "img" => self.image(element),
            "meta" if element.attr("http-equiv").is_some_and(|value| value.eq_ignore_ascii_case("refresh")) => {
                self.error("http-equiv", "A mail leads nowhere by itself.".to_owned(), "Remove the refresh.");
            }
            "style" if element.text().any(|text| text.contains("@import")) => {
                let message = "A stylesheet from elsewhere tells that the mail was opened, and is not loaded.";
                self.error("@import", message.to_owned(), "Write styles into the mail.");
            }
            _ => {}
        }
    }

    fn link(&mut self, element: ElementRef<'_>) {
        let Some(target) = element.attr("href") else { return };
        if !is_https(target) && !target.starts_with("mailto:") {
            let message = format!("The link to `{target}` is no absolute https address.");
            self.error(target, message, "Write https://…, or mailto: with an address.");
        }
    }

    fn image(&mut self, element: ElementRef<'_>) {
        let source = element.attr("src").unwrap_or_default();
        if element.attr("alt").is_none() {
            let message = format!("The image `{source}` has no `alt`.");
            self.error(source, message, "Say what it shows, or alt=\"\" if it is decoration.");
        }
        if !is_https(source) && !source.starts_with("cid:") {
            let message = format!("The image `{source}` has no absolute https address.");
            self.error(source, message, "Write https://…, or cid: for an attachment.");
        }
        if is_https(source) && is_pixel(element) {
            let message = format!("The image `{source}` is a tracking pixel.");
            self.error(source, message, "Remove it: system mail does not watch its readers.");
        }
    }

    fn contrast(&mut self, element: ElementRef<'_>, around: &Paper) {
        let style = legibility::declarations(element.attr("style").unwrap_or_default());
        let says = |name: &str| style.iter().rev().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
        if says("display") == Some("none") || matches!(element.value().name(), "head" | "style" | "title") {
            return;
        }
        let text = says("color").or_else(|| element.attr("color"));
        let ground = says("background-color").or_else(|| says("background")).or_else(|| element.attr("bgcolor"));
        // A link without a colour of its own has that of the mail program.
        let inherited = if element.value().name() == "a" { &Named::Unknown } else { &around.text };
        let paper = Paper { text: over(text, inherited), ground: over(ground, &around.ground) };
        for child in element.children() {
            match child.value() {
                Node::Text(text) if !text.trim().is_empty() => self.readable(text.trim(), &paper),
                _ => {
                    if let Some(child) = ElementRef::wrap(child) {
                        self.contrast(child, &paper);
                    }
                }
            }
        }
    }

    fn readable(&mut self, text: &str, paper: &Paper) {
        let (Named::Colour(ink), Named::Colour(ground)) = (&paper.text, &paper.ground) else { return };
        let contrast = legibility::contrast(ink, ground);
        if contrast < legibility::MIN_CONTRAST {
            let (ink, ground) = (ink.to_css_hex(), ground.to_css_hex());
            let message = format!(
                "Text of colour {ink} on {ground} has a contrast of {contrast:.1}; {} is the least.",
                legibility::MIN_CONTRAST
            );
            let line = text.lines().next().unwrap_or_default();
            self.error(line, message, "Choose a darker text or a lighter ground, or the other way round.");
        }
    }
}

/// What a declaration makes of what is inherited.
fn over(value: Option<&str>, inherited: &Named) -> Named {
    match value.map(legibility::named) {
        None | Some(Named::Nothing) => inherited.clone(),
        Some(named) => named,
    }
}

fn is_https(address: &str) -> bool {
    let uri: Option<http::Uri> = address.parse().ok();
    uri.is_some_and(|uri| uri.scheme_str() == Some("https") && uri.host().is_some_and(|host| !host.is_empty()))
}

fn is_pixel(image: ElementRef<'_>) -> bool {
    let style = legibility::declarations(image.attr("style").unwrap_or_default());
    ["width", "height"].into_iter().any(|side| {
        let styled = style.iter().filter(|(name, _)| name == side).map(|(_, value)| value.as_str());
        image.attr(side).into_iter().chain(styled).any(is_tiny)
    })
}

fn is_tiny(size: &str) -> bool {
    matches!(size.trim().trim_end_matches("px").trim(), "0" | "1")
}
