//! A door between a test that plays the person and a test that plays the hub.

use super::*;
use proptest::prelude::*;

const ME: &str = "guest-46734!guest@1.2.3.4";

struct Talk {
    door: PlainDoor,
    hub: Vec<u8>,
    person: Vec<u8>,
}

impl Talk {
    /// A door that was opened.
    fn opened(style: Style) -> Self {
        let mut door = PlainDoor::new("guest-46734", "#lobby", style);
        let mut hub = Vec::new();
        door.open(&mut hub);
        Self { door, hub, person: Vec::new() }
    }

    /// A door that is in the lobby, with nothing left to read.
    fn inside(style: Style) -> Self {
        let mut talk = Self::opened(style);
        talk.welcome();
        talk.let_in();
        talk.take();
        talk
    }

    fn welcome(&mut self) {
        self.hear(":hub 001 guest-46734 :Welcome");
    }

    fn let_in(&mut self) {
        self.hear(&format!(":{ME} JOIN #lobby"));
        self.hear(":hub 353 guest-46734 = #lobby :guest-46734 @alice");
        self.hear(":hub 366 guest-46734 #lobby :End of /NAMES list");
    }

    fn say(&mut self, text: &str) {
        self.door.say(text.as_bytes(), &mut self.hub, &mut self.person);
    }

    fn hear(&mut self, line: &str) {
        self.door.hear(line.as_bytes(), &mut self.hub, &mut self.person);
    }

    /// What went to the hub and to the person since the last time.
    fn take(&mut self) -> (String, String) {
        let text = |bytes: &mut Vec<u8>| String::from_utf8(std::mem::take(bytes)).unwrap();
        (text(&mut self.hub), text(&mut self.person))
    }

    /// What `text` makes the door say to the hub, and to the person.
    fn said(&mut self, text: &str) -> (String, String) {
        self.say(text);
        self.take()
    }

    /// What `line` makes the person read.
    fn heard(&mut self, line: &str) -> String {
        self.hear(line);
        let (hub, person) = self.take();
        assert_eq!(hub, "");
        person
    }
}

#[test]
fn a_guest_comes_in_is_greeted_and_told_who_is_here() {
    let mut talk = Talk::opened(Style::Stream);
    assert_eq!(
        talk.take().0,
        "CAP REQ :chghost\r\nCAP REQ :batch\r\nCAP REQ :server-time\r\nNICK :guest-46734\r\n\
         USER guest 0 * :a guest without an IRC client\r\nCAP END\r\n"
    );
    talk.welcome();
    assert_eq!(talk.take(), ("JOIN #lobby\r\n".into(), String::new()));
    talk.hear(&format!(":{ME} JOIN #lobby"));
    talk.hear(":hub 332 guest-46734 #lobby :tea");
    talk.hear(":hub 333 guest-46734 #lobby bob 1");
    talk.hear(":hub 353 guest-46734 = #lobby :guest-46734 @alice");
    talk.hear(":hub 353 guest-46734 = #lobby :+bob");
    talk.hear(":hub 366 guest-46734 #lobby :End");
    assert_eq!(
        talk.take().1,
        "* you are guest-46734 in #lobby; /help tells more\n* the topic: tea\n\
         * here: guest-46734, alice, bob\n"
    );
}

#[test]
fn what_is_said_before_the_guest_is_in_waits_until_then() {
    let mut talk = Talk::opened(Style::Stream);
    talk.take();
    talk.say("hello");
    talk.welcome();
    talk.say("/me waves");
    assert_eq!(talk.take().0, "JOIN #lobby\r\n");
    talk.let_in();
    assert_eq!(talk.take().0, "PRIVMSG #lobby :hello\r\nPRIVMSG #lobby :\x01ACTION waves\x01\r\n");
}

#[test]
fn too_much_said_before_the_guest_is_in_is_refused_and_told() {
    let mut talk = Talk::opened(Style::Stream);
    for _ in 0..MAX_WAITING {
        assert!(talk.door.takes_lines());
        talk.say("hello");
    }
    assert!(!talk.door.takes_lines());
    assert_eq!(talk.take().1, "");
    assert!(talk.said("hello").1.contains("that was not said"));
    talk.welcome();
    talk.let_in();
    assert_eq!(talk.take().0.matches("PRIVMSG").count(), MAX_WAITING);
    assert!(talk.door.takes_lines());
}

