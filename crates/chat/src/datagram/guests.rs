//! The guests who are in by datagrams: a table by address, bounded, in which whoever falls silent is found again.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use callbox_hub::contract::ConnId;

use super::throttle::{Bucket, Rate, party};
use crate::plain::{MAX_TEXT, PlainDoor};

/// Lines of a guest that wait for their turn. Somebody who pastes a verse has fewer.
const MAX_WAITING: usize = 32;

/// Bytes of them: a few of the longest.
const MAX_WAITING_BYTES: usize = 4 * MAX_TEXT;

/// Bytes of a line that count as one: about what fits into one message.
const BYTES_A_LINE: usize = 400;

/// A guest.
#[derive(Debug)]
pub(super) struct Guest {
    pub(super) conn: ConnId,
    pub(super) address: SocketAddr,
    pub(super) door: PlainDoor,
    /// The address of ours that the guest writes to, and hears from.
    pub(super) local: Option<IpAddr>,
    /// The guest ends datagrams with a line feed, and so is sent them: `nc` needs it, a program that prints what it
    /// received does not.
    pub(super) ends_lines: bool,
    /// The guest said a line, or tried to.
    pub(super) has_spoken: bool,
    /// When the guest last sent something.
    pub(super) heard: Duration,
    lines: Bucket,
    /// Lines that wait until the bucket has something for them, so that a program that sends and receives in turn is
    /// slowed and not left without an answer.
    waiting: VecDeque<Vec<u8>>,
    /// The last line was dropped for coming too soon, and the guest told.
    pub(super) slowed: bool,
    /// Where it stands among the deadlines.
    due: Duration,
    /// Where it stands among the turns.
    turn: Option<Duration>,
}

impl Guest {
    pub(super) fn new(conn: ConnId, address: SocketAddr, door: PlainDoor, now: Duration) -> Self {
        Self {
            conn,
            address,
            door,
            local: None,
            ends_lines: false,
            has_spoken: false,
            heard: now,
            lines: Bucket::default(),
            waiting: VecDeque::new(),
            slowed: false,
            due: now,
            turn: None,
        }
    }

    /// Has `line` wait for its turn. False if too much waits already.
    pub(super) fn queue(&mut self, line: &[u8]) -> bool {
        // More of it is not needed to refuse it for its length.
        let line = line.get(..=MAX_TEXT).unwrap_or(line);
        let bytes: usize = self.waiting.iter().map(Vec::len).sum();
        let has_room = self.waiting.len() < MAX_WAITING && bytes + line.len() <= MAX_WAITING_BYTES;
        if has_room {
            self.waiting.push_back(line.to_vec());
        }
        has_room
    }

    /// The next line whose turn it is.
    pub(super) fn next_line(&mut self, rate: Rate, now: Duration) -> Option<Vec<u8>> {
        let cost = cost(self.waiting.front()?);
        if self.lines.take(cost, rate, now) { self.waiting.pop_front() } else { None }
    }

    /// When it is the turn of the next line.
    fn next_turn(&self, rate: Rate) -> Option<Duration> {
        Some(self.lines.ready_at(cost(self.waiting.front()?), rate))
    }
}

/// What a line takes from its guest's bucket. A line has a few kilobytes at the most.
fn cost(line: &[u8]) -> u32 {
    u32::try_from(1 + line.len() / BYTES_A_LINE).unwrap_or(u32::MAX)
}

/// All guests.
///
/// Every guest has exactly one deadline, which is looked at when it comes and moved if the guest was heard since: so a
/// datagram costs no more than to note the time.
#[derive(Debug)]
pub(super) struct Guests {
    silence: Duration,
    by_conn: HashMap<ConnId, Guest>,
    by_address: HashMap<SocketAddr, ConnId>,
    /// How many guests a party outside has.
    parties: HashMap<IpAddr, usize>,
    deadlines: BTreeSet<(Duration, ConnId)>,
    /// When it is whose turn, of those who have lines waiting.
    turns: BTreeSet<(Duration, ConnId)>,
}

impl Guests {
    /// No guests yet; they may be silent for so long.
    pub(super) fn new(silence: Duration) -> Self {
        Self {
            silence,
            by_conn: HashMap::new(),
            by_address: HashMap::new(),
            parties: HashMap::new(),
            deadlines: BTreeSet::new(),
            turns: BTreeSet::new(),
        }
    }

    /// Every guest, in no order.
    pub(super) fn all(&self) -> impl Iterator<Item = &Guest> {
        self.by_conn.values()
    }

    pub(super) fn len(&self) -> usize {
        self.by_conn.len()
    }

    /// How many guests the party of `address` has.
    pub(super) fn of_party(&self, address: IpAddr) -> usize {
        self.parties.get(&party(address)).copied().unwrap_or(0)
    }

    pub(super) fn at(&mut self, address: &SocketAddr) -> Option<&mut Guest> {
        self.by_conn.get_mut(self.by_address.get(address)?)
    }

    pub(super) fn of(&mut self, conn: ConnId) -> Option<&mut Guest> {
        self.by_conn.get_mut(&conn)
    }

    /// Adds a guest, in place of one of the same address or connection.
    pub(super) fn insert(&mut self, mut guest: Guest) {
        if let Some(before) = self.by_address.get(&guest.address) {
            self.remove(*before);
        }
        self.remove(guest.conn);
        guest.due = guest.heard.saturating_add(self.silence);
        self.deadlines.insert((guest.due, guest.conn));
        self.by_address.insert(guest.address, guest.conn);
        *self.parties.entry(party(guest.address.ip())).or_default() += 1;
        self.by_conn.insert(guest.conn, guest);
    }

