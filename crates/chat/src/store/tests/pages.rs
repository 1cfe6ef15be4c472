//! What pages hold, against a model that keeps all events in one list and looks at each.

use callbox_hub::contract::Bound;
use proptest::collection::vec;
use proptest::prelude::*;

use super::super::queue::Queued;
use super::super::row::{Kind, sides};
use super::*;

/// All that is kept, in the order in which it was recorded.
#[derive(Debug, Default)]
struct Model(Vec<Event>);

impl Model {
    fn apply(&mut self, record: &Record) {
        match record {
            Record::Event(event) if self.find(&event.conversation, &event.msgid).is_none() => {
                self.0.push(event.clone());
            }
            Record::Redact { conversation, msgid } => {
                self.0.retain(|event| event.conversation != *conversation || event.msgid != *msgid);
            }
            Record::RenameConversation { from, to } if from != to => {
                self.0.retain(|event| event.conversation != *to);
                for event in self.0.iter_mut().filter(|event| event.conversation == *from) {
                    event.conversation = to.clone();
                }
            }
            Record::ForgetConversation { conversation } => {
                self.0.retain(|event| event.conversation != *conversation);
            }
            _ => {}
        }
    }

    fn find(&self, conversation: &str, msgid: &str) -> Option<Event> {
        let named = |event: &&Event| &*event.conversation == conversation && &*event.msgid == msgid;
        self.0.iter().find(named).cloned()
    }

    fn of(&self, conversation: &str) -> Vec<Event> {
        let mut events: Vec<_> =
            self.0.iter().filter(|event| &*event.conversation == conversation).cloned().collect();
        events.sort_by_key(|event| event.time);
        events
    }

    fn page(&self, query: &HistoryQuery) -> Option<Vec<Event>> {
        let events = self.of(&query.conversation);
        let wanted = |event: &Event| match Kind::of(&event.command) {
            Kind::Said => true,
            Kind::Tags => query.tagmsg,
            Kind::Other => !query.said_only,
        };
        // How many events stand before the bound, and how many before its end.
        let ends = |bound: &Bound| match bound {
            Bound::Time(time) => Some((
                events.iter().filter(|event| event.time < *time).count(),
                events.iter().filter(|event| event.time <= *time).count(),
            )),
            Bound::Msgid(msgid) => {
                let at = events.iter().position(|event| event.msgid == *msgid)?;
                Some((at, at + 1))
            }
        };
        // Indices stand for what comes between two bounds only if times without events are told apart, too.
        let start = |bound: &Bound| match bound {
            Bound::Time(time) => (*time, 0),
            Bound::Msgid(msgid) => {
                let at = events.iter().position(|event| event.msgid == *msgid).unwrap_or_default();
                (events[at].time, at)
            }
        };
        let part = |from: usize, to: usize| -> Vec<Event> {
            events.get(from..to).unwrap_or_default().iter().filter(|e| wanted(e)).cloned().collect()
        };
        let first = |mut part: Vec<Event>, limit: usize| {
            part.truncate(limit);
            part
        };
        let last =
            |part: Vec<Event>, limit: usize| part[part.len().saturating_sub(limit)..].to_vec();
        let limit = query.limit;
        let all = events.len();
        Some(match &query.part {
            Part::Latest(None) => last(part(0, all), limit),
            Part::Latest(Some(bound)) => last(part(ends(bound)?.1, all), limit),
            Part::Before(bound) => last(part(0, ends(bound)?.0), limit),
            Part::After(bound) => first(part(ends(bound)?.1, all), limit),
            Part::Around(bound) => {
                let at = ends(bound)?.0;
                let mut page = last(part(0, at), limit / 2);
                page.extend(first(part(at, all), limit - limit / 2));
                page
            }
            Part::Between(one, other) => {
                let (one_ends, other_ends) = (ends(one)?, ends(other)?);
                if start(one) <= start(other) {
                    first(part(one_ends.1, other_ends.0), limit)
                } else {
                    last(part(other_ends.1, one_ends.0), limit)
                }
            }
        })
    }

    fn targets(
        &self,
        owner: &str,
        channels: &[Box<str>],
        after: Millis,
        before: Millis,
    ) -> Vec<(Box<str>, Millis)> {
        let mut keys: Vec<_> = self.0.iter().map(|event| event.conversation.clone()).collect();
        keys.sort();
        keys.dedup();
        let mut targets: Vec<_> = keys
            .into_iter()
            .filter(|key| channels.contains(key) || sides(key).contains(&owner))
            .filter_map(|key| {
                let said = self
                    .of(&key)
                    .into_iter()
                    .filter(|event| Kind::of(&event.command) == Kind::Said);
                said.map(|event| event.time).max().map(|last| (key, last))
            })
            .filter(|(_, last)| *last > after && *last < before)
            .collect();
        targets.sort_by_key(|(key, last)| (*last, key.clone()));
        targets
    }
}

