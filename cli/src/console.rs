//! Output for people: styled on a terminal, plain elsewhere (`NO_COLOR` is respected), and never with hidden
//! characters.

use std::fmt::Display;
use std::io::{IsTerminal as _, Write, stdout};

use anstyle::{AnsiColor, Style};

use crate::visible;

/// The style of what a line is about.
pub const BOLD: Style = Style::new().bold();
/// The style of less important text.
pub const DIM: Style = Style::new().dimmed();
/// The style of errors.
pub const RED: Style = AnsiColor::Red.on_default().bold();
/// The style of success.
pub const GREEN: Style = AnsiColor::Green.on_default();
/// The style of warnings.
pub const YELLOW: Style = AnsiColor::Yellow.on_default();

/// Writes a line to standard output.
pub fn say(text: impl Display) {
    // A reader that hung up, such as `head`, needs no more lines.
    let _ = writeln!(anstream::stdout().lock(), "{}", visible::styled(&text.to_string()));
}

/// Writes a text to standard output unchanged, for files and programs; on a terminal, with escapes like [`say`].
pub fn hand_over(text: &str) {
    if stdout().is_terminal() {
        say(visible::text(text));
    } else {
        let _ = writeln!(stdout().lock(), "{text}");
    }
}

/// Writes a line to standard error.
pub fn complain(text: impl Display) {
    // If standard error is closed, nobody is reading.
    let _ = writeln!(anstream::stderr().lock(), "{}", visible::styled(&text.to_string()));
}

/// Whether the user's locale says that terminal and files show more than ASCII.
pub fn unicode() -> bool {
    supports_unicode::supports_unicode()
}
