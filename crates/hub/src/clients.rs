//! All clients, and how one is found.

use crate::HashMap;
use callbox_irc::fold::{Folded, LookAlikes};
use callbox_irc::modes::UserModes;
use slab::Slab;

use crate::client::{Client, ClientId};
use crate::contract::ConnId;

/// All clients.
#[derive(Debug, Default)]
pub(crate) struct Clients {
    all: Slab<Client>,
    by_conn: HashMap<ConnId, ClientId>,
    by_nick: HashMap<Folded, ClientId>,
    /// What the nicknames look like.
    looks: LookAlikes,
    /// How many are registered.
    users: usize,
    /// The most that were registered at a time.
    most: usize,
    /// How many of the users are invisible, and how many are operators: LUSERS asks at each welcome.
    invisible: usize,
    operators: usize,
}

impl Clients {
    pub(crate) fn insert(&mut self, client: Client) -> ClientId {
        let conn = client.conn;
        let id = ClientId(self.all.insert(client) as u32);
        self.by_conn.insert(conn, id);
        id
    }

    /// Forgets `id` and its names.
    pub(crate) fn remove(&mut self, id: ClientId) -> Option<Client> {
        let client = self.all.try_remove(id.0 as usize)?;
        self.by_conn.remove(&client.conn);
        self.users -= usize::from(client.registered);
        self.invisible -= usize::from(client.counted.contains(UserModes::INVISIBLE));
        self.operators -= usize::from(client.counted.contains(UserModes::OPERATOR));
        if let Some(nick) = &client.nick {
            self.by_nick.remove(nick.key());
            if client.registered {
                self.looks.remove(nick.key());
            }
        }
        Some(client)
    }

    pub(crate) fn get(&self, id: ClientId) -> Option<&Client> {
        self.all.get(id.0 as usize)
    }

    /// The client `id`, which exists: it came from a channel's members or an index of this type a moment ago.
    pub(crate) fn at(&self, id: ClientId) -> &Client {
        &self.all[id.0 as usize]
    }

    pub(crate) fn at_mut(&mut self, id: ClientId) -> &mut Client {
        &mut self.all[id.0 as usize]
    }

    pub(crate) fn by_conn(&self, conn: ConnId) -> Option<ClientId> {
        self.by_conn.get(&conn).copied()
    }

    /// The client that holds the nickname, registered or not.
    pub(crate) fn holder(&self, nick: &Folded) -> Option<ClientId> {
        self.by_nick.get(nick).copied()
    }

    /// The user with this nickname.
    pub(crate) fn user(&self, nick: &Folded) -> Option<ClientId> {
        self.holder(nick).filter(|id| self.at(*id).registered)
    }

    /// The user with this nickname as somebody typed it.
    pub(crate) fn user_named(&self, nick: &str) -> Option<ClientId> {
        self.user(&Folded::new(nick))
    }

    /// Whether the nickname passes for that of a user other than `id`.
    pub(crate) fn looks_taken(&self, nick: &Folded, id: ClientId) -> bool {
        let me = self.at(id);
        let own = me.nick.as_ref().filter(|_| me.registered);
        self.looks.is_taken(nick, own.map(callbox_irc::names::Nick::key))
    }

    /// Gives `id` the nickname, which is free.
    pub(crate) fn rename(&mut self, id: ClientId, nick: callbox_irc::names::Nick) {
        let client = &mut self.all[id.0 as usize];
        if let Some(old) = client.nick.take() {
            self.by_nick.remove(old.key());
            if client.registered {
                self.looks.remove(old.key());
            }
        }
        self.by_nick.insert(nick.key().clone(), id);
        if client.registered {
            self.looks.insert(nick.key());
        }
        client.nick = Some(nick);
        client.set_prefix();
    }

    /// Takes the nickname of `id`, which is no user yet.
    pub(crate) fn unname(&mut self, id: ClientId) {
        let client = &mut self.all[id.0 as usize];
        if let Some(old) = client.nick.take() {
            self.by_nick.remove(old.key());
            client.set_prefix();
        }
    }

    /// Counts `id` as a user from now on.
    pub(crate) fn set_registered(&mut self, id: ClientId) {
        let client = &mut self.all[id.0 as usize];
        if !client.registered {
            client.registered = true;
            if let Some(nick) = &client.nick {
                self.looks.insert(nick.key());
            }
            self.users += 1;
            self.most = self.most.max(self.users);
        }
    }

    /// Counts `id` as what it is by now. To be called after its modes changed; the hub does so after each turn.
    pub(crate) fn recount(&mut self, id: ClientId) {
        let Some(client) = self.all.get_mut(id.0 as usize) else {
            return;
        };
        let counted = if client.registered { client.modes } else { UserModes::EMPTY };
        if counted == client.counted {
            return;
        }
        let before = std::mem::replace(&mut client.counted, counted);
        for (mode, count) in [
            (UserModes::INVISIBLE, &mut self.invisible),
            (UserModes::OPERATOR, &mut self.operators),
        ] {
            *count -= usize::from(before.contains(mode));
            *count += usize::from(counted.contains(mode));
        }
    }

    /// The indexes, to be held against the clients.
    #[cfg(feature = "check")]
    pub(crate) const fn indexes(
        &self,
    ) -> (&HashMap<ConnId, ClientId>, &HashMap<Folded, ClientId>, &LookAlikes) {
        (&self.by_conn, &self.by_nick, &self.looks)
    }

    pub(crate) const fn invisible_count(&self) -> usize {
        self.invisible
    }

    pub(crate) const fn operator_count(&self) -> usize {
        self.operators
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (ClientId, &Client)> {
        self.all.iter().map(|(id, client)| (ClientId(id as u32), client))
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Client> {
        self.all.iter_mut().map(|(_, client)| client)
    }

    /// Those that are registered.
    pub(crate) fn users(&self) -> impl Iterator<Item = (ClientId, &Client)> {
        self.iter().filter(|(_, client)| client.registered)
    }

    /// Connections, registered or not.
    pub(crate) fn len(&self) -> usize {
        self.all.len()
    }

    pub(crate) const fn user_count(&self) -> usize {
        self.users
    }

    pub(crate) const fn most_users(&self) -> usize {
        self.most
    }
}
