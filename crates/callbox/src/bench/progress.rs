//! The line that tells how far a run is.

use callbox_load::Control;

use super::measure::{Stage, Watch};

/// A line on standard error, if that is a terminal.
#[derive(Debug)]
pub struct Progress(());

impl Progress {
    /// A line that tells of the runs of this handle; none if `quiet`.
    pub fn start(_control: &Control, _quiet: bool) -> Self {
        Self(())
    }

    /// Takes the line away.
    pub fn finish(self) {}
}

impl Watch for Progress {
    fn begins(&self, _stage: Stage) {}
}
