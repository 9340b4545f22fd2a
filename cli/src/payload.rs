//! A payload to try a policy with: from a file, from standard input, or a template's own sample.

use std::fs::File;
use std::io::{Read as _, stdin};
use std::path::Path;

use anyhow::{Context as _, ensure};
use postern::policy::{Files, MAX_BODY_LIMIT, SAMPLE, Template};

/// A payload and its source.
#[derive(Debug)]
pub struct Payload {
    /// The name to use in messages.
    pub origin: String,
    /// The text that was read, which need not be JSON.
    pub bytes: Vec<u8>,
}

impl Payload {
    /// Reads a file, standard input if the path is `-`, or the template's sample if there is no path.
    pub fn read(path: Option<&Path>, template: &Template, files: &Files) -> anyhow::Result<Self> {
        match path {
            Some(path) => Self::external(path),
            None => Self::sample(template, files),
        }
    }

    fn external(path: &Path) -> anyhow::Result<Self> {
        let mut bytes = Vec::new();
        // One byte more than any route accepts, so that too large a payload is noticed and a device file does not fill
        // the memory.
        let most = MAX_BODY_LIMIT as u64 + 1;
        let (origin, read) = match path.to_str() {
            Some("-") => ("standard input".to_owned(), stdin().lock().take(most).read_to_end(&mut bytes)),
            _ => {
                let read = File::open(path).and_then(|file| file.take(most).read_to_end(&mut bytes));
                (path.display().to_string(), read)
            }
        };
        read.with_context(|| format!("Cannot read {origin}"))?;
        ensure!(
            bytes.len() <= MAX_BODY_LIMIT,
            "{origin} has more than {MAX_BODY_LIMIT} bytes, the most that a route accepts."
        );
        Ok(Self { origin, bytes })
    }

    fn sample(template: &Template, files: &Files) -> anyhow::Result<Self> {
        let origin = template.path(SAMPLE);
        let text = files.text(&origin).with_context(|| format!("{origin} does not exist; name a file."))?;
        Ok(Self { bytes: text.as_bytes().to_vec(), origin })
    }
}