/// What is tested: the parts of a store that write and read, without its threads.
struct Tested(Keeper);

impl Tested {
    fn new(max_events: Option<u64>) -> Self {
        Self(Keeper::new(schema::in_memory().unwrap(), max_events))
    }

    fn keep(&mut self, records: Vec<Record>) {
        let batch = Batch { records, jobs: Vec::new() };
        assert_eq!(self.0.keep(&[Queued { ticket: Ticket(1), batch }]), Ok(Vec::new()));
    }

    fn ask(&self, job: &Job) -> Answer {
        reader::answer(&self.0.connection, job).unwrap()
    }

    fn page(&self, query: HistoryQuery) -> Option<Vec<Event>> {
        match self.ask(&Job::History(query)) {
            Answer::History(page) => page,
            other => panic!("{other:?}"),
        }
    }

    /// Tidies until there is nothing to do.
    fn tidy(&mut self, max_age: Option<Duration>, max_events: Option<u64>, now: Millis) {
        let mut retention = Retention::new(max_age, max_events);
        while retention.has_work(&self.0) {
            retention.slice(&mut self.0, now).unwrap();
        }
    }

    fn count(&self, sql: &str) -> i64 {
        self.0.connection.query_row(sql, (), |row| row.get(0)).unwrap()
    }

    /// What can be counted is counted right.
    fn check(&self) {
        assert_eq!(
            self.count(
                "SELECT count(*) FROM conversations WHERE count != (
                     SELECT count(*) FROM events WHERE conversation = id)"
            ),
            0
        );
        assert_eq!(
            self.count(
                "SELECT count(*) FROM sides LEFT JOIN conversations ON id = conversation
                 WHERE key IS NULL OR conversations.last != sides.last"
            ),
            0
        );
    }
}

const CONVERSATIONS: [&str; 4] = ["#a", "#b", "@$ann,$bob", "@$ann,~g-1"];

fn conversation() -> impl Strategy<Value = Box<str>> {
    prop::sample::select(&CONVERSATIONS[..]).prop_map(Into::into)
}

fn msgid() -> impl Strategy<Value = Box<str>> {
    (0..40_u8).prop_map(|number| format!("m{number}").into())
}

fn record() -> impl Strategy<Value = Record> {
    let commands = &["PRIVMSG", "PRIVMSG", "NOTICE", "TAGMSG", "JOIN", "XYZZY"][..];
    prop_oneof![
        20 => (conversation(), msgid(), 1..12_u64, prop::sample::select(commands)).prop_map(
            |(conversation, msgid, time, command)| {
                Record::Event(Event { command: command.into(), ..said(&conversation, &msgid, time) })
            }
        ),
        3 => (conversation(), msgid())
            .prop_map(|(conversation, msgid)| Record::Redact { conversation, msgid }),
        1 => (conversation(), conversation())
            .prop_map(|(from, to)| Record::RenameConversation { from, to }),
        1 => conversation().prop_map(|conversation| Record::ForgetConversation { conversation }),
    ]
}

fn bound() -> impl Strategy<Value = Bound> {
    prop_oneof![
        1 => (0..14_u64).prop_map(Bound::Time),
        2 => msgid().prop_map(Bound::Msgid),
    ]
}

fn part() -> impl Strategy<Value = Part> {
    prop_oneof![
        Just(Part::Latest(None)),
        bound().prop_map(|bound| Part::Latest(Some(bound))),
        bound().prop_map(Part::Before),
        bound().prop_map(Part::After),
        bound().prop_map(Part::Around),
        (bound(), bound()).prop_map(|(one, other)| Part::Between(one, other)),
    ]
}

