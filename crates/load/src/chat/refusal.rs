//! What is said when a server does not let a crowd in, or ends it.

use std::fmt::Display;
use std::io;

use callbox_exchange::Quoted;

use crate::outcome::LoadError;

/// How much of the server's words is shown: a whole line of most servers.
const SHOWN: usize = 400;

/// What to do about it, in nearly all cases.
const ADVICE: &str = "all clients come from one address, so the server's limits on an address, on connections and on \
                      speed have to be lifted for a measurement";

/// One of the crowd, as a person counts.
fn client(number: usize, all: usize) -> impl Display {
    struct Client(usize, usize);
    impl Display for Client {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            write!(f, "client {} of {}", self.0 + 1, self.1)
        }
    }
    Client(number, all)
}

/// A client could not connect.
pub(super) fn unconnected(number: usize, all: usize, error: io::Error) -> LoadError {
    // That of the first is about the server, that of another rather about how many there are.
    LoadError::Connect(match number {
        0 => error,
        _ => io::Error::new(error.kind(), format!("{}: {error}", client(number, all))),
    })
}

/// The server did not let a client in, and said so.
pub(super) fn not_let_in(number: usize, all: usize, words: &[u8]) -> LoadError {
    let words = Quoted(words).cut(SHOWN);
    let client = client(number, all);
    LoadError::Refused(format!("the server does not let {client} in: it says {words}; {ADVICE}"))
}

/// The server ended a connection before the client was in, without a word.
pub(super) fn shut_out(number: usize, all: usize) -> LoadError {
    // Of many the first is as good as any other for a server of IRC, but one of another kind lets nobody in.
    let advice = if number == 0 { "is it a server of IRC, and without TLS?" } else { ADVICE };
    let client = client(number, all);
    LoadError::Refused(format!(
        "the server ended the connection of {client} before it was in; {advice}"
    ))
}

/// Nothing went on for too long.
pub(super) fn stuck(done: usize, all: usize, what: &str, seconds: u64) -> LoadError {
    LoadError::Refused(format!(
        "{done} of {all} clients {what}, and then no other in {seconds} s; {ADVICE}"
    ))
}

/// The server does not take a talker's lines.
pub(super) fn silenced(number: usize, all: usize, words: &[u8]) -> LoadError {
    let words = Quoted(words).cut(SHOWN);
    let client = client(number, all);
    LoadError::Refused(format!("the server refuses what {client} says: it says {words}; {ADVICE}"))
}

/// The server ended the connection of a talker.
pub(super) fn lost_talker(number: usize, all: usize, words: Option<&[u8]>) -> LoadError {
    let client = client(number, all);
    LoadError::Refused(match words {
        Some(words) => {
            let words = Quoted(words).cut(SHOWN);
            format!(
                "the server ended the connection of {client}, who talks: it says {words}; {ADVICE}"
            )
        }
        None => format!("the server ended the connection of {client}, who talks"),
    })
}
