//! What the session is tried with by the hundred thousand: operations that are decoded from bytes. The tests of
//! `operations` stand on it, and the fuzz target beside the workspace.

pub mod operations;
