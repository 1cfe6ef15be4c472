//! What fuzz targets share with the tests of the crates.

/// Files of reports, and what shows them.
#[path = "../../crates/measure/tests/common/mod.rs"]
pub mod report;

/// The hub with people.
#[path = "../../crates/hub/tests/common/mod.rs"]
pub mod hub;

/// The chat client's session with a server that says anything.
#[path = "../../crates/session/tests/common/mod.rs"]
pub mod session;
