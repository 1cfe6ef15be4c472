//! The crowd while it is measured: who may say something says it, and each line that comes is looked at.

use callbox_irc::framer::Frame;
use callbox_measure::Nanos;
use callbox_measure::chat::{Deliveries, Delivery};
use callbox_measure::ledger::Answer;
use callbox_measure::payload::{Payload, Verdict, Which};
use callbox_measure::plan::Shape;
use callbox_measure::report::{Counts, Lost};
use callbox_net::poller::Event;

use super::clients::{Clients, READ, Received, UNSENT};
use super::entrance::{Arrived, answer_ping};
use super::incoming::{Notice, Said, is_error};
use super::names::Names;
use super::sweep::Sweep;
use super::willing::Willing;
use super::{ChatLoad, refusal};
use crate::clock::Clock;
use crate::outcome::LoadError;
use crate::pacing::Pacing;
use crate::record::Record;
use crate::wait::Waiter;
use crate::worker::Worker;

/// How often it is looked for lines that wait for too long: a hundredth of what that is by default.
const EXPIRES_EVERY: Nanos = 10_000_000;

/// How often one client is read before it is another's turn: one that has more than that keeps nobody waiting.
const READS: usize = 4;

/// All clients of a run, on its one thread.
#[derive(Debug)]
pub(super) struct ChatWorker {
    clients: Clients,
    waiter: Waiter,
    events: Vec<Event>,
    talk: Talk,
    /// Closed loop: the talkers that may have room for another line.
    willing: Willing,
    /// Open loop: whose turn it is.
    turn: usize,
    /// Clients that only count.
    sweep: Sweep,
    came_in: Nanos,
    lost_after: Nanos,
    expires_at: Nanos,
    /// The latest moment that was seen.
    now: Nanos,
}

/// What is said, and the record of it.
#[derive(Debug)]
struct Talk {
    payload: Payload,
    deliveries: Deliveries,
    /// By talker: `nick`, and what comes before the text of a line.
    nicks: Vec<Box<[u8]>>,
    heads: Vec<Box<[u8]>>,
    /// By channel: its name.
    channels: Vec<Box<[u8]>>,
    all: usize,
    /// Clients from this number on only count.
    checked: usize,
    /// Closed loop: talkers whose line everybody has now.
    complete: Vec<usize>,
    /// What ends the run.
    failure: Option<LoadError>,
    /// The last words of a server to one that it disconnects.
    last_words: Option<Box<[u8]>>,
}

impl ChatWorker {
    /// The crowd that has come in.
    pub(super) fn new(
        load: &ChatLoad,
        payload: Payload,
        names: &Names,
        Arrived { mut clients, mut waiter, took }: Arrived,
    ) -> Result<Self, LoadError> {
        let crowd = load.crowd;
        clients.wait_only_before(crowd.checked(), &mut waiter)?;
        let talkers = crowd.talkers();
        let shape = match load.plan.shape {
            Shape::Open { rate, .. } => Shape::Open { rate, connections: talkers },
            closed @ Shape::Closed { .. } => closed,
        };
        let head = |talker| format!("PRIVMSG {} :", names.channel_of(talker)).into_bytes().into();
        let talk = Talk {
            payload,
            deliveries: Deliveries::new(crowd, shape.limit(load.plan.lost_after)),
            nicks: (0..talkers).map(|talker| names.nick(talker).into_bytes().into()).collect(),
            heads: (0..talkers).map(head).collect(),
            channels: (0..crowd.channels())
                .map(|it| names.channel(it).into_bytes().into())
                .collect(),
            all: crowd.clients(),
            checked: crowd.checked(),
            complete: Vec::new(),
            failure: None,
            last_words: None,
        };
        Ok(Self {
            clients,
            waiter,
            events: Vec::new(),
            talk,
            willing: Willing::all(talkers),
            turn: 0,
            sweep: Sweep::new(crowd.checked()..crowd.clients()),
            came_in: took,
            lost_after: load.plan.lost_after,
            expires_at: 0,
            now: 0,
        })
    }

    /// Closed loop: every talker says what its window has room for.
    fn say_all(
        &mut self,
        clock: Clock,
        pacing: &mut Pacing,
        record: &mut Record,
    ) -> Result<(), LoadError> {
        while let Some(talker) = self.willing.next() {
            // What is written at once has a limit, a window may have more.
            while self.may_say(talker) {
                let now = clock.now();
                let mut said = 0;
                while self.may_say(talker)
                    && let Some(intended) = pacing.take(now)
                {
                    self.talk.say(talker, intended, now, self.clients.unsent(talker), record);
                    said += 1;
                }
                if said == 0 {
                    break;
                }
                self.clients.flush(talker, &mut self.waiter)?;
            }
        }
        Ok(())
    }

