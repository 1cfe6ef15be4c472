//! Whatever people do, each of them knows who is in the room with them: what their client was told adds up to what the
//! server says.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use crate::world::{Who, World};

const NICKS: [&str; 4] = ["ann", "bea", "cid", "dan"];
const ROOMS: [&str; 3] = ["#x", "#y", "#z"];

/// What a client makes of what it is told: the members of the channels it is in, with their ranks.
#[derive(Default)]
struct View(BTreeMap<String, BTreeMap<String, BTreeSet<char>>>);

impl View {
    fn take(&mut self, me: &str, line: &str) {
        let (line, text) = line.split_once(" :").unwrap_or((line, ""));
        let words: Vec<&str> = line.split(' ').collect();
        let source = words[0].trim_start_matches(':').split('!').next().unwrap_or_default();
        match words[1..] {
            ["JOIN", room] => {
                if source == me {
                    self.0.insert(room.into(), BTreeMap::new());
                }
                self.0
                    .get_mut(room)
                    .expect("a room of mine")
                    .insert(source.into(), BTreeSet::new());
            }
            ["353", _, _, room] => {
                for name in text.split(' ') {
                    let nick = name.trim_start_matches(['@', '%', '+']);
                    let ranks = name[..name.len() - nick.len()].chars().collect();
                    self.0.get_mut(room).expect("a room of mine").insert(nick.into(), ranks);
                }
            }
            ["PART", room] => self.leave(me, source, room),
            ["KICK", room, nick] => self.leave(me, nick, room),
            ["QUIT"] => self.0.values_mut().for_each(|room| {
                room.remove(source);
            }),
            ["MODE", room, modes, ref rest @ ..] if room.starts_with('#') => {
                self.mode(room, modes, rest);
            }
            _ => {}
        }
    }

    fn leave(&mut self, me: &str, who: &str, room: &str) {
        if who == me {
            self.0.remove(room).expect("a room of mine");
        } else {
            let left = self.0.get_mut(room).expect("a room of mine").remove(who);
            assert!(left.is_some(), "{who} was not in {room}");
        }
    }

    fn mode(&mut self, room: &str, modes: &str, rest: &[&str]) {
        let mut rest = rest.iter();
        let mut adding = true;
        for letter in modes.chars() {
            let sign = match letter {
                'o' => '@',
                'h' => '%',
                'v' => '+',
                '+' | '-' => {
                    adding = letter == '+';
                    continue;
                }
                'k' | 'b' => {
                    rest.next().expect("an argument");
                    continue;
                }
                _ => continue,
            };
            let nick = rest.next().expect("a nickname");
            let ranks = self.0.get_mut(room).and_then(|room| room.get_mut(*nick));
            let ranks = ranks.expect("a member");
            let changed = if adding { ranks.insert(sign) } else { ranks.remove(&sign) };
            assert!(changed, "{modes} {nick} changed nothing");
        }
    }
}

fn line() -> impl Strategy<Value = String> {
    let room = || prop::sample::select(&ROOMS[..]);
    let nick = || prop::sample::select(&NICKS[..]);
    prop_oneof![
        4 => room().prop_map(|room| format!("JOIN {room}")),
        2 => room().prop_map(|room| format!("PART {room} :bye")),
        1 => Just("JOIN 0".to_owned()),
        2 => (room(), nick(), nick()).prop_map(|(room, a, b)| format!("KICK {room} {a},{b}")),
        2 => (room(), nick()).prop_map(|(room, nick)| format!("INVITE {nick} {room}")),
        2 => (room(), room()).prop_map(|(a, b)| format!("RENAME {a} {b}")),
        6 => (room(), "[-+]?([ohv]{1,3}[-+]?){1,2}", nick(), nick())
            .prop_map(|(room, modes, a, b)| format!("MODE {room} {modes} {a} {b} {a} {b} {a} {b}")),
        2 => (room(), "[-+][imnst]{1,3}[-+]?[ikb]").prop_map(|(room, modes)| format!("MODE {room} {modes} x")),
        1 => Just("QUIT".to_owned()),
    ]
}

proptest! {
    #[test]
    fn what_a_client_was_told_adds_up_to_what_the_server_says(
        steps in prop::collection::vec((0..NICKS.len(), line()), 1..80),
    ) {
        let mut world = World::new();
        let mut people: Vec<Option<Who>> =
            NICKS.iter().map(|nick| Some(world.user_with(nick, "multi-prefix"))).collect();
        let mut views: Vec<View> = NICKS.iter().map(|_| View::default()).collect();
        for (index, line) in steps {
            // Who has quit comes back.
            let who = *people[index].get_or_insert_with(|| {
                views[index] = View::default();
                world.user_with(NICKS[index], "multi-prefix")
            });
            world.send(who, &line);
            for (index, who) in people.iter_mut().enumerate() {
                let Some(person) = *who else { continue };
                for line in world.bodies(person) {
                    views[index].take(NICKS[index], &line);
                }
                if world.is_closed(person) {
                    *who = None;
                }
            }
            let mut rooms = BTreeSet::new();
            for (index, who) in people.iter().enumerate() {
                let Some(who) = *who else { continue };
                for (room, seen) in &views[index].0 {
                    rooms.insert(room.clone());
                    let mut answer = View::default();
                    answer.0.insert(room.clone(), BTreeMap::new());
                    for line in world.ask(who, &format!("NAMES {room}")) {
                        answer.take(NICKS[index], &line);
                    }
                    prop_assert_eq!(&answer.0[room], seen, "{} in {} after {}", NICKS[index], room, line);
                    prop_assert!(seen.contains_key(NICKS[index]));
                }
            }
            prop_assert_eq!(world.hub.counts().1, rooms.len(), "after {}", line);
        }
    }
}
