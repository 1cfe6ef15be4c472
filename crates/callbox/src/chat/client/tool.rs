//! `callbox chat client` without a terminal: each line that is read is said, each line that is heard is written.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::process;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use callbox_exchange::Bare;
use callbox_exchange::lines::MAX_LINE;
use callbox_net::signal;
use callbox_session::config::Config;
use callbox_session::contract::{End, Event, Origin, Status};
use callbox_session::line::{LineId, What};
use callbox_session::room::{Kind, OutId, Presence, RoomId};
use callbox_session::{Manner, Session};

use super::drive::{Drive, Happened};
use super::host::Host;
use super::link::Target;
use super::written::{Object, Text};
use crate::client::input::{self, InputLine};
use crate::messages::{self, Console, Exit, Failure, Reason};

/// Lines of input that may be under way at once. Further ones wait in the pipe, so its writer feels how fast the server
/// takes them.
const UNDER_WAY: usize = 64;

/// The most messages that are handed to the session ahead of their receipts: a long line becomes several, and the session
/// refuses what is too much. Lines beyond wait here; a single one is handed over whatever its length.
const MESSAGES: usize = 500;

/// What there is to do where nobody can be spoken to.
const NO_ROOM: &str = "there is no room to say it in; name one with --join";

/// How the tool is used.
#[derive(Clone, Debug)]
pub(super) struct Use {
    /// Whether what is heard is written as JSON.
    pub(super) json: bool,
    /// Whether it ends when all input was said and received; and how long it waits for that after the input's end.
    pub(super) once: Option<Duration>,
    /// Whether nothing is said about the connection.
    pub(super) quiet: bool,
}

/// A line of input.
enum Typed {
    Line(InputLine),
    End(io::Result<()>),
}

/// Joins, says and hears until it is told to stop, or until all input was received.
pub(super) fn run(config: Config, target: Target, how: &Use) -> Result<(), Failure> {
    run_hosting(config, target, None, how)
}

/// The same, with a server that is started where nobody listens.
pub(super) fn run_hosting(
    mut config: Config,
    target: Target,
    host: Option<Host>,
    how: &Use,
) -> Result<(), Failure> {
    // What was said before is no news.
    config.backlog = false;
    let (happened, happening) = channel();
    let stop = happened.clone();
    signal::on_termination(
        move || {
            let _ = stop.send(Happened::Stop);
        },
        || process::exit(Exit::Interrupted as i32),
    )
    .map_err(|error| Failure::network(format!("cannot listen for signals: {}", Reason(&error))))?;
    let (permits, permitted) = channel();
    for _ in 0..UNDER_WAY {
        let _ = permits.send(());
    }
    let typed = happened.clone();
    let reader = thread::Builder::new().name("chat-input".to_owned());
    reader.spawn(move || read(&typed, &permitted)).map_err(|error| messages::no_thread(&error))?;

    let mut drive = Drive::new(target, host, happened);
    let mut session = Session::new(config, drive.now());
    let mut tool = Tool {
        how,
        permits,
        unsaid: VecDeque::new(),
        under_way: HashMap::new(),
        told_no_room: false,
        lost: None,
        is_at_end: false,
        deadline: None,
        console: Console::new(),
    };
    let served = tool.serve(&mut session, &mut drive, &happening);
    drive.leave(&mut session, &happening);
    drive.finish();
    served
}

/// Reads standard input, a line for each permit.
fn read(typed: &Sender<Happened<Typed>>, permitted: &Receiver<()>) {
    let mut stdin = io::stdin().lock();
    while permitted.recv().is_ok() {
        let (next, is_end) = match input::read_line(&mut stdin) {
            Ok(Some(line)) => (Typed::Line(line), false),
            Ok(None) => (Typed::End(Ok(())), true),
            Err(error) => (Typed::End(Err(error)), true),
        };
        if typed.send(Happened::Typed(next)).is_err() || is_end {
            return;
        }
    }
}

struct Tool<'a> {
    how: &'a Use,
    /// One for each line that may be read.
    permits: Sender<()>,
    /// Lines for a room that is not known yet.
    unsaid: VecDeque<String>,
    /// Messages without a receipt, and whether they are the last ones of their lines.
    under_way: HashMap<OutId, bool>,
    /// Whether it was said that there is no room.
    told_no_room: bool,
    /// Why a message has reached nobody, if one has not.
    lost: Option<Box<str>>,
    is_at_end: bool,
    /// When no receipt is waited for any longer.
    deadline: Option<Duration>,
    console: Console,
}

