//! The server put together: settings, sockets and parts become a chat that runs.
//!
//! | module | what it is for |
//! |---|---|
//! | `doors` | gives each new connection its door |
//! | `keeper` | sends records to the store, and jobs to whoever does them |
//! | `reload` | reads the settings again while the server runs |
//! | `secret` | the secret that stays the same from start to start |
//! | `tell` | what the person who runs the server is told |

mod doors;
mod keeper;
mod reload;
mod secret;
mod tell;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use callbox_hub::Hub;
use callbox_hub::contract::Saved;
use callbox_net::datagram::DatagramSocket;
use callbox_net::stream::StreamListener;
use rustls::pki_types::UnixTime;

use crate::auth::{Auth, AuthSettings, Hashing, SaltSecret};
use crate::beside::Beside;
use crate::beside::talk::Talk;
use crate::datagram::socket::DoorSocket;
use crate::datagram::{self, throttle::Rate};
use crate::door::tls::{Identity, IdentityError, TlsConfigs};
use crate::door::{Context, Limits, TlsUse, WebSettings};
use crate::front::Front;
use crate::server::{self, Entrance, Server};
use crate::settings::{ListenerTls, Settings, Sync};
use crate::store::{self, Done, Place, Store, StoreError, StoreSettings};
use doors::SharedDoors;
use keeper::Shop;
pub use reload::Reread;
use secret::Secret;
pub use tell::{Tell, Weight};

/// What a server is made of.
pub struct Parts {
    /// The settings, with what the command line said.
    pub settings: Settings,
    /// The folder that things are kept in; `None` to keep nothing.
    pub folder: Option<PathBuf>,
    /// The listening sockets, and whether TLS is spoken on each.
    pub listeners: Vec<(StreamListener, ListenerTls)>,
    /// The sockets of the door for datagrams.
    pub datagrams: Vec<DatagramSocket>,
    /// The person at the terminal, who may talk too.
    pub talk: Option<Talk>,
    /// Gives the settings anew, for REHASH and SIGHUP.
    pub reread: Reread,
    /// Tells the person who runs the server what goes on.
    pub tell: Tell,
}

/// Why a server does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The store does not open.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The certificate is not to be had.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The certificate is of no use.
    #[error("the certificate cannot be used: {0}")]
    Certificate(String),
    /// Something of the system's.
    #[error("{0}: {1}")]
    System(&'static str, io::Error),
}

/// A server that is about to run.
pub struct Chat {
    server: Server<SharedDoors>,
    front: Front,
    beside: Beside,
    shop: Arc<Shop>,
    handle: Handle,
    fingerprint: Option<String>,
}

/// A server seen from outside of its threads.
#[derive(Clone, Debug)]
pub struct Handle {
    server: server::Handle,
    reloader: reload::Reloader,
}

impl Handle {
    /// Asks the server to stop: the first time it tells everybody and waits two seconds at most, the second time not.
    pub fn stop(&self) {
        self.server.stop();
    }

    /// Reads the settings again. What is wrong with them is told, and nothing is changed then.
    pub fn reload(&self) {
        self.reloader.reload(None);
    }
}

