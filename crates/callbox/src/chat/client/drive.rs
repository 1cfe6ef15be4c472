//! A session and its connection brought together: the session decides, the link carries it out.
//!
//! Whatever happens arrives at one place, a channel of [`Happened`]: what the link's thread reads, what is typed, what a
//! server of our own says. One thread takes it from there, so the session needs no lock.

#[cfg(test)]
mod tests;

use std::fmt::Display;
use std::sync::mpsc::{Receiver, Sender};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use callbox_session::Session;
use callbox_session::contract::{Action, Now, Status};

use super::host::Host;
use super::link::{CloseReason, Link, LinkEvent, Target};
use crate::messages::{self, Failure};

/// How long leaving may take: the server has a moment to say goodbye.
const GOODBYE: Duration = Duration::from_secs(2);

/// Something that happened.
pub(super) enum Happened<T> {
    /// The link of this number has something to say.
    Link(u64, LinkEvent),
    /// A server in this process says something.
    Host(String),
    /// SIGINT or SIGTERM came.
    Stop,
    /// Something of the person's: keys, or a line of input.
    Typed(T),
}

/// The two clocks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock(Instant);

impl Clock {
    pub(super) fn start() -> Self {
        Self(Instant::now())
    }

    pub(super) fn now(self) -> Now {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        // The milliseconds of half a billion years fit.
        Now { monotonic: self.0.elapsed(), wall: wall.as_millis() as u64 }
    }
}

/// What a session does outside of itself.
pub(super) struct Drive<T> {
    target: Target,
    happened: Sender<Happened<T>>,
    link: Option<Link>,
    /// Of the newest link. What older ones still say is not listened to.
    number: u64,
    /// Starts a server where nobody listens, if that was asked for.
    host: Option<Host>,
    /// Why it was not started, until it is known whether somebody else's listens.
    not_started: Option<Failure>,
    clock: Clock,
    /// Whether the newest link is connected.
    is_connected: bool,
    /// Whether a server ever let us in. Before that a failure ends the program: its user is still looking, and what
    /// listens there may be no chat at all.
    was_online: bool,
}

