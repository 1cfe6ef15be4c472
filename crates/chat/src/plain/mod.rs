//! The plain door: people who speak no IRC.
//!
//! Somebody with `nc`, `telnet`, a script that sends datagrams, or the server's own terminal writes lines of text
//! and reads lines of text. The hub hears and speaks IRC alone. Between them stands a [`PlainDoor`], a small IRC
//! client on the server's side: it registers a guest, joins the lobby, turns what the person writes into IRC lines,
//! and what the hub says into text.
//!
//! What the person reads is of two forms. `bob: hello` is what somebody said; a line that begins with `* ` tells
//! what happened, or answers the person. Nothing that others wrote can drive the terminal it is read in: control
//! characters and what reorders text are shown escaped, colours and the like taken out (`text`).
//!
//! | module | what it is for |
//! |---|---|
//! | `commands` | the table of `/commands`, and what a line of the person's means |
//! | `hear` | what the hub says, as text for the person |
//! | `text` | text cleaned on its way in, and made safe to show |

mod commands;
mod hear;
pub(crate) mod text;

use std::collections::VecDeque;

use callbox_irc::build::{Line, split_text, text_room};

use hear::{Names, Past};

/// Bytes of the longest line that is said: some ten messages. Longer ones are refused whole, since whoever pastes a
/// file into a chat did not mean to.
pub const MAX_TEXT: usize = 4_096;

/// Lines that wait until the person is in the lobby. It takes a moment, in which nobody writes more; at the cap a
/// line is refused.
const MAX_WAITING: usize = 32;

/// Bytes of `!user@host` that are reckoned with until the hub has told: more than it gives a guest.
const UNKNOWN_HOST: &str =
    "!guest@0123456789012345678901234567890123456789012345678901234567890123456789";

/// Names tried before the door gives up: `guest-46734`, `guest-46734-2`, …. Each is taken only if somebody took it on
/// purpose.
const MAX_NAMES: u32 = 9;

/// What the person's side is like.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Style {
    /// A stream or a terminal: the person sees what was typed, and text may come at any moment.
    ///
    /// Whoever comes in is told the name it is by, the topic, who is here and what was said before.
    Stream,
    /// Datagrams, of which each may be lost, and a program that may send and receive in turn.
    ///
    /// So each line that was said comes back once it is kept, as others see it (`guest-46734: hello`): it tells
    /// that the line arrived, and a program that waits for an answer to each datagram gets one, even alone in the
    /// room. For the same reason whoever comes in is told no more than a name, and that together with the answer to the
    /// first line.
    Datagram,
}

/// One person's side of a conversation with the hub.
///
/// Calling contract: [`open`](Self::open) once; then [`say`](Self::say) for each line of the person's and
/// [`hear`](Self::hear) for each line of the hub's, in the order in which they came. What is appended to `to_hub`
/// is IRC lines, each of at most 512 bytes with its CR LF; what is appended to `to_person` is lines of text, each
/// with its LF. When the person's side ends, [`leave`](Self::leave); when the hub closes the connection, the door
/// is dropped.
#[derive(Debug)]
pub struct PlainDoor {
    style: Style,
    /// The name asked for first.
    guest_name: String,
    names_tried: u32,
    nick: String,
    /// `nick!user@host` as others see it, once the hub has told.
    source: String,
    lobby: String,
    state: State,
    /// Cleaned lines for when the person is in the lobby.
    waiting: VecDeque<String>,
    /// The person is to be gone once the waiting lines are said, with this parting word.
    leaving: Option<String>,
    /// A greeting that goes with the next text.
    greeting: Option<String>,
    names: Names,
    past: Option<Past>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum State {
    /// Not yet welcomed by the hub.
    Registering,
    /// Welcomed, and on the way into the lobby.
    Joining,
    /// In the lobby.
    In,
    /// Not let into the lobby, or put out of it. The next line that is to be said tries again.
    Out,
    /// Said good-bye, or was thrown out.
    Over,
}

/// Where the outputs of one call go.
struct Out<'a> {
    hub: &'a mut Vec<u8>,
    person: &'a mut Vec<u8>,
}

impl PlainDoor {
    /// A door for a guest who is to be called `guest_name`, or much like it if that is taken, and who talks in
    /// `lobby`.
    pub fn new(guest_name: &str, lobby: &str, style: Style) -> Self {
        Self {
            style,
            guest_name: guest_name.to_owned(),
            names_tried: 1,
            nick: guest_name.to_owned(),
            source: String::new(),
            lobby: lobby.to_owned(),
            state: State::Registering,
            waiting: VecDeque::new(),
            leaving: None,
            greeting: None,
            names: Names::default(),
            past: None,
        }
    }

    /// The lines with which the guest comes in.
    pub fn open(&mut self, to_hub: &mut Vec<u8>) {
        // One request for each, since a request with an unknown capability is refused whole. Hosts are not shown, so
        // with chghost nobody seems to leave and to come back for another one.
        let capabilities: &[&str] = match self.style {
            // What was said before is shown apart, with its times.
            Style::Stream => &["chghost", "batch", "server-time"],
            // The echo is the receipt. Who can ask for history is not sent it unasked: fifty datagrams would only
            // confuse.
            Style::Datagram => &["chghost", "echo-message", "batch", "draft/chathistory"],
        };
        for capability in capabilities {
            Line::bare(to_hub, "CAP").param("REQ").text(capability).end();
        }
        Line::bare(to_hub, "NICK").text(&self.nick).end();
        let user = Line::bare(to_hub, "USER").params(["guest", "0", "*"]);
        user.text("a guest without an IRC client").end();
        Line::bare(to_hub, "CAP").param("END").end();
    }

