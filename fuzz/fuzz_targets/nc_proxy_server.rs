//! What clients and origins say to the HTTP proxy: any bytes are taken, however they are cut, and what is passed on is
//! never much longer than what came.

#![no_main]

use std::time::Instant;

use callbox_netcat::proxy::server::{Flow, Gate, Reader, Reading};
use libfuzzer_sys::fuzz_target;

/// More than the header lines that are added to a head, and than every refusal.
const ADDED: usize = 1024;

fuzz_target!(|input: (u8, &[u8], &[u8])| {
    let (size, asked, said) = input;
    let now = Instant::now();
    let gate = Gate::new(None, [9; 32], now);
    let run = |size: usize| {
        let mut reader = Reader::default();
        let (mut to_client, mut to_origin) = (Vec::new(), Vec::new());
        let mut rest = asked;
        let mut reading = Reading::More;
        while matches!(reading, Reading::More) && !rest.is_empty() {
            let mut piece = &rest[..rest.len().min(size)];
            let length = piece.len();
            reading = reader.handle(&mut piece, &gate, now);
            rest = &rest[length - piece.len()..];
        }
        match reading {
            Reading::More => {}
            Reading::Refuse(refusal) => to_client = refusal.reply(),
            Reading::Connect(request) => {
                if let Some(mut exchange) = request.connected(&mut to_client, &mut to_origin) {
                    let mut flow = Flow::Open;
                    for piece in rest.chunks(size) {
                        if flow == Flow::Open {
                            flow = exchange.handle_client(piece, &mut to_origin, &mut to_client);
                        }
                    }
                    for piece in said.chunks(size) {
                        if flow == Flow::Open {
                            flow = exchange.handle_origin(piece, &mut to_client);
                        }
                    }
                    if flow == Flow::Open {
                        exchange.handle_origin_end(&mut to_client);
                    }
                }
            }
        }
        assert!(to_origin.len() <= asked.len() + ADDED);
        // A header line may grow by the space behind its colon and its CR.
        assert!(to_client.len() <= 2 * said.len() + ADDED);
        (rest.len(), to_client, to_origin)
    };
    assert_eq!(run(usize::MAX), run(usize::from(size).max(1)));
});
