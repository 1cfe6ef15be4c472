//! PRIVMSG, NOTICE and TAGMSG.

use callbox_irc::message::Message;
use callbox_irc::numeric as n;
use callbox_irc::tags;

use crate::refusal::{Outcome, Refusal};
use crate::say::{Piece, Utterance};
use crate::turn::Turn;

/// PRIVMSG.
pub(crate) fn privmsg(turn: &mut Turn<'_>, message: &Message<'_>) -> Outcome {
    turn.say_to_each("PRIVMSG", message)
}

/// NOTICE. Nothing answers it, not even an error: that is what keeps two programs from answering one another for ever.
pub(crate) fn notice(turn: &mut Turn<'_>, message: &Message<'_>) -> Outcome {
    turn.say_to_each("NOTICE", message).map_err(|_| Refusal::Silent)
}

/// TAGMSG.
pub(crate) fn tagmsg(turn: &mut Turn<'_>, message: &Message<'_>) -> Outcome {
    turn.say_to_each("TAGMSG", message)
}

/// The client-only tags of `message`, as they stand on the wire.
pub(crate) fn client_tags(message: &Message<'_>) -> String {
    if message.tags.is_empty() {
        return String::new();
    }
    tags::client_only(message.tags, |_| true).join(";")
}

impl Turn<'_> {
    fn say_to_each(&mut self, command: &'static str, message: &Message<'_>) -> Outcome {
        let targets = message.params.first().copied().unwrap_or_default();
        if targets.is_empty() {
            let text = format!("No recipient given ({command})");
            return Err(Refusal::told(n::ERR_NORECIPIENT, &[], text));
        }
        let text = message.params.get(1).copied().unwrap_or_default();
        let tags = client_tags(message);
        if command != "TAGMSG" && text.is_empty() {
            return Err(Refusal::numeric(n::ERR_NOTEXTTOSEND, &[]));
        }
        let line = [Piece { text, continues: false }];
        let lines: &[Piece<'_>] = if command == "TAGMSG" { &[] } else { &line };
        let what = Utterance { command, lines, tags: &tags };
        self.me_mut().active = self.now.monotonic;
        let most = self.hub.config.limits.targets;
        for (index, target) in targets.split(',').filter(|target| !target.is_empty()).enumerate() {
            let outcome = if index < most {
                self.say(target, &what)
            } else {
                Err(Refusal::numeric(n::ERR_TOOMANYTARGETS, &[target]))
            };
            if command != "NOTICE" {
                self.report(outcome);
            }
            if index >= most {
                break;
            }
        }
        Ok(())
    }
}