    /// One line of the person's, without its ending. It may be any bytes.
    ///
    /// A line that begins with `/` is a command; `//text` says `/text`; an empty line is nothing; any other is said
    /// in the lobby. What begins with `/` and is no known command is not said, so that a slip in a command (`/msh
    /// bob secret`) is not read by everybody. In the style of datagrams an empty line is answered too, since a program
    /// may wait for that.
    pub fn say(&mut self, text: &[u8], to_hub: &mut Vec<u8>, to_person: &mut Vec<u8>) {
        let out = &mut Out { hub: to_hub, person: to_person };
        let text = text::said(text, self.style);
        if text.is_empty() {
            // Who comes in is greeted, which is an answer.
            if self.style == Style::Datagram && matches!(self.state, State::In | State::Out) {
                self.tell(out, "* that was empty: nothing was said");
            }
            return;
        }
        if self.state == State::Over || self.leaving.is_some() {
            return;
        }
        if text.len() > MAX_TEXT {
            self.tell(out, &format!("* that is too long to say: {MAX_TEXT} bytes at most"));
            return;
        }
        match self.state {
            State::Registering | State::Joining if !self.takes_lines() => {
                self.tell(
                    out,
                    "* you are not in yet, and said too much already: that was not said",
                );
            }
            State::Registering | State::Joining => self.waiting.push_back(text),
            State::In | State::Out | State::Over => self.obey(&text, out),
        }
    }

    /// The person's side has ended: what waits is said still, then the guest leaves, saying `reason`.
    pub fn leave(&mut self, reason: &str, to_hub: &mut Vec<u8>) {
        match self.state {
            State::Registering | State::Joining if !self.waiting.is_empty() => {
                self.leaving = Some(reason.to_owned());
            }
            State::Over => {}
            _ => self.quit(reason, to_hub),
        }
    }

    /// Whether a line of the person's says good-bye, so that nobody has to come in for it.
    pub fn is_good_bye(line: &[u8]) -> bool {
        commands::is_good_bye(&text::said(line, Style::Stream))
    }

    /// One line of the hub's, without CR LF.
    pub fn hear(&mut self, line: &[u8], to_hub: &mut Vec<u8>, to_person: &mut Vec<u8>) {
        self.hear_line(line, &mut Out { hub: to_hub, person: to_person });
    }

    /// Whether the person said good-bye or was thrown out: no more of the person's lines are taken. What the hub still
    /// says is, until it closes the connection.
    pub fn is_over(&self) -> bool {
        self.state == State::Over
    }

    /// Whether another line is taken now. While the guest is on the way in, so many wait and no more; whoever reads a
    /// stream leaves the rest unread until then, and nothing is lost.
    pub fn takes_lines(&self) -> bool {
        self.waiting.len() < MAX_WAITING
    }

    /// What the guest is called, as far as the hub has told.
    pub fn nick(&self) -> &str {
        &self.nick
    }

    /// Says `text` in the lobby.
    fn say_in_lobby(&mut self, text: &str, out: &mut Out<'_>) {
        if self.state == State::In {
            self.message(&self.lobby, "", text, "", out.hub);
        } else {
            // A slash that was doubled once is doubled again for when the line has waited.
            let slash = if text.starts_with('/') { "/" } else { "" };
            self.waiting.push_back([slash, text].concat());
            self.join(out.hub);
        }
    }

    /// Does `text` in the lobby.
    fn act_in_lobby(&mut self, text: &str, out: &mut Out<'_>) {
        if self.state == State::In {
            self.message(&self.lobby, "\x01ACTION ", text, "\x01", out.hub);
        } else {
            self.waiting.push_back(["/me ", text].concat());
            self.join(out.hub);
        }
    }

    /// Messages to `target` that hold all of `text`, in as many as it takes, each between `before` and `after`.
    fn message(&self, target: &str, before: &str, text: &str, after: &str, to_hub: &mut Vec<u8>) {
        let unknown = [&self.nick, UNKNOWN_HOST].concat();
        let source = if self.source.is_empty() { &unknown } else { &self.source };
        let room = text_room(source, "PRIVMSG", &[target]);
        for part in split_text(text, room.saturating_sub(before.len() + after.len())) {
            let line = Line::bare(to_hub, "PRIVMSG").param(target);
            line.text(&[before, part, after].concat()).end();
        }
    }

    fn join(&mut self, to_hub: &mut Vec<u8>) {
        self.state = State::Joining;
        Line::bare(to_hub, "JOIN").param(&self.lobby).end();
    }

    fn quit(&mut self, reason: &str, to_hub: &mut Vec<u8>) {
        self.state = State::Over;
        self.waiting = VecDeque::new();
        Line::bare(to_hub, "QUIT").text(reason).end();
    }

    /// One line of text for the person, made safe to show. A greeting that waits goes before it.
    fn tell(&mut self, out: &mut Out<'_>, line: &str) {
        if let Some(greeting) = self.greeting.take() {
            text::show(&greeting, out.person);
        }
        text::show(line, out.person);
    }
}

#[cfg(test)]
mod tests;
