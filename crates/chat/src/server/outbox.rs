//! What waits to be sent to one connection.
//!
//! Lines are gathered here as plain text while ticks run, and leave in one call at the end of a tick. A barrier in the
//! queue holds back what follows it until the store has kept what the line behind it is a receipt of.

use super::pool::Pool;

/// The queue of one connection. Empty, it holds no memory: ten thousand silent connections have none.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    queue: Vec<u8>,
    /// Where in the queue that starts which was not sent.
    sent: usize,
    /// Places in the queue, and the ticket that what follows waits for; both grow. One for each tick in which this
    /// connection said something, so their number is bounded by what the store has not kept yet.
    barriers: Vec<(usize, u64)>,
}

impl Outbox {
    /// Adds `line`.
    pub(super) fn push(&mut self, line: &[u8], pool: &mut Pool) {
        if self.queue.capacity() == 0 {
            self.queue = pool.take();
        }
        self.queue.extend_from_slice(line);
    }

    /// What is pushed from now on waits for `ticket`.
    pub(super) fn hold(&mut self, ticket: u64) {
        if self.barriers.last().is_none_or(|&(_, last)| last < ticket) {
            self.barriers.push((self.queue.len(), ticket));
        }
    }

    /// Bytes that are not sent.
    pub(super) fn len(&self) -> usize {
        self.queue.len() - self.sent
    }

    /// Whether nothing waits.
    pub(super) fn is_empty(&self) -> bool {
        self.sent == self.queue.len()
    }

    /// Lets go of what waited for tickets up to `kept`.
    pub(super) fn release(&mut self, kept: u64) {
        if !self.barriers.is_empty() {
            self.barriers.retain(|&(_, ticket)| ticket > kept);
        }
    }

    /// Whether something waits for the store.
    pub(super) fn is_held(&self) -> bool {
        !self.barriers.is_empty()
    }

    /// Whether something waits for `ticket`.
    pub(super) fn waits_for(&self, ticket: u64) -> bool {
        self.barriers.iter().any(|&(_, t)| t == ticket)
    }

    /// What may be sent: whole lines up to the first barrier.
    pub(super) fn ready(&self) -> &[u8] {
        let end = self.barriers.first().map_or(self.queue.len(), |&(at, _)| at);
        self.queue.get(self.sent..end).unwrap_or_default()
    }

    /// The first `n` bytes of [`ready`](Self::ready) were sent.
    pub(super) fn advance(&mut self, n: usize, pool: &mut Pool) {
        self.sent += n;
        if !self.is_empty() {
            // What was sent is let go once it is the greater part, so that each byte is moved once at most.
            if self.sent > self.queue.len() / 2 && self.sent >= COMPACT {
                self.queue.drain(..self.sent);
                self.barriers.iter_mut().for_each(|(at, _)| *at -= self.sent);
                self.sent = 0;
                self.queue.shrink_to(self.queue.len() * 2);
            }
            return;
        }
        // A barrier with nothing behind it yet stays where it is: at the end.
        self.barriers.iter_mut().for_each(|(at, _)| *at = 0);
        if self.barriers.is_empty() {
            self.barriers = Vec::new();
        }
        self.sent = 0;
        pool.give(std::mem::take(&mut self.queue));
    }

    /// Forgets all that waits for the store, and lets `line` follow what does not.
    pub(super) fn cut(&mut self, line: &[u8]) {
        if let Some(&(at, _)) = self.barriers.first() {
            self.queue.truncate(at);
        }
        self.barriers.clear();
        self.queue.extend_from_slice(line);
    }

    /// Forgets everything.
    pub(super) fn clear(&mut self, pool: &mut Pool) {
        self.barriers = Vec::new();
        self.sent = 0;
        pool.give(std::mem::take(&mut self.queue));
    }
}

/// What must have been sent before the rest is moved to the front.
const COMPACT: usize = 4 << 10;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn outbox(pool: &mut Pool, parts: &[&[u8]]) -> Outbox {
        let mut outbox = Outbox::default();
        parts.iter().for_each(|part| outbox.push(part, pool));
        outbox
    }

    #[test]
    fn what_follows_a_barrier_waits_and_what_precedes_it_does_not() {
        let mut pool = Pool::default();
        let mut outbox = outbox(&mut pool, &[b"a\r\n"]);
        outbox.hold(7);
        outbox.push(b"b\r\n", &mut pool);
        assert_eq!(outbox.ready(), b"a\r\n");
        outbox.advance(3, &mut pool);
        assert_eq!(outbox.ready(), b"");
        assert_eq!(outbox.len(), 3);
        outbox.release(6);
        assert_eq!(outbox.ready(), b"");
        outbox.release(7);
        assert_eq!(outbox.ready(), b"b\r\n");
    }

    #[test]
    fn a_barrier_stays_after_everything_before_it_was_sent() {
        let mut pool = Pool::default();
        let mut outbox = outbox(&mut pool, &[b"a\r\n"]);
        outbox.hold(7);
        outbox.advance(3, &mut pool);
        outbox.push(b"b\r\n", &mut pool);
        assert_eq!(outbox.ready(), b"");
        outbox.release(9);
        assert_eq!(outbox.ready(), b"b\r\n");
    }

    #[test]
    fn what_waits_for_a_lost_ticket_is_cut_and_the_last_words_follow() {
        let mut pool = Pool::default();
        let mut outbox = outbox(&mut pool, &[b"a\r\n"]);
        outbox.hold(7);
        outbox.push(b"b\r\n", &mut pool);
        assert!(outbox.waits_for(7));
        outbox.cut(b"ERROR\r\n");
        assert_eq!(outbox.ready(), b"a\r\nERROR\r\n");
    }

    #[test]
    fn an_empty_outbox_holds_no_memory() {
        let mut pool = Pool::default();
        let mut outbox = outbox(&mut pool, &[b"a\r\n"]);
        outbox.hold(1);
        outbox.release(1);
        outbox.advance(3, &mut pool);
        assert_eq!((outbox.queue.capacity(), outbox.barriers.capacity()), (0, 0));
    }

    proptest! {
        #[test]
        fn everything_comes_out_once_in_order_and_never_before_it_is_kept(
            steps in prop::collection::vec((0u8..4, 1usize..9000), 0..60),
        ) {
            let mut pool = Pool::default();
            let mut outbox = Outbox::default();
            // Each byte with the ticket that it waits for; the bytes count up.
            let mut expected: std::collections::VecDeque<(u8, u64)> = Default::default();
            let (mut next, mut ticket, mut holding, mut kept) = (0u8, 0u64, 0u64, 0u64);
            for (step, n) in steps {
                match step {
                    0 => {
                        for _ in 0..n {
                            outbox.push(&[next], &mut pool);
                            expected.push_back((next, holding));
                            next = next.wrapping_add(1);
                        }
                    }
                    1 => {
                        ticket += 1;
                        holding = ticket;
                        outbox.hold(ticket);
                    }
                    2 => {
                        kept = ticket.min(kept + n as u64 % 3);
                        outbox.release(kept);
                    }
                    _ => {
                        let ready = outbox.ready().to_vec();
                        let may = expected.iter().take_while(|&&(_, ticket)| ticket <= kept).count();
                        prop_assert_eq!(ready.len(), may);
                        let n = n.min(ready.len());
                        for byte in &ready[..n] {
                            prop_assert_eq!(Some(*byte), expected.pop_front().map(|(b, _)| b));
                        }
                        if n > 0 {
                            outbox.advance(n, &mut pool);
                        }
                    }
                }
                prop_assert_eq!(outbox.len(), expected.len());
            }
        }
    }
}
