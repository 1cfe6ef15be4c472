//! CTCP: requests wrapped in `\x01`. `/me` is one of them, and speech; of the others VERSION is answered.
//!
//! Answers go to whoever asks, in a NOTICE, so they are rationed: somebody who asks without end would otherwise make us
//! flood the server until it throws us out.

use std::time::Duration;

use crate::contract::Now;
use crate::heard::Heard;
use crate::session::Session;

/// How long after an answer further requests get none.
const REST: Duration = Duration::from_secs(10);

/// What we say we are.
const VERSION: &str = concat!("callbox ", env!("CARGO_PKG_VERSION"));

impl Session {
    /// Takes a CTCP request or answer that is no `/me`. Says whether it was one. Those of history are nobody's any more.
    pub(crate) fn handle_ctcp(&mut self, heard: &Heard<'_>, now: Now) -> bool {
        if !matches!(heard.command(), "PRIVMSG" | "NOTICE") || heard.batch.is_some() {
            return false;
        }
        let Some(body) = heard.param(1).strip_prefix('\u{1}') else { return false };
        let body = body.strip_suffix('\u{1}').unwrap_or(body);
        let (word, rest) = body.split_once(' ').unwrap_or((body, ""));
        if word == "ACTION" {
            return false;
        }
        if heard.command() == "NOTICE" {
            if !self.is_me(heard.nick) {
                let room = self.asked_room(now);
                self.info(room, format!("{} answers {word}: {rest}", heard.nick), now);
            }
        } else if word == "VERSION"
            && self.is_me(heard.param(0))
            && !self.is_me(heard.nick)
            && self.ctcp_rests.is_none_or(|end| end <= now.monotonic)
        {
            self.ctcp_rests = Some(now.monotonic + REST);
            let nick = heard.nick;
            self.send("NOTICE", |line| {
                line.param(nick).text(&format!("\u{1}VERSION {VERSION}\u{1}"))
            });
        }
        true
    }
}
