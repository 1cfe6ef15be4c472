//! New settings while the server runs.

use callbox_irc::build::Line;
use callbox_irc::capability::{self, CapSet};
use callbox_irc::isupport::TEXT;
use callbox_irc::numeric::RPL_ISUPPORT;

use crate::client::Client;
use crate::contract::{Now, Reloaded, Sink};
use crate::hub::Hub;

/// A capability that is offered, and its value.
type Offer = (CapSet, Option<String>);

/// Takes what was read again in place of what `hub` had. All hear which tokens of ISUPPORT are others now, and whoever
/// negotiated cap-notify which capabilities come and go, and which have another value. A nickname that belongs to a new
/// account stays with who has it now.
pub(crate) fn reload(hub: &mut Hub, reloaded: Reloaded, now: Now, sink: &mut dyn Sink) {
    let Reloaded { config, accounts } = reloaded;
    hub.add_accounts(accounts);
    let before = offers(hub);
    let tokens = crate::isupport::changes(&hub.config, &config);
    hub.isupport = crate::isupport::lines(&config);
    hub.config = config;
    hub.arm_all(now.monotonic);
    let after = offers(hub);
    let added = named(after.iter().filter(|offer| !before.contains(offer)));
    // Nobody has `sts`, and it does not end by being taken away but by a duration of 0 (IRCv3 sts).
    let is_gone = |cap| cap != CapSet::STS && after.iter().all(|(offered, _)| *offered != cap);
    let gone: Vec<Offer> =
        before.iter().filter(|(cap, _)| is_gone(*cap)).map(|(cap, _)| (*cap, None)).collect();
    let lost = gone.iter().map(|(cap, _)| *cap).fold(CapSet::EMPTY, CapSet::union);
    let gone = named(gone.iter());
    let server = hub.config.server_name.clone();
    let mut line = Vec::new();
    for (verb, list) in [("DEL", &gone), ("NEW", &added)] {
        if list.is_empty() {
            continue;
        }
        for (_, client) in hub.clients.iter().filter(|(_, c)| c.has(CapSet::CAP_NOTIFY)) {
            line.clear();
            Line::from_source(&mut line, &server, "CAP")
                .param(client.name())
                .param(verb)
                .text(list)
                .end();
            sink.line(client.conn, &line);
        }
    }
    for (tokens, (_, client)) in
        tokens.iter().flat_map(|tokens| hub.clients.users().map(move |user| (tokens, user)))
    {
        line.clear();
        Line::from_source(&mut line, &server, RPL_ISUPPORT.code_text())
            .param(client.name())
            .params(tokens.split(' '))
            .text(TEXT)
            .end();
        sink.line(client.conn, &line);
    }
    hub.clients.iter_mut().for_each(|client: &mut Client| client.caps.remove(lost));
}

fn offers(hub: &Hub) -> Vec<Offer> {
    let offered = capability::ALL.iter().map(|cap| cap.bit).filter(|cap| hub.offers(*cap));
    offered.map(|cap| (cap, hub.cap_value(cap))).collect()
}

/// These capabilities in one text, with their values.
fn named<'o>(offers: impl Iterator<Item = &'o Offer>) -> String {
    let texts = offers.filter_map(|(bit, value)| {
        let cap = capability::ALL.iter().find(|cap| cap.bit == *bit)?;
        Some(match value {
            Some(value) => format!("{}={value}", cap.name),
            None => cap.name.to_owned(),
        })
    });
    texts.collect::<Vec<_>>().join(" ")
}
