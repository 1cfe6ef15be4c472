//! Crowds of which only a part looks at what it hears.

use super::*;

/// Eight clients in one channel, of whom so many talk and so many check.
fn partly_checked(address: SocketAddr, talkers: usize, checked: usize) -> ChatLoad {
    let crowd = Crowd::partly_checked(8, 1, talkers, checked).expect("a crowd");
    ChatLoad { crowd, ..endless(address) }
}

/// Runs a load on a server that asks client 8 for a sign of life once so many lines were said, and ends the run when it
/// has had two. `before` is told of each line before the server passes it on.
fn until_the_last_has_read(
    mut load: ChatLoad,
    asks_after: u32,
    mut before: impl FnMut(&mut Hall, u32) + Send + 'static,
) -> Outcome {
    let (control, mut said, mut heard) = (Control::new(), 0, 0);
    let stopper = control.clone();
    load.addresses = vec![serve(move |hall, event| {
        if let Event::Line(7, line) = &event
            && line.starts_with("PONG")
        {
            heard += 1;
            match heard {
                1 => hall.tell(7, "PING :again"),
                _ => stopper.stop(),
            }
        }
        let Some((from, line)) = hall.welcome(&event) else { return };
        said += 1;
        before(hall, said);
        if said == asks_after {
            hall.tell(7, "PING :once");
        }
        hall.relay(from, line);
    })];
    load.run(&control).expect("a crowd that came in")
}

#[test]
fn those_who_only_count_are_waited_for_by_nobody_and_their_lines_are_counted() {
    let outcome = until_the_last_has_read(partly_checked(nowhere(), 2, 3), 100, |_, _| {});
    let (step, counts) = (&outcome.step, &outcome.step.counts);
    assert!(outcome.error.is_none());
    // Each line has two who look at it, and its talker goes on when they have it.
    assert!((1..=2 * counts.requests).contains(&counts.expected), "{counts:?}");
    assert_eq!((sum(counts), counts.stray, counts.broken), (counts.expected, 0, 0));
    assert_eq!(step.latency.count(), counts.replies);
    // What came before a PING was counted when that was answered.
    let unchecked = step.throughput().unchecked;
    assert!((99..=5 * counts.requests).contains(&unchecked), "{unchecked} {counts:?}");
}

#[test]
fn one_of_those_who_only_count_may_be_gone_and_it_is_told() {
    let outcome = until_the_last_has_read(partly_checked(nowhere(), 2, 3), 40, |hall, said| {
        if said == 20 {
            hall.throw_out(5);
        }
    });
    let counts = outcome.step.counts;
    assert!(outcome.error.is_none());
    assert_eq!((counts.broken, sum(&counts)), (1, counts.expected));
}

#[test]
fn a_talker_who_only_counts_hears_that_its_lines_are_refused() {
    let mut count = 0;
    let address = serve(move |hall, event| {
        let Some((from, line)) = hall.welcome(&event) else { return };
        count += 1;
        match count {
            20 => hall.tell(4, ":irc.test 404 b #b :Cannot send to channel"),
            _ => hall.relay(from, line),
        }
    });
    let outcome = run(&partly_checked(address, 5, 2));
    let error = outcome.error.expect("a reason").to_string();
    assert!(error.contains("client 5 of 8") && error.contains("404"), "{error}");
    assert_eq!(outcome.ended, Ended::Failed);
}

/// An address that is replaced before it is used.
fn nowhere() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}
