//! What everybody must see, worked out from the records alone, and what they did see.
//!
//! The records say in which order things happened. Who is in a room follows from the JOINs, PARTs, KICKs and QUITs of its
//! conversation, so who must have seen a line does too. Each connection's user name is its number, by which it is
//! known whatever it calls itself.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use callbox_hub::contract::{ConnId, Event, Record};

/// What must be seen and was.
#[derive(Debug, Default)]
pub(crate) struct Model {
    /// Who is in each conversation of a room.
    rooms: HashMap<Box<str>, BTreeSet<ConnId>>,
    /// Who is called what, as they were told.
    nicks: BTreeMap<ConnId, String>,
    /// Who gets echoes.
    echoing: HashSet<ConnId>,
    must: HashMap<ConnId, Vec<String>>,
    saw: HashMap<ConnId, Vec<String>>,
    /// Whose link was cut, or whom the server closed.
    cut: HashSet<ConnId>,
    /// Everything that was said, each line by itself, with the number of records up to it.
    said: HashMap<String, usize>,
    records: usize,
}

/// The connection whose user name stands in `nick!~u7@host`.
fn conn_of(source: &str) -> Option<ConnId> {
    let user = source.split_once('!')?.1.split_once('@')?.0;
    user.strip_prefix("~u")?.parse().ok().map(ConnId)
}

impl Model {
    pub(crate) fn record(&mut self, record: &Record) {
        self.records += 1;
        match record {
            Record::Event(event) => self.event(event),
            Record::RenameConversation { from, to } => {
                let members = self.rooms.remove(from).unwrap_or_default();
                self.rooms.insert(to.clone(), members);
            }
            _ => {}
        }
    }

    fn event(&mut self, event: &Event) {
        let who = conn_of(&event.source).expect("who did it is known");
        let room = self.rooms.entry(event.conversation.clone()).or_default();
        match &*event.command {
            "JOIN" => assert!(room.insert(who), "{who:?} is in {} twice", event.conversation),
            "PART" | "QUIT" => assert!(room.remove(&who), "{who:?} was in {}", event.conversation),
            "KICK" => {
                let nick = &event.params[1];
                let kicked = room.iter().copied().find(|conn| *self.nicks[conn] == **nick);
                room.remove(&kicked.expect("who is kicked was there"));
            }
            "PRIVMSG" | "NOTICE" => {
                let mut hearers: Vec<ConnId> = if event.conversation.starts_with('#') {
                    room.iter().copied().filter(|conn| *conn != who).collect()
                } else {
                    let named = |conn: &&ConnId| *self.nicks[*conn] == *event.params[0];
                    let to = self.nicks.keys().find(named).copied();
                    vec![to.expect("who is written to is there")]
                };
                if self.echoing.contains(&who) {
                    hearers.push(who);
                }
                for line in event.text.as_deref().unwrap_or_default().split(['\n', '\r']) {
                    self.said.insert(line.to_owned(), self.records);
                    for hearer in &hearers {
                        self.must.entry(*hearer).or_default().push(line.to_owned());
                    }
                }
            }
            _ => {}
        }
    }

    pub(crate) fn is_called(&mut self, conn: ConnId, nick: &str) {
        self.nicks.insert(conn, nick.to_owned());
    }

    pub(crate) fn echoes(&mut self, conn: ConnId) {
        self.echoing.insert(conn);
    }

    /// Whether `conn` is in the room whose conversation is `key`.
    pub(crate) fn is_in(&self, conn: ConnId, key: &str) -> bool {
        self.rooms.get(key).is_some_and(|members| members.contains(&conn))
    }

    /// The hub forgot `conn`.
    pub(crate) fn gone(&mut self, conn: ConnId) {
        self.nicks.remove(&conn);
    }

    /// Nothing more comes to `conn`, though it may have been sent.
    pub(crate) fn cut(&mut self, conn: ConnId) {
        self.cut.insert(conn);
    }

    /// `conn` read `line`, said by `source`, when so many records were kept.
    pub(crate) fn saw(&mut self, conn: ConnId, source: &str, line: &str, kept: usize) {
        if conn_of(source) == Some(conn) {
            let record = self.said.get(line).expect("an echo of something recorded");
            assert!(*record <= kept, "an echo before its record was kept: {line}");
        }
        self.saw.entry(conn).or_default().push(line.to_owned());
    }

    /// `conn` was shown `lines` out of the past.
    pub(crate) fn was_shown(&self, conn: ConnId, lines: &[String]) {
        let all: HashSet<&String> = lines.iter().collect();
        assert_eq!(all.len(), lines.len(), "{conn:?} was shown a line twice: {lines:?}");
        let order: Vec<_> = lines.iter().map(|line| self.said[line]).collect();
        assert!(order.is_sorted(), "{conn:?} was shown lines out of order: {lines:?}");
    }

    /// Holds what was seen against what must have been. Gives how many lines were said and how many seen.
    pub(crate) fn judge(&self) -> (usize, usize) {
        let mut seen = 0;
        let none = Vec::new();
        for conn in self.must.keys().chain(self.saw.keys()) {
            let must = self.must.get(conn).unwrap_or(&none);
            let saw = self.saw.get(conn).unwrap_or(&none);
            for (place, line) in saw.iter().enumerate() {
                let due = must.get(place);
                assert_eq!(
                    due,
                    Some(line),
                    "{conn:?}, after {:?}",
                    &saw[place.saturating_sub(3)..place]
                );
            }
            if !self.cut.contains(conn) {
                assert_eq!(saw.len(), must.len(), "{conn:?} missed {:?}", &must[saw.len()..]);
            }
            seen += saw.len();
        }
        (self.said.len(), seen)
    }
}
