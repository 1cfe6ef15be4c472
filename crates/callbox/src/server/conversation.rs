//! A service on each connection of a stream server, and what is printed of it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use callbox_exchange::EndedEarly;
use callbox_net::stream::{
    CloseReason, Endpoints, Next, Protocol, Service as Connections, Trouble,
};
use callbox_services::greeting::GREETING_LENGTH;
use callbox_services::{ClientShape, Flow, Service, StreamService};

use super::datagram::wall_clock;
use crate::log::{ConnectionEnd, ConnectionEntry, Recorder};
use crate::messages::{self, Reason};

/// Makes a conversation for each connection of one thread.
pub(super) struct Worker {
    service: &'static Service,
    recorder: SharedRecorder,
    start: Instant,
    /// What is said of a connection that was idle for too long.
    idle: Arc<str>,
}

/// All connections of a thread write to the thread's recorder; only that thread locks it.
pub(super) type SharedRecorder = Arc<Mutex<Recorder>>;

impl Worker {
    /// For one thread of a server that closes connections which are silent for `idle`.
    pub(super) fn new(service: &'static Service, recorder: SharedRecorder, idle: Duration) -> Self {
        let idle = format!("nothing moved for {idle:?}").into();
        Self { service, recorder, start: Instant::now(), idle }
    }
}

impl Connections for Worker {
    type Protocol = Conversation;

    fn accept(&mut self, endpoints: Endpoints) -> Conversation {
        Conversation {
            service: self.service.stream.map(|make| make()),
            story: Story::new(endpoints, self.service.client == ClientShape::FixedLength),
            recorder: Arc::clone(&self.recorder),
            start: self.start,
            idle: Arc::clone(&self.idle),
        }
    }

    fn trouble(&mut self, trouble: Trouble) {
        let line = match trouble {
            Trouble::Full { connections } => format!(
                "{connections} connections are open, which is the limit; new ones wait until one ends (--max-connections)"
            ),
            Trouble::OutOfResources(error) => format!(
                "cannot accept a connection: {}; new ones wait until one ends (raise the limit with ulimit -n)",
                Reason(&error)
            ),
        };
        messages::error(line);
    }
}

/// One connection: the service that speaks on it, and what will be printed of it.
pub(super) struct Conversation {
    service: Option<Box<dyn StreamService>>,
    story: Story,
    recorder: SharedRecorder,
    start: Instant,
    idle: Arc<str>,
}

/// What is remembered of a connection in order to print it when it has ended.
struct Story {
    endpoints: Endpoints,
    /// The beginning of what the peer said, for the service that has a fixed length.
    message: Option<([u8; GREETING_LENGTH], u8)>,
    received: u64,
    sent: u64,
}

impl Story {
    const fn new(endpoints: Endpoints, fixed_length: bool) -> Self {
        let message = if fixed_length { Some(([0; GREETING_LENGTH], 0)) } else { None };
        Self { endpoints, message, received: 0, sent: 0 }
    }

    fn heard(&mut self, input: &[u8]) {
        self.received += input.len() as u64;
        if let Some((message, length)) = &mut self.message {
            let at = usize::from(*length);
            let taken = input.len().min(GREETING_LENGTH - at);
            message[at..at + taken].copy_from_slice(&input[..taken]);
            *length += taken as u8;
        }
    }

    fn end(&self, reason: &CloseReason, idle: &str) -> ConnectionEntry {
        let message =
            self.message.as_ref().map(|(message, length)| &message[..usize::from(*length)]);
        let end = match (reason, message) {
            (CloseReason::Lost(error), _) => {
                ConnectionEnd::Because(format!("the connection was lost: {}", Reason(error)))
            }
            (CloseReason::Idle, _) => ConnectionEnd::Because(idle.to_owned()),
            (CloseReason::Stopped, _) => ConnectionEnd::Because("the server stops".to_owned()),
            (CloseReason::Done, Some(message)) if message.len() < GREETING_LENGTH => {
                ConnectionEnd::Early(EndedEarly {
                    expected: GREETING_LENGTH,
                    received: message.len(),
                })
            }
            (CloseReason::Done, _) => ConnectionEnd::Done,
        };
        ConnectionEntry {
            peer: self.endpoints.peer,
            local: self.endpoints.local,
            message: message.filter(|message| !message.is_empty()).map(<[u8]>::to_vec),
            traffic: self.message.is_none().then_some((self.received, self.sent)),
            end,
        }
    }
}

impl Conversation {
    fn speak(
        &mut self,
        out: &mut Vec<u8>,
        tell: impl FnOnce(&mut dyn StreamService, &mut Vec<u8>) -> Flow,
    ) -> Next {
        let Some(service) = &mut self.service else { return Next::Finish };
        let flow = tell(service.as_mut(), out);
        self.story.sent += out.len() as u64;
        match flow {
            Flow::Continue => Next::Continue,
            Flow::Finish => Next::Finish,
        }
    }
}

impl Protocol for Conversation {
    fn on_open(&mut self, out: &mut Vec<u8>) -> Next {
        self.speak(out, |service, out| service.on_open(wall_clock(), out))
    }

    fn on_bytes(&mut self, input: &[u8], out: &mut Vec<u8>) -> Next {
        self.story.heard(input);
        self.speak(out, |service, out| service.on_bytes(wall_clock(), input, out))
    }

    fn on_end(&mut self, out: &mut Vec<u8>) -> Next {
        self.speak(out, |service, out| service.on_end(wall_clock(), out))
    }

    fn poll_output(&mut self, room: usize, out: &mut Vec<u8>) {
        self.speak(out, |service, out| {
            service.poll_output(wall_clock(), room, out);
            Flow::Continue
        });
    }

    fn generates(&self) -> bool {
        self.service.as_ref().is_some_and(|service| service.generates())
    }

    fn on_close(&mut self, reason: CloseReason) {
        let mut recorder = self.recorder.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.start.elapsed();
        recorder
            .connection(now, &self.story.endpoints.peer, || self.story.end(&reason, &self.idle));
    }
}
