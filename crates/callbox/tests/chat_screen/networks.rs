//! Servers of others: ngIRCd and InspIRCd, as Debian has them.

use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::time::Instant;

use callbox_testkit::{EVENT_DEADLINE, Folder, Program, Running};
use socket2::{Domain, Socket, Type};

use crate::peer::Peer;
use crate::person;

/// A daemon of somebody else's.
struct Daemon {
    program: &'static str,
    args: &'static [&'static str],
    config: &'static str,
}

const NGIRCD: Daemon = Daemon {
    program: "/usr/sbin/ngircd",
    args: &["-n", "-f"],
    config: "[Global]\nName = ngircd.test\nInfo = a server\nListen = 127.0.0.1\nPorts = PORT\n\
             [Options]\nDNS = no\nIdent = no\nPAM = no\n",
};

const INSPIRCD: Daemon = Daemon {
    program: "/usr/sbin/inspircd",
    args: &["--runasroot", "--nofork", "--nolog", "--config"],
    config: "<server name=\"inspircd.test\" description=\"a server\" network=\"test\">\n\
             <admin name=\"nobody\" nick=\"nobody\" email=\"nobody@inspircd.test\">\n\
             <bind address=\"127.0.0.1\" port=\"PORT\" type=\"clients\">\n\
             <pid file=\"FOLDER/pid\">\n\
             <connect name=\"everybody\" allow=\"*\" resolvehostnames=\"no\">\n",
};

/// One at work, at an address where it starts again.
struct Network<'a> {
    daemon: &'a Daemon,
    home: &'a Folder,
    address: SocketAddr,
    /// It does not listen, and keeps the port from all who are given one while the daemon, which asks for this very one,
    /// may have it beside us.
    _taken: Socket,
    at_work: Option<Running>,
}

impl<'a> Network<'a> {
    #[track_caller]
    fn start(daemon: &'a Daemon, home: &'a Folder) -> Self {
        let taken = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
        taken.set_reuse_address(true).expect("an option");
        taken.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).expect("a port");
        let address = taken.local_addr().expect("an address").as_socket().expect("of IP");
        let config = daemon.config.replace("PORT", &address.port().to_string());
        let config = config.replace("FOLDER", &home.path().to_string_lossy());
        fs::write(home.join("config"), config).expect("a file");
        let mut network = Self { daemon, home, address, _taken: taken, at_work: None };
        network.restart();
        network
    }

    /// Ends it, if it is at work, as a crash would; and starts it again.
    #[track_caller]
    fn restart(&mut self) {
        self.at_work = None;
        let program = Program::new(self.daemon.program).args(self.daemon.args);
        self.at_work = Some(program.arg(self.home.join("config")).spawn());
        let deadline = Instant::now() + EVENT_DEADLINE;
        while TcpStream::connect(self.address).is_err() {
            assert!(Instant::now() < deadline, "{} does not listen", self.daemon.program);
            std::thread::yield_now();
        }
    }

    fn place(&self) -> String {
        format!("irc://{}/#room", self.address)
    }
}

#[track_caller]
fn talks(daemon: &Daemon) {
    let home = Folder::new("network");
    let mut network = Network::start(daemon, &home);
    let mut bob = Peer::joins(network.address, "bob", "#room");
    let place = network.place();
    let sally = person(&place, "sally", "#other");
    sally.shows("#room");
    bob.hears(":sally!");
    sally.press(&["C-o"]);
    sally.types("room");
    sally.press(&["Enter"]);
    sally.shows("People 2");
    bob.send("PRIVMSG #room :hello 你好");
    sally.shows("bob  hello 你好");
    // Longer than a line of the protocol: all of it arrives, in order.
    let long: Vec<String> = (1..=150).map(|n| format!("好{n}")).collect();
    let long = long.join(",");
    sally.says(&long);
    let mut heard = String::new();
    while heard.len() < long.len() {
        let line = bob.hears(" PRIVMSG #room :");
        assert!(line.len() <= 510, "{line}");
        heard.push_str(line.split_once(" #room :").expect("a text").1);
    }
    assert_eq!(heard, long);
    // Who has the name already keeps it.
    let other = person(&place, "sally", "#other");
    other.shows("sally_ · ");
    network.restart();
    sally.shows("offline");
    sally.says("typed meanwhile");
    let mut bob = Peer::joins(network.address, "bob", "#room");
    sally.press(&["F5"]);
    assert!(bob.hears(" PRIVMSG #room :").ends_with(":typed meanwhile"));
    bob.send("PRIVMSG #room :back again");
    sally.shows("bob  back again");
}

#[test]
fn people_talk_over_ngircd() {
    talks(&NGIRCD);
}

#[test]
fn people_talk_over_inspircd() {
    talks(&INSPIRCD);
}
