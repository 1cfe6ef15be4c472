//! The two programs, and what a scenario shows of them.

use std::fs;
use std::net::{TcpListener, UdpSocket};
use std::ops::Deref;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use callbox_testkit::{Finished, Program, Running, Signal};

use super::peer;

/// One of the two.
pub(crate) struct Ncat {
    path: PathBuf,
    /// Whether it is ours.
    pub(crate) ours: bool,
    /// Whose letters ours is to understand, if not ncat's.
    flavour: Option<&'static str>,
}

impl Ncat {
    /// Ours, under the name `ncat`.
    pub(crate) fn ours() -> Self {
        Self { path: named("ncat"), ours: true, flavour: None }
    }

    /// With these words on the command line.
    pub(crate) fn with(&self, words: &str) -> Program {
        let flavour = self.flavour.map(|flavour| ["--flavour", flavour]);
        let program = Program::new(&self.path).args(flavour.into_iter().flatten());
        let program = program.args(words.split_whitespace());
        // ncat reads all authorities of the system before it connects, which is most of its time.
        program.env("LC_ALL", "C.UTF-8").env("SSL_CERT_FILE", "/dev/null")
    }

    /// A client of a port on loopback, with these words before it.
    pub(crate) fn client(&self, words: &str, port: u16) -> Program {
        self.with(words).arg("127.0.0.1").arg(port.to_string())
    }

    /// A listener on loopback that is ready, with these words before its address.
    #[track_caller]
    pub(crate) fn listen(&self, words: &str) -> Listener {
        self.listen_with(words, |program| program)
    }

    /// As [`listen`](Self::listen), with more on the command line or around it.
    #[track_caller]
    pub(crate) fn listen_with(
        &self,
        words: &str,
        more: impl FnOnce(Program) -> Program,
    ) -> Listener {
        let port = free_port();
        let program = more(self.with("-l --test").args(words.split_whitespace()));
        let mut listener = Listener::ready(program.arg("127.0.0.1").arg(port.to_string()), port);
        if words.contains("--proxy-type") && !self.ours && peer::has_ipv6() {
            // As a proxy ncat listens everywhere, whatever address it is given.
            listener.wait_for_stderr("NCAT TEST: LISTEN");
        }
        listener
    }

    /// A listener at a path that is ready.
    #[track_caller]
    pub(crate) fn listen_at(&self, words: &str, path: &Path) -> Listener {
        Listener::ready(self.with("-l --test -U").args(words.split_whitespace()).arg(path), 0)
    }
}

/// A listener at work.
pub(crate) struct Listener {
    running: Running,
    /// Its port.
    pub(crate) port: u16,
}

impl Listener {
    /// One that is ready; `port` is the one in its arguments.
    #[track_caller]
    pub(crate) fn ready(program: Program, port: u16) -> Self {
        let mut running = program.spawn();
        running.wait_for_stderr("NCAT TEST: LISTEN");
        Self { running, port }
    }

    /// A line in each direction between it and a client, which then ends.
    #[track_caller]
    pub(crate) fn converse(&mut self, client: Program) -> Seen {
        let mut client = client.spawn();
        client.write_line("to the listener");
        self.wait_for_stdout("to the listener");
        self.write_line("to the client");
        client.wait_for_stdout("to the client");
        Seen::of(&client.wait())
    }

    /// Ends it by a signal; what it had printed and said until then.
    #[track_caller]
    pub(crate) fn stop(self) -> Seen {
        self.running.signal(Signal::TERM);
        let mut seen = Seen::of(&self.running.wait());
        // ncat dies of the signal, ours may end in order.
        seen.code = None;
        seen
    }

    /// Waits for its end, with its standard input as it is now; a test that is to see it end by itself keeps that open.
    #[track_caller]
    pub(crate) fn ended(self) -> Seen {
        Seen::of(&self.running.wait_with_open_stdin())
    }

    /// Closes its standard input and waits for its end.
    #[track_caller]
    pub(crate) fn closed(self) -> Seen {
        Seen::of(&self.running.wait())
    }
}

impl Deref for Listener {
    type Target = Running;

    fn deref(&self) -> &Running {
        &self.running
    }
}

impl std::ops::DerefMut for Listener {
    fn deref_mut(&mut self) -> &mut Running {
        &mut self.running
    }
}

/// All that a scenario shows: how the program ended, both its streams, and what came to the other side. Versions, times
/// and ports are as each run has them, so they are replaced.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Seen {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
    /// What came to the other side, in the order of the scenario.
    pub(crate) peer: Vec<String>,
}

impl Seen {
    /// A program that has ended.
    pub(crate) fn of(finished: &Finished) -> Self {
        let out = finished.stdout.escape_ascii().to_string().replace("\\n", "\n");
        Self { code: finished.code, out, err: timeless(&finished.stderr_text()), peer: Vec::new() }
    }

    /// With what came to the other side.
    pub(crate) fn beside(mut self, bytes: impl AsRef<[u8]>) -> Self {
        self.peer.push(bytes.as_ref().escape_ascii().to_string());
        self
    }

    /// Expects this exit code, standard output and standard error.
    #[track_caller]
    pub(crate) fn is(&self, code: i32, out: &str, err: &str) -> &Self {
        let seen = (self.code, self.out.as_str(), self.err.as_str());
        assert_eq!(seen, (Some(code), out, err));
        self
    }

    /// Expects this to have come to the other side.
    #[track_caller]
    pub(crate) fn peer_got(&self, expected: &[&str]) -> &Self {
        assert_eq!(self.peer, expected);
        self
    }
}

