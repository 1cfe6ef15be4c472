//! Guests of a broker that have ended their own direction and still hear the others.
//!
//! Who closes altogether looks the same until something is sent there. So the kernel is asked to probe them, and they are
//! looked at from time to time: nobody reads from them any more, so no readiness tells of their end.

use std::collections::BTreeSet;
use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};

use callbox_net::ready::is_broken;
use callbox_net::stream::keep_alive;

/// After how long without a word a guest of a broker is probed: a peer whose machine or network vanished must not keep its
/// place for ever.
const PROBED: Duration = Duration::from_secs(60);

/// The same for one that has ended its direction, which is gone as a rule.
const PROBED_SOON: Duration = Duration::from_secs(15);

/// How often they are looked at.
const LOOK: Duration = Duration::from_secs(5);

/// Those of them that are known, by their numbers, and when they are to be looked at.
#[derive(Debug, Default)]
pub(super) struct HalfClosed {
    ids: BTreeSet<usize>,
    next: Option<Instant>,
}

impl HalfClosed {
    /// A guest has come. Nothing but TCP can be probed, so a failure says nothing.
    pub(super) fn watch(socket: BorrowedFd<'_>) {
        let _ = keep_alive(socket, PROBED);
    }

    /// A guest has ended its direction.
    pub(super) fn add(&mut self, id: usize, socket: BorrowedFd<'_>, now: Instant) {
        let _ = keep_alive(socket, PROBED_SOON);
        self.ids.insert(id);
        self.next.get_or_insert(now + LOOK);
    }

    /// A guest is closed.
    pub(super) fn remove(&mut self, id: usize) {
        self.ids.remove(&id);
    }

    /// When [`gone`](Self::gone) is to be asked.
    pub(super) const fn poll_timeout(&self) -> Option<Instant> {
        self.next
    }

    /// Those who have gone, if it is time to look.
    pub(super) fn gone<'a>(
        &mut self,
        now: Instant,
        socket: impl Fn(usize) -> Option<BorrowedFd<'a>>,
    ) -> Vec<usize> {
        if self.next.is_none_or(|next| now < next) {
            return Vec::new();
        }
        let gone = self.ids.iter().copied().filter(|id| socket(*id).is_none_or(is_broken));
        let gone: Vec<usize> = gone.collect();
        self.next = (gone.len() < self.ids.len()).then(|| now + LOOK);
        gone
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Shutdown;
    use std::os::fd::AsFd;
    use std::os::unix::net::UnixStream;

    #[test]
    fn who_is_gone_is_told_from_who_only_ended() {
        let now = Instant::now();
        let pairs: Vec<_> = (0..3).map(|_| UnixStream::pair().unwrap()).collect();
        let (ours, mut theirs): (Vec<_>, Vec<_>) = pairs.into_iter().unzip();
        let mut half_closed = HalfClosed::default();
        assert_eq!(half_closed.poll_timeout(), None);
        for (id, (ours, theirs)) in ours.iter().zip(&theirs).enumerate() {
            theirs.shutdown(Shutdown::Write).unwrap();
            half_closed.add(id, ours.as_fd(), now);
        }
        let socket = |id: usize| Some(ours[id].as_fd());
        drop(theirs.remove(1));
        assert_eq!(half_closed.gone(now, socket), [0; 0], "it is not yet time");
        let at = half_closed.poll_timeout().expect("a time");
        assert_eq!(half_closed.gone(at, socket), [1]);
        half_closed.remove(1);
        let at = half_closed.poll_timeout().expect("there are others");
        drop(theirs);
        assert_eq!(half_closed.gone(at, socket), [0, 2]);
        assert_eq!(half_closed.poll_timeout(), None);
    }
}
