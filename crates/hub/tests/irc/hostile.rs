//! Whatever somebody sends about channels, the answers are lines: the world of these tests checks each of them.

use proptest::prelude::*;

use crate::world::World;

fn parameter() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => prop::sample::select(
            &["#room", "#ROOM", "#other", "#none", "ann", "bea", "nobody", "ChanServ", "*", "0", ""][..]
        )
        .prop_map(str::to_owned),
        2 => "[-+bveIohklimnstCMRqr]{1,20}",
        2 => "[~:!@*?#,<>CTUam1-9]{1,30}",
        1 => "#\\PC{1,90}",
        1 => "\\PC{0,40}",
        1 => "[a*,#!@x]{100,300}",
        1 => "(中|é|x){1,120}",
    ]
}

proptest! {
    #[test]
    fn no_parameter_makes_an_answer_that_is_no_line(
        lines in prop::collection::vec(
            (
                prop::sample::select(
                    &["JOIN", "PART", "MODE", "TOPIC", "KICK", "INVITE", "LIST", "NAMES", "RENAME", "PRIVMSG"][..],
                ),
                prop::collection::vec(parameter(), 0..8),
                any::<bool>(),
            ),
            1..40,
        ),
    ) {
        let mut world = World::new();
        let caps = "multi-prefix userhost-in-names extended-join labeled-response batch message-tags";
        let people = [world.user("ann"), world.user_with("bea", caps)];
        world.send(people[0], "JOIN #room");
        world.send(people[1], "JOIN #room");
        for (index, (command, parameters, last)) in lines.into_iter().enumerate() {
            let mut line = format!("@label={index} {command}");
            let count = parameters.len();
            for (place, parameter) in parameters.iter().enumerate() {
                line += if last && place + 1 == count { " :" } else { " " };
                line += parameter;
            }
            line.truncate(line.floor_char_boundary(500));
            world.send(people[index % 2], &line);
        }
        let (users, _) = world.hub.counts();
        prop_assert_eq!(users, 2);
    }
}
