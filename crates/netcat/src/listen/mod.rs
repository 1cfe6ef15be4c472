//! Listening: one connection, or any number of them.

mod admission;
mod carry;
mod crowd;
mod door;
mod guest;
mod half_closed;
mod job;

use std::time::Instant;

use callbox_net::poller::Poller;
use callbox_net::stdio::{Input, Output};

use crate::client::{idle, recorded};
use crate::connect::Open;
use crate::conversation::{Conversation, Ended, Records, Ways};
use crate::options::{Options, Target, Together};
use crate::program;
use crate::record::Recorder;
use crate::record::pcap::Side;
use crate::says::{Says, Status, Trouble, words};
use crate::wait;

use admission::Admission;
use crowd::Crowd;
use door::{Arrival, Doors};

/// Listens as the options say.
///
/// # Errors
///
/// What ends it before it is done.
pub fn run(options: &Options, target: &Target, says: Says) -> Result<Status, Trouble> {
    let mut recorder =
        Recorder::open(&options.output).map_err(|error| Trouble::Call(error.to_string()))?;
    let admission = Admission::new(options, says)?;
    let doors = Doors::open(options, target, says)?;
    let many = options.listen.keep_open
        || options.listen.together != Together::Apart
        || options.listen.proxy_server;
    if many {
        return Crowd::new(options, says, doors, admission, recorder)?.run();
    }
    let open = first_guest(options, says, doors, admission)?;
    if let Some(run) = &options.run {
        program::run_to_its_end(run, open, Side::Peer, options, &mut recorder, says)?;
        return Ok(recorded(&recorder));
    }
    let standard =
        |error: std::io::Error| Trouble::Call(format!("standard input: {}", words(&error)));
    let input = Input::standard().map_err(standard)?;
    let output = Output::standard().map_err(standard)?;
    let ways = Ways {
        flow: options.flow.clone(),
        stays: false,
        is_listener: true,
        needs_goodbye: options.tls.verify,
        answer_within: None,
        progress: options.output.progress,
    };
    let ends = (&open.local, &open.peer);
    let records = Records::begin(&mut recorder, ends, open.link.keeps_messages(), Side::Peer);
    let (ended, _) = Conversation::new(open.link, input, output, ways, records, says).run();
    match ended {
        Ended::Done => Ok(recorded(&recorder)),
        Ended::Idle(time) => Err(Trouble::Listener(Status::Call, idle(time))),
        Ended::Link(error) => Err(Trouble::network(&error)),
        Ended::Here(what, error) => Err(Trouble::Call(format!("{what}: {}", words(&error)))),
    }
}

/// Waits for the first one who may connect, and closes the doors behind it: the next one is refused.
fn first_guest(
    options: &Options,
    says: Says,
    mut doors: Doors,
    mut admission: Admission,
) -> Result<Open, Trouble> {
    let failed = |error: std::io::Error| Trouble::network(&error);
    let mut poller = Poller::new().map_err(failed)?;
    let mut events = Vec::new();
    let arrival = 'waiting: loop {
        admission.reload_if_asked();
        while let Some(arrival) = doors.accept(Instant::now(), says) {
            if admission.admits(&arrival.peer, 0) {
                break 'waiting arrival;
            }
        }
        doors.register(&mut poller).map_err(failed)?;
        if let Some(hangup) = admission.source() {
            poller.set(hangup, door::HANGUP, true, false).map_err(failed)?;
        }
        let timeout = doors.poll_timeout().map(|at| at.saturating_duration_since(Instant::now()));
        poller.wait(&mut events, timeout).map_err(failed)?;
    };
    let Arrival { link, peer, local } = arrival;
    let layer = doors.layer();
    let mut link =
        doors.dress(link).map_err(|error| Trouble::Network(guest::failed(layer, &peer, &error)))?;
    drop(doors);
    let deadline = Instant::now() + options.from.wait.unwrap_or(guest::HANDSHAKE_TIME);
    wait::establish(link.as_mut(), Some(deadline))
        .map_err(|error| Trouble::Network(guest::failed(layer, &peer, &error)))?;
    link.story().iter().for_each(|line| says.verbose(line));
    Ok(Open { link, peer, local })
}
