//! How a session is let in: by our own server, and by others.

use std::time::Duration;

use callbox_irc::capability::CapSet;
use callbox_session::config::{Login, Secret};
use callbox_session::contract::{End, Event, Status};
use callbox_session::network::CaseMapping;
use callbox_session::room::Presence;

use crate::client::Client;

fn login(account: &str, password: &str) -> Option<Login> {
    Some(Login { account: account.into(), password: Some(Secret(password.into())) })
}

#[test]
fn who_we_are_is_said_at_once_and_in_order() {
    let mut client = Client::new(|config| {
        config.server_password = Some(Secret("open sesame".into()));
        config.realname = "Alice A.".into();
    });
    assert!(client.wants_to_connect() && client.sent().is_empty());
    client.connect();
    assert_eq!(
        client.sent(),
        ["CAP LS 302", "PASS :open sesame", "NICK alice", "USER callbox 0 * :Alice A."]
    );
    assert_eq!(*client.session.status(), Status::Connecting);
}

#[test]
fn a_server_without_capabilities_lets_us_in() {
    // As ngircd without CAP, or any older server.
    let mut client = Client::connected(|config| config.join = vec![("#dev".into(), None)]);
    client.hear_all(
        ":irc.test 421 alice CAP :Unknown command
        :irc.test NOTICE AUTH :*** Looking up your hostname",
    );
    assert_eq!(*client.session.status(), Status::Connecting);
    client.hear(":irc.test 001 alice :Welcome to the Internet Relay Network alice!~callbox@host");
    client.hear(":irc.test 422 alice :MOTD file is missing");
    assert_eq!(*client.session.status(), Status::Online);
    assert_eq!(client.sent(), ["JOIN #dev"]);
    assert_eq!(client.room("#dev").presence, Presence::Joining);
    assert_eq!(client.session.network().name, "irc.test");
}

#[test]
fn capabilities_are_asked_for_as_far_as_they_are_of_use() {
    let mut client = Client::connected(|_| {});
    client.hear("CAP * LS * :multi-prefix sasl=PLAIN,EXTERNAL example.com/unknown message-tags");
    assert_eq!(client.sent(), Vec::<String>::new(), "there is more to come");
    // Without batch there is neither labeled-response nor history.
    client.hear(":irc.test CAP * LS :server-time labeled-response draft/chathistory echo-message");
    assert_eq!(client.sent(), ["CAP REQ :echo-message message-tags multi-prefix sasl server-time"]);
    client.hear(":irc.test CAP * ACK :echo-message message-tags multi-prefix sasl server-time");
    assert_eq!(client.sent(), ["CAP END"]);
    // What concerns whoever connects is left to them.
    client.hear(":irc.test CAP alice NEW :sts=port=6697");
    assert!(client.sent().is_empty());
    assert_eq!(client.session.network().sts.as_deref(), Some("port=6697"));
    let caps = client.session.network().caps;
    assert!(caps.contains(CapSet::ECHO_MESSAGE) && !caps.contains(CapSet::CHATHISTORY));
}

#[test]
fn one_capability_that_is_refused_does_not_lose_the_others() {
    let mut client = Client::connected(|_| {});
    client.hear(":irc.test CAP * LS :multi-prefix server-time");
    client.hear(":irc.test CAP * NAK :multi-prefix server-time");
    assert_eq!(client.sent()[1..], ["CAP REQ :multi-prefix", "CAP REQ :server-time"]);
    client.hear(":irc.test CAP * NAK :multi-prefix");
    client.hear(":irc.test CAP * ACK :server-time ");
    assert_eq!(client.sent(), ["CAP END"]);
    assert!(client.session.network().caps == CapSet::SERVER_TIME);
}

#[test]
fn capabilities_come_and_go_while_we_are_in() {
    let mut client = Client::online("");
    client.hear(
        ":irc.test CAP alice NEW :away-notify draft/multiline=max-bytes=4096,max-lines=24 batch",
    );
    assert_eq!(client.sent(), ["CAP REQ :away-notify batch"]);
    client.hear(":irc.test CAP alice NEW :message-tags");
    client.hear(":irc.test CAP alice ACK :away-notify batch message-tags draft/multiline");
    assert_eq!(client.sent(), ["CAP REQ :away-notify batch draft/multiline message-tags"]);
    assert_eq!(client.session.network().multiline, Some((4096, 24)));
    client.hear(":irc.test CAP alice DEL :draft/multiline away-notify");
    assert_eq!(client.session.network().multiline, None);
    assert!(!client.session.network().caps.contains(CapSet::AWAY_NOTIFY));
}

