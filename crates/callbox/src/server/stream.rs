//! `callbox tcp server`, and the streams of `callbox unix server`.

use std::sync::{Arc, PoisonError};
use std::thread;

use callbox_exchange::Bare;
use callbox_net::limits;
use callbox_net::stream::{Limits, Server, Stopper, StreamListener};

use super::conversation::{SharedRecorder, Worker};
use super::places::{Place, listen_at};
use super::stop_on_signal;
use crate::cli::{StreamServeArgs, TcpServerArgs};
use crate::log::Log;
use crate::messages::{self, Failure, Reason};

/// Connections at a time unless told otherwise, as far as the limit on open files allows: memory stays below 300 MB.
const MAX_CONNECTIONS: usize = 65_536;

/// Descriptors kept for everything that is no connection.
const RESERVED_FILES: usize = 32;

/// Runs `callbox tcp server` until a signal ends it.
pub fn run_tcp(args: TcpServerArgs) -> Result<(), Failure> {
    let trace = messages::trace(args.serve.verbose);
    let workers = limits::processors();
    let bind = |place: Place| {
        StreamListener::bind_tcp_group(place.address, place.dual_stack, workers, &trace)
    };
    let port = |listener: &StreamListener| listener.local_addr().map(|taken| taken.port());
    let listeners = listen_at(&args.bind, args.port, bind, port)?;
    run(listeners, &args.serve)
}

/// Serves on `listeners` until a signal, or the end of standard output's reader, ends it.
pub(super) fn run(listeners: Vec<StreamListener>, args: &StreamServeArgs) -> Result<(), Failure> {
    let mut places: Vec<_> = listeners.iter().map(ToString::to_string).collect();
    places.dedup();
    let server = StreamServer::new(listeners, args)?;
    let stopper = server.stopper();
    let on_closed = stopper.clone();
    stop_on_signal(move || {
        let open = stopper.open();
        // Before anything is said: whoever reads standard error may have stopped.
        stopper.stop();
        if open > 0 {
            messages::status(format_args!(
                "Finishing what is open ({open}); a second signal ends it at once"
            ));
        }
    })?;
    let log = Log::start(args.quiet, "connection", move || on_closed.stop())
        .map_err(|e| no_server(&e))?;
    for place in places {
        messages::status(format_args!("Listening at {}", Bare(place.as_bytes())));
    }
    log.line("Waiting for a new connection");
    let result = server.serve(&log);
    log.finish();
    result
}

/// A server that listens and does not yet serve: one event loop for each listener.
pub struct StreamServer {
    servers: Vec<Server<Worker>>,
    recorders: Vec<SharedRecorder>,
    limits: Limits,
}

impl StreamServer {
    /// A server for what comes to `listeners`.
    pub fn new(listeners: Vec<StreamListener>, args: &StreamServeArgs) -> Result<Self, Failure> {
        let limits = connection_limits(args);
        let mut server = Self { servers: Vec::new(), recorders: Vec::new(), limits };
        for listener in listeners {
            let recorder = SharedRecorder::default();
            let worker = Worker::new(args.service.0, Arc::clone(&recorder), args.idle_timeout.0);
            let limits = server.limits.clone();
            server.servers.push(Server::new(listener, worker, limits).map_err(|e| no_server(&e))?);
            server.recorders.push(recorder);
        }
        Ok(server)
    }

    /// A handle that ends [`Self::serve`].
    pub fn stopper(&self) -> StreamStopper {
        StreamStopper {
            stoppers: self.servers.iter().map(Server::stopper).collect(),
            limits: self.limits.clone(),
        }
    }

    /// Serves until it is stopped, one thread an event loop. A loop that fails, or cannot start, ends the others: a
    /// server that took only some of its connections would be worse than none.
    pub fn serve(self, log: &Log) -> Result<(), Failure> {
        for recorder in &self.recorders {
            *recorder.lock().unwrap_or_else(PoisonError::into_inner) = log.recorder();
        }
        let stopper = self.stopper();
        thread::scope(|scope| {
            let mut threads = Vec::with_capacity(self.servers.len());
            let mut started = Ok(());
            for (number, mut server) in self.servers.into_iter().enumerate() {
                let on_end = StopOnDrop(stopper.clone());
                let builder = thread::Builder::new().name(format!("stream-{number}"));
                let spawned = builder.spawn_scoped(scope, move || {
                    let _on_end = on_end;
                    server.run()
                });
                match spawned {
                    Ok(thread) => threads.push(thread),
                    Err(error) => {
                        started = Err(no_server(&error));
                        break;
                    }
                }
            }
            threads.into_iter().fold(started, |result, thread| match thread.join() {
                Ok(Err(error)) => result.and_then(|()| Err(no_server(&error))),
                _ => result,
            })
        })
    }
}

/// Ends a server, from any thread.
#[derive(Clone)]
pub struct StreamStopper {
    stoppers: Vec<Stopper>,
    limits: Limits,
}

impl StreamStopper {
    /// No connection is accepted any more; those that are open have a few seconds to finish.
    pub fn stop(&self) {
        self.stoppers.iter().for_each(Stopper::stop);
    }

    /// Connections that are open.
    pub fn open(&self) -> usize {
        self.limits.open()
    }
}

/// Ends all event loops when one of them ends, in whatever way.
struct StopOnDrop(StreamStopper);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.stop();
    }
}

fn connection_limits(args: &StreamServeArgs) -> Limits {
    let files = limits::raise_open_files().saturating_sub(RESERVED_FILES).max(1);
    let connections = match args.max_connections {
        Some(asked) => asked as usize,
        None => MAX_CONNECTIONS.min(files),
    };
    Limits::new(connections, args.idle_timeout.0)
}

fn no_server(error: &std::io::Error) -> Failure {
    Failure::network(format!("cannot serve: {}", Reason(error)))
}
