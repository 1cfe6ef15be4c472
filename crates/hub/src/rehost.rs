//! A user's host changes (IRCv3 chghost). Who negotiated that is told by CHGHOST. To the others in the user's channels it
//! looks as if the user went and came back, so that what they know of it, and every mask that they make of that, is right.

use callbox_irc::build::Line;
use callbox_irc::capability::CapSet;
use callbox_irc::modes::Membership;

use crate::channel::ChannelId;
use crate::client::{Client, ClientId};
use crate::turn::{Actor, Turn};

/// Why the user seems to go.
const REASON: &str = "Changing host";

impl Turn<'_> {
    /// Others see me at another host from now on.
    pub(crate) fn change_host(&mut self, host: Box<str>) {
        if self.me().host == host {
            return;
        }
        let stamp = self.stamp();
        let before = self.actor();
        let mut body = Vec::new();
        let user = self.me().user.clone();
        Line::from_source(&mut body, &before.prefix, "CHGHOST").param(&user).param(&host).end();
        let me = self.me_mut();
        me.host = host;
        me.set_prefix();
        self.tell_those_who_see_me(CapSet::CHGHOST, &before.tags(&stamp), &body);
        self.seem_to_come_back(&before);
    }

    /// QUIT, and for each channel JOIN and MODE, to those who would not understand CHGHOST. `before` is who I was.
    fn seem_to_come_back(&mut self, before: &Actor) {
        let mut told = self.peers_of(self.me);
        told.retain(|id| !self.client(*id).has(CapSet::CHGHOST));
        if told.is_empty() {
            return;
        }
        let mut quit = Vec::new();
        Line::from_source(&mut quit, &before.prefix, "QUIT").text(REASON).end();
        self.send_to_all(&told, &before.unstamped_tags(), &quit);
        for channel in self.me().channels.clone() {
            self.seem_to_join(channel);
        }
    }

    fn seem_to_join(&mut self, channel: ChannelId) {
        let me = self.me;
        let actor = self.actor();
        let tags = actor.unstamped_tags();
        let name = self.channel(channel).name.as_str().to_owned();
        let told = |id: ClientId, client: &Client| id != me && !client.has(CapSet::CHGHOST);
        let extended = CapSet::EXTENDED_JOIN;
        let [plain, long] = self.join_lines(&name);
        self.send_to_channel(channel, &tags, &plain, |id, _, c| told(id, c) && !c.has(extended));
        self.send_to_channel(channel, &tags, &long, |id, _, c| told(id, c) && c.has(extended));
        let letters = letters(self.my_membership(channel).unwrap_or_default());
        if !letters.is_empty() {
            let nick = self.me().name();
            let mut mode = Vec::new();
            Line::from_source(&mut mode, &self.hub.config.server_name, "MODE")
                .param(&name)
                .param(&format!("+{letters}"))
                .params(std::iter::repeat_n(nick, letters.len()))
                .end();
            let tags = crate::deliver::Tags::default();
            self.send_to_channel(channel, &tags, &mode, |id, _, c| told(id, c));
        }
        self.tell_away_in(channel, &tags, told);
    }
}

/// The letters of the modes that make somebody `rights` in a channel.
fn letters(rights: Membership) -> String {
    let all = [(Membership::OP, 'o'), (Membership::HALFOP, 'h'), (Membership::VOICE, 'v')];
    all.into_iter().filter(|(right, _)| rights.contains(*right)).map(|(_, letter)| letter).collect()
}
