//! Where a load goes, and what the server there does.

use std::io;
use std::path::Path;
use std::sync::Arc;

use callbox_load::probe::{self, Place};
use callbox_load::{Control, LoadError};
use callbox_measure::payload::{Check, Payload, PayloadError};
use callbox_measure::replies::Framing;
use callbox_services::FAREWELL;

use super::options::{Load, Messages, Options};
use crate::cli::{ServerArgs, UnixType};
use crate::client::{addresses, most_likely, unix};
use crate::messages::{self, Failure};

/// Where a load goes.
#[derive(Clone, Debug)]
pub struct Target {
    /// As the user wrote it, or as a server says where it listens.
    pub name: String,
    /// The same as addresses.
    pub place: Place,
}

impl Target {
    /// A UDP server, whose name is looked up.
    pub fn udp(server: &ServerArgs) -> Result<Self, Failure> {
        let mut found = addresses(&server.address, server.port)?;
        // The one that a client would ask comes first.
        let first = most_likely(&found);
        found.sort_by_key(|address| *address != first);
        Ok(Self { name: name(server), place: Place::Udp(found) })
    }

    /// A TCP server, whose name is looked up.
    pub fn tcp(server: &ServerArgs) -> Result<Self, Failure> {
        let found = addresses(&server.address, server.port)?;
        Ok(Self { name: name(server), place: Place::Tcp(found) })
    }

    /// A server's socket file.
    pub fn unix(path: &Path, kind: UnixType) -> Self {
        let name = messages::shown_path(path).to_string();
        let path = path.to_owned();
        let place = match kind {
            UnixType::Stream => Place::UnixStream(path),
            UnixType::Datagram => Place::UnixDatagram(path),
        };
        Self { name, place }
    }
}

/// `HOST:PORT`, also if the port stood apart.
fn name(server: &ServerArgs) -> String {
    let mut address = server.address.clone();
    address.port.get_or_insert(server.port);
    address.to_string()
}

/// What is sent, and how replies are told apart and checked.
#[derive(Clone, Debug)]
pub struct Exchange {
    /// The requests and their replies.
    pub payload: Arc<Payload>,
    /// Where a reply ends that is not checked.
    pub framing: Framing,
    /// Whether each request has a connection of its own.
    pub connect_each: bool,
    /// Where to: of several addresses of a UDP server, the one that answered comes first.
    pub place: Place,
}

/// Settles how replies are checked: as the user says, or as the server turns out to answer.
pub fn settle(
    options: &Options,
    messages: &Messages,
    target: &Target,
    control: &Control,
) -> Result<Exchange, Failure> {
    let mut place = target.place.clone();
    let mut connect_each = matches!(options.load, Load::Stream { connect_each: true, .. });
    let (check, framing) = match messages.check {
        // Lines are what most services answer with; one that is asked once a connection may end its reply with that.
        Some(Check::None) if connect_each => (Check::None, Framing::Connection),
        Some(check) => (check, Framing::Line),
        None => {
            let found = probe::probe(&place, &[FAREWELL], control)
                .map_err(|error| cannot_measure(target, &error))?;
            connect_each |= found.connect_each;
            if let (Place::Udp(addresses), Some(first)) = (&mut place, found.address) {
                addresses.sort_by_key(|address| *address != first);
            }
            (found.check, found.framing)
        }
    };
    let sizes = messages.sizes.clone();
    let payload = match options.load {
        Load::Stream { .. } => Ok(Payload::stream(options.seed, sizes, check)),
        _ => Payload::datagrams(options.seed, sizes, check),
    };
    let payload = Arc::new(payload.map_err(|error| wrong_size(error, messages.check.is_some()))?);
    Ok(Exchange { payload, framing, connect_each, place })
}

fn wrong_size(error: PayloadError, typed: bool) -> Failure {
    let advice = match error {
        PayloadError::TooLong => "choose a shorter --size",
        PayloadError::TooShort if typed => "choose a longer --size, or --check none",
        PayloadError::TooShort => "choose a longer --size, or --check none, which checks nothing",
    };
    Failure::usage(format!("{error}: {advice}"))
}

/// Why nothing could be measured there.
pub fn cannot_measure(target: &Target, error: &LoadError) -> Failure {
    let name = &target.name;
    match (error, &target.place) {
        (LoadError::Connect(error), Place::UnixStream(path) | Place::UnixDatagram(path)) => {
            unix::cannot_connect(path, error)
        }
        (LoadError::Connect(error), _) => messages::cannot_connect(name, error),
        (LoadError::System { source, .. }, _) if is_short_of_sockets(source) => {
            Failure::usage(format!("{error}: choose fewer --connections"))
        }
        (LoadError::NoPorts, _) => Failure::usage(format!(
            "cannot measure {name}: {error}: choose fewer --connections, or a lower --rate"
        )),
        (LoadError::Stopped, _) => Failure::interrupted("interrupted before anything was measured"),
        _ => Failure::network(format!("cannot measure {name}: {error}")),
    }
}

/// The process or the system has no descriptor left, or the address no port.
fn is_short_of_sockets(error: &io::Error) -> bool {
    let errors =
        [rustix::io::Errno::MFILE, rustix::io::Errno::NFILE, rustix::io::Errno::ADDRNOTAVAIL];
    error.raw_os_error().is_some_and(|code| errors.iter().any(|errno| errno.raw_os_error() == code))
}