fn query() -> impl Strategy<Value = HistoryQuery> {
    (conversation(), part(), 0..7_usize, any::<bool>(), any::<bool>()).prop_map(
        |(conversation, part, limit, said_only, tagmsg)| HistoryQuery {
            conversation,
            part,
            limit,
            said_only,
            tagmsg,
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn every_page_is_that_of_the_model(
        transactions in vec(vec(record(), 0..30), 1..4),
        queries in vec(query(), 40),
        tidied in any::<bool>(),
    ) {
        let (mut tested, mut model) = (Tested::new(None), Model::default());
        for records in transactions {
            records.iter().for_each(|record| model.apply(record));
            tested.keep(records);
            if tidied {
                tested.tidy(None, None, 0);
            }
            tested.check();
        }
        for query in queries {
            prop_assert_eq!(tested.page(query.clone()), model.page(&query), "{:?}", query);
        }
        for (conversation, msgid) in CONVERSATIONS.into_iter().zip(["m1", "m2", "m3", "m4"]) {
            let find = Job::Find { conversation: conversation.into(), msgid: msgid.into() };
            prop_assert_eq!(tested.ask(&find), Answer::Found(model.find(conversation, msgid)));
        }
        for (owner, after, before) in [("$ann", 0, 99), ("$bob", 3, 9), ("~g-1", 0, 99), ("$eve", 0, 99)] {
            let channels = vec!["#a".into(), "#c".into()];
            let targets = model.targets(owner, &channels, after, before);
            let job = Job::Targets { owner: owner.into(), channels, after, before, limit: 9 };
            let Answer::Targets(mut given) = tested.ask(&job) else { panic!() };
            prop_assert!(given.is_sorted_by_key(|(_, last)| *last));
            given.sort_by_key(|(key, last)| (*last, key.clone()));
            prop_assert_eq!(given, targets);
        }
    }

    #[test]
    fn retention_keeps_the_last_and_the_young_of_each_conversation(
        transactions in vec(vec(record(), 0..40), 1..4),
        max_events in prop::option::of(1..6_u64),
        max_age in prop::option::of(0..12_u64),
    ) {
        let (mut tested, mut model) = (Tested::new(max_events), Model::default());
        let now = 12;
        for records in transactions {
            records.iter().for_each(|record| model.apply(record));
            tested.keep(records);
        }
        tested.tidy(max_age.map(Duration::from_millis), max_events, now);
        tested.check();
        for conversation in CONVERSATIONS {
            let mut left = model.of(conversation);
            left.retain(|event| max_age.is_none_or(|age| event.time >= now - age));
            let surplus = max_events.map_or(0, |max| left.len().saturating_sub(max as usize));
            left.drain(..surplus);
            let query = HistoryQuery {
                conversation: conversation.into(),
                part: Part::Latest(None),
                limit: 1_000,
                said_only: false,
                tagmsg: true,
            };
            prop_assert_eq!(tested.page(query), Some(left));
        }
        // What was tidied away is not counted on by what comes after.
        tested.keep(CONVERSATIONS.map(|conversation| event(conversation, "after", 12)).into());
        tested.check();
        if max_events.is_some() || max_age.is_some() {
            prop_assert_eq!(tested.count("SELECT count(*) FROM conversations WHERE count = 0"), 0);
        }
    }
}

#[test]
fn what_is_forgotten_is_deleted_in_slices_and_leaves_nothing() {
    let mut tested = Tested::new(None);
    tested.keep((0..10_000).map(|number| event("@$a,$b", &number.to_string(), number)).collect());
    tested.keep(vec![Record::ForgetConversation { conversation: "@$a,$b".into() }]);
    assert_eq!(tested.count("SELECT count(*) FROM events"), 10_000);
    let mut retention = Retention::new(None, None);
    let (mut before, mut slices) = (10_000, 0);
    while retention.has_work(&tested.0) {
        retention.slice(&mut tested.0, 0).unwrap();
        let now = tested.count("SELECT count(*) FROM events");
        assert!(before - now <= 5_000, "{} at once", before - now);
        (before, slices) = (now, slices + 1);
    }
    assert!(slices > 10, "{slices} slices");
    for table in ["events", "conversations", "sides"] {
        assert_eq!(tested.count(&format!("SELECT count(*) FROM {table}")), 0, "{table}");
    }
}

#[test]
fn a_transaction_that_fails_leaves_no_trace_in_memory_either() {
    let mut tested = Tested::new(None);
    tested.keep(vec![event("#a", "1", 1)]);
    tested.0.connection.execute_batch("ALTER TABLE clock RENAME TO away").unwrap();
    let records = vec![event("#a", "2", 2), event("#new", "3", 3)];
    let queued =
        Queued { ticket: Ticket(2), batch: Batch { records: records.clone(), jobs: vec![] } };
    assert!(tested.0.keep(&[queued]).is_err());
    tested.0.connection.execute_batch("ALTER TABLE away RENAME TO clock").unwrap();
    assert_eq!(tested.count("SELECT count(*) FROM events"), 1);
    tested.keep(records);
    tested.check();
    assert_eq!(tested.count("SELECT count(*) FROM events"), 3);
}
