//! How a command goes on when its job is done.

use crate::contract::Answer;
use crate::pending::Then;
use crate::refusal::{Outcome, Refusal};
use crate::turn::Turn;

impl Turn<'_> {
    /// Goes on where [`Turn::start`] left off.
    pub(crate) fn go_on(&mut self, then: Then, answer: Answer) -> Outcome {
        match (then, answer) {
            (Then::Welcome, Answer::Password(right)) => {
                self.password_checked(right);
                Ok(())
            }
            (Then::Welcome, _) => {
                self.close("The password could not be checked; try again later");
                Ok(())
            }
            (Then::Admitted(after), Answer::Password(right)) => {
                self.admitted(right, *after);
                Ok(())
            }
            (Then::Sasl, Answer::Sasl(outcome)) => self.sasl(outcome),
            (Then::Sasl, _) => self.sasl(crate::contract::SaslOutcome::Failure),
            (Then::Register(asked), Answer::Registered(result)) => self.registered(&asked, result),
            (Then::Oper(name), Answer::Password(right)) => self.oper_checked(name, right),
            (Then::Rehash, Answer::Reloaded(result)) => self.reloaded(result),
            (Then::History { target, subcommand, query }, Answer::History(page)) => {
                self.show_history(target, subcommand, query, page)
            }
            (Then::Targets { limit, newest }, Answer::Targets(targets)) => {
                self.show_targets(targets, limit, newest);
                Ok(())
            }
            (Then::Replay(channel), Answer::History(page)) => {
                self.replay(&channel, page.unwrap_or_default());
                Ok(())
            }
            (Then::Rename(asked), Answer::History(page)) => {
                self.rename_unless_used(&asked, page.unwrap_or_default().last())
            }
            (Then::Redact(asked), Answer::Found(event)) => self.redact_found(&asked, event),
            (then, _) => Err(failed(&then)),
        }
    }
}

/// What is said where a job could not be done, for a reason that is the server's.
fn failed(then: &Then) -> Refusal {
    let text = "The server could not do this; try again later";
    match then {
        Then::Register(asked) => {
            Refusal::fail("REGISTER", "TEMPORARILY_UNAVAILABLE", &[asked], text)
        }
        Then::History { target, subcommand, .. } => {
            Refusal::fail("CHATHISTORY", "MESSAGE_ERROR", &[subcommand, target], text)
        }
        Then::Targets { .. } => Refusal::fail("CHATHISTORY", "MESSAGE_ERROR", &["TARGETS"], text),
        Then::Rename(asked) => asked.refuse(text),
        Then::Redact(asked) => {
            Refusal::fail("REDACT", "UNKNOWN_MSGID", &[&asked.target, &asked.msgid], text)
        }
        Then::Oper(_) | Then::Rehash => {
            Refusal::told(callbox_irc::numeric::ERR_UNKNOWNERROR, &["*"], text)
        }
        Then::Admitted(after) => failed(&after.1),
        Then::Welcome | Then::Sasl | Then::Replay(_) => Refusal::Silent,
    }
}
