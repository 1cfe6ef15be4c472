//! From what was asked for to an open [`Link`]: names, addresses, proxies, and what lies over the socket.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use callbox_net::attempt::{Attempts, Connected, Protocol, Request, Source, Step};
use callbox_net::lookup::{self, LookupError};
use callbox_net::message;
use callbox_net::peer::Peer;
use callbox_net::poller::Poller;

use crate::link::{Link, datagram, dtls, prefixed, quic, stream, tls, websocket};
use crate::options::{Carrier, Family, Options, Target};
use crate::proxy::client::{Chain, Handshake, Proxy, ProxyError, Step as Told};
use crate::proxy::{Host, Kind, Plan, Target as Behind};
use crate::says::{Says, Trouble, shown, words};
use crate::wait;

/// The most of a proxy's answer that is read at once.
const PROXY_READ_BYTES: usize = 4096;

/// A connection, and what there is to tell of it.
pub struct Open {
    /// The connection.
    pub link: Box<dyn Link>,
    /// Who is at the other end of the socket: the target, or the first proxy.
    pub peer: Peer,
    /// Our end of the socket.
    pub local: Peer,
}

/// Connects as the options say, to one port.
///
/// # Errors
///
/// If the network says no, or a name does not resolve.
pub fn connect(options: &Options, target: &Target, says: Says) -> Result<Open, Trouble> {
    Connector { options, says, tls: client_tls(options)? }.connect(target)
}

/// What `--ssl` and its like ask of a client; the files are read. `None` if no TLS is wanted.
fn client_tls(options: &Options) -> Result<Option<tls::Client>, Trouble> {
    if !options.tls.wanted && options.carrier != Carrier::Quic {
        return Ok(None);
    }
    let client = tls::Client::new(&tls_options(options));
    client.map(Some).map_err(|error| Trouble::Call(error.to_string()))
}

/// The options of TLS as the links take them.
pub fn tls_options(options: &Options) -> tls::Options {
    let asked = &options.tls;
    tls::Options {
        verify: asked.verify,
        trust_file: asked.trust.clone(),
        certificate: asked.certificate.clone(),
        key: asked.key.clone(),
        ciphers: asked.ciphers.clone(),
        server_name: asked.server_name.clone(),
        protocols: asked.alpn.clone(),
    }
}

/// The family of addresses to look up.
pub fn family(options: &Options) -> lookup::Family {
    match options.family {
        None => lookup::Family::Any,
        Some(Family::V4) => lookup::Family::V4,
        Some(Family::V6) => lookup::Family::V6,
    }
}

/// The words about a name that does not resolve.
pub fn unresolved(what: &str, name: &str, error: &LookupError) -> String {
    format!("Could not resolve {what} \"{name}\": {error}")
}

struct Connector<'a> {
    options: &'a Options,
    says: Says,
    tls: Option<tls::Client>,
}