/// Debian's, where it is installed.
pub(crate) fn debian() -> Option<Ncat> {
    installed("ncat")
}

fn installed(program: &str) -> Option<Ncat> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut paths = std::env::split_paths(&path).map(|folder| folder.join(program));
    let path = paths.find(|path| path.is_file())?;
    Some(Ncat { path, ours: false, flavour: None })
}

/// Fails the test, with what to do, where a program is not installed.
#[track_caller]
pub(crate) fn needs(program: &str, package: &str) {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let installed = std::env::split_paths(&path).any(|folder| folder.join(program).is_file());
    assert!(
        installed,
        "{program} is not installed (Debian's package is {package}); `cargo xtask test` installs it"
    );
}

/// Plays a scenario with ours and, where it is installed, with Debian's ncat; both must show the same.
#[track_caller]
pub(crate) fn both(scenario: impl Fn(&Ncat) -> Seen) -> Seen {
    let ours = scenario(&Ncat::ours());
    match debian() {
        Some(debian) => {
            let theirs = scenario(&debian);
            assert!(ours == theirs, "ours:   {ours:#?}\ntheirs: {theirs:#?}");
        }
        None => println!("no ncat is installed here: this is compared with nothing"),
    }
    ours
}

/// Plays a scenario with ours in a flavour and, where it is installed, with the program that the flavour is of, by the name
/// that Debian gives it; both must show the same. What they say on standard error is each one's own.
#[track_caller]
pub(crate) fn beside(
    program: &str,
    flavour: &'static str,
    scenario: impl Fn(&Ncat) -> Seen,
) -> Seen {
    let quiet = |ncat: &Ncat| Seen { err: String::new(), ..scenario(ncat) };
    let ours = quiet(&Ncat { flavour: Some(flavour), ..Ncat::ours() });
    match installed(program) {
        Some(other) => {
            let theirs = quiet(&other);
            assert!(ours == theirs, "ours:   {ours:#?}\ntheirs: {theirs:#?}");
        }
        None => println!("no {program} is installed here: this is compared with nothing"),
    }
    ours
}

/// Plays a scenario with ours alone, where it does what Debian's ncat does not.
#[track_caller]
pub(crate) fn ours(scenario: impl Fn(&Ncat) -> Seen) -> Seen {
    scenario(&Ncat::ours())
}

/// Plays a scenario in which somebody has to do something within so many milliseconds, with one time after the other: a
/// machine that stands still misses a short one.
#[track_caller]
pub(crate) fn in_time(short: u64, long: u64, scenario: impl Fn(u64)) {
    if catch_unwind(AssertUnwindSafe(|| scenario(short))).is_err() {
        println!("not within {short} ms: once more, within {long} ms");
        scenario(long);
    }
}

/// The program under test by another name.
#[track_caller]
pub(crate) fn named(name: &str) -> PathBuf {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let program = Path::new(env!("CARGO_BIN_EXE_callbox"));
    if fs::read_link(&path).is_ok_and(|target| target == program) {
        return path;
    }
    // Tests are processes that run at once: each makes a link of its own and puts it in place as a whole.
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let own = path.with_extension(format!("{}-{number}", std::process::id()));
    std::os::unix::fs::symlink(program, &own).expect("a link to the program");
    fs::rename(&own, &path).expect("the link in its place");
    path
}

/// A port that nobody has on any address, of either protocol. It is below those that the kernel gives away, so that
/// nobody is given it before it is bound.
#[track_caller]
pub(crate) fn free_port() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    /// Above the well-known ones, and below 32768, where Linux's own begin.
    const FROM: u32 = 12_000;
    const COUNT: u32 = 20_000;
    loop {
        // Tests are processes that run at once; neighbours in number begin far apart.
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let place = std::process::id().wrapping_mul(7919).wrapping_add(number) % COUNT;
        let port = u16::try_from(FROM + place).expect("below 65536");
        let any = if peer::has_ipv6() { "[::]" } else { "0.0.0.0" };
        let any = format!("{any}:{port}");
        if TcpListener::bind(&any).is_ok() && UdpSocket::bind(&any).is_ok() {
            return port;
        }
    }
}

/// Without what is another in each run: the lines of `--test`, the version, times, and ports.
fn timeless(text: &str) -> String {
    let mut lines = String::new();
    for line in text.split_inclusive('\n').filter(|line| !line.starts_with("NCAT TEST: ")) {
        let version = line.starts_with("Ncat: Version ");
        lines += match line.split_once(" received in ") {
            _ if version => "Ncat: Version V\n".to_owned(),
            Some((bytes, _)) => format!("{bytes} received in T seconds.\n"),
            None => portless(line),
        }
        .as_str();
    }
    lines
}

/// With `P` where a colon is followed by a number of at least four digits.
fn portless(line: &str) -> String {
    let mut parts = line.split(':');
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let digits = part.bytes().take_while(u8::is_ascii_digit).count();
        text.push(':');
        match digits >= 4 {
            true => text = text + "P" + &part[digits..],
            false => text += part,
        }
    }
    text
}

#[test]
fn what_differs_from_run_to_run_is_replaced() {
    let said = "Ncat: Version 7.93 ( https://nmap.org/ncat )\nNCAT TEST: LISTEN\nNcat: Listening on :::4011\n\
                Ncat: bind to 0.0.0.0:50123: no.\nNcat: 4 bytes sent, 12 bytes received in 0.21 seconds.\n";
    let kept = "Ncat: Version V\nNcat: Listening on :::P\nNcat: bind to 0.0.0.0:P: no.\n\
                Ncat: 4 bytes sent, 12 bytes received in T seconds.\n";
    assert_eq!(timeless(said), kept);
}
