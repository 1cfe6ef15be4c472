//! Why a link ended, in a user's words.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use callbox_layers::tls::{Problem, TlsError};
use callbox_layers::websocket::{Goodbye, UpgradeError};
use callbox_net::dial::DialError;

use crate::messages::{self, Reason, visible};

/// Why a link ended. Shown as one line without an end, in which nothing can drive a terminal.
#[derive(Clone, Debug)]
pub struct CloseReason {
    kind: Kind,
    text: String,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Kind {
    /// The holder wanted it.
    Closed,
    /// The connection was there, and is not any more.
    Lost,
    /// There was none.
    NotConnected,
    /// There was none, since nobody listens.
    Refused,
    /// There is none, and will be none until somebody changes something.
    Hopeless,
    /// The same, and it is something that was typed.
    Usage,
}

/// How far an attempt came.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Stage {
    /// The name is being looked up.
    Resolving,
    /// The addresses are being tried.
    Dialling,
    /// TLS is being agreed on.
    Tls,
    /// WebSocket is being agreed on.
    WebSocket,
    /// Lines flow.
    Open,
}

impl CloseReason {
    /// Whether it ended because it was to.
    pub fn is_closed(&self) -> bool {
        self.kind == Kind::Closed
    }

    /// Whether nobody listens there.
    pub fn is_refused(&self) -> bool {
        self.kind == Kind::Refused
    }

    /// Whether another attempt may go better, without anybody changing anything.
    pub fn may_pass(&self) -> bool {
        matches!(self.kind, Kind::Lost | Kind::NotConnected | Kind::Refused)
    }

    /// Whether the call was wrong, rather than the network (exit status 2).
    pub fn is_usage(&self) -> bool {
        self.kind == Kind::Usage
    }

    fn new(kind: Kind, text: impl AsRef<str>) -> Self {
        Self { kind, text: visible(text.as_ref()) }
    }

    pub(super) fn closed() -> Self {
        Self::new(Kind::Closed, "closed")
    }

    /// The server ended the connection.
    pub(super) fn ended(server: &str, stage: Stage) -> Self {
        let place = match stage {
            Stage::Tls => "in the TLS handshake; does it speak TLS at this port?",
            Stage::WebSocket => "in the WebSocket handshake",
            Stage::Open => {
                return Self::new(Kind::Lost, format!("{server} closed the connection"));
            }
            Stage::Resolving | Stage::Dialling => "at once",
        };
        Self::new(Kind::NotConnected, format!("{server} closed the connection {place}"))
    }

    /// The server ended the connection, and said why.
    pub(super) fn goodbye(server: &str, goodbye: &Goodbye) -> Self {
        let mut text = format!("{server} closed the connection");
        if !goodbye.reason.is_empty() {
            text.push_str(": ");
            text.push_str(&goodbye.reason);
        } else if let Some(code) = goodbye.code.filter(|code| *code != 1000) {
            text.push_str(&format!(" (WebSocket close code {code})"));
        }
        Self::new(Kind::Lost, text)
    }

    /// A read or a write failed.
    pub(super) fn lost(server: &str, error: &io::Error) -> Self {
        let text = match error.kind() {
            io::ErrorKind::TimedOut => "it has gone without a word".to_owned(),
            _ => Reason(error).to_string(),
        };
        Self::new(Kind::Lost, format!("the connection to {server} was lost: {text}"))
    }

    pub(super) fn unknown_host(host: &str, error: &io::Error) -> Self {
        let failure = messages::unknown_host(host, error);
        // The resolver may be out of reach for the moment, which it tells from a name that does not exist with the text
        // alone; a name that was right yesterday is worth another attempt, so who has been connected may make one.
        Self::new(Kind::Usage, failure.message().unwrap_or_default())
    }

    pub(super) fn not_dialled(server: &str, timeout: Duration, error: &DialError) -> Self {
        match error {
            DialError::NoAddress => Self::new(Kind::Usage, format!("'{server}' has no address")),
            DialError::TimedOut(_) => Self::timed_out(server, Stage::Dialling, timeout),
            DialError::Failed(failed) => {
                let refused = |(_, error): &(SocketAddr, io::Error)| {
                    error.kind() == io::ErrorKind::ConnectionRefused
                };
                let kind =
                    if failed.iter().all(refused) { Kind::Refused } else { Kind::NotConnected };
                let each = failed.iter().map(|(address, error)| {
                    let failure = messages::cannot_connect(address, error);
                    failure.message().unwrap_or_default().to_owned()
                });
                Self::new(kind, each.collect::<Vec<_>>().join("; "))
            }
        }
    }

    pub(super) fn timed_out(server: &str, stage: Stage, timeout: Duration) -> Self {
        let what = match stage {
            Stage::Resolving => "its name was not found",
            Stage::Dialling => "no answer; is a firewall in between?",
            Stage::Tls => "the TLS handshake did not end; does it speak TLS at this port?",
            Stage::WebSocket | Stage::Open => "the WebSocket handshake did not end",
        };
        Self::new(
            Kind::NotConnected,
            format!("cannot connect to {server} within {timeout:?}: {what}"),
        )
    }

    /// TLS failed.
    pub(super) fn tls(server: &str, stage: Stage, error: &TlsError) -> Self {
        if stage == Stage::Open {
            return Self::new(Kind::Lost, format!("the connection to {server} was lost: {error}"));
        }
        let advice = match error {
            TlsError::Untrusted { problem: Problem::Other { .. }, fingerprint } => format!(
                " but {fingerprint}; somebody may be in between, or the server has a new certificate"
            ),
            TlsError::Untrusted { fingerprint, .. } => format!(
                "; its SHA-256 is {fingerprint}; if the server's operator says the same (callbox chat server prints it), \
                 add --tls-fingerprint {fingerprint}"
            ),
            TlsError::NotTls => "; another port may, or leave TLS out".to_owned(),
            TlsError::NoAuthorities => {
                "; install ca-certificates, or name some with --tls-ca FILE, or the server's own with --tls-fingerprint"
                    .to_owned()
            }
            TlsError::Refused(_) | TlsError::Failed(_) | TlsError::Cut | TlsError::Name(_) => {
                String::new()
            }
        };
        let kind = match error {
            TlsError::Cut => Kind::NotConnected,
            TlsError::Name(_) => Kind::Usage,
            _ => Kind::Hopeless,
        };
        Self::new(kind, format!("cannot connect to {server} with TLS: {error}{advice}"))
    }

    /// The server opened no WebSocket.
    pub(super) fn not_upgraded(server: &str, error: &UpgradeError) -> Self {
        // A server that is being started again answers 502 or 503.
        let passes = matches!(error, UpgradeError::Status { code: 500.., .. });
        let kind = if passes { Kind::NotConnected } else { Kind::Hopeless };
        Self::new(kind, format!("cannot connect to {server}: {error}"))
    }

    /// The server does not keep to a protocol.
    pub(super) fn broken(server: &str, what: impl fmt::Display) -> Self {
        Self::new(Kind::Lost, format!("the connection to {server} was given up: {what}"))
    }

    /// This machine has no socket, thread or the like for it.
    pub(super) fn no_means(server: &str, error: &io::Error) -> Self {
        Self::new(Kind::NotConnected, format!("cannot connect to {server}: {}", Reason(error)))
    }
}

impl fmt::Display for CloseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
