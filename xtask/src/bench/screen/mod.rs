//! The terminal client on a terminal: how soon a key is on the screen while others talk, how fast history is taken in,
//! and what memory it takes.

mod network;

use std::fmt::Write as _;
use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use callbox_testkit::resources::resident_memory;
use callbox_testkit::{Folder, Program, Terminal};

use super::record::{commit, machine, median, new_folder, today, version};
use crate::built::build_callbox;
use network::{Network, ROOM};

/// Lines that are loaded before keys are pressed.
const LOADED: u64 = 100_000;
/// Further lines, by which is seen that memory is capped.
const BEYOND: u64 = 200_000;
/// Lines a second while keys are pressed.
const RATE: u32 = 1_000;
/// Keys of one run.
const KEYS: u32 = 400;
/// The pause between two keys: an even time that the frames of a screen do not divide.
const PAUSE: Duration = Duration::from_millis(37);
/// The terminal.
const SIZE: (u16, u16) = (40, 120);

/// What is typed: characters that nobody else says, each seen on the screen once between two clearings.
const TYPED: [char; 8] = ['甲', '乙', '丙', '丁', '戊', '己', '庚', '辛'];

/// What came out of one run.
struct Run {
    /// How long the lines that are loaded took, from the first byte to the answer behind the last.
    replay: Duration,
    /// From each key to its character on the terminal, shortest first.
    keys: Vec<Duration>,
    /// Lines that came while keys were pressed, and how long that took.
    came: (u64, Duration),
    /// Resident memory in KiB: at the start, with the lines loaded, and after those beyond in another run.
    kib: [u64; 3],
}

impl Run {
    fn key(&self, part: f64) -> f64 {
        let at = (self.keys.len() as f64 * part) as usize;
        self.keys[at.min(self.keys.len() - 1)].as_secs_f64() * 1e3
    }
}

pub(super) fn run(args: &[&str]) -> Result<()> {
    let rounds = match args {
        [] => 3,
        ["--rounds", rounds] => rounds.parse().context("--rounds")?,
        _ => bail!("usage: cargo xtask bench screen [--rounds N]"),
    };
    ensure!(rounds > 0, "a round is needed");
    let callbox = build_callbox()?;
    let mut runs = Vec::new();
    for round in 1..=rounds {
        let run = measure(&callbox)?;
        println!(
            "round {round}  {LOADED} lines in {:.2} s  key p50 {:.2} ms p99 {:.2} ms  memory {} -> {} -> {} MiB",
            run.replay.as_secs_f64(),
            run.key(0.5),
            run.key(0.99),
            run.kib[0] / 1024,
            run.kib[1] / 1024,
            run.kib[2] / 1024,
        );
        runs.push(run);
    }
    let command = format!("cargo xtask bench screen {}", args.join(" ")).trim_end().to_owned();
    let date = today()?;
    let folder = new_folder(&date, "-screen")?;
    fs::write(folder.join("raw.csv"), csv(&runs))?;
    fs::write(folder.join("README.md"), page(&runs, &command, &date, &callbox))?;
    println!("kept in {}", folder.display());
    Ok(())
}

fn measure(callbox: &str) -> Result<Run> {
    let home = Folder::new("screen-bench");
    let (network, mut terminal) = start(callbox, &home)?;
    let mut peer = network.accept()?;
    terminal.wait_for_screen(&format!("Message {ROOM}"));
    let at_start = kib(&terminal);
    let replay = peer.replay(LOADED)?;
    let loaded = kib(&terminal);
    let begun = Instant::now();
    let babble = peer.babble(RATE)?;
    let keys = press(&mut terminal);
    let came = (babble.stop()?, begun.elapsed());
    leave(terminal);

    let (network, mut terminal) = start(callbox, &home)?;
    let mut peer = network.accept()?;
    terminal.wait_for_screen(&format!("Message {ROOM}"));
    peer.replay(LOADED + BEYOND)?;
    let beyond = kib(&terminal);
    leave(terminal);
    Ok(Run { replay, keys, came, kib: [at_start, loaded, beyond] })
}

