//! What was kept, as lines again: for CHATHISTORY, and for who joins with a client that cannot ask for it.
//!
//! An event goes out as it did when it happened, as far as the reader's client understands it. Names are those of now:
//! in a channel that was renamed, the channel's; in private, the nicknames by which the two know one another, so that
//! a client puts the lines where they belong.

use std::borrow::Cow;

use callbox_irc::build::{Line, split_text, text_room};
use callbox_irc::capability::CapSet;
use callbox_irc::names::Channel as ChannelName;
use callbox_irc::stamp;

use crate::channel::ChannelId;
use crate::contract::{Bound, Event, HistoryQuery, Job, Part};
use crate::deliver::Tags;
use crate::history::{self, Conversation, With};
use crate::ids::Stamp;
use crate::pending::Then;
use crate::say::{self, Piece, Utterance};
use crate::turn::Turn;

/// The names that a reader is to see.
struct Names {
    /// The channel, or the other's nickname.
    with: String,
    /// In private: my side and my nickname, and the other's side.
    private: Option<(String, String, String)>,
}

impl Turn<'_> {
    /// Shows `events` of `conversation` to me, as a batch for clients that know batches. `target` is the conversation as
    /// I named it.
    pub(crate) fn play_back(
        &mut self,
        target: &str,
        conversation: &Conversation,
        events: &[Event],
    ) {
        let names = self.names_in(conversation);
        let batch = self.begin_batch("chathistory", &[target]);
        for event in events {
            self.play(event, &names, batch.as_deref());
        }
        self.end_batch(batch.as_deref());
    }

    /// Asks for what was said before I came into `channel`, if my client cannot ask by itself. A channel that was made just
    /// now has a past, too, if everybody had left it, or the server was started again.
    pub(crate) fn ask_for_replay(&mut self, channel: ChannelId, joined: &Stamp) {
        let history = self.hub.config.history;
        let room = self.channel(channel);
        if !history.enabled || history.on_join == 0 || self.me().has(CapSet::CHATHISTORY) {
            return;
        }
        let query = HistoryQuery {
            conversation: history::channel_key(room).into(),
            // What is said from now on I hear anyway, perhaps before the answer comes.
            part: Part::Before(Bound::Msgid(joined.msgid.clone())),
            limit: history.on_join.min(self.hub.config.limits.history_page),
            said_only: true,
            tagmsg: false,
        };
        let name = room.name.clone();
        self.start_aside(Job::History(query), Then::Replay(name));
    }

    /// Shows what was said before I came into the channel `name`, unless I have left it meanwhile.
    ///
    /// Clients that know no times get them in the text: `[2026-11-22 13:27] hello`, in UTC.
    pub(crate) fn replay(&mut self, name: &ChannelName, mut events: Vec<Event>) {
        let Some(conversation) = self.conversation(name.as_str()) else {
            return;
        };
        let floor = self.floor();
        events.retain(|event| event.time >= floor && is_for_people(event));
        let events = super::command::chathistory::cut(events, &Part::Latest(None));
        if events.is_empty() {
            return;
        }
        if self.me().has(CapSet::SERVER_TIME) {
            self.play_back(name.as_str(), &conversation, &events);
            return;
        }
        let names = self.names_in(&conversation);
        let batch = self.begin_batch("chathistory", &[name.as_str()]);
        for event in &events {
            self.play_stamped(event, &names, batch.as_deref());
        }
        self.end_batch(batch.as_deref());
    }

    /// Begins a batch within the reply to me, if I know batches.
    pub(crate) fn begin_batch(&mut self, kind: &str, params: &[&str]) -> Option<Box<str>> {
        if !self.me().has(CapSet::BATCH) {
            return None;
        }
        let id = self.hub.ids.next();
        self.reply("BATCH", |line| {
            line.param(&format!("+{id}")).param(kind).params(params.iter().copied())
        });
        Some(id)
    }

    /// A line of `batch` to me, or a line alone if there is none.
    pub(crate) fn send_within(&mut self, batch: Option<&str>, tags: &Tags<'_>, body: &[u8]) {
        if batch.is_some() {
            self.send_batched(tags, body);
        } else {
            self.send(tags, body);
        }
    }

    /// Ends what [`begin_batch`](Self::begin_batch) began.
    pub(crate) fn end_batch(&mut self, batch: Option<&str>) {
        if let Some(id) = batch {
            let mut body = Vec::new();
            let server = &self.hub.config.server_name;
            Line::from_source(&mut body, server, "BATCH").param(&format!("-{id}")).end();
            self.send_batched(&Tags::default(), &body);
        }
    }

    fn names_in(&self, conversation: &Conversation) -> Names {
        match &conversation.with {
            With::Room(channel) => {
                Names { with: self.channel(*channel).name.to_string(), private: None }
            }
            With::Person { name, side, .. } => {
                let me = self.me();
                let private = Some((me.side(), me.name().to_owned(), side.clone()));
                Names { with: name.clone(), private }
            }
        }
    }

    /// One event to me, if my client can make anything of it.
    fn play(&mut self, event: &Event, names: &Names, batch: Option<&str>) {
        let tags = tags_of(event, batch);
        let (source, target) = names.of(event);
        let Some(what) = said(event) else {
            if let Some(body) = self.happened(event, &source, target) {
                self.send_within(batch, &tags, &body);
            }
            return;
        };
        if what == "TAGMSG" && !self.me().has(CapSet::MESSAGE_TAGS.union(CapSet::EVENT_PLAYBACK)) {
            return;
        }
        let lines = lines_of(event);
        let what = Utterance { command: what, lines: &lines, tags: &event.tags };
        let inner = (lines.len() > 1 && say::multiline(self.me())).then(|| self.hub.ids.next());
        for (tags, body) in what.pieces(&source, target, tags, &inner) {
            self.send_within(batch, &tags, &body);
        }
    }

    /// Something that happened and was not said, on the wire. `None` if my client does not know it, or is not to see
    /// such things in the past (draft/event-playback).
    fn happened(&self, event: &Event, source: &str, target: &str) -> Option<Vec<u8>> {
        let me = self.me();
        let needs = match &*event.command {
            "JOIN" | "PART" | "QUIT" | "KICK" | "NICK" | "TOPIC" | "MODE" => CapSet::EMPTY,
            "REDACT" => CapSet::MESSAGE_REDACTION,
            "RENAME" => CapSet::CHANNEL_RENAME,
            _ => return None,
        };
        if !me.has(needs.union(CapSet::EVENT_PLAYBACK)) {
            return None;
        }
        let mut params: Vec<&str> = event.shown_params().iter().map(|param| &**param).collect();
        let mut text = event.text.as_deref();
        if !matches!(&*event.command, "QUIT" | "NICK" | "RENAME")
            && let Some(first) = params.first_mut()
        {
            *first = target;
        }
        if &*event.command == "JOIN" && !me.has(CapSet::EXTENDED_JOIN) {
            params.truncate(1);
            text = None;
        }
        let mut body = Vec::new();
        let line = Line::from_source(&mut body, source, &event.command).params(params);
        match text {
            Some(text) => line.text(text).end(),
            None => line.end(),
        }
        Some(body)
    }

    /// Something said, to a client that knows no times.
    fn play_stamped(&mut self, event: &Event, names: &Names, batch: Option<&str>) {
        let Some(command) = said(event) else {
            return;
        };
        let (source, target) = names.of(event);
        let date = stamp::date_text(event.time);
        // `2026-11-22 13:27:00 UTC`: nobody needs the seconds.
        let date = date.get(..16).unwrap_or(&date);
        let room = text_room(&source, command, &[target]);
        let mut tags = tags_of(event, batch);
        for line in lines_of(event).iter().filter(|line| !line.text.is_empty()) {
            let action = action(line.text);
            let (open, close) = if action.is_some() { (ACTION, "\u{1}") } else { ("", "") };
            let text = format!("[{date}] {}", action.unwrap_or(line.text));
            for piece in split_text(&text, room.saturating_sub(open.len() + close.len())) {
                let mut body = Vec::new();
                Line::from_source(&mut body, &source, command)
                    .param(target)
                    .text(&format!("{open}{piece}{close}"))
                    .end();
                self.send_within(batch, &tags, &body);
                // Only the first line is the message with the id.
                tags = Tags { msgid: None, ..tags };
            }
        }
    }
}

