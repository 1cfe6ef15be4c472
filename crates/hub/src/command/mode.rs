//! MODE, and the modes of users. Those of channels are in [`super::channel_mode`].

use callbox_irc::build::Line;
use callbox_irc::message::Message;
use callbox_irc::modes::{ModeString, SetBy, UserModes, parse_user_modes};
use callbox_irc::names::Channel as ChannelName;
use callbox_irc::numeric as n;

use crate::refusal::{Outcome, Refusal};
use crate::turn::Turn;

/// MODE.
pub(crate) fn mode(turn: &mut Turn<'_>, message: &Message<'_>) -> Outcome {
    let target = message.params[0];
    if ChannelName::is_meant(target) {
        let Some(channel) = turn.hub.channels.named(target) else {
            return Err(Refusal::no_such_channel(target));
        };
        return turn.channel_mode(channel, &message.params[1..]);
    }
    match turn.hub.clients.user_named(target) {
        None => return Err(Refusal::no_such_nick(target)),
        Some(user) if user != turn.me => {
            return Err(Refusal::numeric(n::ERR_USERSDONTMATCH, &[]));
        }
        Some(_) => {}
    }
    match message.params.get(1) {
        Some(letters) => turn.user_mode(letters),
        None => {
            let modes = turn.me().modes.to_string();
            turn.bare_numeric(n::RPL_UMODEIS, &[&modes]);
            Ok(())
        }
    }
}

impl Turn<'_> {
    /// Changes my modes. Those that only the server sets are passed over; an unknown one is told once, after the others
    /// were changed.
    fn user_mode(&mut self, letters: &str) -> Outcome {
        let before = self.me().modes;
        let mut after = before;
        let mut unknown = false;
        for change in parse_user_modes(letters) {
            match change {
                Ok((adding, row)) => match row.set_by {
                    SetBy::User => {
                        after.set(row.mode, adding);
                    }
                    SetBy::ServerUserClears if !adding => after.remove(row.mode),
                    SetBy::ServerUserClears | SetBy::Server => {}
                },
                Err(_) => unknown = true,
            }
        }
        let mut made = ModeString::new();
        for (adding, these, those) in [(true, after, before), (false, before, after)] {
            for letter in these.letters() {
                if !those.letters().any(|other| other == letter) {
                    made.push(adding, letter, None);
                }
            }
        }
        let me = self.me_mut();
        me.modes = after;
        if before.contains(UserModes::OPERATOR) && !after.contains(UserModes::OPERATOR) {
            me.operator = None;
        }
        if !made.is_empty() {
            let actor = self.actor();
            let mut body = Vec::new();
            Line::from_source(&mut body, &actor.prefix, "MODE")
                .param(self.me().name())
                .params(made.params())
                .end();
            self.send(&actor.unstamped_tags(), &body);
        }
        if unknown {
            return Err(Refusal::numeric(n::ERR_UMODEUNKNOWNFLAG, &[]));
        }
        Ok(())
    }
}
