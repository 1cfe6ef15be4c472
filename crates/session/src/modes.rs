//! MODE: who may do what in a room, and the modes of rooms and of ourselves.

use crate::contract::Now;
use crate::heard::Heard;
use crate::line::What;
use crate::session::Session;

impl Session {
    /// MODE.
    pub(crate) fn handle_mode(&mut self, heard: &Heard<'_>, now: Now) {
        let Some((target, changes)) = heard.message.params.split_first() else { return };
        if !self.network.is_room(target) {
            let room = self.server_room();
            self.push_event(room, heard, What::Mode(changes.join(" ").into()), now);
            return;
        }
        let Some(room) = self.our_room(target) else { return };
        for (sign, nick, adding) in self.prefix_changes(changes) {
            self.set_prefix(room, nick, sign, adding);
        }
        self.push_event(room, heard, What::Mode(changes.join(" ").into()), now);
    }

    /// The changes of prefixes among changes of modes: `+ov-b alice bob *!*@*`. Which letters have a parameter is the
    /// server's to say (CHANMODES).
    fn prefix_changes<'p>(&self, changes: &[&'p str]) -> Vec<(char, &'p str, bool)> {
        let mut kinds = self.network.chanmodes.split(',');
        let mut kind = || kinds.next().unwrap_or_default();
        let (lists, always, when_set) = (kind(), kind(), kind());
        let (letters, arguments) = changes.split_first().unwrap_or((&"", &[]));
        let mut arguments = arguments.iter();
        let mut adding = true;
        let mut found = Vec::new();
        for letter in letters.chars() {
            let prefix = self.network.prefixes.iter().find(|(mode, _)| *mode == letter);
            match letter {
                '+' => adding = true,
                '-' => adding = false,
                _ if prefix.is_some() => {
                    if let (Some((_, sign)), Some(nick)) = (prefix, arguments.next()) {
                        found.push((*sign, *nick, adding));
                    }
                }
                _ if lists.contains(letter)
                    || always.contains(letter)
                    || (adding && when_set.contains(letter)) =>
                {
                    arguments.next();
                }
                _ => {}
            }
        }
        found
    }
}