impl Chat {
    /// Puts a server together. It keeps what is in the folder for itself from now on, and serves once it is
    /// [`run`](Self::run).
    pub fn new(parts: Parts) -> Result<Self, StartError> {
        let Parts { settings, folder, listeners, datagrams, talk, reread, tell } = parts;
        // The store tells what is kept to a server that is made of it, so the server is put in its place a little later.
        let server_handle: Arc<OnceLock<server::Handle>> = Arc::default();
        let (store, saved) = open_store(&settings, folder.as_deref(), &server_handle, &tell)?;
        let secret = Secret::of(folder.as_deref())
            .map_err(|error| StartError::System("the secret in the data folder", error))?;
        let identity = identity(&settings, folder.as_deref())?;
        let fingerprint = identity.as_ref().map(Identity::fingerprint);
        let tls = identity.as_ref().map(tls_configs).transpose()?;
        tell_trouble(identity.as_ref(), &tell);

        let metrics = Arc::clone(&server_handle);
        let context = Arc::new(Context::new(
            door_limits(&settings),
            tls,
            web(&settings),
            Arc::new(move || {
                let mut text = String::new();
                if let Some(server) = metrics.get() {
                    server.metrics().render(&mut text);
                }
                text
            }),
        ));
        let (listeners, uses): (Vec<_>, Vec<_>) = listeners.into_iter().unzip();
        let uses = uses.into_iter().map(tls_use).collect();
        let doors = SharedDoors::new(Arc::clone(&context), uses);
        let report = Arc::new(tell.clone());
        let server = Server::new(listeners, server_settings(&settings), doors, report)
            .map_err(|error| StartError::System("an event loop", error))?;
        let handle = server.handle();
        // Set once: the cell was made above.
        let _ = server_handle.set(handle.clone());

        let number = secret.number("hub");
        let hub = Hub::new(settings.hub.clone(), saved, number, handle.now());
        let front = Front::new(hub, &settings.hub.lobby, settings.plain.streams);
        let sockets = datagrams.into_iter().map(DoorSocket::new).collect();
        let key = secret.key("datagrams");
        let lobby = &settings.hub.lobby;
        let beside = Beside::new(lobby, sockets, &datagram_settings(&settings), key, talk);
        let answers = handle.clone();
        let accounts = Arc::new(store.accounts().clone());
        let auth = Auth::start(accounts, auth_settings(&settings, &secret), move |conn, answer| {
            answers.answer(conn, answer);
        })
        .map_err(|error| StartError::System("a thread for passwords", error))?;
        let accounts = store.accounts().clone();
        let rereading = reload::Rereading { folder, reread, context, accounts, tell };
        let reloader = reload::Reloader::start(settings, rereading, handle.clone())
            .map_err(|error| StartError::System("a thread for the settings", error))?;
        let shop = Arc::new(Shop::new(store, auth, reloader.clone(), handle.clone()));
        let handle = Handle { server: handle, reloader };
        Ok(Self { server, front, beside, shop, handle, fingerprint })
    }

    /// What signals talk to.
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// The fingerprint of the certificate, if there is TLS: SHA-256 as `openssl x509 -fingerprint -sha256` prints it.
    pub fn fingerprint(&self) -> Option<&str> {
        self.fingerprint.as_deref()
    }

    /// Serves until it is told to stop. Everything that was acknowledged is kept when it returns.
    pub fn run(self) -> io::Result<()> {
        let beside = self.beside;
        let beside = |entrance: Entrance<'_, Front, SharedDoors>| beside.run(entrance);
        self.server.run_with(self.front, self.shop, Some(beside))
    }
}

fn open_store(
    settings: &Settings,
    folder: Option<&Path>,
    server: &Arc<OnceLock<server::Handle>>,
    tell: &Tell,
) -> Result<(Store, Saved), StoreError> {
    let place = folder.map_or(Place::Memory, |folder| Place::Folder(folder.to_owned()));
    let (server, tell) = (Arc::clone(server), tell.clone());
    Store::open(place, store_settings(settings), move |done| {
        let Some(server) = server.get() else { return };
        match done {
            Done::Kept(ticket) => server.kept(ticket.0),
            Done::Lost(ticket) => server.lost(ticket.0),
            Done::Answer(conn, answer) => server.answer(conn, answer),
            Done::Trouble(text) => tell.trouble(&text),
            Done::Recovered => tell.word("The store works again"),
        }
    })
}

/// The certificate that the settings name, or one of our own, kept in the folder.
fn identity(settings: &Settings, folder: Option<&Path>) -> Result<Option<Identity>, StartError> {
    let tls = &settings.tls;
    if !tls.enabled {
        return Ok(None);
    }
    let name = &*settings.hub.server_name;
    Ok(Some(match (&tls.cert, &tls.key, folder) {
        (Some(cert), Some(key), _) => Identity::load(cert, key)?,
        (_, _, Some(folder)) => Identity::load_or_make(folder, &["localhost", name])?,
        (_, _, None) => Identity::make(&["localhost", name])?,
    }))
}

