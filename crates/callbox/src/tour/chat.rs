//! Act 15: the chat, where datagrams, bare text and IRC meet at one port.

use std::io;

use callbox_exchange::Quoted;
use callbox_net::datagram::DatagramSocket;

use super::calls::Who::{Client, Client2, Client3};
use super::stage::{Stage, Stop, promise};
use super::tcp::connect;
use super::{Act, PATIENCE, servers};

/// Bytes that come at most before what is waited for: far more than a greeting has.
const HEARD_MAX: usize = 16 * 1024;

pub(super) const DOORS: Act = Act {
    title: "A chat with one port and every door",
    about: &[
        "The chat server takes datagrams and streams at one port, and knows by the first bytes who comes.",
        "One client sends datagrams, one bare lines as nc does, and one speaks IRC: all are in one room.",
    ],
    play: doors,
};

fn doors(stage: &mut Stage<'_>) -> Result<(), Stop> {
    let (server, _at_work) = servers::chat(stage, &["bind(fd", "bind(fd"])?;

    let sally = DatagramSocket::open(&server, &stage.trace(Client))?;
    sally.connect(server)?;
    sally.send(b"/nick sally")?;
    heard("you are sally now", |buffer| datagram(&sally, buffer))?;
    stage.aside(Client, "recv(")?;
    let li = connect(stage, Client2, server)?;
    li.write_all("/nick 李\n".as_bytes(), Some(PATIENCE))?;
    heard("you are 李 now", |buffer| li.read(buffer, Some(PATIENCE)))?;
    stage.aside(Client2, "recv(")?;

    sally.send("你好".as_bytes())?;
    stage.call(Client, "send(")?;
    let by_li = heard("sally: 你好", |buffer| li.read(buffer, Some(PATIENCE)))?;
    stage.call(Client2, "recv(")?;
    li.write_all(b"hello\n", Some(PATIENCE))?;
    stage.call(Client2, "send(")?;
    let by_sally = heard("李: hello", |buffer| datagram(&sally, buffer))?;
    stage.call(Client, "recv(")?;
    stage.seen(format_args!("over TCP came {by_li}, and as a datagram {by_sally}"))?;

    let wang = connect(stage, Client3, server)?;
    let hello = b"NICK wang\r\nUSER wang 0 * :Wang\r\nJOIN #lobby\r\n";
    wang.write_all(hello, Some(PATIENCE))?;
    stage.call(Client3, "send(")?;
    let names = heard(" 353 wang ", |buffer| wang.read(buffer, Some(PATIENCE)))?;
    stage.call(Client3, "recv(")?;
    promise(["wang", "sally", "李"].iter().all(|name| names.contains(name)), "all are there")?;
    stage.seen(format_args!("who began with NICK is answered in IRC: {names}"))
}

/// Receives a datagram, with the end of line that it does without.
fn datagram(socket: &DatagramSocket, buffer: &mut [u8]) -> io::Result<usize> {
    let (end, room) = buffer.split_last_mut().ok_or(io::ErrorKind::InvalidInput)?;
    let length = socket.recv(room, Some(PATIENCE))?.ok_or(io::ErrorKind::TimedOut)?;
    *room.get_mut(length).unwrap_or(end) = b'\n';
    Ok(length + 1)
}

/// Reads until a line with `wanted` in it has come, and gives that line, quoted.
fn heard(
    wanted: &str,
    mut read: impl FnMut(&mut [u8]) -> io::Result<usize>,
) -> Result<String, Stop> {
    let mut all = Vec::new();
    let mut buffer = [0; 2048];
    while all.len() < HEARD_MAX {
        let length = read(&mut buffer)?;
        if length == 0 {
            break;
        }
        all.extend_from_slice(&buffer[..length]);
        let whole = all.iter().rposition(|&byte| byte == b'\n').unwrap_or(0);
        let text = String::from_utf8_lossy(&all[..whole]);
        if let Some(line) = text.lines().find(|line| line.contains(wanted)) {
            return Ok(Quoted(line.as_bytes()).to_string());
        }
    }
    Err(Stop::Step(format!("expected '{wanted}', and got {}", Quoted(&all))))
}
