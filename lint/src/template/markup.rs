//! The place in the HTML at which a template writes a value: escaping makes a value harmless in text and in quoted
//! attributes, and nowhere else.
//!
//! It reads the text between the template language's tags as a browser does, as far as the places of values require
//! (HTML Standard, 13.2.5). It skips comments that Outlook reads as conditions, because Outlook shows their content.

use super::link::{Link, SCHEMES};

/// A place in the HTML.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Spot {
    /// Text between tags.
    Text,
    /// The text of an element that cannot contain elements, by the element's name.
    Raw(String),
    /// After a `<` that may start a tag.
    Less,
    /// In a tag's name.
    Name(String),
    /// In a tag of this element, between or in attribute names; with the name that started last.
    Tag(String, String),
    /// After the `=` of an attribute.
    Equals(String, String),
    /// In an attribute's value.
    Value(Attribute),
    /// In a declaration, or in something that only looks like one.
    Declaration(String),
    /// In a comment, with its text so far.
    Comment(String),
}

/// An attribute whose value is being written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attribute {
    element: String,
    /// Its name, in lower case.
    pub name: String,
    /// The quote that ends it; `None` if a space does.
    pub quote: Option<char>,
    start: Start,
}

/// How the value of an attribute starts.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Start {
    /// Nothing is written yet.
    Empty,
    /// Something that may become the start of a harmless address.
    Partial(String),
    /// A harmless address.
    Link,
    /// Something else.
    Other,
}

/// Why a value cannot be written at a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Objection {
    /// The place is neither in text nor in a quoted attribute.
    Place,
    /// The attribute is a program.
    Program,
    /// The attribute is a list of styles.
    Style,
    /// The attribute is an address, and the value may start with any scheme.
    Address,
    /// The value may contain tags and quotes.
    Markup,
}

impl Objection {
    /// What is wrong with a value of this name, and how to fix it.
    pub fn words(self, name: &str) -> (String, &'static str) {
        match self {
            Self::Place => (
                format!("`{name}` comes from a payload and is written where escaping does not help."),
                "Write it into text, or into an attribute in quotes.",
            ),
            Self::Program => (
                format!("`{name}` comes from a payload and would be part of a program."),
                "Remove the attribute: mail programs run no scripts.",
            ),
            Self::Style => (
                format!("`{name}` comes from a payload and could be any style."),
                "Choose between styles with {% if %}, or let the schema list the words with `enum`.",
            ),
            Self::Address => (
                format!("`{name}` comes from a payload and could be an address of any kind, such as `javascript:`."),
                "Write `https://…` before it, test it with {% if … is startingwith(\"https://\") %}, or demand \
                 \"pattern\": \"^https://\" in the schema.",
            ),
            Self::Markup => (
                format!("`{name}` may have tags and quotes of its own, which are not escaped again."),
                "Write it into the text between tags.",
            ),
        }
    }
}

/// What is to be written.
#[derive(Debug, Clone, Copy)]
pub struct Written {
    /// Whether it contains text of a payload.
    pub foreign: bool,
    /// Whether it can only be numbers, truth values and words that the schema lists.
    pub listed: bool,
    /// Whether it is markup, which is not escaped again.
    pub markup: bool,
    /// What is known about it as an address.
    pub link: Link,
}

/// Elements whose content is text alone.
const RAW: [&str; 8] = ["script", "style", "title", "textarea", "xmp", "iframe", "noembed", "noframes"];

/// Those of them whose text may contain character references, as in other elements.
const ESCAPABLE: [&str; 2] = ["title", "textarea"];

/// Attributes that are addresses (HTML Standard, index of attributes; `background` of older mails; `xlink:href` of
/// SVG).
const ADDRESSES: [&str; 16] = [
    "action",
    "background",
    "cite",
    "classid",
    "codebase",
    "data",
    "formaction",
    "href",
    "longdesc",
    "manifest",
    "ping",
    "poster",
    "src",
    "srcset",
    "usemap",
    "xlink:href",
];

impl Spot {
    /// The place after a piece of text.
    pub fn after(self, text: &str) -> Self {
        text.chars().fold(self, Self::step)
    }

