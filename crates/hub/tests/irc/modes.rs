//! MODE: of channels and of users.

use crate::world::World;

const ALICE: &str = ":alice!~alice@127.0.0.1";

#[test]
fn a_channel_shows_its_modes_and_when_it_was_made() {
    let (mut world, alice, bob) = World::room();
    let seconds = world.wall() / 1000;
    assert_eq!(
        world.ask(bob, "MODE #ROOM"),
        [":irc.test 324 bob #room +nt".to_owned(), format!(":irc.test 329 bob #room {seconds}"),]
    );
    world.send(alice, "MODE #room +lk-nt 12 sesame");
    assert_eq!(world.ask(bob, "MODE #room")[0], ":irc.test 324 bob #room +kl sesame 12");
    world.send(alice, "MODE #room -lk");
    assert_eq!(world.ask(bob, "MODE #room")[0], ":irc.test 324 bob #room +");
}

#[test]
fn a_key_is_for_those_inside() {
    let (mut world, alice, _) = World::room();
    let eve = world.user("eve");
    world.send(alice, "MODE #room +k sesame");
    assert_eq!(world.ask(eve, "MODE #room")[0], ":irc.test 324 eve #room +ntk *");
    world.send(alice, "MODE #room +s");
    assert_eq!(
        world.ask(eve, "MODE #room"),
        [":irc.test 442 eve #room :You're not on that channel"]
    );
    assert!(world.events.iter().all(|event| !format!("{event:?}").contains("sesame")));
}

#[test]
fn changes_are_told_to_all_in_one_line_and_recorded() {
    let (mut world, alice, bob) = World::room();
    let line = format!("{ALICE} MODE #room +mib-t+v *!*@bad.host bob");
    assert_eq!(world.ask(alice, "MODE #room +mibn-t+v bad.host BOB"), [line.as_str()]);
    assert_eq!(world.lines(bob), [line]);
    let event = world.events.last().expect("an event");
    assert_eq!(&*event.command, "MODE");
    let params: Vec<&str> = event.params.iter().map(|param| &**param).collect();
    assert_eq!(params, ["#room", "+mib-t+v", "*!*@bad.host", "bob"]);
}

#[test]
fn what_changes_nothing_is_not_told() {
    let (mut world, alice, bob) = World::room();
    for line in [
        "MODE #room +nt",
        "MODE #room -i",
        "MODE #room -k any",
        "MODE #room -l",
        "MODE #room -b nobody!*@*",
        "MODE #room +o alice",
        "MODE #room +i-i+i-i",
        "MODE #room +v-v bob bob",
        "MODE #room +k-k one one",
        "MODE #room +l-l 5",
        "MODE #room +",
        "MODE #room :",
    ] {
        assert!(world.ask(alice, line).is_empty(), "{line}");
    }
    assert!(world.lines(bob).is_empty());
    let told = world.ask(alice, "MODE #room +k+k+l+l one two 5 6");
    assert_eq!(told, [format!("{ALICE} MODE #room +kl two 6")], "the last one counts");
    assert!(world.ask(alice, "MODE #room +k-l+l two 6").is_empty());
    assert_eq!(world.ask(alice, "MODE #room -kl"), [format!("{ALICE} MODE #room -kl *")]);
}

#[test]
fn changes_that_do_not_fit_a_line_take_two() {
    let (mut world, alice, bob) = World::room();
    let mask = |n: char| format!("{}!{}@{}", n.to_string().repeat(70), n, n.to_string().repeat(70));
    let masks: Vec<String> = "abc".chars().map(mask).collect();
    world.send(alice, &format!("MODE #room +bbb {}", masks.join(" ")));
    let lines = world.lines(bob);
    assert_eq!(lines.len(), 1, "{lines:#?}");
    let nick = "n".repeat(32);
    world.send(alice, &format!("NICK {nick}"));
    world.forget();
    let named = "#".to_owned() + &"r".repeat(63);
    world.send(alice, &format!("JOIN {named}"));
    world.forget();
    let lines = world.ask(alice, &format!("MODE {named} +bbb {}", masks.join(" ")));
    assert_eq!(lines.len(), 2, "{lines:#?}");
    assert!(lines[0].ends_with(&masks[1]) && lines[1].ends_with(&masks[2]), "{lines:#?}");
}

#[test]
fn a_command_changes_so_many_modes_with_arguments() {
    let (mut world, alice, _) = World::room();
    let lines = world.ask(alice, "MODE #room +bbbbbbbbi a b c d e f g h");
    assert_eq!(
        lines,
        [format!("{ALICE} MODE #room +bbbbbb a!*@* b!*@* c!*@* d!*@* e!*@* f!*@*")],
        "ISUPPORT says 6"
    );
}

