//! `callbox unix server`: the same services at a path.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use callbox_exchange::Bare;
use callbox_net::stream::StreamListener;
use callbox_net::unix_datagram::{MAX_PAYLOAD, UnixDatagramSocket, UnixPeer};
use callbox_services::Answer;

use super::datagram::wall_clock;
use super::{stop_on_signal, stream};
use crate::cli::{
    DatagramServiceName, StreamServeArgs, StreamServiceName, UnixServerArgs, UnixType,
};
use crate::log::Log;
use crate::messages::{self, Failure, Reason, shown_path};

/// Runs the server until a signal ends it. The socket file goes with it.
pub fn run(args: UnixServerArgs) -> Result<(), Failure> {
    match args.kind {
        UnixType::Stream => run_stream(&args),
        UnixType::Datagram => run_datagram(&args),
    }
}

fn run_stream(args: &UnixServerArgs) -> Result<(), Failure> {
    let trace = messages::trace(args.verbose);
    let name = args.service.as_deref().unwrap_or(StreamServiceName::DEFAULT);
    let service: StreamServiceName =
        name.parse().map_err(|e: String| messages::wrong_service(name, &e))?;
    let listener =
        StreamListener::bind_unix(&args.path, &trace).map_err(|e| cannot_bind(&args.path, &e))?;
    let serve = StreamServeArgs {
        service,
        idle_timeout: args.idle_timeout,
        max_connections: args.max_connections,
        quiet: args.quiet,
        verbose: args.verbose,
    };
    stream::run(vec![listener], &serve)
}

fn run_datagram(args: &UnixServerArgs) -> Result<(), Failure> {
    let name = args.service.as_deref().unwrap_or(DatagramServiceName::DEFAULT);
    let service: DatagramServiceName =
        name.parse().map_err(|e: String| messages::wrong_service(name, &e))?;
    let trace = messages::trace(args.verbose);
    let socket =
        UnixDatagramSocket::bind(&args.path, &trace).map_err(|e| cannot_bind(&args.path, &e))?;
    let waker = socket
        .waker()
        .map(Arc::new)
        .map_err(|e| Failure::network(format!("cannot serve: {}", Reason(&e))))?;
    let stopping = Arc::new(AtomicBool::new(false));
    let stop = {
        let stopping = Arc::clone(&stopping);
        move || {
            stopping.store(true, Ordering::Release);
            waker.wake();
        }
    };
    let on_closed = stop.clone();
    stop_on_signal(stop)?;
    let log = Log::start(args.quiet, "datagram", on_closed).map_err(|e| messages::no_thread(&e))?;
    messages::status(format_args!("Listening at {}", shown_path(&args.path)));
    answer_all(&socket, service, &log, &stopping);
    log.finish();
    Ok(())
}

/// One datagram a call: between processes of one user there is no network to save calls for. Only that user may send
/// (the file's permissions), so no guard stands here.
pub fn answer_all(
    socket: &UnixDatagramSocket,
    service: DatagramServiceName,
    log: &Log,
    stopping: &AtomicBool,
) {
    let Some(mut service) = service.0.datagram.map(|make| make()) else { return };
    let mut recorder = log.recorder();
    let start = Instant::now();
    // One byte more, so that none is cut unseen.
    let mut buffer = vec![0; MAX_PAYLOAD + 1];
    let mut cut_before = false;
    let mut reply = Vec::with_capacity(MAX_PAYLOAD);
    while !stopping.load(Ordering::Acquire) {
        let Ok(Some((length, peer))) = socket.recv_from(&mut buffer, None) else { continue };
        if length == 0 && peer.name().is_empty() && stopping.load(Ordering::Acquire) {
            break;
        }
        if length > MAX_PAYLOAD {
            // Said once: a peer that sends many of them must not fill the screen.
            if !std::mem::replace(&mut cut_before, true) {
                let peer = shown(&peer);
                messages::status(format_args!(
                    "A datagram from {peer} is longer than {MAX_PAYLOAD} bytes and gets no answer; others like it will get none either"
                ));
            }
            continue;
        }
        let datagram = &mut buffer[..length];
        recorder.named_datagram(start.elapsed(), &shown(&peer), datagram);
        reply.clear();
        let answer = match service.on_datagram(wall_clock(), datagram, &mut reply) {
            Answer::Silence => continue,
            Answer::InPlace { .. } => &*datagram,
            Answer::Written => &reply,
        };
        // A peer without a name, or one that does not read, goes without.
        let _ = socket.send_to(answer, &peer);
    }
}

/// A peer's address as unix(7) writes it: a path, `@name` for an abstract one.
fn shown(peer: &UnixPeer) -> String {
    match (peer.is_abstract(), peer.name()) {
        (true, name) => format!("@{}", Bare(name)),
        (false, []) => "a socket without a name".to_owned(),
        (false, path) => Bare(path).to_string(),
    }
}

fn cannot_bind(path: &Path, error: &std::io::Error) -> Failure {
    let path = shown_path(path);
    Failure::usage(match error.kind() {
        std::io::ErrorKind::AddrInUse => {
            format!(
                "cannot listen at {path}: another program listens there; stop it, or choose another path"
            )
        }
        std::io::ErrorKind::AlreadyExists => {
            format!(
                "cannot listen at {path}: a file that is no socket is there, and is not replaced; choose another path"
            )
        }
        std::io::ErrorKind::InvalidInput => {
            format!(
                "cannot listen at {path}: a socket's path is 1 to 107 bytes long; choose a shorter one"
            )
        }
        _ => format!("cannot listen at {path}: {}", Reason(error)),
    })
}