    pub(super) fn remove(&mut self, conn: ConnId) -> Option<Guest> {
        let guest = self.by_conn.remove(&conn)?;
        self.by_address.remove(&guest.address);
        self.deadlines.remove(&(guest.due, conn));
        if let Some(turn) = guest.turn {
            self.turns.remove(&(turn, conn));
        }
        let party = party(guest.address.ip());
        if let Some(count) = self.parties.get_mut(&party) {
            *count -= 1;
            if *count == 0 {
                self.parties.remove(&party);
            }
        }
        Some(guest)
    }

    /// When [`Self::remove_silent`] and [`Self::at_turn`] are to be asked next.
    pub(super) fn next_deadline(&self) -> Option<Duration> {
        let silent = self.deadlines.first().map(|(due, _)| *due);
        let turn = self.turns.first().map(|(turn, _)| *turn);
        silent.into_iter().chain(turn).min()
    }

    /// Notes when it is the turn of what `conn` has waiting.
    pub(super) fn note_turn(&mut self, conn: ConnId, rate: Rate) {
        let Some(guest) = self.by_conn.get_mut(&conn) else { return };
        if let Some(turn) = guest.turn.take() {
            self.turns.remove(&(turn, conn));
        }
        guest.turn = guest.next_turn(rate);
        self.turns.extend(guest.turn.map(|turn| (turn, conn)));
    }

    /// A guest of whom a line waits whose turn it is, if there is one; its next turn has to be
    /// [noted](Self::note_turn).
    pub(super) fn at_turn(&mut self, now: Duration) -> Option<&mut Guest> {
        let (_, conn) = self.turns.first().filter(|(turn, _)| *turn <= now)?;
        self.by_conn.get_mut(conn)
    }

    /// Takes out a guest who has been silent for too long, if there is one.
    pub(super) fn remove_silent(&mut self, now: Duration) -> Option<Guest> {
        while let Some(&(due, conn)) = self.deadlines.first().filter(|(due, _)| *due <= now) {
            let guest = self.by_conn.get_mut(&conn)?;
            guest.due = guest.heard.saturating_add(self.silence);
            if guest.due <= now {
                // Its entry is the old one.
                guest.due = due;
                return self.remove(conn);
            }
            let moved = guest.due;
            self.deadlines.remove(&(due, conn));
            self.deadlines.insert((moved, conn));
        }
        None
    }

    /// Whether the tables agree.
    #[cfg(test)]
    pub(super) fn is_consistent(&self) -> bool {
        let count = self.by_conn.len();
        count == self.by_address.len()
            && count == self.deadlines.len()
            && count == self.parties.values().sum::<usize>()
            && self.turns.len()
                == self.by_conn.values().filter(|guest| guest.turn.is_some()).count()
            && self.by_conn.values().all(|guest| {
                self.by_address.get(&guest.address) == Some(&guest.conn)
                    && self.deadlines.contains(&(guest.due, guest.conn))
                    && guest.turn.is_some() != guest.waiting.is_empty()
                    && guest.turn.is_none_or(|turn| self.turns.contains(&(turn, guest.conn)))
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plain::Style;

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn guest(conn: u64, address: &str, now: u64) -> Guest {
        let door = PlainDoor::new("guest", "#lobby", Style::Datagram);
        Guest::new(ConnId(conn), address.parse().unwrap(), door, at(now))
    }

    #[test]
    fn a_guest_is_found_by_address_and_connection_and_is_gone_when_removed() {
        let mut guests = Guests::new(at(600));
        guests.insert(guest(1, "192.0.2.1:1000", 0));
        guests.insert(guest(2, "192.0.2.1:1001", 0));
        assert_eq!((guests.len(), guests.of_party("192.0.2.1".parse().unwrap())), (2, 2));
        assert_eq!(guests.at(&"192.0.2.1:1001".parse().unwrap()).unwrap().conn, ConnId(2));
        assert!(guests.remove(ConnId(2)).is_some() && guests.remove(ConnId(2)).is_none());
        assert!(guests.of(ConnId(2)).is_none());
        guests.insert(guest(3, "192.0.2.1:1000", 0));
        assert!(guests.of(ConnId(1)).is_none(), "an address has one guest");
        assert!(guests.is_consistent());
    }

    #[test]
    fn the_silent_are_taken_out_when_their_time_is_over_and_no_others() {
        let mut guests = Guests::new(at(600));
        assert_eq!(guests.next_deadline(), None);
        guests.insert(guest(1, "192.0.2.1:1000", 0));
        guests.insert(guest(2, "192.0.2.1:1001", 10));
        assert_eq!(guests.next_deadline(), Some(at(600)));
        guests.of(ConnId(1)).unwrap().heard = at(300);
        assert!(guests.remove_silent(at(600)).is_none());
        assert_eq!(guests.next_deadline(), Some(at(610)));
        assert_eq!(guests.remove_silent(at(610)).unwrap().conn, ConnId(2));
        assert!(guests.remove_silent(at(899)).is_none());
        assert_eq!(guests.remove_silent(at(900)).unwrap().conn, ConnId(1));
        assert!(guests.is_consistent() && guests.len() == 0);
    }
}
