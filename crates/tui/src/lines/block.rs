//! One line of a room as rows: what stands above it, who said it, what was said, what others think of it.

use callbox_session::Session;
use callbox_session::line::{Extra, Line, LineId, What};
use callbox_session::room::{Delivery, Kind, Older, Outgoing, Presence, Room};
use ratatui_core::style::{Modifier, Style};

use crate::keys::{Act, Keys};
use crate::search::marked;
use crate::text::clean::{clean, formatted, one_line};
use crate::text::time::{Zone, clock, date, day};
use crate::text::wrap::wrap;
use crate::text::{Piece, Row, fit_right, shorten, width};
use crate::texts::{Texts, fill};
use crate::theme::Theme;

/// What is needed to lay out the lines of a room.
pub(crate) struct Look<'a> {
    pub(crate) session: &'a Session,
    pub(crate) room: &'a Room,
    pub(crate) theme: Theme,
    pub(crate) texts: &'static Texts,
    pub(crate) zone: &'a Zone,
    pub(crate) keys: &'a Keys,
    /// How many cells there are.
    pub(crate) cells: usize,
    /// The words that are looked for.
    pub(crate) words: Option<&'a str>,
    /// The line above which the mark stands that shows where reading stopped.
    pub(crate) unread: Option<LineId>,
    /// The place of the first line that is shown.
    pub(crate) first: usize,
}

/// The rows of a line.
#[derive(Debug)]
pub(crate) struct Block {
    pub(crate) rows: Vec<Row>,
    /// How many of them are marks above the line.
    pub(crate) lead: usize,
}

/// The cells of a time and the space behind it.
const TIME: usize = 6;

