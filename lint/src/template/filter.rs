//! What filters make of a value, without calling them.

/// What becomes of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Takes a text or number, gives a text that may hold its text and that of the arguments.
    Text,
    /// Takes a text or number, gives a number.
    Number,
    /// Takes a number, gives a text.
    Time,
    /// Takes anything that is there, gives a number.
    Count,
    /// Takes anything that is there, gives true or false.
    Truth,
    /// Takes a list, gives a list of the same entries.
    Entries,
    /// Takes a list and the name of a member of its entries, gives a list of some of them.
    Selected,
    /// Takes a list, gives one of its entries.
    Entry,
    /// Takes a list of texts or numbers, gives a text.
    Join,
    /// Takes a text, gives a list of texts.
    Split,
    /// Takes an object whose members are of one kind, gives a list of names with values.
    Pairs,
    /// Takes anything, even what is missing.
    Default,
    /// Takes anything that is there, gives a text that holds all of it.
    Whole,
    /// Lets text through as markup.
    Raw,
}

/// The filters that can be followed; `None` for the rest.
pub fn effect(name: &str) -> Option<Effect> {
    Some(match name {
        "upper" | "lower" | "title" | "capitalize" | "trim" | "replace" | "escape" | "e" | "indent" | "string"
        | "urlencode" | "format" => Effect::Text,
        "int" | "float" | "abs" | "round" => Effect::Number,
        "utc" => Effect::Time,
        "length" | "count" => Effect::Count,
        "bool" => Effect::Truth,
        "reverse" | "sort" | "unique" | "list" => Effect::Entries,
        "rejectattr" | "selectattr" => Effect::Selected,
        "first" | "last" | "min" | "max" => Effect::Entry,
        "join" => Effect::Join,
        "split" | "lines" => Effect::Split,
        "items" | "dictsort" => Effect::Pairs,
        "default" | "d" => Effect::Default,
        "tojson" | "pprint" => Effect::Whole,
        "safe" => Effect::Raw,
        _ => return None,
    })
}
