//! From words to [`Options`].

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::time::Duration;

use clap::ArgMatches;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use super::command::{OPERANDS, command};
use super::operands::split_port;
use super::table::{Origin, lettered};
use super::{
    Carrier, Family, Flavour, Flow, From, Listen, MAX_CONNS, Mode, Options, Output, Proxy, Run,
    Target, Tls, Together,
};
use crate::duration;
use crate::link::websocket::Origins;
use crate::proxy::{Credentials, Dns, Kind};

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
        check(&options)?;
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

    fn proxies(&self, listens: bool) -> Result<Vec<Proxy>, Misuse> {
        let addresses = self.texts("proxy")?;
        let types = self.texts("proxy-type")?;
        if listens {
            return if addresses.is_empty() {
                Ok(Vec::new())
            } else {
                wrong("--proxy and -l cannot be together: to be a proxy, use --proxy-type http")
            };
        }
        // OpenBSD's nc passes over a kind of nothing.
        if addresses.is_empty() && !types.is_empty() && self.flavour != Flavour::OpenBsd {
            return wrong("Proxy type (--proxy-type) specified without proxy address (--proxy)");
        }
        let auths = self.auths()?;
        for (what, count) in [("--proxy-type", types.len()), ("--proxy-auth", auths.len())] {
            if count > 1 && count != addresses.len() {
                return wrong(format!("Give {what} once, or once for each --proxy"));
            }
        }
        let of = |at: usize, count: usize| if count > 1 { at } else { 0 };
        addresses
            .iter()
            .enumerate()
            .map(|(at, address)| {
                let kind = match types.get(of(at, types.len())) {
                    Some(name) => protocol(name)?,
                    // OpenBSD's nc means SOCKS 5 where nothing is said.
                    None if self.flavour == Flavour::OpenBsd => Kind::Socks5,
                    None => Kind::Http,
                };
                let (host, port) = split_port(address).map_err(|_| {
                    Misuse(format!("Invalid proxy address \"{address}\": it is HOST or HOST:PORT"))
                })?;
                if host.is_empty() {
                    return wrong(format!("Invalid proxy address \"{address}\": it names no host"));
                }
                Ok(Proxy {
                    kind,
                    host: host.to_owned(),
                    port: port.unwrap_or_else(|| kind.default_port()),
                    login: auths.get(of(at, auths.len())).cloned(),
                })
            })
            .collect()
    }

    fn proxy_dns(&self) -> Result<Dns, Misuse> {
        let Some(name) = self.text("proxy-dns")? else {
            // Of SOCKS 4 OpenBSD's nc knows only the form with addresses.
            let is_bare = self.flavour == Flavour::OpenBsd
                && self.texts("proxy-type")?.iter().any(|kind| kind == "4");
            return Ok(if is_bare { Dns::Local } else { Dns::Remote });
        };
        Dns::named(&name).ok_or_else(|| {
            Misuse(format!(
                "Invalid proxy DNS type \"{name}\": it is one of local, remote, both and none"
            ))
        })
    }

    fn auths(&self) -> Result<Vec<Credentials>, Misuse> {
        let mut given = self.texts("proxy-auth")?;
        if given.is_empty() {
            given.extend(self.proxy_auth.clone());
        }
        Ok(given.iter().map(|text| Credentials::parse(text)).collect())
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

    fn listen(&mut self, listens: bool) -> Result<Listen, Misuse> {
        let together = match (self.flag("chat"), self.flag("broker")) {
            (true, _) => Together::Chat,
            (false, true) => Together::Broker,
            _ => Together::Apart,
        };
        let keep_open = self.flag("keep-open");
        let lists = ["allow", "deny", "allowfile", "denyfile"];
        let names = [
            "max-conns",
            "chat",
            "broker",
            "allow",
            "deny",
            "allowfile",
            "denyfile",
            "reuse-lists",
            "allow-origin",
        ];
        if !listens && let Some(name) = names.iter().find(|name| self.given(name)) {
            return wrong(format!("--{name} is for a listener: it needs -l"));
        }
        let max_conns = match self.text("max-conns")? {
            None => MAX_CONNS,
            Some(text) => match text.parse() {
                Ok(0) | Err(_) => {
                    return wrong(format!(
                        "Invalid number of connections \"{text}\": it is 1 or more"
                    ));
                }
                Ok(number) => number,
            },
        };
        if self.given("max-conns")
            && !keep_open
            && together == Together::Apart
            && !self.given("proxy-type")
        {
            self.warnings.push("-m has no effect without -k or --broker".to_owned());
        }
        if self.flag("reuse-lists")
            && !lists.iter().any(|name| name.ends_with("file") && self.given(name))
        {
            return wrong("--reuse-lists needs --allowfile or --denyfile");
        }
        let proxy_server = match &self.texts("proxy-type")?[..] {
            _ if !listens => false,
            [] => false,
            [name] if name == "http" => true,
            [name, ..] => {
                return wrong(format!("Invalid proxy type \"{name}\"; with -l it is http"));
            }
        };
        Ok(Listen {
            keep_open,
            max_conns,
            together,
            proxy_server,
            login: if proxy_server { self.auths()?.into_iter().next() } else { None },
            allow: self.texts("allow")?,
            deny: self.texts("deny")?,
            allow_files: self.paths("allowfile"),
            deny_files: self.paths("denyfile"),
            origins: self.origins()?,
            reuse_lists: self.flag("reuse-lists"),
            announce: self.flag("test"),
        })
    }

    fn origins(&self) -> Result<Origins, Misuse> {
        let mut origins = Origins::default();
        for origin in self.texts("allow-origin")? {
            if !origins.add(&origin) {
                return wrong(format!(
                    "Invalid origin \"{origin}\": it is as https://example.org, without a path, or * for all"
                ));
            }
        }
        Ok(origins)
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
                duration::parse(&text)
                    .map_err(|error| Misuse(format!("Invalid {what} \"{text}\": {error}")))
            })
            .transpose()
    }
}

