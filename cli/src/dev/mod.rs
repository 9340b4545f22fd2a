//! What `postern dev` is made of.

mod changes;
mod gate;
mod line;
mod reload;
mod screen;
pub mod trial;

pub use changes::Changes;
pub use gate::Gate;
pub use reload::Reload;
pub use screen::Screen;
