//! Acts 5 and 8: nobody to answer, and an answer that does not come.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::thread;
use std::time::{Duration, Instant};

use callbox_exchange::Quoted;
use callbox_net::datagram::DatagramSocket;
use callbox_net::stream::StreamListener;
use callbox_net::trace::Trace;

use super::calls::Who::{Client, Relay, Server};
use super::stage::{Stage, Stop, promise, refusal, same, typed};
use super::text::{client, line};
use super::{Act, PATIENCE, servers};
use crate::cli::UdpClientArgs;
use crate::client::{stream, udp};

/// The first wait of the client that loses a datagram. The default is a second, which would be most of the tour.
const SHORT_WAIT: &str = "150ms";

/// Any free port of 127.0.0.1.
const LOOPBACK: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

pub(super) const NOBODY: Act = Act {
    title: "A port nobody listens on",
    about: &[
        "The host answers with an ICMP error, and the next call on a connected socket fails with it. An",
        "unconnected socket must ask for the error, and is told whose port it was. TCP answers with a reset.",
    ],
    play: nobody,
};

fn nobody(stage: &mut Stage<'_>) -> Result<(), Stop> {
    // Connected to itself it refuses everybody else, and holds the port so that nobody can take it.
    let held = DatagramSocket::open(&LOOPBACK, &Trace::off())?;
    held.bind(LOOPBACK)?;
    let closed = held.local_addr()?;
    held.connect(closed)?;
    let asked = client(stage, Client, closed)?.exchange(&line("sally"));
    stage.aside(Client, "send(")?;
    stage.call(Client, "recv(...failed")?;
    let said = refusal(asked, "nobody listens")?;

    let open = DatagramSocket::open(&closed, &stage.trace(Client))?;
    open.keep_errors()?;
    open.send_to(b"sally", closed)?;
    let failed = open.recv_from(&mut [0; 64], Some(PATIENCE)).is_err();
    let refused = open.next_refusal()?;
    stage.aside(Client, "sendto(")?;
    stage.call(Client, "recvmsg(")?;
    promise(failed, "the error wakes whoever waits for a reply")?;
    let is_it = |(by, why): (SocketAddr, io::Error)| {
        by == closed && why.kind() == io::ErrorKind::ConnectionRefused
    };
    promise(refused.is_some_and(is_it), "the queue of errors names the port")?;
    stage.seen(said)?;

    let listener = StreamListener::bind_tcp_group(LOOPBACK, false, 1, &Trace::off())?.remove(0);
    let closed = listener.local_addr().unwrap_or(LOOPBACK);
    drop(listener);
    let args = typed(&[&closed.to_string()])?;
    let asked = stream::connect(&args, &stage.trace(Client));
    stage.aside(Client, "connect(...failed")?;
    stage.seen(refusal(asked, "nobody listens")?)
}

pub(super) const LOST: Act = Act {
    title: "A lost datagram asked for again",
    about: &[
        "Nobody reports a lost datagram. The client waits, and then asks again, each wait twice as long.",
    ],
    play: lost,
};

fn lost(stage: &mut Stage<'_>) -> Result<(), Stop> {
    let (server, _at_work) = servers::udp(stage, &[], &[])?;
    let trace = stage.trace(Relay);
    let front = DatagramSocket::open(&LOOPBACK, &trace)?;
    front.bind(LOOPBACK)?;
    let back = DatagramSocket::open(&server, &trace)?;
    back.connect(server)?;
    let place = front.local_addr()?;
    stage.settle()?;
    // More tries than the loss needs, so that a machine under load does not give up.
    let args: UdpClientArgs = typed(&["--quiet", "--timeout", SHORT_WAIT, "--tries", "6"])?;
    let mut client = udp::Client::new(place, &args, &stage.trace(Client))?;
    let start = Instant::now();
    let (reply, relayed) = thread::scope(|scope| {
        let relay = scope.spawn(|| lose_one_pass_one(&front, &back));
        (client.exchange(&line("sally")), relay.join())
    });
    let waited = start.elapsed();
    let reply = reply?;
    relayed.unwrap_or_else(|_| Err(io::ErrorKind::Other.into()))?;
    stage.call(Client, "send(")?;
    stage.call(Relay, "recvfrom(")?;
    stage.remark("the relay loses it")?;
    stage.call(Client, "send(")?;
    stage.aside(Relay, "recvfrom(")?;
    stage.aside(Relay, "send(")?;
    stage.aside(Server, "recvmmsg(")?;
    stage.aside(Server, "sendmmsg(")?;
    stage.aside(Relay, "recv(")?;
    stage.aside(Relay, "sendto(")?;
    stage.call(Client, "recv(")?;
    same(&reply, "SALLY")?;
    promise(waited > Duration::from_millis(100), "the first wait is waited out")?;
    stage.seen(format_args!(
        "{} came after {} ms, on the second try",
        Quoted(&reply),
        waited.as_millis()
    ))
}

/// A network in small: it loses the first datagram from `front`, and carries the second to the server behind `back`,
/// and the answer back.
fn lose_one_pass_one(front: &DatagramSocket, back: &DatagramSocket) -> io::Result<()> {
    let late = || io::Error::from(io::ErrorKind::TimedOut);
    let mut buffer = [0; 64];
    front.recv_from(&mut buffer, Some(PATIENCE))?.ok_or_else(late)?;
    let (length, client) = front.recv_from(&mut buffer, Some(PATIENCE))?.ok_or_else(late)?;
    back.send(&buffer[..length])?;
    let length = back.recv(&mut buffer, Some(PATIENCE))?.ok_or_else(late)?;
    front.send_to(&buffer[..length], client)?;
    Ok(())
}
