//! What is typed with a `/`.

use std::time::Duration;

use crate::client::Client;

/// What is sent when this is typed in `#room`.
fn typed(line: &str) -> Vec<String> {
    let mut client = Client::in_room("PREFIX=(ov)@+");
    assert_eq!(client.types("#room", line), "", "{line}");
    client.sent()
}

#[test]
fn commands_become_lines() {
    for (line, sent) in [
        ("/topic Tea at five", "TOPIC #room :Tea at five"),
        ("/kick bob", "KICK #room bob"),
        ("/kick bob that is enough", "KICK #room bob :that is enough"),
        ("/op bob", "MODE #room +o bob"),
        ("/DEOP bob", "MODE #room -o bob"),
        ("/voice bob carol", "MODE #room +vv bob carol"),
        ("/devoice carol", "MODE #room -v carol"),
        ("/ban", "MODE #room +b"),
        ("/ban bob", "MODE #room +b bob!*@*"),
        ("/ban *!*@spam", "MODE #room +b *!*@spam"),
        ("/unban *!*@spam", "MODE #room -b *!*@spam"),
        ("/mode", "MODE #room"),
        ("/mode +nt", "MODE #room +nt"),
        ("/mode alice +i", "MODE alice +i"),
        ("/mode #other", "MODE #other"),
        ("/invite dave", "INVITE dave #room"),
        ("/invite dave #other", "INVITE dave #other"),
        ("/whois bob", "WHOIS bob"),
        ("/away back at five", "AWAY :back at five"),
        ("/away", "AWAY :away"),
        ("/back", "AWAY"),
        ("/nick alicia", "NICK alicia"),
        ("/part bye all", "PART #room :bye all"),
        ("/part #room bye", "PART #room :bye"),
        ("/notice bob hi there", "NOTICE bob :hi there"),
        ("/raw VERSION", "VERSION"),
        ("/quote privmsg #x :a  b", "privmsg #x :a  b"),
        ("/raw @+x=y;+z TAGMSG #room", "@+x=y;+z TAGMSG #room"),
        ("/verify alice 1234", "VERIFY alice :1234"),
        ("/names #other", "NAMES #other"),
    ] {
        assert_eq!(typed(line), [sent], "{line}");
    }
}

#[test]
fn nothing_typed_can_make_a_second_line() {
    for line in ["/raw PING x\r\nQUIT", "/topic a\nQUIT :b", "/away a\r\nQUIT", "/kick bob a\nQUIT"]
    {
        assert_eq!(typed(line).len(), 1, "{line:?}");
    }
}

#[test]
fn many_are_made_operators_in_several_lines() {
    assert_eq!(typed("/op a b c d"), ["MODE #room +ooo a b c", "MODE #room +o d"]);
}

#[test]
fn a_ban_is_of_the_host_where_it_is_known() {
    let mut client = Client::in_room("");
    client.hear(":bob!b@bobs.host JOIN #room");
    client.types("#room", "/ban bob");
    assert_eq!(client.sent(), ["MODE #room +b *!*@bobs.host"]);
}

#[test]
fn what_cannot_be_done_is_said() {
    let mut client = Client::in_room("");
    assert_eq!(
        client.types("#room", "/nonsense"),
        "there is no /nonsense; /help lists what there is"
    );
    assert_eq!(client.types("#room", "/kick"), "usage: /kick nick [reason]");
    assert_eq!(client.types("*", "/kick bob"), "this works in a room that you have joined");
    assert_eq!(client.types("*", "/topic new"), "this works in a room that you have joined");
    assert_eq!(client.types("#room", "/nick a!b"), "a!b cannot be a name");
    assert_eq!(client.types("#room", "/unignore bob"), "bob is not ignored");
    assert_eq!(
        client.types("#room", "/msg #other hello"),
        "you are not in #other; /join #other goes there"
    );
    assert!(client.types("#room", "/login secret").contains("no login"));
    assert!(client.types("#room", "/register secret").contains("NickServ"));
    assert!(client.types("*", "/close").contains("stays"));
    assert!(client.sent().is_empty());
    client.lose("reset");
    assert_eq!(client.types("#room", "/whois bob"), "there is no connection to the server now");
}

