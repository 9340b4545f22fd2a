//! For staging: sends every mail to one address and names the real recipients in its subject.

use crate::host::Settings;
use crate::policy::Address;
use crate::render::{MAX_SUBJECT_CHARS, Message};
use crate::setting::{SettingError, SettingFault, bare};
use crate::web::header::one_line;

/// The name of the setting that contains the address. If it is not set, mails go where the policy says.
pub const REDIRECT_ALL_TO: &str = "redirect_all_to";

/// The address that gets all mails, if the setting names one.
///
/// # Errors
/// If the setting is not an address: a typo must not make staging reach real people.
pub async fn read(host: &impl Settings) -> Result<Option<Address>, SettingError> {
    let Some(text) = bare(REDIRECT_ALL_TO, host.setting(REDIRECT_ALL_TO).await)? else { return Ok(None) };
    let address = Address::parse(&text);
    address.map(Some).map_err(|_| SettingError::new(REDIRECT_ALL_TO, SettingFault::Address))
}

/// Sends a message to `address` instead; its subject starts with the real recipients.
pub fn redirect(message: &mut Message, address: &Address) {
    let recipients: Vec<_> = message.to.iter().map(Address::as_str).collect();
    let subject = format!("[to {}] {}", recipients.join(", "), message.parts.subject);
    message.parts.subject = one_line(&subject, MAX_SUBJECT_CHARS);
    message.to = vec![address.clone()];
}
