//! Accounts: making one (draft/account-registration), and whose lines are not shown.

use callbox_irc::capability::CapSet;

use crate::config::{Login, Secret};
use crate::contract::Now;
use crate::heard::Heard;
use crate::room::RoomId;
use crate::session::{Refusal, Session};

/// The most names that are ignored.
const IGNORED_MAX: usize = 200;

impl Session {
    /// Makes an account of our name.
    pub(crate) fn register_account(&mut self, email: &str, password: &str) -> Result<(), Refusal> {
        if !self.network.caps.contains(CapSet::ACCOUNT_REGISTRATION) {
            return Err(Refusal::new("this server makes no accounts by itself; ask its NickServ"));
        }
        if !self.connection.is_secure {
            let text = "the connection is not encrypted, and others could read the password";
            return Err(Refusal::new(text));
        }
        let account = self.nick.to_string();
        let password = Secret(password.to_owned());
        self.registering = Some(Login { account, password: Some(password.clone()) });
        let email = if email.is_empty() { "*" } else { email };
        self.send("REGISTER", |line| line.param("*").param(email).text(&password.0));
        Ok(())
    }

    /// REGISTER or VERIFY: the account is made, or will be once it is verified.
    pub(crate) fn handle_registered(&mut self, heard: &Heard<'_>, now: Now) {
        let room = self.asked_room(now);
        let account = heard.param(1);
        if heard.param(0) == "SUCCESS" {
            // The next connection logs in by itself.
            if let Some(login) = self.registering.take() {
                self.config.login = Some(Login { account: account.to_owned(), ..login });
            }
            self.info(room, format!("The account {account} is made. {}", heard.last()), now);
        } else {
            let text = format!("{} Then type /verify {account} CODE.", heard.last());
            self.info(room, text, now);
        }
    }

    /// Whether what this person says is not shown.
    pub(crate) fn is_ignored(&self, nick: &str) -> bool {
        !self.ignored.is_empty()
            && self.ignored.iter().any(|name| self.network.casemapping.same(name, nick))
    }

    /// Whether a line is from somebody who is ignored. Lines of open batches are looked at one by one.
    pub(crate) fn is_unwanted(&self, heard: &Heard<'_>) -> bool {
        matches!(heard.command(), "PRIVMSG" | "NOTICE" | "TAGMSG" | "INVITE")
            && self.is_ignored(heard.nick)
            && !self.is_me(heard.nick)
    }

    /// Shows nothing more that this person says, until the session ends.
    pub(crate) fn ignore(&mut self, nick: &str) -> Result<(), Refusal> {
        if self.ignored.len() >= IGNORED_MAX {
            return Err(Refusal::new("too many people are ignored"));
        }
        if !self.is_ignored(nick) {
            self.ignored.push(nick.into());
        }
        Ok(())
    }

    /// Shows what this person says again. Says whether they were ignored.
    pub(crate) fn unignore(&mut self, nick: &str) -> bool {
        let mapping = self.network.casemapping;
        let before = self.ignored.len();
        self.ignored.retain(|name| !mapping.same(name, nick));
        self.ignored.len() < before
    }

    /// Who is ignored, in words.
    pub(crate) fn tell_ignored(&mut self, room: RoomId, now: Now) {
        let text = match self.ignored.join(", ") {
            none if none.is_empty() => "Nobody is ignored".to_owned(),
            names => format!("Ignored: {names}"),
        };
        self.info(room, text, now);
    }
}