#[test]
fn rooms_are_joined_shown_left_and_closed() {
    let mut client = Client::online("");
    assert_eq!(client.types("*", "/join tea sesame"), "Show(RoomId(1))");
    assert_eq!(client.types("*", "/j #a,#b"), "Show(RoomId(3))");
    assert_eq!(client.sent(), ["JOIN #tea sesame", "JOIN #a", "JOIN #b"]);
    assert_eq!(client.types("*", "/query bob"), "Show(RoomId(4))");
    assert_eq!(client.types("bob", "/close"), "");
    assert!(client.session.room_named("bob").is_none());
    assert_eq!(client.types("#a", "/part"), "");
    assert!(client.types("#a", "/part").contains("you are not in #a"));
}

#[test]
fn what_is_the_screens_matter_is_handed_to_it() {
    let mut client = Client::in_room("");
    for (line, ask) in [
        ("/help", "Help(None)"),
        ("/help /J", "Help(Some(\"join\"))"),
        ("/search  five o'clock ", "Search(\"five o'clock\")"),
        ("/clear", "Clear"),
        ("/keys", "Keys"),
        ("/reply yes", "ToLine(Reply, \"yes\")"),
        ("/react 👍", "ToLine(React, \"👍\")"),
        ("/redact", "ToLine(Redact, \"\")"),
        ("/edit other words", "ToLine(Edit, \"other words\")"),
        ("/resend", "ToLine(SendAgain, \"\")"),
        ("/list", "Show(RoomId(0))"),
    ] {
        assert_eq!(client.types("#room", line), ask, "{line}");
    }
    assert_eq!(
        client.types("#room", "/help nonsense"),
        "there is no /nonsense; /help lists what there is"
    );
    assert_eq!(client.sent(), ["LIST"]);
}

#[test]
fn what_the_model_knows_is_not_asked() {
    let mut client = Client::in_room("");
    client.hear(":bob!b@host TOPIC #room :Tea");
    client.types("#room", "/topic");
    assert_eq!(client.last("#room"), "info: The topic is: Tea (by bob)");
    client.types("#room", "/names");
    assert_eq!(client.last("#room"), "info: 3 in #room: +carol @bob alice");
    assert!(client.sent().is_empty());
}

#[test]
fn answers_are_shown_where_they_were_asked_for() {
    let mut client = Client::in_room("");
    client.types("#room", "/whois bob");
    client.hear_all(
        ":irc.test 311 alice bob b host * :Bob B.
        :irc.test 319 alice bob :@#room
        :irc.test 312 alice bob irc.test :A server
        :irc.test 330 alice bob bobby :is logged in as
        :irc.test 317 alice bob 65 1767225600 :seconds idle, signon time
        :irc.test 671 alice bob :is using a secure connection
        :irc.test 318 alice bob :End of /WHOIS list.",
    );
    assert_eq!(
        client.lines("#room")[1..],
        [
            "info: bob is b@host (Bob B.)",
            "info: bob is in @#room",
            "info: bob is at irc.test (A server)",
            "info: bob is logged in as bobby",
            "info: bob has been silent for 1 min, and is here since 2026-01-01 00:00:00 UTC",
            "info: bob is using a secure connection",
        ]
    );
    client.types("#room", "/whois nobody");
    client.hear(":irc.test 401 alice nobody :No such nick/channel");
    assert_eq!(client.last("#room"), "error: nobody: No such nick/channel");
    // Later ones go where they belong.
    client.wait(Duration::from_secs(11));
    client.hear(":irc.test 263 alice LIST :Please wait a while and try again.");
    assert_eq!(client.last("*"), "info: LIST Please wait a while and try again.");
    client.hear(":irc.test 482 alice #room :You're not channel operator");
    assert_eq!(client.last("#room"), "error: #room: You're not channel operator");
}

