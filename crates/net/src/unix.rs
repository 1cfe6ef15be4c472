//! Socket files: who may connect, which are replaced, and that none is left behind.

use std::fs;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use socket2::{Domain, SockAddr, Socket, Type};

use crate::trace::{self, Trace};

/// How long to wait for other servers that look at the same directory; each needs it for less than a millisecond.
const LOCK_TIME: Duration = Duration::from_secs(1);

/// Names that are tried for a temporary socket before somebody is assumed to be in the way on purpose.
const TRIES: usize = 100;

/// The number of the next temporary socket of this process.
static NEXT: AtomicU64 = AtomicU64::new(0);

/// A socket file that this process made. It is removed when this value is dropped, unless it was to be
/// [left](Self::leave), or somebody has put another file in its place by then.
#[derive(Debug)]
pub struct SocketFile {
    path: PathBuf,
    stays: bool,
    device: u64,
    inode: u64,
}

impl SocketFile {
    /// Binds `socket` to `path`, readable and writable for this user alone.
    ///
    /// A socket file at which nobody listens any more is replaced. One at which somebody does is an error
    /// (`AddrInUse`), and so is a file that is no socket (`AlreadyExists`): neither is ever removed.
    pub fn bind(socket: &Socket, path: &Path, trace: &Trace) -> io::Result<Self> {
        // The file gets the mode of the socket less the umask; on Linux that is taken from the socket at `bind`, so
        // there is no moment at which others could connect.
        restrict(socket)?;
        let file = Self::bind_shared(socket, path, trace)?;
        fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
        Ok(file)
    }

    /// The same for whomever the umask lets in.
    pub fn bind_shared(socket: &Socket, path: &Path, trace: &Trace) -> io::Result<Self> {
        let address = SockAddr::unix(path)?;
        let _lock = lock_directory(path);
        if let Ok(found) = fs::symlink_metadata(path) {
            if !found.file_type().is_socket() {
                return Err(io::Error::new(
                    io::ErrorKind::AlreadyExists,
                    "a file that is no socket is there",
                ));
            }
            if somebody_listens(&address)? {
                return Err(io::Error::from_raw_os_error(libc::EADDRINUSE));
            }
            let result = fs::remove_file(path);
            trace.result(
                result,
                format_args!("unlink({}), nobody listened there", path.display()),
                trace::ok,
            )?;
        }
        let call = format_args!("bind(fd {}, {})", socket.as_raw_fd(), path.display());
        trace.result(socket.bind(&address), call, trace::ok)?;
        Self::made(path)
    }

    /// Binds `socket` to a path of its own in the folder for temporary files, so that a peer can answer it.
    pub fn bind_anywhere(socket: &Socket) -> io::Result<Self> {
        let folder = std::env::temp_dir();
        for _ in 0..TRIES {
            let number = NEXT.fetch_add(1, Ordering::Relaxed);
            let path = folder.join(format!("callbox-nc.{}.{number}", std::process::id()));
            match socket.bind(&SockAddr::unix(&path)?) {
                // Left behind by a process that had our number, or put there by somebody.
                Err(error) if error.kind() == io::ErrorKind::AddrInUse => {}
                result => return result.and_then(|()| Self::made(&path)),
            }
        }
        Err(io::ErrorKind::AddrInUse.into())
    }

    fn made(path: &Path) -> io::Result<Self> {
        let made = fs::symlink_metadata(path)?;
        let (device, inode) = (made.dev(), made.ino());
        Ok(Self { path: path.to_owned(), stays: false, device, inode })
    }

    /// Leaves the file where it is when the socket is closed: whoever binds there next replaces it.
    pub fn leave(mut self) {
        self.stays = true;
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        let ours = |found: &fs::Metadata| found.dev() == self.device && found.ino() == self.inode;
        if !self.stays && fs::symlink_metadata(&self.path).as_ref().is_ok_and(ours) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Keeps other servers of ours from looking at the same stale file at the same moment, each to remove what the other has
/// just made. A directory can be locked as it is (flock(2)), so no lock file is left behind. Anybody may hold such a lock,
/// so it is not waited for without end; where it is not to be had, the moment stays unguarded.
fn lock_directory(path: &Path) -> Option<fs::File> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let directory = fs::File::open(parent.unwrap_or_else(|| Path::new("."))).ok()?;
    let start = Instant::now();
    while directory.try_lock().is_err() {
        if start.elapsed() > LOCK_TIME {
            return None;
        }
        thread::sleep(LOCK_TIME / 100);
    }
    Some(directory)
}

/// Whether a connection failed because the socket at the path is of the other type.
pub fn is_other_type(error: &io::Error) -> bool {
    error.raw_os_error() == Some(libc::EPROTOTYPE)
}

/// `fchmod` on a socket sets the mode that `bind` gives to the file (`unix_bind_bsd` takes it from the socket's inode).
fn restrict(socket: &Socket) -> io::Result<()> {
    // SAFETY: fchmod on a descriptor that lives through the call.
    let n = unsafe { libc::fchmod(socket.as_raw_fd(), 0o600) };
    // Other systems refuse this; there the mode is set right after `bind`.
    if n < 0 && cfg!(target_os = "linux") { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Whether a process still has this address, with a socket of whatever type.
fn somebody_listens(address: &SockAddr) -> io::Result<bool> {
    let probe = Socket::new(Domain::UNIX, Type::DGRAM, None)?;
    probe.set_nonblocking(true)?;
    let error = match probe.connect(address) {
        Ok(()) => return Ok(true),
        Err(error) => error,
    };
    // A socket of another type is told apart from none (EPROTOTYPE), whether it listens already or not, and does not
    // notice the probe. What may not be probed may not be removed either.
    Ok(!matches!(error.raw_os_error(), Some(libc::ECONNREFUSED | libc::ENOENT)))
}
