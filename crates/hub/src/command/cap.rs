//! CAP: which capabilities a client wants (IRCv3 capability negotiation, version 302).

use callbox_irc::build::text_room;
use callbox_irc::capability::{self, CapSet};
use callbox_irc::message::Message;
use callbox_irc::numeric::ERR_INVALIDCAPCMD;

use crate::refusal::{Outcome, Refusal, clip};
use crate::turn::Turn;

/// The version of negotiation from which on values are shown and changes are announced.
const VALUES: u16 = 302;

/// The version of who names none.
const BEFORE_VALUES: u16 = 301;

/// The version that a client names. One that is greater than any there will be is still greater than 302.
fn number(version: &str) -> u16 {
    let digits = !version.is_empty() && version.bytes().all(|byte| byte.is_ascii_digit());
    if digits { version.parse().unwrap_or(u16::MAX) } else { BEFORE_VALUES }
}

/// CAP.
pub(crate) fn cap(turn: &mut Turn<'_>, message: &Message<'_>) -> Outcome {
    let subcommand = message.params[0].to_ascii_uppercase();
    match subcommand.as_str() {
        "LS" => {
            let version = message.params.get(1).map_or(BEFORE_VALUES, |version| number(version));
            let me = turn.me_mut();
            // A lower version later does not take back what a higher one gave.
            me.negotiation.version = me.negotiation.version.max(version);
            if version >= VALUES {
                me.caps.insert(CapSet::CAP_NOTIFY);
            }
            me.negotiation.open |= !me.registered;
            let offered = turn.offered(version);
            turn.list("LS", &offered, version);
        }
        "LIST" => {
            let caps = turn.me().caps;
            let names: Vec<String> = capability::ALL
                .iter()
                .filter(|c| caps.contains(c.bit))
                .map(|c| c.name.to_owned())
                .collect();
            let version = turn.me().negotiation.version;
            turn.list("LIST", &names, version);
        }
        "REQ" => {
            let me = turn.me_mut();
            me.negotiation.open |= !me.registered;
            turn.request(message.params.get(1).copied().unwrap_or_default());
        }
        "END" => {
            turn.me_mut().negotiation.open = false;
            turn.try_register();
        }
        _ => return Err(Refusal::numeric(ERR_INVALIDCAPCMD, &[clip(message.params[0])])),
    }
    Ok(())
}

