//! The reply to one command. Without a label it goes out line by line; with one it is held back until its size is known
//! (IRCv3 labeled-response): nothing becomes ACK, one line carries the label, several become a batch.

use callbox_irc::build::Line;
use callbox_irc::capability::CapSet;
use callbox_irc::stamp;
use callbox_irc::tags::TagWriter;

use crate::contract::Millis;
use crate::deliver::Tags;

/// A reply that is being gathered.
#[derive(Debug, Default)]
pub(crate) struct Reply {
    label: Option<Box<str>>,
    lines: Vec<Held>,
    receipt: bool,
}

#[derive(Debug)]
struct Held {
    /// The tags, without `@` and without the space after them; may be empty.
    tags: Vec<u8>,
    body: Vec<u8>,
    /// Whether the line belongs to a batch of its own.
    batched: bool,
}

impl Reply {
    /// A reply to a command with `label`, or without.
    pub(crate) fn new(label: Option<Box<str>>) -> Self {
        Self { label, ..Self::default() }
    }

    pub(crate) const fn is_labelled(&self) -> bool {
        self.label.is_some()
    }

    /// The label, which from now on belongs to the caller; what was held goes with it, so call this before the first line.
    pub(crate) fn take_label(&mut self) -> Option<Box<str>> {
        self.label.take()
    }

    /// Holds a line back.
    pub(crate) fn hold(
        &mut self,
        tags: &Tags<'_>,
        caps: CapSet,
        now: Millis,
        body: &[u8],
        batched: bool,
    ) {
        let mut written = Vec::new();
        let mut writer = TagWriter::new(&mut written);
        tags.write(caps, now, &mut writer);
        writer.finish();
        // Without the `@` and the space: more tags are to come.
        let inner = written.strip_prefix(b"@").unwrap_or(&written);
        let inner = inner.strip_suffix(b" ").unwrap_or(inner);
        self.lines.push(Held { tags: inner.to_vec(), body: body.to_vec(), batched });
    }

    /// What is held must not go out before what was recorded is kept.
    pub(crate) const fn hold_receipt(&mut self) {
        self.receipt = true;
    }

    pub(crate) const fn holds_receipt(&self) -> bool {
        self.receipt
    }

    /// Gives the lines of the whole reply to `out`. `scratch` is memory to work in.
    pub(crate) fn write(
        self,
        server: &str,
        batch: &str,
        now: Option<Millis>,
        scratch: &mut Vec<u8>,
        mut out: impl FnMut(&[u8]),
    ) {
        let Some(label) = self.label else {
            return;
        };
        match self.lines.as_slice() {
            [] => {
                start(scratch, "label", &label, now);
                Line::from_source(scratch, server, "ACK").end();
                out(scratch);
            }
            [line] => {
                start(scratch, "label", &label, None);
                join(scratch, &line.tags);
                scratch.extend_from_slice(&line.body);
                out(scratch);
            }
            // One batch is the whole reply: the label stands on its first line.
            [first, rest @ ..] if rest.iter().all(|line| line.batched) => {
                start(scratch, "label", &label, None);
                join(scratch, &first.tags);
                scratch.extend_from_slice(&first.body);
                out(scratch);
                for line in rest {
                    line.write(scratch);
                    out(scratch);
                }
            }
            lines => {
                start(scratch, "label", &label, now);
                Line::from_source(scratch, server, "BATCH")
                    .param(&format!("+{batch}"))
                    .param("labeled-response")
                    .end();
                out(scratch);
                for line in lines {
                    // The first and the last line of a batch within stand in this one, the others in that.
                    if line.batched && line.tags.starts_with(b"batch=") {
                        line.write(scratch);
                    } else {
                        start(scratch, "batch", batch, None);
                        join(scratch, &line.tags);
                        scratch.extend_from_slice(&line.body);
                    }
                    out(scratch);
                }
                scratch.clear();
                if let Some(now) = now {
                    scratch.extend_from_slice(b"@time=");
                    stamp::write(now, scratch);
                    scratch.push(b' ');
                }
                Line::from_source(scratch, server, "BATCH").param(&format!("-{batch}")).end();
                out(scratch);
            }
        }
    }
}

impl Held {
    /// Writes the line as it is.
    fn write(&self, out: &mut Vec<u8>) {
        out.clear();
        if !self.tags.is_empty() {
            out.push(b'@');
            out.extend_from_slice(&self.tags);
            out.push(b' ');
        }
        out.extend_from_slice(&self.body);
    }
}

/// Begins a line with one tag, and the time.
fn start(out: &mut Vec<u8>, key: &str, value: &str, time: Option<Millis>) {
    out.clear();
    let mut writer = TagWriter::new(out);
    writer.tag(key, value);
    if let Some(time) = time {
        writer.time(time);
    }
    writer.finish();
}

/// Adds tags that are written already to a line that has begun with some.
fn join(out: &mut Vec<u8>, tags: &[u8]) {
    if !tags.is_empty() {
        out.pop();
        out.push(b';');
        out.extend_from_slice(tags);
        out.push(b' ');
    }
}
