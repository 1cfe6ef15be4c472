//! From words to [`Options`].

mod check;
mod listener;
mod proxies;
#[cfg(test)]
mod tests;

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::time::Duration;

use clap::ArgMatches;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use super::command::{OPERANDS, command};
use super::table::{Origin, lettered};
use super::{Carrier, Family, Flavour, Flow, From, Mode, Options, Output, Run, Tls};
use crate::duration;

/// Hosts of a loose source route: what fits into an IPv4 header, and ncat's number.
const MAX_HOPS: usize = 8;

/// What `-q 0` means in OpenBSD's nc over streams. Its manual says "at once"; Debian's 1.219 stays until the peer ends,
/// and scripts have an answer of it that they would not get otherwise.
const OPENBSD_QUIT: Duration = Duration::from_secs(1);

/// What a command line asks for.
#[derive(Debug)]
pub enum Asked {
    /// To do it, with words of warning before.
    Run(Box<Options>, Vec<String>),
    /// For the help, which is this.
    Help(String),
    /// For the version.
    Version,
}

/// A wrong call. The text says what is wrong and what to do, and ends without a full stop.
#[derive(Debug, thiserror::Error, Eq, PartialEq)]
#[error("{0}")]
pub struct Misuse(pub String);

/// Reads a command line without the program's name. `proxy_auth` is what the environment says in `NCAT_PROXY_AUTH`.
///
/// # Errors
///
/// If it is no command line of the flavour it asks for, or asks for what cannot be together.
pub fn read(
    name: &'static str,
    arguments: &[OsString],
    proxy_auth: Option<String>,
) -> Result<Asked, Misuse> {
    let flavour = Flavour::wished(arguments).map_err(|name| {
        Misuse(format!("Unknown flavour \"{name}\": it is one of ncat, openbsd and traditional"))
    })?;
    let words = std::iter::once(OsString::from(name)).chain(arguments.iter().cloned());
    let mut command = command(name, flavour);
    let typed =
        command.try_get_matches_from_mut(words).map_err(|error| misread(&error, name, flavour))?;
    if typed.get_flag("help") {
        return Ok(Asked::Help(command.render_help().to_string()));
    }
    if typed.get_flag("version") {
        return Ok(Asked::Version);
    }
    let mut reader = Reader { typed: &typed, flavour, proxy_auth, warnings: Vec::new() };
    let options = reader.options()?;
    Ok(Asked::Run(Box::new(options), reader.warnings))
}

/// Clap's words in ours: one line, and what to do.
fn misread(error: &clap::Error, name: &str, flavour: Flavour) -> Misuse {
    let context = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.clone()),
        _ => None,
    };
    let argument = context(ContextKind::InvalidArg).unwrap_or_default();
    // `-w <TIME>`: the option alone.
    let option = argument.split(' ').next().unwrap_or_default();
    let what = match error.kind() {
        ErrorKind::UnknownArgument => match foreign(option, flavour) {
            Some(words) => return Misuse(words),
            None => format!("Unknown option {option}"),
        },
        ErrorKind::InvalidValue | ErrorKind::WrongNumberOfValues => {
            format!("Option {option} needs a value")
        }
        ErrorKind::TooManyValues => format!("Option {option} takes no value"),
        _ => error.kind().to_string(),
    };
    Misuse(format!("{what}; see {name} --help"))
}

/// What to say of a letter that another flavour knows.
fn foreign(option: &str, flavour: Flavour) -> Option<String> {
    let letter = option.strip_prefix('-')?.chars().next()?;
    if let Some(Origin::Missing(what)) = lettered(flavour, letter).map(|row| row.origin) {
        return Some(format!("{option} of {} is {what}", flavour.title()));
    }
    let (other, row) = Flavour::ALL
        .into_iter()
        .filter(|other| *other != flavour)
        .find_map(|other| Some((other, lettered(other, letter)?)))?;
    let whose = other.title();
    Some(match row.origin {
        Origin::Missing(what) => format!("{option} is an option of {whose}: {what}"),
        _ => format!(
            "{option} is an option of {whose} ({}): use --{}, or --flavour {} for all its letters",
            row.help,
            row.long,
            other.name()
        ),
    })
}

pub(super) struct Reader<'a> {
    typed: &'a ArgMatches,
    pub(super) flavour: Flavour,
    proxy_auth: Option<String>,
    warnings: Vec<String>,
}

