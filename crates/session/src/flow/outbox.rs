//! Own lines: they wait for the connection and the room, are sent in the order in which they were typed, at most so many
//! at a time, and stay until the server has them.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use super::split::{Fit, parts};
use crate::contract::{Event, Millis, Now};
use crate::line::LineId;
use crate::room::{Delivery, Kind, OutId, Outgoing, Presence, Room, RoomId};
use crate::session::{Manner, Refusal, Session};
use callbox_irc::capability::CapSet;

/// The most lines that were sent and are not confirmed. What a broken connection leaves in doubt is no more than this, and
/// a server that takes its time over lines holds no more of them.
const WINDOW: usize = 10;

/// Networks close connections that flood: many count two seconds for a line, and let ten seconds run up (RFC 1459,
/// section 8.10). Ours slows down instead.
const LINE_COSTS: Duration = Duration::from_secs(2);
const CREDIT: Duration = Duration::from_secs(10);

/// All own lines that the server does not have yet.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    /// In the order in which they were typed. Those that failed are not here.
    pub(super) queue: VecDeque<Own>,
    /// Up to when the lines so far are paid for.
    paid: Duration,
    /// When there is credit for the next line, if one waits for that.
    credit: Option<Duration>,
    /// When somebody who was asked about a line that is long under way is asked again.
    pub(super) overdue: Option<Duration>,
}

/// An own line that waits, or is under way.
#[derive(Debug)]
pub(super) struct Own {
    pub(super) id: OutId,
    pub(super) room: RoomId,
    pub(super) phase: Phase,
}

/// How far it is.
#[derive(Debug)]
pub(super) enum Phase {
    /// Not sent.
    Waiting,
    /// Sent.
    Sent(Sent),
    /// Sent on a connection that broke: the server may have it.
    Doubt(Sent),
}

/// A line that was sent.
#[derive(Clone, Debug)]
pub(super) struct Sent {
    /// What will prove that the server has it.
    pub(super) proof: Proof,
    /// The label, where there are labels.
    pub(super) label: Option<u64>,
    /// The token of the PING behind it.
    pub(super) probe: Option<u64>,
    /// When, on both clocks.
    pub(super) at: Now,
    /// Our nickname then, and if the connection broke, those that we may have had by the time the server read the line.
    pub(super) nicks: Vec<Arc<str>>,
    /// Our user name and host then, as of [`Line::sender`](crate::line::Line::sender).
    pub(super) sender: u32,
}

/// What proves that the server has a line.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Proof {
    /// The answer with its label: the line itself, if `echo`.
    Label { echo: bool },
    /// The line, which comes back.
    Echo,
    /// The PONG to a PING behind it, if no refusal came before.
    Pong,
}

impl Outbox {
    /// When something is to be done.
    pub(super) fn next(&self) -> Option<Duration> {
        [self.credit, self.overdue].into_iter().flatten().min()
    }

    /// Forgets the lines of a room.
    pub(super) fn forget(&mut self, room: RoomId) {
        self.queue.retain(|own| own.room != room);
    }

    /// The connection is gone: nothing more is waited for.
    pub(super) fn pause(&mut self) {
        (self.credit, self.overdue, self.paid) = (None, None, Duration::ZERO);
    }

    /// The lines under way, oldest first.
    pub(super) fn sent(&mut self) -> impl Iterator<Item = (OutId, RoomId, &mut Sent)> {
        self.queue.iter_mut().filter_map(|own| match &mut own.phase {
            Phase::Sent(sent) => Some((own.id, own.room, sent)),
            _ => None,
        })
    }
}

fn refused<T>(text: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal(text.into()))
}

