//! Acts 9 and 10: what names a TCP connection, and why it has no messages.

use std::net::SocketAddr;

use callbox_exchange::Quoted;
use callbox_net::stream::StreamSocket;
use callbox_services::greeting::{FAREWELL, GREETING_LENGTH};

use super::calls::Who::{self, Client, Client2, Server};
use super::stage::{Stage, Stop, promise, same, typed};
use super::{Act, PATIENCE, servers};
use crate::cli::TcpClientArgs;
use crate::client::stream;

/// Exactly what the greeting service reads.
pub(super) const GREETING: &[u8; GREETING_LENGTH] = b"Greetings, serve";

pub(super) const TUPLES: Act = Act {
    title: "Two TCP connections to one listening port",
    about: &[
        "A connection is named by its 4-tuple, both addresses and both ports. Here one of the four differs.",
    ],
    play: tuples,
};

fn tuples(stage: &mut Stage<'_>) -> Result<(), Stop> {
    let (server, _at_work) = servers::tcp(stage, "greeting")?;
    let mut ports = Vec::new();
    let mut open = Vec::new();
    for who in [Client, Client2] {
        let socket = connect(stage, who, server)?;
        stage.aside(who, "fd ...ESTABLISHED")?;
        stage.call(Server, "accept(")?;
        stage.call(Server, "fd ...ESTABLISHED")?;
        promise(socket.peer_addr()? == Some(server), "both connect to one port")?;
        ports.push(socket.local_addr()?.map_or(0, |local| local.port()));
        open.push((who, socket));
    }
    promise(ports[0] != ports[1], "each connection has a port of its own at the client")?;
    // The younger one speaks first: the answers do not get mixed up.
    for (who, socket) in open.iter().rev() {
        socket.write_all(GREETING, Some(PATIENCE))?;
        let answer = answer(socket, server, GREETING_LENGTH)?;
        stage.aside(*who, "send(")?;
        stage.aside(Server, "send(")?;
        stage.aside(*who, "recv(")?;
        same(&answer, FAREWELL)?;
    }
    stage.seen(format_args!(
        "ports {} and {} tell them apart; each had its {}",
        ports[0],
        ports[1],
        Quoted(FAREWELL)
    ))
}

pub(super) const PIECES: Act = Act {
    title: "A message that arrives in pieces",
    about: &[
        "TCP carries bytes, not messages: only the agreed length, or a line's end, tells where one is over.",
        "The greeting comes in three pieces here, and the character é in two.",
    ],
    play: pieces,
};

fn pieces(stage: &mut Stage<'_>) -> Result<(), Stop> {
    let (server, _greeting) = servers::tcp(stage, "greeting")?;
    let socket = connect(stage, Client, server)?;
    for piece in [&GREETING[..3], &GREETING[3..11], &GREETING[11..]] {
        socket.write_all(piece, Some(PATIENCE))?;
        stage.aside(Client, "send(")?;
        stage.call(Server, "recv(")?;
    }
    stage.aside(Server, "fd ...FIN-WAIT")?;
    let farewell = answer(&socket, server, GREETING_LENGTH)?;
    stage.aside(Client, "recv(")?;
    same(&farewell, FAREWELL)?;

    let (server, _upper) = servers::tcp(stage, "upper")?;
    let socket = connect(stage, Client, server)?;
    let (cafe, raised) = ("café\n".as_bytes(), "CAFÉ\n".as_bytes());
    let within_e_acute = cafe.len() - 2;
    for piece in [&cafe[..within_e_acute], &cafe[within_e_acute..]] {
        socket.write_all(piece, Some(PATIENCE))?;
        stage.aside(Client, "send(")?;
        stage.call(Server, "recv(")?;
    }
    let line = answer(&socket, server, raised.len())?;
    stage.aside(Client, "recv(")?;
    same(&line, raised)?;
    stage.seen(format_args!("whole all the same: {} and {}", Quoted(&farewell), Quoted(&line)))
}

/// Connects as `callbox tcp client` does.
pub(super) fn connect(
    stage: &Stage<'_>,
    who: Who,
    server: SocketAddr,
) -> Result<StreamSocket, Stop> {
    let args: TcpClientArgs = typed(&[&server.to_string()])?;
    Ok(stream::connect(&args, &stage.trace(who))?)
}

/// Reads an answer of `length` bytes as `callbox tcp client --length` does.
pub(super) fn answer(
    socket: &StreamSocket,
    server: impl ToString,
    length: usize,
) -> Result<Vec<u8>, Stop> {
    let args: TcpClientArgs = typed(&["--length", &length.to_string()])?;
    Ok(stream::read_answer(socket, &server.to_string(), &args.talk)?)
}