#[test]
fn a_long_list_of_capabilities_is_asked_for_in_several_lines() {
    let mut client = Client::connected(|_| {});
    let all: Vec<_> = callbox_irc::capability::ALL.iter().map(|row| row.name).collect();
    client.hear(&format!(":irc.test CAP * LS :{}", all.join(" ")));
    let sent = client.sent();
    assert!(sent.len() > 1 && sent.iter().all(|line| line.len() < 400), "{sent:#?}");
    for line in &sent {
        client.hear(&line.replace("CAP REQ", ":irc.test CAP * ACK"));
    }
    assert_eq!(client.sent(), ["CAP END"]);
}

#[test]
fn we_log_in_before_we_are_let_in() {
    let mut client = Client::connected(|config| config.login = login("ann", "sesame"));
    client.hear(":irc.test CAP * LS :sasl=PLAIN,SCRAM-SHA-256");
    client.hear(":irc.test CAP * ACK :sasl");
    assert_eq!(client.sent(), ["CAP REQ :sasl", "AUTHENTICATE PLAIN"]);
    client.hear("AUTHENTICATE +");
    assert_eq!(client.sent(), ["AUTHENTICATE YW5uAGFubgBzZXNhbWU="]);
    client.hear(":irc.test 900 * alice!a@host ann :You are now logged in as ann");
    assert!(client.sent().is_empty());
    client.hear(":irc.test 903 * :SASL authentication successful");
    assert_eq!(client.sent(), ["CAP END"]);
    assert_eq!(client.session.account(), Some("ann"));
}

#[test]
fn a_capability_that_is_new_during_a_login_begins_no_second_one() {
    let mut client = Client::connected(|config| config.login = login("ann", "sesame"));
    client.hear(":irc.test CAP * LS :sasl=PLAIN");
    client.hear(":irc.test CAP * ACK :sasl");
    client.sent();
    client.hear(":irc.test CAP * NEW :server-time");
    client.hear(":irc.test CAP * ACK :server-time");
    assert_eq!(client.sent(), ["CAP REQ :server-time"]);
    client.hear(":irc.test CAP * NEW :multi-prefix");
    client.hear(":irc.test 903 * :SASL authentication successful");
    client.hear(":irc.test CAP * ACK :multi-prefix");
    assert_eq!(client.sent(), ["CAP REQ :multi-prefix", "CAP END"]);
}

#[test]
fn a_long_password_is_sent_in_pieces() {
    for (length, pieces) in [(10, vec![32]), (289, vec![400, 4]), (292, vec![400, 8])] {
        let password = "x".repeat(length);
        let mut client = Client::connected(|config| config.login = login("annika", &password));
        client.hear(":irc.test CAP * LS :sasl");
        client.hear(":irc.test CAP * ACK :sasl");
        client.sent();
        client.hear("AUTHENTICATE +");
        let sent = client.sent();
        let lengths: Vec<_> = sent.iter().map(|line| line.len() - "AUTHENTICATE ".len()).collect();
        assert_eq!(lengths, pieces, "{length}");
    }
    // Exactly full: an empty piece says that this was all.
    let mut client = Client::connected(|config| config.login = login("annika", &"x".repeat(286)));
    client.hear(":irc.test CAP * LS :sasl");
    client.hear(":irc.test CAP * ACK :sasl");
    client.sent();
    client.hear("AUTHENTICATE +");
    assert_eq!(client.sent()[1..], ["AUTHENTICATE +"]);
}

#[test]
fn a_certificate_logs_in_without_a_password() {
    let mut client = Client::connected(|config| {
        config.login = Some(Login { account: "ann".into(), password: None });
    });
    client.hear(":irc.test CAP * LS :sasl=EXTERNAL");
    client.hear(":irc.test CAP * ACK :sasl");
    client.hear("AUTHENTICATE +");
    assert_eq!(client.sent()[1..], ["AUTHENTICATE EXTERNAL", "AUTHENTICATE YW5u"]);
}

