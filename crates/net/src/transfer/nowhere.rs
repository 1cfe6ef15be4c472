//! Where the kernel cannot do it, or does it differently.

use std::os::fd::BorrowedFd;

use super::{Moved, TransferError};

/// Never made: everything is copied.
#[derive(Debug)]
pub enum Transfer {}

impl Transfer {
    /// None.
    pub fn between(_: BorrowedFd<'_>, _: BorrowedFd<'_>) -> Option<Self> {
        None
    }

    /// Cannot be called.
    pub fn step(&mut self, _: BorrowedFd<'_>, _: BorrowedFd<'_>) -> Result<Moved, TransferError> {
        match *self {}
    }

    /// Cannot be called.
    pub fn rest(&mut self) -> Vec<u8> {
        match *self {}
    }
}