#[test]
fn who_may_not_change_modes_is_told_so_once() {
    let (mut world, alice, bob) = World::room();
    let eve = world.user("eve");
    assert_eq!(
        world.ask(bob, "MODE #room +imo bob"),
        [":irc.test 482 bob #room :You're not channel operator"]
    );
    assert_eq!(
        world.ask(eve, "MODE #room +o eve"),
        [":irc.test 442 eve #room :You're not on that channel"]
    );
    assert_eq!(world.ask(eve, "MODE #none +o eve"), [":irc.test 403 eve #none :No such channel"]);
    assert!(world.lines(alice).is_empty());
    assert_eq!(world.ask(alice, "MODE"), [":irc.test 461 alice MODE :Not enough parameters"]);
}

#[test]
fn a_half_operator_changes_everything_but_operators() {
    let (mut world, alice, bob) = World::room();
    world.send(alice, "MODE #room +h bob");
    world.forget();
    assert_eq!(
        world.ask(bob, "MODE #room +mk-o+v key alice bob"),
        [
            ":irc.test 482 bob #room :You're not channel operator",
            ":bob!~bob@127.0.0.1 MODE #room +mkv key bob",
        ]
    );
    assert!(world.ask(bob, "MODE #room +h bob")[0].contains(" 482 "));
    let own = world.ask(bob, "MODE #room -hv bob bob");
    assert_eq!(own, [":bob!~bob@127.0.0.1 MODE #room -hv bob bob"], "a rank can be given up");
    assert!(world.ask(bob, "MODE #room -m")[0].contains(" 482 "));
}

#[test]
fn ranks_are_given_to_members() {
    let (mut world, alice, _) = World::room();
    world.user("eve");
    assert_eq!(
        world.ask(alice, "MODE #room +o nobody"),
        [":irc.test 401 alice nobody :No such nick/channel"]
    );
    assert_eq!(
        world.ask(alice, "MODE #room +o EVE"),
        [":irc.test 441 alice eve #room :They aren't on that channel"]
    );
    assert!(world.ask(alice, "MODE #room +o").is_empty(), "ignored without an argument");
}

#[test]
fn wrong_modes_and_arguments_are_named() {
    let (mut world, alice, _) = World::room();
    assert_eq!(
        world.ask(alice, "MODE #room +yi-yq"),
        [
            ":irc.test 472 alice y :is unknown mode char to me".to_owned(),
            ":irc.test 472 alice q :is unknown mode char to me".to_owned(),
            format!("{ALICE} MODE #room +i"),
        ]
    );
    for key in ["two words", "a,b", "", &"x".repeat(33)] {
        assert_eq!(
            world.ask(alice, &format!("MODE #room +k :{key}"))[0].split(" :").next(),
            Some(":irc.test 696 alice #room k *"),
            "{key}"
        );
    }
    for limit in ["0", "-1", "many", "99999999999"] {
        assert_eq!(
            world.ask(alice, &format!("MODE #room +l {limit}")),
            [format!(":irc.test 696 alice #room l {limit} :The limit is a number above 0")]
        );
    }
    assert!(
        world.ask(alice, "MODE #room +b ~x:bob")[0].starts_with(":irc.test 696 alice #room b ")
    );
    assert!(world.ask(alice, "MODE #room +r")[0].starts_with(":irc.test 482 alice #room :Only"));
    let long = "z".repeat(450);
    world.ask(alice, &format!("MODE #room +l {long}"));
}

#[test]
fn lists_are_shown_with_who_and_when() {
    let (mut world, alice, bob) = World::room();
    let seconds = world.wall() / 1000;
    world.send(alice, "MODE #room +beI bad good!x@y ~account:Bob");
    world.forget();
    let by = "alice!~alice@127.0.0.1";
    assert_eq!(
        world.ask(bob, "MODE #room b"),
        [
            format!(":irc.test 367 bob #room bad!*@* {by} {seconds}"),
            ":irc.test 368 bob #room :End of channel ban list".to_owned(),
        ]
    );
    assert_eq!(
        world.ask(alice, "MODE #room +eIe"),
        [
            format!(":irc.test 348 alice #room good!x@y {by} {seconds}"),
            ":irc.test 349 alice #room :End of channel exception list".to_owned(),
            format!(":irc.test 346 alice #room ~a:Bob {by} {seconds}"),
            ":irc.test 347 alice #room :End of Channel Invite Exception List".to_owned(),
        ]
    );
    assert!(world.ask(bob, "MODE #room +e")[0].contains(" 482 "));
    let eve = world.user("eve");
    assert!(world.ask(eve, "MODE #room +b")[0].contains(" 442 "));
}

#[test]
fn a_mask_is_listed_once_and_taken_off_in_any_case() {
    let (mut world, alice, bob) = World::room();
    world.send(alice, "MODE #room +b BAD!*@*");
    assert!(world.lines(bob)[0].ends_with("+b BAD!*@*"));
    assert!(world.ask(alice, "MODE #room +b bad").is_empty());
    assert!(world.lines(bob).is_empty());
    world.send(alice, "MODE #room -b Bad!*@*");
    assert!(world.lines(bob)[0].ends_with("-b BAD!*@*"), "as it was set");
}

