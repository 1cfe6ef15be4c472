//! The guests who are in by datagrams: a table by address, bounded, in which whoever falls silent is found again.

use std::collections::{BTreeSet, HashMap};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use callbox_hub::contract::ConnId;

use super::throttle::{Bucket, party};
use crate::plain::PlainDoor;

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
    pub(super) lines: Bucket,
    /// The last line was dropped for coming too soon, and the guest told.
    pub(super) slowed: bool,
    /// Where it stands among the deadlines.
    due: Duration,
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
            slowed: false,
            due: now,
        }
    }
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
        let party = party(guest.address.ip());
        if let Some(count) = self.parties.get_mut(&party) {
            *count -= 1;
            if *count == 0 {
                self.parties.remove(&party);
            }
        }
        Some(guest)
    }

    /// When [`Self::remove_silent`] is to be asked next.
    pub(super) fn next_deadline(&self) -> Option<Duration> {
        self.deadlines.first().map(|(due, _)| *due)
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
            && self.by_conn.values().all(|guest| {
                self.by_address.get(&guest.address) == Some(&guest.conn)
                    && self.deadlines.contains(&(guest.due, guest.conn))
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
