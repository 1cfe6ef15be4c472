//! What several fuzz targets share: the hub with people, as the hub's own tests have it.

#[path = "../../crates/hub/tests/common/mod.rs"]
pub mod hub;