impl<T: Send + 'static> Drive<T> {
    /// Drives sessions to `target`.
    pub(super) fn new(target: Target, host: Option<Host>, happened: Sender<Happened<T>>) -> Self {
        let clock = Clock::start();
        Self {
            target,
            happened,
            link: None,
            number: 0,
            host,
            not_started: None,
            clock,
            is_connected: false,
            was_online: false,
        }
    }

    pub(super) fn now(&self) -> Now {
        self.clock.now()
    }

    /// Whether a server has let us in by now.
    pub(super) fn was_online(&self) -> bool {
        self.was_online
    }

    /// Where the server is, for people.
    pub(super) fn server(&self) -> impl Display {
        &self.target.address
    }

    /// Whether the chat's server runs in this process.
    pub(super) fn is_hosting(&self) -> bool {
        self.host.as_ref().is_some_and(Host::is_at_work)
    }

    /// Does what the session wants done.
    pub(super) fn perform(&mut self, session: &mut Session) {
        while let Some(action) = session.poll_action() {
            match action {
                Action::Connect => self.connect(session),
                Action::Send(lines) => {
                    if let Some(link) = &self.link
                        && link.send(&lines).is_err()
                    {
                        self.link = None;
                        // Its end is told here, and not once more when the link tells it.
                        self.number += 1;
                        let reason = "the server reads nothing of what is sent to it";
                        session.handle_disconnected(reason, self.now());
                    }
                }
                Action::Close => match &self.link {
                    Some(link) => link.close(),
                    None => session.handle_disconnected("", self.now()),
                },
            }
        }
    }

    /// Waits for what happens next, at most as long as the session and `patience` allow. `None` if it was only time that
    /// passed; the session was told then.
    pub(super) fn wait(
        &mut self,
        session: &mut Session,
        happening: &Receiver<Happened<T>>,
        patience: Option<Duration>,
    ) -> Option<Happened<T>> {
        let now = self.now();
        let wanted = session.poll_timeout().map(|at| at.saturating_sub(now.monotonic));
        let wait = wanted.into_iter().chain(patience).min();
        let happened = match wait {
            // This holds a sender itself, so the channel is never at its end.
            None => happening.recv().ok(),
            Some(wait) => happening.recv_timeout(wait).ok(),
        };
        let now = self.now();
        if session.poll_timeout().is_some_and(|at| at <= now.monotonic) {
            session.handle_timeout(now);
            // Some servers never say that their welcome is over.
            self.look_if_online(session);
        }
        happened
    }

    /// Tells the session what its link says. That it comes in nowhere at the first attempt is a failure.
    pub(super) fn handle_link(
        &mut self,
        number: u64,
        event: LinkEvent,
        session: &mut Session,
    ) -> Result<(), Failure> {
        if number != self.number {
            return Ok(());
        }
        match event {
            LinkEvent::Connected(connected) => {
                self.is_connected = true;
                self.not_started = None;
                session.handle_connected(connected.is_secure(), self.now());
            }
            LinkEvent::Lines(lines) => {
                // What is said at one time came at one time; the clock is read once.
                let now = self.now();
                for line in lines.iter() {
                    session.handle_line(line.as_bytes(), now);
                }
                if lines.too_long() > 0 {
                    session.handle_too_long(lines.too_long(), now);
                }
                self.look_if_online(session);
            }
            LinkEvent::Closed(reason) => {
                self.link = None;
                return self.handle_closed(&reason, session);
            }
        }
        Ok(())
    }

    fn look_if_online(&mut self, session: &Session) {
        self.was_online |= matches!(session.status(), Status::Online);
    }

    fn handle_closed(
        &mut self,
        reason: &CloseReason,
        session: &mut Session,
    ) -> Result<(), Failure> {
        if reason.is_refused()
            && let Some(host) = &mut self.host
        {
            let started = host.start();
            match (started, self.not_started.take()) {
                (Ok(()), _) => self.connect(session),
                // Somebody else may have been quicker, and listens there now.
                (Err(failure), None) => {
                    self.not_started = Some(failure);
                    self.connect(session);
                }
                (Err(failure), Some(_)) if !self.was_online => return Err(failure),
                (Err(failure), Some(_)) => {
                    let reason = failure.message().unwrap_or_default();
                    session.handle_disconnected(reason, self.now());
                }
            }
            return Ok(());
        }
        if !self.was_online && !self.is_connected && !reason.is_closed() {
            let problem = reason.to_string();
            return Err(match reason.is_usage() {
                true => Failure::usage(problem),
                false => Failure::network(problem),
            });
        }
        session.handle_disconnected(&reason.to_string(), self.now());
        match session.status() {
            Status::Waiting { reason, .. } if !self.was_online => Err(Failure::network(format!(
                "cannot join the chat at {}: {reason}",
                self.server()
            ))),
            _ => Ok(()),
        }
    }

    fn connect(&mut self, session: &mut Session) {
        self.number += 1;
        self.is_connected = false;
        let (number, happened) = (self.number, self.happened.clone());
        let tell = move |event| {
            // Nobody listens once the program is at its end.
            let _ = happened.send(Happened::Link(number, event));
        };
        match Link::spawn(self.target.clone(), tell) {
            Ok(link) => self.link = Some(link),
            Err(error) => {
                let failure = messages::no_thread(&error);
                session.handle_disconnected(failure.message().unwrap_or_default(), self.now());
            }
        }
    }

    /// Leaves the network, if there is anything to leave, and hears the server's goodbye.
    pub(super) fn leave(&mut self, session: &mut Session, happening: &Receiver<Happened<T>>) {
        session.quit("", self.now());
        let end = self.now().monotonic + GOODBYE;
        loop {
            self.perform(session);
            while session.poll_event().is_some() {}
            let left = end.saturating_sub(self.now().monotonic);
            if left.is_zero() || self.link.is_none() {
                return;
            }
            if let Some(Happened::Link(number, event)) = self.wait(session, happening, Some(left)) {
                // That it ends is what is wanted.
                let _ = self.handle_link(number, event, session);
            }
        }
    }

    /// Ends the link and the server, if there is one. What was sent is on its way.
    pub(super) fn finish(self) {
        drop(self.link);
        if let Some(host) = self.host {
            host.finish();
        }
    }
}
