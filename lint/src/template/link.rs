//! Proves that a text is an address that can only open a web page or a mail.

use regex_syntax::hir::literal::{ExtractKind, Extractor};
use regex_syntax::hir::{Hir, HirKind, Look};

use crate::field::{Field, Types};

/// The starts of addresses that run nothing: `javascript:` and `data:` are not among them.
pub const SCHEMES: [&str; 3] = ["https://", "http://", "mailto:"];

/// What is known about a text as an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Link {
    /// Nothing.
    Unproven,
    /// It is such an address, or empty.
    Harmless,
    /// It starts like such an address.
    Proven,
}

impl Link {
    /// What is known about a constant.
    pub fn of_text(text: &str) -> Self {
        match text.trim_start() {
            "" => Self::Harmless,
            text if begins(text.as_bytes()) => Self::Proven,
            _ => Self::Unproven,
        }
    }

    /// What a schema proves: every value that it lists, or its pattern, starts like such an address.
    pub fn of_field(field: &Field<'_>) -> Self {
        let listed = |options: Vec<&serde_json::Value>| {
            options.iter().all(|option| option.as_str().is_none_or(|text| begins(text.as_bytes())))
        };
        let proven =
            !field.types().may_be(Types::TEXT) || field.options().is_some_and(listed) || field.patterns().any(proves);
        if proven { Self::Proven } else { Self::Unproven }
    }
}

fn begins(text: &[u8]) -> bool {
    SCHEMES
        .iter()
        .any(|scheme| text.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme.as_bytes())))
}

/// Whether every text that matches a pattern starts like such an address.
fn proves(pattern: &str) -> bool {
    let Ok(hir) = regex_syntax::parse(pattern) else { return false };
    let prefixes = Extractor::new().kind(ExtractKind::Prefix).extract(&hir);
    let literals = prefixes.literals().unwrap_or_default();
    is_anchored(&hir) && !literals.is_empty() && literals.iter().all(|literal| begins(literal.as_bytes()))
}

fn is_anchored(hir: &Hir) -> bool {
    match hir.kind() {
        HirKind::Concat(parts) => parts.first().is_some_and(is_anchored),
        HirKind::Look(look) => *look == Look::Start,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::proves;

    #[test]
    fn a_pattern_proves_a_link_by_its_beginning() {
        for (pattern, proof) in [
            ("^https://", true),
            ("^https?://[a-z.]+/", true),
            ("^(https://|mailto:)", true),
            ("^https://[^\\s]*$", true),
            ("https://", false),
            ("^https", false),
            ("^https://|javascript:", false),
            ("^(https://|javascript:)", false),
            ("(?m)^https://", false),
            ("^h?ttps://", false),
            ("^.*https://", false),
            ("^", false),
            ("", false),
        ] {
            assert_eq!(proves(pattern), proof, "{pattern}");
        }
    }
}