impl Connector<'_> {
    fn connect(&self, target: &Target) -> Result<Open, Trouble> {
        let options = self.options;
        // Each attempt has this long, and so have the handshakes behind it.
        let begin = || options.from.wait.map(|wait| Instant::now() + wait);
        if !options.proxies.is_empty() {
            return self.through(target);
        }
        let (protocol, peers, host) = self.peers(target)?;
        if options.carrier == Carrier::Quic {
            return self.quic(&peers, &host);
        }
        let (socket, peer) = self.attempt(protocol, peers)?;
        let local = local(&socket);
        let link: Box<dyn Link> = match socket {
            Connected::Stream(socket) => Box::new(stream::Stream::new(socket)),
            Connected::Messages(socket) => Box::new(datagram::Datagram::new(socket)),
        };
        self.says.verbose(format_args!("Connected to {}.", shown(&peer)));
        let link = self.layers(link, &peer, &host, begin())?;
        Ok(Open { link, peer, local })
    }

    /// What lies over the socket: TLS or DTLS or QUIC, and WebSocket.
    fn layers(
        &self,
        link: Box<dyn Link>,
        peer: &Peer,
        host: &str,
        deadline: Option<Instant>,
    ) -> Result<Box<dyn Link>, Trouble> {
        let mut link = link;
        let secured = self.tls.is_some();
        if let Some(tls) = &self.tls {
            let failed = |error: io::Error| self.handshake_failed(peer, &error);
            link = match self.options.carrier {
                Carrier::Datagram => {
                    dtls::client(link, tls, host, Instant::now()).map_err(failed)?
                }
                _ => tls::client(link, tls, host).map_err(failed)?,
            };
            wait::establish(link.as_mut(), deadline).map_err(failed)?;
        }
        self.tell(link.as_ref(), peer, secured);
        if let Some(asked) = &self.options.websocket {
            let target = websocket::Target { host: asked.host.clone(), path: asked.path.clone() };
            link = websocket::client(link, &target);
            wait::establish(link.as_mut(), deadline)
                .map_err(|error| self.handshake_failed(peer, &error))?;
        }
        Ok(link)
    }

    fn tell(&self, link: &dyn Link, peer: &Peer, secured: bool) {
        if secured && self.says.verbosity() > 0 {
            self.says.verbose(format_args!("SSL connection to {}.", shown(peer)));
            link.story().iter().for_each(|line| self.says.verbose(line));
        }
    }

    fn handshake_failed(&self, peer: &Peer, error: &io::Error) -> Trouble {
        if error.kind() == io::ErrorKind::TimedOut {
            return self.refusal("TIMEOUT".to_owned());
        }
        self.refusal(format!(
            "Could not establish a secure connection to {}: {}",
            shown(peer),
            words(error)
        ))
    }

    /// QUIC needs a socket of its own kind.
    fn quic(&self, peers: &[Peer], host: &str) -> Result<Open, Trouble> {
        let Some(tls) = &self.tls else { return Err(Trouble::Call("QUIC needs TLS".to_owned())) };
        let Some(Peer::Inet(peer)) = peers.first().cloned() else {
            return Err(Trouble::Call("QUIC needs an address".to_owned()));
        };
        let bind = match &self.source(&peer.ip())? {
            Source { address: Some(address), port, .. } => SocketAddr::new(*address, *port),
            Source { port, .. } => {
                let mut any = callbox_net::address::unspecified_like(&peer);
                any.set_port(*port);
                any
            }
        };
        let failed = |error: io::Error| self.handshake_failed(&Peer::Inet(peer), &error);
        let socket = message::udp_socket(bind)
            .map_err(|error| Trouble::Call(format!("bind to {bind}: {}", words(&error))))?;
        // From which address it sends, only a connected socket knows.
        socket.connect(peer).map_err(failed)?;
        let local = Peer::Inet(socket.local_addr().unwrap_or(bind));
        let mut link = quic::client(socket, peer, tls, host, Instant::now()).map_err(failed)?;
        let deadline = self.options.from.wait.map(|wait| Instant::now() + wait);
        wait::establish(link.as_mut(), deadline).map_err(failed)?;
        self.says.verbose(format_args!("Connected to {}.", shown(&Peer::Inet(peer))));
        self.tell(link.as_ref(), &Peer::Inet(peer), true);
        Ok(Open { link, peer: Peer::Inet(peer), local })
    }

    /// What to connect to, how, and the name by which the target is known to TLS.
    fn peers(&self, target: &Target) -> Result<(Protocol, Vec<Peer>, String), Trouble> {
        Ok(match target {
            Target::Path(path) => {
                let peer =
                    Peer::Unix(std::os::unix::ffi::OsStrExt::as_bytes(path.as_os_str()).to_vec());
                let protocol = match self.options.carrier {
                    Carrier::Datagram => Protocol::UnixDatagram,
                    _ => Protocol::UnixStream,
                };
                (protocol, vec![peer], "localhost".to_owned())
            }
            Target::Vsock { cid, port } => {
                let protocol = match self.options.carrier {
                    Carrier::Datagram => Protocol::VsockDatagram,
                    _ => Protocol::VsockStream,
                };
                let cid = cid.unwrap_or_default();
                (protocol, vec![Peer::Vsock { cid, port: *port }], cid.to_string())
            }
            Target::Host { host, ports } => {
                let host = host.as_deref().unwrap_or_default();
                let port = ports.first().copied().unwrap_or_default();
                let addresses = self.look_up("hostname", host, port).map_err(Trouble::Call)?;
                let protocol = match self.options.carrier {
                    Carrier::Datagram => Protocol::Udp,
                    Carrier::Sctp => Protocol::Sctp,
                    Carrier::Stream | Carrier::Quic => Protocol::Tcp,
                };
                (protocol, addresses.into_iter().map(Peer::Inet).collect(), host.to_owned())
            }
        })
    }

    fn look_up(&self, what: &str, host: &str, port: u16) -> Result<Vec<SocketAddr>, String> {
        let addresses = lookup::lookup(host, port, family(self.options), self.options.numeric)
            .map_err(|error| unresolved(what, host, &error))?;
        if self.options.from.hops.is_empty() {
            return Ok(addresses);
        }
        let v4: Vec<SocketAddr> = addresses.into_iter().filter(SocketAddr::is_ipv4).collect();
        if v4.is_empty() {
            return Err(format!("\"{host}\" has no IPv4 address, and source routes are of IPv4"));
        }
        Ok(v4)
    }

    /// Tries one address after the other.
    fn attempt(
        &self,
        protocol: Protocol,
        mut peers: Vec<Peer>,
    ) -> Result<(Connected, Peer), Trouble> {
        if protocol == Protocol::Udp {
            // Nothing is refused before something is sent, so there is no next one to try.
            peers.truncate(1);
        }
        let first = peers.first().cloned();
        let ip = first.as_ref().and_then(Peer::ip).unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
        let mut attempts = Attempts::new(Request {
            protocol,
            targets: peers,
            source: self.source(&ip)?,
            route: self.route()?,
            route_pointer: self.options.from.hop_pointer,
            buffers: None,
            timeout: self.options.from.wait,
        });
        let mut poller = Poller::new().map_err(|error| Trouble::network(&error))?;
        let mut events = Vec::new();
        loop {
            match attempts.step(Instant::now()) {
                Step::Connected(connected, peer) => return Ok((connected, peer)),
                Step::Failed { peer, error, is_bind: true, .. } => {
                    return Err(self.not_bound(&peer, &error));
                }
                Step::Failed { error, .. } if self.is_about_pointer(&error) => {
                    let words = "This system takes a route from its beginning alone: -G 4";
                    return Err(Trouble::Call(words.to_owned()));
                }
                Step::Failed { error, last: true, .. } => return Err(self.refusal(refusal(&error))),
                Step::Failed { peer, error, .. } => {
                    let name = peer.ip().map_or_else(|| peer.to_string(), |ip| ip.to_string());
                    self.says
                        .verbose(format_args!("Connection to {name} failed: {}.", refusal(&error)));
                    self.says.verbose("Trying next address...");
                }
                Step::Waiting => {
                    if let Some(source) = attempts.source() {
                        poller
                            .set(source, 0, false, true)
                            .map_err(|error| Trouble::network(&error))?;
                    }
                    let timeout: Option<Duration> = attempts
                        .poll_timeout()
                        .map(|at| at.saturating_duration_since(Instant::now()));
                    poller.wait(&mut events, timeout).map_err(|error| Trouble::network(&error))?;
                    if let Some(source) = attempts.source() {
                        poller.remove(source);
                    }
                }
            }
        }
    }

    /// Linux takes no other pointer than to the beginning, as ncat's manual warns.
    fn is_about_pointer(&self, error: &io::Error) -> bool {
        let from = &self.options.from;
        !from.hops.is_empty()
            && from.hop_pointer != 4
            && error.kind() == io::ErrorKind::InvalidInput
    }

    /// Our own end could not be had: the call asked for an address that is not ours to use.
    fn not_bound(&self, peer: &Peer, error: &io::Error) -> Trouble {
        let from = &self.options.from;
        let any = match peer.ip() {
            Some(ip) if ip.is_ipv4() => "0.0.0.0",
            _ => "::",
        };
        let address = from.source.as_deref().unwrap_or(any);
        let port = from.port.map(|port| format!(":{port}")).unwrap_or_default();
        Trouble::Call(format!("bind to {address}{port}: {}", words(error)))
    }

    /// A refusal is what `-z` asks about, so it is no news there.
    fn refusal(&self, text: String) -> Trouble {
        match self.options.mode {
            crate::options::Mode::Look(_) => Trouble::Answer(text),
            _ => Trouble::Network(text),
        }
    }

    fn source(&self, like: &IpAddr) -> Result<Source, Trouble> {
        let from = &self.options.from;
        let mut source = Source { address: None, port: from.port.unwrap_or_default(), path: None };
        let Some(name) = &from.source else { return Ok(source) };
        if let crate::options::Mode::Connect(Target::Path(_)) = self.options.mode {
            source.path = Some(name.into());
            return Ok(source);
        }
        let addresses = lookup::lookup(name, 0, lookup::Family::Any, self.options.numeric)
            .map_err(|error| Trouble::Call(unresolved("source address", name, &error)))?;
        // Of a name with both families the one of the target.
        let fit = addresses.iter().find(|address| address.is_ipv4() == like.is_ipv4());
        source.address = fit.or_else(|| addresses.first()).map(SocketAddr::ip);
        Ok(source)
    }

    fn route(&self) -> Result<Vec<Ipv4Addr>, Trouble> {
        let hop = |name: &String| {
            let addresses = lookup::lookup(name, 0, lookup::Family::V4, self.options.numeric)
                .map_err(|error| Trouble::Call(unresolved("source route hop", name, &error)))?;
            let first = addresses.iter().find_map(|address| match address.ip() {
                IpAddr::V4(ip) => Some(ip),
                IpAddr::V6(_) => None,
            });
            first.ok_or_else(|| {
                Trouble::Call(format!("Source route hop \"{name}\" has no IPv4 address"))
            })
        };
        self.options.from.hops.iter().map(hop).collect()
    }
}

