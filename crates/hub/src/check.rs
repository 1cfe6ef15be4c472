//! What must hold of a hub between any two calls, for the tests and the fuzz targets.
//!
//! Much of what the hub knows it knows twice, so that both questions are quick: in which channels a user is, and who is in
//! a channel. Two copies can disagree, and a hub in which they do goes on working for a while. Here both are held against
//! each other, the plain and slow way.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};
use std::time::Duration;

use callbox_irc::fold::{Folded, LookAlikes, fold_text};
use callbox_irc::modes::{ChannelFlags, UserModes};
use callbox_irc::names::Nick;

use crate::channel::{Channel, ChannelId};
use crate::client::{Client, ClientId};
use crate::contract::ConnId;
use crate::hub::Hub;

impl Hub {
    /// Panics if the hub contradicts itself. To be called between calls, not after one that panicked.
    ///
    /// It looks at everybody and everything, so it is for tests alone: the feature `check` brings it in.
    pub fn check_invariants(&self) {
        self.clients.check();
        self.channels.check();
        for (id, client) in self.clients.iter() {
            self.check_client(id, client);
        }
        for (id, channel) in self.channels.iter() {
            self.check_channel(id, channel);
        }
        self.check_monitors();
        self.check_accounts();
        self.check_timers();
        assert!(self.whowas.len() <= self.config.limits.whowas.max(1), "WHOWAS has its cap");
        assert_eq!(self.isupport, crate::isupport::lines(&self.config));
    }

    fn check_client(&self, id: ClientId, client: &Client) {
        let name = client.name();
        if client.registered {
            assert!(client.nick.is_some() && !client.user.is_empty(), "{name} has its names");
            let prefix = format!("{name}!{}@{}", client.user, client.host);
            assert_eq!(*client.prefix, *prefix);
            let real = format!("{name}!{}@{}", client.user, client.peer.address);
            assert_eq!(client.masked, [&prefix, &real].map(|name| fold_text(name).into()));
        } else {
            assert!(
                client.channels.is_empty() && client.monitoring.is_empty(),
                "{name} is no user"
            );
        }
        let channels: HashSet<_> = client.channels.iter().copied().collect();
        assert_eq!(channels.len(), client.channels.len(), "{name} is in no channel twice");
        for channel in channels {
            let channel = self.channels.get(channel);
            assert!(channel.is_some_and(|c| c.members.contains(id)), "{name} is in its channels");
        }
        if let Some(account) = &client.account {
            assert!(self.accounts.contains_key(account.key()), "{name} has an account that is one");
        }
        let is_operator = client.modes.contains(UserModes::OPERATOR);
        assert_eq!(client.operator.is_some(), is_operator, "{name}, an operator or not");
        assert!(client.pending.iter().all(|pending| {
            pending.label.is_none() || client.has(callbox_irc::capability::CapSet::LABELED_RESPONSE)
        }));
    }

    fn check_channel(&self, id: ChannelId, channel: &Channel) {
        let name = &channel.name;
        assert!(
            !channel.members.is_empty() || channel.founder.is_some(),
            "{name} is empty and unclaimed"
        );
        let mut last = None;
        for (member, _) in channel.members.iter() {
            assert!(last < Some(member), "{name} has its members in order");
            last = Some(member);
            let client = self.clients.get(member).expect("a member exists");
            assert!(
                client.registered && client.channels.contains(&id),
                "{} is in {name}",
                client.name()
            );
        }
        let claimed = channel.flags.contains(ChannelFlags::CLAIMED);
        assert_eq!(channel.founder.is_some(), claimed, "{name}, claimed or not");
        assert!(
            channel.confidential || !channel.is_closed(),
            "{name} is closed and nobody noted it"
        );
        for list in callbox_irc::modes::ListMode::ALL {
            let list = channel.list(list);
            let masks: HashSet<_> = list.iter().map(|entry| &entry.folded).collect();
            assert_eq!(masks.len(), list.len(), "{name} has an entry twice");
        }
    }

    fn check_monitors(&self) {
        let mut pairs = 0;
        for (nick, watchers) in &self.monitors {
            assert!(!watchers.is_empty(), "{nick} is watched by nobody and yet listed");
            for watcher in watchers {
                let client = self.clients.get(*watcher).expect("a watcher exists");
                assert!(client.monitoring.contains_key(nick), "{} watches {nick}", client.name());
            }
            pairs += watchers.len();
        }
        let watched: usize = self.clients.iter().map(|(_, client)| client.monitoring.len()).sum();
        assert_eq!(pairs, watched, "who watches is listed, and once");
    }

    fn check_accounts(&self) {
        let mut looks = LookAlikes::new();
        for (key, name) in &self.accounts {
            assert_eq!(*key, Folded::new(name));
            looks.insert(key);
        }
        assert_eq!(self.account_looks, looks, "what accounts look like");
    }

    /// Each client has one timer, which is not too late for it.
    fn check_timers(&self) {
        let mut timers: HashMap<ConnId, Vec<Duration>> = HashMap::new();
        for Reverse((moment, conn)) in self.timers() {
            timers.entry(*conn).or_default().push(*moment);
        }
        for (id, client) in self.clients.iter() {
            let moments = timers.remove(&client.conn).unwrap_or_default();
            assert!(
                matches!(moments[..], [moment] if moment <= self.deadline(id)),
                "{} has its timer: {moments:?} before {:?}",
                client.name(),
                self.deadline(id)
            );
        }
        // Those of who is gone go when they are due.
        assert!(timers.values().all(|moments| moments.len() == 1), "a timer of somebody gone");
    }
}

impl crate::clients::Clients {
    fn check(&self) {
        let mut looks = LookAlikes::new();
        let (mut named, mut users, mut invisible, mut operators) = (0, 0, 0, 0);
        for (id, client) in self.iter() {
            assert_eq!(self.by_conn(client.conn), Some(id));
            if let Some(nick) = client.nick.as_ref().map(Nick::key) {
                assert_eq!(self.holder(nick), Some(id), "{nick} is found by its name");
                if client.registered {
                    looks.insert(nick);
                }
                named += 1;
            }
            if client.registered {
                users += 1;
                invisible += usize::from(client.modes.contains(UserModes::INVISIBLE));
                operators += usize::from(client.modes.contains(UserModes::OPERATOR));
            }
        }
        assert_eq!(self.index_sizes(), (self.len(), named), "nobody who is gone is found");
        assert_eq!(*self.looks(), looks, "what nicknames look like");
        assert_eq!(self.user_count(), users);
        assert_eq!(self.invisible_count(), invisible);
        assert_eq!(self.operator_count(), operators);
        assert!(self.most_users() >= users);
    }

    /// How many connections and nicknames are indexed.
    fn index_sizes(&self) -> (usize, usize) {
        let (by_conn, by_nick, _) = self.indexes();
        (by_conn.len(), by_nick.len())
    }

    fn looks(&self) -> &LookAlikes {
        self.indexes().2
    }
}

impl crate::channels::Channels {
    fn check(&self) {
        for (id, channel) in self.iter() {
            assert_eq!(self.find(channel.name.key()), Some(id), "{} is found", channel.name);
        }
        assert_eq!(self.names(), self.len(), "no channel that is gone is found");
    }
}
