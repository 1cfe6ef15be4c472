//! Acts 1 and 2: where a socket's address comes from, and which one a server chooses.

use std::net::{Ipv4Addr, SocketAddr};

use callbox_net::datagram::DatagramSocket;

use super::calls::Who::{Client, Server};
use super::stage::{Stage, Stop, promise, refusal, same};
use super::text::{client, line};
use super::{Act, PATIENCE, servers};

/// Another of this machine's loopback addresses: all of 127.0.0.0/8 is (RFC 1122 section 3.2.1.3).
const OTHER_LOOPBACK: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

pub(super) const USE: Act = Act {
    title: "A socket and its address, before and after its first use",
    about: &[
        "A new socket has no address. The first datagram that leaves it needs one, for the answer.",
    ],
    play: first_use,
};

fn first_use(stage: &mut Stage<'_>) -> Result<(), Stop> {
    let (server, _at_work) = servers::udp(stage, &[], &[])?;
    let socket = DatagramSocket::open(&server, &stage.trace(Client))?;
    let before = socket.local_addr()?;
    socket.send_to(b"sally", server)?;
    let after = socket.local_addr()?;
    let reply = socket.recv_from(&mut [0; 64], Some(PATIENCE))?;
    stage.call(Client, "socket(")?;
    stage.call(Client, "getsockname(")?;
    stage.call(Client, "sendto(")?;
    stage.call(Client, "getsockname(")?;
    stage.aside(Server, "sendmmsg(")?;
    stage.aside(Client, "recvfrom(")?;
    promise(before.port() == 0 && after.port() != 0, "sendto gives the socket a port")?;
    promise(reply.is_some_and(|(_, from)| from == server), "the answer comes to that port")?;
    stage.seen(format_args!("sendto gave it port {}, and the answer came there", after.port()))
}

pub(super) const BIND: Act = Act {
    title: "The choice of bind address",
    about: &[
        "A server on 127.0.0.1 is there for that address alone. One on 0.0.0.0 is there for every address of",
        "this machine, and must answer from the one that was asked: a connected client takes no other.",
    ],
    play: bind_address,
};

fn bind_address(stage: &mut Stage<'_>) -> Result<(), Stop> {
    let (narrow, _narrow) = servers::udp(stage, &["--bind", "127.0.0.1"], &["getsockname("])?;
    let beside = SocketAddr::from((OTHER_LOOPBACK, narrow.port()));
    let asked = client(stage, Client, beside)?.exchange(&line("sally"));
    stage.call(Client, "connect(")?;
    stage.aside(Client, "send(")?;
    stage.call(Client, "recv(...failed")?;
    stage.seen(refusal(asked, "nobody listens")?)?;

    let (wide, _wide) = servers::udp(stage, &["--bind", "0.0.0.0"], &["getsockname("])?;
    let beside = SocketAddr::from((OTHER_LOOPBACK, wide.port()));
    let reply = client(stage, Client, beside)?.exchange(&line("sally"))?;
    stage.aside(Client, "connect(")?;
    stage.aside(Client, "send(")?;
    stage.aside(Server, "sendmmsg(")?;
    stage.aside(Client, "recv(")?;
    same(&reply, "SALLY")?;
    stage.seen(format_args!(
        "bound to 0.0.0.0, the server answered at {OTHER_LOOPBACK} too, and from there"
    ))
}
