//! What a measurement of a server is made of, without a socket, a clock or a thread.
//!
//! The shell around it sends, receives and reads the clock; here it is decided what is sent and when, what a reply
//! means, what is counted, and how all of that is kept, compared and shown. So each promise about a lost datagram, a
//! server that stalls or a curve on a page is tested with plain calls and simulated time.
//!
//! | module | what it is for |
//! |---|---|
//! | [`chat`] | a load on a chat: which line reached whom, in which order |
//! | [`climb`] | the highest rate that a server keeps up with |
//! | [`compare`] | whether two reports differ by more than noise |
//! | [`counts`] | what became of requests, in numbers |
//! | [`lane`] | one socket of a load: its messages and its ledger |
//! | [`ledger`] | what one socket has on its way, and what became of it |
//! | [`payload`] | what a request holds, and whether a reply is the right one to it |
//! | [`plan`] | what a run is to do, as the user asked for it |
//! | [`replies`] | the replies of a stream, taken apart and checked |
//! | [`schedule`] | when each request of an open loop is meant to be sent |
//! | [`figures`] | latencies as a histogram, a run over time, and how a figure is written |
//! | [`report`] | all that was measured, and what makes it mean something |
//! | [`picture`] | a report as charts, and as one page |
//!
//! Times are [`Nanos`]: nanoseconds since the run began, passed in by whoever owns the clock.
#![forbid(unsafe_code)]

pub mod chat;
pub mod climb;
pub mod compare;
pub mod counts;
pub mod figures;
pub mod lane;
pub mod ledger;
pub mod payload;
pub mod picture;
pub mod plan;
pub mod replies;
pub mod report;
pub mod schedule;

pub use counts::Counts;

/// A moment as nanoseconds since the run began, or a span of time in nanoseconds. It lasts for 584 years.
pub type Nanos = u64;

/// The nanoseconds of a second.
pub const SECOND: Nanos = 1_000_000_000;
