//! Connecting: what `nc HOST PORT` does once it is known what was asked for.

use std::io::{self, Write};
use std::time::{Duration, Instant};

use callbox_net::stdio::{Input, Output};

use crate::connect::{Open, connect};
use crate::conversation::{Amounts, Conversation, Ended, Records, Ways};
use crate::link::Got;
use crate::options::{Carrier, Options, Target};
use crate::program;
use crate::record::Recorder;
use crate::record::pcap::Side;
use crate::says::{Says, Status, Trouble, words};
use crate::wait;

/// How long `-z` waits for an answer or a refusal over datagrams, where silence is the answer of whoever listens. ncat's
/// time.
const LOOK_TIME: Duration = Duration::from_secs(2);

/// How long the answer to a datagram over a Unix socket is waited for where -w does not say: its service is on this
/// machine. Of the network nobody knows that much.
const UNIX_ANSWER: Duration = Duration::from_millis(500);

/// Connects, and carries on a conversation with standard input and output or a program.
///
/// # Errors
///
/// What ends it before it is done.
pub fn run(options: &Options, target: &Target, says: Says) -> Result<Status, Trouble> {
    let mut recorder =
        Recorder::open(&options.output).map_err(|error| Trouble::Call(error.to_string()))?;
    let begun = Instant::now();
    let open = connect(options, target, says)?;
    if let Some(run) = &options.run {
        program::run_to_its_end(run, open, Side::Local, options, &mut recorder, says)?;
        return Ok(recorded(&recorder));
    }
    let standard = |what: &'static str| {
        move |error: io::Error| Trouble::Call(format!("{what}: {}", words(&error)))
    };
    let input = Input::standard().map_err(standard("standard input"))?;
    let output = Output::standard().map_err(standard("standard output"))?;
    let unix_answer = matches!(target, Target::Path(_)).then_some(UNIX_ANSWER);
    let ways = Ways {
        flow: options.flow.clone(),
        stays: options.listen.keep_open,
        is_listener: false,
        needs_goodbye: options.tls.verify,
        answer_within: options.from.wait.or(unix_answer),
        progress: options.output.progress,
    };
    let ends = (&open.local, &open.peer);
    let records = Records::begin(&mut recorder, ends, open.link.keeps_messages(), Side::Local);
    let (ended, amounts) = Conversation::new(open.link, input, output, ways, records, says).run();
    trouble_of(ended)?;
    sum_up(amounts, begun, says);
    Ok(recorded(&recorder))
}

/// How a session ended that went well, which it did not if its record could not be written.
pub fn recorded(recorder: &Recorder) -> Status {
    if recorder.has_failed() { Status::Call } else { Status::Done }
}

/// Connects to each port, and says with `-v` what is there. Nothing is sent, but over datagrams one empty line's worth: a
/// NUL, since nothing is known of a port before something is sent to it.
///
/// # Errors
///
/// If nothing is there; of several ports, if nothing is at any.
pub fn look(options: &Options, target: &Target, says: Says) -> Result<Status, Trouble> {
    let Target::Host { host, ports } = target else { return look_at(options, target, says) };
    let mut result = None;
    for port in ports {
        let one = Target::Host { host: host.clone(), ports: vec![*port] };
        match (look_at(options, &one, says), ports.len()) {
            (outcome, 1) => return outcome,
            (Ok(status), _) => result = Some(Ok(status)),
            (Err(trouble @ Trouble::Answer(_)), _) => {
                says.trouble(&trouble);
                // It has been said.
                result = result.or_else(|| Some(Err(Trouble::Answer(String::new()))));
            }
            (Err(trouble), _) => return Err(trouble),
        }
    }
    match result {
        Some(Err(_)) | None => Err(Trouble::Answer("None of these ports is open".to_owned())),
        Some(done) => done,
    }
}

fn look_at(options: &Options, target: &Target, says: Says) -> Result<Status, Trouble> {
    let begun = Instant::now();
    let Open { mut link, .. } = connect(options, target, says)?;
    let mut amounts = Amounts::default();
    if options.carrier == Carrier::Datagram {
        let refused = |error: io::Error| Trouble::Answer(words(&error));
        let deadline = Instant::now() + LOOK_TIME;
        wait::write_all(link.as_mut(), &[0], Some(deadline)).map_err(refused)?;
        amounts.sent = 1;
        let mut buffer = [0; 65536];
        match wait::readable(link.as_mut(), Some(deadline)) {
            Err(error) if error.kind() == io::ErrorKind::TimedOut => {}
            Err(error) => return Err(refused(error)),
            Ok(()) => {
                if let Got::Bytes(count) = link.read(&mut buffer).map_err(refused)? {
                    amounts.received = count as u64;
                }
            }
        }
        // A datagram that is refused has been sent as well, but nobody would read these words so.
        says.verbose("UDP packet sent successfully");
        // What is there answered; whether anybody reads it here is another matter.
        let _ = io::stdout().write_all(&buffer[..amounts.received as usize]);
    }
    sum_up(amounts, begun, says);
    Ok(Status::Done)
}

/// What an end of a client's conversation means.
fn trouble_of(ended: Ended) -> Result<(), Trouble> {
    match ended {
        Ended::Done => Ok(()),
        Ended::Idle(time) => Err(Trouble::Network(idle(time))),
        Ended::Link(error) => Err(Trouble::network(&error)),
        Ended::Here(what, error) => Err(Trouble::Call(format!("{what}: {}", words(&error)))),
    }
}

/// The words about an idle time.
pub fn idle(time: Duration) -> String {
    format!("Idle timeout expired ({} ms)", time.as_millis())
}

/// What passed in which time.
pub fn sum_up(amounts: Amounts, begun: Instant, says: Says) {
    says.verbose(format_args!(
        "{} bytes sent, {} bytes received in {:.2} seconds.",
        amounts.sent,
        amounts.received,
        begun.elapsed().as_secs_f64()
    ));
}
