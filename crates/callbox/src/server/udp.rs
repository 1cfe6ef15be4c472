//! `callbox udp server`: a thread and a socket for each core, and batches of datagrams on each.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use callbox_net::datagram::{Batch, DatagramSocket};
use callbox_net::limits;
use callbox_net::trace::Trace;
use callbox_services::Service;
use callbox_services::guard::Guard;

use super::datagram::Answering;
use super::{listen_at, own_addresses, stop_on_signal};
use crate::cli::UdpServerArgs;
use crate::log::Log;
use crate::messages::{self, Failure};

/// Runs the server until a signal, or the end of standard output's reader, ends it.
pub fn run(args: UdpServerArgs) -> Result<(), Failure> {
    let server = UdpServer::bind(&args, &messages::trace(args.verbose))?;
    let stopper = server.stopper();
    let on_closed = stopper.clone();
    stop_on_signal(move || stopper.stop())?;
    let log =
        Log::start(args.quiet, "datagram", move || on_closed.stop()).map_err(|e| no_thread(&e))?;
    for address in server.addresses() {
        messages::status(format_args!("Listening at {address}"));
    }
    server.serve(&log)?;
    log.finish();
    Ok(())
}

/// A server that is bound and not yet serving.
pub struct UdpServer {
    sockets: Vec<Arc<DatagramSocket>>,
    addresses: Vec<SocketAddr>,
    service: &'static Service,
    args: UdpServerArgs,
    stopping: Arc<AtomicBool>,
}

impl UdpServer {
    /// Binds every socket that `args` ask for, and tells `trace` of their calls.
    pub fn bind(args: &UdpServerArgs, trace: &Trace) -> Result<Self, Failure> {
        let workers = limits::processors();
        let sockets = listen_at(&args.bind, args.port, |place| {
            DatagramSocket::bind_group(place.address, place.dual_stack, workers, trace)
        })?;
        let mut addresses: Vec<_> =
            sockets.iter().filter_map(|socket| socket.local_addr().ok()).collect();
        addresses.dedup();
        Ok(Self {
            sockets: sockets.into_iter().map(Arc::new).collect(),
            addresses,
            service: args.service.0,
            args: args.clone(),
            stopping: Arc::new(AtomicBool::new(false)),
        })
    }

    /// The addresses that it listens at, each once.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// A handle that ends [`Self::serve`].
    pub fn stopper(&self) -> Stopper {
        Stopper { sockets: self.sockets.clone(), stopping: Arc::clone(&self.stopping) }
    }

    /// Serves until it is stopped: one thread a socket.
    pub fn serve(&self, log: &Log) -> Result<(), Failure> {
        let own = own_addresses(&self.addresses);
        thread::scope(|scope| {
            for (number, socket) in self.sockets.iter().enumerate() {
                let Some(service) = self.service.datagram else { continue };
                let guard = Guard::new(self.args.guard.policy(), self.service, &own);
                let mut answering = Answering::new(service(), guard, log.recorder());
                thread::Builder::new()
                    .name(format!("udp-{number}"))
                    .spawn_scoped(scope, move || {
                        let mut batch = Batch::new(true);
                        while !self.stopping.load(Ordering::Acquire) {
                            turn(socket, &mut batch, &mut answering);
                        }
                    })
                    .map_err(|e| no_thread(&e))?;
            }
            Ok(())
        })
    }
}

/// One batch: received, answered, sent.
pub fn turn(socket: &DatagramSocket, batch: &mut Batch, answering: &mut Answering) {
    // An error here is about an earlier answer, such as an ICMP message that came back: the next call is clean.
    if let Ok(1..) = batch.receive(socket) {
        answering.begin();
        batch.respond(socket, answering);
        answering.end();
    }
}

/// Ends a server, from any thread.
#[derive(Clone)]
pub struct Stopper {
    sockets: Vec<Arc<DatagramSocket>>,
    stopping: Arc<AtomicBool>,
}

impl Stopper {
    /// Datagrams that are being answered are answered still.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::Release);
        for socket in &self.sockets {
            socket.wake();
        }
    }
}

fn no_thread(error: &std::io::Error) -> Failure {
    Failure::network(format!("cannot start a thread: {}", messages::Reason(error)))
}
