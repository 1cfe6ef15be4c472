//! Servers that run beside an act, on threads of their own, and end with it.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use callbox_net::stream::StreamListener;
use callbox_net::unix_datagram::UnixDatagramSocket;

use super::calls::Who;
use super::stage::{Stage, Stop, typed};
use crate::chat;
use crate::cli::{DatagramServiceName, TcpServerArgs, UdpServerArgs};
use crate::log::Log;
use crate::server::stream::StreamServer;
use crate::server::udp::UdpServer;
use crate::server::unix::answer_all;

/// A server at work. Dropping it ends it.
pub(super) struct AtWork {
    stop: Option<Box<dyn FnOnce()>>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for AtWork {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            stop();
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl AtWork {
    fn start(
        stop: impl FnOnce() + 'static,
        serve: impl FnOnce() + Send + 'static,
    ) -> Result<Self, Stop> {
        let thread = thread::Builder::new().name("tour".to_owned()).spawn(serve)?;
        Ok(Self { stop: Some(Box::new(stop)), thread: Some(thread) })
    }
}

/// `callbox udp server -p 0` with the further flags `words`, and its address. Of the calls that set it up those `shown`
/// are shown.
pub(super) fn udp(
    stage: &mut Stage<'_>,
    words: &[&str],
    shown: &[&str],
) -> Result<(SocketAddr, AtWork), Stop> {
    // A server that ended before was woken up for it, which looks like a datagram.
    stage.forget();
    let args: UdpServerArgs = typed(&[&["-p", "0"], words].concat())?;
    let server = UdpServer::bind(&args, &stage.trace(Who::Server))?;
    set_up(stage, shown)?;
    let addresses = server.addresses();
    let address = *addresses.first().ok_or_else(|| Stop::Step("it has no address".to_owned()))?;
    let stopper = server.stopper();
    let serve = move || {
        // What it cannot do, the act misses.
        let _ = server.serve(&Log::silent());
    };
    Ok((address, AtWork::start(move || stopper.stop(), serve)?))
}

/// A TCP server on 127.0.0.1 with the service of this name, and its address.
pub(super) fn tcp(stage: &mut Stage<'_>, service: &str) -> Result<(SocketAddr, AtWork), Stop> {
    stage.forget();
    let trace = stage.trace(Who::Server);
    let anywhere = SocketAddr::from(([127, 0, 0, 1], 0));
    let listener = StreamListener::bind_tcp_group(anywhere, false, 1, &trace)?.remove(0);
    set_up(stage, &[])?;
    let address = listener.local_addr().unwrap_or(anywhere);
    Ok((address, streams(listener, service)?))
}

/// A chat server that keeps nothing, and its address. Of the calls that set it up those `shown` are shown.
pub(super) fn chat(stage: &mut Stage<'_>, shown: &[&str]) -> Result<(SocketAddr, AtWork), Stop> {
    stage.forget();
    let (chat, address) = chat::server::for_a_while(&stage.trace(Who::Server))?;
    set_up(stage, shown)?;
    let handle = chat.handle();
    let serve = move || {
        // What it cannot do, the act misses.
        let _ = chat.run();
    };
    Ok((address, AtWork::start(move || handle.stop(), serve)?))
}

/// A server at a path, with the service of this name.
pub(super) fn unix_stream(
    stage: &mut Stage<'_>,
    path: &Path,
    service: &str,
) -> Result<AtWork, Stop> {
    let listener = StreamListener::bind_unix(path, &stage.trace(Who::Server))?;
    set_up(stage, &["bind("])?;
    streams(listener, service)
}

/// A datagram server at a path, in capitals.
pub(super) fn unix_datagram(stage: &mut Stage<'_>, path: &Path) -> Result<AtWork, Stop> {
    let service: DatagramServiceName = DatagramServiceName::DEFAULT.parse().map_err(Stop::Step)?;
    let socket = UnixDatagramSocket::bind(path, &stage.trace(Who::Server))?;
    set_up(stage, &["bind("])?;
    let waker = socket.waker()?;
    let stopping = Arc::new(AtomicBool::new(false));
    let theirs = Arc::clone(&stopping);
    let stop = move || {
        stopping.store(true, Ordering::Release);
        waker.wake();
    };
    AtWork::start(stop, move || answer_all(&socket, service, &Log::silent(), &theirs))
}

/// A server is set up before anybody comes to it, and so are its calls told.
fn set_up(stage: &mut Stage<'_>, shown: &[&str]) -> Result<(), Stop> {
    shown.iter().try_for_each(|wanted| stage.call(Who::Server, wanted))?;
    stage.settle()
}

fn streams(listener: StreamListener, service: &str) -> Result<AtWork, Stop> {
    let args: TcpServerArgs = typed(&["--service", service])?;
    let server = StreamServer::new(vec![listener], &args.serve)?;
    let stopper = server.stopper();
    let serve = move || {
        // What it cannot do, the act misses.
        let _ = server.serve(&Log::silent());
    };
    AtWork::start(move || stopper.stop(), serve)
}
