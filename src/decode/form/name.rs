//! Names of form controls that mean a place below another: `a[b]`, `a.b`, `a[0][b]`, `a[]`.

/// One step of a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step<'a> {
    /// A member of an object or, if it is a number, an entry of a list.
    Below(&'a str),
    /// `[]`: one more entry of a list.
    Append,
}

/// The steps of a nested name; `None` if the name is plain or its brackets make no sense.
pub(super) fn steps(name: &str) -> Option<Vec<Step<'_>>> {
    let head = name.find(['[', '.'])?;
    let (first, mut rest) = name.split_at(head);
    if first.is_empty() {
        return None;
    }
    let mut steps = vec![Step::Below(first)];
    while !rest.is_empty() {
        let step;
        (step, rest) = next(rest)?;
        steps.push(step);
    }
    Some(steps)
}

fn next(rest: &str) -> Option<(Step<'_>, &str)> {
    if let Some(inner) = rest.strip_prefix('[') {
        let (text, rest) = inner.split_once(']')?;
        return Some((if text.is_empty() { Step::Append } else { Step::Below(text) }, rest));
    }
    let inner = rest.strip_prefix('.')?;
    let (text, rest) = inner.split_at(inner.find(['[', '.']).unwrap_or(inner.len()));
    (!text.is_empty()).then_some((Step::Below(text), rest))
}