/// What the person wants to say.
impl Session {
    /// Says `text` in a room. Each of its lines is a message; where the server takes messages of several lines, all are
    /// one. What is too long for a line is split between characters. It is sent now, or as soon as we are online and in the
    /// room; what does not fit then (the name or the server is another one) becomes several own lines in its place.
    ///
    /// Returns the numbers of the own lines, which are in [`Room::outbox`](crate::room::Room::outbox) until the server has
    /// them.
    ///
    /// # Errors
    ///
    /// The room is the server's or gone, the text is empty, or too much waits already.
    pub fn say(
        &mut self,
        room: RoomId,
        text: &str,
        manner: &Manner,
        now: Now,
    ) -> Result<Vec<OutId>, Refusal> {
        let target = self.speakable(room)?;
        let reply_to = match manner.reply_to {
            Some(line) => Some(msgid_of(target, line)?),
            None => None,
        };
        let messages = self.fit(target, manner.action).messages(text);
        if messages.is_empty() {
            return refused("there is nothing to say");
        }
        let waiting: usize = self.rooms.iter().map(|room| room.outbox.len()).sum();
        if waiting + messages.len() > self.config.limits.outbox {
            return refused("too many lines wait to be sent");
        }
        let mut ids = Vec::with_capacity(messages.len());
        for text in messages {
            // Of several messages the first one answers.
            let reply_to = if ids.is_empty() { reply_to.clone() } else { None };
            ids.push(self.put(room, text, manner.action, reply_to, None, now));
        }
        self.said_so(room);
        self.send_waiting(now);
        Ok(ids)
    }

    /// How many messages [`say`](Self::say) would make of `text`.
    pub fn count_messages(&self, room: RoomId, text: &str) -> usize {
        self.room(room).map_or(0, |room| self.fit(room, false).messages(text).len())
    }

    /// Sends an own line that failed again, at the end.
    ///
    /// # Errors
    ///
    /// There is no such line, it has not failed, or we are not in the room.
    pub fn send_again(&mut self, room: RoomId, line: OutId, now: Now) -> Result<(), Refusal> {
        self.speakable(room)?;
        let Some(target) = self.room_mut(room) else { return refused("there is no such room") };
        let failed = |own: &Outgoing| own.id == line && matches!(own.state, Delivery::Failed(_));
        let Some(place) = target.outbox.iter().position(failed) else {
            return refused("that line has not failed");
        };
        let mut own = target.outbox.remove(place);
        own.state = Delivery::Waiting;
        own.time = now.wall;
        target.outbox.push(own);
        self.flow.outbox.queue.push_back(Own { id: line, room, phase: Phase::Waiting });
        self.event(Event::Outbox(room));
        self.send_waiting(now);
        Ok(())
    }

    /// Forgets an own line that was not sent or has failed.
    ///
    /// # Errors
    ///
    /// There is no such line, or it was sent.
    pub fn discard(&mut self, room: RoomId, line: OutId) -> Result<(), Refusal> {
        let sent = |own: &Own| own.id == line && !matches!(own.phase, Phase::Waiting);
        if self.flow.outbox.queue.iter().any(sent) {
            return refused("that line is on its way");
        }
        if self.take_own(room, line).is_none() {
            return refused("there is no such line");
        }
        self.flow.outbox.queue.retain(|own| own.id != line);
        self.event(Event::Outbox(room));
        Ok(())
    }

    /// Replaces the text of an own line.
    ///
    /// # Errors
    ///
    /// The line is not an own one that the server can name, the server passes no such wish on, or the text is empty or too
    /// long for one message.
    pub fn edit(
        &mut self,
        room: RoomId,
        line: LineId,
        text: &str,
        now: Now,
    ) -> Result<OutId, Refusal> {
        let target = self.speakable(room)?;
        if self.is_online() && !self.passes_tag("draft/edit") {
            return refused("this server passes no edits on");
        }
        msgid_of(target, line)?;
        let edited = target.timeline.by_id(line).filter(|line| line.own);
        let action = match edited.map(|line| &line.what) {
            Some(crate::line::What::Said(_)) => false,
            Some(crate::line::What::Did(_)) => true,
            _ => return refused("only your own lines can be edited"),
        };
        let mut messages = self.fit(target, action).messages(text);
        let text = match (messages.pop(), messages.is_empty()) {
            (Some(text), true) => text,
            (None, _) => return refused("there is nothing to say"),
            _ => return refused("that is too long for one message"),
        };
        if target.outbox.len() >= self.config.limits.outbox {
            return refused("too many lines wait to be sent");
        }
        let id = self.put(room, text, action, None, Some(line), now);
        self.said_so(room);
        self.send_waiting(now);
        Ok(id)
    }
}

