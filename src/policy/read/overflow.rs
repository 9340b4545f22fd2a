//! Reads and validates `[overflow]`.

use toml::Spanned;

use super::document::OverflowTable;
use super::error;
use crate::policy::diagnostic::Findings;
use crate::policy::overflow::{MAX_NAME_BYTES, MIN_NAME_BYTES, POISON_SUFFIX};
use crate::policy::{Overflow, StorageAddress};

/// Reads `[overflow]`.
pub(super) fn overflow(table: Option<&OverflowTable>, findings: &mut Findings) -> Option<Overflow> {
    let table = table?;
    let queue = address(&table.queue, "queue", MAX_NAME_BYTES - POISON_SUFFIX.len(), findings)?;
    let container = match &table.container {
        Some(text) => address(text, "blob", MAX_NAME_BYTES, findings)?,
        None => {
            let beside = queue.container();
            if beside.is_none() {
                let help = "Add `container`, the address of a container for mails that are too large for the queue.";
                error(
                    findings,
                    &table.queue,
                    "The container's address cannot be derived from this queue address.",
                    help,
                );
            }
            beside?
        }
    };
    Some(Overflow { queue, container })
}

fn address(text: &Spanned<String>, kind: &str, longest: usize, findings: &mut Findings) -> Option<StorageAddress> {
    let address = StorageAddress::parse(text.get_ref()).filter(|address| address.name().len() <= longest);
    if address.is_none() {
        let help = format!(
            "Write https://ACCOUNT.{kind}.core.windows.net/NAME, NAME of {MIN_NAME_BYTES} to {longest} lowercase \
             letters, digits and single dashes. A signature belongs into the setting `overflow_sas`."
        );
        // The text may contain a signature, which no finding should repeat.
        error(findings, text, "This is not the address of an Azure Storage queue or container.", help);
    }
    address
}
