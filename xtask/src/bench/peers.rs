//! The servers that are compared: how each is started and what it really does.
//!
//! They do not all do the same work, because not every program can. What each does stands in the
//! record of a run, so that a reader can judge the ratio.

use std::fmt;
use std::path::Path;

use anyhow::Result;

use crate::shell::{find_program, program, succeed};

/// What carries an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transport {
    Udp,
    Tcp,
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Udp => "UDP",
            Self::Tcp => "TCP",
        })
    }
}

/// What a datagram server answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// The text in capitals.
    Upper,
    /// The text as it came.
    Same,
}

/// A server that is compared.
pub(crate) struct Peer {
    pub(crate) name: &'static str,
    pub(crate) transport: Transport,
    pub(crate) program: Program,
    /// Its arguments; `PORT` in them becomes the port.
    pub(crate) args: &'static [&'static str],
    /// How it is asked for its version; of one in C the compiler is asked.
    pub(crate) version: &'static [&'static str],
    /// What it answers a datagram with; over TCP every peer answers with the same 16 bytes.
    pub(crate) answer: Answer,
    /// What it does for one exchange, for the record.
    pub(crate) does: &'static str,
}

/// Where a server's program comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Program {
    /// It is callbox, built for this.
    Ours,
    /// It is installed, or the peer is absent.
    Installed(&'static str),
    /// A small program in C, `bench/servers/NAME.c`, built if there is a compiler.
    C(&'static str),
}

impl Program {
    /// What it is called on a command line.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Ours => "callbox",
            Self::Installed(name) | Self::C(name) => name,
        }
    }

    /// Where it is; builds it if it is in C. None if it cannot be had on this machine.
    pub(crate) fn path(self, callbox: &str) -> Result<Option<String>> {
        Ok(match self {
            Self::Ours => Some(callbox.to_owned()),
            Self::Installed(name) => {
                find_program(name).map(|path| path.to_string_lossy().into_owned())
            }
            Self::C(_) if find_program(COMPILER).is_none() => None,
            Self::C(name) => {
                let built = Path::new(callbox).with_file_name(format!("bench-server-{name}"));
                let (source, built) =
                    (format!("bench/servers/{name}.c"), built.to_string_lossy().into_owned());
                succeed(&mut program(COMPILER, &["-O2", "-o", &built, &source]))?;
                Some(built)
            }
        })
    }
}

pub(crate) const COMPILER: &str = "cc";

/// The peer that the others are set in relation to, in each transport.
pub(crate) const BASE: &str = "python";

