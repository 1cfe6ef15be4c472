//! The load on UDP servers, against servers of the test on loopback.

use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::thread;

use callbox_load::udp::{Calls, UdpLoad};
use callbox_load::{Control, Plan};
use callbox_measure::SECOND;
use callbox_measure::payload::{Check, Payload};
use callbox_measure::plan::{Shape, Stretch};
use callbox_measure::report::Ended;

/// A server that sends back what it is sent, and ends with the test program.
fn echo_server() -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    thread::spawn(move || {
        let mut buffer = [0; 65_536];
        while let Ok((length, peer)) = socket.recv_from(&mut buffer) {
            let _ = socket.send_to(&buffer[..length], peer);
        }
    });
    address
}

#[test]
fn every_reply_of_an_echo_server_is_right_and_counted() {
    let payload = Payload::datagrams(1, "64".parse().unwrap(), Check::Echo).unwrap();
    let load = UdpLoad {
        address: echo_server(),
        payload: Arc::new(payload),
        plan: Plan {
            shape: Shape::Closed { connections: 3, window: 4 },
            stretch: Stretch { warmup: SECOND / 50, duration: SECOND / 10 },
            lost_after: 60 * SECOND,
            threads: 2,
            seed: 0,
            buffers: None,
        },
        calls: Calls::default(),
    };
    let outcome = load.run(&Control::new()).unwrap();
    let counts = outcome.step.counts;
    assert_eq!((outcome.ended, outcome.error.is_none()), (Ended::Complete, true));
    assert!(counts.requests > 0, "{counts:?}");
    assert_eq!(counts.requests, counts.replies, "{counts:?}");
    assert_eq!((counts.faults(), counts.lost.total()), (0, 0));
    assert_eq!(outcome.step.latency.count(), counts.replies);
    assert_eq!(counts.bytes_sent, 64 * counts.requests);
    assert_eq!(counts.bytes_received, 64 * counts.replies);
}
