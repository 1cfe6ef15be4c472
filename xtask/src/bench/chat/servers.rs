//! The IRC servers that are compared: how each is started, and with which settings.
//!
//! All of them have their flood control off and their limits out of the way; for the rest they run
//! as they come.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::client::Client;
use crate::bench::peers::Transport;
use crate::bench::process::Process;
use crate::bench::server::free_port;
use crate::shell::{find_program, program};

/// How long a server may take until it lets somebody in.
const START_LIMIT: Duration = Duration::from_secs(10);

/// The pause between two questions whether it answers yet.
const START_PAUSE: Duration = Duration::from_millis(20);

/// A server that is compared.
pub(crate) struct IrcServer {
    pub(crate) name: &'static str,
    /// The program that must be installed.
    pub(crate) program: &'static str,
    /// Its arguments; `PORT`, `FOLDER` (its own, empty but for the configuration) and `CONFIG` in
    /// them are replaced.
    pub(crate) args: &'static [&'static str],
    /// The configuration, with the same words replaced.
    pub(crate) config: &'static str,
    /// How it is asked for its version.
    pub(crate) version: &'static [&'static str],
    /// What is to be known of it to judge the ratio.
    pub(crate) does: &'static str,
}

impl IrcServer {
    /// Whether this is callbox itself, which is built and not installed.
    pub(crate) fn is_ours(&self) -> bool {
        self.program == "callbox"
    }

    /// The program's path: ours as it was built, another's if it is installed.
    pub(crate) fn path(&self, callbox: &str) -> Option<PathBuf> {
        if self.is_ours() { Some(callbox.into()) } else { find_program(self.program) }
    }
}

/// The server that the others are set in relation to.
pub(crate) const BASE: &str = "inspircd";

pub(crate) const SERVERS: &[IrcServer] = &[
    CALLBOX,
    IrcServer {
        name: BASE,
        program: "inspircd",
        args: &["--runasroot", "--config", "CONFIG", "--nofork", "--nolog"],
        config: INSPIRCD_CONFIG,
        version: &["--version"],
        does: "one thread; keeps no history",
    },
    IrcServer {
        name: "ngircd",
        program: "ngircd",
        args: &["-n", "-f", "CONFIG"],
        config: NGIRCD_CONFIG,
        version: &["--version"],
        does: "one thread; keeps no history",
    },
];

/// As people run it, but for the flood control.
pub(crate) const CALLBOX: IrcServer = IrcServer {
    name: "callbox",
    program: "callbox",
    args: &[
        "chat",
        "server",
        "-p",
        "PORT",
        "--config",
        "CONFIG",
        "--data",
        "FOLDER/data",
        "--no-flood-control",
        "--quiet",
    ],
    config: "# Nothing: all as it comes.\n",
    version: &["--version"],
    does: "one thread for each processor that it may use; keeps history on disk",
};

/// The same with a history that forgets nothing, to have many lines in one room.
pub(crate) const CALLBOX_WITH_ALL_HISTORY: IrcServer =
    IrcServer { config: "[history]\nkeep-events = \"all\"\n", ..CALLBOX };

const INSPIRCD_CONFIG: &str = r#"<server name="inspircd.bench.test" description="a measured server" network="bench">
<admin name="nobody" nick="nobody" email="nobody@bench.test">
<bind address="127.0.0.1" port="PORT" type="clients">
<pid file="FOLDER/inspircd.pid">
<connect name="everybody" allow="*"
 fakelag="no" commandrate="1000000" threshold="1000000"
 localmax="100000" globalmax="100000" maxconnwarn="no"
 recvq="1M" softsendq="64M" hardsendq="64M"
 timeout="60" pingfreq="10m" resolvehostnames="no">
<connectban threshold="100000">
<performance softlimit="100000" somaxconn="4096" netbuffersize="65534" clonesonconnect="no">
"#;

const NGIRCD_CONFIG: &str = "[Global]
Name = ngircd.bench.test
Info = a measured server
MotdPhrase = welcome
Listen = 127.0.0.1
Ports = PORT
[Limits]
MaxConnections = 0
MaxConnectionsIP = 0
MaxPenaltyTime = 0
PingTimeout = 600
PongTimeout = 600
[Options]
DNS = no
Ident = no
PAM = no
";

/// Where and how a server is to run.
#[derive(Clone, Copy, Default)]
pub(crate) struct Start<'a> {
    /// The processors that it may use, as `taskset` names them; all that we may use if none.
    pub(crate) cores: Option<&'a str>,
    /// More arguments.
    pub(crate) args: &'a [&'a str],
}

/// A server at work; dropping it ends it and removes what it kept.
pub(crate) struct Running {
    // Dropped first: its files go when it is gone.
    process: Process,
    port: u16,
    folder: Folder,
}

impl Running {
    /// Starts a server with a fresh folder and waits until it has let somebody in.
    pub(crate) fn start(server: &IrcServer, callbox: &str, start: Start<'_>) -> Result<Self> {
        let folder = Folder::new()?;
        let port = free_port(Transport::Tcp)?;
        let config = folder.0.join("config");
        let fill = |text: &str| {
            text.replace("PORT", &port.to_string())
                .replace("CONFIG", &config.to_string_lossy())
                .replace("FOLDER", &folder.0.to_string_lossy())
        };
        fs::write(&config, fill(server.config))?;
        let path = server.path(callbox).with_context(|| format!("no {}", server.program))?;
        let mut command = match start.cores {
            Some(cores) => program("taskset", &["-c", cores, &path.to_string_lossy()]),
            None => program(&path.to_string_lossy(), &[]),
        };
        command.args(server.args.iter().map(|arg| fill(arg))).args(start.args);
        let told = fs::File::create(folder.told())?;
        command.stdout(told.try_clone()?).stderr(Stdio::from(told));
        let process = Process::spawn(&mut command)?;
        let mut running = Self { process, port, folder };
        running.wait_until_it_answers()?;
        Ok(running)
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn process(&self) -> &Process {
        &self.process
    }

    fn wait_until_it_answers(&mut self) -> Result<()> {
        let deadline = Instant::now() + START_LIMIT;
        while Instant::now() < deadline {
            if let Some(status) = self.process.ended()? {
                let told = fs::read_to_string(self.folder.told()).unwrap_or_default();
                bail!("ended at once: {status}\n{told}");
            }
            if is_let_in(self.port) {
                return Ok(());
            }
            thread::sleep(START_PAUSE);
        }
        bail!("did not answer within {START_LIMIT:?}")
    }
}

/// Whether a server lets somebody in. Their name is used by nobody else, for it may be taken for a while after them.
fn is_let_in(port: u16) -> bool {
    Client::knock(port, "first", "").and_then(|mut client| client.come_in()).is_ok()
}

/// A folder for one server, removed in the end.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Result<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("callbox-bench-chat-{}-{number}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        fs::create_dir(&folder).with_context(|| format!("{}", folder.display()))?;
        Ok(Self(folder))
    }

    /// What the server prints.
    fn told(&self) -> PathBuf {
        Path::new(&self.0).join("told")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
