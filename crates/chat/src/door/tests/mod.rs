//! What one connection says and hears, however its bytes are cut.

mod intake;
mod lines;
mod secure;
mod web;
mod websocket;

use proptest::prelude::*;

use super::*;

/// An [`Incoming`] that is kept.
#[derive(Clone, Debug, Eq, PartialEq)]
enum Event {
    Opened(Door),
    Line(String),
    TooLong,
    Close(CloseWhy),
}

/// A pipe, and all that came of it.
struct Run {
    pipe: Pipe,
    now: Duration,
    events: Vec<Event>,
    peer: Option<Peer>,
    wire: Vec<u8>,
}

const HERE: &str = "127.0.0.1:50000";
const ELSEWHERE: &str = "192.0.2.7:50000";

impl Run {
    fn new(context: &Arc<Context>, address: &str) -> Self {
        Self::on(TlsUse::Optional, context, address)
    }

    fn on(tls: TlsUse, context: &Arc<Context>, address: &str) -> Self {
        let now = Duration::from_secs(1000);
        let pipe = Pipe::new(context, address.parse().unwrap(), tls, now);
        Self { pipe, now, events: Vec::new(), peer: None, wire: Vec::new() }
    }

    /// One read.
    fn read(&mut self, bytes: &[u8]) {
        let mut input = bytes;
        while let Some(incoming) = self.pipe.next(&mut input, self.now) {
            self.events.push(match incoming {
                Incoming::Opened(peer) => {
                    let door = peer.door;
                    assert_eq!(self.peer.replace(peer), None, "opened once");
                    Event::Opened(door)
                }
                Incoming::Line(line) => Event::Line(String::from_utf8_lossy(line).into_owned()),
                Incoming::TooLong => Event::TooLong,
                Incoming::Close(why) => Event::Close(why),
            });
        }
        assert!(input.is_empty(), "None means that all was taken in");
        self.pipe.take_output(&mut self.wire);
    }

    /// Reads of these sizes, again and again.
    fn read_in(&mut self, mut bytes: &[u8], sizes: &[usize]) {
        for size in sizes.iter().cycle() {
            if bytes.is_empty() {
                return;
            }
            let (piece, rest) = bytes.split_at((*size).min(bytes.len()));
            self.read(piece);
            bytes = rest;
        }
    }

    fn heard(&self) -> String {
        String::from_utf8_lossy(&self.wire).into_owned()
    }
}

fn context_with(limits: Limits, tls: Option<tls::TlsConfigs>, web: WebSettings) -> Arc<Context> {
    Arc::new(Context::new(limits, tls, web, Arc::new(|| "callbox_up 1\n".to_owned())))
}

fn context() -> Arc<Context> {
    context_with(Limits::default(), None, WebSettings::default())
}

/// All that comes of `bytes` from a peer at `address`, in one read.
fn run(address: &str, bytes: &[u8]) -> Run {
    let mut run = Run::new(&context(), address);
    run.read(bytes);
    run
}

fn line(text: &str) -> Event {
    Event::Line(text.to_owned())
}

/// That the reads' sizes make no difference.
fn same_however_cut(bytes: &[u8], sizes: &[usize]) -> Result<(), TestCaseError> {
    let whole = run(HERE, bytes);
    let mut cut = Run::new(&context(), HERE);
    cut.read_in(bytes, sizes);
    prop_assert_eq!(&cut.events, &whole.events);
    prop_assert_eq!(cut.heard(), whole.heard());
    Ok(())
}

fn sizes() -> impl Strategy<Value = Vec<usize>> {
    proptest::collection::vec(1_usize..40, 1..6)
}