impl Reader<'_> {
    fn options(&mut self) -> Result<Options, Misuse> {
        let operands: Vec<&OsString> =
            self.typed.get_many(OPERANDS).map(Iterator::collect).unwrap_or_default();
        let listens = self.flag("listen");
        let mut tls = self.tls()?;
        let (target, websocket, secure) = self.target(&operands, listens)?;
        tls.wanted |= secure;
        let options = Options {
            mode: match (listens, self.flag("zero")) {
                (true, true) => {
                    return wrong("-l and -z cannot be together: one waits, the other looks");
                }
                (true, false) => Mode::Listen(target),
                (false, true) => Mode::Look(target),
                (false, false) => Mode::Connect(target),
            },
            carrier: self.carrier()?,
            family: match (self.flag("ipv4"), self.flag("ipv6")) {
                (true, true) => return wrong("-4 and -6 cannot be together: one family alone"),
                (true, false) => Some(Family::V4),
                (false, true) => Some(Family::V6),
                (false, false) => None,
            },
            numeric: self.flag("nodns"),
            from: self.from()?,
            tls,
            websocket,
            proxies: self.proxies(listens)?,
            proxy_dns: self.proxy_dns()?,
            run: self.run()?,
            flow: self.flow()?,
            listen: self.listen(listens)?,
            output: self.output(),
        };
        self.warn_of_differences();
        check::check(&options)?;
        Ok(options)
    }

    fn carrier(&self) -> Result<Carrier, Misuse> {
        match (self.flag("udp"), self.flag("sctp"), self.flag("quic")) {
            (false, false, false) => Ok(Carrier::Stream),
            (true, false, false) => Ok(Carrier::Datagram),
            (false, true, false) => Ok(Carrier::Sctp),
            // QUIC runs over UDP, so saying both is no contradiction.
            (_, false, true) => Ok(Carrier::Quic),
            _ => wrong("--sctp goes with neither --udp nor --quic"),
        }
    }

    fn from(&self) -> Result<From, Misuse> {
        let mut hops = Vec::new();
        for list in self.texts("hops")? {
            hops.extend(list.split(',').filter(|hop| !hop.is_empty()).map(str::to_owned));
        }
        if hops.len() > MAX_HOPS {
            return wrong(format!("A source route has at most {MAX_HOPS} hops"));
        }
        let hop_pointer = match self.text("hop-pointer")? {
            None => 4,
            Some(text) => match text.parse::<u8>() {
                Ok(pointer @ 4..=28) if pointer % 4 == 0 => pointer,
                _ => {
                    return wrong(format!(
                        "Invalid source-route hop pointer {text}: it is 4, 8, ... 28"
                    ));
                }
            },
        };
        Ok(From {
            source: self.text("source")?,
            port: self.port("source-port")?,
            hops,
            hop_pointer,
            wait: match self.time("wait", "-w timeout")? {
                Some(wait) => Some(wait),
                None => self.time("wait-idle", "-w timeout")?,
            },
        })
    }

    fn tls(&self) -> Result<Tls, Misuse> {
        let alpn: Vec<String> = self
            .text("ssl-alpn")?
            .map(|list| list.split(',').map(|name| name.trim().to_owned()).collect())
            .unwrap_or_default();
        if let Some(name) = alpn.iter().find(|name| name.is_empty() || name.len() > 255) {
            return wrong(format!(
                "Invalid protocol \"{name}\" in --ssl-alpn: a name has 1 to 255 bytes"
            ));
        }
        let tls = Tls {
            certificate: self.path("ssl-cert"),
            key: self.path("ssl-key"),
            verify: self.flag("ssl-verify"),
            trust: self.path("ssl-trustfile"),
            ciphers: self.text("ssl-ciphers")?,
            server_name: self.text("ssl-servername")?,
            alpn,
            wanted: false,
        };
        if tls.key.is_some() != tls.certificate.is_some() {
            return wrong("The --ssl-key and --ssl-cert options must be used together");
        }
        // Each of them means nothing without TLS, and ncat takes it as asking for TLS.
        let implied = tls.certificate.is_some()
            || tls.verify
            || tls.trust.is_some()
            || tls.ciphers.is_some()
            || tls.server_name.is_some()
            || !tls.alpn.is_empty();
        Ok(Tls { wanted: implied || self.flag("ssl"), ..tls })
    }

    fn run(&self) -> Result<Option<Run>, Misuse> {
        let wished = [
            self.text("exec")?.map(Run::Exec),
            self.text("sh-exec")?.map(Run::Shell),
            self.path("lua-exec").map(Run::Lua),
        ];
        let mut wished = wished.into_iter().flatten();
        let run = wished.next();
        if wished.next().is_some() {
            return wrong("Only one of --exec, --sh-exec, and --lua-exec is allowed");
        }
        Ok(run)
    }

    fn flow(&self) -> Result<Flow, Misuse> {
        let is_openbsd = self.flavour == Flavour::OpenBsd;
        let quit = match self.text("quit")?.as_deref() {
            // OpenBSD's and the traditional nc write "never" so.
            Some(text) if self.flavour != Flavour::Ncat && text.starts_with('-') => None,
            Some("0") if is_openbsd && !self.flag("udp") => Some(OPENBSD_QUIT),
            // At once.
            Some("0") => Some(Duration::ZERO),
            Some(text) if text.starts_with('-') => {
                return wrong(format!(
                    "Invalid -q delay \"{text}\": never to quit is the meaning in OpenBSD's nc; leave -q out, or use \
                     --flavour openbsd"
                ));
            }
            _ => self.time("quit", "-q delay")?,
        };
        // In the others the end of standard input says nothing to the peer unless -N asks for it, or -q, which asks for an
        // end.
        let kept_silent = self.flavour != Flavour::Ncat && !self.flag("shutdown") && quit.is_none();
        if self.flag("shutdown") && self.flag("no-shutdown") {
            return wrong("--shutdown and --no-shutdown cannot be together");
        }
        Ok(Flow {
            crlf: self.flag("crlf"),
            telnet: self.flag("telnet"),
            delay: self.time("delay", "-d delay")?,
            idle: self.time("idle-timeout", "-i timeout")?,
            quit,
            quit_after_last: is_openbsd,
            silence: self.time("wait-idle", "-w timeout")?,
            silence_after_input: self.flavour == Flavour::Traditional,
            send_only: self.flag("send-only"),
            recv_only: self.flag("recv-only"),
            no_shutdown: self.flag("no-shutdown") || kept_silent,
        })
    }

    fn output(&self) -> Output {
        Output {
            verbosity: self.typed.get_count("verbose"),
            text: self.path("output"),
            hex: self.path("hex-dump"),
            append: self.flag("append-output"),
            pcap: self.path("pcap"),
            progress: self.flag("progress"),
        }
    }

    /// Words about letters that mean something else in OpenBSD's nc, where the value shows that this was meant.
    fn warn_of_differences(&mut self) {
        if self.flavour != Flavour::Ncat {
            return;
        }
        if let Some(path) = self.path("hex-dump").as_deref().and_then(|path| path.to_str())
            && !path.contains('/')
            && path.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok())
        {
            self.warnings.push(format!(
                "-x {path} writes a hex dump to the file {path}; for a proxy, as in OpenBSD's nc, use --proxy or --flavour \
                 openbsd"
            ));
        }
    }

    pub(super) fn flag(&self, name: &str) -> bool {
        self.typed.get_flag(name)
    }

    fn given(&self, name: &str) -> bool {
        self.typed.value_source(name) == Some(clap::parser::ValueSource::CommandLine)
    }

    pub(super) fn text(&self, name: &str) -> Result<Option<String>, Misuse> {
        self.typed.get_one::<OsString>(name).map(|value| utf8(name, value)).transpose()
    }

    fn texts(&self, name: &str) -> Result<Vec<String>, Misuse> {
        self.typed
            .get_many::<OsString>(name)
            .into_iter()
            .flatten()
            .map(|value| utf8(name, value))
            .collect()
    }

    fn path(&self, name: &str) -> Option<PathBuf> {
        self.typed.get_one::<OsString>(name).map(PathBuf::from)
    }

    fn paths(&self, name: &str) -> Vec<PathBuf> {
        self.typed.get_many::<OsString>(name).into_iter().flatten().map(PathBuf::from).collect()
    }

    pub(super) fn port(&self, name: &str) -> Result<Option<u16>, Misuse> {
        self.text(name)?
            .map(|text| {
                text.parse().map_err(|_| Misuse(format!("Invalid source port number \"{text}\"")))
            })
            .transpose()
    }

    fn time(&self, name: &str, what: &str) -> Result<Option<Duration>, Misuse> {
        self.text(name)?
            .map(|text| {
                duration::parse(&text).map_err(|error| Misuse(format!("Invalid {what}: {error}")))
            })
            .transpose()
    }
}

fn utf8(name: &str, value: &OsStr) -> Result<String, Misuse> {
    value
        .to_str()
        .map(str::to_owned)
        .ok_or_else(|| Misuse(format!("The value of --{name} has to be UTF-8")))
}

pub(super) fn wrong<T>(words: impl Into<String>) -> Result<T, Misuse> {
    Err(Misuse(words.into()))
}
