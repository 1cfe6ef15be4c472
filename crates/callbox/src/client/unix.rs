//! `callbox unix client`.

use std::io;
use std::path::Path;

use callbox_exchange::{Bare, Quoted};
use callbox_net::stream::StreamSocket;
use callbox_net::unix::is_other_type;
use callbox_net::unix_datagram::{MAX_PAYLOAD, UnixDatagramSocket};
use callbox_services::ReplyKind;

use super::input::{Input, InputLine};
use super::{end_on_signal, stream};
use crate::cli::{
    DatagramServiceName, StreamServiceName, StreamTalkArgs, UnixClientArgs, UnixType,
};
use crate::messages::{self, Console, Failure, Reason, shown_path};

/// Runs the client.
pub fn run(args: UnixClientArgs) -> Result<(), Failure> {
    end_on_signal()?;
    match args.kind {
        UnixType::Stream => run_stream(&args),
        UnixType::Datagram => run_datagram(&args),
    }
}

fn run_stream(args: &UnixClientArgs) -> Result<(), Failure> {
    let name = args.service.as_deref().unwrap_or(StreamServiceName::DEFAULT);
    let service = name.parse().map_err(|e: String| messages::wrong_service(name, &e))?;
    let trace = messages::trace(args.verbose);
    let socket = StreamSocket::connect_unix(&args.path, args.timeout.0, &trace)
        .map_err(|e| cannot_connect(&args.path, &e))?;
    let talk = StreamTalkArgs {
        service,
        message: args.message.clone(),
        length: args.length,
        timeout: args.timeout,
        quiet: args.quiet,
        verbose: args.verbose,
    };
    stream::talk(&socket, &shown_path(&args.path).to_string(), &talk)
}

/// The kernel loses no request between two processes, and an answer only to a client that does not read: nothing is asked
/// twice.
fn run_datagram(args: &UnixClientArgs) -> Result<(), Failure> {
    let name = args.service.as_deref().unwrap_or(DatagramServiceName::DEFAULT);
    let service: DatagramServiceName =
        name.parse().map_err(|e: String| messages::wrong_service(name, &e))?;
    let trace = messages::trace(args.verbose);
    let socket = UnixDatagramSocket::connect(&args.path, &trace)
        .map_err(|e| cannot_connect(&args.path, &e))?;
    let answers = service.0.reply != ReplyKind::None;
    let server = shown_path(&args.path);
    let mut input = Input::open()?;
    let mut buffer = vec![0; MAX_PAYLOAD + 1];
    let console = Console::new();
    while let Some(line) = input.next("Input lowercase sentence: ")? {
        let request = match line {
            InputLine::Line(line) if line.len() <= MAX_PAYLOAD => line,
            InputLine::Line(line) => {
                return Err(Failure::usage(messages::too_long(server, line.len(), MAX_PAYLOAD)));
            }
            InputLine::TooLong => {
                return Err(Failure::usage(
                    "the line is longer than any datagram, and was not sent",
                ));
            }
        };
        socket.send(&request, Some(args.timeout.0)).map_err(|e| match e.kind() {
            io::ErrorKind::TimedOut => silent(args),
            _ => cannot_connect(&args.path, &e),
        })?;
        if !answers {
            continue;
        }
        let reply = socket
            .recv_from(&mut buffer, Some(args.timeout.0))
            .map_err(|e| cannot_connect(&args.path, &e))?;
        let Some((length, _)) = reply else { return Err(silent(args)) };
        let reply = &buffer[..length];
        if args.quiet {
            console.print(Bare(reply))?;
        } else {
            console.print(format_args!("The server {server} replied with {}", Quoted(reply)))?;
        }
    }
    Ok(())
}

fn silent(args: &UnixClientArgs) -> Failure {
    let server = shown_path(&args.path);
    Failure::network(format!("{server} was silent for {:?} (--timeout)", args.timeout.0))
}

pub(crate) fn cannot_connect(path: &Path, error: &io::Error) -> Failure {
    let path = shown_path(path);
    match error.kind() {
        io::ErrorKind::NotFound => {
            Failure::usage(format!("cannot connect to {path}: no such file; is the path right?"))
        }
        io::ErrorKind::ConnectionRefused | io::ErrorKind::BrokenPipe => {
            Failure::network(format!("cannot connect to {path}: nobody listens there any more"))
        }
        io::ErrorKind::WouldBlock => Failure::network(format!(
            "cannot connect to {path}: its server accepts no connections (--timeout)"
        )),
        io::ErrorKind::InvalidInput => Failure::usage(format!(
            "cannot connect to {path}: a socket's path is 1 to 107 bytes long"
        )),
        _ if is_other_type(error) => Failure::usage(format!(
            "cannot connect to {path}: it is a socket of the other type; see --type"
        )),
        _ => Failure::network(format!("cannot talk to {path}: {}", Reason(error))),
    }
}
