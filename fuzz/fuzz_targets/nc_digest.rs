//! Challenges and answers as HTTP writes them: any header's value is taken on both sides, and nobody gets through with one.

#![no_main]

use std::time::Instant;

use callbox_netcat::proxy::client::{Handshake, Proxy, Step};
use callbox_netcat::proxy::server::{Gate, Reader, Reading};
use callbox_netcat::proxy::{Credentials, Host, Kind, Target};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|value: &[u8]| {
    let credentials = Credentials::parse("joe:a password that the fuzzer does not find");
    let target = Target { host: Host::typed("host.example"), port: 80 };
    let proxy = Proxy {
        kind: Kind::Http,
        name: "proxy:1".to_owned(),
        credentials: Some(credentials.clone()),
    };
    let mut handshake = Handshake::new(&proxy, &target, [7; 16]).unwrap();
    handshake.poll_output(&mut Vec::new());
    let said = [b"HTTP/1.1 407 x\r\nProxy-Authenticate: ", value, b"\r\n\r\n"].concat();
    match handshake.handle(&mut &said[..]) {
        Step::Done => assert!(value.windows(2).any(|word| word == b"\n2" || word == b"\nH")),
        Step::More | Step::Again => {
            let mut output = Vec::new();
            handshake.poll_output(&mut output);
            // What the proxy sent cannot begin a line of ours.
            assert!(output.iter().filter(|&&byte| byte == b'\n').count() <= 4);
        }
        Step::Failed(error) => assert!(!error.to_string().contains(char::is_control)),
    }

    let now = Instant::now();
    let gate = Gate::new(Some(credentials), [9; 32], now);
    let asked = [b"CONNECT h:80 HTTP/1.1\r\nProxy-Authorization: ", value, b"\r\n\r\n"].concat();
    let reading = Reader::default().handle(&mut &asked[..], &gate, now);
    assert!(!matches!(reading, Reading::Connect(_)));
});
