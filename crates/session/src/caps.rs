//! Capabilities: what the server offers, and what of it we use (IRCv3 capability negotiation).

use callbox_irc::capability::{self, CapSet};

use crate::contract::{Event, Now};
use crate::heard::Heard;
use crate::registration::Stage;
use crate::session::Session;

/// What we use if it is offered.
const WANTED: CapSet = CapSet::ACCOUNT_NOTIFY
    .union(CapSet::ACCOUNT_REGISTRATION)
    .union(CapSet::ACCOUNT_TAG)
    .union(CapSet::AWAY_NOTIFY)
    .union(CapSet::BATCH)
    .union(CapSet::CAP_NOTIFY)
    .union(CapSet::CHANNEL_RENAME)
    .union(CapSet::CHATHISTORY)
    .union(CapSet::CHGHOST)
    .union(CapSet::ECHO_MESSAGE)
    .union(CapSet::EVENT_PLAYBACK)
    .union(CapSet::EXTENDED_JOIN)
    .union(CapSet::INVITE_NOTIFY)
    .union(CapSet::LABELED_RESPONSE)
    .union(CapSet::MESSAGE_REDACTION)
    .union(CapSet::MESSAGE_TAGS)
    .union(CapSet::MULTILINE)
    .union(CapSet::MULTI_PREFIX)
    .union(CapSet::READ_MARKER)
    .union(CapSet::SASL)
    .union(CapSet::SERVER_TIME)
    .union(CapSet::SETNAME)
    .union(CapSet::STANDARD_REPLIES)
    .union(CapSet::USERHOST_IN_NAMES);

/// How many bytes of names one CAP REQ may ask for: the answer repeats them behind a source and a name of any length.
const REQ_BYTES: usize = 300;

impl Session {
    /// CAP: what is offered, granted, refused, new or gone.
    pub(crate) fn handle_cap(&mut self, heard: &Heard<'_>, now: Now) {
        let list = heard.last();
        let is_last = heard.count() < 4 || heard.param(2) != "*";
        match heard.param(1).to_ascii_uppercase().as_str() {
            "LS" => {
                self.note_offers(list);
                if is_last && self.registration.negotiating {
                    self.request_caps();
                    self.go_on(now);
                }
            }
            "NEW" => {
                self.note_offers(list);
                self.request_caps();
            }
            "ACK" => {
                for name in list.split_ascii_whitespace() {
                    let (name, gone) = name.strip_prefix('-').map_or((name, false), |n| (n, true));
                    let Some(row) = capability::find(name) else { continue };
                    match gone {
                        true => self.network.caps.remove(row.bit),
                        false => self.network.caps.insert(row.bit),
                    }
                }
                self.caps_changed();
                if is_last {
                    self.cap_answered(now);
                }
            }
            "NAK" => {
                // One that is refused takes the others of its line with it.
                let names: Vec<&str> = list.split_ascii_whitespace().collect();
                if names.len() > 1 {
                    for name in names {
                        self.request(name);
                    }
                }
                self.cap_answered(now);
            }
            "DEL" => {
                for name in list.split_ascii_whitespace() {
                    if let Some(row) = capability::find(name) {
                        self.network.caps.remove(row.bit);
                        self.registration.offered.remove(row.bit);
                    }
                }
                self.caps_changed();
            }
            _ => {}
        }
    }

    fn note_offers(&mut self, list: &str) {
        for offer in list.split_ascii_whitespace() {
            let (name, value) = offer.split_once('=').unwrap_or((offer, ""));
            let Some(row) = capability::find(name) else { continue };
            self.registration.offered.insert(row.bit);
            if row.bit == CapSet::STS {
                self.network.sts = Some(value.to_owned());
            }
            let kept = match row.bit {
                CapSet::SASL => &mut self.registration.mechanisms,
                CapSet::ACCOUNT_REGISTRATION => &mut self.registration.accounts,
                CapSet::MULTILINE => &mut self.registration.multiline,
                _ => continue,
            };
            value.clone_into(kept);
        }
    }

    /// Asks for what we use and do not have.
    fn request_caps(&mut self) {
        let mut wanted = WANTED.intersection(self.registration.offered);
        // What does not work without something else is not asked for alone.
        loop {
            let lame = wanted.iter().find(|row| !wanted.contains(row.needs)).map(|row| row.bit);
            let Some(lame) = lame else { break };
            wanted.remove(lame);
        }
        let missing = wanted.difference(self.network.caps);
        let mut names = String::new();
        for row in missing.iter() {
            if !names.is_empty() && names.len() + row.name.len() >= REQ_BYTES {
                self.request(&std::mem::take(&mut names));
            }
            if !names.is_empty() {
                names.push(' ');
            }
            names.push_str(row.name);
        }
        if !names.is_empty() {
            self.request(&names);
        }
    }

    fn request(&mut self, names: &str) {
        self.registration.asked += 1;
        self.send("CAP", |line| line.param("REQ").text(names));
    }

    fn cap_answered(&mut self, now: Now) {
        self.registration.asked = self.registration.asked.saturating_sub(1);
        if self.registration.negotiating {
            self.go_on(now);
        }
    }

    /// Logs in, and ends the negotiation, once all that was asked for is answered.
    fn go_on(&mut self, now: Now) {
        if self.registration.asked == 0 {
            self.begin_login(now);
            self.end_negotiation();
        }
    }

    /// Ends the negotiation, if nothing of it is under way.
    pub(crate) fn end_negotiation(&mut self) {
        if self.registration.negotiating && self.registration.asked == 0 && self.sasl.is_none() {
            self.registration.negotiating = false;
            if self.registration.stage == Stage::Introducing {
                self.send("CAP", |line| line.param("END"));
            }
        }
    }

    /// What follows from the capabilities in use.
    fn caps_changed(&mut self) {
        let number = |key: &str| {
            let pairs = self.registration.multiline.split(',').filter_map(|p| p.split_once('='));
            pairs.filter(|(k, _)| *k == key).find_map(|(_, value)| value.parse().ok())
        };
        // While we introduce ourselves the last connection's value stands: what is typed meanwhile is split by it.
        let in_use = self.network.caps.contains(CapSet::MULTILINE.union(CapSet::BATCH));
        if in_use || self.is_registered() {
            self.network.multiline = number("max-bytes")
                .filter(|_| in_use)
                // A server that names no number of lines takes any.
                .map(|bytes| (bytes, number("max-lines").unwrap_or(usize::MAX)));
        }
        self.event(Event::Status);
    }
}
