//! A store in memory, by the plainest code that is right: it keeps records and does jobs.

use std::collections::{HashMap, HashSet};

use callbox_hub::contract::{
    Answer, Bound, ConnId, Event, HistoryQuery, Job, Millis, Part, Record, RegisterError,
    SaslOutcome, SaslStep,
};

/// The password of every account, and of every operator.
pub const PASSWORD: &str = "correct-horse";

/// What was recorded, and the accounts.
#[derive(Debug, Default)]
pub struct Store {
    conversations: HashMap<Box<str>, Vec<Event>>,
    /// Accounts as shown, by their folded names.
    accounts: HashMap<Box<str>, Box<str>>,
    /// Who is in the middle of a SASL exchange.
    exchanges: HashSet<ConnId>,
    msgids: HashSet<Box<str>>,
    last: Millis,
    /// The ids of what was said, in order.
    pub said: Vec<Box<str>>,
}

impl Store {
    /// Keeps `record`, which must make sense after those before.
    pub fn keep(&mut self, record: Record) {
        match record {
            Record::Event(event) => {
                assert!(event.time >= self.last, "time goes back: {event:?}");
                self.last = event.time;
                if matches!(&*event.command, "PRIVMSG" | "NOTICE" | "TAGMSG") {
                    assert!(self.msgids.insert(event.msgid.clone()), "an id twice: {event:?}");
                    self.said.push(event.msgid.clone());
                }
                self.conversations.entry(event.conversation.clone()).or_default().push(event);
            }
            Record::Redact { conversation, msgid } => {
                if let Some(events) = self.conversations.get_mut(&conversation) {
                    events.retain(|event| event.msgid != msgid);
                }
            }
            Record::RenameConversation { from, to } => {
                let mut events = self.conversations.remove(&from).unwrap_or_default();
                events.iter_mut().for_each(|event| event.conversation = to.clone());
                self.conversations.insert(to, events);
            }
            Record::ForgetConversation { conversation } => {
                self.conversations.remove(&conversation);
            }
            Record::Channel(_)
            | Record::DropChannel { .. }
            | Record::ReadMarker { .. }
            | Record::Metadata { .. } => {}
        }
    }

    /// Does `job`. `None` if it wants no answer.
    pub fn answer(&mut self, conn: ConnId, job: Job) -> Option<Answer> {
        Some(match job {
            Job::History(query) => Answer::History(self.page(&query)),
            Job::Targets { owner, channels, after, before, limit } => {
                Answer::Targets(self.targets(&owner, &channels, after, before, limit))
            }
            Job::Find { conversation, msgid } => {
                let events = self.conversations.get(&conversation);
                let found = events.and_then(|events| events.iter().find(|e| e.msgid == msgid));
                Answer::Found(found.cloned())
            }
            Job::CheckPassword { password, .. } => Answer::Password(&*password.0 == PASSWORD),
            Job::Register { account, key, .. } => {
                let taken = self.accounts.contains_key(&key);
                if !taken {
                    self.accounts.insert(key, account.clone());
                }
                Answer::Registered(if taken { Err(RegisterError::Exists) } else { Ok(account) })
            }
            Job::Reload => Answer::Reloaded(Err(vec!["line 1: a mistake".into()])),
            Job::Sasl(step) => return self.sasl(conn, step).map(Answer::Sasl),
        })
    }

    fn sasl(&mut self, conn: ConnId, step: SaslStep) -> Option<SaslOutcome> {
        Some(match step {
            SaslStep::Start { mechanism, .. } if &*mechanism == "PLAIN" => {
                self.exchanges.insert(conn);
                SaslOutcome::Challenge(Box::default())
            }
            SaslStep::Start { .. } => SaslOutcome::NoMechanism,
            SaslStep::Response(response) => {
                assert!(self.exchanges.remove(&conn), "a response out of turn");
                let text = String::from_utf8_lossy(&response).to_lowercase();
                let account = text.split('\0').nth(1).and_then(|name| self.accounts.get(name));
                match account {
                    Some(account) if text.ends_with(PASSWORD) => {
                        SaslOutcome::Success { account: account.clone(), last: None }
                    }
                    _ => SaslOutcome::Failure,
                }
            }
            SaslStep::Abort => {
                self.exchanges.remove(&conn);
                return None;
            }
        })
    }

    fn targets(
        &self,
        owner: &str,
        channels: &[Box<str>],
        after: Millis,
        before: Millis,
        limit: usize,
    ) -> Vec<(Box<str>, Millis)> {
        let mine = |key: &str| {
            let mut sides = key.strip_prefix('@').unwrap_or_default().split(',');
            channels.iter().any(|channel| **channel == *key) || sides.any(|side| side == owner)
        };
        let last = |events: &[Event]| {
            let said = |event: &&Event| matches!(&*event.command, "PRIVMSG" | "NOTICE");
            events.iter().rev().find(said).map(|event| event.time)
        };
        let all = self.conversations.iter().filter(|(key, _)| mine(key));
        let timed = all.filter_map(|(key, events)| Some((key.clone(), last(events)?)));
        let mut targets: Vec<_> =
            timed.filter(|(_, time)| *time > after && *time < before).collect();
        targets.sort_by_key(|(key, time)| (*time, key.clone()));
        targets.truncate(limit);
        targets
    }

    fn page(&self, query: &HistoryQuery) -> Option<Vec<Event>> {
        let none = Vec::new();
        let all = self.conversations.get(&query.conversation).unwrap_or(&none);
        // A bound as two places: how many events come before it, and how many with it.
        let places = |bound: &Bound| match bound {
            Bound::Time(time) => Some((
                all.partition_point(|event| event.time < *time),
                all.partition_point(|event| event.time <= *time),
            )),
            Bound::Msgid(id) => {
                let at = all.iter().position(|event| event.msgid == *id)?;
                Some((at, at + 1))
            }
        };
        let wanted = |event: &&Event| match &*event.command {
            "PRIVMSG" | "NOTICE" => true,
            "TAGMSG" => query.tagmsg,
            _ => !query.said_only,
        };
        let first = |from: usize, to: usize, most: usize| -> Vec<Event> {
            let part = all.get(from..to).unwrap_or_default();
            part.iter().filter(wanted).take(most).cloned().collect()
        };
        let last = |from: usize, to: usize, most: usize| -> Vec<Event> {
            let part = all.get(from..to).unwrap_or_default();
            let mut page: Vec<_> = part.iter().rev().filter(wanted).take(most).cloned().collect();
            page.reverse();
            page
        };
        let (end, most) = (all.len(), query.limit);
        Some(match &query.part {
            Part::Latest(None) => last(0, end, most),
            Part::Latest(Some(bound)) => last(places(bound)?.1, end, most),
            Part::Before(bound) => last(0, places(bound)?.0, most),
            Part::After(bound) => first(places(bound)?.1, end, most),
            Part::Around(bound) => {
                let at = places(bound)?.0;
                let mut page = last(0, at, most / 2);
                page.extend(first(at, end, most - most / 2));
                page
            }
            Part::Between(from, to) => {
                let (from, to) = (places(from)?, places(to)?);
                if from.0 <= to.0 { first(from.1, to.0, most) } else { last(to.1, from.0, most) }
            }
        })
    }
}
