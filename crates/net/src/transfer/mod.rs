//! Moving bytes from one descriptor to another inside the kernel.
//!
//! Reading into memory and writing from it copies each byte twice. Linux can hand over the pages instead: from a file to a
//! socket (sendfile(2)), between a pipe and a socket (splice(2)), and from a socket to a file through a pipe of our own. What
//! it can do depends on both ends, and for some of them only a try tells; then the caller goes on by copying.

#[cfg(linux_calls)]
mod linux;
#[cfg(not(linux_calls))]
mod nowhere;
#[cfg(all(test, linux_calls))]
mod tests;

use std::io;

use thiserror::Error;

#[cfg(linux_calls)]
pub use linux::Transfer;
#[cfg(not(linux_calls))]
pub use nowhere::Transfer;

/// What a step came to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Moved {
    /// So many bytes have reached the sink. There may be more.
    Bytes(u64),
    /// The source has ended, and everything of it is in the sink.
    End,
    /// There is nothing to be read for now.
    SourceBlocked,
    /// The sink takes nothing for now.
    SinkBlocked,
    /// The kernel cannot do it between these two: go on by copying, first what [`Transfer::rest`] gives.
    Unsupported,
}

/// Which end has failed.
#[derive(Debug, Error)]
pub enum TransferError {
    /// The one that is read.
    #[error(transparent)]
    Source(io::Error),
    /// The one that is written.
    #[error(transparent)]
    Sink(io::Error),
}
