//! Who may connect, and how many.

use std::fs;
use std::io::{self, Read};
use std::net::IpAddr;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;

use callbox_net::peer::Peer;
use callbox_net::{lookup, signal};

use crate::access::{Access, HostList};
use crate::options::{Listen, Options};
use crate::says::{Says, Trouble, words};

/// The lists of --allow and --deny, and the number of connections.
pub(super) struct Admission {
    access: Access,
    listen: Listen,
    numeric: bool,
    says: Says,
    /// Readable when SIGHUP came; only with --reuse-lists.
    told: Option<UnixStream>,
}

impl Admission {
    pub(super) fn new(options: &Options, says: Says) -> Result<Self, Trouble> {
        let listen = options.listen.clone();
        let access = access(&listen, options.numeric).map_err(|mistakes| {
            // All of them, so that they are mended at once; the last one ends it.
            let (last, rest) =
                mistakes.split_last().map_or(("", &[][..]), |(last, rest)| (last.as_str(), rest));
            rest.iter().for_each(|line| says.line(format_args!("{line}.")));
            Trouble::Call(last.to_owned())
        })?;
        let failed = |error: io::Error| Trouble::Call(format!("SIGHUP: {}", words(&error)));
        let mut told = None;
        if listen.reuse_lists {
            let (hear, tell) = UnixStream::pair().map_err(failed)?;
            hear.set_nonblocking(true).map_err(failed)?;
            tell.set_nonblocking(true).map_err(failed)?;
            told = Some(hear);
            signal::on_hangup(move || {
                // If there is no room, the word is already there.
                let _ = io::Write::write(&mut &tell, &[0]);
            })
            .map_err(failed)?;
        }
        Ok(Self { access, listen, numeric: options.numeric, says, told })
    }

    /// The descriptor that is readable when the lists are to be read again.
    pub(super) fn source(&self) -> Option<BorrowedFd<'_>> {
        self.told.as_ref().map(AsFd::as_fd)
    }

    /// Reads the files again if that was asked for. With a mistake in one of them the lists stay as they are.
    pub(super) fn reload_if_asked(&mut self) {
        let Some(told) = &mut self.told else { return };
        if !matches!(told.read(&mut [0; 64]), Ok(1..)) {
            return;
        }
        match access(&self.listen, self.numeric) {
            Ok(access) => {
                self.access = access;
                self.says.verbose("Read the lists of hosts again.");
            }
            Err(mistakes) => {
                mistakes.iter().for_each(|line| self.says.line(format_args!("{line}.")));
                self.says.line("The lists of hosts stay as they were.");
            }
        }
    }

    /// Whether somebody may connect while `open` others are connected. Says so if not.
    pub(super) fn admits(&self, peer: &Peer, open: usize) -> bool {
        let allowed = match peer.ip() {
            Some(ip) => self.access.admits(ip),
            // A peer without an address is on no list.
            None => self.listen.allow.is_empty() && self.listen.allow_files.is_empty(),
        };
        if !allowed {
            self.says.verbose("New connection denied: not allowed");
        } else if open >= self.listen.max_conns {
            self.says.verbose(format_args!(
                "New connection denied: connection limit reached ({})",
                self.listen.max_conns
            ));
        }
        allowed && open < self.listen.max_conns
    }
}

/// The lists as they are now, or all their mistakes, a line each.
fn access(listen: &Listen, numeric: bool) -> Result<Access, Vec<String>> {
    let mut mistakes = Vec::new();
    let mut read = |what: &str, lists: &[String], files: &[std::path::PathBuf]| {
        let mut hosts = HostList::default();
        lists.iter().for_each(|list| hosts.add_list(what, list));
        for file in files {
            match fs::read(file) {
                Ok(bytes) => hosts.add_file(&file.display().to_string(), &bytes),
                Err(error) => {
                    mistakes.push(format!("can't open {}: {}", file.display(), words(&error)))
                }
            }
        }
        hosts.resolve(|name| addresses(name, numeric));
        match hosts.finish() {
            Ok(hosts) => Some(hosts),
            Err(wrong) => {
                mistakes.extend(wrong.listed.iter().map(ToString::to_string));
                if wrong.more > 0 {
                    mistakes.push(format!("{} more mistakes", wrong.more));
                }
                None
            }
        }
    };
    let allow = read("--allow", &listen.allow, &listen.allow_files);
    let deny = read("--deny", &listen.deny, &listen.deny_files);
    match (allow, deny, mistakes.is_empty()) {
        (Some(allow), Some(deny), true) => {
            let restricted = !listen.allow.is_empty() || !listen.allow_files.is_empty();
            Ok(Access { allow: restricted.then_some(allow), deny })
        }
        _ => Err(mistakes),
    }
}

fn addresses(name: &str, numeric: bool) -> io::Result<Vec<IpAddr>> {
    lookup::lookup(name, 0, lookup::Family::Any, numeric)
        .map(|addresses| addresses.iter().map(|address| address.ip()).collect())
        .map_err(|error| io::Error::other(error.to_string()))
}
