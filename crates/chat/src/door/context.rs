//! What all doors of a server share: the certificate, the settings of the web, the limits, and how many TLS handshakes
//! are in progress.

use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use callbox_irc::framer;

use super::tls::TlsConfigs;

/// Gives the text for `/metrics`, in the Prometheus format. Called on the thread that serves the connection.
pub type Metrics = Arc<dyn Fn() -> String + Send + Sync>;

/// Whether `/metrics` answers a client at this address.
pub type MetricsReaders = Arc<dyn Fn(IpAddr) -> bool + Send + Sync>;

/// What the web doors are allowed.
#[derive(Clone)]
pub struct WebSettings {
    /// The room that the page sends people to.
    pub lobby: Box<str>,
    /// The origins whose pages may open a WebSocket (`https://chat.example.org`), or `*` for all, besides the host that
    /// the request itself names.
    pub origins: Vec<Box<str>>,
    /// Who may read the metrics. The address is never an IPv4 address mapped into IPv6.
    pub metrics_readers: MetricsReaders,
}

impl Default for WebSettings {
    /// No other origins, and metrics for this machine alone.
    fn default() -> Self {
        let metrics_readers: MetricsReaders = Arc::new(|address| address.is_loopback());
        Self { lobby: "#lobby".into(), origins: Vec::new(), metrics_readers }
    }
}

impl std::fmt::Debug for WebSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WebSettings").field("origins", &self.origins).finish_non_exhaustive()
    }
}

/// How much a connection may ask before it is a chat, and for how long.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Limits {
    /// The lines of IRC, over a stream and in WebSocket messages.
    pub irc: framer::Limits,
    /// The lines of the plain door.
    pub plain: framer::Limits,
    /// For the first bytes, by which the door is chosen; anew inside TLS.
    pub first_bytes: Duration,
    /// For a TLS handshake.
    pub handshake: Duration,
    /// For the head of an HTTP request.
    pub request: Duration,
    /// For the next request on a connection that was answered.
    pub keep_alive: Duration,
    /// TLS handshakes in progress, on all threads together. A handshake holds up to
    /// [`HANDSHAKE_BYTES`](super::tls::HANDSHAKE_BYTES), so the default stands for 32 MiB at the very worst. What comes
    /// above it is closed and may come again.
    pub handshakes: usize,
}

/// The longest line of the plain door, with its ending: a paragraph that somebody pastes. It is split into lines of IRC
/// later.
const PLAIN_LINE: u32 = crate::plain::MAX_TEXT as u32 + 2;

impl Default for Limits {
    fn default() -> Self {
        Self {
            irc: framer::Limits::default(),
            plain: framer::Limits { tags: PLAIN_LINE, body: PLAIN_LINE },
            // A person at nc, who sees nothing, and wonders.
            first_bytes: Duration::from_secs(60),
            // Three round trips to the other side of the world, with a segment lost in each.
            handshake: Duration::from_secs(10),
            request: Duration::from_secs(10),
            keep_alive: Duration::from_secs(15),
            handshakes: 512,
        }
    }
}

/// What all doors of a server share. One for all threads; what may change while the server runs is replaced whole.
pub struct Context {
    pub(super) limits: Limits,
    tls: RwLock<Option<Arc<TlsConfigs>>>,
    web: RwLock<Arc<WebSettings>>,
    metrics: Metrics,
    handshakes: AtomicUsize,
}

impl std::fmt::Debug for Context {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Context")
            .field("limits", &self.limits)
            .field("web", &self.web)
            .field("handshakes", &self.handshakes)
            .finish_non_exhaustive()
    }
}

impl Context {
    /// Without `tls`, whoever begins a TLS handshake is told that there is none.
    pub fn new(
        limits: Limits,
        tls: Option<TlsConfigs>,
        web: WebSettings,
        metrics: Metrics,
    ) -> Self {
        Self {
            limits,
            tls: RwLock::new(tls.map(Arc::new)),
            web: RwLock::new(Arc::new(web)),
            metrics,
            handshakes: AtomicUsize::new(0),
        }
    }

    /// Replaces the certificate. Handshakes that have begun and connections that stand keep the old one.
    pub fn set_tls(&self, tls: Option<TlsConfigs>) {
        *self.tls.write().unwrap_or_else(PoisonError::into_inner) = tls.map(Arc::new);
    }

    /// Replaces the settings of the web, for requests from now on.
    pub fn set_web(&self, web: WebSettings) {
        *self.web.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(web);
    }

    /// TLS handshakes in progress.
    pub fn handshakes(&self) -> usize {
        self.handshakes.load(Ordering::Relaxed)
    }

    pub(super) fn tls(&self) -> Option<Arc<TlsConfigs>> {
        self.tls.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn web(&self) -> Arc<WebSettings> {
        self.web.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The text for `/metrics`, if `peer` may have it.
    pub(super) fn metrics_for(&self, peer: SocketAddr) -> Option<String> {
        let allowed = (self.web().metrics_readers)(peer.ip().to_canonical());
        allowed.then(|| (self.metrics)())
    }

    /// A place among the handshakes in progress, if one is free.
    pub(super) fn begin_handshake(self: &Arc<Self>) -> Option<HandshakeSlot> {
        let most = self.limits.handshakes;
        self.handshakes
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |taken| {
                (taken < most).then_some(taken + 1)
            })
            .ok()
            .map(|_| HandshakeSlot(Arc::clone(self)))
    }
}

/// A place among the handshakes in progress; dropping it gives it back.
#[derive(Debug)]
pub(super) struct HandshakeSlot(Arc<Context>);

impl Drop for HandshakeSlot {
    fn drop(&mut self) {
        self.0.handshakes.fetch_sub(1, Ordering::Relaxed);
    }
}
