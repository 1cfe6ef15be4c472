//! What a page of a long history costs, over the wire: from asking to having read its last line.
//!
//! The history is made by talking: a room for two is filled through the same door as any other. Pages
//! are then asked for in each form that clients have, around places deep in it.

use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::servers::{CALLBOX_WITH_ALL_HISTORY, Running, Start};
use crate::bench::irc_load::{Crowd, ROOM, Talk};

/// Lines that are asked for at once, and how often each form is asked.
const PAGE: usize = 100;
const REPEATS: usize = 200;

/// With fewer there would not be a full page between the two places that are asked about.
pub(super) const LEAST_LINES: u64 = 1_000;

/// Two talk, each with so many lines on their way.
const FILLERS: u64 = 2;
const FILL_WINDOW: usize = 256;
const TEXT_BYTES: usize = 64;

/// How long a fill may take: the slowest machine we know says thousands of lines a second.
const FILL_LIMIT: Duration = Duration::from_secs(600);

/// How long a page may take before the server counts as dead.
const PAGE_LIMIT: Duration = Duration::from_secs(10);

/// One form and how long it took, each time.
pub(crate) struct Pages {
    pub(crate) form: String,
    pub(crate) micros: Vec<u64>,
}

/// Fills a room and asks for pages of it.
pub(super) fn measure(callbox: &str, start: &Start<'_>, lines: u64) -> Result<Vec<Pages>> {
    let running = Running::start(&CALLBOX_WITH_ALL_HISTORY, callbox, *start)?;
    let mut crowd = Crowd::connect(running.port(), FILLERS as usize)?;
    crowd.join()?;
    let mut reader = Reader::connect(running.port())?;
    let begun = Instant::now();
    // Places at four and at six tenths.
    let mut mark_after = |tenths| -> Result<Mark> {
        fill(&mut crowd, lines * tenths / 10)?;
        reader.last()
    };
    let (early, late, _) = (mark_after(4)?, mark_after(2)?, mark_after(4)?);
    println!("{lines} lines of history in {:.1} s", begun.elapsed().as_secs_f64());
    reader.join()?;
    let mut all = Vec::new();
    for form in forms(&early, &late) {
        let mut micros = Vec::with_capacity(REPEATS);
        for _ in 0..REPEATS {
            let start = Instant::now();
            let got = reader.page(&format!("{} {PAGE}", form.ask))?;
            micros.push(start.elapsed().as_micros().try_into().unwrap_or(u64::MAX));
            if got.len() != form.answers {
                bail!("{} gave {} lines, not {}", form.name, got.len(), form.answers);
            }
        }
        all.push(Pages { form: form.name, micros });
    }
    Ok(all)
}

fn fill(crowd: &mut Crowd, lines: u64) -> Result<()> {
    let messages = lines / FILLERS;
    let talkers = FILLERS as usize;
    crowd.talk(Talk { talkers, window: FILL_WINDOW, size: TEXT_BYTES, messages })?;
    crowd.pump_to_the_end(FILL_LIMIT)?;
    if crowd.tally().bad > 0 {
        bail!("the history could not be filled: lines were delivered wrong");
    }
    Ok(())
}

/// A place in the history.
struct Mark {
    msgid: String,
    time: String,
}

struct Form {
    name: String,
    ask: String,
    /// How many lines the answer has.
    answers: usize,
}

/// Every subcommand with each way to name a place.
fn forms(early: &Mark, late: &Mark) -> Vec<Form> {
    let form = |name: String, ask: String, answers| Form { name, ask, answers };
    let mut forms = vec![form("LATEST".into(), format!("LATEST {ROOM} *"), PAGE)];
    for (by, early, late) in [
        ("time", format!("timestamp={}", early.time), format!("timestamp={}", late.time)),
        ("msgid", format!("msgid={}", early.msgid), format!("msgid={}", late.msgid)),
    ] {
        for (command, places) in [
            ("LATEST", early.clone()),
            ("BEFORE", late.clone()),
            ("AFTER", early.clone()),
            ("AROUND", early.clone()),
            ("BETWEEN", format!("{early} {late}")),
            ("BETWEEN backwards", format!("{late} {early}")),
        ] {
            let verb = command.split(' ').next().unwrap_or(command);
            let name = format!("{command}, by {by}");
            forms.push(form(name, format!("{verb} {ROOM} {places}"), PAGE));
        }
    }
    let always = "timestamp=1970-01-01T00:00:00.000Z timestamp=2999-01-01T00:00:00.000Z";
    // There is one room to tell of.
    forms.push(form("TARGETS".into(), format!("TARGETS {always}"), 1));
    forms
}

/// A client that reads history.
struct Reader {
    stream: BufReader<TcpStream>,
}

impl Reader {
    fn connect(port: u16) -> Result<Self> {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PAGE_LIMIT))?;
        let mut reader = Self { stream: BufReader::with_capacity(64 * 1024, stream) };
        reader.send(
            "CAP REQ :batch draft/chathistory message-tags server-time\r\n\
             NICK reader\r\nUSER reader 0 * :reader\r\nCAP END\r\n",
        )?;
        reader.line_with("001")?;
        Ok(reader)
    }

    fn join(&mut self) -> Result<()> {
        self.send(&format!("JOIN {ROOM}\r\n"))?;
        self.line_with("366").map(drop)
    }

    /// The place of the last line. The reader comes into the room for it and leaves, for it does not
    /// read while the room is filled.
    fn last(&mut self) -> Result<Mark> {
        self.join()?;
        let lines = self.page(&format!("LATEST {ROOM} * 1"))?;
        self.send(&format!("PART {ROOM}\r\n"))?;
        self.line_with("PART")?;
        let line = lines.first().context("no line in the history")?;
        let tag = |name: &str| {
            let tags = line.strip_prefix('@')?.split(' ').next()?;
            tags.split(';').find_map(|tag| tag.strip_prefix(name)?.strip_prefix('='))
        };
        let (Some(msgid), Some(time)) = (tag("msgid"), tag("time")) else {
            bail!("a line of history without a msgid or a time: {line:?}");
        };
        Ok(Mark { msgid: msgid.to_owned(), time: time.to_owned() })
    }

    /// Asks for a page, and reads all lines of its batch.
    fn page(&mut self, ask: &str) -> Result<Vec<String>> {
        self.send(&format!("CHATHISTORY {ask}\r\n"))?;
        self.line_with("BATCH")?;
        let mut lines = Vec::with_capacity(PAGE);
        loop {
            let line = self.line()?;
            if command(&line) == "BATCH" {
                return Ok(lines);
            }
            if line.starts_with("@batch=") {
                lines.push(line);
            }
        }
    }

    fn send(&mut self, lines: &str) -> Result<()> {
        Ok(self.stream.get_mut().write_all(lines.as_bytes())?)
    }

    /// Reads up to a line with this command.
    fn line_with(&mut self, wanted: &str) -> Result<String> {
        loop {
            let line = self.line()?;
            match command(&line) {
                command if command == wanted => return Ok(line),
                "FAIL" | "ERROR" => bail!("the server says {line:?}"),
                _ => {}
            }
        }
    }

    fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        if self.stream.read_line(&mut line).context("no answer")? == 0 {
            bail!("the server closed the connection");
        }
        Ok(line.trim_end().to_owned())
    }
}

/// The command of a line, past its tags and its source.
fn command(line: &str) -> &str {
    let past = |word: &&str| word.starts_with(['@', ':']);
    line.split(' ').find(|word| !past(word)).unwrap_or_default()
}