#[test]
fn a_datagram_guest_is_greeted_together_with_the_answer_to_the_first_line() {
    let mut talk = Talk::opened(Style::Datagram);
    talk.say("hello");
    talk.welcome();
    talk.let_in();
    talk.hear(":hub 332 guest-46734 #lobby :tea");
    let (hub, person) = talk.take();
    assert!(hub.contains("CAP REQ :echo-message\r\n"), "{hub}");
    assert!(hub.ends_with("PRIVMSG #lobby :hello\r\n"), "{hub}");
    assert_eq!(person, "", "one datagram in, one out");
    assert_eq!(
        talk.heard(&format!(":{ME} PRIVMSG #lobby :hello")),
        "* you are guest-46734 in #lobby; /help tells more\nguest-46734: hello\n"
    );
    assert_eq!(talk.heard(&format!(":{ME} PRIVMSG #lobby :again")), "guest-46734: again\n");
}

#[test]
fn a_datagram_guest_who_said_nothing_yet_is_greeted_at_once() {
    let mut talk = Talk::opened(Style::Datagram);
    talk.welcome();
    talk.let_in();
    assert_eq!(talk.take().1, "* you are guest-46734 in #lobby; /help tells more\n");
}

#[test]
fn a_taken_guest_name_is_followed_by_the_next_until_there_are_no_more() {
    let mut talk = Talk::opened(Style::Stream);
    talk.take();
    for number in 2..=MAX_NAMES {
        talk.hear(":hub 433 * guest-46734 :Nickname is already in use");
        assert_eq!(talk.take(), (format!("NICK :guest-46734-{number}\r\n"), String::new()));
    }
    talk.hear(":hub 433 * guest-46734 :Nickname is already in use");
    assert_eq!(
        talk.take(),
        ("QUIT :\r\n".into(), "* no name is free for you; come back later\n".into())
    );
    assert!(talk.door.is_over());
}

#[test]
fn each_command_does_what_its_help_says() {
    let mut talk = Talk::inside(Style::Stream);
    let mut hub = |text: &str| {
        let (hub, person) = talk.said(text);
        assert_eq!(person, "", "{text}");
        hub
    };
    assert_eq!(hub("hello world"), "PRIVMSG #lobby :hello world\r\n");
    assert_eq!(hub("//help"), "PRIVMSG #lobby :/help\r\n");
    assert_eq!(hub("/nick sally"), "NICK :sally\r\n");
    assert_eq!(hub("/NAMES"), "NAMES #lobby\r\n");
    assert_eq!(hub("/me waves"), "PRIVMSG #lobby :\x01ACTION waves\x01\r\n");
    assert_eq!(hub("/msg bob  hi there"), "PRIVMSG bob :hi there\r\n");
    assert_eq!(hub("/quit see you"), "QUIT :see you\r\n");
    assert!(talk.door.is_over());
    assert_eq!(talk.said("hello"), Default::default(), "nothing is taken after good-bye");
}

#[test]
fn help_lists_every_command() {
    let help = Talk::inside(Style::Stream).said("/help").1;
    for command in ["/nick NAME", "/names", "/me TEXT", "/msg NAME TEXT", "/quit [TEXT]", "/help"] {
        assert!(help.contains(command), "{help}");
    }
    assert!(help.lines().all(|line| line.starts_with("* ")), "{help}");
    assert!(help.len() < 1_000, "it fits into a datagram");
}

#[test]
fn a_slip_in_a_command_says_nothing_and_is_told() {
    let mut talk = Talk::inside(Style::Stream);
    for (line, hint) in [
        ("/msh bob secret", "* there is no /msh: nothing was said; /help lists what there is"),
        ("/etc/passwd", "* there is no /etc/passwd: nothing was said"),
        ("/nick", "* it is /nick NAME: be called NAME"),
        ("/nick two words", "* it is /nick NAME"),
        ("/me", "* it is /me TEXT"),
        ("/msg bob", "* it is /msg NAME TEXT"),
        ("/msg :bob hi", "* it is /msg NAME TEXT"),
        ("/msg bob,alice hi", "* it is /msg NAME TEXT"),
    ] {
        let (hub, person) = talk.said(line);
        assert_eq!(hub, "", "{line}");
        assert!(person.starts_with(hint) && person.ends_with('\n'), "{line}: {person}");
    }
    assert_eq!(talk.said(""), Default::default());
    assert_eq!(talk.said("\x1b"), Default::default(), "nothing is left of it");
}

