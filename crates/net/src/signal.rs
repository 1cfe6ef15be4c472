//! SIGINT and SIGTERM: the first drains, the second stops.

use std::io::{self, Read};
use std::os::unix::net::UnixStream;
use std::thread;

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::low_level::pipe;

/// Calls `first` on a thread of its own when the first SIGINT or SIGTERM comes, and `second` when another does.
///
/// `second` is expected to end the process.
pub fn on_interrupt(
    first: impl FnOnce() + Send + 'static,
    second: impl FnOnce() + Send + 'static,
) -> io::Result<()> {
    let (mut told, tell) = UnixStream::pair()?;
    pipe::register(SIGINT, tell.try_clone()?)?;
    pipe::register(SIGTERM, tell)?;
    thread::Builder::new().name("signals".to_owned()).spawn(move || {
        let mut one = [0u8];
        if told.read_exact(&mut one).is_ok() {
            first();
            if told.read_exact(&mut one).is_ok() {
                second();
            }
        }
    })?;
    Ok(())
}
