//! `--once`: the exit status tells whether the server has what was said.

use std::net::{SocketAddr, TcpListener};

use callbox_testkit::{Finished, Folder};
use socket2::{Domain, Socket, Type};

use crate::client;
use crate::peer::{Manners, own_server};

fn once(address: SocketAddr, args: &[&str]) -> Finished {
    let home = Folder::new("receipts");
    let once = client(&home, format!("irc://{address}")).args(["--name", "ci", "--join", "#dev"]);
    once.args(["--once", "-q"]).args(args).run_with_input("build 41 passed\n")
}

#[test]
fn a_server_without_echoes_acknowledges_by_its_pong() {
    let finished = once(own_server(Manners::Old), &[]);
    finished.expect_code(0).stdout_is("").stderr_is("");
}

#[test]
fn silence_is_no_receipt() {
    let finished = once(own_server(Manners::Silent), &["--receipt-timeout", "0.3s"]);
    finished.expect_code(1).stdout_is("").stderr_contains("no receipt came");
}

#[test]
fn a_server_that_closes_instead_gives_no_receipt() {
    let finished = once(own_server(Manners::Hangup), &["--receipt-timeout", "0.3s"]);
    finished.expect_code(1).stdout_is("");
    finished.expect(!finished.stderr.is_empty(), || "a reason".to_owned());
}

#[test]
fn where_nobody_listens_that_is_said() {
    // A socket that does not listen keeps its port from others.
    let taken = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    taken.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).expect("a port");
    let address = taken.local_addr().expect("an address").as_socket().expect("an IP address");
    let finished = once(address, &[]);
    finished.expect_code(1).stdout_is("");
    finished.stderr_is(&format!(
        "callbox: cannot connect to {address}: nobody listens on this port (connection refused)\n"
    ));
}

#[test]
fn a_server_that_never_lets_anybody_in_is_not_waited_for_without_end() {
    // The kernel accepts, and nobody says anything.
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let finished = once(address, &["--receipt-timeout", "0.3s"]);
    finished.expect_code(1).stdout_is("").stderr_contains("no receipt came");
}

#[test]
fn nothing_to_say_is_nothing_to_fail() {
    let home = Folder::new("receipts");
    let address = own_server(Manners::Old);
    let once = client(&home, format!("irc://{address}")).args(["--name", "ci", "--once", "-q"]);
    once.run_with_input("\n\n").expect_code(0).stdout_is("").stderr_is("");
}

#[test]
fn who_speaks_to_us_alone_is_not_told_what_was_meant_for_a_room() {
    let home = Folder::new("receipts");
    let address = own_server(Manners::Serviced);
    // Within the time it has to come in and hear the service; a machine may stand still for a shorter one.
    let mut heard = ["0.3s", "10s"].into_iter().map(|time| {
        let once = client(&home, format!("irc://{address}")).args(["--name", "ci"]);
        let once = once.args(["--once", "-q", "--receipt-timeout", time]);
        let finished = once.run_with_input("hello\n");
        finished.expect_code(1);
        let is_told = "there is no room to say it in; name one with --join";
        (finished.stdout_text().into_owned(), finished.stderr_text().contains(is_told))
    });
    assert!(heard.any(|heard| heard == ("Serv -Serv- Who are you?\n".to_owned(), true)));
}

#[test]
fn a_password_that_is_not_sent_is_spoken_of() {
    let home = Folder::new("receipts");
    let address = own_server(Manners::Old);
    let once = client(&home, format!("irc://{address}")).args(["--name", "ci", "--join", "#dev"]);
    let once = once.args(["--once", "--password-env", "SECRET"]).env("SECRET", "s3cret");
    let finished = once.run_with_input("hello\n");
    finished.expect_code(0).stderr_contains("Not logged in: ");
}