#[test]
fn a_long_line_is_several_messages_that_fit_with_their_source() {
    let mut talk = Talk::inside(Style::Stream);
    let text = "张".repeat(400);
    let mut said = String::new();
    for line in talk.said(&text).0.split_terminator("\r\n") {
        assert!(1 + ME.len() + 1 + line.len() + 2 <= 512);
        said.push_str(line.strip_prefix("PRIVMSG #lobby :").unwrap());
    }
    assert_eq!(said, text);
    let actions = talk.said(&format!("/me {text}")).0;
    for line in actions.split_terminator("\r\n") {
        assert!(1 + ME.len() + 1 + line.len() + 2 <= 512);
        assert!(line.starts_with("PRIVMSG #lobby :\x01ACTION 张") && line.ends_with('\x01'));
    }
    let (hub, person) = talk.said(&"x".repeat(MAX_TEXT + 1));
    assert_eq!((&*hub, &*person), ("", "* that is too long to say: 4096 bytes at most\n"));
}

#[test]
fn what_others_say_and_do_is_read_as_text() {
    let mut talk = Talk::inside(Style::Stream);
    for (line, text) in [
        (":bob!b@h PRIVMSG #lobby :hello", "bob: hello\n"),
        (":bob!b@h NOTICE #lobby :hello", "bob: hello\n"),
        (":bob!b@h PRIVMSG #lobby :\x01ACTION waves\x01", "* bob waves\n"),
        (":bob!b@h PRIVMSG guest-46734 :hi", "bob (to you): hi\n"),
        (":bob!b@h PRIVMSG guest-46734 :\x01ACTION nods\x01", "* bob (to you) nods\n"),
        (":bob!b@h PRIVMSG @#lobby :ops", "bob (to @#lobby): ops\n"),
        (":bob!b@h PRIVMSG guest-46734 :\x01VERSION\x01", ""),
        (":hub NOTICE guest-46734 :going down", "* going down\n"),
        (":bob!b@h JOIN #lobby", "* bob came in\n"),
        (":bob!b@h PART #lobby", "* bob left\n"),
        (":bob!b@h PART #lobby :tea", "* bob left (tea)\n"),
        (":bob!b@h QUIT :gone", "* bob left (gone)\n"),
        (":bob!b@h NICK rob", "* bob is now rob\n"),
        (":bob!b@h KICK #lobby alice :noise", "* bob put alice out (noise)\n"),
        (":bob!b@h TOPIC #lobby :tea", "* bob set the topic: tea\n"),
        (":bob!b@h TOPIC #lobby :", "* bob took the topic away\n"),
        (":bob!b@h MODE #lobby +o alice", "* bob set +o alice\n"),
        (":bob!b@h INVITE guest-46734 #tea", "* bob invites you to #tea\n"),
        (":bob!b@h TAGMSG #lobby", ""),
        (":bob!b@h AWAY :x", ""),
        (":guest-46734 MODE guest-46734 +i", ""),
    ] {
        assert_eq!(talk.heard(line), text, "{line}");
    }
}

#[test]
fn errors_are_plain_sentences_and_what_needs_nothing_is_nothing() {
    let mut talk = Talk::inside(Style::Stream);
    for (line, text) in [
        ("433 guest-46734 sally :Nickname is already in use", "* the name sally is taken\n"),
        ("432 guest-46734 x/y :Erroneus nickname", "* x/y cannot be a name here\n"),
        ("401 guest-46734 bob :No such nick/channel", "* there is nobody called bob\n"),
        ("301 guest-46734 bob :at lunch", "* bob is away: at lunch\n"),
        ("404 guest-46734 #lobby :Cannot send", "* not said in #lobby: Cannot send\n"),
        ("482 guest-46734 #lobby :You're not", "* #lobby: You're not\n"),
        ("412 guest-46734 :No text to send", "* No text to send\n"),
        ("263 guest-46734 NAMES :Please wait", "* Please wait\n"),
        ("005 guest-46734 NICKLEN=32 :are supported", ""),
        ("372 guest-46734 :- Welcome", ""),
        ("422 guest-46734 :MOTD File is missing", ""),
        ("251 guest-46734 :There are 2 users", ""),
        ("999 guest-46734 :what", ""),
    ] {
        assert_eq!(talk.heard(&format!(":hub {line}")), text, "{line}");
    }
    assert_eq!(talk.heard("FAIL NICK X sally :Reserved"), "* Reserved\n");
    assert_eq!(talk.heard("CAP * NAK :batch"), "");
    assert_eq!(talk.heard(":bob!~b@host CHGHOST ~b staff.example"), "");
}

