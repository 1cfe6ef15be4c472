//! Whole conversations with servers of other makes, in their ways: as ngIRCd 26.1 and InspIRCd 3 were recorded.

use callbox_irc::capability::CapSet;
use callbox_session::contract::{Event, Status};
use callbox_session::network::CaseMapping;

use crate::client::Client;

#[test]
fn ngircd() {
    let mut client = Client::connected(|config| config.join = vec![("#room".into(), None)]);
    client.hear(":irc.ng.test CAP * LS :multi-prefix");
    assert_eq!(client.sent(), ["CAP REQ :multi-prefix"]);
    client.hear(":irc.ng.test CAP alice ACK :multi-prefix");
    assert_eq!(client.sent(), ["CAP END"]);
    client.hear_all(
        ":irc.ng.test 001 alice :Welcome to the Internet Relay Network alice!~callbox@127.0.0.1
        :irc.ng.test 002 alice :Your host is irc.ng.test, running version ngircd-26.1 (x86_64/pc/linux-gnu)
        :irc.ng.test 003 alice :This server has been started Sun Nov 22 2026 at 21:05:50 (UTC)
        :irc.ng.test 004 alice irc.ng.test ngircd-26.1 abBcCFiIoqrRswx abehiIklmMnoOPqQrRstvVz
        :irc.ng.test 005 alice RFC2812 IRCD=ngIRCd CHARSET=UTF-8 CASEMAPPING=ascii PREFIX=(qaohv)~&@%+ CHANTYPES=#&+ CHANMODES=beI,k,l,imMnOPQRstVz CHANLIMIT=#&+:10 :are supported on this server
        :irc.ng.test 005 alice CHANNELLEN=50 NICKLEN=9 TOPICLEN=490 AWAYLEN=127 KICKLEN=400 MODES=5 MAXLIST=beI:50 EXCEPTS=e INVEX=I PENALTY FNC :are supported on this server
        :irc.ng.test 251 alice :There are 1 users and 0 services on 1 servers
        :irc.ng.test 254 alice 1 :channels formed
        :irc.ng.test 265 alice 1 1 :Current local users: 1, Max: 1
        :irc.ng.test 375 alice :- irc.ng.test message of the day
        :irc.ng.test 372 alice :- Hello there
        :irc.ng.test 376 alice :End of MOTD command",
    );
    assert_eq!(*client.session.status(), Status::Online);
    assert_eq!(client.sent(), ["JOIN #room"]);
    assert_eq!(
        client.lines("*")[3..],
        [
            "info: There are 1 users and 0 services on 1 servers",
            "info: 1 channels formed",
            "info: Current local users: 1, Max: 1",
            "info: - irc.ng.test message of the day",
            "info: - Hello there",
        ]
    );
    client.hear_all(
        ":alice!~callbox@127.0.0.1 JOIN :#room
        :irc.ng.test 353 alice = #room :alice ~@bob +carol
        :irc.ng.test 366 alice #room :End of NAMES list",
    );
    assert_eq!(client.people("#room"), ["alice", "~@bob", "+carol"]);
    assert_eq!(client.sent(), ["WHO #room"]);
    client.hear_all(
        ":irc.ng.test 352 alice #room ~callbox 127.0.0.1 irc.ng.test alice H :0 alice
        :irc.ng.test 352 alice #room ~b 127.0.0.1 irc.ng.test bob G@ :0 Bob
        :irc.ng.test 315 alice #room :End of WHO list",
    );
    assert!(client.session.person("bob").is_some_and(|bob| bob.away.is_some()));
    // Neither echoes nor labels: the answer to a PING behind the line says that it was taken.
    client.types("#room", "hello there");
    let sent = client.sent();
    assert_eq!(sent[0], "PRIVMSG #room :hello there");
    client.hear(&sent[1].replace("PING ", ":irc.ng.test PONG irc.ng.test "));
    assert_eq!(client.last("#room"), "<alice> hello there");
    assert!(client.events.iter().any(|event| matches!(event, Event::Receipt { .. })));
    client.hear_all(
        ":bob!~b@127.0.0.1 PRIVMSG #room :hello, alice
        :bob!~b@127.0.0.1 MODE #room +v alice
        :alice!~callbox@127.0.0.1 NICK :alicia
        :irc.ng.test 306 alicia :You have been marked as being away",
    );
    assert_eq!(client.people("#room"), ["+alicia", "~@bob", "+carol"]);
    assert_eq!(client.room("#room").unread.mentions, 1);
}

