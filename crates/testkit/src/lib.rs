//! What the end-to-end tests stand on: run a program as a user would, and put it in a bad network.
//!
//! Nothing here knows callbox. A test passes the path of the program it means, waits for a line or an
//! exit, and never sleeps; an expectation that fails prints the command, what was awaited, both
//! streams and the exit status, so that a failure in CI can be understood without running it again.

#![forbid(unsafe_code)]

pub mod browser;
mod child;
mod collected;
mod finished;
mod folder;
pub mod namespace;
pub mod process;
pub mod program;
mod python;
pub mod relay;
mod report;
pub mod resources;
mod screen;
pub mod terminal;

pub use browser::Browser;
pub use finished::Finished;
pub use folder::Folder;
pub use namespace::in_namespace;
pub use process::{Running, listening_address};
pub use program::Program;
pub use python::python;
pub use relay::{Direction, Faults, Relay};
pub use rustix::process::Signal;
pub use terminal::Terminal;

use std::time::Duration;

/// How long any event may take before a test gives up. Far longer than every event the tests wait
/// for, because two builds on one small machine can stop a process for seconds; a test that passes
/// never waits for it.
pub const EVENT_DEADLINE: Duration = Duration::from_secs(20);
