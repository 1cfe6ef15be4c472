//! What stands around the hub: connections, and a store that keeps records a while after they were made. What it had not
//! kept when the server went is gone.

use std::collections::{BTreeMap, BTreeSet, HashSet, VecDeque};
use std::time::Duration;

use callbox_hub::contract::{ConnId, Flow, Job, Record, Sink};
use callbox_irc::framer::Framer;

use crate::link::{Chance, Link};
use crate::store::Store;

/// The server's end of a connection.
pub(crate) struct End {
    pub(crate) framer: Framer,
    pub(crate) input: Vec<u8>,
    pub(crate) flow: Flow,
    /// What goes out, and in between how many records must be kept before the rest does.
    pub(crate) output: VecDeque<Result<Vec<u8>, usize>>,
    pub(crate) up: Link,
    pub(crate) down: Link,
    /// Jobs, and how many records came before each: what a job sees is kept.
    pub(crate) jobs: VecDeque<(Job, usize)>,
    /// When the last answer comes; none overtakes it.
    pub(crate) answered: Duration,
    /// Whether bytes still pass, each way.
    pub(crate) carries_up: bool,
    pub(crate) carries_down: bool,
    /// Whether the hub knows it.
    pub(crate) open: bool,
}

impl End {
    pub(crate) fn new(chance: &mut Chance) -> Self {
        Self {
            framer: Framer::default(),
            input: Vec::new(),
            flow: Flow::Ready,
            output: VecDeque::new(),
            up: Link::new(chance),
            down: Link::new(chance),
            jobs: VecDeque::new(),
            answered: Duration::ZERO,
            carries_up: true,
            carries_down: true,
            open: true,
        }
    }
}

/// What the hub writes to.
#[derive(Default)]
pub(crate) struct Shell {
    pub(crate) ends: BTreeMap<ConnId, End>,
    pub(crate) store: Store,
    /// All records; those that a crash lost are taken out.
    pub(crate) records: Vec<Record>,
    /// How many of them are kept.
    pub(crate) kept: usize,
    /// The msgids of what was said and is kept.
    pub(crate) kept_ids: HashSet<Box<str>>,
    pub(crate) jobs: Vec<ConnId>,
    /// For whom something was put out, and for whom something waits for the store.
    pub(crate) told: BTreeSet<ConnId>,
    pub(crate) closed: Vec<ConnId>,
    /// How often the server went.
    pub(crate) crashes: usize,
}

impl Sink for Shell {
    fn line(&mut self, to: ConnId, line: &[u8]) {
        self.ends.get_mut(&to).expect("a connection").output.push_back(Ok(line.to_vec()));
        self.told.insert(to);
    }

    fn receipt(&mut self, to: ConnId) {
        let records = self.records.len();
        self.ends.get_mut(&to).expect("a connection").output.push_back(Err(records));
    }

    fn record(&mut self, record: Record) {
        self.records.push(record.clone());
        self.store.keep(record);
    }

    fn job(&mut self, conn: ConnId, job: Job) {
        let records = self.records.len();
        self.ends.get_mut(&conn).expect("a connection").jobs.push_back((job, records));
        self.jobs.push(conn);
    }

    fn close(&mut self, conn: ConnId) {
        self.ends.get_mut(&conn).expect("a connection").open = false;
        self.closed.push(conn);
    }
}

impl Shell {
    /// The store has kept so many records.
    pub(crate) fn keep(&mut self, records: usize) {
        let records = records.min(self.records.len());
        for record in &self.records[self.kept.min(records)..records] {
            if let Record::Event(event) = record {
                self.kept_ids.insert(event.msgid.clone());
            }
        }
        self.kept = self.kept.max(records);
    }

    /// The server went: what was not kept is gone, and so are all connections.
    pub(crate) fn crash(&mut self) {
        self.crashes += 1;
        self.records.truncate(self.kept);
        self.store = Store::default();
        for record in self.records.clone() {
            self.store.keep(record);
        }
        for end in self.ends.values_mut() {
            end.open = false;
            end.output.clear();
            end.input.clear();
            end.jobs.clear();
        }
        self.jobs.clear();
        self.told.clear();
        self.closed.clear();
    }

    /// What was said in a room and is kept: msgid and text, in the server's order.
    pub(crate) fn said_in(&self, room: &str) -> Vec<(&str, String)> {
        let events = self.records[..self.kept].iter().filter_map(|record| match record {
            Record::Event(event) if *event.conversation == *room => Some(event),
            _ => None,
        });
        let said = events.filter(|event| matches!(&*event.command, "PRIVMSG" | "NOTICE"));
        let text = |text: Option<&str>| text.unwrap_or_default().replace('\r', "");
        said.map(|event| (&*event.msgid, text(event.text.as_deref()))).collect()
    }

    /// What was said to anybody in private and is kept.
    pub(crate) fn said_in_private(&self) -> Vec<String> {
        let said = self.records[..self.kept].iter().filter_map(|record| match record {
            Record::Event(event)
                if event.conversation.starts_with('@') && &*event.command == "PRIVMSG" =>
            {
                event.text.as_deref()
            }
            _ => None,
        });
        said.map(|text| text.replace('\r', "")).collect()
    }
}
