//! What a page of a long history costs, over the wire: from asking to having read its last line.
//!
//! The history is made by talking: a room is filled through the same door as any other. Pages
//! are then asked for in each form that clients have, around places deep in it.

use std::time::Instant;

use anyhow::{Context, Result, bail};

use super::client::{Client, command};
use super::servers::{CALLBOX_WITH_ALL_HISTORY, Running, Start};

/// The room that has the history.
const ROOM: &str = "#bench";

/// Lines that are asked for at once, and how often each form is asked.
const PAGE: usize = 100;
const REPEATS: usize = 200;

/// With fewer there would not be a full page between the two places that are asked about.
pub(super) const LEAST_LINES: u64 = 1_000;

/// Lines that are said at once, and how long each is.
const FILL_WINDOW: u64 = 256;
const TEXT_BYTES: usize = 64;

/// One form and how long it took, each time.
pub(crate) struct Pages {
    pub(crate) form: String,
    pub(crate) micros: Vec<u64>,
}

/// Fills a room and asks for pages of it.
pub(super) fn measure(callbox: &str, start: &Start<'_>, lines: u64) -> Result<Vec<Pages>> {
    let running = Running::start(&CALLBOX_WITH_ALL_HISTORY, callbox, *start)?;
    let mut talker = Client::knock(running.port(), "talker", "")?;
    talker.come_in()?;
    talker.join(ROOM)?;
    let mut reader = Reader::connect(running.port())?;
    let begun = Instant::now();
    // Places at four and at six tenths.
    let mut mark_after = |tenths| -> Result<Mark> {
        fill(&mut talker, lines * tenths / 10)?;
        reader.last()
    };
    let (early, late, _) = (mark_after(4)?, mark_after(2)?, mark_after(4)?);
    println!("{lines} lines of history in {:.1} s", begun.elapsed().as_secs_f64());
    reader.0.join(ROOM)?;
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

/// Says so many lines, and waits until the server has taken in all of them.
fn fill(talker: &mut Client, lines: u64) -> Result<()> {
    let mut left = lines;
    while left > 0 {
        let now = left.min(FILL_WINDOW);
        let text: String = (left - now..left).rev().map(line).collect();
        talker.send(&text)?;
        talker.settle()?;
        left -= now;
    }
    Ok(())
}

fn line(number: u64) -> String {
    format!("PRIVMSG {ROOM} :{number:0TEXT_BYTES$}\r\n")
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
struct Reader(Client);

impl Reader {
    fn connect(port: u16) -> Result<Self> {
        let asks = "CAP REQ :batch draft/chathistory message-tags server-time\r\nCAP END\r\n";
        let mut client = Client::knock(port, "reader", asks)?;
        client.come_in()?;
        Ok(Self(client))
    }

    /// The place of the last line. The reader comes into the room for it and leaves, for it does not
    /// read while the room is filled.
    fn last(&mut self) -> Result<Mark> {
        self.0.join(ROOM)?;
        let lines = self.page(&format!("LATEST {ROOM} * 1"))?;
        self.0.send(&format!("PART {ROOM}\r\n"))?;
        self.0.line_with("PART")?;
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
        self.0.send(&format!("CHATHISTORY {ask}\r\n"))?;
        self.0.line_with("BATCH")?;
        let mut lines = Vec::with_capacity(PAGE);
        loop {
            let line = self.0.line()?;
            if command(&line) == "BATCH" {
                return Ok(lines);
            }
            if line.starts_with("@batch=") {
                lines.push(line);
            }
        }
    }
}