/// A network, and a client on its way there.
fn start(callbox: &str, home: &Folder) -> Result<(Network, Terminal)> {
    let network = Network::open()?;
    let client = Program::new(callbox)
        .args(["chat", "client", "--name", "me", "--join", ROOM])
        .arg(format!("irc://{}", network.address()?))
        .env("HOME", home.path())
        .env("LANG", "C.UTF-8")
        // So the terminal is not asked for it: this one does not answer.
        .env("COLORFGBG", "15;0");
    let (rows, columns) = SIZE;
    Ok((network, Terminal::spawn_sized(client, rows, columns)))
}

/// Presses keys, and returns how long each took to be on the terminal, shortest first.
fn press(terminal: &mut Terminal) -> Vec<Duration> {
    let mut keys = Vec::new();
    for (number, typed) in (0..KEYS).zip(TYPED.into_iter().cycle()) {
        if (number as usize).is_multiple_of(TYPED.len()) {
            // Ctrl-U: the line is empty again.
            terminal.type_text("\x15");
        }
        thread::sleep(PAUSE);
        let typed = typed.to_string();
        let begun = Instant::now();
        terminal.type_text(&typed);
        terminal.wait_for(&typed);
        keys.push(begun.elapsed());
    }
    keys.sort_unstable();
    keys
}

fn kib(terminal: &Terminal) -> u64 {
    resident_memory(terminal.id()) / 1024
}

/// Leaves as a person does: what was typed is cleared first.
fn leave(mut terminal: Terminal) {
    terminal.type_text("\x15\x03\x03");
    terminal.wait();
}

fn csv(runs: &[Run]) -> String {
    let mut csv = String::from(
        "round,replay_seconds,lines_while_typing,seconds_of_typing,start_kib,loaded_kib,beyond_kib,key_milliseconds\n",
    );
    for (round, run) in (1..).zip(runs) {
        let ([start, loaded, beyond], (lines, seconds)) = (run.kib, run.came);
        let (replay, seconds) = (run.replay.as_secs_f64(), seconds.as_secs_f64());
        let _ = write!(csv, "{round},{replay:.3},{lines},{seconds:.3},{start},{loaded},{beyond},");
        let keys: Vec<String> =
            run.keys.iter().map(|key| format!("{:.3}", key.as_secs_f64() * 1e3)).collect();
        let _ = writeln!(csv, "{}", keys.join(" "));
    }
    csv
}

fn page(runs: &[Run], command: &str, date: &str, callbox: &str) -> String {
    let middle = |of: &dyn Fn(&Run) -> f64| median(runs.iter().map(of));
    let mib = |at: usize| middle(&|run| run.kib[at] as f64 / 1024.0);
    let (rows, columns) = SIZE;
    let mut page = format!("# The terminal client, {date}\n\n");
    let _ = writeln!(page, "Command: `{command}`  ");
    let _ = writeln!(page, "Commit: {}  ", commit());
    let _ = writeln!(page, "Machine: {}  ", machine());
    let _ = writeln!(page, "Program: {}  ", version(callbox, &["--version"]));
    let _ = writeln!(page, "Samples: raw.csv\n");
    let _ = writeln!(
        page,
        "`callbox chat client` on a pseudo-terminal of {columns} by {rows} characters, against a server that says what it is \
         told to. Figures are medians of {} rounds. The server, the terminal and the client share all processors.\n",
        runs.len()
    );
    let _ = writeln!(
        page,
        "- {LOADED} lines of history, in batches of 1,000, are taken in within {:.2} s: from the first byte until the client \
         answers the PING behind the last line.",
        middle(&|run| run.replay.as_secs_f64())
    );
    let _ = writeln!(
        page,
        "- With these loaded, and {:.0} lines a second coming in, a key is on the terminal after {:.2} ms (median), {:.2} ms \
         (99 of 100) of {KEYS} keys: from writing the key to reading its character among what the client draws.",
        middle(&|run| run.came.0 as f64 / run.came.1.as_secs_f64()),
        middle(&|run| run.key(0.5)),
        middle(&|run| run.key(0.99)),
    );
    let _ = writeln!(
        page,
        "- Resident memory: {:.0} MiB at the start, {:.0} MiB with {LOADED} lines, {:.0} MiB after {} lines, of which as many \
         are kept as the cap allows.",
        mib(0),
        mib(1),
        mib(2),
        LOADED + BEYOND
    );
    page
}