#[test]
fn inspircd() {
    let mut client = Client::connected(|config| config.join = vec![("#room".into(), None)]);
    client.hear(
        ":irc.insp.test CAP * LS :account-notify account-tag away-notify batch cap-notify chghost \
         echo-message extended-join inspircd.org/poison inspircd.org/standard-replies invite-notify \
         labeled-response message-tags multi-prefix server-time setname userhost-in-names",
    );
    let caps = "account-notify account-tag away-notify batch cap-notify chghost echo-message \
                extended-join invite-notify labeled-response message-tags multi-prefix server-time \
                setname userhost-in-names";
    assert_eq!(client.sent(), [format!("CAP REQ :{caps}")]);
    client.hear(&format!("@time=2026-01-01T00:00:00.734Z :irc.insp.test CAP alice ACK :{caps}"));
    assert_eq!(client.sent(), ["CAP END"]);
    client.hear_all(
        "@time=2026-01-01T00:00:00.737Z :irc.insp.test 001 alice :Welcome to the InspTest IRC Network alice!callbox@127.0.0.1
        @time=2026-01-01T00:00:00.737Z :irc.insp.test 004 alice irc.insp.test InspIRCd-3 BRiorsw HMRbiklmnoprstv :Hbklov
        @time=2026-01-01T00:00:00.737Z :irc.insp.test 005 alice AWAYLEN=200 BOT=B CASEMAPPING=rfc1459 CHANLIMIT=#:20 CHANMODES=b,k,Hl,MRimnprst CHANNELLEN=64 CHANTYPES=# ELIST=CMNTU EXTBAN=,RU HOSTLEN=64 KEYLEN=32 KICKLEN=255 :are supported by this server
        @time=2026-01-01T00:00:00.737Z :irc.insp.test 005 alice LINELEN=512 MAXLIST=b:100 MAXTARGETS=20 MODES=20 NAMELEN=128 NAMESX NETWORK=InspTest NICKLEN=30 PREFIX=(ov)@+ SAFELIST STATUSMSG=@+ TOPICLEN=307 UHNAMES :are supported by this server
        @time=2026-01-01T00:00:00.737Z :irc.insp.test 005 alice USERLEN=10 USERMODES=,,s,BRiorw WHOX :are supported by this server
        @time=2026-01-01T00:00:00.737Z :irc.insp.test 422 alice :Message of the day file is missing.",
    );
    assert_eq!(client.session.network().casemapping, CaseMapping::Rfc1459);
    assert_eq!(&*client.room("*").name, "InspTest");
    assert!(client.session.network().caps.contains(CapSet::LABELED_RESPONSE));
    client.sent();
    client.hear_all(
        "@time=2026-01-01T00:00:00.738Z :alice!callbox@127.0.0.1 JOIN #room * :alice
        @time=2026-01-01T00:00:00.738Z :irc.insp.test 353 alice = #room :@bob!callbox@127.0.0.1 alice!callbox@127.0.0.1
        @time=2026-01-01T00:00:00.738Z :irc.insp.test 366 alice #room :End of /NAMES list.",
    );
    assert_eq!(client.people("#room"), ["alice", "@bob"]);
    assert_eq!(client.sent(), ["WHO #room %tuhnfa,703"]);
    client.hear_all(
        ":irc.insp.test 354 alice 703 callbox 127.0.0.1 bob G@B :bobby
        :irc.insp.test 354 alice 703 callbox 127.0.0.1 alice H :0
        :irc.insp.test 315 alice #room :End of /WHO list.",
    );
    let bob = client.session.person("bob").expect("bob");
    assert_eq!((bob.account.as_deref(), bob.bot, bob.away.is_some()), (Some("bobby"), true, true));
    client.types("#room", "/me waves");
    let label = client.sent().remove(0);
    let (label, rest) = label.split_once(' ').expect("a label");
    assert_eq!(rest, "PRIVMSG #room :\u{1}ACTION waves\u{1}");
    let label = label.trim_start_matches('@');
    client.hear(&format!(
        "@time=2026-01-01T00:00:02.735Z;msgid=220~1795381998~1;{label};inspircd.org/echo \
         :alice!callbox@127.0.0.1 {rest}"
    ));
    assert_eq!(client.last("#room"), "* alice waves");
    assert!(client.events.iter().any(|event| matches!(event, Event::Receipt { .. })));
    client.hear("@account=bobby;msgid=220~1795381998~2 :bob!callbox@127.0.0.1 PRIVMSG #room :hi");
    client.hear(":bob!callbox@127.0.0.1 AWAY");
    assert!(client.session.person("bob").is_some_and(|bob| bob.away.is_none()));
    assert_eq!(client.last("#room"), "<bob> hi");
}
