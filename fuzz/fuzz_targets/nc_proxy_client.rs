//! What proxies answer: any bytes are taken, however they are cut, and what is shown of them drives no terminal.

#![no_main]

use callbox_netcat::proxy::client::{Handshake, Proxy, Step};
use callbox_netcat::proxy::{Credentials, Host, Kind, Target};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u8, bool, u8, &[u8])| {
    let (kind, has_credentials, size, said) = input;
    let proxy = Proxy {
        kind: [Kind::Http, Kind::Socks4, Kind::Socks5][usize::from(kind % 3)],
        name: "proxy:1".to_owned(),
        credentials: has_credentials.then(|| Credentials::parse("joe:secret")),
    };
    let target = Target { host: Host::typed("host.example"), port: 80 };
    let run = |size: usize| {
        let mut handshake = Handshake::new(&proxy, &target, [7; 16]).unwrap();
        let mut output = Vec::new();
        let mut rest = said;
        let mut step = Step::More;
        while step == Step::More && !rest.is_empty() {
            let (mut piece, _) = rest.split_at(rest.len().min(size));
            let length = piece.len();
            step = handshake.handle(&mut piece);
            if step == Step::Again {
                // What went over the first connection depends on how far it got.
                output.clear();
            }
            handshake.poll_output(&mut output);
            assert!(step != Step::More || piece.is_empty());
            rest = &rest[length - piece.len()..];
        }
        (step, rest.len(), output)
    };
    match (run(usize::MAX), run(usize::from(size).max(1))) {
        ((Step::Failed(error), ..), (Step::Failed(_), ..)) => {
            assert!(!error.to_string().contains(char::is_control));
        }
        (whole, cut) => assert_eq!(whole, cut),
    }
});
