//! A program with a connection as its input and output: `-e`, `-c`, `--lua-exec`.

use std::io;
use std::os::unix::net::UnixStream;

use callbox_net::stream::drop_unread;

use crate::bridge::{self, Bridge, Told};
use crate::client::idle;
use crate::connect::Open;
use crate::conversation::{begin_record, settle};
use crate::link::child_io::ChildIo;
use crate::link::{Link, stream};
use crate::options::{Carrier, Options, Run};
use crate::record::Recorder;
use crate::record::pcap::Side;
use crate::run::{self, Environment, Running};
use crate::says::{Says, Status, Trouble, words};

/// A program that was started, and what still has to be carried to it and from it: nothing, if it has the socket itself.
pub struct Started {
    /// The program.
    pub running: Running,
    /// Between the connection and the program.
    pub bridge: Option<Bridge>,
    /// The connection, while the program has it.
    lent: Option<Box<dyn Link>>,
    /// What the records know the connection by.
    pub record: u64,
}

/// Starts a program with the connection, which `opener` opened.
///
/// # Errors
///
/// If it cannot be started.
pub fn start(
    run: &Run,
    open: Open,
    opener: Side,
    options: &Options,
    recorder: &mut Recorder,
    says: Says,
) -> io::Result<Started> {
    let (local, remote) = (open.local.clone(), open.peer.clone());
    let environment = Environment { local, remote, protocol: protocol(options.carrier) };
    let ends = (&environment.local, &environment.remote);
    let record = begin_record(recorder, ends, open.link.keeps_messages(), opener);
    if open.link.keeps_messages() {
        let (ours, input, output) = ChildIo::new(open.link.longest())?;
        let running = run::start(run, (input.into(), output), &environment, says.prefix())?;
        let bridge = Bridge::to_program(open.link, Box::new(ours), options.flow.crlf);
        return Ok(Started { running, bridge: Some(bridge), lent: None, record });
    }
    // What nobody looks at nobody has to carry: neither for a record, nor to see how long it is idle, nor for line ends.
    if let Some(socket) = open.link.direct()
        && !recorder.is_recording()
        && options.flow.idle.is_none()
        && !options.flow.crlf
    {
        let socket = (socket.try_clone_to_owned()?, socket.try_clone_to_owned()?);
        let running = run::start(run, socket, &environment, says.prefix())?;
        return Ok(Started { running, bridge: None, lent: Some(open.link), record });
    }
    let (ours, its) = UnixStream::pair()?;
    let its = (its.try_clone()?.into(), its.into());
    let running = run::start(run, its, &environment, says.prefix())?;
    let end: Box<dyn Link> = Box::new(stream::Stream::of_pair(ours)?);
    let bridge = Bridge::to_program(open.link, end, options.flow.crlf);
    Ok(Started { running, bridge: Some(bridge), lent: None, record })
}

impl Started {
    /// Whether the program has ended, and with it the connection that it had.
    pub fn reap(&mut self) -> bool {
        let ended = self.running.reap();
        if ended {
            self.take_back();
        }
        ended
    }

    /// Waits until the program has ended.
    fn wait(&mut self) {
        self.running.wait();
        self.take_back();
    }

    /// Closes the connection behind the program, in order also if that did not read all.
    fn take_back(&mut self) {
        if let Some(socket) = self.lent.take().as_ref().and_then(|link| link.direct()) {
            drop_unread(socket);
        }
    }
}

/// Shows the records what a bridge carries between a connection and a program.
pub fn tap(recorder: &mut Recorder, record: u64) -> impl FnMut(usize, Told<'_>) {
    move |side, told| match (side, told) {
        (0, Told::Bytes(bytes)) => recorder.received(record, bytes),
        (0, Told::End) => recorder.ended(record, Side::Peer),
        (_, Told::Bytes(bytes)) => recorder.sent(record, bytes),
        (_, Told::End) => recorder.ended(record, Side::Local),
    }
}

/// Starts a program with the connection, and waits until it has ended.
///
/// # Errors
///
/// If the connection breaks, or is idle for too long. What the program makes of it is its own matter.
pub fn run_to_its_end(
    run: &Run,
    open: Open,
    opener: Side,
    options: &Options,
    recorder: &mut Recorder,
    says: Says,
) -> Result<(), Trouble> {
    let mut started = match start(run, open, opener, options, recorder, says) {
        Ok(started) => started,
        Err(error) => {
            says.line(format_args!("exec: {}", words(&error)));
            return Ok(());
        }
    };
    let carried = match started.bridge.take() {
        Some(bridge) => {
            let mut show = |side, told: Told<'_>| {
                tap(recorder, started.record)(side, told);
                settle(recorder, says);
            };
            bridge::run(bridge, options.flow.idle, &mut show).map(|_| ())
        }
        None => Ok(()),
    };
    recorder.close(started.record);
    settle(recorder, says);
    match carried {
        Ok(()) => {
            started.wait();
            Ok(())
        }
        Err(error) if error.kind() == io::ErrorKind::TimedOut => {
            let words = options.flow.idle.map_or_else(|| "TIMEOUT".to_owned(), idle);
            Err(match opener {
                Side::Local => Trouble::Network(words),
                Side::Peer => Trouble::Listener(Status::Call, words),
            })
        }
        Err(error) => Err(Trouble::network(&error)),
    }
}

/// What NCAT_PROTO says.
const fn protocol(carrier: Carrier) -> &'static str {
    match carrier {
        Carrier::Stream => "TCP",
        Carrier::Datagram => "UDP",
        Carrier::Sctp => "SCTP",
        Carrier::Quic => "QUIC",
    }
}
