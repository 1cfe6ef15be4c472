//! Act 14: every service of the table that had no act yet.

use callbox_exchange::Quoted;
use callbox_services::{DEFAULT_DATAGRAM, DEFAULT_STREAM, ReplyKind, Service, TABLE};

use super::calls::Who::{Client, Server};
use super::stage::{Stage, Stop, promise, same};
use super::tcp::connect;
use super::text::{client, line};
use super::{Act, PATIENCE, servers};

/// What each of them is asked.
const QUESTION: &str = "sally";

/// Bytes of an answer that are shown.
const SHOWN: usize = 48;

pub(super) const OTHERS: Act = Act {
    title: "The other services",
    about: &["Small services that every host once had. Each is asked 'sally'."],
    play: others,
};

fn others(stage: &mut Stage<'_>) -> Result<(), Stop> {
    let had_their_act = [DEFAULT_DATAGRAM, DEFAULT_STREAM];
    for service in TABLE.iter().filter(|service| !had_their_act.contains(&service.name)) {
        match service.reply {
            ReplyKind::None => silent(stage, service)?,
            ReplyKind::Transform | ReplyKind::Generated => answering(stage, service)?,
        }
    }
    Ok(())
}

fn answering(stage: &mut Stage<'_>, service: &Service) -> Result<(), Stop> {
    let (server, _at_work) = servers::udp(stage, &["--service", service.name], &[])?;
    let reply = client(stage, Client, server)?.exchange(&line(QUESTION))?;
    stage.aside(Client, "send(")?;
    stage.aside(Server, "sendmmsg(")?;
    stage.aside(Client, "recv(")?;
    match service.reply {
        ReplyKind::Transform => same(&reply, QUESTION)?,
        // chargen may answer nothing at all (RFC 864: from 0 to 512 characters, at random).
        _ => promise(service.divisible || !reply.is_empty(), "there is an answer")?,
    }
    stage.seen(format_args!("{:<8} {}", service.name, Quoted(&reply).cut(SHOWN)))
}

/// A service that answers nothing: what can be seen over a stream is that it ends.
fn silent(stage: &mut Stage<'_>, service: &Service) -> Result<(), Stop> {
    let (server, _at_work) = servers::tcp(stage, service.name)?;
    let socket = connect(stage, Client, server)?;
    socket.write_all(QUESTION.as_bytes(), Some(PATIENCE))?;
    socket.finish()?;
    let end = socket.read(&mut [0; 64], Some(PATIENCE))?;
    stage.aside(Client, "shutdown(")?;
    stage.aside(Server, "shutdown(")?;
    stage.aside(Client, "recv(")?;
    promise(end == 0, "nothing comes but the end")?;
    stage.seen(format_args!("{:<8} nothing, and over TCP the end of file", service.name))
}
