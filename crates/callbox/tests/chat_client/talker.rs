//! A link in a test's hands.

use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, channel};

use callbox::chat::client::link::{CloseReason, Connected, Link, LinkEvent, Target};
use callbox_testkit::EVENT_DEADLINE;

/// A link, and what came of it.
pub(crate) struct Talker {
    pub(crate) link: Link,
    events: Receiver<LinkEvent>,
    lines: VecDeque<String>,
}

impl Talker {
    pub(crate) fn new(target: Target) -> Self {
        let (sender, events) = channel();
        let hand_on = move |event| drop(sender.send(event));
        let link = Link::spawn(target, hand_on).expect("a thread");
        Self { link, events, lines: VecDeque::new() }
    }

    /// A link to `address`, connected.
    #[track_caller]
    pub(crate) fn connected(target: Target) -> (Self, Connected) {
        let talker = Self::new(target);
        match talker.event() {
            LinkEvent::Connected(connected) => (talker, connected),
            other => panic!("not connected but {other:?}"),
        }
    }

    #[track_caller]
    pub(crate) fn event(&self) -> LinkEvent {
        self.events.recv_timeout(EVENT_DEADLINE).expect("an event")
    }

    #[track_caller]
    pub(crate) fn say(&self, lines: &str) {
        self.link.send(lines.replace('\n', "\r\n").as_bytes()).expect("room in the queue");
    }

    /// The next line that contains `text`.
    #[track_caller]
    pub(crate) fn hear(&mut self, text: &str) -> String {
        loop {
            while let Some(line) = self.lines.pop_front() {
                if line.contains(text) {
                    return line;
                }
            }
            match self.event() {
                LinkEvent::Lines(lines) => self.lines.extend(lines.iter().map(str::to_owned)),
                other => panic!("{other:?} before {text:?}"),
            }
        }
    }

    /// The end, and why.
    #[track_caller]
    pub(crate) fn closed(&mut self) -> CloseReason {
        loop {
            match self.event() {
                LinkEvent::Lines(lines) => self.lines.extend(lines.iter().map(str::to_owned)),
                LinkEvent::Closed(reason) => return reason,
                LinkEvent::Connected(connected) => panic!("{connected:?} before the end"),
            }
        }
    }
}
