//! What is said is heard: once, by everybody, in order.

use callbox_session::contract::{Event, Origin};
use callbox_session::room::{Older, Unread};
use callbox_session::{Manner, Refusal};

use crate::world::World;

#[test]
fn what_one_says_all_hear_and_the_own_line_is_a_receipt() {
    let mut world = World::new();
    let (ann, bob) = (world.join("ann"), world.join("bob"));
    world.events(ann);
    let sent = world.say(ann, "#room", "hello");
    assert_eq!(world.said(ann, "#room"), ["<ann> hello"]);
    assert_eq!(world.said(bob, "#room"), ["<ann> hello"]);
    assert!(world.room(ann, "#room").outbox.is_empty());
    let room = world.id(ann, "#room");
    let line = world.line_id(ann, "#room", "hello");
    let events = world.events(ann);
    assert!(events.contains(&Event::Line { room, line, origin: Origin::Live }), "{events:?}");
    assert!(events.contains(&Event::Receipt { room, sent: sent[0], line }), "{events:?}");
    assert!(world.line(ann, "#room", "hello").own && !world.line(bob, "#room", "hello").own);
}

#[test]
fn many_lines_are_said_in_order() {
    let mut world = World::new();
    let (ann, bob) = (world.join("ann"), world.join("bob"));
    let text: Vec<String> = (0..60).map(|n| n.to_string()).collect();
    for line in &text {
        world.say(ann, "#room", line);
    }
    let want: Vec<String> = text.iter().map(|line| format!("<ann> {line}")).collect();
    assert_eq!(world.said(ann, "#room"), want);
    assert_eq!(world.said(bob, "#room"), want);
}

#[test]
fn a_text_of_several_lines_is_one_message_and_a_long_one_too() {
    let mut world = World::new();
    let (ann, bob) = (world.join("ann"), world.join("bob"));
    let long = "wörd ".repeat(300);
    let text = format!("one\n\ntwo\n{long}end");
    let room = world.id(ann, "#room");
    assert_eq!(world.session(ann).count_messages(room, &text), 1);
    world.say(ann, "#room", &text);
    assert_eq!(world.said(bob, "#room"), [format!("<ann> {text}")]);
    assert_eq!(world.said(ann, "#room"), [format!("<ann> {text}")]);
}

#[test]
fn an_action_is_an_action() {
    let mut world = World::new();
    let (ann, bob) = (world.join("ann"), world.join("bob"));
    let room = world.id(ann, "#room");
    let manner = Manner { action: true, ..Manner::default() };
    world
        .wish(ann, |session, now| session.say(room, "waves\nand goes", &manner, now))
        .expect("said");
    assert_eq!(world.said(bob, "#room"), ["* ann waves", "* ann and goes"]);
    assert_eq!(world.said(ann, "#room"), ["* ann waves", "* ann and goes"]);
}

#[test]
fn an_answer_names_the_line_that_it_answers() {
    let mut world = World::new();
    let (ann, bob) = (world.join("ann"), world.join("bob"));
    world.say(ann, "#room", "tea?");
    let room = world.id(bob, "#room");
    let manner =
        Manner { reply_to: Some(world.line_id(bob, "#room", "tea?")), ..Manner::default() };
    world.wish(bob, |session, now| session.say(room, "please", &manner, now)).expect("said");
    let answered = world.line(ann, "#room", "please").reply_to().cloned();
    assert_eq!(answered, world.line(ann, "#room", "tea?").msgid);
    assert!(answered.is_some());
}

#[test]
fn what_others_say_is_unread_until_it_is_read() {
    let mut world = World::new();
    let (ann, bob) = (world.join("ann"), world.join("bob"));
    world.say(ann, "#room", "one");
    world.say(ann, "#room", "Bob: two");
    world.say(bob, "#room", "three");
    assert_eq!(world.room(bob, "#room").unread, Unread { lines: 2, mentions: 1 });
    assert!(world.line(bob, "#room", "Bob: two").mention);
    assert_eq!(world.room(ann, "#room").unread, Unread { lines: 1, mentions: 0 });
    let room = world.id(bob, "#room");
    world.wish(bob, |session, now| session.mark_read(room, now));
    assert_eq!(world.room(bob, "#room").unread, Unread::default());
    world.say(ann, "#room", "four");
    assert_eq!(world.room(bob, "#room").unread, Unread { lines: 1, mentions: 0 });
}