#[test]
fn a_list_has_an_end() {
    let mut world = World::with(|config| config.limits.list = 2);
    let alice = world.user("alice");
    world.send(alice, "JOIN #room");
    let lines = world.ask(alice, "MODE #room +bbbe a b c d");
    assert_eq!(
        lines,
        [
            ":irc.test 478 alice #room b :Channel list is full".to_owned(),
            format!("{ALICE} MODE #room +bbe a!*@* b!*@* d!*@*"),
        ]
    );
}

#[test]
fn bans_and_mutes_silence_but_not_those_who_have_a_voice() {
    let (mut world, alice, bob) = World::room();
    let refused = ":irc.test 404 bob #room :Cannot send to channel";
    for ban in ["bob!*@*", "~m:BOB", "*!*@127.0.0.1"] {
        world.send(alice, &format!("MODE #room +b {ban}"));
        world.forget();
        assert_eq!(world.ask(bob, "PRIVMSG #room :hi"), [refused], "{ban}");
        world.send(alice, "MODE #room +v bob");
        assert!(world.lines(bob)[0].contains("+v"), "{ban}");
        assert!(world.ask(bob, "PRIVMSG #room :hi").is_empty(), "{ban}");
        world.send(alice, &format!("MODE #room -vb bob {ban}"));
    }
    world.send(alice, "MODE #room +be ~m:bob ~m:*!~bob@*");
    world.forget();
    assert!(world.ask(bob, "PRIVMSG #room :excepted").is_empty());
}

#[test]
fn a_ban_follows_a_change_of_nickname() {
    let (mut world, alice, bob) = World::room();
    world.send(alice, "MODE #room +b robert!*@*");
    assert_eq!(world.ask(bob, "PRIVMSG #room :hi").len(), 0);
    world.send(bob, "NICK Robert");
    assert!(world.ask(bob, "PRIVMSG #room :hi")[0].contains(" 404 "));
}

#[test]
fn an_account_is_banned_whatever_it_is_called() {
    let (mut world, alice, bob) = World::room();
    world.send(bob, "REGISTER * * correct-horse");
    world.send(bob, "NICK robert");
    world.send(alice, "MODE #room +b ~account:BOB");
    world.forget();
    assert!(world.ask(bob, "PRIVMSG #room :hi")[0].contains(" 404 "));
}

#[test]
fn moderated_rooms_and_rooms_for_accounts_hear_only_some() {
    let (mut world, alice, bob) = World::room();
    for mode in ["m", "M"] {
        world.send(alice, &format!("MODE #room +{mode}"));
        world.forget();
        assert!(world.ask(bob, "PRIVMSG #room :hi")[0].contains(" 404 "), "{mode}");
        world.send(alice, "MODE #room +v bob");
        world.forget();
        assert!(world.ask(bob, "PRIVMSG #room :hi").is_empty(), "{mode}");
        world.send(alice, &format!("MODE #room -v{mode} bob"));
    }
    world.send(alice, "MODE #room +C");
    world.forget();
    assert!(world.ask(bob, "PRIVMSG #room :\u{1}VERSION\u{1}")[0].contains(" 404 "));
    assert!(world.ask(bob, "PRIVMSG #room :\u{1}ACTION waves\u{1}").is_empty());
}

#[test]
fn somebody_sees_and_changes_their_own_modes() {
    let mut world = World::new();
    let alice = world.user("alice");
    assert_eq!(world.ask(alice, "MODE alice"), [":irc.test 221 alice +"]);
    assert_eq!(world.ask(alice, "MODE ALICE +wiB"), [format!("{ALICE} MODE alice +Biw")]);
    assert_eq!(world.ask(alice, "MODE alice -w+iR"), [format!("{ALICE} MODE alice +R-w")]);
    assert_eq!(world.ask(alice, "MODE alice"), [":irc.test 221 alice +BRi"]);
    assert!(world.ask(alice, "MODE alice +i-i+i").is_empty());
}

#[test]
fn some_modes_are_the_servers() {
    let mut world = World::new();
    let alice = world.connect_as(|peer| peer.secure = true);
    world.register(alice, "alice", "");
    assert!(world.ask(alice, "MODE alice +or-Z").is_empty());
    assert_eq!(world.ask(alice, "MODE alice"), [":irc.test 221 alice +Z"]);
}

#[test]
fn nobody_changes_the_modes_of_others() {
    let (mut world, alice, _) = World::room();
    assert_eq!(
        world.ask(alice, "MODE bob"),
        [":irc.test 502 alice :Cant change mode for other users"]
    );
    assert_eq!(
        world.ask(alice, "MODE bob +i"),
        [":irc.test 502 alice :Cant change mode for other users"]
    );
    assert_eq!(
        world.ask(alice, "MODE nobody +i"),
        [":irc.test 401 alice nobody :No such nick/channel"]
    );
}

#[test]
fn an_unknown_user_mode_is_told_once_after_the_others_are_set() {
    let mut world = World::new();
    let alice = world.user("alice");
    assert_eq!(
        world.ask(alice, "MODE alice +xiyz"),
        [format!("{ALICE} MODE alice +i"), ":irc.test 501 alice :Unknown MODE flag".to_owned()]
    );
}
