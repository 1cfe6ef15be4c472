//! What the server says of itself in its welcome (numerics 002 to 005).

use callbox_irc::isupport::{self, Token, Value};

use crate::contract::Event;
use crate::heard::Heard;
use crate::network::{CaseMapping, Network};
use crate::session::Session;

/// The most bytes of a value that is kept. Real ones have some dozens.
const VALUE_MAX: usize = 400;

impl Session {
    /// 004: the server's name and version.
    pub(crate) fn handle_my_info(&mut self, heard: &Heard<'_>) {
        heard.param(1).clone_into(&mut self.network.server);
        heard.param(2).clone_into(&mut self.network.version);
    }

    /// 005: tokens, the last parameter being for people.
    pub(crate) fn handle_isupport(&mut self, heard: &Heard<'_>) {
        let tokens =
            heard.message.params.get(1..heard.count().saturating_sub(1)).unwrap_or_default();
        let before = self.network.casemapping;
        for token in isupport::parse(tokens.iter().copied()) {
            self.handle_token(&token);
        }
        if self.network.casemapping != before {
            self.refold();
        }
    }

    fn handle_token(&mut self, token: &Token) {
        let unset = Network::default();
        let value = match &token.value {
            Value::Text(text) if text.len() <= VALUE_MAX => Some(text.as_str()),
            Value::Text(_) | Value::Removed => None,
            Value::Flag => Some(""),
        };
        let network = &mut self.network;
        match token.name.as_str() {
            "NETWORK" => {
                if let Some(name) = value.filter(|name| !name.is_empty()) {
                    self.name_network(name);
                }
            }
            "CASEMAPPING" => {
                // What UTF8MAPPING says is more, whichever of the two comes first.
                if network.casemapping != CaseMapping::Unicode
                    || !self.registration.knows_casemapping
                {
                    network.casemapping = match value {
                        Some("ascii") => CaseMapping::Ascii,
                        Some("rfc8265" | "rfc7613" | "precis") => CaseMapping::Unicode,
                        _ => CaseMapping::Rfc1459,
                    };
                }
                self.registration.knows_casemapping = true;
            }
            "UTF8MAPPING" => {
                if matches!(value, Some("rfc8265" | "rfc7613")) {
                    network.casemapping = CaseMapping::Unicode;
                    self.registration.knows_casemapping = true;
                }
            }
            "CHANTYPES" => {
                network.chantypes = value.map_or(unset.chantypes, str::to_owned);
            }
            "PREFIX" => network.prefixes = value.map_or(unset.prefixes, prefixes),
            "CHANMODES" => network.chanmodes = value.map_or(unset.chanmodes, str::to_owned),
            "NICKLEN" => {
                network.nick_len =
                    value.and_then(|value| value.parse().ok()).unwrap_or(unset.nick_len);
            }
            "CHATHISTORY" => {
                // 0 is: as many as you like.
                let most = |value: &str| value.parse().ok().map(|n| if n == 0 { 1000 } else { n });
                network.history = value.and_then(most);
            }
            "CLIENTTAGDENY" => network.tag_deny = value.unwrap_or_default().to_owned(),
            "BOT" => network.bot_mode = value.and_then(|value| value.chars().next()),
            "LOBBY" => {
                network.lobby = value.filter(|name| !name.is_empty()).map(str::to_owned);
            }
            "WHOX" => network.has_whox = value.is_some(),
            _ => {}
        }
    }

    /// Takes the network's name, also for the server's room.
    pub(crate) fn name_network(&mut self, name: &str) {
        name.clone_into(&mut self.network.name);
        if let Some(room) = self.rooms.first_mut() {
            room.name = name.into();
            let id = room.id;
            self.event(Event::Room(id));
        }
    }
}

/// `(ov)@+` as pairs. What is no such thing gives no prefixes.
fn prefixes(value: &str) -> Vec<(char, char)> {
    let halves = value.strip_prefix('(').and_then(|rest| rest.split_once(')'));
    halves.map_or_else(Vec::new, |(modes, signs)| modes.chars().zip(signs.chars()).collect())
}
