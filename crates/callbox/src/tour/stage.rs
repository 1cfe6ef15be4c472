//! What an act stands on: it tells, it hears the calls of all ends, and it stops where a promise is not kept.
//!
//! A call is reported after it was made, by the thread that made it, so a `recv` may be heard before the `send` that
//! caused it. An act therefore names its calls in the order of cause and effect. Each is waited for and then shown, so
//! nothing is shown that did not happen, and the calls of one end keep their own order.

use std::fmt::Display;
use std::io::{self, Write};
use std::sync::Arc;

use callbox_exchange::Quoted;
use callbox_net::trace::Trace;
use clap::{Args, Command};

use super::PATIENCE;
use super::calls::{Call, Calls, Who};
use crate::messages::{Failure, Reason};

/// Why a tour ends before its end.
#[derive(Debug)]
pub(super) enum Stop {
    /// What it tells cannot be written.
    Output(io::Error),
    /// A step did not give what it promises.
    Step(String),
}

/// A client or server failed.
impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self::Step(failure.message().unwrap_or("it was interrupted").to_owned())
    }
}

/// A socket call failed.
impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        Self::Step(Reason(&error).to_string())
    }
}

/// The stage of one act.
pub(super) struct Stage<'a> {
    out: &'a mut dyn Write,
    verbose: bool,
    calls: Arc<Calls>,
}

impl<'a> Stage<'a> {
    pub(super) fn new(out: &'a mut dyn Write, verbose: bool) -> Self {
        Self { out, verbose, calls: Arc::default() }
    }

    /// Where the sockets of `who` report their calls.
    pub(super) fn trace(&self, who: Who) -> Trace {
        self.calls.trace(who)
    }

    /// Waits until `who` has made the call `wanted`, as [`Calls::take`] understands it, and shows it.
    pub(super) fn call(&mut self, who: Who, wanted: &str) -> Result<(), Stop> {
        self.take(who, wanted, true)
    }

    /// Waits for a call that the act is not about: it happens, and only a verbose tour shows it.
    pub(super) fn aside(&mut self, who: Who, wanted: &str) -> Result<(), Stop> {
        self.take(who, wanted, self.verbose)
    }

    /// A word between two calls.
    pub(super) fn remark(&mut self, line: impl Display) -> Result<(), Stop> {
        self.line(format_args!("                ({line})"))
    }

    /// What was seen, after the calls that show it.
    pub(super) fn seen(&mut self, line: impl Display) -> Result<(), Stop> {
        self.settle()?;
        self.line(format_args!("   => {line}"))
    }

    /// Has done with the calls that were heard so far: only a verbose tour shows them.
    pub(super) fn settle(&mut self) -> Result<(), Stop> {
        let rest = self.calls.rest();
        if self.verbose { rest.iter().try_for_each(|call| self.show(call)) } else { Ok(()) }
    }

    /// Has done with the calls that were heard so far, which belong to nothing that is told.
    pub(super) fn forget(&self) {
        self.calls.rest();
    }

    fn take(&mut self, who: Who, wanted: &str, shown: bool) -> Result<(), Stop> {
        let taken = self.calls.take(who, wanted, PATIENCE);
        let taken = taken.ok_or_else(|| {
            Stop::Step(format!("within {PATIENCE:?} the {who} made no call '{wanted}...'"))
        })?;
        let first = if self.verbose { 0 } else { taken.len() - usize::from(shown) };
        taken.iter().skip(first).try_for_each(|call| self.show(call))
    }

    fn show(&mut self, (who, call): &Call) -> Result<(), Stop> {
        self.line(format_args!("      {who:<8}  {call}"))
    }

    /// One line, at once: whoever reads along at the other end of a pipe sees it when it happens.
    fn line(&mut self, line: impl Display) -> Result<(), Stop> {
        writeln!(self.out, "{line}").and_then(|()| self.out.flush()).map_err(Stop::Output)
    }
}

/// Stops the tour unless it is so that `promised`.
pub(super) fn promise(kept: bool, promised: impl Display) -> Result<(), Stop> {
    if kept { Ok(()) } else { Err(Stop::Step(format!("it is not so that {promised}"))) }
}

/// Stops the tour unless `got` is `wanted`, byte for byte.
pub(super) fn same(got: &[u8], wanted: impl AsRef<[u8]>) -> Result<(), Stop> {
    let wanted = wanted.as_ref();
    if got == wanted {
        return Ok(());
    }
    Err(Stop::Step(format!("expected {}, and got {}", Quoted(wanted), Quoted(got))))
}

/// The message with which `result` failed. Stops the tour if it did not fail, or for another reason than `why`.
pub(super) fn refusal<T>(result: Result<T, impl Into<Stop>>, why: &str) -> Result<String, Stop> {
    match result.map_err(Into::into) {
        Err(Stop::Step(message)) if message.contains(why) => Ok(message),
        Err(Stop::Step(other)) => Err(Stop::Step(format!("expected '{why}', and got '{other}'"))),
        Err(output) => Err(output),
        Ok(_) => Err(Stop::Step(format!("expected '{why}', and it succeeded"))),
    }
}

/// The flags of a command as they are after its name was typed and then `words`: what is not typed has its default.
pub(super) fn typed<A: Args>(words: &[&str]) -> Result<A, Stop> {
    let command = A::augment_args(Command::new("callbox").no_binary_name(true));
    let matches = command.try_get_matches_from(words);
    matches
        .and_then(|matches| A::from_arg_matches(&matches))
        .map_err(|problem| Stop::Step(problem.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_that_is_not_made_stops_the_tour_with_its_name() {
        let mut out = Vec::new();
        let calls = Arc::<Calls>::default();
        assert!(calls.take(Who::Server, "accept(", std::time::Duration::ZERO).is_none());
        let mut stage = Stage::new(&mut out, false);
        stage.trace(Who::Client).line(format_args!("socket(AF_INET)"));
        assert!(stage.call(Who::Client, "socket(").is_ok());
        assert_eq!(out, b"      client    socket(AF_INET)\n");
    }

    #[test]
    fn only_a_verbose_tour_shows_what_the_act_is_not_about() {
        let told = |verbose| {
            let mut out = Vec::new();
            let mut stage = Stage::new(&mut out, verbose);
            let trace = stage.trace(Who::Client);
            for call in ["socket()", "bind()", "send()", "close()"] {
                trace.line(format_args!("{call}"));
            }
            stage.aside(Who::Client, "bind(").unwrap();
            stage.call(Who::Client, "send(").unwrap();
            stage.seen("done").unwrap();
            String::from_utf8(out).unwrap()
        };
        assert_eq!(told(false), "      client    send()\n   => done\n");
        assert_eq!(told(true).lines().count(), 5);
    }

    #[test]
    fn what_was_expected_and_what_came_are_both_said() {
        let Err(Stop::Step(said)) = same(b"sally", b"SALLY") else { panic!("they differ") };
        assert_eq!(said, "expected 'SALLY', and got 'sally'");
        assert!(same(b"SALLY", "SALLY").is_ok());
        let failed = |why| Err::<(), _>(Failure::network(why));
        let Err(Stop::Step(said)) = refusal(Ok::<_, Stop>(()), "refused") else {
            panic!("it succeeded")
        };
        assert_eq!(said, "expected 'refused', and it succeeded");
        assert!(refusal(failed("it was refused"), "refused").is_ok());
        assert!(refusal(failed("it was silent"), "refused").is_err());
    }
}
