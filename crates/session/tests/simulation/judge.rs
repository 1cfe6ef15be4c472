//! What must hold once all is quiet.

use std::collections::{HashMap, HashSet};

use callbox_session::contract::Status;
use callbox_session::room::Presence;

use crate::person::{Person, names};
use crate::shell::Shell;
use crate::world::ROOMS;

/// Everybody is in, and waits for nothing.
pub(crate) fn is_quiet(person: &Person) {
    let who = person.session.nick();
    assert_eq!(*person.session.status(), Status::Online, "{who}");
    for room in ROOMS {
        let room = person.session.room_named(room).expect("the room");
        assert!(room.presence != Presence::Joining, "{who} waits for {}", room.name);
        assert!(!room.catching_up, "{who} is catching up in {}", room.name);
    }
}

/// What somebody has of a room is what was said in it: each line once, in the server's order, from where it begins to the
/// end, if they are in it.
pub(crate) fn has_all(person: &Person, shell: &Shell, room: &str, from_the_beginning: bool) {
    let who = person.session.nick();
    let said = shell.said_in(room);
    let ids: HashSet<&str> = said.iter().map(|(id, _)| *id).collect();
    let room = person.session.room_named(room).expect("the room");
    if room.presence != Presence::In {
        return;
    }
    // A line that the server lost when it went is nobody's fault.
    let has: Vec<&str> = room
        .timeline
        .iter()
        .filter(|line| line.what.is_speech())
        .filter_map(|line| line.msgid.as_deref())
        .filter(|id| ids.contains(id))
        .collect();
    let first = match (from_the_beginning, has.first()) {
        (true, _) => 0,
        (false, Some(first)) => said.iter().position(|(id, _)| id == first).expect("a line"),
        (false, None) => said.len(),
    };
    let must: Vec<&str> = said[first..].iter().map(|(id, _)| *id).collect();
    let texts: HashMap<&str, &str> = said.iter().map(|(id, text)| (*id, text.as_str())).collect();
    if let Some(place) = (0..must.len().max(has.len())).find(|&n| must.get(n) != has.get(n)) {
        let show = |ids: &[&str]| {
            let some = ids.iter().skip(place.saturating_sub(3)).take(8);
            some.map(|id| texts[id].to_owned()).collect::<Vec<_>>()
        };
        panic!(
            "{who} in {} at {place} of {}: must have {:?}, has {:?}",
            room.name,
            must.len(),
            show(&must),
            show(&has)
        );
    }
}

/// What somebody typed was said: each line once, in the order in which it was typed, but for those that came back. Gives
/// how many came back.
pub(crate) fn said_all(person: &Person, shell: &Shell, room: &str) -> usize {
    let who = person.session.nick();
    let none = Vec::new();
    let typed = person.typed.get(room).unwrap_or(&none);
    let said: Vec<String> = match room {
        "" => shell.said_in_private(),
        room => shell.said_in(room).into_iter().map(|(_, text)| text).collect(),
    };
    let said: Vec<String> = said.iter().flat_map(|text| names(text)).collect();
    let failed: HashSet<String> = person.failed(room).into_iter().collect();
    let mut counts: HashMap<&str, usize> = HashMap::new();
    let mut places: HashMap<&str, usize> = HashMap::new();
    for (place, text) in said.iter().enumerate() {
        *counts.entry(text).or_default() += 1;
        places.insert(text, place);
    }
    let mut last = None;
    for text in typed {
        let count = counts.get(text.as_str()).copied().unwrap_or(0);
        assert!(count <= 1, "{who} said {text:?} in {room:?} {count} times");
        assert!(count == 1 || failed.contains(text), "{who} never said {text:?} in {room:?}");
        if let Some(place) = places.get(text.as_str()) {
            // Order holds within a room, not between private conversations.
            assert!(room.is_empty() || last < Some(place), "{who} said {text:?} too early");
            last = Some(place);
        }
    }
    failed.len()
}
