//! Acts 11 and 12: how a connection ends, in order and early.

use callbox_exchange::Quoted;
use callbox_services::greeting::{CLIENT_GREETING, FAREWELL, GREETING_LENGTH};

use super::calls::Who::{Client, Server};
use super::stage::{Stage, Stop, promise, refusal, same};
use super::tcp::{GREETING, answer, connect};
use super::{Act, PATIENCE, servers};

pub(super) const ORDERLY: Act = Act {
    title: "The 17th byte, and an orderly end",
    about: &[
        "'Greetings, server' is one byte longer than the server wants. To close with bytes unread would reset",
        "the connection, and the reset can destroy the answer. So the server closes its direction and reads on.",
    ],
    play: orderly,
};

fn orderly(stage: &mut Stage<'_>) -> Result<(), Stop> {
    let (server, _at_work) = servers::tcp(stage, "greeting")?;
    let socket = connect(stage, Client, server)?;
    socket.write_all(CLIENT_GREETING, Some(PATIENCE))?;
    stage.call(Client, "send(")?;
    stage.aside(Server, "recv(")?;
    stage.aside(Server, "send(")?;
    stage.call(Server, "shutdown(")?;
    stage.call(Server, "fd ...FIN-WAIT")?;
    socket.write_all(b"!", Some(PATIENCE))?;
    stage.call(Client, "send(")?;
    stage.call(Server, "recv(")?;
    let farewell = answer(&socket, server, GREETING_LENGTH)?;
    let end = socket.read(&mut [0; 1], Some(PATIENCE))?;
    stage.call(Client, "recv(...end of file")?;
    drop(socket);
    stage.aside(Server, "recv(...end of file")?;
    same(&farewell, FAREWELL)?;
    promise(end == 0, "after the answer comes the end of file")?;
    stage.seen(format_args!("{}, then the end of file, and no reset", Quoted(&farewell)))
}

pub(super) const EARLY: Act = Act {
    title: "An early end of file",
    about: &[
        "A client stops after 3 of 16 bytes, and the server knows from the end of file that no more will come.",
        "Then a client wants 32 bytes from a server that sends 16, and knows it the same way.",
    ],
    play: early,
};

fn early(stage: &mut Stage<'_>) -> Result<(), Stop> {
    let (server, _at_work) = servers::tcp(stage, "greeting")?;
    let socket = connect(stage, Client, server)?;
    socket.write_all(&GREETING[..3], Some(PATIENCE))?;
    stage.aside(Client, "send(")?;
    stage.call(Server, "recv(...3 bytes")?;
    socket.finish()?;
    stage.aside(Client, "shutdown(")?;
    stage.call(Server, "recv(...end of file")?;
    stage.aside(Server, "shutdown(")?;
    let none = answer(&socket, server, GREETING_LENGTH);
    stage.aside(Client, "recv(...end of file")?;
    refusal(none, "but only received 0 before the socket closed")?;

    let socket = connect(stage, Client, server)?;
    socket.write_all(GREETING, Some(PATIENCE))?;
    stage.aside(Client, "send(")?;
    stage.aside(Server, "shutdown(")?;
    let half = answer(&socket, server, 2 * GREETING_LENGTH);
    stage.call(Client, "recv(...end of file")?;
    let early = "was expecting 32 bytes but only received 16 before the socket closed";
    stage.seen(refusal(half, early)?)
}
