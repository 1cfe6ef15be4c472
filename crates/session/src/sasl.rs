//! Logging in (SASL, IRCv3 sasl-3.2): PLAIN with a password, EXTERNAL with the connection's certificate.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use callbox_irc::capability::CapSet;

use crate::config::Login;
use crate::contract::Now;
use crate::heard::Heard;
use crate::registration::Stage;
use crate::session::Session;

/// A login under way.
#[derive(Debug)]
pub(crate) struct Sasl {
    login: Login,
    /// Whether the person asked for it just now, as opposed to the settings.
    is_wish: bool,
}

/// How many bytes of base64 a line carries. A shorter line is the last one.
const CHUNK: usize = 400;

impl Session {
    /// Logs in as the settings say, if the server lets us and it was not begun on this connection.
    pub(crate) fn begin_login(&mut self, now: Now) {
        if std::mem::replace(&mut self.registration.login_begun, true) {
            return;
        }
        let Some(login) = self.config.login.clone() else { return };
        if let Err(reason) = self.log_in(login, false) {
            let room = self.server_room();
            self.error(room, format!("Not logged in: {reason}"), now);
        }
    }

    /// Logs in. What came before is forgotten: a server takes one login at a time.
    pub(crate) fn log_in(&mut self, login: Login, is_wish: bool) -> Result<(), String> {
        if !self.network.caps.contains(CapSet::SASL) {
            return Err("this server knows no login (SASL)".to_owned());
        }
        let mechanism = if login.password.is_some() { "PLAIN" } else { "EXTERNAL" };
        let offered = &self.registration.mechanisms;
        if !offered.is_empty() && !offered.split(',').any(|m| m.eq_ignore_ascii_case(mechanism)) {
            return Err(format!("this server has no login of the kind {mechanism}"));
        }
        if login.password.is_some() && !self.connection.is_secure {
            return Err(
                "the connection is not encrypted, and others could read the password".into()
            );
        }
        self.sasl = Some(Sasl { login, is_wish });
        self.send("AUTHENTICATE", |line| line.param(mechanism));
        Ok(())
    }

    /// AUTHENTICATE: the server wants what proves the account.
    pub(crate) fn handle_authenticate(&mut self, heard: &Heard<'_>) {
        let Some(Sasl { login, .. }) = &self.sasl else { return };
        if heard.param(0) != "+" {
            // Neither mechanism has a challenge.
            self.send("AUTHENTICATE", |line| line.param("*"));
            return;
        }
        let proof = match &login.password {
            Some(password) => format!("{0}\0{0}\0{1}", login.account, password.0),
            None => login.account.clone(),
        };
        let text = STANDARD.encode(proof);
        let mut rest = text.as_str();
        loop {
            let (chunk, after) = rest.split_at(rest.len().min(CHUNK));
            let shown = if chunk.is_empty() { "+" } else { chunk };
            self.send("AUTHENTICATE", |line| line.param(shown));
            if chunk.len() < CHUNK {
                return;
            }
            rest = after;
        }
    }

    /// 900 to 908: how it went.
    pub(crate) fn handle_login_numeric(&mut self, code: u16, heard: &Heard<'_>, now: Now) {
        let room = self.asked_room(now);
        match code {
            900 => {
                self.account = Some(heard.param(2).into());
                self.note_account(&self.nick.clone(), Some(heard.param(2)));
                self.info(room, heard.last(), now);
                self.event(crate::contract::Event::Nick);
            }
            901 => {
                self.account = None;
                self.note_account(&self.nick.clone(), None);
                self.info(room, heard.last(), now);
                self.event(crate::contract::Event::Nick);
            }
            903 => {
                if let Some(sasl) = self.sasl.take() {
                    // The next connection logs in by itself.
                    self.config.login = Some(sasl.login);
                    self.was_logged_in = true;
                }
                self.end_negotiation();
            }
            908 => {
                heard.param(1).clone_into(&mut self.registration.mechanisms);
            }
            _ => {
                let Some(sasl) = self.sasl.take() else { return };
                // 907: we are logged in already, which is what was wanted.
                if code != 907 {
                    self.error(room, format!("Not logged in: {}", heard.last()), now);
                }
                let is_first = self.registration.stage == Stage::Introducing && !self.was_logged_in;
                if is_first && !sasl.is_wish && matches!(code, 902 | 904) {
                    self.refused(heard.last());
                    return;
                }
                self.end_negotiation();
            }
        }
    }
}