#[test]
fn a_private_conversation_opens_by_itself_and_all_of_it_concerns_us() {
    let mut world = World::new();
    let (ann, bob) = (world.join("ann"), world.join("bob"));
    let room = world.wish(ann, |session, now| session.open("bob", now)).expect("a room");
    world
        .wish(ann, |session, now| session.say(room, "psst", &Manner::default(), now))
        .expect("said");
    assert_eq!(world.said(bob, "ann"), ["<ann> psst"]);
    assert_eq!(world.room(bob, "ann").unread, Unread { lines: 1, mentions: 1 });
    world.say(bob, "ann", "what?");
    assert_eq!(world.said(ann, "bob"), ["<ann> psst", "<bob> what?"]);
    assert_eq!(world.said(bob, "ann"), ["<ann> psst", "<bob> what?"]);
}

#[test]
fn notes_to_oneself_are_there_once() {
    let mut world = World::new();
    let ann = world.join("ann");
    let room = world.wish(ann, |session, now| session.open("ann", now)).expect("a room");
    world
        .wish(ann, |session, now| session.say(room, "note", &Manner::default(), now))
        .expect("said");
    assert_eq!(world.said(ann, "ann"), ["<ann> note"]);
    assert!(world.room(ann, "ann").outbox.is_empty());
}

#[test]
fn who_comes_later_sees_what_was_said_and_none_of_it_is_news() {
    let mut world = World::new();
    let ann = world.join("ann");
    for n in 0..150 {
        world.say(ann, "#room", &n.to_string());
    }
    let bob = world.join("bob");
    let said = world.said(bob, "#room");
    assert!(said.len() < 150 && said.last().is_some_and(|last| last == "<ann> 149"), "{said:?}");
    assert_eq!(world.room(bob, "#room").unread, Unread::default());
    let room = world.id(bob, "#room");
    while world.room(bob, "#room").older == Older::Maybe {
        world.wish(bob, |session, now| session.request_older(room, now)).expect("asked");
    }
    assert_eq!(world.room(bob, "#room").older, Older::None);
    let want: Vec<String> = (0..150).map(|n| format!("<ann> {n}")).collect();
    assert_eq!(world.said(bob, "#room"), want);
    let refusal = world.wish(bob, |session, now| session.request_older(room, now));
    assert_eq!(refusal, Err(Refusal("there is nothing before that".into())));
    // Our own coming stands behind what was said before it.
    let last = world.room(bob, "#room").timeline.last().expect("a line");
    assert!(last.own && last.what == callbox_session::line::What::Joined, "{last:?}");
}

#[test]
fn without_a_backlog_nothing_is_fetched_until_it_is_asked_for() {
    let mut world = World::new();
    let ann = world.join("ann");
    world.say(ann, "#room", "before");
    let bob = world.join_with("bob", |config| config.backlog = false);
    assert!(world.said(bob, "#room").is_empty());
    let room = world.id(bob, "#room");
    world.wish(bob, |session, now| session.request_older(room, now)).expect("asked");
    assert_eq!(world.said(bob, "#room"), ["<ann> before"]);
}

#[test]
fn nothing_is_said_where_nobody_hears_it() {
    let mut world = World::new();
    let ann = world.join("ann");
    let server = world.session(ann).rooms()[0].id;
    let room = world.id(ann, "#room");
    let say = |world: &mut World, room, text: &str| {
        world.wish(ann, |session, now| session.say(room, text, &Manner::default(), now))
    };
    assert!(say(&mut world, server, "hello").is_err());
    assert!(say(&mut world, room, " \n ").is_err());
    world.wish(ann, |session, now| session.part(room, "", now)).expect("left");
    assert!(say(&mut world, room, "hello").is_err());
}
