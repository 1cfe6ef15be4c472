//! The screen as a state machine: keys and changes of the session in; wishes to the session, effects and frames out.

mod act;
mod choose;
mod input;
mod paste;
mod rooms;
mod scroll;
mod send;
mod view_state;

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use callbox_session::Session;
use callbox_session::contract::{End, Event, Now, Origin, Status};
use callbox_session::line::LineId;
use callbox_session::room::{Kind, Room, RoomId};

use crate::complete::Completion;
use crate::effect::{Effect, Throttle};
use crate::history::History;
use crate::overlay::Overlay;
use crate::people::People;
use crate::search::Search;
use crate::settings::{Alert, Settings};
use crate::texts::{Texts, fill};
use crate::theme::Theme;
use crate::view::Hits;
pub(crate) use view_state::{Chosen, RoomView};

/// How long a notice stays.
const NOTICE: Duration = Duration::from_secs(6);

/// What is shown and what keys do.
///
/// After each call of a `handle_*` the program takes [`Effect`]s with [`poll_effect`](Self::poll_effect), does what the
/// session wants (`session_mut().poll_action()`), and draws with [`view`](Self::view). It calls
/// [`handle_changes`](Self::handle_changes) whenever it gave the session anything, and once the moment of
/// [`poll_timeout`](Self::poll_timeout) has come. It calls the session's own `handle_timeout` by itself.
#[derive(Debug)]
pub struct App {
    pub(crate) session: Session,
    pub(crate) settings: Settings,
    pub(crate) texts: &'static Texts,
    pub(crate) theme: Theme,
    pub(crate) now: Now,
    /// Columns and rows.
    pub(crate) size: (u16, u16),
    pub(crate) current: RoomId,
    pub(crate) previous: Option<RoomId>,
    pub(crate) views: HashMap<RoomId, RoomView>,
    pub(crate) history: History,
    pub(crate) overlay: Option<Overlay>,
    pub(crate) search: Option<Search>,
    pub(crate) completion: Option<Completion>,
    pub(crate) notice: Option<Notice>,
    /// Whether the lists are shown; `None` leaves it to the width.
    pub(crate) rooms_shown: Option<bool>,
    pub(crate) people_shown: Option<bool>,
    pub(crate) people: People,
    pub(crate) is_focused: bool,
    /// Whether the room that is shown was come to just now, so that what is unread in it is marked once.
    pub(crate) has_arrived: bool,
    /// Until when the key that leaves does so at once.
    pub(crate) leaving: Option<Duration>,
    /// Whether the person chose a room by themselves.
    pub(crate) has_gone: bool,
    pub(crate) effects: VecDeque<Effect>,
    pub(crate) throttle: Throttle,
    title: String,
    pub(crate) hits: Hits,
}

/// Words for the person that pass.
#[derive(Clone, Debug)]
pub(crate) struct Notice {
    pub(crate) words: String,
    pub(crate) is_error: bool,
    pub(crate) until: Duration,
}

impl App {
    /// A screen for a session, with the first room shown that is not the server's. What the session did so far is read from
    /// its model, so its events may have been taken before.
    pub fn new(session: Session, settings: Settings, now: Now) -> Self {
        let rooms = session.rooms();
        let first = rooms.iter().find(|room| room.kind == Kind::Channel).or_else(|| rooms.first());
        let current = first.map_or(RoomId(0), |room| room.id);
        let mut app = Self {
            texts: settings.language.texts(),
            theme: Theme { depth: settings.depth, background: settings.background },
            session,
            settings,
            now,
            size: (80, 24),
            current,
            previous: None,
            views: HashMap::new(),
            history: History::default(),
            overlay: None,
            search: None,
            completion: None,
            notice: None,
            rooms_shown: None,
            people_shown: None,
            people: People::default(),
            is_focused: true,
            has_arrived: true,
            leaving: None,
            has_gone: false,
            effects: VecDeque::new(),
            throttle: Throttle::default(),
            title: String::new(),
            hits: Hits::default(),
        };
        app.handle_changes(now);
        app
    }

    /// The session.
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// The session, to be given what happened. Call [`handle_changes`](Self::handle_changes) behind it.
    pub fn session_mut(&mut self) -> &mut Session {
        &mut self.session
    }

    /// The room that is shown.
    pub fn current(&self) -> RoomId {
        self.current
    }

    /// Takes in what changed in the session, and that time has passed.
    pub fn handle_changes(&mut self, now: Now) {
        self.now = now;
        if self.session.poll_timeout().is_some_and(|due| due <= now.monotonic) {
            self.session.handle_timeout(now);
        }
        while let Some(event) = self.session.poll_event() {
            self.handle_event(event);
        }
        if self.notice.as_ref().is_some_and(|notice| now.monotonic >= notice.until) {
            self.notice = None;
        }
        self.turn_search();
        self.settle();
    }

    /// The next thing that is wanted of the terminal.
    pub fn poll_effect(&mut self) -> Option<Effect> {
        self.effects.pop_front()
    }