/// How own lines get on.
impl Session {
    /// A room in which something can be said.
    pub(super) fn speakable(&self, room: RoomId) -> Result<&Room, Refusal> {
        let Some(room) = self.room(room) else { return refused("there is no such room") };
        match (room.kind, room.presence) {
            (Kind::Server, _) => refused("nobody hears you here; /join goes into a room"),
            (Kind::Channel, Presence::Out) => {
                refused(format!("you are not in {0}; /join {0} goes there", room.name))
            }
            _ => Ok(room),
        }
    }

    /// What fits into a message of a room, from who we are now.
    fn fit(&self, room: &Room, action: bool) -> Fit {
        /// Where servers have not said what we are called: longer names are rare.
        const USER: usize = 18;
        const HOST: usize = 64;
        let me = self.person(&self.nick);
        let user = me.and_then(|me| me.user.as_ref()).map_or(USER, |user| user.len());
        let host = me.and_then(|me| me.host.as_ref()).map_or(HOST, |host| host.len());
        // Where there is no connection: what there was on the last one. It is looked at again before it is sent.
        let is_given = !self.is_online() || self.has(CapSet::MULTILINE);
        let several = self.network.multiline.filter(|_| is_given);
        Fit::new(self.nick.len() + user + host, &room.name, action, several)
    }

    /// Whether a capability is in use, with what it needs. What was in use before the connection broke counts: it will be
    /// again.
    pub(super) fn has(&self, cap: CapSet) -> bool {
        self.network.caps.contains(cap)
    }

    fn put(
        &mut self,
        room: RoomId,
        text: String,
        action: bool,
        reply_to: Option<Arc<str>>,
        edits: Option<LineId>,
        now: Now,
    ) -> OutId {
        let id = OutId(self.next_number());
        let state = Delivery::Waiting;
        let time = now.wall;
        if let Some(target) = self.room_mut(room) {
            let text = text.into();
            target.outbox.push(Outgoing { id, text, action, reply_to, edits, time, state });
        }
        self.flow.outbox.queue.push_back(Own { id, room, phase: Phase::Waiting });
        self.event(Event::Outbox(room));
        id
    }

    /// Takes an own line out of the room's outbox.
    pub(super) fn take_own(&mut self, room: RoomId, id: OutId) -> Option<Outgoing> {
        let outbox = &mut self.room_mut(room)?.outbox;
        let place = outbox.iter().position(|own| own.id == id)?;
        Some(outbox.remove(place))
    }

    pub(super) fn own(&self, room: RoomId, id: OutId) -> Option<&Outgoing> {
        self.room(room)?.outbox.iter().find(|own| own.id == id)
    }

    /// The state of an own line is another one.
    pub(super) fn set_state(&mut self, room: RoomId, id: OutId, state: Delivery) {
        let Some(target) = self.room_mut(room) else { return };
        if let Some(own) = target.outbox.iter_mut().find(|own| own.id == id) {
            own.state = state;
        }
        self.event(Event::Outbox(room));
    }

    /// An own line will not be said unless the person wants it again.
    pub(super) fn fail(&mut self, room: RoomId, id: OutId, reason: &str) {
        self.flow.outbox.queue.retain(|own| own.id != id);
        self.set_state(room, id, Delivery::Failed(reason.into()));
        self.event(Event::Undelivered { room, sent: id, reason: reason.into() });
    }

    /// We are not in the room any more: what is not under way comes back to the person.
    pub(super) fn fail_waiting(&mut self, room: RoomId) {
        let waiting = self.flow.outbox.queue.iter().filter(|own| own.room == room);
        let waiting = waiting.filter(|own| !matches!(own.phase, Phase::Sent(_)));
        for id in waiting.map(|own| own.id).collect::<Vec<_>>() {
            self.fail(room, id, "you are not in the room");
        }
    }

