//! HTML and CSS that large mail programs do not know.

/// Where the table comes from. It is kept up by the people of that site, who test in the programs themselves.
pub(super) const SOURCE: &str = "https://www.caniemail.com";

/// How a feature shows in a mail.
#[derive(Clone, Copy, Debug)]
pub(super) enum Sign {
    /// An element of this name.
    Element(&'static str),
    /// A declaration of this property with this value.
    Value(&'static str, &'static str),
    /// A declaration of this property with any value, or of one that begins with it and a dash.
    Property(&'static str),
    /// A declaration of a custom property.
    Custom,
    /// This text in a style sheet.
    Sheet(&'static str),
    /// A picture whose address is its data.
    DataPicture,
}

/// A feature.
#[derive(Debug)]
pub(super) struct Feature {
    /// As the source calls it.
    pub(super) name: &'static str,
    pub(super) sign: Sign,
    /// The programs that do not know it.
    pub(super) unknown_to: &'static str,
}

const fn feature(name: &'static str, sign: Sign, unknown_to: &'static str) -> Feature {
    Feature { name, sign, unknown_to }
}

const EVERYWHERE: &str = "Gmail, Outlook on Windows, Outlook.com and Yahoo";

/// The table, as of November 2026. Outlook on Windows means the versions up to 2019, whose engine is Word's.
pub(super) const FEATURES: [Feature; 15] = [
    feature("<video> element", Sign::Element("video"), EVERYWHERE),
    feature("<audio> element", Sign::Element("audio"), EVERYWHERE),
    feature("Embedded <svg> image", Sign::Element("svg"), EVERYWHERE),
    feature("display:flex", Sign::Value("display", "flex"), "Outlook on Windows"),
    feature("display:grid", Sign::Value("display", "grid"), "Gmail, Outlook on Windows and Yahoo"),
    feature("position", Sign::Property("position"), "Gmail and Outlook on Windows"),
    feature("float", Sign::Property("float"), "Outlook on Windows"),
    feature("background-image", Sign::Property("background-image"), "Outlook on Windows"),
    feature("box-shadow", Sign::Property("box-shadow"), "Gmail, Outlook on Windows and Yahoo"),
    feature("transform", Sign::Property("transform"), EVERYWHERE),
    feature("animation", Sign::Property("animation"), EVERYWHERE),
    feature("CSS variables", Sign::Custom, EVERYWHERE),
    feature("CSS variables", Sign::Sheet("var(--"), EVERYWHERE),
    feature("@font-face", Sign::Sheet("@font-face"), "Gmail, Outlook.com and Yahoo"),
    feature("Base 64 image format", Sign::DataPicture, "Gmail on iOS and older Outlook on Windows"),
];
