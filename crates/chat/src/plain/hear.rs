//! What the hub says, as text for the person.

use std::collections::VecDeque;

use callbox_irc::build::Line;
use callbox_irc::message::Message;
use callbox_irc::numeric::{self, Numeric};
use callbox_irc::stamp;

use super::{MAX_NAMES, Out, PlainDoor, State, Style};

/// Bytes of names in the answer to `/names`: with the rest of the line they fit into a datagram. How many more
/// there are is told.
const MAX_NAMES_SHOWN: usize = 1_000;

/// Replies that may be on their way; whoever asks for more is answered by those.
const MAX_EXPECTED: usize = 16;

/// NAMES replies on their way. The hub answers in the order in which it was asked.
#[derive(Debug, Default)]
pub(super) struct Names {
    /// Replies that are still to come, and for each whether the person is to be told.
    expected: VecDeque<bool>,
    /// What came of the first of them.
    list: String,
    /// How many names were left out of it.
    more: usize,
}

/// Messages that were said before, which the hub sends as a batch.
#[derive(Debug)]
pub(super) struct Past {
    reference: String,
    /// Something of it was shown, below its heading.
    shown: bool,
}

impl PlainDoor {
    /// Asks for who is here, to tell the person.
    pub(super) fn ask_for_names(&mut self, to_hub: &mut Vec<u8>) {
        if self.names.expected.len() < MAX_EXPECTED {
            self.names.expected.push_back(true);
            Line::bare(to_hub, "NAMES").param(&self.lobby).end();
        }
    }

    /// Asks for another name.
    pub(super) fn ask_for_name(&mut self, name: &str, to_hub: &mut Vec<u8>) {
        Line::bare(to_hub, "NICK").text(name).end();
    }

    /// Takes in one line of the hub's.
    pub(super) fn hear_line(&mut self, line: &[u8], out: &mut Out<'_>) {
        let line = String::from_utf8_lossy(line);
        // What is no message is nothing that the hub says.
        let Ok(message) = Message::parse(&line) else { return };
        if let Ok(code) = message.command.parse() {
            if let Some(numeric) = numeric::find(code) {
                self.hear_numeric(numeric, &message, out);
            }
            return;
        }
        match message.command {
            "PRIVMSG" | "NOTICE" => self.hear_said(&message, out),
            "PING" => Line::bare(out.hub, "PONG").text(text(&message)).end(),
            "BATCH" => self.hear_batch(&message, out),
            "ERROR" => {
                let parting = match self.state {
                    State::Over => "* you left".to_owned(),
                    _ => format!("* the server closed the connection: {}", text(&message)),
                };
                self.state = State::Over;
                self.tell(out, &parting);
            }
            "FAIL" | "WARN" | "NOTE" => self.tell(out, &format!("* {}", text(&message))),
            _ => self.hear_happened(&message, out),
        }
    }

    /// Something was said, in the room or to the person alone.
    fn hear_said(&mut self, message: &Message<'_>, out: &mut Out<'_>) {
        let (target, text) = (param(message, 0), param(message, 1));
        let Some(nick) = nick(message) else {
            return self.tell(out, &format!("* {text}"));
        };
        let aside = match target {
            target if target == self.lobby => String::new(),
            target if target == self.nick => " (to you)".to_owned(),
            target => format!(" (to {target})"),
        };
        let line = match text.strip_prefix('\x01') {
            None => format!("{nick}{aside}: {text}"),
            Some(request) => match request.trim_end_matches('\x01').strip_prefix("ACTION ") {
                Some(action) => format!("* {nick}{aside} {action}"),
                // Other requests of the client-to-client protocol are for programs.
                None => return,
            },
        };
        if self.is_past(message) {
            self.tell_past(message, &line, out);
        } else {
            self.tell(out, &line);
        }
    }

