//! What became of an own line.
//!
//! Where there are labels (labeled-response), the answer with the line's label says it. Without them, but with
//! echo-message, the line comes back and is known by room and words. Where there is neither, a PING follows the line: once
//! its PONG is there and no refusal came before it, the server has the line. The PING serves as a limit too: a line that did
//! not come back before it will not come any more.

use std::sync::Arc;
use std::time::Duration;

use super::outbox::{OVERDUE, Phase, Proof, Sent};
use crate::contract::{Event, Now, Origin};
use crate::heard::Heard;
use crate::line::{Line, LineId, What};
use crate::room::{OutId, Outgoing, RoomId};
use crate::session::Session;

/// What a line is called that was taken and not passed on, and whose fate is unknown.
const NOT_CONFIRMED: &str = "the server did not say that it has it";

impl Session {
    /// The number in the label of a line, or of the batch in which it is, if it is one of ours.
    pub(super) fn label_of(&self, heard: &Heard<'_>) -> Option<u64> {
        if let Some(label) = &heard.label {
            return number(label);
        }
        self.flow.batches.label(heard.batch.as_deref()?)
    }

    /// The own line that `line`, which was just heard, is: it came back, or somebody said it whom the broken connection
    /// left behind.
    pub(super) fn echoed(
        &mut self,
        room: RoomId,
        line: &Line,
        edits: Option<&str>,
        label: Option<u64>,
    ) -> Option<OutId> {
        if let Some(label) = label
            && let Some((id, ..)) =
                self.flow.outbox.sent().find(|(_, _, sent)| sent.label == Some(label))
        {
            return Some(id);
        }
        if line.own && !self.flow.outbox.queue.is_empty() {
            let unlabelled: Vec<OutId> = self
                .flow
                .outbox
                .sent()
                .filter(|(_, place, sent)| *place == room && sent.label.is_none())
                .map(|(id, ..)| id)
                .collect();
            let is_it = |id: &OutId| self.own(room, *id).is_some_and(|own| is_said(own, line));
            if let Some(id) = unlabelled.into_iter().find(is_it) {
                return Some(id);
            }
        }
        self.doubted(room, line, edits, None)
    }

    /// The server has an own line, as `line` of the room.
    pub(super) fn confirmed(&mut self, room: RoomId, sent: Option<OutId>, line: LineId, now: Now) {
        let Some(sent) = sent else { return };
        self.flow.outbox.queue.retain(|own| own.id != sent);
        if self.take_own(room, sent).is_some() {
            self.event(Event::Outbox(room));
            self.event(Event::Receipt { room, sent, line });
        }
        self.send_waiting(now);
    }

    /// An answer that says nothing: the line was taken.
    pub(super) fn hear_ack(&mut self, label: Option<u64>, now: Now) -> bool {
        let Some(label) = label else { return false };
        self.answered(label, now);
        true
    }

    /// The answer to the line with this label is complete.
    pub(super) fn answered(&mut self, label: u64, now: Now) {
        if self.history_answered(label, now) {
            return;
        }
        let Some((id, room, proof)) = self.labelled(label) else { return };
        self.decide(room, id, proof, "the server took it, and did not send it back", now);
    }

    /// A refusal of an own line.
    pub(super) fn line_refused(&mut self, heard: &Heard<'_>, label: Option<u64>, now: Now) -> bool {
        let found = match label {
            Some(label) => self.labelled(label).map(|(id, room, _)| (id, room)),
            None => self.refused_by_name(heard),
        };
        let Some((id, room)) = found else { return false };
        self.fail(room, id, heard.last());
        self.send_waiting(now);
        true
    }

    /// The own line that a refusal without a label names, or the oldest if it can be no other.
    fn refused_by_name(&mut self, heard: &Heard<'_>) -> Option<(OutId, RoomId)> {
        let is_of_lines = match heard.numeric() {
            // No such nick or channel, cannot send, too many targets, no text, flooding, too long, …
            Some(401 | 403 | 404 | 407 | 408 | 412 | 413 | 414 | 415 | 417 | 437 | 439) => true,
            Some(442 | 477 | 480 | 482 | 486 | 489 | 492 | 494 | 499 | 531 | 716 | 926) => true,
            Some(_) => false,
            None => {
                heard.command().eq_ignore_ascii_case("FAIL")
                    && matches!(heard.param(0), "PRIVMSG" | "BATCH")
            }
        };
        if !is_of_lines {
            return None;
        }
        let sent: Vec<(OutId, RoomId)> = {
            let sent = self.flow.outbox.sent();
            sent.filter(|(.., sent)| sent.label.is_none()).map(|(id, room, _)| (id, room)).collect()
        };
        if heard.numeric() == Some(417) {
            return sent.first().copied();
        }
        let names = |room: RoomId| {
            let mut params = heard.message.params.iter().skip(1);
            let room = self.room(room);
            room.is_some_and(|room| params.any(|p| self.network.casemapping.same(p, &room.name)))
        };
        sent.into_iter().find(|(_, room)| names(*room))
    }