/// What cannot be together.
fn check(options: &Options) -> Result<(), Misuse> {
    let (Mode::Connect(target) | Mode::Look(target) | Mode::Listen(target)) = &options.mode;
    let listens = matches!(options.mode, Mode::Listen(_));
    let apart = options.listen.together == Together::Apart;
    let looks = matches!(options.mode, Mode::Look(_));
    let unix = matches!(target, Target::Path(_));
    let datagrams = options.carrier == Carrier::Datagram;
    let Options { run, tls, proxies, websocket, from, carrier, .. } = options;
    let wrongs = [
        (!apart && run.is_some(), "Invalid option combination: --broker and -e"),
        (looks && run.is_some(), "Invalid option combination: -z and -e"),
        (
            options.listen.proxy_server && run.is_some(),
            "Invalid option combination: --proxy-type and -e",
        ),
        (
            options.listen.proxy_server && !apart,
            "Invalid option combination: --proxy-type and --broker",
        ),
        (options.listen.proxy_server && *carrier != Carrier::Stream, "A proxy listens on TCP"),
        (unix && from.port.is_some(), "A Unix socket has no source port"),
        (unix && !proxies.is_empty(), "A Unix socket is reached by no proxy"),
        (
            unix && matches!(carrier, Carrier::Sctp | Carrier::Quic),
            "A Unix socket carries streams or datagrams",
        ),
        (datagrams && !proxies.is_empty(), "A proxy carries streams: not with -u"),
        (
            *carrier == Carrier::Quic && !proxies.is_empty(),
            "A proxy carries streams: not with --quic",
        ),
        (
            websocket.is_none() && options.listen.origins != Origins::default(),
            "--allow-origin is for a WebSocket: listen on ws:// or wss://",
        ),
        (websocket.is_some() && *carrier != Carrier::Stream, "A WebSocket needs TCP"),
        (unix && datagrams && tls.wanted, "DTLS needs UDP"),
        (
            listens && options.flow.send_only && options.listen.proxy_server,
            "A proxy sends and receives",
        ),
        (!from.hops.is_empty() && options.family == Some(Family::V6), "Source routes are of IPv4"),
    ];
    match wrongs.into_iter().find(|(is_wrong, _)| *is_wrong) {
        Some((_, words)) => wrong(words),
        None => Ok(()),
    }
}

/// The names of both ncat and OpenBSD's nc.
fn protocol(name: &str) -> Result<Kind, Misuse> {
    match name.to_ascii_lowercase().as_str() {
        "http" | "connect" => Ok(Kind::Http),
        "socks4" | "socks4a" | "4" => Ok(Kind::Socks4),
        "socks5" | "5" => Ok(Kind::Socks5),
        _ => wrong(format!("Invalid proxy type \"{name}\": it is one of http, socks4 and socks5")),
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

#[cfg(test)]
mod tests;
