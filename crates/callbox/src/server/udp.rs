//! `callbox udp server`: a thread and a socket for each core, and batches of datagrams on each.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use callbox_net::datagram::{Batch, DatagramSocket};
use callbox_net::limits;
use callbox_net::trace::Trace;
use callbox_services::Service;
use callbox_services::guard::Guard;

use super::datagram::Answering;
use super::places::{Place, listen_at};
use super::{own_addresses, stop_on_signal};
use crate::cli::UdpServerArgs;
use crate::log::Log;
use crate::messages::{self, Failure, no_thread};

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
    let result = server.serve(&log);
    log.finish();
    result
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
        let bind = |place: Place| {
            DatagramSocket::bind_group(place.address, place.dual_stack, workers, trace)
        };
        let port = |socket: &DatagramSocket| socket.local_addr().ok().map(|taken| taken.port());
        let sockets = listen_at(&args.bind, args.port, bind, port)?;
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
                let builder = thread::Builder::new().name(format!("udp-{number}"));
                let spawned = builder.spawn_scoped(scope, move || {
                    let mut batch = Batch::new(true);
                    while !self.stopping.load(Ordering::Acquire) {
                        turn(socket, &mut batch, &mut answering);
                    }
                });
                if let Err(error) = spawned {
                    // The scope waits for the threads that did start.
                    self.stopper().stop();
                    return Err(no_thread(&error));
                }
            }
            Ok(())
        })
    }
}

/// How long to wait after an error, should it last: a loop that only fails must not take a core.
const PAUSE: Duration = Duration::from_millis(1);

/// One batch: received, answered, sent.
pub fn turn(socket: &DatagramSocket, batch: &mut Batch, answering: &mut Answering) {
    match batch.receive(socket) {
        // Woken.
        Ok(0) => {}
        Ok(_) => {
            answering.begin();
            batch.respond(socket, answering);
            answering.end(batch.overflow());
        }
        // About an earlier answer, such as an ICMP message that came back: the next call is clean.
        Err(_) => thread::sleep(PAUSE),
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
