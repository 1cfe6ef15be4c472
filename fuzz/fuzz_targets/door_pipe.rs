//! One connection's bytes, of any protocol or none: however they are cut into reads, the same comes of them.

#![no_main]

use std::sync::Arc;
use std::time::Duration;

use callbox_chat::door::{Context, Incoming, Limits, Pipe, TlsUse, WebSettings};
use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;

#[derive(Arbitrary, Debug)]
enum Begin {
    Nothing,
    Nick,
    Get,
    WebSocket,
}

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    begin: Begin,
    tls: u8,
    cuts: Vec<u8>,
    bytes: &'a [u8],
}

const NOW: Duration = Duration::from_secs(1000);

/// What came of the reads: the lines and events as text, and what was sent.
fn run<'a>(tls: TlsUse, pieces: impl Iterator<Item = &'a [u8]>) -> (Vec<String>, Vec<u8>) {
    let context =
        Context::new(Limits::default(), None, WebSettings::default(), Arc::new(String::new));
    let context = Arc::new(context);
    let address = "127.0.0.1:4000".parse().expect("an address");
    let mut pipe = Pipe::new(&context, address, tls, NOW);
    let (mut events, mut wire) = (Vec::new(), Vec::new());
    for mut piece in pieces {
        while let Some(incoming) = pipe.next(&mut piece, NOW) {
            if let Incoming::Line(line) = &incoming {
                assert!(!line.is_empty() && !line.contains(&b'\n'));
            }
            events.push(format!("{incoming:?}"));
        }
        assert!(piece.is_empty());
        pipe.take_output(&mut wire);
    }
    pipe.encode(b":s PRIVMSG #x :hello\r\n", &mut wire);
    pipe.close(&mut wire);
    assert_eq!(context.handshakes(), 0);
    (events, wire)
}

fuzz_target!(|input: Input<'_>| {
    let begin: &[u8] = match input.begin {
        Begin::Nothing => b"",
        Begin::Nick => b"NICK x\r\n",
        Begin::Get => b"GET / HTTP/1.1\r\n",
        Begin::WebSocket => {
            b"GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
            Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        }
    };
    let tls = [TlsUse::Optional, TlsUse::Required, TlsUse::Off][usize::from(input.tls % 3)];
    let stream = [begin, input.bytes].concat();
    let whole = run(tls, std::iter::once(&stream[..]));
    let mut rest = &stream[..];
    let mut sizes =
        input.cuts.iter().map(|&size| usize::from(size) + 1).chain(std::iter::repeat(7));
    let pieces = std::iter::from_fn(|| {
        let size = sizes.next()?.min(rest.len());
        rest.split_off(..size).filter(|piece| !piece.is_empty())
    });
    assert_eq!(run(tls, pieces), whole);
});
