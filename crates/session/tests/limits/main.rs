//! What a server can make a session keep is capped, whatever it sends.

#[path = "../common/served.rs"]
#[allow(dead_code, unreachable_pub, reason = "others use more of it, and from outside")]
mod served;

use std::time::Duration;

use callbox_session::config::{Config, Limits};
use callbox_session::room::Older;
use served::Served;

/// Little enough that a flood of a moment goes beyond all of it.
const SMALL: Limits = Limits {
    lines: 1_000,
    bytes: 1 << 20,
    rooms: 50,
    people: 500,
    outbox: 100,
    silence: Duration::from_secs(60),
};

fn served() -> Served {
    Served::new(Config { limits: SMALL, ..Config::default() })
}

fn within_limits(served: &Served) {
    assert!(served.bytes() <= SMALL.bytes, "{} bytes", served.bytes());
    assert!(served.session.rooms().len() <= SMALL.rooms, "{} rooms", served.session.rooms().len());
    let longest = served.session.rooms().iter().map(|room| room.timeline.len()).max();
    assert!(longest.is_none_or(|lines| lines <= SMALL.lines), "{longest:?} lines");
}

#[test]
fn a_flood_of_lines_drops_the_oldest_and_not_the_last() {
    let mut served = served();
    for number in 0..20_000 {
        served.feed(&served::line(number).replacen("batch=b;", "", 1));
    }
    within_limits(&served);
    let last = served.room().timeline.last().expect("a line");
    assert!(last.what.text().is_some_and(|text| text.starts_with("line 019999")), "{last:?}");
    assert_eq!(served.room().older, Older::Maybe, "what was dropped can be fetched again");
}

#[test]
fn long_lines_in_many_rooms_stay_within_the_bytes_of_all() {
    let mut served = served();
    let text = "x".repeat(8_000);
    for number in 0..2_000 {
        served.feed(&format!("@msgid={number} :p{}!u@h PRIVMSG me :{text}", number % 40));
    }
    within_limits(&served);
    assert!(served.session.rooms().len() > 20);
}

#[test]
fn people_without_end_open_no_rooms_without_end() {
    let mut served = served();
    for number in 0..5_000 {
        served.feed(&format!(":stranger{number}!u@h PRIVMSG me :hello"));
    }
    within_limits(&served);
    // What found no room is not lost: the server's room has it.
    let last = served.session.rooms()[0].timeline.last().expect("a line");
    assert_eq!(&*last.from, "stranger4999");
}

#[test]
fn batches_that_are_never_closed_hold_no_more_than_a_page() {
    let mut served = served();
    let text = "x".repeat(8_000);
    for number in 0..500 {
        served.feed(&format!(":irc.test BATCH +r{number} chathistory #room"));
        served.feed(&format!("@batch=r{number} :irc.test BATCH +i{number} draft/multiline #room"));
    }
    for number in 0..10_000 {
        let batch = number % 500;
        served.feed(&format!("@batch=r{batch};msgid=n{number} :ann!u@h PRIVMSG #room :{text}"));
        served.feed(&format!("@batch=i{batch} :ann!u@h PRIVMSG #room :{text}"));
    }
    within_limits(&served);
    for number in 0..500 {
        served.feed(&format!(":irc.test BATCH -r{number}"));
    }
    within_limits(&served);
    // All of it is forgotten with the batches: the next one is whole.
    served.feed(":irc.test BATCH +z draft/multiline #room");
    served.feed("@batch=z :ann!u@h PRIVMSG #room :one");
    served.feed("@batch=z :ann!u@h PRIVMSG #room :two");
    served.feed(":irc.test BATCH -z");
    let last = served.room().timeline.last().expect("a line");
    assert_eq!(last.what.text(), Some("one\ntwo"));
}

#[test]
fn reactions_edits_and_typists_without_end_change_one_line_only_so_far() {
    let mut served = served();
    served.feed("@msgid=a :ann!u@h PRIVMSG #room :hello");
    for number in 0..20_000 {
        let tags = format!("+draft/reply=a;+draft/react=r{}", number % 3_000);
        served.feed(&format!("@{tags} :who{number}!u@h TAGMSG #room"));
        served.feed(&format!("@+typing=active :who{number}!u@h TAGMSG #room"));
        served.feed(&format!("@msgid=e{number};+draft/edit=a :ann!u@h PRIVMSG #room :{number}"));
    }
    within_limits(&served);
    assert_eq!(served.room().timeline.len(), 2, "our coming, and the line");
    assert!(served.room().typing.len() <= 100);
    let line = served.room().timeline.last().expect("a line");
    assert_eq!(line.what.text(), Some("19999"));
    let reactions = &line.extra.as_ref().expect("more").reactions;
    assert!(!reactions.is_empty() && reactions.len() <= 100);
}

#[test]
fn a_page_of_edits_without_end_is_taken_in() {
    let mut served = served();
    served.feed(":irc.test BATCH +b chathistory #room");
    for number in 0..20_000 {
        served.feed(&format!("@batch=b;msgid=m{number} :ann!u@h PRIVMSG #room :{number}"));
        served.feed(&format!(
            "@batch=b;msgid=e{number};+draft/edit=m{number} :ann!u@h PRIVMSG #room :more"
        ));
    }
    served.feed(":irc.test BATCH -b");
    // Work that grew with the square of the page would not end in anybody's time.
    within_limits(&served);
}