#[test]
fn modes_and_bans_are_told_in_words() {
    let mut client = Client::in_room("");
    client.hear(":irc.test 324 alice #room +nt");
    assert_eq!(client.lines("#room").len(), 1, "nobody asked");
    client.types("#room", "/mode");
    client.hear_all(
        ":irc.test 324 alice #room +ntk sesame
        :irc.test 329 alice #room 1767225600
        :irc.test 367 alice #room *!*@spam bob 1767225600
        :irc.test 368 alice #room :End of Channel Ban List",
    );
    assert_eq!(
        client.lines("#room")[1..],
        [
            "info: #room has the modes +ntk sesame",
            "info: #room is there since 2026-01-01 00:00:00 UTC",
            "info: #room: *!*@spam is banned, by bob on 2026-01-01 00:00:00 UTC",
        ]
    );
}

#[test]
fn a_list_of_rooms_is_shown_in_the_servers_room() {
    let mut client = Client::in_room("");
    client.types("#room", "/list");
    client.hear_all(
        ":irc.test 321 alice Channel :Users  Name
        :irc.test 322 alice #room 3 :Tea at five
        :irc.test 322 alice #dev 12 :
        :irc.test 323 alice :End of /LIST",
    );
    assert_eq!(
        client.lines("*")[1..],
        [
            "info: Rooms, with how many people are there, and topics:",
            "info: #room 3 Tea at five",
            "info: #dev 12",
        ]
    );
}

#[test]
fn a_name_that_was_asked_for_is_the_one_to_come_back_with() {
    let mut client = Client::in_room("");
    client.types("#room", "/nick alicia");
    client.hear(":alice!a@host NICK alicia");
    client.lose("reset");
    client.wait(Duration::from_secs(2));
    client.sent();
    client.connect();
    assert!(client.sent().contains(&"NICK alicia".to_owned()));
    // One that is taken is not.
    let mut client = Client::in_room("");
    client.types("#room", "/nick bob");
    client.hear(":irc.test 433 alice bob :Nickname is already in use");
    assert_eq!(client.last("#room"), "error: bob: Nickname is already in use");
    client.lose("reset");
    client.wait(Duration::from_secs(2));
    client.connect();
    assert!(client.sent().contains(&"NICK alice".to_owned()));
}

#[test]
fn accounts_are_made_and_used() {
    let mut client = Client::in_room("");
    client.hear(":irc.test CAP alice NEW :draft/account-registration standard-replies sasl=PLAIN");
    client.hear(":irc.test CAP alice ACK :draft/account-registration standard-replies sasl");
    client.sent();
    client.types("#room", "/register sesame");
    assert_eq!(client.sent(), ["REGISTER * * :sesame"]);
    client.hear("FAIL REGISTER WEAK_PASSWORD * :Too short");
    assert_eq!(client.last("#room"), "error: Too short");
    client.types("#room", "/register opensesame a@b.c");
    assert_eq!(client.sent(), ["REGISTER * a@b.c :opensesame"]);
    client.hear("REGISTER SUCCESS alice :Welcome");
    assert_eq!(client.last("#room"), "info: The account alice is made. Welcome");
    // The next connection logs in by itself.
    client.lose("reset");
    client.wait(Duration::from_secs(2));
    client.connect();
    client.hear(":irc.test CAP * LS :sasl");
    client.hear(":irc.test CAP * ACK :sasl");
    assert!(client.sent().contains(&"AUTHENTICATE PLAIN".to_owned()));
}

#[test]
fn a_login_can_be_typed() {
    let mut client = Client::in_room("");
    client.hear(":irc.test CAP alice NEW :sasl=PLAIN");
    client.hear(":irc.test CAP alice ACK :sasl");
    client.sent();
    client.types("#room", "/login ann sesame");
    client.hear("AUTHENTICATE +");
    assert_eq!(client.sent(), ["AUTHENTICATE PLAIN", "AUTHENTICATE YW5uAGFubgBzZXNhbWU="]);
    client.hear(":irc.test 904 alice :SASL authentication failed");
    assert_eq!(client.last("#room"), "error: Not logged in: SASL authentication failed");
    assert!(!client.wants_to_close());
    client.types("#room", "/login ann sesame");
    client.hear(":irc.test 900 alice alice!a@host ann :You are now logged in as ann");
    client.hear(":irc.test 903 alice :SASL authentication successful");
    assert_eq!(client.session.account(), Some("ann"));
    assert_eq!(client.last("#room"), "info: You are now logged in as ann");
}