#[test]
fn a_wrong_password_ends_the_session_in_the_servers_words() {
    let mut client = Client::connected(|config| config.login = login("ann", "wrong"));
    client.hear(":irc.test CAP * LS :sasl");
    client.hear(":irc.test CAP * ACK :sasl");
    client.hear("AUTHENTICATE +");
    client.hear(":irc.test 904 * :SASL authentication failed");
    let end = End::Refused("SASL authentication failed".into());
    assert_eq!(*client.session.status(), Status::Ended(end));
    assert!(client.wants_to_close());
    client.lose("closed");
    client.wait(Duration::from_secs(1000));
    assert!(!client.wants_to_connect());
}

#[test]
fn a_server_without_logins_is_entered_as_a_guest_which_is_said() {
    let mut client = Client::connected(|config| config.login = login("ann", "sesame"));
    client.hear(":irc.test CAP * LS :multi-prefix");
    client.hear(":irc.test CAP * ACK :multi-prefix");
    assert_eq!(client.sent()[1..], ["CAP END"]);
    assert_eq!(client.last("*"), "error: Not logged in: this server knows no login (SASL)");
    // Nor with nothing to negotiate, or nobody to negotiate with.
    let mut client = Client::connected(|config| config.login = login("ann", "sesame"));
    client.welcome("");
    assert_eq!(client.lines("*")[0], "error: Not logged in: this server knows no login (SASL)");
    let mut client = Client::connected(|config| config.login = login("ann", "sesame"));
    client.hear(":irc.test CAP * LS :");
    assert_eq!(client.sent(), ["CAP END"]);
    assert_eq!(client.last("*"), "error: Not logged in: this server knows no login (SASL)");
}

#[test]
fn a_password_is_not_sent_where_others_can_read_it() {
    let mut client = Client::new(|config| config.login = login("ann", "sesame"));
    let now = client.now();
    client.session.handle_connected(false, now);
    client.settle();
    client.hear(":irc.test CAP * LS :sasl");
    client.hear(":irc.test CAP * ACK :sasl");
    assert!(!client.sent().iter().any(|line| line.starts_with("AUTHENTICATE")));
    assert!(client.last("*").contains("not encrypted"), "{}", client.last("*"));
}

#[test]
fn a_name_that_is_taken_is_followed_by_another_like_it() {
    let mut client = Client::connected(|_| {});
    client.hear(":irc.test 433 * alice :Nickname is already in use");
    client.hear(":irc.test 433 * alice_ :Nickname is already in use");
    assert_eq!(client.sent(), ["NICK alice_", "NICK alice__"]);
    client.hear(":irc.test 436 * alice__ :Nickname collision");
    let third = client.sent().remove(0);
    assert!(third.starts_with("NICK alice") && third.len() <= "NICK ".len() + 9, "{third}");
    client.hear(":irc.test 001 alice77 :Welcome");
    assert_eq!(client.session.nick(), "alice77");
    assert!(client.events.contains(&Event::Nick));
}

#[test]
fn a_name_that_a_server_cannot_take_becomes_one_that_it_can() {
    let mut client = Client::connected(|config| config.nick = "张三".into());
    assert_eq!(client.session.nick(), "张三");
    client.hear(":irc.test 432 * ? :Erroneous nickname");
    assert_eq!(client.sent(), ["NICK guest"]);
    client.hear(":irc.test 433 * guest :Nickname is already in use");
    assert_eq!(client.sent(), ["NICK guest__"]);
    // In our own server's words it is only taken.
    let mut client = Client::connected(|config| config.nick = "张三".into());
    client.hear(":irc.test 433 * 张三 :Nickname is already in use");
    assert_eq!(client.sent(), ["NICK 张三_"]);
}

#[test]
fn names_are_not_tried_without_end() {
    let mut client = Client::connected(|_| {});
    for _ in 0..100 {
        client.hear(":irc.test 433 * x :Nickname is already in use");
    }
    assert!(client.sent().len() <= 40 && client.wants_to_close());
    client.lose("closed");
    assert!(client.waits().is_some());
}

#[test]
fn who_is_banned_or_has_the_wrong_password_is_refused_for_good() {
    for line in [
        ":irc.test 465 alice :You are banned from this server- spam",
        ":irc.test 464 alice :You are banned from this server- spam",
        "FAIL * ACCOUNT_REQUIRED :You are banned from this server- spam",
    ] {
        let mut client = Client::connected(|_| {});
        client.hear(line);
        client.hear("ERROR :Closing Link");
        let end = End::Refused("You are banned from this server- spam".into());
        assert_eq!(*client.session.status(), Status::Ended(end));
    }
}