/// Tells of a certificate that clients refuse. It is used all the same: the server has other doors, and somebody is about to
/// renew it.
fn tell_trouble(identity: Option<&Identity>, tell: &Tell) {
    if let Some(trouble) = identity.and_then(|identity| identity.trouble(UnixTime::now())) {
        tell.trouble(&format!(
            "The certificate {trouble}: clients will refuse it until it is replaced and SIGHUP sent"
        ));
    }
}

fn tls_configs(identity: &Identity) -> Result<TlsConfigs, StartError> {
    TlsConfigs::new(identity).map_err(|error| StartError::Certificate(error.to_string()))
}

fn store_settings(settings: &Settings) -> StoreSettings {
    let data = &settings.data;
    StoreSettings {
        sync: match data.sync {
            Sync::Normal => store::Sync::Normal,
            Sync::Full => store::Sync::Full,
        },
        max_age: data.max_age,
        max_events: data.max_events.map(|events| events as u64),
        ..StoreSettings::default()
    }
}

fn door_limits(settings: &Settings) -> Limits {
    Limits {
        first_bytes: settings.hub.timeouts.register,
        handshake: settings.connections.handshake,
        request: settings.connections.handshake,
        handshakes: settings.connections.handshakes,
        ..Limits::default()
    }
}

fn web(settings: &Settings) -> WebSettings {
    let readers = settings.web.metrics.clone();
    WebSettings {
        lobby: settings.hub.lobby.clone(),
        origins: settings.web.origins.clone(),
        metrics_readers: Arc::new(move |ip| readers.iter().any(|network| network.contains(ip))),
    }
}

fn server_settings(settings: &Settings) -> server::Settings {
    let connections = &settings.connections;
    let default = server::Settings::default();
    server::Settings {
        threads: settings.threads,
        connections: connections.total,
        per_address: connections.per_address,
        unopened: connections.unopened,
        exempt: connections.exempt.clone(),
        closing: connections.closing,
        open_within: settings.hub.timeouts.register,
        send_queue: connections.send_queue,
        ..default
    }
}

fn datagram_settings(settings: &Settings) -> datagram::Settings {
    let plain = &settings.plain;
    datagram::Settings {
        lobby: settings.hub.lobby.clone(),
        guests: plain.guests,
        silence: plain.idle,
        lines: Rate::per_second(plain.burst, plain.per_second),
        ..datagram::Settings::default()
    }
}

fn auth_settings(settings: &Settings, secret: &Secret) -> AuthSettings {
    let work = &settings.accounts;
    let default = password_settings(settings);
    let mut throttle = default.throttle;
    let refill = |tries: u32| work.tries_window / tries.max(1);
    throttle.address.burst = work.tries_per_address;
    throttle.address.refill = refill(work.tries_per_address);
    throttle.account.burst = work.tries_per_account;
    throttle.account.refill = refill(work.tries_per_account);
    AuthSettings {
        workers: work.workers.and_then(std::num::NonZeroUsize::new).unwrap_or(default.workers),
        salt_secret: Some(SaltSecret(secret.bytes("salts"))),
        throttle,
        ..default
    }
}

/// What a new password has to be by these settings, and what its hashes cost.
pub fn password_settings(settings: &Settings) -> AuthSettings {
    let work = &settings.accounts;
    AuthSettings {
        password_min: work.min_password,
        hashing: Hashing {
            memory_kib: u32::try_from(work.memory / 1024).unwrap_or(u32::MAX),
            passes: work.iterations,
            ..Hashing::default()
        },
        scram_iterations: work.scram_iterations,
        ..AuthSettings::default()
    }
}

fn tls_use(tls: ListenerTls) -> TlsUse {
    match tls {
        ListenerTls::Optional => TlsUse::Optional,
        ListenerTls::Required => TlsUse::Required,
        ListenerTls::Off => TlsUse::Off,
    }
}
