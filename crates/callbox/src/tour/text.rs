//! Acts 3 and 4: the exchange of the study notes, and what text it takes.

use std::net::SocketAddr;

use callbox_exchange::Quoted;
use callbox_net::datagram::max_payload;

use super::calls::Who::{self, Client, Server};
use super::stage::{Stage, Stop, promise, refusal, same, typed};
use super::{Act, servers};
use crate::cli::UdpClientArgs;
use crate::client::input::InputLine;
use crate::client::udp;

pub(super) const EXCHANGE: Act = Act {
    title: "One exchange of datagrams",
    about: &[
        "The server binds to port 0, which is any free one, and asks which it got. The client connects its",
        "socket, so it need not name the server with each send.",
    ],
    play: exchange,
};

fn exchange(stage: &mut Stage<'_>) -> Result<(), Stop> {
    let (server, _at_work) = servers::udp(stage, &[], &["bind(", "getsockname("])?;
    let reply = client(stage, Client, server)?.exchange(&line("sally"))?;
    stage.call(Client, "connect(")?;
    stage.call(Client, "send(")?;
    stage.call(Server, "recvmmsg(")?;
    stage.call(Server, "sendmmsg(")?;
    stage.call(Client, "recv(")?;
    same(&reply, "SALLY")?;
    stage.seen(format_args!("the server {server} replied with {}", Quoted(&reply)))
}

pub(super) const CAPITALS: Act = Act {
    title: "Capitals in any script, nothing at all, and too much",
    about: &[
        "Text is UTF-8, of which ASCII is a part. A datagram may be empty; it may not be of any length.",
    ],
    play: capitals,
};

fn capitals(stage: &mut Stage<'_>) -> Result<(), Stop> {
    let (server, _at_work) = servers::udp(stage, &[], &[])?;
    let mut client = client(stage, Client, server)?;
    let mut said = Vec::new();
    for (asked, answered) in [("héllo 你好", "HÉLLO 你好"), ("straße", "STRASSE"), ("", "")]
    {
        let reply = client.exchange(&line(asked))?;
        stage.aside(Client, "send(")?;
        stage.aside(Server, "sendmmsg(")?;
        stage.aside(Client, "recv(")?;
        same(&reply, answered)?;
        said.push(format!("'{asked}' came back as {}", Quoted(&reply)));
    }
    stage.seen(said.join(", "))?;
    let long = "x".repeat(max_payload(&server) + 1);
    stage.seen(refusal(client.exchange(&line(&long)), "was not sent")?)?;
    promise(client.exchange(&line("sally"))? == b"SALLY", "the next line is asked as ever")
}

/// A client of `server` that says nothing beside what the act says.
pub(super) fn client(stage: &Stage<'_>, who: Who, server: SocketAddr) -> Result<udp::Client, Stop> {
    let args: UdpClientArgs = typed(&["--quiet"])?;
    Ok(udp::Client::new(server, &args, &stage.trace(who))?)
}

/// What somebody types.
pub(super) fn line(text: &str) -> InputLine {
    InputLine::Line(text.as_bytes().to_vec())
}
