//! Messages and whom they are for, from a prompt or from lines of input.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use callbox_exchange::lines::MAX_LINE;
use callbox_exchange::split_addressed;
use callbox_net::address::{AddressError, HostPort};
use callbox_net::datagram::max_payload;

use super::Event;
use crate::cli::UdpClientArgs;
use crate::client::datagram_address;
use crate::client::input::{Input, InputLine};
use crate::client::output::Printer;
use crate::messages::{Exit, Failure, no_thread};

const MESSAGE_PROMPT: &str = "Input message to send to server: ";

/// A server of the family whose datagrams carry most.
const ANY_V6: SocketAddr = SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), 0);

/// Starts the thread that reads input. Gives what prints above its prompt, if there is one.
pub(super) fn start(
    servers: Vec<SocketAddr>,
    args: UdpClientArgs,
    events: SyncSender<Event>,
    permits: Receiver<()>,
) -> Result<Option<Printer>, Failure> {
    let (opened, printer) = sync_channel(0);
    let read = move || {
        let mut input = match Input::open() {
            Ok(input) => input,
            Err(failure) => {
                let _ = opened.send(Err(failure));
                return;
            }
        };
        let _ = opened.send(Ok(input.printer()));
        let ended = read_all(&mut input, &servers, &args, &events, &permits);
        // Before the end is told: what prints above the prompt must know that it has gone.
        drop(input);
        let _ = events.send(Event::End(ended));
    };
    thread::Builder::new().name("input".to_owned()).spawn(read).map_err(|e| no_thread(&e))?;
    printer.recv().unwrap_or_else(|_| Err(Failure::said(Exit::Network)))
}

/// The servers of the command line, to all of which every message goes.
pub(super) fn known_servers(args: &UdpClientArgs) -> Result<Vec<SocketAddr>, Failure> {
    args.servers.iter().map(|server| datagram_address(server, args.port)).collect()
}

fn read_all(
    input: &mut Input,
    servers: &[SocketAddr],
    args: &UdpClientArgs,
    events: &SyncSender<Event>,
    permits: &Receiver<()>,
) -> Result<(), Failure> {
    loop {
        let (to, message) = match next_message(input, servers, args)? {
            Next::Message { to, message } => (to, message),
            Next::End => return Ok(()),
            Next::Wrong(failure) => {
                let _ = events.send(Event::Wrong(failure));
                continue;
            }
        };
        for to in to {
            // The permit comes when few enough are waited for, so no more input is read than can be asked.
            if events.send(Event::Send { to, message: message.clone() }).is_err()
                || permits.recv().is_err()
            {
                return Ok(());
            }
        }
    }
}

/// What the next line of input, or the next two at a prompt, turned out to be.
enum Next {
    Message {
        to: Vec<SocketAddr>,
        message: Vec<u8>,
    },
    /// It cannot be sent; the next one may be better.
    Wrong(Failure),
    End,
}

/// The next message and whom it goes to. An error is that there can be no next.
fn next_message(
    input: &mut Input,
    servers: &[SocketAddr],
    args: &UdpClientArgs,
) -> Result<Next, Failure> {
    if !servers.is_empty() {
        let line = input.next(MESSAGE_PROMPT)?;
        return Ok(message_to(servers.to_vec(), line));
    }
    if input.is_terminal() {
        let Some(host) = input.next("Input host address: ")? else { return Ok(Next::End) };
        let host = text(host).and_then(|host| server(String::from_utf8_lossy(&host).trim(), args));
        return Ok(match host {
            Ok(to) => message_to(vec![to], input.next(MESSAGE_PROMPT)?),
            Err(failure) => Next::Wrong(failure),
        });
    }
    let Some(line) = input.next("")? else { return Ok(Next::End) };
    let next = text(line).and_then(|line| {
        let (host, message) = split_addressed(&line).map_err(|e| Failure::usage(e.to_string()))?;
        Ok(Next::Message { to: vec![server(host, args)?], message: message.to_vec() })
    });
    Ok(next.unwrap_or_else(Next::Wrong))
}

fn message_to(to: Vec<SocketAddr>, line: Option<InputLine>) -> Next {
    match line.map(text) {
        Some(Ok(message)) => Next::Message { to, message },
        Some(Err(failure)) => Next::Wrong(failure),
        None => Next::End,
    }
}

fn server(host: &str, args: &UdpClientArgs) -> Result<SocketAddr, Failure> {
    let host: HostPort = host.parse().map_err(|e: AddressError| Failure::usage(e.to_string()))?;
    datagram_address(&host, args.port)
}

fn text(line: InputLine) -> Result<Vec<u8>, Failure> {
    match line {
        InputLine::Line(line) => Ok(line),
        InputLine::TooLong => Err(Failure::usage(format!(
            "the line is more than {MAX_LINE} bytes long, and a datagram carries at most {}; it was not sent",
            max_payload(&ANY_V6)
        ))),
    }
}
