//! `callbox chat server`: flags and file become settings, settings become sockets, and the chat runs.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process;

use callbox_chat::beside::talk::Talk;
use callbox_chat::running::{Chat, Parts, StartError, Tell, Weight};
use callbox_chat::settings::{Listener, ListenerTls, Settings};
use callbox_net::datagram::DatagramSocket;
use callbox_net::stream::StreamListener;
use callbox_net::trace::Trace;
use callbox_net::{limits, signal};

use super::{folder, talk};
use crate::cli::ChatServerArgs;
use crate::client::input;
use crate::messages::{self, Exit, Failure, Reason};
use crate::server::places::{Place, listen_at};

/// Descriptors kept for everything that is no connection.
const RESERVED_FILES: usize = 64;

/// Ports that are tried, where the system chooses one that is taken for datagrams.
const CHOICES: usize = 16;

/// Runs `callbox chat server` until a signal ends it.
pub(super) fn run(args: ChatServerArgs) -> Result<(), Failure> {
    let config = super::settings::file(&args.config);
    let (settings, folder) = resolve(config.as_ref(), &args)?;
    let Sockets { listeners, datagrams, places } = sockets(&settings, &Trace::off())?;
    let (talk, terminal) = match args.talk {
        true => Some(talk::seat(args.name.as_deref(), &settings)?).unzip(),
        false => (None, None),
    };
    let screen = talk.as_ref().map(Talk::screen);
    let above_prompt = screen.clone().filter(|_| talk::has_prompt());
    let quiet = args.quiet;
    let tell = Tell::new(move |weight, line| {
        if !quiet || weight == Weight::Trouble {
            talk::status(above_prompt.as_ref(), &messages::visible(line));
        }
    });
    let reread = Box::new(move || read(config.as_ref(), &args));
    let parts = Parts { settings, folder, listeners, datagrams, talk, reread, tell };
    let chat = Chat::new(parts).map_err(|error| not_started(&error))?;

    let stop = chat.handle();
    let reload = chat.handle();
    signal::on_termination(
        move || {
            stop.stop();
        },
        || {
            input::restore_terminal();
            process::exit(Exit::Interrupted as i32)
        },
    )
    .and_then(|()| signal::on_hangup(move || reload.reload()))
    .map_err(|error| Failure::network(format!("cannot listen for signals: {}", Reason(&error))))?;
    if let Some(fingerprint) = chat.fingerprint().filter(|_| !quiet) {
        messages::status(format_args!("The certificate's SHA-256 is {fingerprint}"));
    }
    for place in places {
        messages::status(format_args!("Listening at {place}"));
    }
    let handle = chat.handle();
    let writer =
        terminal.map(|terminal| talk::start(terminal, move || handle.stop())).transpose()?;
    let served = chat.run();
    if let (Some(writer), Some(screen)) = (writer, screen) {
        writer.finish(&screen);
    }
    // Somebody may still stand at the prompt.
    input::restore_terminal();
    served.map_err(|error| Failure::network(format!("cannot serve: {}", Reason(&error))))
}

/// The chat that `callbox chat server` with these flags would run, without its words and signals.
pub(super) fn quietly(args: &ChatServerArgs, tell: Tell) -> Result<Chat, Failure> {
    let config = super::settings::file(&args.config);
    let (settings, folder) = resolve(config.as_ref(), args)?;
    let Sockets { listeners, datagrams, .. } = sockets(&settings, &Trace::off())?;
    let again = args.clone();
    let reread = Box::new(move || read(config.as_ref(), &again));
    let parts = Parts { settings, folder, listeners, datagrams, talk: None, reread, tell };
    Chat::new(parts).map_err(|error| not_started(&error))
}

/// A chat at a free port of 127.0.0.1 that keeps nothing and says nothing, and its address.
pub fn for_a_while(trace: &Trace) -> Result<(Chat, SocketAddr), Failure> {
    let mut settings = Settings { threads: Some(1), ..Settings::default() };
    settings.listen_on(&[], Some(0));
    settings.data.ephemeral = true;
    let Sockets { listeners, datagrams, .. } = sockets(&settings, trace)?;
    let address = listeners.first().and_then(|(listener, _)| listener.local_addr());
    let address = address.ok_or_else(|| Failure::network("it has no address"))?;
    let parts = Parts {
        settings,
        folder: None,
        listeners,
        datagrams,
        talk: None,
        reread: Box::new(|| Err(Vec::new())),
        tell: Tell::new(|_, _| ()),
    };
    Ok((Chat::new(parts).map_err(|error| not_started(&error))?, address))
}

