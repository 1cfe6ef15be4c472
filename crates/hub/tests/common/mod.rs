//! What the hub is tried with by the hundred thousand: a store in memory, and operations that are decoded from bytes. The
//! tests of `operations` and `simulation` stand on it, and the fuzz targets beside the workspace.

pub mod operations;
pub mod store;