    /// Somebody came, went, or changed something.
    fn hear_happened(&mut self, message: &Message<'_>, out: &mut Out<'_>) {
        let Some(who) = nick(message) else { return };
        let is_me = who == self.nick;
        let (first, second) = (param(message, 0), param(message, 1));
        let because = |reason: &str| match reason {
            // The second is what the hub makes of it where somebody leaves without a word.
            "" | "Quit: " => String::new(),
            reason => format!(" ({reason})"),
        };
        if is_me && let Some(source) = message.source {
            source.clone_into(&mut self.source);
        }
        let line = match message.command {
            "JOIN" if is_me => {
                first.clone_into(&mut self.lobby);
                return self.come_in(out);
            }
            "NICK" if is_me => {
                let host = self.source.split_once('!').map_or("", |(_, host)| host);
                self.source = format!("{first}!{host}");
                first.clone_into(&mut self.nick);
                format!("* you are {first} now")
            }
            "PART" if is_me => {
                self.state = State::Out;
                format!("* you are no longer in {first}{}", because(second))
            }
            "QUIT" if is_me => return,
            "KICK" if second == self.nick => {
                self.state = State::Out;
                let reason = because(param(message, 2));
                format!("* {who} put you out of {first}{reason}; say something to come back")
            }
            "JOIN" => format!("* {who} came in"),
            "NICK" => format!("* {who} is now {first}"),
            "PART" => format!("* {who} left{}", because(second)),
            "QUIT" => format!("* {who} left{}", because(first)),
            "KICK" => format!("* {who} put {second} out{}", because(param(message, 2))),
            "TOPIC" if second.is_empty() => format!("* {who} took the topic away"),
            "TOPIC" => format!("* {who} set the topic: {second}"),
            "MODE" if first == self.lobby => {
                let changes = message.params.get(1..).unwrap_or_default().join(" ");
                format!("* {who} set {changes}")
            }
            "INVITE" => format!("* {who} invites you to {second}"),
            _ => return,
        };
        self.tell(out, &line);
    }

    fn hear_numeric(&mut self, numeric: &Numeric, message: &Message<'_>, out: &mut Out<'_>) {
        let (first, text) = (param(message, 1), text(message));
        let line = match *numeric {
            numeric::RPL_WELCOME => {
                param(message, 0).clone_into(&mut self.nick);
                return self.join(out.hub);
            }
            numeric::RPL_TOPIC if self.style == Style::Stream => format!("* the topic: {text}"),
            numeric::RPL_NAMREPLY => return self.names.gather(text),
            numeric::RPL_ENDOFNAMES => match self.names.finish() {
                Some(line) => line,
                None => return,
            },
            numeric::RPL_AWAY => format!("* {first} is away: {text}"),
            numeric::RPL_TRYAGAIN => format!("* {text}"),
            numeric::ERR_ERRONEUSNICKNAME
            | numeric::ERR_NICKNAMEINUSE
            | numeric::ERR_NICKCOLLISION
                if self.state == State::Registering =>
            {
                return self.try_another_name(out);
            }
            numeric::ERR_NICKNAMEINUSE | numeric::ERR_NICKCOLLISION => {
                format!("* the name {first} is taken")
            }
            numeric::ERR_ERRONEUSNICKNAME => format!("* {first} cannot be a name here"),
            numeric::ERR_NOSUCHNICK => format!("* there is nobody called {first}"),
            numeric::ERR_CANNOTSENDTOCHAN => format!("* not said in {first}: {text}"),
            numeric::ERR_PASSWDMISMATCH => {
                "* this server asks for a password, for which an IRC client is needed".to_owned()
            }
            numeric::ERR_YOUREBANNEDCREEP => "* you are banned from this server".to_owned(),
            // Of the kind that the hub says to a client that asked for a capability it does not have.
            numeric::ERR_NOMOTD | numeric::ERR_INVALIDCAPCMD => return,
            _ if !numeric.is_error() => return,
            _ if self.state == State::Joining && first == self.lobby => {
                return self.stay_out(numeric, text, out);
            }
            _ => {
                let about = message.params.get(1..message.params.len().saturating_sub(1));
                let about = about.filter(|about| !about.is_empty()).map(|about| about.join(" "));
                about.map_or_else(|| format!("* {text}"), |about| format!("* {about}: {text}"))
            }
        };
        self.tell(out, &line);
    }

    /// The person is in the lobby: is greeted, and what waited is said.
    fn come_in(&mut self, out: &mut Out<'_>) {
        let first_time = self.state != State::In;
        self.state = State::In;
        // The names that the hub tells unasked.
        self.names.expected.push_back(self.style == Style::Stream);
        let greeting = format!("* you are {} in {}; /help tells more", self.nick, self.lobby);
        // In the style of datagrams it goes with the answer to the first line, if there is one.
        if self.style == Style::Stream || self.waiting.is_empty() || !first_time {
            self.tell(out, &greeting);
        } else {
            self.greeting = Some(greeting);
        }
        while self.state == State::In
            && let Some(line) = self.waiting.pop_front()
        {
            self.obey(&line, out);
        }
        if let Some(reason) = self.leaving.take()
            && self.state != State::Over
        {
            self.quit(&reason, out.hub);
        }
    }

