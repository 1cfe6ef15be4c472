//! REGISTER and VERIFY: new accounts (draft/account-registration).

use std::borrow::Cow;

use callbox_irc::message::Message;
use callbox_irc::names::Account;
use callbox_irc::numeric as n;

use crate::contract::{Job, RegisterError, Secret};
use crate::pending::Then;
use crate::refusal::{Outcome, Refusal, clip};
use crate::turn::Turn;
use crate::welcome::Check;

/// Bytes of an address for mail: 64 before the `@` and 255 after it (RFC 5321 section 4.5.3.1).
const EMAIL_MAX: usize = 320;

/// Why a name is not to be had.
const TAKEN: &str = "There is an account with this name, or one that looks like it";

/// REGISTER.
pub(crate) fn register(turn: &mut Turn<'_>, message: &Message<'_>) -> Outcome {
    let [asked, email, password] = [message.params[0], message.params[1], message.params[2]];
    let fail =
        |code, text: &'static str| Err(Refusal::fail("REGISTER", code, &[clip(asked)], text));
    if !turn.hub.config.accounts.registration {
        return fail("TEMPORARILY_UNAVAILABLE", "Accounts are made by the administrator here");
    }
    if let Some(account) = &turn.me().account {
        let account = account.as_str().to_owned();
        let text = "You are logged in already";
        return Err(Refusal::fail("REGISTER", "ALREADY_AUTHENTICATED", &[&account], text));
    }
    let Some(nick) = &turn.me().nick else {
        // Whoever has none is told nothing of which accounts there are.
        let text = "Choose a nickname first";
        return Err(Refusal::fail("REGISTER", "NEED_NICK", &["*"], text));
    };
    let name = if asked == "*" { nick.as_str() } else { asked }.to_owned();
    let Ok(account) = Account::parse(&name, turn.hub.config.limits.nick) else {
        return fail("BAD_ACCOUNT_NAME", "This cannot be the name of an account");
    };
    let hub = &turn.hub;
    if hub.accounts.contains_key(account.key()) || hub.account_looks.is_taken(account.key(), None) {
        return fail("ACCOUNT_EXISTS", TAKEN);
    }
    // An account's name is kept for it as a nickname, so nobody may register under the feet of who has it now.
    if hub.clients.user(account.key()).is_some_and(|holder| holder != turn.me) {
        return fail("BAD_ACCOUNT_NAME", "Somebody else has this nickname now");
    }
    if email != "*" && (email.len() > EMAIL_MAX || !email.contains('@')) {
        return fail("INVALID_EMAIL", "This is no address for mail; * stands for none");
    }
    let job = Job::Register {
        account: account.as_str().into(),
        key: account.key().as_str().into(),
        email: (email != "*").then(|| email.into()),
        password: Secret(password.into()),
        address: turn.me().peer.address,
    };
    let then = Then::Register(account.as_str().into());
    match turn.password_to_check() {
        None => turn.start(job, then),
        // Accounts are for who may come in. The password stays with the connection, which needs it for that as well.
        Some(Check { hash, password: Some(password), address }) => {
            let after = Box::new((job, then));
            turn.start(Job::CheckPassword { hash, password, address }, Then::Admitted(after));
        }
        Some(_) => {
            let text = "This server asks for a password";
            return Err(Refusal::told(n::ERR_PASSWDMISMATCH, &[], text));
        }
    }
    Ok(())
}

/// VERIFY. Accounts are complete when they are made, so there is never a code that is right.
pub(crate) fn verify(turn: &mut Turn<'_>, message: &Message<'_>) -> Outcome {
    let account = clip(message.params[0]);
    if turn.me().account.is_some() {
        let text = "You are logged in already";
        return Err(Refusal::fail("VERIFY", "ALREADY_AUTHENTICATED", &[account], text));
    }
    let text = "No registration waits for this code";
    Err(Refusal::fail("VERIFY", "INVALID_CODE", &[account], text))
}

impl Turn<'_> {
    /// The server's password was checked before `after` is done.
    pub(crate) fn admitted(&mut self, right: bool, (job, then): (Job, Then)) {
        if right {
            self.me_mut().negotiation.password_checked = true;
            self.start(job, then);
        } else {
            self.password_checked(false);
        }
    }

    /// The account was made, or not.
    pub(crate) fn registered(
        &mut self,
        asked: &str,
        result: Result<Box<str>, RegisterError>,
    ) -> Outcome {
        let (code, text): (_, Cow<'static, str>) = match result {
            Ok(account) => {
                self.reply("REGISTER", |line| {
                    line.param("SUCCESS").param(&account).text("The account is yours")
                });
                let before = self.me().modes;
                self.log_in(&account);
                self.tell_registered(before);
                return Ok(());
            }
            Err(RegisterError::Exists) => ("ACCOUNT_EXISTS", TAKEN.into()),
            Err(RegisterError::TooShort(least)) => {
                ("WEAK_PASSWORD", format!("A password has at least {least} characters").into())
            }
            Err(RegisterError::BadPassword) => {
                ("UNACCEPTABLE_PASSWORD", "The password is too long, or holds what none may".into())
            }
            Err(RegisterError::Slowed) => {
                ("TEMPORARILY_UNAVAILABLE", "Too many new accounts; try again later".into())
            }
        };
        Err(Refusal::fail("REGISTER", code, &[asked], text))
    }
}