/// The proxies.
impl Connector<'_> {
    fn through(&self, target: &Target) -> Result<Open, Trouble> {
        let Target::Host { host: Some(host), ports } = target else {
            return Err(Trouble::Call("A proxy reaches hosts only".to_owned()));
        };
        let port = ports.first().copied().unwrap_or_default();
        let proxies = &self.options.proxies;
        let mut handshakes = Vec::new();
        for (at, proxy) in proxies.iter().enumerate() {
            let (name, port) = match proxies.get(at + 1) {
                Some(next) => (&next.host, next.port),
                None => (host, port),
            };
            let shown = format!("{}:{}", proxy.host, proxy.port);
            let behind = Behind { host: self.behind(name, port, proxy.kind)?, port };
            let mut chance = [0; 16];
            getrandom::fill(&mut chance)
                .map_err(|error| Trouble::Network(format!("No random numbers: {error}")))?;
            let proxy = Proxy { kind: proxy.kind, name: shown, credentials: proxy.login.clone() };
            let handshake = Handshake::new(&proxy, &behind, chance)
                .map_err(|error| Trouble::Call(error.to_string()))?;
            handshakes.push(handshake);
        }
        let mut chain = Chain::new(handshakes);
        let first = &proxies[0];
        let addresses = self.look_up("proxy", &first.host, first.port).map_err(Trouble::Network)?;
        let peers: Vec<Peer> = addresses.into_iter().map(Peer::Inet).collect();
        // A proxy that wants credentials may close first: it is asked again over a new connection, once each.
        loop {
            let (socket, peer) =
                self.attempt(Protocol::Tcp, peers.clone()).map_err(|trouble| match trouble {
                    Trouble::Network(text) | Trouble::Answer(text) => {
                        self.refusal(format!("Proxy connection failed: {text}"))
                    }
                    other => other,
                })?;
            let local = local(&socket);
            let Connected::Stream(socket) = socket else {
                return Err(Trouble::Network("A proxy needs a stream".to_owned()));
            };
            let link: Box<dyn Link> = Box::new(stream::Stream::new(socket));
            self.says.verbose(format_args!("Connected to proxy {}", shown(&peer)));
            let Some(link) = self.shake(link, &mut chain)? else { continue };
            let deadline = self.options.from.wait.map(|wait| Instant::now() + wait);
            let link = self.layers(link, &peer, host, deadline)?;
            return Ok(Open { link, peer, local });
        }
    }

    /// The name or address that a proxy is told.
    fn behind(&self, name: &str, port: u16, kind: Kind) -> Result<Host, Trouble> {
        match self.options.proxy_dns.plan(name) {
            Plan::Send(host) => {
                if let Host::Name(name) = &host {
                    self.says.verbose(format_args!("Host {name} will be resolved by the proxy."));
                }
                Ok(host)
            }
            Plan::LookUp { name, or_send_name } => {
                let family =
                    if kind == Kind::Socks4 { lookup::Family::V4 } else { family(self.options) };
                match lookup::lookup(&name, port, family, self.options.numeric) {
                    Ok(addresses) if !addresses.is_empty() => Ok(Host::Address(addresses[0].ip())),
                    Err(error) if !or_send_name => {
                        Err(Trouble::Call(unresolved("hostname", &name, &error)))
                    }
                    _ => Ok(Host::Name(name)),
                }
            }
            Plan::Refuse => Err(Trouble::Call(format!(
                "\"{name}\" is a name, and --proxy-dns none takes addresses only"
            ))),
        }
    }

    /// The handshakes. `None` if they have to begin anew over a new connection.
    fn shake(
        &self,
        mut link: Box<dyn Link>,
        chain: &mut Chain,
    ) -> Result<Option<Box<dyn Link>>, Trouble> {
        let deadline = self.options.from.wait.map(|wait| Instant::now() + wait);
        let failed = |error: ProxyError| self.refusal(error.to_string());
        let broken = |error: io::Error| {
            self.refusal(match error.kind() {
                io::ErrorKind::TimedOut => "TIMEOUT".to_owned(),
                _ => format!("Proxy connection failed: {}", words(&error)),
            })
        };
        let mut output = Vec::new();
        let mut buffer = [0; PROXY_READ_BYTES];
        loop {
            output.clear();
            chain.poll_output(&mut output);
            wait::write_all(link.as_mut(), &output, deadline).map_err(broken)?;
            wait::readable(link.as_mut(), deadline).map_err(broken)?;
            let (told, rest) = match link.read(&mut buffer) {
                Ok(crate::link::Got::Bytes(count)) => {
                    let mut input = &buffer[..count];
                    let told = chain.handle(&mut input);
                    (told, input)
                }
                Ok(crate::link::Got::End) => (chain.handle_end(), &[][..]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
                Err(error) => return Err(broken(error)),
            };
            match told {
                Told::More => {}
                Told::Done => return Ok(Some(prefixed::prefixed(link, rest.to_vec()))),
                Told::Again => return Ok(None),
                Told::Failed(error) => return Err(failed(error)),
            }
        }
    }
}

fn local(socket: &Connected) -> Peer {
    match socket {
        Connected::Stream(socket) => socket.local(),
        Connected::Messages(socket) => socket.local().clone(),
    }
}

fn refusal(error: &io::Error) -> String {
    if error.kind() == io::ErrorKind::TimedOut { "TIMEOUT".to_owned() } else { words(error) }
}
