//! Reads the settings again while the server runs, and which accounts there are: for REHASH, and for SIGHUP.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use callbox_hub::contract::{Answer, ConnId, Reloaded};

use super::{StartError, Tell, identity, tell_trouble, tls_configs, web};
use crate::door::Context;
use crate::server::Handle;
use crate::settings::Settings;
use crate::store::Accounts;

/// Gives the settings anew, with what the command line said; or every mistake in them.
pub type Reread = Box<dyn FnMut() -> Result<Settings, Vec<String>> + Send>;

/// Requests that wait. More at a time would find the same file.
const WAITING: usize = 16;

/// Asks the thread that reads settings.
#[derive(Clone, Debug)]
pub(super) struct Reloader(SyncSender<Option<ConnId>>);

impl Reloader {
    /// Reads with `with` what is to be in place of `settings`, for `server`.
    pub(super) fn start(settings: Settings, with: Rereading, server: Handle) -> io::Result<Self> {
        let (sender, requests) = sync_channel(WAITING);
        let mut worker = Worker { settings, with, server };
        thread::Builder::new().name("settings".into()).spawn(move || worker.work(&requests))?;
        Ok(Self(sender))
    }

    /// Reads the settings again, for `conn` if it asked for it. The answer goes to the server.
    pub(super) fn reload(&self, conn: Option<ConnId>) {
        // If too many ask at once, the one that is read next is new enough for them.
        let _ = self.0.try_send(conn);
    }
}

/// Where things are read, and who is given them.
pub(super) struct Rereading {
    pub(super) folder: Option<PathBuf>,
    pub(super) reread: Reread,
    pub(super) context: Arc<Context>,
    pub(super) accounts: Accounts,
    pub(super) tell: Tell,
}

struct Worker {
    settings: Settings,
    with: Rereading,
    server: Handle,
}

impl Worker {
    fn work(&mut self, requests: &Receiver<Option<ConnId>>) {
        while let Ok(conn) = requests.recv() {
            let result = self.read();
            match (conn, result) {
                (Some(conn), result) => {
                    let result = result.map(Box::new);
                    self.server.answer(conn, Answer::Reloaded(result));
                }
                (None, Ok(reloaded)) => {
                    self.server.reload(Box::new(reloaded));
                    self.with.tell.word("The new settings hold");
                }
                (None, Err(mistakes)) => {
                    self.with.tell.trouble("The configuration has mistakes; nothing was changed");
                    mistakes.iter().for_each(|mistake| self.with.tell.trouble(mistake));
                }
            }
        }
    }

    /// What is for the hub, after what is ours of it was taken up.
    fn read(&mut self) -> Result<Reloaded, Vec<String>> {
        let mut settings = (self.with.reread)()?;
        let accounts = self.with.accounts.names().map_err(|error| vec![error.to_string()])?;
        let mistake = |error: StartError| vec![error.to_string()];
        let identity = identity(&settings, self.with.folder.as_deref()).map_err(mistake)?;
        let tls = identity.as_ref().map(tls_configs).transpose().map_err(mistake)?;
        if self.settings.tls.enabled {
            tell_trouble(identity.as_ref(), &self.with.tell);
            self.with.context.set_tls(tls);
        }
        for name in settings.needs_restart(&self.settings) {
            self.with.tell.word(&format!("{name} is different; that waits for a restart"));
        }
        // What waits for a restart is compared with what is in force, not with what was read last.
        let in_force = self.settings.clone();
        settings.hub.lobby.clone_from(&in_force.hub.lobby);
        // However short names have to be now, the lobby keeps its own.
        let limits = &mut settings.hub.limits;
        limits.channel = limits.channel.max(settings.hub.lobby.len());
        self.with.context.set_web(web(&settings));
        self.settings = Settings {
            threads: in_force.threads,
            listen: in_force.listen,
            data: in_force.data,
            connections: in_force.connections,
            plain: in_force.plain,
            accounts: in_force.accounts,
            tls: crate::settings::Tls { enabled: in_force.tls.enabled, ..settings.tls.clone() },
            ..settings.clone()
        };
        Ok(Reloaded { config: settings.hub, accounts })
    }
}
