//! The programs under comparison, and how each is told to send and to receive.

use std::process::Command;

use anyhow::{Context, Result};

use crate::shell::{find_program, program};

/// A program that carries a stream one way.
pub(super) struct Carrier {
    pub(super) name: &'static str,
    /// What it is called, or which of our own.
    pub(super) binary: Binary,
    /// How it tells its version.
    pub(super) version: &'static [&'static str],
    /// Arguments of the receiving end, which listens; PORT is replaced.
    receive: &'static [&'static str],
    /// Arguments of the sending end, which connects.
    send: &'static [&'static str],
    /// What is put before both for TLS, where that needs no preparation.
    tls: Option<&'static str>,
}

/// Where a program is from.
#[derive(Clone, Copy)]
pub(super) enum Binary {
    /// callbox, built for release.
    Callbox,
    /// This program.
    Xtask,
    /// The system's.
    System(&'static str),
}

pub(super) const CALLBOX: &str = "callbox nc";
pub(super) const NCAT: &str = "ncat";
pub(super) const YARDSTICK: &str = "yardstick";

/// ncat ends a TLS connection badly when the receiver, whose own input is empty, has said so; told that one end only sends
/// and the other only receives, it does not, and so callbox is told the same.
pub(super) const CARRIERS: &[Carrier] = &[
    Carrier {
        name: CALLBOX,
        binary: Binary::Callbox,
        version: &["--version"],
        receive: &["nc", "--recv-only", "-l", "127.0.0.1", "PORT"],
        send: &["nc", "--send-only", "127.0.0.1", "PORT"],
        tls: Some("--ssl"),
    },
    Carrier {
        name: NCAT,
        binary: Binary::System("ncat"),
        version: &["--version"],
        receive: &["--recv-only", "-l", "127.0.0.1", "PORT"],
        send: &["--send-only", "127.0.0.1", "PORT"],
        tls: Some("--ssl"),
    },
    Carrier {
        name: "OpenBSD nc",
        binary: Binary::System("nc.openbsd"),
        version: &["-h"],
        receive: &["-l", "127.0.0.1", "PORT"],
        send: &["-N", "127.0.0.1", "PORT"],
        tls: None,
    },
    Carrier {
        name: "socat",
        binary: Binary::System("socat"),
        version: &["-V"],
        receive: &["-u", "TCP-LISTEN:PORT,bind=127.0.0.1", "STDOUT"],
        send: &["-u", "STDIN", "TCP:127.0.0.1:PORT"],
        tls: None,
    },
    Carrier {
        name: "socat -b 1 MiB",
        binary: Binary::System("socat"),
        version: &["-V"],
        receive: &["-b", "1048576", "-u", "TCP-LISTEN:PORT,bind=127.0.0.1", "STDOUT"],
        send: &["-b", "1048576", "-u", "STDIN", "TCP:127.0.0.1:PORT"],
        tls: None,
    },
    Carrier {
        name: YARDSTICK,
        binary: Binary::Xtask,
        version: &["help"],
        receive: &["bench", "stream", "yardstick", "recv", "PORT"],
        send: &["bench", "stream", "yardstick", "send", "PORT"],
        tls: None,
    },
];

/// Which end a program is.
#[derive(Clone, Copy)]
pub(super) enum End {
    Receive,
    Send,
}

impl Carrier {
    pub(super) fn is_here(&self) -> bool {
        match self.binary {
            Binary::System(name) => find_program(name).is_some(),
            Binary::Callbox | Binary::Xtask => true,
        }
    }

    pub(super) const fn has_tls(&self) -> bool {
        self.tls.is_some()
    }

    /// The path that it is started by.
    pub(super) fn path(&self, callbox: &str) -> Result<String> {
        Ok(match self.binary {
            Binary::Callbox => callbox.to_owned(),
            Binary::Xtask => {
                let own = std::env::current_exe().context("where this program is")?;
                own.to_string_lossy().into_owned()
            }
            Binary::System(name) => name.to_owned(),
        })
    }

    /// Its arguments as one end.
    pub(super) fn words(&self, end: End, port: &str, with_tls: bool) -> Vec<String> {
        let args = match end {
            End::Receive => self.receive,
            End::Send => self.send,
        };
        let mut words: Vec<String> = args.iter().map(|arg| arg.replace("PORT", port)).collect();
        if let (Some(option), true) = (self.tls, with_tls) {
            // An option may follow operands in every program that has this one.
            words.push(option.to_owned());
        }
        words
    }

    pub(super) fn command(
        &self,
        end: End,
        callbox: &str,
        port: u16,
        with_tls: bool,
    ) -> Result<Command> {
        let mut command = program(&self.path(callbox)?, &[]);
        command.args(self.words(end, &port.to_string(), with_tls));
        Ok(command)
    }
}
