//! Each line from the server goes to whoever it concerns.

use std::time::Duration;

use crate::contract::Now;
use crate::heard::Heard;
use crate::registration::Stage;
use crate::room::RoomId;
use crate::session::Session;

/// The longest line that is looked at. Tags may have 8191 bytes and the rest 512; what is far longer is no IRC.
const LINE_MAX: usize = 32 << 10;

/// How long the answers to a command are shown in the room where it was typed.
const ASKED: Duration = Duration::from_secs(10);

/// Where a command was typed last, so that its answers are shown there.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked {
    pub(crate) room: RoomId,
    pub(crate) until: Duration,
}

impl Session {
    /// A line came.
    pub(crate) fn line_heard(&mut self, line: &[u8], now: Now) {
        if !self.connection.is_open {
            return;
        }
        if line.len() > LINE_MAX {
            self.handle_too_long(1, now);
            return;
        }
        self.connection_heard(now);
        let text = String::from_utf8_lossy(line);
        let Some(heard) = Heard::parse(&text, now) else { return };
        match heard.command() {
            "PING" => {
                let token = heard.last();
                self.send("PONG", |line| line.text(token));
            }
            "PONG" if self.is_alive(heard.last()) => {}
            "PONG" => self.flow_pong(heard.last(), now),
            _ => self.dispatch(&heard, now),
        }
    }

    fn dispatch(&mut self, heard: &Heard<'_>, now: Now) {
        if self.handle_split(heard, now) {
            return;
        }
        if is_flow(heard) {
            if self.is_unwanted(heard) || self.handle_ctcp(heard, now) {
                return;
            }
            if self.flow_heard(heard, now) {
                return;
            }
        }
        let numeric = heard.numeric();
        let is_refusal = matches!(numeric, Some(400..=599 | 696)) || heard.command() == "FAIL";
        if is_refusal && self.flow_refused(heard, now) {
            return;
        }
        match (heard.command(), numeric) {
            (_, Some(code)) => self.handle_numeric(code, heard, now),
            ("CAP", _) => self.handle_cap(heard, now),
            ("AUTHENTICATE", _) => self.handle_authenticate(heard),
            ("ERROR", _) => self.handle_error(heard),
            ("FAIL" | "WARN" | "NOTE", _) => self.handle_standard_reply(heard, now),
            ("JOIN", _) => self.handle_join(heard, now),
            ("PART", _) => self.handle_part(heard, now),
            ("QUIT", _) => self.handle_quit(heard, now),
            ("KICK", _) => self.handle_kick(heard, now),
            ("KILL", _) => self.handle_kill(heard, now),
            ("NICK", _) => self.handle_nick(heard, now),
            ("MODE", _) => self.handle_mode(heard, now),
            ("TOPIC", _) => self.handle_topic(heard, now),
            ("INVITE", _) => self.handle_invite(heard, now),
            ("RENAME", _) => self.handle_rename(heard, now),
            ("AWAY", _) => self.note_away(heard.nick, heard.message.params.first().copied()),
            ("ACCOUNT", _) => self.handle_account(heard),
            ("CHGHOST", _) => self.handle_chghost(heard),
            ("REGISTER" | "VERIFY", _) => self.handle_registered(heard, now),
            ("WALLOPS", _) => self.handle_wallops(heard, now),
            _ => {}
        }
    }

    /// ERROR: the server is about to close the connection, and says why.
    fn handle_error(&mut self, heard: &Heard<'_>) {
        // What came before (a ban, a wrong password) says more than the closing of a link.
        self.connection.reason.get_or_insert_with(|| heard.last().into());
    }

    /// Remembers that a command was typed in a room: what answers it is shown there.
    pub(crate) fn asks(&mut self, room: RoomId, now: Now) {
        self.asked = Some(Asked { room, until: now.monotonic + ASKED });
    }

    /// The room in which a command was typed just now, otherwise the server's.
    pub(crate) fn asked_room(&self, now: Now) -> RoomId {
        let asked = self.asked.filter(|asked| now.monotonic <= asked.until);
        let asked = asked.filter(|asked| self.room(asked.room).is_some());
        asked.map_or_else(|| self.server_room(), |asked| asked.room)
    }

    /// Whether we are registered.
    pub(crate) fn is_registered(&self) -> bool {
        matches!(self.registration.stage, Stage::Welcome | Stage::In)
    }
}

/// Whether a line is the matter of [`flow`](crate::flow).
fn is_flow(heard: &Heard<'_>) -> bool {
    heard.batch.is_some()
        || matches!(
            heard.command(),
            "PRIVMSG"
                | "NOTICE"
                | "TAGMSG"
                | "REDACT"
                | "MARKREAD"
                | "BATCH"
                | "ACK"
                | "CHATHISTORY"
        )
}
