//! `callbox nc`: what people type as `nc` and `ncat`.
//!
//! The modules without I/O decide, the others move bytes:
//!
//! | module | what it is for |
//! |---|---|
//! | [`options`] | the command line: one table, and what was asked for |
//! | [`says`] | everything said on standard error, and the exit status |
//! | [`client`], [`connect`] | connecting: names, addresses, proxies, and what lies over the socket |
//! | [`listen`] | listening: one connection, or any number of them |
//! | [`conversation`], [`source`] | one link and standard input and output |
//! | [`bridge`] | two links joined: a program behind TLS, what a proxy carries |
//! | [`broker`] | many clients: who is sent what, `--broker`, `--chat`, standard input to all |
//! | [`program`], [`run`] | a program with a connection as its input and output: `-e`, `-c`, `--lua-exec` |
//! | [`link`], [`wait`] | the connection to a peer, whatever lies between: streams, TLS, WebSocket, datagrams, DTLS, QUIC |
//! | [`proxy`] | going through HTTP and SOCKS proxies, and being an HTTP proxy |
//! | [`record`], [`progress`] | what passed, kept in files: text, hex, a capture; and how far it is |
//! | [`access`] | who may connect: the lists of `--allow` and `--deny` and their files |
//! | [`filter`] | `-C` and `-t`: line ends, and telnet's negotiations |
//! | [`duration`] | times as options take them: `500ms`, `1.5m` |
#![forbid(unsafe_code)]

pub mod access;
pub mod bridge;
pub mod broker;
pub mod client;
pub mod connect;
pub mod conversation;
pub mod duration;
pub mod filter;
pub mod link;
pub mod listen;
pub mod options;
pub mod program;
pub mod progress;
pub mod proxy;
pub mod record;
pub mod run;
pub mod says;
pub mod source;
pub mod wait;

use std::ffi::OsString;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use options::{Asked, Misuse, Mode, Options};
use says::{Says, Status, Trouble};

/// Under which name the program was called. What it says begins with it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Name {
    /// `nc`.
    Nc,
    /// `ncat`.
    Ncat,
    /// `callbox nc`.
    Callbox,
}

impl Name {
    /// The name in the first word of a command line, if it is one of ours.
    pub fn of_program(word: &OsString) -> Option<Self> {
        match Path::new(word).file_name()?.to_str()? {
            "nc" => Some(Self::Nc),
            "ncat" => Some(Self::Ncat),
            _ => None,
        }
    }

    /// As it is typed.
    pub const fn typed(self) -> &'static str {
        match self {
            Self::Nc => "nc",
            Self::Ncat => "ncat",
            Self::Callbox => "callbox nc",
        }
    }

    /// What stands before each line that is said. Scripts that look for ncat's lines find them under ncat's names.
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::Nc | Self::Ncat => "Ncat: ",
            Self::Callbox => "callbox nc: ",
        }
    }
}

/// Runs it with the words behind its name.
pub fn main(name: Name, arguments: &[OsString]) -> ExitCode {
    let quiet = Says::new(name.prefix(), 0);
    let proxy_auth = std::env::var("NCAT_PROXY_AUTH").ok().filter(|text| !text.is_empty());
    let (options, warnings) = match options::read(name.typed(), arguments, proxy_auth) {
        Ok(Asked::Run(options, warnings)) => (options, warnings),
        Ok(Asked::Help(help)) => {
            // A closed standard output is nobody's trouble.
            let _ = std::io::stdout().write_all(help.as_bytes());
            return Status::Done.into();
        }
        Ok(Asked::Version) => {
            quiet.line(version());
            return Status::Done.into();
        }
        Err(Misuse(text)) => return quiet.trouble(&Trouble::Call(text)).into(),
    };
    let says = Says::new(name.prefix(), options.output.verbosity);
    says.verbose(version());
    warnings.iter().for_each(|line| says.line(format_args!("{line}.")));
    match carry_out(&options, says) {
        Ok(status) => status.into(),
        Err(trouble) => says.trouble(&trouble).into(),
    }
}

/// The child that a Lua script runs in: this program, called with words of its own. `None` if it was not called so.
pub fn child(arguments: &[OsString]) -> Option<ExitCode> {
    let [_, word, prefix, file] = arguments else { return None };
    (word == run::lua::WORD).then(|| run::lua::main(&prefix.to_string_lossy(), Path::new(file)))
}

fn carry_out(options: &Options, says: Says) -> Result<Status, Trouble> {
    if let Some(options::Run::Lua(file)) = &options.run {
        run::lua::check(file)
            .map_err(|why| Trouble::Call(format!("Error loading the Lua script: {why}")))?;
    }
    match &options.mode {
        Mode::Connect(target) => client::run(options, target, says),
        Mode::Look(target) => client::look(options, target, says),
        Mode::Listen(target) => listen::run(options, target, says),
    }
}

fn version() -> String {
    format!("Version {} (callbox; ncat's command line)", env!("CARGO_PKG_VERSION"))
}