#[test]
fn a_new_name_is_confirmed_and_known_from_then_on() {
    let mut talk = Talk::inside(Style::Stream);
    assert_eq!(talk.heard(&format!(":{ME} NICK sally")), "* you are sally now\n");
    assert_eq!(talk.door.nick(), "sally");
    assert_eq!(talk.heard(":bob!b@h PRIVMSG sally :hi"), "bob (to you): hi\n");
    assert_eq!(talk.door.source, "sally!guest@1.2.3.4");
}

#[test]
fn names_are_one_line_of_bounded_length() {
    let mut talk = Talk::inside(Style::Datagram);
    talk.said("/names");
    for _ in 0..40 {
        talk.hear(&format!(":hub 353 me = #lobby :{}", "abcdefgh ".repeat(40)));
    }
    let line = talk.heard(":hub 366 me #lobby :End");
    assert!(line.starts_with("* here: abcdefgh, abcdefgh, "), "{line}");
    assert!(line.ends_with(" more\n") && line.len() < 1_200, "{line}");
    assert_eq!(talk.heard(":hub 366 me #lobby :End"), "", "it was not asked for");
}

#[test]
fn names_asked_for_while_coming_in_are_told_once() {
    let mut talk = Talk::opened(Style::Datagram);
    talk.say("/names");
    talk.welcome();
    talk.let_in();
    assert_eq!(talk.take().1, "", "those are the ones that the hub tells unasked");
    talk.hear(":hub 353 me = #lobby :bob");
    assert!(talk.heard(":hub 366 me #lobby :End").ends_with("\n* here: bob\n"));
}

#[test]
fn what_was_said_before_is_shown_apart_with_its_time() {
    let mut talk = Talk::inside(Style::Stream);
    talk.hear(":hub BATCH +7 chathistory #lobby");
    talk.hear("@batch=7;time=2026-11-22T13:27:00.123Z :bob!b@h PRIVMSG #lobby :hello");
    talk.hear("@time=2026-11-23T13:27:00.123Z :bob!b@h PRIVMSG #lobby :now");
    talk.hear(":hub BATCH -7");
    assert_eq!(
        talk.take().1,
        "* said before you came, by the clock of UTC:\n2026-11-22 13:27 bob: hello\nbob: now\n\
         * that was before; now:\n"
    );
    talk.hear(":hub BATCH +8 chathistory #lobby");
    assert_eq!(talk.heard(":hub BATCH -8"), "", "nothing was said before");
}

#[test]
fn a_ping_is_answered() {
    let mut talk = Talk::inside(Style::Stream);
    talk.hear("PING :a b");
    assert_eq!(talk.take(), ("PONG :a b\r\n".into(), String::new()));
}

#[test]
fn a_lobby_that_does_not_let_in_is_told_and_the_next_line_tries_again() {
    for (error, text) in [
        ("471", "* #lobby is full"),
        ("473", "* #lobby is for who is invited"),
        ("474", "* you are banned from #lobby"),
        ("475", "* #lobby is locked with a key"),
        ("477", "* #lobby is for who has an account"),
        ("403", "* no way into #lobby: no"),
    ] {
        let mut talk = Talk::opened(Style::Stream);
        talk.welcome();
        talk.say("hello");
        talk.take();
        assert_eq!(
            talk.heard(&format!(":hub {error} guest-46734 #lobby :no")),
            format!("{text}, and nothing was said; write again to try again\n")
        );
        assert_eq!(talk.said("//hello").0, "JOIN #lobby\r\n");
        talk.let_in();
        assert_eq!(talk.take().0, "PRIVMSG #lobby :/hello\r\n");
    }
}

