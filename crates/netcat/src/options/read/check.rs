//! What cannot be together.

use super::super::{Carrier, Family, Mode, Options, Target, Together};
use super::{Misuse, wrong};
use crate::link::websocket::Origins;

/// What the address of a Unix socket has room for beside the byte that ends it (unix(7), `sun_path`).
const LONGEST_PATH: usize = if cfg!(target_os = "linux") { 107 } else { 103 };

/// Finds the first contradiction.
pub(super) fn check(options: &Options) -> Result<(), Misuse> {
    let (Mode::Connect(target) | Mode::Look(target) | Mode::Listen(target)) = &options.mode;
    let listens = matches!(options.mode, Mode::Listen(_));
    let apart = options.listen.together == Together::Apart;
    let looks = matches!(options.mode, Mode::Look(_));
    let unix = matches!(target, Target::Path(_));
    let datagrams = options.carrier == Carrier::Datagram;
    let Options { run, tls, proxies, websocket, from, carrier, .. } = options;
    let wrongs = [
        (!apart && run.is_some(), "Invalid option combination: --broker and -e"),
        (looks && run.is_some(), "Invalid option combination: -z and -e"),
        (
            options.listen.proxy_server && run.is_some(),
            "Invalid option combination: --proxy-type and -e",
        ),
        (
            options.listen.proxy_server && !apart,
            "Invalid option combination: --proxy-type and --broker",
        ),
        (options.listen.proxy_server && *carrier != Carrier::Stream, "A proxy listens on TCP"),
        (unix && from.port.is_some(), "A Unix socket has no source port"),
        (unix && !proxies.is_empty(), "A Unix socket is reached by no proxy"),
        (
            unix && matches!(carrier, Carrier::Sctp | Carrier::Quic),
            "A Unix socket carries streams or datagrams",
        ),
        (datagrams && !proxies.is_empty(), "A proxy carries streams: not with -u"),
        (
            *carrier == Carrier::Quic && !proxies.is_empty(),
            "A proxy carries streams: not with --quic",
        ),
        (
            websocket.is_none() && options.listen.origins != Origins::default(),
            "--allow-origin is for a WebSocket: listen on ws:// or wss://",
        ),
        (websocket.is_some() && *carrier != Carrier::Stream, "A WebSocket needs TCP"),
        (unix && datagrams && tls.wanted, "DTLS needs UDP"),
        (
            listens && options.flow.send_only && options.listen.proxy_server,
            "A proxy sends and receives",
        ),
        (!from.hops.is_empty() && options.family == Some(Family::V6), "Source routes are of IPv4"),
    ];
    if let Target::Path(path) = target
        && path.as_os_str().len() > LONGEST_PATH
    {
        return wrong(format!("The path of a Unix socket has at most {LONGEST_PATH} bytes"));
    }
    match wrongs.into_iter().find(|(is_wrong, _)| *is_wrong) {
        Some((_, words)) => wrong(words),
        None => Ok(()),
    }
}
