//! The filters: what comes out does not depend on how it was cut, and is never longer than the contract says.

#![no_main]

use callbox_netcat::filter::{Crlf, Telnet};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u8, &[u8])| {
    let (size, bytes) = input;
    let run = |size: usize| {
        let (mut crlf, mut telnet) = (Crlf::default(), Telnet::default());
        let (mut lines, mut text, mut reply) = (Vec::new(), Vec::new(), Vec::new());
        for piece in bytes.chunks(size.max(1)) {
            crlf.handle(piece, &mut lines);
            telnet.handle(piece, &mut text, &mut reply);
        }
        (lines, text, reply)
    };
    let whole = run(bytes.len());
    assert_eq!(run(size.into()), whole);
    let (lines, text, reply) = whole;
    assert!(lines.len() <= 2 * bytes.len());
    assert!(text.len() <= bytes.len() && reply.len() <= bytes.len());
});
