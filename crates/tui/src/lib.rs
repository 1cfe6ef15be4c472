//! The terminal client: what it shows and what its keys do.
//!
//! [`App`] is the screen as a state machine: it is given keys and what changed in the session, and gives wishes to the
//! session, effects for the terminal, and frames. [`terminal`] is the only part that touches a terminal.
#![forbid(unsafe_code)]

mod app;
mod complete;
mod editor;
mod effect;
mod help;
mod history;
pub mod keys;
mod lines;
mod overlay;
mod people;
mod search;
pub mod settings;
pub mod terminal;
mod text;
pub mod texts;
pub mod theme;
mod view;
pub mod zone;

pub use app::App;
pub use crossterm::event::Event as Input;
pub use effect::Effect;
pub use settings::{Alert, Settings};
pub use text::time::Zone;