impl Names {
    /// From whom and to whom `event` goes as the reader sees it.
    fn of<'e>(&'e self, event: &'e Event) -> (Cow<'e, str>, &'e str) {
        let recorded = Cow::Borrowed(&*event.source);
        let Some((my_side, me, other)) = &self.private else {
            return (recorded, &self.with);
        };
        let target = event.params.first().map_or("*", |target| &**target);
        match history::author(event) {
            // Somebody's notes to themselves, perhaps from one of their clients to another.
            _ if my_side == other => (recorded, target),
            Some(side) if side == *my_side => (renamed(&event.source, me), &self.with),
            Some(side) if side == *other => (renamed(&event.source, &self.with), me),
            _ => (recorded, target),
        }
    }
}

/// `source` with another nickname.
fn renamed<'s>(source: &'s str, nick: &str) -> Cow<'s, str> {
    match source.split_once('!') {
        Some((old, _)) if old == nick => Cow::Borrowed(source),
        Some((_, rest)) => Cow::Owned(format!("{nick}!{rest}")),
        None => Cow::Owned(nick.to_owned()),
    }
}

fn tags_of<'e>(event: &'e Event, batch: Option<&'e str>) -> Tags<'e> {
    Tags {
        time: Some(event.time),
        msgid: Some(&event.msgid),
        account: event.account.as_deref(),
        bot: event.bot,
        client: &event.tags,
        batch,
        untimed: false,
    }
}

/// The command of something said.
fn said(event: &Event) -> Option<&'static str> {
    ["PRIVMSG", "NOTICE", "TAGMSG"].into_iter().find(|command| *command == &*event.command)
}

fn lines_of(event: &Event) -> Vec<Piece<'_>> {
    event.text.as_deref().map(history::split).unwrap_or_default()
}

/// How an action of a person begins; it ends with the same control character.
const ACTION: &str = "\u{1}ACTION ";

/// The text of an action.
fn action(text: &str) -> Option<&str> {
    let inner = text.strip_prefix(ACTION)?;
    Some(inner.strip_suffix('\u{1}').unwrap_or(inner))
}

/// Whether `event` is for a person to read. A request of a program (CTCP) would be answered again each time that it is
/// shown to a client that does not know it for history.
fn is_for_people(event: &Event) -> bool {
    said(event).is_some_and(|command| {
        let lines = lines_of(event);
        !Utterance { command, lines: &lines, tags: "" }.is_ctcp()
    })
}