impl Look<'_> {
    /// The place of the first line that is shown.
    pub(crate) fn first(&self) -> usize {
        self.first.min(self.room.timeline.len())
    }

    /// The rows of the line at a place.
    pub(crate) fn block(&self, index: usize) -> Block {
        let Some(line) = self.room.timeline.at(index) else {
            return Block { rows: vec![Row::new()], lead: 0 };
        };
        let mut rows = Vec::new();
        let before = index.checked_sub(1).and_then(|before| self.room.timeline.at(before));
        let today = day(line.time, self.zone);
        if before.is_none_or(|before| day(before.time, self.zone) != today) {
            rows.push(self.rule(&date(today, self.texts), self.theme.dim()));
        }
        if self.unread == Some(line.id) {
            rows.push(self.rule(self.texts.read_mark, self.theme.error()));
        }
        let lead = rows.len();
        self.line(line, &mut rows);
        Block { rows, lead }
    }

    /// What stands above the first line.
    pub(crate) fn top(&self) -> Vec<Row> {
        let dim = self.theme.dim();
        let mut rows = Vec::new();
        let name = one_line(&self.room.name);
        let words = match (self.room.kind, self.room.older) {
            _ if self.first > 0 => String::new(),
            (_, Older::Loading) => self.texts.fetching_older.to_owned(),
            (Kind::Server, _) => String::new(),
            (_, Older::None) => fill(self.texts.beginning, &[&name]),
            (_, Older::Maybe) if !self.room.timeline.is_empty() => {
                self.texts.older_maybe.to_owned()
            }
            (_, Older::Unavailable) if !self.room.timeline.is_empty() => {
                self.texts.beginning_kept.to_owned()
            }
            _ => String::new(),
        };
        if !words.is_empty() {
            rows.push(self.centred(&words, dim));
        }
        if self.room.timeline.len() <= self.first && self.room.outbox.is_empty() && self.first == 0
        {
            let keys = |act| self.keys.shown(act);
            let how = fill(self.texts.empty_hint, &[&keys(Act::Keys), &keys(Act::Switch)]);
            let (state, hint) = match (self.room.kind, self.room.presence) {
                (Kind::Server, _) => (String::new(), self.texts.server_hint.to_owned()),
                (_, Presence::Joining) => (fill(self.texts.not_yet, &[&name]), how),
                (_, Presence::Out) => (String::new(), fill(self.texts.gone, &[&name, &name])),
                (_, Presence::In) => (self.texts.empty_room.to_owned(), how),
            };
            if !state.is_empty() {
                rows.extend(wrap(&[Piece::new(state, dim)], self.cells));
            }
            rows.extend(wrap(&[Piece::new(hint, dim)], self.cells));
        }
        rows
    }

    /// An own line on its way.
    pub(crate) fn outgoing(&self, out: &Outgoing) -> Vec<Row> {
        let mut rows = Vec::new();
        let theme = self.theme;
        if let Some(msgid) = &out.reply_to {
            rows.push(self.quote(msgid));
        }
        let (state, style) = match &out.state {
            Delivery::Waiting => (self.texts.waiting.to_owned(), theme.dim()),
            Delivery::Sending => (self.texts.sending.to_owned(), theme.dim()),
            Delivery::Failed(reason) => {
                let keys = [&*self.keys.shown(Act::SendAgain), &self.keys.shown(Act::Discard)];
                let way = fill(self.texts.failed_keys, &keys);
                let reason = fill(self.texts.failed, &[&one_line(reason)]);
                (format!("{reason} ({way})"), theme.error())
            }
        };
        let nick = clean(self.session.nick());
        let (who, start) =
            if out.action { ("*".to_owned(), format!("{nick} ")) } else { (nick, String::new()) };
        let mut logical = self.logical(&out.text, theme.dim());
        if let Some(first) = logical.first_mut().filter(|_| !start.is_empty()) {
            first.insert(0, Piece::new(start, theme.dim()));
        }
        if let Some(last) = logical.last_mut() {
            last.push(Piece::new(format!("  {state}"), style));
        }
        self.body(out.time, (&who, theme.own()), logical, &mut rows);
        rows
    }

    fn line(&self, line: &Line, rows: &mut Vec<Row>) {
        let theme = self.theme;
        let from = one_line(&line.from);
        let folded = self.session.network().casemapping.fold(&line.from);
        let name = if line.mention {
            theme.mention()
        } else if line.own {
            theme.own()
        } else {
            theme.nick(&folded)
        };
        let extra = line.extra.as_deref();
        if let Some((by, why)) = extra.and_then(|extra| extra.redacted.as_ref()) {
            let mut words = fill(self.texts.redacted, &[&one_line(by)]);
            if !why.is_empty() {
                words = format!("{words}: {}", one_line(why));
            }
            let style = theme.dim().add_modifier(Modifier::ITALIC);
            return self.body(line.time, (&from, name), vec![vec![Piece::new(words, style)]], rows);
        }
        if let Some(msgid) = line.reply_to() {
            rows.push(self.quote(msgid));
        }
        let said = |text: &str, base: Style| {
            let mut logical = self.logical(text, base);
            if extra.is_some_and(|extra| extra.edited)
                && let Some(last) = logical.last_mut()
            {
                last.push(Piece::new(format!(" {}", self.texts.edited), theme.dim()));
            }
            logical
        };
        match &line.what {
            What::Said(text) => {
                self.body(line.time, (&from, name), said(text, theme.plain()), rows);
            }
            What::Did(text) => {
                let mut logical = said(text, theme.plain());
                logical[0].insert(0, Piece::new(format!("{from} "), name));
                self.body(line.time, ("*", name), logical, rows);
            }
            What::Notice(text) => {
                let who = format!("-{from}-");
                self.body(line.time, (&who, name), said(text, theme.plain()), rows);
            }
            What::Info(text) => self.event(line, "·", text_of(text), theme.dim(), rows),
            What::Error(text) => self.event(line, "!", text_of(text), theme.error(), rows),
            what => {
                let (sign, words) = self.happened(&from, what);
                self.event(line, sign, words, theme.dim(), rows);
            }
        }
        if let Some(extra) = extra {
            self.reactions(extra, rows);
        }
    }

    /// What happened, in words.
    fn happened(&self, from: &str, what: &What) -> (&'static str, String) {
        let texts = self.texts;
        let because = |words: String, why: &str| {
            if why.is_empty() { words } else { format!("{words} ({})", one_line(why)) }
        };
        match what {
            What::Joined => ("→", fill(texts.joined, &[from])),
            What::Left(why) => ("←", because(fill(texts.left, &[from]), why)),
            What::Quit(why) => ("←", because(fill(texts.quit, &[from]), why)),
            What::Kicked(whom, why) => {
                ("←", because(fill(texts.kicked, &[from, &one_line(whom)]), why))
            }
            What::Renamed(to) => ("·", fill(texts.renamed, &[from, &one_line(to)])),
            What::Topic(topic) if topic.is_empty() => ("·", fill(texts.topic_cleared, &[from])),
            What::Topic(topic) => ("·", fill(texts.topic_set, &[from, &one_line(topic)])),
            What::Mode(modes) => ("·", fill(texts.mode, &[from, &one_line(modes)])),
            What::Invited(whom, room) => {
                ("·", fill(texts.invited, &[from, &one_line(whom), &one_line(room)]))
            }
            what => ("·", text_of(what.text().unwrap_or_default())),
        }
    }

    fn event(&self, line: &Line, sign: &str, words: String, style: Style, rows: &mut Vec<Row>) {
        let mut logical: Vec<Row> =
            words.split('\n').map(|words| vec![Piece::new(clean(words), style)]).collect();
        self.mark(&mut logical);
        self.body(line.time, (sign, style), logical, rows);
    }

    /// The lines of a text, with its formatting, its links and what is looked for.
    fn logical(&self, text: &str, base: Style) -> Vec<Row> {
        let mut lines: Vec<Row> =
            text.split('\n').map(|line| links(formatted(line, base, &self.theme))).collect();
        self.mark(&mut lines);
        lines
    }

    fn mark(&self, lines: &mut [Row]) {
        if let Some(words) = self.words.filter(|words| !words.is_empty()) {
            for line in lines {
                *line = marked(std::mem::take(line), words, self.theme.found());
            }
        }
    }

    /// Time, name and text beside each other, or on a narrow screen after each other.
    fn body(&self, time: u64, who: (&str, Style), logical: Vec<Row>, rows: &mut Vec<Row>) {
        let (name, style) = who;
        let stamp = Piece::new(format!("{} ", clock(time, self.zone)), self.theme.dim());
        let indent = self.indent();
        let names = self.names();
        if names > 0 {
            let mut head = Some([
                stamp,
                Piece::new(fit_right(name, names), style),
                Piece::new("  ", Style::new()),
            ]);
            for line in logical {
                for wrapped in wrap(&line, self.cells.saturating_sub(indent)) {
                    let mut row: Row = match head.take() {
                        Some(head) => head.to_vec(),
                        None => vec![Piece::new(" ".repeat(indent), Style::new())],
                    };
                    row.extend(wrapped);
                    rows.push(row);
                }
            }
            return;
        }
        let most = self.cells.saturating_sub(2).max(1);
        let mut head = Row::new();
        if self.cells >= 24 {
            head.push(stamp);
        }
        let colon = if name.chars().any(char::is_alphanumeric) { ":" } else { "" };
        head.push(Piece::new(shorten(name, most / 2) + colon, style));
        head.push(Piece::new(" ", Style::new()));
        let mut head = Some(head);
        for mut line in logical {
            let is_first = head.is_some();
            if let Some(head) = head.take() {
                line.splice(0..0, head);
            }
            // What follows the first row is set in by two cells; to keep it plain the first is as narrow.
            for (index, mut wrapped) in wrap(&line, most).into_iter().enumerate() {
                if index > 0 || !is_first {
                    wrapped.insert(0, Piece::new("  ", Style::new()));
                }
                rows.push(wrapped);
            }
        }
    }

    /// The cells of the column of names; 0 on a narrow screen.
    fn names(&self) -> usize {
        match self.cells {
            0..56 => 0,
            56..80 => 10,
            80..120 => 13,
            _ => 16,
        }
    }

    fn indent(&self) -> usize {
        match self.names() {
            0 => 2,
            names => TIME + names + 2,
        }
    }

    /// The line that is answered, in short.
    fn quote(&self, msgid: &str) -> Row {
        let indent = self.indent();
        let words = match self.room.timeline.by_msgid(msgid) {
            Some(line) => self.in_short(line),
            None => self.texts.unknown_line.to_owned(),
        };
        let words = shorten(&format!("╭ {words}"), self.cells.saturating_sub(indent));
        vec![Piece::new(" ".repeat(indent), Style::new()), Piece::new(words, self.theme.dim())]
    }

    /// A line in a few words.
    pub(crate) fn in_short(&self, line: &Line) -> String {
        let from = one_line(&line.from);
        if let Some((by, _)) = line.extra.as_ref().and_then(|extra| extra.redacted.as_ref()) {
            return format!("{from}: {}", fill(self.texts.redacted, &[&one_line(by)]));
        }
        match &line.what {
            What::Said(text) | What::Notice(text) => format!("{from}: {}", beginning(text)),
            What::Did(text) => format!("* {from} {}", beginning(text)),
            what => self.happened(&from, what).1,
        }
    }

    fn reactions(&self, extra: &Extra, rows: &mut Vec<Row>) {
        if extra.reactions.is_empty() {
            return;
        }
        let indent = self.indent();
        let same = |nick: &str| self.session.network().casemapping.same(nick, self.session.nick());
        let mut line = Row::new();
        // More kinds than this are counted together: peers choose how many there are.
        const KINDS: usize = 20;
        for (text, who) in extra.reactions.iter().take(KINDS) {
            let style = match who.iter().any(|nick| same(nick)) {
                true => self.theme.accent().add_modifier(Modifier::BOLD),
                false => self.theme.dim(),
            };
            let text = shorten(&one_line(text), 24);
            let gap = if line.is_empty() { "" } else { "  " };
            line.push(Piece::new(format!("{gap}{text} {}", who.len()), style));
        }
        if extra.reactions.len() > KINDS {
            line.push(Piece::new("  …", self.theme.dim()));
        }
        for mut row in wrap(&line, self.cells.saturating_sub(indent)) {
            row.insert(0, Piece::new(" ".repeat(indent), Style::new()));
            rows.push(row);
        }
    }

    fn rule(&self, words: &str, style: Style) -> Row {
        let words = shorten(words, self.cells.saturating_sub(4));
        let rest = self.cells.saturating_sub(width(&words) + 2);
        let (left, right) = (rest / 2, rest - rest / 2);
        let line = |cells: usize| Piece::new("─".repeat(cells), self.theme.border());
        vec![line(left), Piece::new(format!(" {words} "), style), line(right)]
    }

    fn centred(&self, words: &str, style: Style) -> Row {
        let words = shorten(words, self.cells);
        let left = self.cells.saturating_sub(width(&words)) / 2;
        vec![Piece::new(" ".repeat(left), Style::new()), Piece::new(words, style)]
    }
}

/// Text of the session or the server, which may hold formatting codes; its lines are kept.
fn text_of(text: &str) -> String {
    callbox_irc::format::plain(text).into_owned()
}

/// As much of a text as could be shown in short; it may be very long.
fn beginning(text: &str) -> String {
    one_line(&text[..text.floor_char_boundary(400)])
}

/// Links underlined.
fn links(pieces: Vec<Piece>) -> Row {
    if !pieces.iter().any(|piece| piece.text.contains("://")) {
        return pieces;
    }
    let mut row = Row::new();
    for piece in pieces {
        for word in piece.text.split_inclusive(' ') {
            let is_link = word.starts_with("http://") || word.starts_with("https://");
            let link = word.trim_end_matches(' ').len();
            let style = match is_link {
                true => piece.style.add_modifier(Modifier::UNDERLINED),
                false => piece.style,
            };
            row.push(Piece::new(&word[..link], style));
            row.push(Piece::new(&word[link..], piece.style));
        }
    }
    row.retain(|piece| !piece.text.is_empty());
    row
}
