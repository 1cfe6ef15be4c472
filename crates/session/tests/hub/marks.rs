//! What changes a line later, who types, and how far somebody has read.

use std::time::Duration;

use callbox_session::room::Unread;

use crate::world::{Who, World};

fn react(world: &mut World, who: Who, text: &str, reaction: &str) {
    let (room, line) = (world.id(who, "#room"), world.line_id(who, "#room", text));
    world.wish(who, |session, now| session.react(room, line, reaction, now)).expect("reacted");
}

fn reactions(world: &World, who: Who, text: &str) -> Vec<(String, Vec<String>)> {
    let extra = world.line(who, "#room", text).extra.as_ref();
    let reactions = extra.map(|extra| extra.reactions.clone()).unwrap_or_default();
    let names = |who: &[std::sync::Arc<str>]| who.iter().map(ToString::to_string).collect();
    reactions.iter().map(|(text, who)| (text.to_string(), names(who))).collect()
}

#[test]
fn reactions_are_seen_by_all_and_taken_back_by_the_same_wish() {
    let mut world = World::new();
    let (ann, bob) = (world.join("ann"), world.join("bob"));
    world.say(ann, "#room", "tea?");
    react(&mut world, bob, "tea?", "👍");
    react(&mut world, ann, "tea?", "👍");
    let both = [("👍".to_owned(), vec!["bob".to_owned(), "ann".to_owned()])];
    assert_eq!(reactions(&world, ann, "tea?"), both);
    assert_eq!(reactions(&world, bob, "tea?"), both);
    let cleo = world.join("cleo");
    assert_eq!(reactions(&world, cleo, "tea?"), both, "out of the past");
    react(&mut world, bob, "tea?", "👍");
    assert_eq!(reactions(&world, ann, "tea?"), [("👍".to_owned(), vec!["ann".to_owned()])]);
}

#[test]
fn an_edit_replaces_the_text_for_all_and_for_who_comes_later() {
    let mut world = World::new();
    let (ann, bob) = (world.join("ann"), world.join("bob"));
    world.say(ann, "#room", "helo");
    world.say(bob, "#room", "what?");
    let (room, line) = (world.id(ann, "#room"), world.line_id(ann, "#room", "helo"));
    world.wish(ann, |session, now| session.edit(room, line, "hello", now)).expect("edited");
    let cleo = world.join("cleo");
    for who in [ann, bob, cleo] {
        assert_eq!(world.said(who, "#room"), ["<ann> hello", "<bob> what?"]);
        assert!(world.line(who, "#room", "hello").extra.as_ref().is_some_and(|extra| extra.edited));
    }
    assert!(world.outbox(ann, "#room").is_empty());
    let (room, line) = (world.id(bob, "#room"), world.line_id(bob, "#room", "hello"));
    let refused = world.wish(bob, |session, now| session.edit(room, line, "mine", now));
    assert!(refused.is_err(), "only own lines");
}

#[test]
fn nobody_edits_the_words_of_another() {
    let mut world = World::new();
    let (ann, bob) = (world.join("ann"), world.join("bob"));
    world.say(ann, "#room", "mine");
    let msgid = world.line(bob, "#room", "mine").msgid.clone().expect("a msgid");
    let forged = format!("@msgid=x1;+draft/edit={msgid} :ann!~ann@elsewhere PRIVMSG #room :yours");
    world.feed(bob, &forged);
    assert_eq!(world.said(bob, "#room"), ["<ann> mine", "<ann> yours"]);
}

#[test]
fn what_is_taken_back_is_gone() {
    let mut world = World::new();
    let (ann, bob) = (world.join("ann"), world.join("bob"));
    world.say(ann, "#room", "secret");
    let (room, line) = (world.id(ann, "#room"), world.line_id(ann, "#room", "secret"));
    world.wish(ann, |session, now| session.redact(room, line, "oops", now)).expect("taken back");
    for who in [ann, bob] {
        assert_eq!(world.said(who, "#room"), ["<ann> "]);
        let by = world.line(who, "#room", "").extra.clone().expect("more").redacted;
        assert_eq!(by, Some(("ann".into(), "oops".into())));
    }
}

#[test]
fn typing_is_told_rarely_and_ends_by_itself() {
    let mut world = World::new();
    let (ann, bob) = (world.join("ann"), world.join("bob"));
    let room = world.id(ann, "#room");
    let typists = |world: &World| {
        world.room(bob, "#room").typing.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    world.sent(ann);
    for _ in 0..20 {
        world.wish(ann, |session, now| session.typing(room, true, now));
        world.pass(Duration::from_millis(200));
    }
    assert_eq!(world.sent(ann).matches("TAGMSG").count(), 2);
    assert_eq!(typists(&world), ["ann"]);
    world.pass(Duration::from_secs(7));
    assert_eq!(world.sent(ann).matches("+typing=paused").count(), 1);
    assert_eq!(typists(&world), ["ann"]);
    world.pass(Duration::from_secs(31));
    assert!(typists(&world).is_empty());

    world.wish(ann, |session, now| session.typing(room, true, now));
    assert_eq!(typists(&world), ["ann"]);
    world.say(ann, "#room", "so");
    assert!(typists(&world).is_empty());
}

#[test]
fn a_marker_is_kept_for_the_next_time() {
    let mut world = World::new();
    let (ann, bob) = (world.join("ann"), world.join("bob"));
    let room = world.id(bob, "#room");
    for n in 0..5 {
        world.say(ann, "#room", &n.to_string());
        world.sent(bob);
        world.wish(bob, |session, now| session.mark_read(room, now));
    }
    world.pass(Duration::from_secs(4));
    let read = world.room(bob, "#room").read.expect("a marker");
    assert_eq!(Some(read), world.room(bob, "#room").timeline.last().map(|line| line.time));
    let stamp = callbox_irc::stamp::text(read);
    // From elsewhere: all was read, and then some that was not.
    world.pass(Duration::from_secs(10));
    world.say(ann, "#room", "5");
    world.say(ann, "#room", "6");
    assert_eq!(world.room(bob, "#room").unread, Unread { lines: 2, mentions: 0 });
    let five = callbox_irc::stamp::text(world.line(bob, "#room", "5").time);
    world.feed(bob, &format!(":irc.test MARKREAD #room timestamp={five}"));
    assert!(five > stamp);
    assert_eq!(world.room(bob, "#room").unread.mentions, 0);
    assert!(world.room(bob, "#room").unread.lines < 2);
}
