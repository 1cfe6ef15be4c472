//! SASL exchanges between two steps.
//!
//! A step is done on another thread, and the client may give up meanwhile, or go away. So an exchange that is being
//! worked on leaves its place marked, and what comes back finds out by the mark whether it is still wanted.

use std::collections::HashMap;
use std::time::Duration;

use callbox_hub::contract::ConnId;

/// How long an exchange may take, from its start to the last response: somebody may have to unlock a key.
pub(super) const TIME: Duration = Duration::from_secs(60);

/// How often those that took too long are looked for. They count as gone before they are found.
const SWEEP: Duration = Duration::from_secs(10);

/// The exchanges of all connections, at most one each.
#[derive(Debug)]
pub(super) struct Exchanges<E> {
    table: HashMap<ConnId, Entry<E>>,
    cap: usize,
    serial: u64,
    swept: Duration,
}

#[derive(Debug)]
struct Entry<E> {
    /// Tells this exchange from an earlier one of the same connection.
    serial: u64,
    started: Duration,
    /// `None` while a step is done.
    exchange: Option<E>,
}

/// What is there for a response.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Taken<E> {
    /// No exchange, or it took too long.
    None,
    /// A step is being done already.
    Busy,
    /// The exchange, to be given back or ended with this number.
    Ready(u64, E),
}

impl<E> Exchanges<E> {
    /// Room for `cap` exchanges, none of it allocated yet.
    pub(super) fn new(cap: usize) -> Self {
        Self { table: HashMap::new(), cap, serial: 0, swept: Duration::ZERO }
    }

    /// Begins an exchange in place of any that `conn` had. `false`: there are too many.
    pub(super) fn begin(&mut self, conn: ConnId, exchange: E, now: Duration) -> bool {
        self.table.remove(&conn);
        self.sweep(now);
        if self.table.len() >= self.cap {
            return false;
        }
        self.serial += 1;
        let entry = Entry { serial: self.serial, started: now, exchange: Some(exchange) };
        self.table.insert(conn, entry);
        true
    }

    /// Takes the exchange of `conn` out for a step.
    pub(super) fn take(&mut self, conn: ConnId, now: Duration) -> Taken<E> {
        let Some(entry) = self.table.get_mut(&conn) else {
            return Taken::None;
        };
        let Some(exchange) = entry.exchange.take() else {
            return Taken::Busy;
        };
        if entry.expired(now) {
            self.table.remove(&conn);
            return Taken::None;
        }
        Taken::Ready(entry.serial, exchange)
    }

    /// Whether the exchange that was taken out is still wanted.
    pub(super) fn is_wanted(&self, conn: ConnId, serial: u64) -> bool {
        self.table.get(&conn).is_some_and(|entry| entry.serial == serial)
    }

    /// Gives an exchange back for its next step, or with `None` ends it. `false`: it was aborted meanwhile.
    pub(super) fn give_back(&mut self, conn: ConnId, serial: u64, exchange: Option<E>) -> bool {
        if !self.is_wanted(conn, serial) {
            return false;
        }
        if exchange.is_none() {
            self.table.remove(&conn);
        } else if let Some(entry) = self.table.get_mut(&conn) {
            entry.exchange = exchange;
        }
        true
    }

    /// Forgets whatever `conn` has begun.
    pub(super) fn abort(&mut self, conn: ConnId) {
        self.table.remove(&conn);
    }

    /// One that is being worked on stays: somebody waits for its answer.
    fn sweep(&mut self, now: Duration) {
        if now.saturating_sub(self.swept) >= SWEEP {
            self.swept = now;
            self.table.retain(|_, entry| entry.exchange.is_none() || !entry.expired(now));
        }
    }
}

impl<E> Entry<E> {
    fn expired(&self, now: Duration) -> bool {
        now.saturating_sub(self.started) > TIME
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: ConnId = ConnId(1);
    const B: ConnId = ConnId(2);

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn an_exchange_older_than_a_minute_is_forgotten() {
        let mut exchanges = Exchanges::new(10);
        assert!(exchanges.begin(A, 'a', seconds(0)));
        assert!(exchanges.begin(B, 'b', seconds(1)));
        assert_eq!(exchanges.take(A, seconds(61)), Taken::None);
        assert_eq!(exchanges.take(B, seconds(61)), Taken::Ready(2, 'b'));
    }

    #[test]
    fn at_the_cap_new_ones_are_refused_until_old_ones_are_forgotten() {
        let mut exchanges = Exchanges::new(2);
        assert!(exchanges.begin(ConnId(1), 'a', seconds(0)));
        assert!(exchanges.begin(ConnId(2), 'b', seconds(30)));
        assert!(!exchanges.begin(ConnId(3), 'c', seconds(31)));
        assert!(exchanges.begin(ConnId(2), 'd', seconds(31)), "one's own place is free");
        assert!(exchanges.begin(ConnId(3), 'c', seconds(62)));
        assert_eq!(exchanges.table.len(), 2);
    }

    #[test]
    fn what_was_aborted_does_not_come_back() {
        let mut exchanges = Exchanges::new(10);
        exchanges.begin(A, 'a', seconds(0));
        let Taken::Ready(serial, exchange) = exchanges.take(A, seconds(1)) else {
            panic!("it was just begun");
        };
        assert_eq!(exchanges.take(A, seconds(1)), Taken::Busy);
        exchanges.abort(A);
        assert!(!exchanges.is_wanted(A, serial));
        exchanges.begin(A, 'b', seconds(1));
        assert!(!exchanges.give_back(A, serial, Some(exchange)));
        assert_eq!(exchanges.take(A, seconds(2)), Taken::Ready(2, 'b'), "the second is untouched");
    }

    #[test]
    fn one_that_is_being_worked_on_is_not_swept_away() {
        let mut exchanges = Exchanges::new(10);
        exchanges.begin(A, 'a', seconds(0));
        let Taken::Ready(serial, _) = exchanges.take(A, seconds(59)) else {
            panic!("it is younger than a minute");
        };
        exchanges.begin(B, 'b', seconds(200));
        assert!(exchanges.give_back(A, serial, None), "its answer is still wanted");
    }
}
