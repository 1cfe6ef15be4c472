//! The proxies on the way: of what kind, where, and as whom.

use super::super::operands::split_port;
use super::super::{Flavour, Proxy};
use super::{Misuse, Reader, wrong};
use crate::proxy::{Credentials, Dns, Kind};

impl Reader<'_> {
    pub(super) fn proxies(&self, listens: bool) -> Result<Vec<Proxy>, Misuse> {
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

    pub(super) fn proxy_dns(&self) -> Result<Dns, Misuse> {
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

    pub(super) fn auths(&self) -> Result<Vec<Credentials>, Misuse> {
        let mut given = self.texts("proxy-auth")?;
        if given.is_empty() {
            given.extend(self.proxy_auth.clone());
        }
        Ok(given.iter().map(|text| Credentials::parse(text)).collect())
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
