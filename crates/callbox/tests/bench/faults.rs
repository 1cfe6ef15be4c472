//! Servers that are not there, or answer wrongly, and files that cannot be written.

use std::fs;
use std::net::{SocketAddr, UdpSocket};

use callbox_testkit::Folder;
use socket2::{Domain, Socket, Type};

use crate::{bench, bench_losing, callbox, report, server};

/// Addresses at which nobody listens, UDP and TCP, and what keeps their ports from others.
fn nobody() -> ((UdpSocket, SocketAddr), (Socket, SocketAddr)) {
    let udp = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    let at = udp.local_addr().expect("its address");
    // It takes datagrams from itself alone.
    udp.connect(at).expect("a destination");
    let tcp = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    tcp.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).expect("an address");
    let address = tcp.local_addr().expect("its address").as_socket().expect("an IP address");
    ((udp, at), (tcp, address))
}

#[test]
fn where_nobody_listens_it_is_told_at_once_and_no_report_is_written() {
    let ((_udp, udp), (_tcp, tcp)) = nobody();
    let folder = Folder::new("faults");
    let json = folder.join("report.json");
    fs::write(&json, "an older one").expect("a file");
    // Who says what the server answers has it asked nothing before.
    let said: &[&str] = &["--check", "upper", "--warmup", "0"];
    let cases = [("udp", udp, &[][..]), ("udp", udp, said), ("tcp", tcp, &[]), ("chat", tcp, &[])];
    for (kind, address, rest) in cases {
        let words = ["bench", kind, &address.to_string(), "--duration", "1h", "--json"];
        let finished = callbox(&words).arg(&json).args(rest).run();
        finished.expect_code(1).stdout_is("");
        finished.stderr_contains(&format!("callbox: cannot connect to {address}: nobody listens"));
        assert_eq!(fs::read(&json).expect("the file"), b"an older one");
    }
    let words = ["bench", "unix", "--duration", "1h"];
    callbox(&words).arg(folder.join("none")).run().expect_code(2).stderr_contains("no such file");
    assert_eq!(fs::read_dir(folder.path()).expect("the folder").count(), 1);
}

#[test]
fn a_server_that_says_nothing_is_told_of_with_a_way_on() {
    let address = crate::silent();
    let words = ["bench", "udp", &address.to_string(), "--duration", "1h"];
    let finished = callbox(&words).run();
    finished.expect_code(1).stderr_contains("--check none measures without asking");
}

#[test]
fn wrong_replies_are_an_error_with_what_to_do() {
    let (_server, address) = server(&["udp", "server", "-s", "echo"]);
    let folder = Folder::new("faults");
    let json = folder.join("report.json");
    // An open loop sends what it is to send, whatever becomes of the time.
    let open = ["--rate", "500", "--check"];
    let finished = bench("udp", address).args(open).args(["upper", "--json"]).arg(&json).run();
    finished.expect_code(1).stdout_contains("  wrong ");
    finished.stderr_contains(&format!("callbox: {address}: "));
    finished.stderr_contains(
        "wrong replies; the server gives requests back unchanged: give --check echo",
    );
    assert!(report(&json).steps[0].counts.faults() > 0);

    let (_server, address) = server(&["tcp", "server", "-s", "upper"]);
    let finished = bench("tcp", address).args(open).arg("echo").run();
    finished.expect_code(1).stderr_contains("the server answers in capitals: give --check upper");
}

#[test]
fn loss_alone_is_no_error() {
    let address = crate::silent();
    let open = ["--rate", "500", "--check", "echo"];
    let finished = bench_losing("udp", address, "10ms").args(open).run();
    finished.expect_code(0).stdout_contains("  100 %: ");
}

#[test]
fn a_file_that_cannot_be_written_is_told_of_before_anything_is_sent() {
    let (send, requests) = std::sync::mpsc::channel();
    let address = crate::echo(move || _ = send.send(()));
    let folder = Folder::new("faults");
    for option in ["--json", "--html"] {
        let finished = bench("udp", address).arg(option).arg(folder.join("none/report")).run();
        finished.expect_code(2).stdout_is("").stderr_contains("callbox: cannot write ");
        finished.stderr_contains("none/report: No such file or directory");
        bench("udp", address).arg(option).arg(folder.path()).run().expect_code(2);
    }
    let file = folder.join("report");
    let both = bench("udp", address).arg("--json").arg(&file).arg("--html").arg(&file).run();
    both.expect_code(2).stderr_contains("the same file");
    assert!(requests.try_recv().is_err(), "a request was sent");
    assert!(!file.exists());
}

#[test]
fn a_full_device_is_told_of_after_the_table() {
    let (_server, address) = server(&["udp", "server"]);
    let finished = bench("udp", address).args(["--json", "/dev/full"]).run();
    finished.expect_code(2).stdout_contains("  requests ");
    finished.stderr_contains("cannot write /dev/full: No space left on device");
}