/// ncat's UDP mode is not among them: tried with ncat 7.93, `-u -l -k -e /bin/cat` gave one client
/// what others had sent, run together.
pub(crate) const PEERS: &[Peer] = &[
    Peer {
        name: "callbox",
        transport: Transport::Udp,
        program: Program::Ours,
        args: &["udp", "server", "-p", "PORT"],
        version: &["--version"],
        answer: Answer::Upper,
        does: "upper-cases UTF-8 with its default options, its log on and going to /dev/null",
    },
    Peer {
        name: "python",
        transport: Transport::Udp,
        program: Program::Installed("python3"),
        args: &["-c", PYTHON_UDP],
        version: &["--version"],
        answer: Answer::Upper,
        does: "one thread: recvfrom, decode ASCII, print to /dev/null, upper-case, sendto",
    },
    Peer {
        name: "socat-tr",
        transport: Transport::Udp,
        program: Program::Installed("socat"),
        args: &["UDP-RECVFROM:PORT,bind=127.0.0.1,fork", "EXEC:tr a-z A-Z"],
        version: &["-V"],
        answer: Answer::Upper,
        does: "upper-cases by starting two processes for each datagram: itself and tr",
    },
    Peer {
        name: "socat-echo",
        transport: Transport::Udp,
        program: Program::Installed("socat"),
        args: &["UDP-LISTEN:PORT,bind=127.0.0.1,fork", "PIPE"],
        version: &["-V"],
        answer: Answer::Same,
        does: "one process for each client that sends back what it gets: no upper-casing, no log",
    },
    Peer {
        name: "c-loop",
        transport: Transport::Udp,
        program: Program::C("udp"),
        args: &["loop", "PORT"],
        version: &[],
        answer: Answer::Upper,
        does: "recvfrom and sendto for each datagram, upper-cases ASCII: no log, no guard",
    },
    Peer {
        name: "c-mmsg",
        transport: Transport::Udp,
        program: Program::C("udp"),
        args: &["mmsg", "PORT"],
        version: &[],
        answer: Answer::Upper,
        does: "recvmmsg and sendmmsg of up to 64, upper-cases ASCII: no log, no guard",
    },
    Peer {
        name: "c-gro",
        transport: Transport::Udp,
        program: Program::C("udp"),
        args: &["gro", "PORT"],
        version: &[],
        answer: Answer::Upper,
        does: "the same with UDP_GRO and UDP_SEGMENT",
    },
    Peer {
        name: "callbox",
        transport: Transport::Tcp,
        program: Program::Ours,
        args: &["tcp", "server", "-p", "PORT"],
        version: &["--version"],
        answer: Answer::Same,
        does: "the greeting with its default options, its log on and going to /dev/null",
    },
    Peer {
        name: "python",
        transport: Transport::Tcp,
        program: Program::Installed("python3"),
        args: &["-c", PYTHON_TCP],
        version: &["--version"],
        answer: Answer::Same,
        does: "one thread, one connection after the other: accept, read 16 bytes, print six lines to /dev/null, send 16, close",
    },
    Peer {
        name: "socat",
        transport: Transport::Tcp,
        program: Program::Installed("socat"),
        args: &["TCP-LISTEN:PORT,bind=127.0.0.1,fork,reuseaddr,backlog=128", SOCAT_GREETING],
        version: &["-V"],
        answer: Answer::Same,
        does: "starts a process of its own, a shell and head for each connection: no log",
    },
    Peer {
        name: "ncat",
        transport: Transport::Tcp,
        program: Program::Installed("ncat"),
        args: &["-l", "-k", "127.0.0.1", "PORT", "--sh-exec", SHELL_GREETING],
        version: &["--version"],
        answer: Answer::Same,
        does: "starts a process of its own, a shell and head for each connection: no log",
    },
    Peer {
        name: "c-epoll",
        transport: Transport::Tcp,
        program: Program::C("tcp"),
        args: &["PORT"],
        version: &[],
        answer: Answer::Same,
        does: "one thread around epoll: accept, read 16 bytes, answer, close in order: no log",
    },
];

const PYTHON_UDP: &str = "
import socket
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sock.bind(('127.0.0.1', PORT))
while True:
    data, address = sock.recvfrom(65535)
    text = data.decode('ascii')
    print('The client at {} says {!r}'.format(address, text))
    sock.sendto(text.upper().encode('ascii'), address)
";

const PYTHON_TCP: &str = "
import socket
def recvall(sock, length):
    data = b''
    while len(data) < length:
        more = sock.recv(length - len(data))
        if not more:
            return data
        data += more
    return data
sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
sock.bind(('127.0.0.1', PORT))
sock.listen(128)
while True:
    print('Waiting for a new connection')
    sc, sockname = sock.accept()
    print('Connection from', sockname)
    try:
        print('  Socket name:', sc.getsockname())
        print('  Socket peer:', sc.getpeername())
        print('  message from client:', repr(recvall(sc, 16)))
        sc.sendall(b'Goodbye, client!')
    except OSError:
        pass
    print('  Closing socket')
    sc.close()
";

const SHELL_GREETING: &str = "head -c 16 >/dev/null; printf 'Goodbye, client!'";
/// The same as socat wants it: a comma and a quote have a meaning to it.
const SOCAT_GREETING: &str = r#"SYSTEM:"head -c 16 >/dev/null; printf 'Goodbye\, client!'""#;
