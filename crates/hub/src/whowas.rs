//! Who was here: what WHOWAS remembers.

use callbox_irc::fold::Folded;

use crate::client::Client;
use crate::contract::Millis;

/// A user that is gone, or a nickname that was given up.
#[derive(Clone, Debug)]
pub(crate) struct Whowas {
    pub(crate) key: Folded,
    pub(crate) nick: Box<str>,
    pub(crate) user: Box<str>,
    pub(crate) host: Box<str>,
    pub(crate) realname: Box<str>,
    pub(crate) account: Option<Box<str>>,
    pub(crate) left: Millis,
}

impl Whowas {
    /// What is remembered of `client`, which has a nickname.
    pub(crate) fn of(client: &Client, left: Millis) -> Option<Self> {
        let nick = client.nick.as_ref()?;
        Some(Self {
            key: nick.key().clone(),
            nick: nick.as_str().into(),
            user: client.user.clone(),
            host: client.host.clone(),
            realname: client.realname.clone(),
            account: client.account.as_ref().map(|account| account.as_str().into()),
            left,
        })
    }
}