impl Tool<'_> {
    fn serve(
        &mut self,
        session: &mut Session,
        drive: &mut Drive<Typed>,
        happening: &Receiver<Happened<Typed>>,
    ) -> Result<(), Failure> {
        loop {
            drive.perform(session);
            self.take_events(session, drive)?;
            self.say(session, drive)?;
            drive.perform(session);
            if self.is_done(drive)? {
                return Ok(());
            }
            let now = drive.now().monotonic;
            let patience = self.deadline.map(|deadline| deadline.saturating_sub(now));
            match drive.wait(session, happening, patience) {
                Some(Happened::Link(number, event)) => drive.handle_link(number, event, session)?,
                Some(Happened::Typed(Typed::Line(line))) => self.handle_input(line)?,
                Some(Happened::Typed(Typed::End(result))) => {
                    result.map_err(|error| messages::unreadable_input(&error))?;
                    self.is_at_end = true;
                    self.wait_longer(drive);
                }
                Some(Happened::Stop) => return Err(Failure::said(Exit::Interrupted)),
                Some(Happened::Host(_)) | None => {}
            }
        }
    }

    fn handle_input(&mut self, line: InputLine) -> Result<(), Failure> {
        match line {
            InputLine::TooLong => {
                return Err(Failure::usage(format!(
                    "a line of the input is longer than {MAX_LINE} bytes; it was not said"
                )));
            }
            InputLine::Line(line) => match String::from_utf8_lossy(&line).trim_end() {
                // Nobody can say nothing.
                "" => self.permit(),
                text => self.unsaid.push_back(text.to_owned()),
            },
        }
        Ok(())
    }

    /// Lets one more line be read.
    fn permit(&self) {
        let _ = self.permits.send(());
    }

    /// Hands what was read to the session, once there is a room to say it in.
    fn say(&mut self, session: &mut Session, drive: &Drive<Typed>) -> Result<(), Failure> {
        // Who speaks to us alone opens a room too, in which nothing of this is to be said.
        let Some(room) = session.rooms().iter().find(|room| room.kind == Kind::Channel) else {
            let is_online = matches!(session.status(), Status::Online);
            // Some networks put people into a room a moment later, so this need not be the end.
            if is_online && !self.unsaid.is_empty() && !self.told_no_room {
                self.told_no_room = true;
                messages::error(NO_ROOM);
            }
            return Ok(());
        };
        let room = room.id;
        while let Some(text) = self.unsaid.front() {
            let waits = !self.under_way.is_empty();
            if waits && self.under_way.len() + session.count_messages(room, text) > MESSAGES {
                return Ok(());
            }
            let Some(text) = self.unsaid.pop_front() else { return Ok(()) };
            let sent = session
                .say(room, &text, &Manner::default(), drive.now())
                .map_err(|refusal| Failure::network(refusal.to_string()))?;
            let last = sent.last().copied();
            self.under_way.extend(sent.into_iter().map(|id| (id, Some(id) == last)));
        }
        Ok(())
    }

    fn is_done(&self, drive: &Drive<Typed>) -> Result<bool, Failure> {
        if self.how.once.is_none() || !self.is_at_end {
            return Ok(false);
        }
        if self.under_way.is_empty() && self.unsaid.is_empty() {
            return match &self.lost {
                Some(reason) => Err(Failure::network(reason.to_string())),
                None => Ok(true),
            };
        }
        match self.deadline {
            Some(deadline) if deadline <= drive.now().monotonic => {
                Err(Failure::network(match &self.lost {
                    Some(reason) => reason.to_string(),
                    None if self.told_no_room && !self.unsaid.is_empty() => {
                        "nothing was said".to_owned()
                    }
                    None => "no receipt came: nobody can tell whether it was said".to_owned(),
                }))
            }
            _ => Ok(false),
        }
    }

    fn take_events(&mut self, session: &mut Session, drive: &Drive<Typed>) -> Result<(), Failure> {
        while let Some(event) = session.poll_event() {
            match event {
                Event::Status => self.tell_status(session, drive)?,
                Event::Line { room, line, origin: origin @ (Origin::Live | Origin::Missed) } => {
                    self.write(session, room, line, Some(origin))?;
                }
                Event::Changed { room, line } if self.how.json => {
                    self.write(session, room, line, None)?;
                }
                Event::Divided { sent, more, .. } => self.divide(sent, &more),
                Event::Receipt { sent, .. } => {
                    self.settle(sent);
                    self.wait_longer(drive);
                }
                Event::Undelivered { sent, reason, .. } => {
                    if self.how.once.is_none() && self.under_way.contains_key(&sent) {
                        messages::error(format_args!("not said: {}", Bare(reason.as_bytes())));
                    }
                    self.lost.get_or_insert(reason);
                    self.settle(sent);
                }
                Event::Room(room) => self.check_room(session, room)?,
                _ => {}
            }
        }
        Ok(())
    }

    /// Waits for the next receipt as long as it may take. A server that takes a line a second may take long for all.
    fn wait_longer(&mut self, drive: &Drive<Typed>) {
        if self.is_at_end {
            self.deadline = self.how.once.map(|patience| drive.now().monotonic + patience);
        }
    }

    /// A message has become several: the line is through when the last of them is.
    fn divide(&mut self, sent: OutId, more: &[OutId]) {
        let Some(was_last) = self.under_way.get_mut(&sent).map(std::mem::take) else { return };
        let last = more.last().copied();
        self.under_way.extend(more.iter().map(|&id| (id, was_last && Some(id) == last)));
    }

    fn settle(&mut self, sent: OutId) {
        if self.under_way.remove(&sent) == Some(true) {
            self.permit();
        }
    }

    fn write(
        &self,
        session: &Session,
        room: RoomId,
        line: LineId,
        origin: Option<Origin>,
    ) -> Result<(), Failure> {
        let Some(room) = session.room(room) else { return Ok(()) };
        // New lines are looked for from the end, where they stand.
        let Some(line) = room.timeline.by_id(line) else { return Ok(()) };
        if room.kind == Kind::Server || matches!(line.what, What::Info(_) | What::Error(_)) {
            // Why the connection is not there is told with the status.
            if let What::Error(text) = &line.what
                && !self.how.quiet
                && !matches!(session.status(), Status::Waiting { .. } | Status::Ended(_))
            {
                messages::status(format_args!(
                    "{}: {}",
                    Bare(room.name.as_bytes()),
                    Bare(text.as_bytes())
                ));
            }
            return Ok(());
        }
        match self.how.json {
            true => self.console.print(Object { room, line, origin }),
            // What one says oneself is not heard.
            false if line.own => Ok(()),
            false => self.console.print(Text(room, line)),
        }
    }

    fn tell_status(&self, session: &Session, drive: &Drive<Typed>) -> Result<(), Failure> {
        let name = Bare(session.network().name.as_bytes());
        match session.status() {
            Status::Ended(End::Refused(words) | End::Lost(words)) => {
                Err(Failure::network(words.to_string()))
            }
            _ if self.how.quiet => Ok(()),
            Status::Online => {
                messages::status(format_args!("In {name} as {}", Bare(session.nick().as_bytes())));
                Ok(())
            }
            Status::Waiting { reason, retry } => {
                let wait = retry.saturating_sub(drive.now().monotonic).as_secs_f32().ceil();
                let reason = Bare(reason.as_bytes());
                messages::status(format_args!("Connection lost: {reason}. Next try in {wait} s"));
                Ok(())
            }
            Status::Connecting | Status::Ended(End::Quit) => Ok(()),
        }
    }

    /// Without a room to be in, there is nothing to do.
    fn check_room(&self, session: &Session, changed: RoomId) -> Result<(), Failure> {
        let Some(room) = session.room(changed).filter(|room| room.presence == Presence::Out) else {
            return Ok(());
        };
        let mut rooms = session.rooms().iter().filter(|room| room.kind == Kind::Channel);
        if rooms.any(|room| room.presence != Presence::Out) {
            return Ok(());
        }
        let name = &room.name;
        let why = room.timeline.iter().rev().find_map(|line| match &line.what {
            What::Error(text) => Some(text),
            _ => None,
        });
        Err(Failure::network(match why {
            Some(why) => format!("cannot be in {name}: {why}"),
            None => format!("not in {name} any more"),
        }))
    }
}
