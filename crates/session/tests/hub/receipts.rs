//! What becomes of own lines.

use std::time::Duration;

use callbox_session::Manner;
use callbox_session::contract::{Event, Status};

use crate::world::World;

#[test]
fn a_refused_line_stays_with_the_reason_and_can_be_sent_again() {
    let mut world = World::new();
    let (ann, bob) = (world.join("ann"), world.join("bob"));
    world.raw(ann, "MODE #room +m");
    let sent = world.say(bob, "#room", "hello");
    assert_eq!(world.outbox(bob, "#room"), [("hello".to_owned(), "failed")]);
    let room_of_bob = world.id(bob, "#room");
    let told = world.events(bob).into_iter().any(|event| {
        matches!(event, Event::Undelivered { room, sent: id, .. } if room == room_of_bob && id == sent[0])
    });
    assert!(told);
    world.raw(ann, "MODE #room -m");
    world.wish(bob, |session, now| session.send_again(room_of_bob, sent[0], now)).expect("sent");
    assert_eq!(world.said(ann, "#room"), ["<bob> hello"]);
    assert!(world.outbox(bob, "#room").is_empty());
}

#[test]
fn somebody_who_is_not_there_hears_nothing_and_we_are_told() {
    let mut world = World::new();
    let ann = world.join("ann");
    let room = world.wish(ann, |session, now| session.open("nobody", now)).expect("a room");
    world.wish(ann, |session, now| session.say(room, "hi", &Manner::default(), now)).expect("said");
    assert_eq!(world.outbox(ann, "nobody"), [("hi".to_owned(), "failed")]);
    let sent = world.room(ann, "nobody").outbox[0].id;
    world.wish(ann, |session, _| session.discard(room, sent)).expect("forgotten");
    assert!(world.outbox(ann, "nobody").is_empty());
}

#[test]
fn what_is_typed_offline_is_sent_once_we_are_back() {
    let mut world = World::new();
    let (ann, bob) = (world.join("ann"), world.join("bob"));
    world.cut(ann, true);
    assert!(matches!(world.session(ann).status(), Status::Waiting { .. }));
    world.say(ann, "#room", "one");
    world.say(ann, "#room", "two");
    assert_eq!(
        world.outbox(ann, "#room"),
        [("one".to_owned(), "waiting"), ("two".to_owned(), "waiting")]
    );
    world.back(ann);
    assert_eq!(world.said(bob, "#room"), ["<ann> one", "<ann> two"]);
    assert_eq!(world.said(ann, "#room"), ["<ann> one", "<ann> two"]);
    assert!(world.outbox(ann, "#room").is_empty());
}

#[test]
fn a_line_whose_echo_was_lost_is_not_said_twice() {
    let mut world = World::new();
    let (ann, bob) = (world.join("ann"), world.join("bob"));
    world.deafen(ann);
    world.say(ann, "#room", "said");
    assert_eq!(world.outbox(ann, "#room"), [("said".to_owned(), "sending")]);
    world.cut(ann, true);
    world.say(ann, "#room", "meanwhile");
    world.back(ann);
    assert_eq!(world.said(bob, "#room"), ["<ann> said", "<ann> meanwhile"]);
    assert_eq!(world.said(ann, "#room"), ["<ann> said", "<ann> meanwhile"]);
    assert!(world.outbox(ann, "#room").is_empty());
}

#[test]
fn a_line_that_was_lost_is_said_in_its_place() {
    let mut world = World::new();
    let (ann, bob) = (world.join("ann"), world.join("bob"));
    world.deafen(ann);
    world.say(ann, "#room", "same");
    world.mute(ann, true);
    world.say(ann, "#room", "same");
    world.cut(ann, true);
    world.say(ann, "#room", "meanwhile");
    world.back(ann);
    assert_eq!(world.said(bob, "#room"), ["<ann> same", "<ann> same", "<ann> meanwhile"]);
    assert_eq!(world.said(ann, "#room"), world.said(bob, "#room"));
}

#[test]
fn who_was_left_behind_is_heard_before_anything_is_said_again() {
    let mut world = World::new();
    let (ann, bob) = (world.join("ann"), world.join("bob"));
    let conn = world.deafen(ann);
    // The server has read it, and is too patient to say it.
    world.mute(ann, true);
    world.say(ann, "#room", "late");
    world.cut(ann, false);
    world.back(ann);
    assert_eq!(world.session(ann).nick(), "ann_");
    assert_eq!(world.outbox(ann, "#room"), [("late".to_owned(), "waiting")]);
    world.speak_as(conn, "PRIVMSG #room :late");
    assert!(world.outbox(ann, "#room").is_empty());
    world.pass(Duration::from_secs(60));
    assert_eq!(world.said(bob, "#room"), ["<ann> late"]);
    assert!(world.line(ann, "#room", "late").own);
}

#[test]
fn who_was_left_behind_is_not_waited_for_without_end() {
    let mut world = World::new();
    let (ann, bob) = (world.join("ann"), world.join("bob"));
    world.mute(ann, true);
    world.say(ann, "#room", "lost");
    world.cut(ann, false);
    world.back(ann);
    world.say(ann, "#room", "after");
    assert!(world.said(bob, "#room").is_empty());
    world.pass(Duration::from_secs(30));
    assert_eq!(world.said(bob, "#room"), ["<ann_> lost", "<ann_> after"]);
}

#[test]
fn where_no_history_is_kept_the_person_decides() {
    let mut world = World::with(|settings| settings.history.enabled = false);
    let (ann, bob) = (world.join("ann"), world.join("bob"));
    world.mute(ann, true);
    world.say(ann, "#room", "lost");
    world.cut(ann, true);
    world.back(ann);
    assert_eq!(world.outbox(ann, "#room"), [("lost".to_owned(), "failed")]);
    assert!(world.said(bob, "#room").is_empty());
}

#[test]
fn a_line_that_nobody_answers_for_is_asked_after() {
    let mut world = World::new();
    let ann = world.join("ann");
    world.mute(ann, true);
    world.say(ann, "#room", "lost");
    world.mute(ann, false);
    world.pass(Duration::from_secs(31));
    assert_eq!(world.outbox(ann, "#room"), [("lost".to_owned(), "failed")]);
}

#[test]
fn lines_for_a_room_that_we_are_not_let_into_again_come_back() {
    let mut world = World::new();
    let (ann, bob) = (world.join("ann"), world.join("bob"));
    world.cut(bob, true);
    world.say(bob, "#room", "hello");
    world.raw(ann, "MODE #room +b bob!*@*");
    world.back(bob);
    world.pass(Duration::from_secs(5));
    assert_eq!(world.outbox(bob, "#room"), [("hello".to_owned(), "failed")]);
}
