//! What was measured, as numbers: latencies as a histogram, the run as a row of intervals, and how a figure is written.

mod encoding;
pub mod histogram;
pub mod show;
pub mod timeline;

pub use encoding::EncodingError;
pub use histogram::{Latencies, PERCENTILES, Percentile};
pub use timeline::{Interval, Timeline};