/// The settings, and the folder that is kept in.
fn resolve(
    config: Option<&PathBuf>,
    args: &ChatServerArgs,
) -> Result<(Settings, Option<PathBuf>), Failure> {
    let settings = read(config, args).map_err(|lines| super::settings::mistakes(&lines))?;
    let folder = match settings.data.ephemeral {
        true => None,
        false => Some(folder::data(settings.data.folder.as_deref())?),
    };
    Ok((settings, folder))
}

/// The settings: those of the file, and over them those of the command line.
fn read(config: Option<&PathBuf>, args: &ChatServerArgs) -> Result<Settings, Vec<String>> {
    let mut settings = super::settings::load(config)?;
    // There are no more connections than files, whatever the settings say.
    let files = limits::raise_open_files().saturating_sub(RESERVED_FILES).max(1);
    settings.connections.total = settings.connections.total.min(files);
    settings.listen_on(&args.bind, args.port);
    if let (Some(cert), Some(key)) = (&args.tls_cert, &args.tls_key) {
        settings.use_certificate(cert.clone(), key.clone());
    }
    settings.tls.enabled |= args.tls;
    if let Some(data) = &args.folder.data {
        settings.data.folder = Some(data.clone());
        settings.data.ephemeral = false;
    }
    settings.data.ephemeral |= args.ephemeral;
    if args.no_flood_control {
        settings.lift_flood_control();
    }
    if let Some(threads) = args.threads {
        settings.threads = Some(usize::from(threads));
    }
    Ok(settings)
}

/// Everything that listens.
#[derive(Default)]
struct Sockets {
    listeners: Vec<(StreamListener, ListenerTls)>,
    datagrams: Vec<DatagramSocket>,
    /// Where, for people.
    places: Vec<String>,
}

/// A socket of one place.
enum Bound {
    Stream(StreamListener),
    Datagram(DatagramSocket),
}

fn sockets(settings: &Settings, trace: &Trace) -> Result<Sockets, Failure> {
    let mut all = Sockets::default();
    for listener in &settings.listen {
        let datagrams = listener.datagrams && settings.plain.datagrams;
        let bind = |place: Place| bind(place, datagrams, trace);
        let port = |bound: &Bound| match bound {
            Bound::Stream(listener) => listener.local_addr().map(|address| address.port()),
            Bound::Datagram(socket) => socket.local_addr().ok().map(|address| address.port()),
        };
        let Listener { address, port: asked, tls, .. } = listener;
        for bound in listen_at(std::slice::from_ref(address), *asked, bind, port)? {
            match bound {
                Bound::Stream(socket) => {
                    all.places.push(socket.to_string());
                    all.listeners.push((socket, *tls));
                }
                Bound::Datagram(socket) => all.datagrams.push(socket),
            }
        }
    }
    Ok(all)
}

/// Listens for streams and, at the same port, for datagrams.
fn bind(place: Place, datagrams: bool, trace: &Trace) -> io::Result<Vec<Bound>> {
    let mut tries = 0;
    loop {
        tries += 1;
        let mut streams =
            StreamListener::bind_tcp_group(place.address, place.dual_stack, 1, trace)?;
        let chosen = streams.first().and_then(StreamListener::local_addr);
        let mut bound: Vec<Bound> = streams.drain(..).map(Bound::Stream).collect();
        if !datagrams {
            return Ok(bound);
        }
        let address = chosen.unwrap_or(place.address);
        match DatagramSocket::bind_group(address, place.dual_stack, 1, trace) {
            Ok(sockets) => {
                bound.extend(sockets.into_iter().map(Bound::Datagram));
                return Ok(bound);
            }
            // The system chose a port for streams that somebody has for datagrams.
            Err(error)
                if error.kind() == io::ErrorKind::AddrInUse
                    && place.address.port() == 0
                    && tries < CHOICES => {}
            Err(error) => return Err(error),
        }
    }
}

fn not_started(error: &StartError) -> Failure {
    Failure::usage(error.to_string())
}
