//! Where a client's lines come from: a prompt on a terminal, or plain lines from a pipe or file.

use std::io::{self, BufRead, IsTerminal, Write};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use callbox_exchange::lines::MAX_LINE;
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};
use rustyline::config::{Behavior, BellStyle, Config};
use rustyline::error::ReadlineError;
use rustyline::history::MemHistory;
use rustyline::{Editor, ExternalPrinter};

use crate::messages::{self, Exit, Failure};

/// Lines kept for the arrow keys.
const HISTORY: usize = 1_000;

/// The terminal as it was before the first prompt.
static BEFORE_PROMPTS: OnceLock<Termios> = OnceLock::new();

/// Whether a thread stands at a prompt.
static AT_PROMPT: AtomicBool = AtomicBool::new(false);

/// Puts the terminal back as it was, for a process that ends while another thread stands at a prompt.
pub fn restore_terminal() {
    if AT_PROMPT.load(Ordering::Relaxed)
        && let Some(before) = BEFORE_PROMPTS.get()
    {
        // Nothing is left to do about a terminal that does not take it.
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, before);
        // The prompt had bracketed paste switched on (xterm's control sequences, private mode 2004), and stands unended.
        let _ = writeln!(io::stderr().lock(), "\x1b[?2004l");
    }
}

/// Standard input, line by line.
pub enum Input {
    /// A terminal, with line editing and history.
    Terminal(Box<Editor<(), MemHistory>>),
    /// Anything else.
    Plain(io::StdinLock<'static>),
}

/// One line of input, without its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InputLine {
    /// The line. Not necessarily text: a pipe may carry any bytes.
    Line(Vec<u8>),
    /// The line is longer than a client keeps in memory, and was skipped.
    TooLong,
}

impl Input {
    /// Standard input, whichever kind it is.
    pub fn open() -> Result<Self, Failure> {
        if !io::stdin().is_terminal() {
            return Ok(Self::Plain(io::stdin().lock()));
        }
        if let Ok(before) = tcgetattr(io::stdin()) {
            let _ = BEFORE_PROMPTS.set(before);
        }
        // A prompt is no content: where standard output goes elsewhere, it is shown on the terminal itself.
        let redirected = !io::stdout().is_terminal();
        let behavior = if redirected { Behavior::PreferTerm } else { Behavior::Stdio };
        let config = Config::builder().behavior(behavior);
        let config = config.bell_style(BellStyle::None).auto_add_history(true);
        let config = config.max_history_size(HISTORY).map_err(|e| unusable(&e))?.build();
        let history = MemHistory::with_config(&config);
        let editor = Editor::with_history(config, history).map_err(|e| unusable(&e))?;
        Ok(Self::Terminal(Box::new(editor)))
    }

    /// Whether a person is typing.
    pub const fn is_terminal(&self) -> bool {
        matches!(self, Self::Terminal(_))
    }

    /// Something with which other threads print above the prompt, without spoiling it. Only a terminal has it.
    pub fn printer(&mut self) -> Option<Box<dyn ExternalPrinter + Send>> {
        match self {
            Self::Terminal(editor) => editor
                .create_external_printer()
                .ok()
                .map(|p| Box::new(p) as Box<dyn ExternalPrinter + Send>),
            Self::Plain(_) => None,
        }
    }

    /// The next line, after `prompt` on a terminal. `None` is the end of input (Ctrl-D); Ctrl-C is the failure
    /// that ends the run as SIGINT would.
    pub fn next(&mut self, prompt: &str) -> Result<Option<InputLine>, Failure> {
        self.next_offering(prompt, "")
    }

    /// The same, with `offered` standing on a terminal's line already, to be taken or changed.
    pub fn next_offering(
        &mut self,
        prompt: &str,
        offered: &str,
    ) -> Result<Option<InputLine>, Failure> {
        match self {
            Self::Terminal(editor) => {
                AT_PROMPT.store(true, Ordering::Relaxed);
                let line = editor.readline_with_initial(prompt, (offered, ""));
                AT_PROMPT.store(false, Ordering::Relaxed);
                match line {
                    Ok(line) => Ok(Some(InputLine::Line(line.into_bytes()))),
                    Err(ReadlineError::Eof) => Ok(None),
                    Err(ReadlineError::Interrupted) => Err(Failure::said(Exit::Interrupted)),
                    Err(error) => Err(unusable(&error)),
                }
            }
            Self::Plain(stdin) => read_line(stdin).map_err(|e| messages::unreadable_input(&e)),
        }
    }
}

/// The next line of `reader`, which keeps at most [`MAX_LINE`] bytes of it. The last line needs no line end; CR LF is a
/// line end too.
pub fn read_line(reader: &mut impl BufRead) -> io::Result<Option<InputLine>> {
    let mut line = Vec::new();
    let mut any = false;
    let mut too_long = false;
    loop {
        let buffer = match reader.fill_buf() {
            Ok(buffer) => buffer,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        if buffer.is_empty() {
            break;
        }
        any = true;
        let end = buffer.iter().position(|&byte| byte == b'\n');
        let part = &buffer[..end.unwrap_or(buffer.len())];
        too_long |= line.len() + part.len() > MAX_LINE;
        if !too_long {
            line.extend_from_slice(part);
        }
        let used = part.len() + usize::from(end.is_some());
        reader.consume(used);
        if end.is_some() {
            break;
        }
    }
    if !any {
        return Ok(None);
    }
    if line.last() == Some(&b'\r') {
        line.pop();
    }
    Ok(Some(if too_long { InputLine::TooLong } else { InputLine::Line(line) }))
}

fn unusable(error: &ReadlineError) -> Failure {
    Failure::network(format!("cannot use this terminal: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(mut input: &[u8]) -> Vec<InputLine> {
        std::iter::from_fn(|| read_line(&mut input).unwrap()).collect()
    }

    fn line(text: &str) -> InputLine {
        InputLine::Line(text.into())
    }

    #[test]
    fn lines_end_with_lf_or_cr_lf_and_the_last_needs_no_end() {
        assert_eq!(lines(b""), []);
        assert_eq!(lines(b"\n"), [line("")]);
        assert_eq!(
            lines("a\r\n你好\n\nlast".as_bytes()),
            [line("a"), line("你好"), line(""), line("last")]
        );
    }

    #[test]
    fn a_line_that_would_fill_the_memory_is_skipped_whole() {
        let mut input = vec![b'x'; MAX_LINE + 1];
        input.extend_from_slice(b"\nshort\n");
        assert_eq!(lines(&input), [InputLine::TooLong, line("short")]);
    }
}