    /// When, on the monotonic clock, [`handle_changes`](Self::handle_changes) is to be called though nothing has happened,
    /// and the screen drawn: the session has something to do, or what is shown changes.
    pub fn poll_timeout(&self) -> Option<Duration> {
        let now = self.now.monotonic;
        if self.search.as_ref().is_some_and(Search::is_pending) {
            return Some(now);
        }
        let notice = self.notice.as_ref().map(|notice| notice.until);
        // The seconds to the next try are counted down.
        let countdown = match self.session.status() {
            Status::Waiting { retry, .. } if *retry > now => {
                let rest = *retry - now;
                let part = Duration::from_nanos(u64::from(rest.subsec_nanos()));
                Some(now + if part.is_zero() { Duration::from_secs(1) } else { part })
            }
            _ => None,
        };
        [self.session.poll_timeout(), notice, countdown].into_iter().flatten().min()
    }

    pub(crate) fn room(&self) -> Option<&Room> {
        self.session.room(self.current)
    }

    pub(crate) fn state(&mut self) -> &mut RoomView {
        self.views.entry(self.current).or_default()
    }

    /// Says something for some seconds.
    pub(crate) fn tell(&mut self, words: impl Into<String>) {
        let until = self.now.monotonic + NOTICE;
        self.notice = Some(Notice { words: words.into(), is_error: false, until });
    }

    /// Says for some seconds what failed.
    pub(crate) fn tell_error(&mut self, words: impl Into<String>) {
        let until = self.now.monotonic + NOTICE;
        self.notice = Some(Notice { words: words.into(), is_error: true, until });
    }

    fn handle_event(&mut self, event: Event) {
        match event {
            Event::Line { room, line, origin } => self.handle_line(room, line, origin),
            Event::Opened(id) => self.handle_opened(id),
            Event::Closed(id) => self.handle_closed(id),
            Event::Status if *self.session.status() == Status::Ended(End::Quit) => {
                self.effects.push_back(Effect::Quit);
            }
            Event::Undelivered { room, reason, .. } if room != self.current => {
                let words = fill(self.texts.failed, &[&reason]);
                self.tell_error(words);
            }
            _ => {}
        }
    }

    fn handle_line(&mut self, id: RoomId, line: LineId, origin: Origin) {
        let Some(room) = self.session.room(id) else { return };
        if let Some(search) = self.search.as_mut().filter(|search| search.room == id) {
            match origin {
                Origin::Live => search.catch_up(&room.timeline),
                _ => search.restart(&room.timeline),
            }
        }
        if origin == Origin::Older {
            self.has_arrived |= id == self.current;
            return;
        }
        let Some(line) = room.timeline.by_id(line) else { return };
        if !line.what.is_speech() {
            return;
        }
        if let Some(view) = self.views.get_mut(&id) {
            view.handle_speech();
        }
        self.has_arrived |= id == self.current && origin == Origin::Missed;
        let is_for_us = line.mention || room.kind == Kind::Private;
        let is_seen = self.is_focused
            && id == self.current
            && self.views.get(&id).is_none_or(RoomView::is_at_end);
        let was_read = origin == Origin::Missed && room.read.is_some_and(|read| line.time <= read);
        if is_for_us && !line.own && !is_seen && !was_read && self.settings.alert != Alert::Off {
            let text = line.what.text().unwrap_or_default();
            let text = &text[..text.floor_char_boundary(500)];
            let who = fill(self.texts.notify_mention, &[&line.from, &room.name]);
            let words = match room.kind {
                Kind::Private => format!("{}: {text}", line.from),
                _ => format!("{who}: {text}"),
            };
            if self.throttle.allows(self.now.monotonic) {
                if self.settings.alert == Alert::Desktop {
                    self.effects.push_back(Effect::notify(&words));
                }
                self.effects.push_back(Effect::Bell);
            }
        }
    }

    /// What follows from any change: older lines are asked for where the beginning is seen, what is seen counts as read,
    /// and the window has its name.
    pub(crate) fn settle(&mut self) {
        if self.session.room(self.current).is_none() {
            self.show_first();
        }
        self.request_older();
        self.mark_read();
        self.name_window();
    }

    fn mark_read(&mut self) {
        let is_covered = self.overlay.is_some();
        let Some(room) = self.session.room(self.current) else { return };
        let view = self.views.entry(self.current).or_default();
        if !self.is_focused || is_covered || !view.is_at_end() {
            return;
        }
        let has_arrived = std::mem::take(&mut self.has_arrived);
        if room.unread.lines > 0 {
            if has_arrived {
                view.mark(room.read);
            }
            self.session.mark_read(self.current, self.now);
        }
    }

    fn name_window(&mut self) {
        let name = self.room().map(|room| room.name.to_string()).unwrap_or_default();
        let mentions: u32 = self
            .session
            .rooms()
            .iter()
            .fold(0, |sum, room| sum.saturating_add(room.unread.mentions));
        let title = if mentions > 0 {
            format!("({mentions}) {name} — callbox")
        } else {
            format!("{name} — callbox")
        };
        if title != self.title {
            self.effects.push_back(Effect::title(&title));
            self.title = title;
        }
    }
}