    /// Open loop: what is due is said, by one talker after the other of those who can.
    fn say_due(
        &mut self,
        clock: Clock,
        pacing: &mut Pacing,
        record: &mut Record,
    ) -> Result<(), LoadError> {
        let talkers = self.talk.nicks.len();
        let mut unable = 0;
        while unable < talkers {
            let talker = self.turn;
            if self.may_say(talker) {
                let now = clock.now();
                let Some(intended) = pacing.take(now) else { break };
                self.talk.say(talker, intended, now, self.clients.unsent(talker), record);
                self.clients.flush(talker, &mut self.waiter)?;
                unable = 0;
            } else {
                unable += 1;
            }
            self.turn = (talker + 1) % talkers;
        }
        Ok(())
    }

    /// Whether a talker may say another line, and the kernel takes it.
    fn may_say(&mut self, talker: usize) -> bool {
        self.clients.unsent(talker).len() < UNSENT && self.talk.deliveries.has_room(talker)
    }

    fn handle_event(
        &mut self,
        event: &Event,
        clock: Clock,
        record: &mut Record,
    ) -> Result<(), LoadError> {
        // It was a client's number before it was a token.
        let number = event.token as usize;
        if event.writable {
            self.clients.flush(number, &mut self.waiter)?;
            self.willing.add(number);
        }
        if !event.readable {
            return Ok(());
        }
        // If there is more, the next wait tells.
        self.read(number, clock, record).map(drop)
    }

    /// Reads once what has come to a client, and says whether there may be more.
    #[inline]
    fn read(
        &mut self,
        number: usize,
        clock: Clock,
        record: &mut Record,
    ) -> Result<bool, LoadError> {
        let length = match self.clients.receive(number) {
            Received::Bytes(length) => length,
            Received::Nothing => return Ok(false),
            Received::End => return self.leave(number, record).map(|()| false),
        };
        self.now = clock.now();
        let Self { clients, talk, now, .. } = self;
        clients.lines(number, length, |frame, unsent| {
            talk.handle_frame(number, frame, *now, unsent, record);
        });
        if !self.clients.unsent(number).is_empty() {
            self.clients.flush(number, &mut self.waiter)?;
        }
        let Self { willing, talk, .. } = self;
        talk.complete.drain(..).for_each(|talker| willing.add(talker));
        self.talk.failure.take().map_or(Ok(length == READ), Err)
    }

    /// Reads and counts what has come to some of those who only count, if it is time to.
    fn sweep(
        &mut self,
        clock: Clock,
        pacing: &mut Pacing,
        record: &mut Record,
    ) -> Result<(), LoadError> {
        for number in self.sweep.take(self.now).into_iter().flatten() {
            let mut reads = 1;
            while self.read(number, clock, record)? && reads < READS {
                reads += 1;
            }
            if pacing.is_open() && pacing.next_moment() <= self.now {
                self.say_due(clock, pacing, record)?;
            }
        }
        Ok(())
    }

    /// A client's connection is over. The others go on, unless it was a talker, for then less is said than was asked for,
    /// or unless no talker is heard by anybody any more.
    fn leave(&mut self, number: usize, record: &mut Record) -> Result<(), LoadError> {
        self.clients.disconnected(number, &mut self.waiter);
        if record.has_begun() {
            record.counts.broken += 1;
            record.error(self.now);
        }
        let talk = &mut self.talk;
        talk.deliveries.leave(number);
        let talkers = talk.nicks.len();
        if number < talkers {
            return Err(refusal::lost_talker(number, talk.all, talk.last_words.as_deref()));
        }
        if (0..talkers).all(|talker| talk.deliveries.audience(talker) == 0) {
            return Err(LoadError::NoneLeft);
        }
        self.willing.add_all();
        Ok(())
    }
}

impl Worker for ChatWorker {
    fn turn(
        &mut self,
        until: Nanos,
        clock: Clock,
        pacing: &mut Pacing,
        record: &mut Record,
    ) -> Result<(), LoadError> {
        match pacing.is_open() {
            true => self.say_due(clock, pacing, record)?,
            false => self.say_all(clock, pacing, record)?,
        }
        let mut events = std::mem::take(&mut self.events);
        self.waiter.wait(clock, until.min(self.sweep.due()), &mut events)?;
        self.now = clock.now();
        for event in &events {
            self.handle_event(event, clock, record)?;
            // To look through all that has come takes long enough for more to become due.
            if pacing.is_open() && pacing.next_moment() <= self.now {
                self.say_due(clock, pacing, record)?;
            }
        }
        self.events = events;
        self.sweep(clock, pacing, record)?;
        if self.now >= self.expires_at {
            self.expires_at = self.now.saturating_add(EXPIRES_EVERY);
            if self.talk.deliveries.expire(self.now, self.lost_after) > 0 {
                self.willing.add_all();
            }
        }
        Ok(())
    }

    fn start_counting(&mut self) {
        self.talk.deliveries.start_counting();
    }

    fn stop_counting(&mut self) {
        self.talk.deliveries.stop_counting();
    }

    fn outstanding(&self) -> usize {
        usize::try_from(self.talk.deliveries.counts().waiting()).unwrap_or(usize::MAX)
    }

