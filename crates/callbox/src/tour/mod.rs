//! `callbox tour`: every exchange once, between real sockets on this machine, told step by step.
//!
//! The tour is for somebody who learns sockets, so it shows the socket calls in the order of cause and effect and says
//! in plain words what they show. It runs the same servers, clients and machines as the other commands, and every act
//! checks what it says: a tour that reaches its end has seen all of it happen.
//!
//! | module | what it is for |
//! |---|---|
//! | `stage`, `calls` | telling, and hearing the calls of all ends |
//! | `servers` | servers that run beside an act |
//! | `address`, `text`, `strangers`, `loss`, `tcp`, `ending`, `unix`, `services`, `chat` | the acts |

mod address;
mod calls;
mod chat;
mod ending;
mod loss;
mod servers;
mod services;
mod stage;
mod strangers;
mod tcp;
mod text;
mod unix;

use std::io::{self, Write};
use std::time::Duration;

use crate::cli::TourArgs;
use crate::messages::Failure;
use stage::{Stage, Stop};

/// How long a step may take. None needs more than a fraction of a second; a machine under load gets its time.
const PATIENCE: Duration = Duration::from_secs(5);

/// One lesson. Its number is its place in [`ACTS`].
struct Act {
    title: &'static str,
    /// What is about to happen and why it matters, in one line or two.
    about: &'static [&'static str],
    play: fn(&mut Stage<'_>) -> Result<(), Stop>,
}

/// The tour, from a first socket to a chat.
static ACTS: [Act; 15] = [
    address::USE,
    address::BIND,
    text::EXCHANGE,
    text::CAPITALS,
    loss::NOBODY,
    strangers::REFUSED,
    strangers::NAMED,
    loss::LOST,
    tcp::TUPLES,
    tcp::PIECES,
    ending::ORDERLY,
    ending::EARLY,
    unix::FILES,
    services::OTHERS,
    chat::DOORS,
];

/// Runs the tour. It fails with a line that names the act if one did not give what it promises.
pub fn run(args: TourArgs) -> Result<(), Failure> {
    // Not locked: a server's thread that has something to say must not wait for the tour to end.
    tell(&mut io::stdout(), args.verbose)
}

/// Tells the whole tour to `out`. `verbose` shows every call, not only those that an act is about.
fn tell(out: &mut impl Write, verbose: bool) -> Result<(), Failure> {
    tell_acts(&ACTS, out, verbose)
}

fn tell_acts(acts: &[Act], out: &mut impl Write, verbose: bool) -> Result<(), Failure> {
    writeln!(
        out,
        "{} acts between real sockets on this machine. Each indented line is a socket call and what it gave.",
        acts.len()
    )?;
    for (place, act) in acts.iter().enumerate() {
        let number = place + 1;
        writeln!(out, "\n{number}. {}", act.title)?;
        for line in act.about {
            writeln!(out, "   {line}")?;
        }
        out.flush()?;
        (act.play)(&mut Stage::new(out, verbose)).map_err(|stop| match stop {
            Stop::Output(error) => Failure::from(error),
            Stop::Step(problem) => Failure::network(format!(
                "the tour ends in act {number} ({}): {problem}",
                act.title
            )),
        })?;
    }
    writeln!(out, "\nEverything went as told. With -v the other commands show their calls too.")?;
    Ok(out.flush()?)
}

#[cfg(test)]
mod tests;
