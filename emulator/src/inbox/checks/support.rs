//! HTML and CSS that major mail programs do not support.

/// The source of the table. The people of that site maintain it, and test in the programs themselves.
pub(super) const SOURCE: &str = "https://www.caniemail.com";

/// How to recognise a feature in a mail.
#[derive(Clone, Copy, Debug)]
pub(super) enum Marker {
    /// An element of this name.
    Element(&'static str),
    /// A declaration of this property with this value.
    Value(&'static str, &'static str),
    /// A declaration of this property with any value, or of one that starts with it and a dash.
    Property(&'static str),
    /// A declaration of a custom property.
    Custom,
    /// This text in a style sheet.
    Sheet(&'static str),
    /// A picture whose address contains its data.
    DataPicture,
}

/// A feature.
#[derive(Debug)]
pub(super) struct Feature {
    /// Its name in the source.
    pub(super) name: &'static str,
    pub(super) marker: Marker,
    /// The programs that do not support it.
    pub(super) unknown_to: &'static str,
}

const fn feature(name: &'static str, marker: Marker, unknown_to: &'static str) -> Feature {
    Feature { name, marker, unknown_to }
}

const EVERYWHERE: &str = "Gmail, Outlook on Windows, Outlook.com and Yahoo";

/// The table, as of November 2026. Outlook on Windows means the versions up to 2019, which render with Word's engine.
pub(super) const FEATURES: [Feature; 15] = [
    feature("<video> element", Marker::Element("video"), EVERYWHERE),
    feature("<audio> element", Marker::Element("audio"), EVERYWHERE),
    feature("Embedded <svg> image", Marker::Element("svg"), EVERYWHERE),
    feature("display:flex", Marker::Value("display", "flex"), "Outlook on Windows"),
    feature("display:grid", Marker::Value("display", "grid"), "Gmail, Outlook on Windows and Yahoo"),
    feature("position", Marker::Property("position"), "Gmail and Outlook on Windows"),
    feature("float", Marker::Property("float"), "Outlook on Windows"),
    feature("background-image", Marker::Property("background-image"), "Outlook on Windows"),
    feature("box-shadow", Marker::Property("box-shadow"), "Gmail, Outlook on Windows and Yahoo"),
    feature("transform", Marker::Property("transform"), EVERYWHERE),
    feature("animation", Marker::Property("animation"), EVERYWHERE),
    feature("CSS variables", Marker::Custom, EVERYWHERE),
    feature("CSS variables", Marker::Sheet("var(--"), EVERYWHERE),
    feature("@font-face", Marker::Sheet("@font-face"), "Gmail, Outlook.com and Yahoo"),
    feature("Base 64 image format", Marker::DataPicture, "Gmail on iOS and older Outlook on Windows"),
];