    /// The hub does not let the person into the lobby.
    fn stay_out(&mut self, numeric: &Numeric, text: &str, out: &mut Out<'_>) {
        self.state = State::Out;
        let lobby = &self.lobby;
        let why = match *numeric {
            numeric::ERR_CHANNELISFULL => format!("{lobby} is full"),
            numeric::ERR_INVITEONLYCHAN => format!("{lobby} is for who is invited"),
            numeric::ERR_BANNEDFROMCHAN => format!("you are banned from {lobby}"),
            numeric::ERR_BADCHANNELKEY => format!("{lobby} is locked with a key"),
            numeric::ERR_NEEDREGGEDNICK => format!("{lobby} is for who has an account"),
            _ => format!("no way into {lobby}: {text}"),
        };
        let unsaid = match std::mem::take(&mut self.waiting).len() {
            0 => "",
            _ => ", and nothing was said",
        };
        self.tell(out, &format!("* {why}{unsaid}; write again to try again"));
        if let Some(reason) = self.leaving.take() {
            self.quit(&reason, out.hub);
        }
    }

    /// The guest's name is taken: the next one, `guest-46734-2`, ….
    fn try_another_name(&mut self, out: &mut Out<'_>) {
        self.names_tried += 1;
        if self.names_tried > MAX_NAMES {
            self.tell(out, "* no name is free for you; come back later");
            return self.quit("", out.hub);
        }
        self.nick = format!("{}-{}", self.guest_name, self.names_tried);
        Line::bare(out.hub, "NICK").text(&self.nick).end();
    }

    fn hear_batch(&mut self, message: &Message<'_>, out: &mut Out<'_>) {
        let reference = param(message, 0);
        if let Some(opened) = reference.strip_prefix('+')
            && param(message, 1) == "chathistory"
        {
            self.past = Some(Past { reference: opened.to_owned(), shown: false });
        } else if let Some(closed) = reference.strip_prefix('-')
            && self.past.as_ref().is_some_and(|past| past.reference == closed)
            && let Some(Past { shown: true, .. }) = self.past.take()
        {
            self.tell(out, "* that was before; now:");
        }
    }

    fn is_past(&self, message: &Message<'_>) -> bool {
        let batch = message.tag("batch");
        self.past.as_ref().is_some_and(|past| batch.is_some_and(|batch| batch == past.reference))
    }

    /// A line that was said before, with its time.
    fn tell_past(&mut self, message: &Message<'_>, line: &str, out: &mut Out<'_>) {
        if let Some(past) = &mut self.past
            && !std::mem::replace(&mut past.shown, true)
        {
            self.tell(out, "* said before you came, by the clock of UTC:");
        }
        let moment = message.tag("time").and_then(|time| stamp::parse(&time));
        // To the minute.
        let minute = moment.map(stamp::date_text).and_then(|date| Some(date.get(..16)?.to_owned()));
        match minute {
            Some(minute) => self.tell(out, &format!("{minute} {line}")),
            None => self.tell(out, line),
        }
    }
}

impl Names {
    #[cfg(test)]
    pub(super) fn is_bounded(&self) -> bool {
        self.expected.len() <= MAX_EXPECTED + 1 && self.list.len() <= MAX_NAMES_SHOWN + 1_000
    }

    /// Some names of the first reply.
    fn gather(&mut self, names: &str) {
        if self.expected.front() != Some(&true) {
            return;
        }
        for name in names.split(' ').filter(|name| !name.is_empty()) {
            // A channel operator's name and the like stands after a sign.
            let name = name.trim_start_matches(['~', '&', '@', '%', '+']);
            if self.list.len() + name.len() > MAX_NAMES_SHOWN {
                self.more += 1;
            } else {
                self.list.push_str(if self.list.is_empty() { "" } else { ", " });
                self.list.push_str(name);
            }
        }
    }

    /// The first reply is whole: the line for the person, if that is wanted.
    fn finish(&mut self) -> Option<String> {
        let wanted = self.expected.pop_front()?;
        let (list, more) = (std::mem::take(&mut self.list), std::mem::take(&mut self.more));
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        wanted.then(|| format!("* here: {list}{more}"))
    }
}

/// Parameter `index`, or nothing.
fn param<'a>(message: &Message<'a>, index: usize) -> &'a str {
    message.params.get(index).copied().unwrap_or_default()
}

/// The last parameter, or nothing.
fn text<'a>(message: &Message<'a>) -> &'a str {
    message.params.last().copied().unwrap_or_default()
}

/// The nickname of who sent it, if no server did.
fn nick<'a>(message: &Message<'a>) -> Option<&'a str> {
    message.source?.split_once('!').map(|(nick, _)| nick)
}
