//! The parts of `postern dev`.

mod audit_line;
mod changes;
mod gate;
mod record;
mod reload;
pub mod reports;
mod screen;
mod status;
pub mod trial;

pub use changes::Changes;
pub use gate::{Gate, limits};
pub use record::{Source, State};
pub use reload::Reload;
pub use screen::Screen;