    fn step(self, character: char) -> Self {
        match self {
            Self::Text if character == '<' => Self::Less,
            Self::Text => Self::Text,
            Self::Raw(element) => Self::raw(element, character),
            Self::Less => match character {
                '!' | '?' => Self::Declaration(String::new()),
                '/' => Self::Name("/".to_owned()),
                letter if letter.is_ascii_alphabetic() => Self::Name(letter.to_ascii_lowercase().into()),
                '<' => Self::Less,
                _ => Self::Text,
            },
            Self::Name(name) => match character {
                '>' => opened(name),
                '/' => Self::Tag(name, String::new()),
                space if space.is_ascii_whitespace() => Self::Tag(name, String::new()),
                other => Self::Name(with(name, other)),
            },
            Self::Tag(element, name) => match character {
                '>' => opened(element),
                '=' if !name.is_empty() => Self::Equals(element, name.trim_end().to_owned()),
                '/' => Self::Tag(element, String::new()),
                // White space may precede the `=`; any other name starts a new attribute.
                space if space.is_ascii_whitespace() => {
                    let name = if name.is_empty() { name } else { format!("{} ", name.trim_end()) };
                    Self::Tag(element, name)
                }
                other if name.ends_with(' ') => Self::Tag(element, with(String::new(), other)),
                other => Self::Tag(element, with(name, other)),
            },
            Self::Equals(element, name) => match character {
                space if space.is_ascii_whitespace() => Self::Equals(element, name),
                '>' => opened(element),
                quote @ ('"' | '\'') => {
                    Self::Value(Attribute { element, name, quote: Some(quote), start: Start::Empty })
                }
                other => Self::Value(Attribute { element, name, quote: None, start: Start::Empty.with(other) }),
            },
            Self::Value(attribute) => match (attribute.quote, character) {
                (Some(quote), character) if character == quote => Self::Tag(attribute.element, String::new()),
                (None, '>') => opened(attribute.element),
                (None, space) if space.is_ascii_whitespace() => Self::Tag(attribute.element, String::new()),
                (_, other) => Self::Value(Attribute { start: attribute.start.with(other), ..attribute }),
            },
            Self::Declaration(text) => match (text.as_str(), character) {
                ("-", '-') => Self::Comment(String::new()),
                (_, '>') => Self::Text,
                _ => Self::Declaration(with(text, character)),
            },
            Self::Comment(text) => {
                let condition = text.starts_with("[if") && text.ends_with(']');
                let ended = matches!(text.as_str(), "" | "-") || text.ends_with("--") || text.ends_with("--!");
                if character == '>' && (condition || ended) { Self::Text } else { Self::Comment(with(text, character)) }
            }
        }
    }

    /// In an element's text, only its own end tag counts as a tag: after a `\0`, `name` has what was read of that tag.
    fn raw(element: String, character: char) -> Self {
        let (name, read) = element.split_once('\0').unwrap_or((element.as_str(), ""));
        let read = if character == '<' { "<".to_owned() } else { with(read.to_owned(), character) };
        let end = format!("</{name}");
        match read {
            read if read == end => Self::Name(format!("/{name}")),
            read if end.starts_with(&read) => Self::Raw(format!("{name}\0{read}")),
            _ => Self::Raw(name.to_owned()),
        }
    }

    /// The place after a value, or why the value cannot be written here.
    pub fn write(&self, value: Written) -> Result<Self, Objection> {
        match self {
            Self::Text => Ok(self.clone()),
            Self::Raw(element) if ESCAPABLE.contains(&element.as_str()) => Ok(self.clone()),
            Self::Value(attribute) => attribute.write(value),
            _ if value.foreign => Err(Objection::Place),
            _ => Ok(self.clone()),
        }
    }

    /// The place where two branches meet; `None` if their places differ.
    pub fn join(self, other: &Self) -> Option<Self> {
        match (self, other) {
            (one, other) if one == *other => Some(one),
            (Self::Value(one), Self::Value(other))
                if (&one.element, &one.name, one.quote) == (&other.element, &other.name, other.quote) =>
            {
                let start = match (&one.start, &other.start) {
                    (Start::Empty | Start::Link, Start::Empty | Start::Link) => Start::Empty,
                    _ => Start::Other,
                };
                Some(Self::Value(Attribute { start, ..one }))
            }
            (one, other) => {
                let element = one.element().filter(|element| other.element() == Some(element))?;
                Some(Self::Tag(element.to_owned(), String::new()))
            }
        }
    }

