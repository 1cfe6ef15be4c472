//! How a connection becomes a user: registration and the welcome.

use std::net::IpAddr;

use callbox_irc::modes::UserModes;
use callbox_irc::numeric as n;
use callbox_irc::stamp;

use crate::contract::{Door, Job, Secret};
use crate::pending::Then;
use crate::refusal::Refusal;
use crate::turn::Turn;

/// What this program calls itself.
pub(crate) const VERSION: &str = concat!("callbox-", env!("CARGO_PKG_VERSION"));

/// The server's password, to be checked.
pub(crate) struct Check {
    pub(crate) hash: Box<str>,
    /// What was said to PASS.
    pub(crate) password: Option<Secret>,
    pub(crate) address: IpAddr,
}

impl Turn<'_> {
    /// Goes on with registration, if everything for it was said.
    pub(crate) fn try_register(&mut self) {
        let me = self.me();
        if me.registered
            || me.negotiation.open
            || me.nick.is_none()
            || me.user.is_empty()
            || !me.pending.is_empty()
        {
            return;
        }
        // While a client negotiates it may hold a name that it has yet to log in for.
        if let Some(nick) = self.me().nick.clone()
            && let Err(refusal) = self.may_have(&nick)
        {
            let me = self.me;
            self.hub.clients.unname(me);
            self.refuse(&refusal);
            return;
        }
        if let Some(Check { hash, password, address }) = self.password_to_check() {
            let Some(password) = password else {
                self.numeric(n::ERR_PASSWDMISMATCH, &[], "This server asks for a password");
                self.close("No password given");
                return;
            };
            self.start(Job::CheckPassword { hash, password, address }, Then::Welcome);
            return;
        }
        if self.give_up() {
            self.refuse(&Refusal::numeric(n::ERR_SASLABORTED, &[]));
        }
        if self.hub.config.accounts.required
            && self.me().account.is_none()
            && self.me().peer.door != Door::Terminal
        {
            self.standard_reply(
                "FAIL",
                "*",
                "ACCOUNT_REQUIRED",
                &[],
                "Only people with an account may come in; log in with SASL",
            );
            self.close("An account is needed");
            return;
        }
        self.welcome();
    }

    /// What has to be checked before I may come in, or make an account: the server's password, if there is one and I
    /// have not shown that I know it.
    pub(crate) fn password_to_check(&self) -> Option<Check> {
        let me = self.me();
        let known = me.registered || me.negotiation.password_checked;
        let hash = self.hub.config.password.clone();
        hash.filter(|_| !known && me.peer.door != Door::Terminal).map(|hash| Check {
            hash,
            password: me.negotiation.password.clone(),
            address: me.peer.address,
        })
    }

    /// The server's password was checked.
    pub(crate) fn password_checked(&mut self, right: bool) {
        if right {
            self.me_mut().negotiation.password_checked = true;
            self.try_register();
        } else {
            self.numeric(n::ERR_PASSWDMISMATCH, &[], n::ERR_PASSWDMISMATCH.text);
            self.close("Wrong password");
        }
    }

    /// The welcome: from now on I am a user.
    fn welcome(&mut self) {
        let me = self.me;
        self.hub.clients.set_registered(me);
        let now = self.now;
        let client = self.me_mut();
        client.active = now.monotonic;
        client.heard = now.monotonic;
        client.signon = now.wall;
        client.negotiation.password = None;
        if client.peer.secure {
            client.modes.insert(UserModes::SECURE);
        }
        if client.account.is_some() {
            client.modes.insert(UserModes::REGISTERED);
        }
        let nick = client.name().to_owned();
        let network = self.hub.config.network.clone();
        let server = self.hub.config.server_name.clone();
        // The nickname alone: clients have taken the host behind it for their address (modern specification, RPL_WELCOME).
        self.numeric(n::RPL_WELCOME, &[], &format!("Welcome to the {network} network, {nick}"));
        self.numeric(
            n::RPL_YOURHOST,
            &[],
            &format!("Your host is {server}, running version {VERSION}"),
        );
        let started = stamp::date_text(self.hub.started);
        self.numeric(n::RPL_CREATED, &[], &format!("This server was started {started}"));
        let (user, channel, with_parameter) = crate::isupport::mode_letters();
        self.bare_numeric(n::RPL_MYINFO, &[&server, VERSION, &user, &channel, &with_parameter]);
        self.isupport();
        self.lusers();
        let modes = self.me().modes.to_string();
        if modes.len() > 1 {
            self.bare_numeric(n::RPL_UMODEIS, &[&modes]);
        }
        self.send_my_metadata();
        self.motd();
        self.announce_online();
    }

    /// RPL_ISUPPORT.
    pub(crate) fn isupport(&mut self) {
        for index in 0..self.hub.isupport.len() {
            let tokens = self.hub.isupport[index].clone();
            self.numeric_line(n::RPL_ISUPPORT, |line| {
                line.params(tokens.split(' ')).text(callbox_irc::isupport::TEXT)
            });
        }
    }
}