#[test]
fn what_the_server_is_like_is_learnt_from_its_welcome() {
    let mut client = Client::connected(|_| {});
    client.hear(":irc.test 001 alice :Welcome");
    client.hear(":irc.test 004 alice irc.test callbox-0.1.0 BRZi Cb");
    client.hear(
        ":irc.test 005 alice CASEMAPPING=ascii CHANTYPES=#! NETWORK=Tea\\x20House NICKLEN=32 \
         PREFIX=(ohv)@%+ UTF8MAPPING=rfc8265 CHATHISTORY=1000 CLIENTTAGDENY=*,-typing \
         :are supported by this server",
    );
    let network = client.session.network();
    assert_eq!(network.version, "callbox-0.1.0");
    assert_eq!(network.name, "Tea House");
    assert_eq!(network.casemapping, CaseMapping::Unicode);
    assert_eq!(network.prefixes, [('o', '@'), ('h', '%'), ('v', '+')]);
    assert_eq!((network.nick_len, network.history), (32, Some(1000)));
    assert!(network.is_room("!x") && !network.is_room("&x"));
    assert_eq!(network.tag_deny, "*,-typing");
    assert_eq!(&*client.room("*").name, "Tea House");
    client.hear(":irc.test 005 alice -CHATHISTORY NICKLEN=16 :are supported by this server");
    assert_eq!(client.session.network().history, None);
    assert_eq!(client.session.network().nick_len, 16);
}

#[test]
fn a_welcome_without_end_ends_by_itself() {
    let mut client = Client::connected(|config| config.join = vec![("#dev".into(), None)]);
    client.hear(":irc.test 001 alice :Welcome");
    client.wait(Duration::from_secs(4));
    assert_eq!(*client.session.status(), Status::Connecting);
    client.wait(Duration::from_secs(2));
    assert_eq!(*client.session.status(), Status::Online);
    assert_eq!(client.sent(), ["JOIN #dev"]);
}

#[test]
fn a_server_that_asks_before_it_lets_us_in_is_answered() {
    let mut client = Client::connected(|_| {});
    client.hear("PING :1A2B3C");
    assert_eq!(client.sent(), ["PONG :1A2B3C"]);
}

#[test]
fn a_server_that_never_lets_us_in_is_given_up() {
    let mut client = Client::connected(|_| {});
    for _ in 0..30 {
        client.hear(":irc.test NOTICE * :*** Still looking up your hostname");
        client.wait(Duration::from_secs(5));
    }
    assert!(client.wants_to_close());
    client.lose("closed");
    let Status::Waiting { reason, .. } = client.session.status() else { panic!("waiting") };
    assert_eq!(&**reason, "the server did not let us in");
}

#[test]
fn rooms_are_joined_with_their_keys_first() {
    let mut client = Client::connected(|config| {
        config.join = vec![
            ("#open".into(), None),
            ("#locked".into(), Some("sesame".into())),
            ("tea".into(), None),
            ("&local".into(), Some("pepper".into())),
            ("#more".into(), None),
        ];
    });
    client.welcome("CHANTYPES=#&");
    let joins: Vec<_> = client.sent().into_iter().filter(|line| line.starts_with("JOIN")).collect();
    assert_eq!(joins, ["JOIN #locked,&local,#open,#tea sesame,pepper", "JOIN #more"]);
}

#[test]
fn who_asks_for_no_room_comes_into_the_lobby() {
    let mut client = Client::connected(|_| {});
    client.welcome("LOBBY=#lobby");
    assert_eq!(client.sent(), ["JOIN #lobby"]);
    client.hear(":alice!a@host JOIN #lobby");
    client.lose("reset");
    client.wait(Duration::from_secs(2));
    client.connect();
    client.sent();
    client.welcome("LOBBY=#lobby");
    assert_eq!(client.sent(), ["JOIN #lobby"]);
    // Who left it stays out.
    client.hear(":alice!a@host JOIN #lobby");
    client.hear(":alice!a@host PART #lobby");
    client.lose("reset");
    client.wait(Duration::from_secs(4));
    client.connect();
    client.sent();
    client.welcome("LOBBY=#lobby");
    assert!(client.sent().is_empty());

    let mut client = Client::connected(|config| config.join = vec![("#dev".into(), None)]);
    client.welcome("LOBBY=#lobby");
    assert_eq!(client.sent(), ["JOIN #dev"]);
}