    /// The element of a tag, outside of its attributes' values.
    fn element(&self) -> Option<&str> {
        match self {
            Self::Name(element) | Self::Tag(element, _) => Some(element),
            _ => None,
        }
    }
}

impl Attribute {
    fn write(&self, value: Written) -> Result<Spot, Objection> {
        let address = ADDRESSES.contains(&self.name.as_str());
        if value.foreign {
            match self.name.as_str() {
                _ if self.quote.is_none() => return Err(Objection::Place),
                _ if value.markup => return Err(Objection::Markup),
                name if name.starts_with("on") || name == "srcdoc" => return Err(Objection::Program),
                "style" if !value.listed => return Err(Objection::Style),
                _ => {}
            }
            let begins = matches!(self.start, Start::Empty) && value.link >= Link::Harmless;
            if address && self.start != Start::Link && !begins {
                return Err(Objection::Address);
            }
        }
        let start = match &self.start {
            Start::Link => Start::Link,
            Start::Empty if value.link == Link::Proven => Start::Link,
            _ => Start::Other,
        };
        Ok(Spot::Value(Self { start, ..self.clone() }))
    }
}

impl Start {
    fn with(self, character: char) -> Self {
        let text = match self {
            Self::Empty if character.is_whitespace() => return Self::Empty,
            Self::Empty => character.to_string(),
            Self::Partial(text) => with(text, character),
            done => return done,
        };
        let text = text.to_ascii_lowercase();
        if SCHEMES.contains(&text.as_str()) {
            Self::Link
        } else if SCHEMES.iter().any(|scheme| scheme.starts_with(&text)) {
            Self::Partial(text)
        } else {
            Self::Other
        }
    }
}

fn with(mut text: String, character: char) -> String {
    text.push(character.to_ascii_lowercase());
    text
}

/// After a tag.
fn opened(element: String) -> Spot {
    if RAW.contains(&element.as_str()) { Spot::Raw(element) } else { Spot::Text }
}

#[cfg(test)]
mod tests {
    use super::Spot;

    #[test]
    fn places_are_found_as_a_browser_finds_them() {
        let attribute = |name: &str| format!("value of {name}");
        for (html, place) in [
            ("text", "text".to_owned()),
            ("1 < 2", "text".to_owned()),
            ("<p>", "text".to_owned()),
            ("<p class=\"a>b\">x</p>", "text".to_owned()),
            ("<a href=\"", attribute("href")),
            ("<a title='x' HREF = '", attribute("href")),
            ("<a title href='", attribute("href")),
            ("<a href=", "behind =".to_owned()),
            ("<a href=x", attribute("href")),
            ("<img src=\"x\" />", "text".to_owned()),
            ("<a title=\"x\"", "tag".to_owned()),
            ("<", "other".to_owned()),
            ("<p", "other".to_owned()),
            ("<!doctype html>", "text".to_owned()),
            ("<!-- <p> ", "comment".to_owned()),
            ("<!-- <p> -->", "text".to_owned()),
            ("<!--[if mso | IE]><table width=\"", attribute("width")),
            ("<!--[if mso | IE]><table><![endif]-->", "text".to_owned()),
            ("<!--[if !mso]><!--><p>", "text".to_owned()),
            ("<style>a < b { <p> } ", "raw style".to_owned()),
            ("<style>a</style>", "text".to_owned()),
            ("<title>a</TITLE >", "text".to_owned()),
            ("<title>a</titel", "raw title".to_owned()),
        ] {
            let found = match Spot::Text.after(html) {
                Spot::Text => "text".to_owned(),
                Spot::Raw(element) => format!("raw {}", element.split('\0').next().unwrap_or_default()),
                Spot::Tag(..) => "tag".to_owned(),
                Spot::Equals(..) => "behind =".to_owned(),
                Spot::Value(attribute) => format!("value of {}", attribute.name),
                Spot::Comment(_) => "comment".to_owned(),
                _ => "other".to_owned(),
            };
            assert_eq!(found, place, "{html}");
        }
    }
}
