//! One command to try the gate with.

use std::env;

use postern::policy::{Kind, Policy, Route, SAMPLE};
use serde_json::Value;

use crate::directory::Directory;
use crate::listen;

/// The longest payload that the command contains; for a larger one, it names the file.
const MAX_INLINE_BYTES: usize = 400;

/// The longest line of a folded command, without its indentation and its backslash.
const FOLD_COLUMNS: usize = 74;

/// The words of a `curl` command for the first form, which needs no signature; otherwise of `postern send`. Words that
/// need it are quoted for a POSIX shell.
pub fn command(directory: &Directory, policy: &Policy, url: &str) -> Option<Vec<String>> {
    let forms = policy.routes().find(|route| route.kind == Kind::Form);
    let words = match forms {
        Some(form) => curl(directory, form, url)?,
        None => send(directory, policy.routes().next()?, url),
    };
    words.iter().map(|word| Some(shlex::try_quote(word).ok()?.into_owned())).collect()
}

/// The words in lines of the usual width, each option with its value, ready to copy.
pub fn folded(words: &[String]) -> String {
    let mut lines: Vec<String> = Vec::new();
    for group in words.chunk_by(|_, next| !next.starts_with('-')) {
        let group = group.join(" ");
        match lines.last_mut() {
            Some(line) if line.chars().count() + group.chars().count() < FOLD_COLUMNS => {
                line.push(' ');
                line.push_str(&group);
            }
            _ => lines.push(group),
        }
    }
    lines.join(" \\\n    ")
}

fn curl(directory: &Directory, form: &Route, url: &str) -> Option<Vec<String>> {
    let sample = form.mails.first()?.template.path(SAMPLE);
    let compact = serde_json::from_str::<Value>(directory.files().text(&sample)?).ok()?.to_string();
    let data = if compact.len() <= MAX_INLINE_BYTES {
        compact
    } else {
        format!("@{}", directory.path().canonicalize().ok()?.join(&sample).display())
    };
    let address = format!("{url}{}", form.path);
    let origin = format!("origin:{}", form.example_origin()?);
    let words = ["curl", "-i", &address, "-H", &origin, "-H", "content-type:application/json", "-d", &data];
    Some(words.map(str::to_owned).to_vec())
}

fn send(directory: &Directory, route: &Route, url: &str) -> Vec<String> {
    let program = env::args().next().unwrap_or_else(|| "postern".to_owned());
    let mut words = vec![program, "send".to_owned(), route.name.clone()];
    if directory.path().as_os_str() != "." {
        words.extend(["--policy".to_owned(), directory.path().display().to_string()]);
    }
    if url != format!("http://{}", listen::GATE) {
        words.extend(["--url".to_owned(), url.to_owned()]);
    }
    words
}