    /// Sends what waits, as far as it may be sent now.
    pub(super) fn send_waiting(&mut self, now: Now) {
        self.flow.outbox.credit = None;
        if !self.is_online() || !self.connection.is_open {
            return;
        }
        let mut under_way = self.flow.outbox.sent().count();
        // Rooms in which something must go first.
        let mut blocked: Vec<RoomId> = Vec::new();
        let mut sent_any = false;
        let mut index = 0;
        while under_way < WINDOW
            && let Some(own) = self.flow.outbox.queue.get(index)
        {
            let (id, room) = (own.id, own.room);
            index += 1;
            match own.phase {
                Phase::Sent(_) => continue,
                Phase::Doubt(_) => {
                    blocked.push(room);
                    continue;
                }
                Phase::Waiting if blocked.contains(&room) => continue,
                Phase::Waiting => {}
            }
            match self.room(room).map(|room| (room.kind, room.presence)) {
                None => {
                    index -= 1;
                    self.flow.outbox.queue.remove(index);
                    continue;
                }
                Some((Kind::Channel, Presence::Joining)) => {
                    blocked.push(room);
                    continue;
                }
                Some((Kind::Channel, Presence::Out)) => {
                    index -= 1;
                    self.fail(room, id, "you are not in the room");
                    continue;
                }
                Some(_) => {}
            }
            self.fit_again(room, id, index - 1);
            if !self.may_send(now) {
                break;
            }
            self.send_own(room, id, index - 1, now);
            under_way += 1;
            sent_any = true;
        }
        if sent_any {
            self.probe_unlabelled();
            self.arm_overdue();
        }
    }

    /// What was typed when the name or the server was another one may not fit any more: it becomes several own lines.
    fn fit_again(&mut self, room: RoomId, id: OutId, index: usize) {
        let Some((target, own)) = self.room(room).zip(self.own(room, id)) else { return };
        let fit = self.fit(target, own.action);
        if fit.fits(&own.text) {
            return;
        }
        let mut messages = fit.messages(&own.text);
        if own.edits.is_some() {
            // An edit is one message; what is too long for it is cut, as the server would do.
            messages.truncate(1);
        }
        let (action, time, state) = (own.action, own.time, Delivery::Waiting);
        let Some(place) = target.outbox.iter().position(|own| own.id == id) else { return };
        let mut messages = messages.into_iter();
        let first = messages.next().unwrap_or_default();
        let more: Vec<_> = messages.map(|text| (OutId(self.next_number()), text)).collect();
        for (offset, (id, _)) in more.iter().enumerate() {
            let own = Own { id: *id, room, phase: Phase::Waiting };
            self.flow.outbox.queue.insert(index + 1 + offset, own);
        }
        if !more.is_empty() {
            let more = more.iter().map(|(id, _)| *id).collect();
            self.event(Event::Divided { room, sent: id, more });
        }
        let Some(target) = self.room_mut(room) else { return };
        target.outbox[place].text = first.into();
        for (offset, (id, text)) in more.into_iter().enumerate() {
            let (text, state) = (text.into(), state.clone());
            let own = Outgoing { id, text, action, reply_to: None, edits: None, time, state };
            target.outbox.insert(place + 1 + offset, own);
        }
        self.event(Event::Outbox(room));
    }

    /// Whether the server takes lines as fast as they come, slowing down who floods.
    fn is_patient(&self) -> bool {
        self.network.version.starts_with("callbox")
    }

    /// Whether a line may be sent now; if not, when is noted.
    fn may_send(&mut self, now: Now) -> bool {
        if self.is_patient() {
            return true;
        }
        let ready = (self.flow.outbox.paid + LINE_COSTS).saturating_sub(CREDIT);
        if ready <= now.monotonic {
            return true;
        }
        self.flow.outbox.credit = Some(ready);
        false
    }