    /// The PONG to a PING behind own lines: what was sent before it is decided now.
    pub(super) fn hear_pong(&mut self, token: &str, now: Now) {
        let Some(token) = number(token) else { return };
        let decided: Vec<(OutId, RoomId, Proof)> = {
            let sent = self.flow.outbox.sent();
            let asked = sent.filter(|(.., sent)| sent.probe == Some(token));
            asked.map(|(id, room, sent)| (id, room, sent.proof)).collect()
        };
        for (id, room, proof) in decided {
            self.decide(room, id, proof, NOT_CONFIRMED, now);
        }
    }

    /// All answers to an own line are there, and no refusal is among them.
    fn decide(&mut self, room: RoomId, id: OutId, proof: Proof, without_echo: &str, now: Now) {
        match proof {
            Proof::Label { echo: true } | Proof::Echo => {
                self.fail(room, id, without_echo);
                self.send_waiting(now);
            }
            Proof::Label { echo: false } | Proof::Pong => self.confirm_unseen(room, id, now),
        }
    }

    /// The server has an own line which it does not send back, so it becomes a line of our own making.
    fn confirm_unseen(&mut self, room: RoomId, id: OutId, now: Now) {
        let Some(own) = self.own(room, id).cloned() else { return };
        let time = now.wall;
        let nick = Arc::clone(&self.nick);
        let what = if own.action { What::Did(own.text) } else { What::Said(own.text) };
        if let Some(edited) = own.edits {
            self.replace_text(room, edited, what);
            self.confirmed(room, Some(id), edited, now);
            return;
        }
        let mut line = Line {
            id: self.next_line_id(),
            time,
            msgid: None,
            from: nick,
            account: None,
            sender: 0,
            what,
            own: true,
            mention: false,
            extra: None,
        };
        if own.reply_to.is_some() {
            line.extra_mut().reply_to = own.reply_to;
        }
        let line_id = line.id;
        self.push_line(room, line, Origin::Live, now);
        self.confirmed(room, Some(id), line_id, now);
    }

    fn labelled(&mut self, label: u64) -> Option<(OutId, RoomId, Proof)> {
        let mut sent = self.flow.outbox.sent();
        let found = sent.find(|(.., sent)| sent.label == Some(label));
        found.map(|(id, room, sent)| (id, room, sent.proof))
    }

    /// Sends a PING behind lines that have no label.
    pub(super) fn probe_unlabelled(&mut self) {
        self.probe(|sent| sent.label.is_none());
    }

    /// When a line is long under way, the server is asked for it.
    pub(super) fn receipt_timeout(&mut self, now: Now) {
        if self.flow.outbox.overdue.is_some_and(|moment| moment <= now.monotonic) {
            self.probe(|sent| sent.at.monotonic + OVERDUE <= now.monotonic);
            self.arm_overdue();
        }
    }

    fn probe(&mut self, which: impl Fn(&Sent) -> bool) {
        let token = self.next_number();
        let mut any = false;
        for (.., sent) in self.flow.outbox.sent() {
            if sent.probe.is_none() && which(sent) {
                sent.probe = Some(token);
                any = true;
            }
        }
        if any {
            self.send("PING", |line| line.text(&format!("m{token}")));
        }
    }

    pub(super) fn arm_overdue(&mut self) {
        let waiting = self.flow.outbox.queue.iter().filter_map(|own| match &own.phase {
            Phase::Sent(sent) if sent.probe.is_none() => Some(sent.at.monotonic + OVERDUE),
            _ => None,
        });
        self.flow.outbox.overdue = waiting.min() as Option<Duration>;
    }
}

/// The number in a label or token of ours: `m7` of a message, `h8` of a request for history.
pub(super) fn number(text: &str) -> Option<u64> {
    text.strip_prefix(['m', 'h'])?.parse().ok()
}

/// Whether `line` is what was to be said. Servers cut what is too long for them, and rooms may be without colours.
pub(super) fn is_said(own: &Outgoing, line: &Line) -> bool {
    let said = match &line.what {
        What::Said(text) if !own.action => text,
        What::Did(text) if own.action => text,
        _ => return false,
    };
    if own.text == *said {
        return true;
    }
    let plain = |text: &str| text.chars().filter(|c| !c.is_control()).collect::<String>();
    let (meant, said) = (plain(&own.text), plain(said));
    let said = said.trim_end();
    meant.trim_end() == said || (said.len() > 300 && meant.starts_with(said))
}
