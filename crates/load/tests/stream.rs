//! Loads on servers of streams, over loopback.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::thread;

use callbox_load::stream::{StreamLoad, Target};
use callbox_load::{Control, Plan};
use callbox_measure::payload::{Check, Payload};
use callbox_measure::plan::{Shape, Stretch};
use callbox_measure::replies::Framing;
use callbox_measure::report::Ended;

const MILLISECOND: u64 = 1_000_000;

/// A server that echoes, with a thread for each connection; they end with the test.
fn echo() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            thread::spawn(move || {
                let mut buffer = [0; 4096];
                while let Ok(length @ 1..) = stream.read(&mut buffer) {
                    if stream.write_all(&buffer[..length]).is_err() {
                        break;
                    }
                }
            });
        }
    });
    address
}

#[test]
fn every_request_has_its_reply() {
    for connect_each in [false, true] {
        let load = StreamLoad {
            target: Target::Tcp(vec![echo()]),
            payload: Payload::stream(1, "64".parse().unwrap(), Check::Echo).into(),
            framing: Framing::Line,
            connect_each,
            plan: Plan {
                shape: Shape::Closed { connections: 2, window: 4 },
                stretch: Stretch { warmup: MILLISECOND, duration: 50 * MILLISECOND },
                lost_after: 1000 * MILLISECOND,
                threads: 1,
                seed: 1,
                buffers: None,
            },
        };
        let outcome = load.run(&Control::new()).unwrap();
        let counts = outcome.step.counts;
        assert_eq!((outcome.ended, counts.faults()), (Ended::Complete, 0));
        assert!(counts.requests > 0);
        assert_eq!(counts.requests, counts.replies);
    }
}