    fn finish(&mut self, stopped: bool, record: &mut Record) {
        record.came_in = Some(self.came_in);
        let deliveries = &mut self.talk.deliveries;
        if stopped {
            deliveries.expire(self.now, self.lost_after);
            deliveries.withdraw_all();
        } else {
            deliveries.give_up_all();
        }
        if let Some(buffers) = self.clients.buffers {
            record.buffers(buffers);
        }
        let counts = deliveries.counts();
        record.counts.add(&Counts {
            requests: counts.lines,
            expected: counts.expected,
            replies: counts.delivered,
            lost: Lost { no_reply: counts.lost, ..Lost::default() },
            late: counts.late,
            pending: counts.waiting(),
            duplicated: counts.duplicated,
            reordered: counts.disordered,
            wrong: counts.wrong,
            stray: counts.stray,
            ..Counts::default()
        });
    }
}

impl Talk {
    /// Writes a talker's next line. It counts as said from now on, and is sent next.
    fn say(
        &mut self,
        talker: usize,
        intended: Nanos,
        now: Nanos,
        out: &mut Vec<u8>,
        record: &mut Record,
    ) {
        let begin = out.len();
        out.extend_from_slice(&self.heads[talker]);
        let text = out.len();
        out.resize(text + self.payload.largest(), 0);
        let length =
            self.payload.write(lane(talker), self.deliveries.next_seq(talker), &mut out[text..]);
        out.truncate(text + length);
        out.extend_from_slice(b"\r\n");
        self.deliveries.said(talker, intended, now);
        record.slip(intended, now);
        record.sent(out.len() - begin);
    }

    /// Takes in one line that came to a client.
    #[inline]
    fn handle_frame(
        &mut self,
        listener: usize,
        frame: Frame<'_>,
        now: Nanos,
        unsent: &mut Vec<u8>,
        record: &mut Record,
    ) {
        let delivery = match frame {
            Frame::Line(line) => match Said::read(line) {
                Some(_) if listener >= self.checked => return record.unchecked(now),
                Some(said) => self.handle_said(listener, &said, now, line.len(), record),
                None => return self.handle_notice(listener, line, unsent),
            },
            Frame::TooLong => self.deliveries.stray(),
        };
        match delivery {
            Delivery::First { .. } | Delivery::Uncounted { .. } => {}
            Delivery::Wrong { .. } | Delivery::Stray => record.error(now),
            Delivery::Again | Delivery::Late | Delivery::Forgotten => {}
        }
    }

    #[inline]
    fn handle_said(
        &mut self,
        listener: usize,
        said: &Said<'_>,
        now: Nanos,
        length: usize,
        record: &mut Record,
    ) -> Delivery {
        let talker = self.payload.lane_of(said.text).map(usize::from);
        let Some((talker, nick)) = talker.and_then(|it| Some((it, self.nicks.get(it)?))) else {
            return self.deliveries.stray();
        };
        let deliveries = &mut self.deliveries;
        let channel = &self.channels[talker % self.channels.len()];
        let is_theirs = said.is_by(nick) && *said.target == **channel;
        let delivery = match self.payload.verdict(lane(talker), said.text) {
            Verdict::Right(Which::Number(seq)) if is_theirs => {
                deliveries.heard(listener, talker, seq, now)
            }
            Verdict::Right(Which::Number(seq)) | Verdict::Wrong(Which::Number(seq)) => {
                deliveries.heard_wrong(listener, talker, seq)
            }
            Verdict::Right(_) | Verdict::Wrong(_) => deliveries.stray(),
        };
        match delivery {
            Delivery::First { from_intended, from_sent, complete } => {
                record.reply(from_intended, from_sent, now);
                record.counts.bytes_received += length as u64 + 2;
                self.complete.extend(complete.then_some(talker));
            }
            Delivery::Uncounted { complete } => {
                record.answer(Answer::Uncounted, now);
                self.complete.extend(complete.then_some(talker));
            }
            Delivery::Wrong { complete } => self.complete.extend(complete.then_some(talker)),
            Delivery::Again | Delivery::Late | Delivery::Forgotten | Delivery::Stray => {}
        }
        delivery
    }

    /// What comes between the lines of talkers.
    #[cold]
    fn handle_notice(&mut self, listener: usize, line: &[u8], unsent: &mut Vec<u8>) {
        match Notice::read(line) {
            Notice::Ping(token) => answer_ping(&token, unsent),
            Notice::Error => self.last_words = Some(line.into()),
            // All that a talker asks for is that its lines are passed on.
            Notice::Numeric(numeric) if is_error(numeric) && listener < self.nicks.len() => {
                self.failure.get_or_insert_with(|| refusal::silenced(listener, self.all, line));
            }
            Notice::Numeric(_) | Notice::Pong | Notice::Other => {}
        }
    }
}

/// A talker by its number, which is below 2^16 as that of any client.
fn lane(talker: usize) -> u16 {
    talker as u16
}
