//! Asking with datagrams, which may be lost.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use callbox_measure::payload::MAX_DATAGRAM;
use callbox_measure::replies::Framing;
use callbox_net::datagram::DatagramSocket;
use callbox_net::trace::Trace;
use callbox_net::unix_datagram::UnixDatagramSocket;

use super::{Asking, Found, TEXT, compared};
use crate::outcome::LoadError;

impl Asking<'_> {
    pub(super) fn udp(&self, addresses: &[SocketAddr]) -> Result<Found, LoadError> {
        let mut refusal = LoadError::Connect(io::ErrorKind::AddrNotAvailable.into());
        for address in addresses {
            match self.udp_at(*address) {
                // The next one may be where somebody listens.
                Err(error @ LoadError::Connect(_)) => refusal = error,
                Ok(found) => return Ok(Found { address: Some(*address), ..found }),
                Err(error) => return Err(error),
            }
        }
        Err(refusal)
    }

    fn udp_at(&self, address: SocketAddr) -> Result<Found, LoadError> {
        let socket = DatagramSocket::open(&address, &Trace::off())
            .map_err(LoadError::system("cannot open a socket"))?;
        socket.connect(address).map_err(LoadError::Connect)?;
        self.datagram(
            |text| socket.send(text).map(drop),
            |buffer, time| socket.recv(buffer, Some(time)),
        )
    }

    pub(super) fn unix_datagram(&self, path: &Path) -> Result<Found, LoadError> {
        let socket =
            UnixDatagramSocket::connect(path, &Trace::off()).map_err(LoadError::Connect)?;
        self.datagram(
            |text| socket.send(text, Some(self.patience.first)).map(drop),
            |buffer, time| Ok(socket.recv_from(buffer, Some(time))?.map(|(length, _)| length)),
        )
    }

    fn datagram(
        &self,
        send: impl Fn(&[u8]) -> io::Result<()>,
        receive: impl Fn(&mut [u8], Duration) -> io::Result<Option<usize>>,
    ) -> Result<Found, LoadError> {
        let mut buffer = vec![0; MAX_DATAGRAM];
        for &time in self.patience.datagrams {
            send(TEXT).map_err(LoadError::Connect)?;
            let came =
                self.wait(time, |time| receive(&mut buffer, time).map_err(LoadError::Connect))?;
            if let Some(length) = came {
                let reply = &buffer[..length];
                let check = self.fixed(reply).unwrap_or_else(|| compared(reply, TEXT));
                let framing = Framing::Line;
                return Ok(Found { check, framing, connect_each: false, address: None });
            }
        }
        let waits = self.patience.datagrams;
        let time: Duration = waits.iter().sum();
        Err(LoadError::NoAnswer(format!(
            "no answer to {} datagrams of {} bytes in {} s",
            waits.len(),
            TEXT.len(),
            time.as_secs_f64(),
        )))
    }
}