#[test]
fn being_away_is_known() {
    let mut client = Client::in_room("");
    client.types("#room", "/away lunch");
    client.hear(":irc.test 306 alice :You have been marked as being away");
    assert_eq!(client.last("#room"), "info: You have been marked as being away");
    let away = |client: &Client| client.session.person("alice").and_then(|p| p.away.clone());
    assert_eq!(away(&client).as_deref(), Some("lunch"));
    // Still so on the next connection.
    client.lose("reset");
    client.wait(Duration::from_secs(2));
    client.connect();
    client.welcome("");
    assert!(client.sent().contains(&"AWAY :lunch".to_owned()));
    client.hear(":alice!a@host JOIN #room");
    client.hear(":irc.test 306 alice :You have been marked as being away");
    assert_eq!(away(&client).as_deref(), Some("lunch"));
    client.types("#room", "/back");
    client.hear(":irc.test 305 alice :You are no longer marked as being away");
    assert_eq!(away(&client), None);
}

#[test]
fn somebody_who_is_away_is_said_to_be_once() {
    let mut client = Client::in_room("");
    client.types("#room", "/query bob");
    client.wait(Duration::from_secs(11));
    for _ in 0..3 {
        client.hear(":irc.test 301 alice bob :lunch");
    }
    assert_eq!(client.lines("bob"), ["info: bob is away: lunch"]);
    // Whoever asks is told again, where they asked.
    client.types("#room", "/whois bob");
    client.hear(":irc.test 311 alice bob b host * :Bob");
    client.hear(":irc.test 301 alice bob :lunch");
    client.hear(":irc.test 318 alice bob :End");
    assert_eq!(client.last("#room"), "info: bob is away: lunch");
    // And what answers no question stands in the conversation, whatever was asked elsewhere.
    client.hear(":irc.test 301 alice bob :tea");
    assert_eq!(client.last("bob"), "info: bob is away: tea");
}

#[test]
fn a_new_connection_can_be_asked_for() {
    let mut client = Client::in_room("");
    client.types("#room", "/reconnect");
    assert_eq!(client.sent(), ["QUIT"]);
    assert!(client.wants_to_close());
    client.lose("closed");
    assert!(client.wants_to_connect());
}

#[test]
fn who_is_ignored_is_listed() {
    let mut client = Client::in_room("");
    client.types("#room", "/ignore");
    assert_eq!(client.last("#room"), "info: Nobody is ignored");
    client.types("#room", "/ignore Bob");
    client.types("#room", "/ignore bob");
    client.types("#room", "/ignore");
    assert_eq!(client.last("#room"), "info: Ignored: Bob");
    client.hear(":bob!b@host INVITE alice #spam");
    assert!(!client.last("*").contains("#spam"));
    client.types("#room", "/unignore BOB");
    client.hear(":bob!b@host INVITE alice #spam");
    assert!(client.last("*").contains("#spam"));
}

#[test]
fn a_request_for_our_version_is_answered_now_and_then() {
    let mut client = Client::in_room("");
    client.hear(":bob!b@host PRIVMSG alice :\u{1}VERSION\u{1}");
    let answer = client.sent();
    assert!(
        answer.len() == 1 && answer[0].starts_with("NOTICE bob :\u{1}VERSION callbox "),
        "{answer:?}"
    );
    client.hear(":bob!b@host PRIVMSG alice :\u{1}VERSION\u{1}");
    client.hear(":bob!b@host PRIVMSG #room :\u{1}VERSION\u{1}");
    client.hear(":bob!b@host PRIVMSG alice :\u{1}DCC SEND x 1 2 3\u{1}");
    assert!(client.sent().is_empty());
    assert!(client.session.room_named("bob").is_none());
    client.wait(Duration::from_secs(11));
    client.hear(":bob!b@host PRIVMSG alice :\u{1}VERSION\u{1}");
    assert_eq!(client.sent().len(), 1);
}
