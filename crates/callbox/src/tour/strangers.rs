//! Acts 6 and 7: a datagram from somebody who was not asked.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Instant;

use callbox_exchange::{Backoff, Heard, Many, Quoted};
use callbox_net::datagram::DatagramSocket;

use super::calls::Who::{Client, Server, Stranger};
use super::stage::{Stage, Stop, promise, same};
use super::text::{client, line};
use super::{Act, PATIENCE, servers};
use crate::messages;

pub(super) const REFUSED: Act = Act {
    title: "A stranger refused by a connected socket",
    about: &[
        "The client is connected to its server. To all others the kernel says that nobody has its port.",
    ],
    play: refused,
};

fn refused(stage: &mut Stage<'_>) -> Result<(), Stop> {
    let (server, _at_work) = servers::udp(stage, &[], &[])?;
    let mut client = client(stage, Client, server)?;
    let address = client.local_addr()?;
    stage.call(Client, "getsockname(")?;
    let stranger = DatagramSocket::open(&address, &stage.trace(Stranger))?;
    stranger.connect(address)?;
    stranger.send(b"believe me")?;
    let told = stranger.recv(&mut [0; 64], Some(PATIENCE));
    stage.call(Stranger, "send(")?;
    stage.call(Stranger, "recv(...failed")?;
    let reply = client.exchange(&line("sally"))?;
    stage.aside(Client, "send(")?;
    stage.aside(Server, "sendmmsg(")?;
    stage.aside(Client, "recv(")?;
    let refused = told.is_err_and(|e| e.kind() == io::ErrorKind::ConnectionRefused);
    promise(refused, "the stranger is told that nobody has this port")?;
    same(&reply, "SALLY")?;
    stage.seen("the stranger was refused, and the client heard its server alone")
}

pub(super) const NAMED: Act = Act {
    title: "A stranger named by --many",
    about: &[
        "An unconnected socket talks with many servers and hears everybody, so the client itself remembers who",
        "owes it a reply. The second datagram here is one that the network might have doubled.",
    ],
    play: named,
};

fn named(stage: &mut Stage<'_>) -> Result<(), Stop> {
    let (server, _at_work) = servers::udp(stage, &[], &[])?;
    let socket = DatagramSocket::open(&server, &stage.trace(Client))?;
    let mut many = Many::new(Backoff { first: PATIENCE, tries: 1 }, false, 0);
    let start = Instant::now();
    many.send(server, "sally").map_err(|full| Stop::Step(full.to_string()))?;
    while let Some(transmit) = many.poll_transmit(start.elapsed()) {
        socket.send_to(transmit.message, transmit.to)?;
        stage.call(Client, "sendto(")?;
    }
    stage.aside(Server, "sendmmsg(")?;
    socket.send_to(b"sally", server)?;
    stage.call(Client, "sendto(")?;
    stage.aside(Server, "sendmmsg(")?;
    let here = SocketAddr::from((Ipv4Addr::LOCALHOST, socket.local_addr()?.port()));
    let stranger = DatagramSocket::open(&here, &stage.trace(Stranger))?;
    stranger.send_to(b"believe me", here)?;
    stage.call(Stranger, "sendto(")?;

    let mut buffer = [0; 64];
    let mut said = Vec::new();
    for _ in 0..3 {
        let came = socket.recv_from(&mut buffer, Some(PATIENCE))?;
        let (length, from) = came.ok_or_else(|| Stop::Step("a datagram is missing".to_owned()))?;
        stage.aside(Client, "recvfrom(")?;
        said.push(match many.handle_datagram(from) {
            Heard::Reply { .. } => {
                format!("the server {from} replied with {}", Quoted(&buffer[..length]))
            }
            Heard::Stranger => messages::unexpected(from, &buffer[..length]),
        });
    }
    let strangers = said.iter().filter(|line| line.contains("unexpected host")).count();
    promise(said[0].contains("replied with 'SALLY'"), "the first reply is the answer")?;
    promise(strangers == 2, "a second reply and a stranger's message are both unexpected")?;
    said.iter().try_for_each(|line| stage.seen(line))
}
