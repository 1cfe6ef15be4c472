//! Act 13: the same services between processes.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::process;

use callbox_exchange::Quoted;
use callbox_net::stream::StreamSocket;
use callbox_net::unix_datagram::UnixDatagramSocket;
use callbox_services::greeting::{FAREWELL, GREETING_LENGTH};

use super::calls::Who::{Client, Server};
use super::stage::{Stage, Stop, promise, same};
use super::tcp::{GREETING, answer};
use super::{Act, PATIENCE, servers};
use crate::messages::Reason;

pub(super) const FILES: Act = Act {
    title: "The same between processes: sockets that are files",
    about: &[
        "A Unix socket has a path for an address. Only its owner may connect, and it goes with its server.",
    ],
    play: files,
};

fn files(stage: &mut Stage<'_>) -> Result<(), Stop> {
    let directory = PrivateDirectory::new()?;
    let farewell = stream(stage, &directory.0.join("stream"))?;
    let reply = datagram(stage, &directory.0.join("datagram"))?;
    let left = fs::read_dir(&directory.0)?.count();
    promise(left == 0, "no socket file is left behind")?;
    stage.seen(format_args!(
        "{} over the stream, {} as a datagram, and both files are gone",
        Quoted(&farewell),
        Quoted(&reply)
    ))
}

fn stream(stage: &mut Stage<'_>, path: &Path) -> Result<Vec<u8>, Stop> {
    let _at_work = servers::unix_stream(stage, path, "greeting")?;
    promise(fs::metadata(path)?.mode() & 0o777 == 0o600, "the file is its owner's alone")?;
    let socket = StreamSocket::connect_unix(path, PATIENCE, &stage.trace(Client))?;
    stage.call(Client, "connect(")?;
    stage.aside(Server, "accept(")?;
    socket.write_all(GREETING, Some(PATIENCE))?;
    stage.aside(Client, "send(")?;
    stage.aside(Server, "send(")?;
    let farewell = answer(&socket, path.display(), GREETING_LENGTH)?;
    stage.aside(Client, "recv(")?;
    same(&farewell, FAREWELL)?;
    Ok(farewell)
}

fn datagram(stage: &mut Stage<'_>, path: &Path) -> Result<Vec<u8>, Stop> {
    let _at_work = servers::unix_datagram(stage, path)?;
    let socket = UnixDatagramSocket::connect(path, &stage.trace(Client))?;
    stage.aside(Client, "connect(")?;
    socket.send("straße".as_bytes(), Some(PATIENCE))?;
    stage.aside(Client, "send(")?;
    stage.aside(Server, "recvfrom(")?;
    stage.aside(Server, "sendto(")?;
    let mut buffer = [0; 64];
    let came = socket.recv_from(&mut buffer, Some(PATIENCE))?;
    stage.call(Client, "recvfrom(")?;
    let reply = came.map_or(&[][..], |(length, _)| &buffer[..length]);
    same(reply, "STRASSE")?;
    Ok(reply.to_vec())
}

/// A directory that nobody else can look into, which goes with this value.
struct PrivateDirectory(PathBuf);

impl PrivateDirectory {
    fn new() -> Result<Self, Stop> {
        let place = std::env::temp_dir();
        let mut number = 0;
        loop {
            let name = format!("callbox-tour-{}-{number}", process::id());
            let path = place.join(name);
            // `create` fails where something is already, be it a link that somebody laid there for us.
            match DirBuilder::new().mode(0o700).create(&path) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => number += 1,
                Err(error) => {
                    return Err(Stop::Step(format!(
                        "cannot make a directory in {}: {}; set TMPDIR to a place where you may",
                        place.display(),
                        Reason(&error)
                    )));
                }
                Ok(()) => return Ok(Self(path)),
            }
        }
    }
}

impl Drop for PrivateDirectory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_directory_is_private_and_goes_with_its_value() {
        let (one, two) = (PrivateDirectory::new().unwrap(), PrivateDirectory::new().unwrap());
        assert_ne!(one.0, two.0);
        assert_eq!(fs::metadata(&one.0).unwrap().mode() & 0o777, 0o700);
        fs::write(one.0.join("file"), "").unwrap();
        let path = one.0.clone();
        drop(one);
        assert!(!path.exists() && two.0.exists());
    }
}
