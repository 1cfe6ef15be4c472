//! What became of requests, in numbers.

/// What became of the requests that count. Each is in exactly one of the four after the first, or still on its way:
/// `requests = answered + wrong + lost + late + on their way`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Requests that were sent, or could not be for want of a buffer.
    pub requests: u64,
    /// Requests with a right reply in time.
    pub answered: u64,
    /// Requests whose reply was not the right one.
    pub wrong: u64,
    /// Requests without a reply in time, or at all, those in `no_buffers` among them.
    pub lost: u64,
    /// Requests whose reply came after they had been given up. They are not among the lost.
    pub late: u64,
    /// Of the lost: the kernel had no buffer to send them in (`ENOBUFS`).
    pub no_buffers: u64,
    /// Replies to a request that had one before.
    pub duplicated: u64,
    /// First replies that came after the reply to a later request (RFC 4737, section 3: a number below the highest).
    pub reordered: u64,
    /// Replies that belong to no request: unreadable, or with a number that was never sent. They are wrong as well.
    pub stray: u64,
}

impl Counts {
    /// Adds what another socket or thread counted.
    pub fn merge(&mut self, other: &Self) {
        // Taken apart so that a field which is added is not forgotten here.
        let Self { requests, answered, wrong, lost, late, no_buffers, .. } = other;
        let Self { duplicated, reordered, stray, .. } = other;
        self.requests += requests;
        self.answered += answered;
        self.wrong += wrong;
        self.lost += lost;
        self.late += late;
        self.no_buffers += no_buffers;
        self.duplicated += duplicated;
        self.reordered += reordered;
        self.stray += stray;
    }

    /// Splits the lost requests by where they were lost, as far as the kernel tells.
    ///
    /// `overflowed` is by how much the sockets' drop counters (`SO_RXQ_OVFL`) grew while requests counted. They count
    /// datagrams of whatever kind, second copies too, so no more of them are believed than requests are missing.
    pub fn losses(&self, overflowed: u64) -> Losses {
        let unanswered = self.lost.saturating_sub(self.no_buffers);
        let receiver_overflow = overflowed.min(unanswered);
        Losses {
            sender_no_buffers: self.no_buffers,
            receiver_overflow,
            no_reply: unanswered - receiver_overflow,
        }
    }
}

/// Where requests or their replies were lost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Losses {
    /// Never sent: the kernel had no buffer for them (`ENOBUFS`).
    pub sender_no_buffers: u64,
    /// The reply reached this machine, where the socket's buffer was full.
    pub receiver_overflow: u64,
    /// Somewhere else: on the way there, in the server, or on the way back.
    pub no_reply: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn losses_are_split_by_cause_and_add_up() {
        let counts = Counts { lost: 10, no_buffers: 3, ..Counts::default() };
        let split = |sender_no_buffers, receiver_overflow, no_reply| Losses {
            sender_no_buffers,
            receiver_overflow,
            no_reply,
        };
        assert_eq!(counts.losses(0), split(3, 0, 7));
        assert_eq!(counts.losses(4), split(3, 4, 3));
        assert_eq!(counts.losses(100), split(3, 7, 0));
    }

    #[test]
    fn the_counts_of_two_threads_add_up() {
        let one = Counts {
            requests: 1,
            answered: 2,
            wrong: 3,
            lost: 4,
            late: 5,
            no_buffers: 6,
            duplicated: 7,
            reordered: 8,
            stray: 9,
        };
        let mut sum = one;
        sum.merge(&one);
        assert_eq!((sum.requests, sum.stray), (2, 18));
        assert_eq!((sum.answered, sum.wrong, sum.lost, sum.late), (4, 6, 8, 10));
        assert_eq!((sum.no_buffers, sum.duplicated, sum.reordered), (12, 14, 16));
    }
}