    /// So many lines were sent.
    fn charge(&mut self, lines: usize, now: Now) {
        let paid = &mut self.flow.outbox.paid;
        *paid = (*paid).max(now.monotonic)
            + LINE_COSTS * u32::try_from(lines).unwrap_or(u32::MAX).min(1_000);
    }

    /// Puts an own line on the wire.
    fn send_own(&mut self, room: RoomId, id: OutId, index: usize, now: Now) {
        let Some(target) = self.room(room) else { return };
        let Some(own) = target.outbox.iter().find(|own| own.id == id).cloned() else { return };
        let name = Arc::clone(&target.name);
        let edits = own.edits.and_then(|line| target.timeline.by_id(line)?.msgid.clone());
        if own.edits.is_some() && edits.is_none() {
            self.fail(room, id, "the line that it replaces is gone");
            return;
        }
        let line_max = self.fit(target, own.action).line;
        let labels = CapSet::LABELED_RESPONSE.union(CapSet::BATCH);
        let echo = self.has(CapSet::ECHO_MESSAGE);
        let label = self.has(labels).then(|| self.next_number());
        let proof = match label {
            Some(_) => Proof::Label { echo },
            None if echo => Proof::Echo,
            None => Proof::Pong,
        };
        let label_text = label.map(|label| format!("m{label}"));
        let tagged = self.has(CapSet::MESSAGE_TAGS);
        let tag = |tags: &mut callbox_irc::tags::TagWriter<'_>| {
            if let Some(label) = &label_text {
                tags.tag("label", label);
            }
            if let Some(edits) = edits.as_deref().filter(|_| tagged) {
                tags.tag("+draft/edit", edits);
            }
            if let Some(reply) = own.reply_to.as_deref().filter(|_| tagged) {
                tags.tag("+draft/reply", reply);
            }
        };
        let pieces: Vec<(&str, bool)> = parts(&own.text, line_max).collect();
        let count = match pieces.as_slice() {
            [_, _, ..] if !own.action => {
                let batch = format!("m{}", self.next_number());
                let (open, close) = (format!("+{batch}"), format!("-{batch}"));
                self.send_tagged(tag, "BATCH", |line| {
                    line.params([&*open, "draft/multiline", &*name])
                });
                for (piece, continues) in &pieces {
                    let tag = |tags: &mut callbox_irc::tags::TagWriter<'_>| {
                        tags.tag("batch", &batch);
                        if *continues {
                            tags.flag("draft/multiline-concat");
                        }
                    };
                    self.send_tagged(tag, "PRIVMSG", |line| line.param(&name).text(piece));
                }
                self.send("BATCH", |line| line.param(&close));
                pieces.len() + 2
            }
            _ => {
                let text = match own.action {
                    true => format!("\u{1}ACTION {}\u{1}", own.text),
                    false => own.text.to_string(),
                };
                self.send_tagged(tag, "PRIVMSG", |line| line.param(&name).text(&text));
                1
            }
        };
        self.charge(count, now);
        let sender = self.sender_of_person(&self.nick);
        let nicks = vec![Arc::clone(&self.nick)];
        let sent = Sent { proof, label, probe: None, at: now, nicks, sender };
        self.flow.outbox.queue[index].phase = Phase::Sent(sent);
        self.set_state(room, id, Delivery::Sending);
    }
}

/// The server's name for a line.
pub(super) fn msgid_of(room: &Room, line: LineId) -> Result<Arc<str>, Refusal> {
    let msgid = room.timeline.by_id(line).and_then(|line| line.msgid.clone());
    msgid.ok_or_else(|| Refusal("the server has no name for that line".to_owned()))
}

/// When an own line that was sent so long ago is asked about.
pub(super) const OVERDUE: Duration = Duration::from_secs(30);

/// Whether a line of `time` may be one that was sent at `sent`, by a clock that is so far ahead of ours.
pub(super) fn is_since(time: Millis, sent: Millis, ahead: i64) -> bool {
    /// What a line may take to arrive, and clocks may move meanwhile.
    const SLACK: u64 = 10_000;
    time.saturating_add(SLACK) >= sent.saturating_add_signed(ahead)
}
