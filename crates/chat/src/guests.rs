//! The people behind plain doors: their doors, and their lines that the hub does not take yet.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, VecDeque};
use std::time::Duration;

use callbox_hub::contract::{ConnId, Flow};

use crate::plain::PlainDoor;

/// Lines of one guest that wait until the hub takes them. A door says at most a few at a time, and is given nothing more to
/// say while any wait, so the cap is for datagrams, which cannot be left unread: what is over it is lost, as on the way.
const LINES_MAX: usize = 256;

/// Somebody behind a plain door.
#[derive(Debug)]
pub(crate) struct Guest {
    /// The door; one that leads to datagrams keeps its own.
    door: Option<PlainDoor>,
    /// Lines for the hub, without their endings.
    lines: VecDeque<Vec<u8>>,
    flow: Flow,
}

impl Guest {
    /// Somebody behind `door`.
    pub(crate) fn behind(door: PlainDoor) -> Self {
        Self { door: Some(door), ..Self::elsewhere() }
    }

    /// Somebody whose door is kept elsewhere.
    pub(crate) const fn elsewhere() -> Self {
        Self { door: None, lines: VecDeque::new(), flow: Flow::Ready }
    }
}

/// Everybody behind plain doors.
#[derive(Debug, Default)]
pub(crate) struct Guests {
    all: HashMap<ConnId, Guest, foldhash::fast::RandomState>,
    /// When a guest that spoke too fast may go on.
    timers: BinaryHeap<Reverse<(Duration, ConnId)>>,
}

impl Guests {
    /// Whether `conn` is a guest. On the way of every line of the hub's, so it costs nothing where there are none.
    pub(crate) fn contains(&self, conn: ConnId) -> bool {
        !self.all.is_empty() && self.all.contains_key(&conn)
    }

    pub(crate) fn insert(&mut self, conn: ConnId, guest: Guest) {
        self.all.insert(conn, guest);
    }

    pub(crate) fn remove(&mut self, conn: ConnId) {
        self.all.remove(&conn);
    }

    pub(crate) fn door(&mut self, conn: ConnId) -> Option<&mut PlainDoor> {
        self.all.get_mut(&conn)?.door.as_mut()
    }

    /// Lines for the hub, each with its CR LF.
    pub(crate) fn push(&mut self, conn: ConnId, lines: &[u8]) {
        let Some(guest) = self.all.get_mut(&conn) else { return };
        for line in lines.split(|byte| *byte == b'\n') {
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            if !line.is_empty() && guest.lines.len() < LINES_MAX {
                guest.lines.push_back(line.to_vec());
            }
        }
    }

    /// The next line that the hub takes.
    pub(crate) fn next_line(&mut self, conn: ConnId) -> Option<Vec<u8>> {
        let guest = self.all.get_mut(&conn)?;
        if guest.flow != Flow::Ready {
            return None;
        }
        guest.lines.pop_front()
    }

    /// What the hub said to the last line.
    pub(crate) fn stall(&mut self, conn: ConnId, flow: Flow) {
        let Some(guest) = self.all.get_mut(&conn) else { return };
        guest.flow = flow;
        if let Flow::Until(moment) = flow {
            self.timers.push(Reverse((moment, conn)));
        }
    }

    /// Whether more text of the guest is welcome.
    pub(crate) fn flow(&self, conn: ConnId) -> Flow {
        match self.all.get(&conn) {
            None => Flow::Closed,
            Some(guest) => match guest.flow {
                Flow::Ready | Flow::Closed => guest.flow,
                // Whatever the hub waits for, one line more may wait here.
                _ if guest.lines.is_empty() && takes_lines(guest) => Flow::Ready,
                stalled => stalled,
            },
        }
    }

    /// When a guest may go on.
    pub(crate) fn poll_timeout(&self) -> Option<Duration> {
        self.timers.peek().map(|Reverse((moment, _))| *moment)
    }

    /// The guests that may go on now.
    pub(crate) fn due(&mut self, now: Duration) -> Vec<ConnId> {
        let mut due = Vec::new();
        while let Some(Reverse((moment, conn))) = self.timers.peek().copied() {
            if moment > now {
                break;
            }
            self.timers.pop();
            if let Some(guest) = self.all.get_mut(&conn)
                && matches!(guest.flow, Flow::Until(_))
            {
                guest.flow = Flow::Ready;
                due.push(conn);
            }
        }
        due
    }
}

fn takes_lines(guest: &Guest) -> bool {
    guest.door.as_ref().is_none_or(PlainDoor::takes_lines)
}
