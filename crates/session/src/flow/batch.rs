//! Lines that belong together (IRCv3 batch): pages of history and messages of several lines are gathered until they are
//! whole, and answers are known by the label of their batch. What else comes in batches is not for this module.

use super::speech::Speech;
use crate::contract::Now;
use crate::heard::Heard;
use crate::session::Session;

/// The most batches that are open at a time. Servers have few; what comes in a further one is taken line by line.
const OPEN_MAX: usize = 64;

/// The most bytes of all that is gathered. The largest page that we ask for has a few megabytes, if each line has all the
/// tags that it may have. Of what is beyond, nothing is kept, and the batch counts as cut off.
const BYTES_MAX: usize = 16 << 20;

/// The most lines of a batch, each of which costs more than its bytes. We ask for pages of a thousand messages at most.
const LINES_MAX: usize = 50_000;

/// The batches that are open.
#[derive(Debug, Default)]
pub(super) struct Batches {
    open: Vec<Open>,
    bytes: usize,
}

/// An open batch.
#[derive(Debug)]
struct Open {
    reference: Box<str>,
    label: Option<u64>,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    /// An answer of several lines, each of which is heard as it comes.
    Answer,
    /// Gathered until it is whole.
    Gathered(Lines),
    /// A batch within one that is gathered, by its reference.
    Within(Box<str>),
}

/// Lines as they came, the one that opened the batch first.
#[derive(Debug, Default)]
pub(super) struct Lines {
    text: String,
    ends: Vec<usize>,
    /// Whether there were more than may be kept.
    pub(super) is_cut: bool,
}

impl Lines {
    fn push(&mut self, line: &str, bytes: &mut usize) {
        if self.ends.len() >= LINES_MAX || *bytes + line.len() > BYTES_MAX {
            self.is_cut = true;
            return;
        }
        self.text.push_str(line);
        self.ends.push(self.text.len());
        *bytes += line.len();
    }

    /// The lines.
    pub(super) fn iter(&self) -> impl Iterator<Item = &str> {
        let mut start = 0;
        self.ends.iter().map(move |&end| {
            let line = self.text.get(start..end).unwrap_or_default();
            start = end;
            line
        })
    }
}

impl Batches {
    fn find(&self, reference: &str) -> Option<&Open> {
        self.open.iter().find(|open| *open.reference == *reference)
    }

    /// Whether the lines of a batch are gathered.
    pub(super) fn gathers(&self, reference: &str) -> bool {
        self.find(reference).is_some_and(|open| !matches!(open.kind, Kind::Answer))
    }

    /// The label of a batch.
    pub(super) fn label(&self, reference: &str) -> Option<u64> {
        self.find(reference)?.label
    }

    /// The batch as a part of which the lines of `reference` are gathered.
    fn root(&self, reference: &str) -> Option<Box<str>> {
        match &self.find(reference)?.kind {
            Kind::Gathered(_) => Some(reference.into()),
            Kind::Within(root) => Some(root.clone()),
            Kind::Answer => None,
        }
    }

    fn push(&mut self, root: &str, line: &str) {
        let open = self.open.iter_mut().find(|open| *open.reference == *root);
        if let Some(Open { kind: Kind::Gathered(lines), .. }) = open {
            lines.push(line, &mut self.bytes);
        }
    }

    fn open(&mut self, reference: &str, label: Option<u64>, kind: Kind) -> bool {
        self.close(reference);
        if self.open.len() >= OPEN_MAX {
            return false;
        }
        self.open.push(Open { reference: reference.into(), label, kind });
        true
    }

    fn close(&mut self, reference: &str) -> Option<Open> {
        let place = self.open.iter().position(|open| *open.reference == *reference)?;
        let open = self.open.remove(place);
        if let Kind::Gathered(lines) = &open.kind {
            self.bytes = self.bytes.saturating_sub(lines.text.len());
            // What was open within it can belong to nothing any more.
            self.open
                .retain(|inner| !matches!(&inner.kind, Kind::Within(root) if **root == *reference));
        }
        Some(open)
    }
}

impl Session {
    /// Adds a line to the batch that gathers it.
    pub(super) fn gather(&mut self, reference: &str, heard: &Heard<'_>) {
        if let Some(root) = self.flow.batches.root(reference) {
            self.flow.batches.push(&root, heard.line);
        }
    }

    /// BATCH. Says whether it was one for us.
    pub(super) fn hear_batch(&mut self, heard: &Heard<'_>, now: Now) -> bool {
        let label = self.label_of(heard);
        let batches = &mut self.flow.batches;
        if let Some(reference) = heard.param(0).strip_prefix('+') {
            let outer = heard.batch.as_deref().and_then(|outer| batches.root(outer));
            if let Some(root) = outer {
                batches.push(&root, heard.line);
                batches.open(reference, None, Kind::Within(root));
                return true;
            }
            return match heard.param(1) {
                "labeled-response" => batches.open(reference, label, Kind::Answer),
                "chathistory"
                | "draft/chathistory"
                | "draft/chathistory-targets"
                | "draft/multiline"
                | "znc.in/playback" => {
                    let opened = batches.open(reference, label, Kind::Gathered(Lines::default()));
                    batches.push(reference, heard.line);
                    opened
                }
                _ => false,
            };
        }
        let Some(reference) = heard.param(0).strip_prefix('-') else { return false };
        if let Some(Open { kind: Kind::Within(root), .. }) = batches.find(reference) {
            let root = root.clone();
            batches.push(&root, heard.line);
        }
        let Some(open) = batches.close(reference) else { return false };
        match open.kind {
            Kind::Within(_) => {}
            Kind::Answer => {
                if let Some(label) = open.label {
                    self.answered(label, now);
                }
            }
            Kind::Gathered(lines) => self.hear_gathered(&lines, open.label, now),
        }
        true
    }

    fn hear_gathered(&mut self, lines: &Lines, label: Option<u64>, now: Now) {
        let Some(first) = lines.iter().next().and_then(|line| Heard::parse(line, now)) else {
            return;
        };
        match first.param(1) {
            "draft/multiline" => {
                let text = joined(lines.iter().skip(1).filter_map(|line| Heard::parse(line, now)));
                let (target, notice) = (first.param(2), false);
                let speech = Speech { heard: &first, target, notice, text: &text };
                self.hear_speech(&speech, label, now);
            }
            "draft/chathistory-targets" => self.hear_targets(lines, label, now),
            _ => self.hear_page(&first, lines, label, now),
        }
    }
}

/// The text of a message of several lines: those that continue the one before them (draft/multiline-concat) stand right
/// behind it.
pub(super) fn joined<'a>(lines: impl Iterator<Item = Heard<'a>>) -> String {
    let mut text = String::new();
    for (index, line) in lines.filter(|line| line.count() >= 2).enumerate() {
        if index > 0 && line.tag("draft/multiline-concat").is_none() {
            text.push('\n');
        }
        text.push_str(line.message.params[1]);
    }
    text
}