impl Turn<'_> {
    /// The capabilities as a client of `version` may see them, from 302 on with their values.
    pub(crate) fn offered(&self, version: u16) -> Vec<String> {
        let values = version >= VALUES;
        let offered = capability::ALL.iter().filter(|cap| self.hub.offers(cap.bit));
        // A client of the version before knows no drafts, and all names together do not fit into the one line that it
        // reads. `sts` without its value says nothing (IRCv3 sts).
        let offered = offered
            .filter(|cap| values || !(cap.name.starts_with("draft/") || cap.bit == CapSet::STS));
        offered
            .map(|cap| match self.hub.cap_value(cap.bit) {
                Some(value) if values => format!("{}={value}", cap.name),
                _ => cap.name.to_owned(),
            })
            .collect()
    }

    /// CAP LS or LIST: as many lines as are needed, `*` in all but the last, for a client of `version`.
    fn list(&mut self, subcommand: &str, names: &[String], version: u16) {
        let several = version >= VALUES;
        // With `* ` in front of the text, whether it is needed or not.
        let server = &self.hub.config.server_name;
        let room = text_room(server, "CAP", &[self.me().name(), subcommand, "*"]);
        let words = names.iter().map(String::as_str);
        let mut lines = lines(words, room);
        if !several {
            // One line is all that such a client reads.
            lines.truncate(1);
        }
        let count = lines.len();
        for (index, line) in lines.into_iter().enumerate() {
            let more = index + 1 < count;
            let nick = self.me().name().to_owned();
            self.reply("CAP", |out| {
                let out = out.param(&nick).param(subcommand);
                if more { out.param("*").text(&line) } else { out.text(&line) }
            });
        }
    }

    /// CAP REQ: all of what is asked for, or nothing.
    fn request(&mut self, asked: &str) {
        let mut caps = self.me().caps;
        let mut possible = true;
        for word in asked.split_ascii_whitespace() {
            let (name, wanted) = word.strip_prefix('-').map_or((word, true), |name| (name, false));
            match capability::find(name) {
                // Nobody has `sts`: it is a notice (IRCv3 sts).
                Some(cap) if self.hub.offers(cap.bit) && cap.bit != CapSet::STS => {
                    if wanted {
                        caps.insert(cap.bit);
                    } else if cap.bit == CapSet::CAP_NOTIFY
                        && self.me().negotiation.version >= VALUES
                    {
                        // Implied by version 302, where it cannot be given up.
                        possible = false;
                    } else {
                        caps.remove(cap.bit);
                    }
                }
                _ => possible = false,
            }
        }
        let before = self.me().caps;
        if possible {
            self.me_mut().caps = caps;
        }
        let nick = self.me().name().to_owned();
        let verb = if possible { "ACK" } else { "NAK" };
        let room = text_room(&self.hub.config.server_name, "CAP", &[&nick, verb]);
        // What was asked for just fits into a line; with our name before it, it may not.
        let answers = if asked.len() <= room {
            vec![asked.to_owned()]
        } else {
            lines(asked.split_ascii_whitespace(), room)
        };
        for answer in answers {
            self.reply("CAP", |line| line.param(&nick).param(verb).text(&answer));
        }
        if possible {
            self.metadata_negotiated(before);
        }
    }

    /// Who gives metadata up, or what it needs, watches nothing any more. Who takes it up later than at the start is told
    /// what is known of them.
    fn metadata_negotiated(&mut self, before: CapSet) {
        let needed = CapSet::METADATA.union(CapSet::BATCH);
        let caps = self.me().caps;
        if before.contains(needed) && !caps.contains(needed) {
            self.me_mut().metadata_subs.clear();
        }
        if self.me().registered && caps.contains(needed) && !before.contains(needed) {
            self.send_my_metadata();
        }
    }
}

/// `words` in as few lines of at most `room` bytes as it takes; there is at least one.
fn lines<'w>(words: impl Iterator<Item = &'w str>, room: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in words {
        match lines.last_mut() {
            Some(line) if line.is_empty() => line.push_str(word),
            Some(line) if line.len() + 1 + word.len() <= room => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

impl crate::hub::Hub {
    /// Whether `cap` is offered.
    pub(crate) const fn offers(&self, cap: CapSet) -> bool {
        match cap {
            CapSet::STS => self.config.sts.is_some(),
            CapSet::ACCOUNT_REGISTRATION => self.config.accounts.registration,
            CapSet::CHATHISTORY | CapSet::EVENT_PLAYBACK => self.config.history.enabled,
            _ => true,
        }
    }

    /// The value of `cap`, if it has one.
    pub(crate) fn cap_value(&self, cap: CapSet) -> Option<String> {
        let limits = &self.config.limits;
        match cap {
            CapSet::SASL => Some(super::sasl::MECHANISMS.into()),
            CapSet::STS => self
                .config
                .sts
                .map(|sts| format!("port={},duration={}", sts.port, sts.duration.as_secs())),
            CapSet::MULTILINE => Some(format!(
                "max-bytes={},max-lines={}",
                limits.multiline_bytes, limits.multiline_lines
            )),
            CapSet::ACCOUNT_REGISTRATION => Some("before-connect,custom-account-name".into()),
            CapSet::METADATA => Some(format!(
                "before-connect,max-subs={},max-keys={},max-value-bytes={}",
                limits.metadata_subs, limits.metadata_keys, limits.metadata_value
            )),
            _ => None,
        }
    }
}
