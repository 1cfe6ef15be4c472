//! New settings while the server runs.

use callbox_irc::build::Line;
use callbox_irc::capability::{self, CapSet};
use callbox_irc::isupport::TEXT;
use callbox_irc::numeric::RPL_ISUPPORT;

use crate::client::Client;
use crate::config::Config;
use crate::contract::{Now, Sink};
use crate::hub::Hub;

/// Takes `config` in place of what `hub` had. All hear which tokens of ISUPPORT are others now, and whoever negotiated
/// cap-notify which capabilities come and go.
pub(crate) fn reload(hub: &mut Hub, config: Config, now: Now, sink: &mut dyn Sink) {
    let before = offers(hub);
    let tokens = crate::isupport::changes(&hub.config, &config);
    hub.isupport = crate::isupport::lines(&config);
    hub.config = config;
    hub.arm_all(now.monotonic);
    let after = offers(hub);
    let added = names(&after, &before, |cap| hub.cap_value(cap));
    // Nobody has `sts`, and it does not end by being taken away but by a duration of 0 (IRCv3 sts).
    let owned: Vec<CapSet> = before.iter().copied().filter(|cap| *cap != CapSet::STS).collect();
    let gone = names(&owned, &after, |_| None);
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
    let lost = before.iter().filter(|cap| !after.contains(cap)).copied();
    let lost = lost.fold(CapSet::EMPTY, CapSet::union);
    hub.clients.iter_mut().for_each(|client: &mut Client| client.caps.remove(lost));
}

fn offers(hub: &Hub) -> Vec<CapSet> {
    capability::ALL.iter().map(|cap| cap.bit).filter(|cap| hub.offers(*cap)).collect()
}

/// The capabilities that are in `these` and not in `those`, with their values.
fn names(these: &[CapSet], those: &[CapSet], value: impl Fn(CapSet) -> Option<String>) -> String {
    let listed = capability::ALL
        .iter()
        .filter(|cap| these.contains(&cap.bit) && !those.contains(&cap.bit))
        .map(|cap| match value(cap.bit) {
            Some(value) => format!("{}={value}", cap.name),
            None => cap.name.to_owned(),
        });
    listed.collect::<Vec<_>>().join(" ")
}
