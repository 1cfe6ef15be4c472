//! A descriptor that is readable while messages wait outside of the kernel.

use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::rc::Rc;

/// What a conversation is waited for by.
#[derive(Debug)]
pub(super) struct Bell {
    heard: UnixStream,
    /// Held so that the bell is silent, and not at its end, when its ringer is gone.
    _ringer: Rc<UnixStream>,
}

/// What makes it readable.
#[derive(Debug)]
pub(super) struct Ringer(Rc<UnixStream>);

/// A bell that does not ring, and its ringer.
pub(super) fn pair() -> io::Result<(Bell, Ringer)> {
    let (heard, ringer) = UnixStream::pair()?;
    heard.set_nonblocking(true)?;
    ringer.set_nonblocking(true)?;
    let ringer = Rc::new(ringer);
    Ok((Bell { heard, _ringer: Rc::clone(&ringer) }, Ringer(ringer)))
}

impl Ringer {
    /// Rings until [`Bell::quiet`]. One that has been rung so often that there is no room for more rings already.
    pub(super) fn ring(&self) {
        let _ = (&*self.0).write(&[0]);
    }
}

impl Bell {
    /// Ends the ringing.
    pub(super) fn quiet(&self) {
        while (&self.heard).read(&mut [0; 512]).is_ok_and(|n| n > 0) {}
    }
}

impl AsFd for Bell {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.heard.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ready::readable;
    use std::time::Duration;

    #[test]
    fn it_rings_until_it_is_quieted_however_often_it_was_rung() {
        let (bell, ringer) = pair().unwrap();
        let rings = || readable(bell.as_fd(), Some(Duration::ZERO)).unwrap();
        assert!(!rings());
        for times in [1, 100_000] {
            (0..times).for_each(|_| ringer.ring());
            assert!(rings());
            bell.quiet();
            assert!(!rings());
        }
        drop(ringer);
        assert!(!rings());
    }
}
