//! `callbox tour`.
use crate::cli::TourArgs;
use crate::messages::Failure;
/// Runs it.
pub fn run(_: TourArgs) -> Result<(), Failure> {
    Ok(())
}