#[test]
fn who_is_put_out_is_told_and_comes_back_by_saying_something() {
    let mut talk = Talk::inside(Style::Stream);
    assert_eq!(
        talk.heard(":bob!b@h KICK #lobby guest-46734 :noise"),
        "* bob put you out of #lobby (noise); say something to come back\n"
    );
    assert_eq!(talk.said("/me returns").0, "JOIN #lobby\r\n");
    talk.let_in();
    assert_eq!(talk.take().0, "PRIVMSG #lobby :\x01ACTION returns\x01\r\n");
}

#[test]
fn a_person_whose_input_ends_has_said_what_he_wrote() {
    let mut talk = Talk::opened(Style::Stream);
    talk.take();
    talk.say("hello");
    talk.door.leave("end of input", &mut talk.hub);
    talk.welcome();
    talk.let_in();
    let hub = talk.take().0;
    assert_eq!(hub, "JOIN #lobby\r\nPRIVMSG #lobby :hello\r\nQUIT :end of input\r\n");
    assert!(talk.door.is_over());
    assert_eq!(talk.heard("ERROR :Closing link"), "* you left\n");

    let mut talk = Talk::opened(Style::Stream);
    talk.take();
    talk.door.leave("", &mut talk.hub);
    assert_eq!(talk.take().0, "QUIT :\r\n", "nothing waits");
}

#[test]
fn who_is_thrown_out_is_told_why() {
    let mut talk = Talk::inside(Style::Stream);
    assert_eq!(
        talk.heard("ERROR :Closing link: killed"),
        "* the server closed the connection: Closing link: killed\n"
    );
    assert!(talk.door.is_over());
}

#[test]
fn nothing_that_others_say_drives_a_terminal() {
    let mut talk = Talk::inside(Style::Stream);
    let text = talk.heard(":bob!b@h PRIVMSG #lobby :\x1b[2J\x02bold\x02 \u{202e}x\x07");
    assert_eq!(text, "bob: \\x1b[2Jbold \\u{202e}x\\x07\n");
    let text = talk.heard(":b\x1bob!b@h JOIN #lobby");
    assert_eq!(text, "* b\\x1bob came in\n");
}

fn any_line() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..700),
        "(/(nick|msg|me|names|help|quit|x|/) ?)?\\PC{0,300}".prop_map(String::into_bytes),
        "(@[a-z=;]{0,9} )?(:guest-46734!g@h |:bob!b@h |:hub )?(JOIN|PART|KICK|NICK|PRIVMSG|NOTICE|BATCH|ERROR|\
         MODE|TOPIC|PING|001|301|353|366|4[0-9]{2}) (#lobby|guest-46734|\\+1|-1|\\*)? ?\
         (chathistory|guest-46734)? ?:?\\PC{0,600}"
            .prop_map(String::into_bytes),
    ]
}

proptest! {
    #[test]
    fn whatever_comes_the_hub_gets_lines_and_the_person_text(
        datagrams: bool,
        lines in proptest::collection::vec((any::<bool>(), any_line()), 0..40),
    ) {
        let style = if datagrams { Style::Datagram } else { Style::Stream };
        let mut talk = Talk::opened(style);
        for (by_person, line) in lines {
            if by_person {
                talk.door.say(&line, &mut talk.hub, &mut talk.person);
            } else {
                talk.door.hear(&line, &mut talk.hub, &mut talk.person);
            }
            prop_assert!(talk.door.waiting.len() <= MAX_WAITING);
            prop_assert!(talk.door.names.is_bounded());
        }
        let (hub, person) = talk.take();
        prop_assert!(hub.is_empty() || hub.ends_with("\r\n"));
        for line in hub.split_terminator("\r\n") {
            prop_assert!(line.len() <= 510 && !line.contains(['\r', '\n', '\0']), "{}", line);
            let message = callbox_irc::message::Message::parse(line);
            prop_assert!(message.is_ok_and(|message| !message.command.is_empty()));
        }
        prop_assert!(person.is_empty() || person.ends_with('\n'));
        prop_assert!(!person.replace('\n', "").contains(char::is_control));
    }
}
