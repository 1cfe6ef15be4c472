//! What was missed while the connection was broken.

use std::time::Duration;

use callbox_session::contract::{Event, Origin};
use callbox_session::line::What;
use callbox_session::room::Unread;

use crate::world::World;

fn numbers(who: &str, range: std::ops::Range<usize>) -> Vec<String> {
    range.map(|n| format!("<{who}> {n}")).collect()
}

#[test]
fn a_gap_is_filled_in_order_without_a_line_lost_or_doubled() {
    let mut world = World::new();
    let (ann, bob) = (world.join("ann"), world.join("bob"));
    for n in 0..1500 {
        match n {
            3 => world.cut(bob, true),
            1_400 => world.back(bob),
            _ => {}
        }
        world.say(ann, "#room", &n.to_string());
    }
    assert_eq!(world.said(bob, "#room"), numbers("ann", 0..1500));
    assert!(!world.room(bob, "#room").catching_up);
    assert_eq!(world.room(bob, "#room").unread, Unread { lines: 1500, mentions: 0 });
    let room = world.id(bob, "#room");
    let missed = world.events(bob).into_iter().filter(|event| {
        matches!(event, Event::Line { room: id, origin: Origin::Missed, .. } if *id == room)
    });
    assert!(missed.count() >= 1397);
}

#[test]
fn a_gap_that_is_broken_off_is_filled_the_next_time() {
    let mut world = World::with(|settings| settings.limits.history_page = 10);
    let (ann, bob) = (world.join("ann"), world.join("bob"));
    world.say(ann, "#room", "0");
    world.cut(bob, true);
    for n in 1..50 {
        world.say(ann, "#room", &n.to_string());
    }
    // The first page comes and no more.
    world.limit_answers(bob, 1);
    world.back(bob);
    assert!(world.room(bob, "#room").catching_up);
    world.say(ann, "#room", "50");
    world.cut(bob, true);
    world.allow_answers(bob);
    for n in 51..60 {
        world.say(ann, "#room", &n.to_string());
    }
    world.back(bob);
    world.say(ann, "#room", "60");
    assert_eq!(world.said(bob, "#room"), numbers("ann", 0..61));
}

#[test]
fn what_happened_is_told_too_and_our_coming_stands_behind_it() {
    let mut world = World::new();
    let (ann, bob) = (world.join("ann"), world.join("bob"));
    world.say(ann, "#room", "0");
    world.cut(bob, true);
    world.join("cleo");
    world.raw(ann, "TOPIC #room tea");
    world.say(ann, "#room", "1");
    world.back(bob);
    let lines: Vec<&What> =
        world.room(bob, "#room").timeline.iter().map(|line| &line.what).collect();
    let from = lines.iter().position(|what| what.text() == Some("0")).expect("0");
    assert!(
        matches!(
            &lines[from + 1..],
            [What::Quit(_), What::Joined, What::Topic(_), What::Said(_), What::Joined, ..]
        ),
        "{lines:?}"
    );
    let joined = world.room(bob, "#room").timeline.last().expect("a line");
    assert!(joined.own && joined.what == What::Joined, "{joined:?}");
}

#[test]
fn after_a_restart_of_the_server_the_past_is_whole() {
    let mut world = World::new();
    let (ann, bob) = (world.join("ann"), world.join("bob"));
    world.say(ann, "#room", "0");
    world.say(bob, "#room", "1");
    world.restart();
    world.say(ann, "#room", "2");
    let want = ["<ann> 0", "<bob> 1", "<ann> 2"];
    assert_eq!(world.said(ann, "#room"), want);
    assert_eq!(world.said(bob, "#room"), want);
}

#[test]
fn who_leaves_a_room_and_comes_again_has_missed_nothing() {
    let mut world = World::new();
    let (ann, bob) = (world.join("ann"), world.join("bob"));
    world.say(ann, "#room", "0");
    let room = world.id(bob, "#room");
    world.wish(bob, |session, now| session.part(room, "", now)).expect("left");
    world.say(ann, "#room", "1");
    world.wish(bob, |session, now| session.join("#room", None, now)).expect("in");
    world.say(ann, "#room", "2");
    assert_eq!(world.said(bob, "#room"), numbers("ann", 0..3));
}

#[test]
fn without_a_backlog_what_was_missed_is_fetched_all_the_same() {
    let mut world = World::new();
    let ann = world.join("ann");
    world.say(ann, "#room", "before");
    let bob = world.join_with("bob", |config| config.backlog = false);
    world.cut(bob, true);
    world.say(ann, "#room", "missed");
    world.back(bob);
    assert_eq!(world.said(bob, "#room"), ["<ann> missed"]);
}

#[test]
fn a_line_at_the_edge_that_was_taken_back_does_not_matter() {
    let mut world = World::new();
    let (ann, bob) = (world.join("ann"), world.join("bob"));
    world.say(ann, "#room", "0");
    world.say(ann, "#room", "1");
    world.cut(bob, true);
    let (room, line) = (world.id(ann, "#room"), world.line_id(ann, "#room", "1"));
    world.wish(ann, |session, now| session.redact(room, line, "oops", now)).expect("taken back");
    world.say(ann, "#room", "2");
    world.back(bob);
    assert_eq!(world.said(bob, "#room"), ["<ann> 0", "<ann> ", "<ann> 2"]);
}

#[test]
fn a_server_that_does_not_answer_does_not_hold_us_up() {
    let mut world = World::new();
    let (ann, bob) = (world.join("ann"), world.join("bob"));
    world.say(ann, "#room", "0");
    world.mute(bob, true);
    world.say(bob, "#room", "lost");
    world.cut(bob, true);
    world.limit_answers(bob, 0);
    world.back(bob);
    assert!(world.room(bob, "#room").catching_up);
    world.pass(Duration::from_secs(61));
    assert!(!world.room(bob, "#room").catching_up);
    assert_eq!(world.outbox(bob, "#room"), [("lost".to_owned(), "failed")]);
}
