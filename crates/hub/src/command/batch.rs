//! BATCH of clients, which is how a message of several lines is sent (draft/multiline).

use callbox_irc::capability::CapSet;
use callbox_irc::message::Message;

use crate::refusal::{Outcome, Refusal};
use crate::reply::Reply;
use crate::say::{Piece, Utterance};
use crate::turn::Turn;

/// The only type of batch that clients send.
const MULTILINE: &str = "draft/multiline";

/// A reference is made up by the client and kept while the batch is open.
const REFERENCE_MAX: usize = 64;

/// A batch that a client has open.
#[derive(Debug)]
pub(crate) struct OpenBatch {
    reference: Box<str>,
    target: Box<str>,
    /// The client-only tags of the whole message.
    tags: String,
    /// The label of the command that opened it, under which the message is answered.
    label: Option<Box<str>>,
    /// The lines so far, and whether each continues the one before it.
    lines: Vec<(Box<str>, bool)>,
    /// Bytes so far, with one for each line that begins anew.
    bytes: usize,
    /// Whether something was wrong with it, which was said. What is left of it is dropped.
    failed: bool,
}

/// BATCH.
pub(crate) fn batch(turn: &mut Turn<'_>, message: &Message<'_>) -> Outcome {
    let reference = message.params[0];
    if let Some(reference) = reference.strip_prefix('+') {
        turn.open_batch(reference, message)
    } else if let Some(reference) = reference.strip_prefix('-') {
        turn.close_batch(reference)
    } else {
        Err(invalid("A batch begins with + and ends with -"))
    }
}

fn invalid(text: &'static str) -> Refusal {
    Refusal::fail("BATCH", "MULTILINE_INVALID", &[], text)
}

impl Turn<'_> {
    fn open_batch(&mut self, reference: &str, message: &Message<'_>) -> Outcome {
        let params = &message.params;
        if !self.me().has(CapSet::MULTILINE) || params.get(1).copied() != Some(MULTILINE) {
            return Err(invalid("This type of batch was not negotiated"));
        }
        let Some(target) = params.get(2).filter(|target| !target.is_empty()) else {
            return Err(invalid("A message of several lines needs a target"));
        };
        if self.me().gathering.batch.is_some() {
            return Err(invalid("Another batch is open"));
        }
        if reference.is_empty() || reference.len() > REFERENCE_MAX {
            return Err(invalid("The reference is empty or too long"));
        }
        let batch = OpenBatch {
            reference: reference.into(),
            target: (*target).into(),
            tags: super::message::client_tags(message),
            label: self.reply.take_label(),
            lines: Vec::new(),
            bytes: 0,
            failed: false,
        };
        self.me_mut().gathering.batch = Some(Box::new(batch));
        Ok(())
    }

    fn close_batch(&mut self, reference: &str) -> Outcome {
        let open = &mut self.me_mut().gathering.batch;
        let Some(batch) = open.take_if(|open| *open.reference == *reference) else {
            return Err(invalid("No such batch is open"));
        };
        if batch.failed {
            return Ok(());
        }
        self.reply = Reply::new(batch.label);
        if batch.lines.iter().all(|(text, _)| text.is_empty()) {
            return Err(invalid("There is no text in it"));
        }
        let lines: Vec<Piece<'_>> = batch
            .lines
            .iter()
            .map(|(text, continues)| Piece { text, continues: *continues })
            .collect();
        self.me_mut().active = self.now.monotonic;
        self.say(&batch.target, &Utterance { command: "PRIVMSG", lines: &lines, tags: &batch.tags })
    }

    /// Whether `message` belongs to an open batch, which it then joined.
    pub(crate) fn joins_batch(&mut self, message: &Message<'_>) -> Result<bool, Refusal> {
        // Who gives the capability up in the middle of a batch has one open still.
        let me = self.me();
        let batches = me.has(CapSet::MULTILINE) || me.gathering.batch.is_some();
        if message.tags.is_empty() || !batches {
            return Ok(false);
        }
        let Some(reference) = message.tag("batch") else {
            return Ok(false);
        };
        let limits = self.hub.config.limits.clone();
        // Of a batch that was refused the lines are not said one by one either.
        let open = self.me_mut().gathering.batch.as_mut();
        let Some(batch) = open.filter(|batch| *batch.reference == *reference) else {
            return Err(invalid("No such batch is open"));
        };
        if batch.failed {
            return Ok(true);
        }
        let outcome = batch.take(message, limits.multiline_bytes, limits.multiline_lines);
        if outcome.is_err() {
            batch.failed = true;
            batch.lines = Vec::new();
            let label = batch.label.take();
            self.reply = Reply::new(label);
        }
        outcome.map(|()| true)
    }
}

impl OpenBatch {
    /// Takes a line in.
    fn take(&mut self, message: &Message<'_>, bytes: usize, lines: usize) -> Outcome {
        if !message.command.eq_ignore_ascii_case("PRIVMSG") || message.params.len() < 2 {
            return Err(invalid("Only PRIVMSG with a text may be in it"));
        }
        let target = message.params[0];
        if !callbox_irc::fold::same(target, &self.target) {
            let context = [&*self.target, target];
            let text = "All lines go to the target of the batch";
            return Err(Refusal::fail("BATCH", "MULTILINE_INVALID_TARGET", &context, text));
        }
        let text = message.params[1];
        let continues = message.tag("draft/multiline-concat").is_some();
        if continues && (text.is_empty() || self.lines.is_empty()) {
            return Err(invalid("A line that continues another has text and follows one"));
        }
        self.bytes += text.len() + usize::from(!continues && !self.lines.is_empty());
        if self.bytes > bytes {
            let limit = bytes.to_string();
            let text = "The message has too many bytes";
            return Err(Refusal::fail("BATCH", "MULTILINE_MAX_BYTES", &[&limit], text));
        }
        if self.lines.len() >= lines {
            let limit = lines.to_string();
            let text = "The message has too many lines";
            return Err(Refusal::fail("BATCH", "MULTILINE_MAX_LINES", &[&limit], text));
        }
        self.lines.push((text.into(), continues));
        Ok(())
    }
}
