//! Addresses as typed: any text is taken or refused, and what is shown of an address is read as the same address.

#![no_main]

use callbox_exchange::split_addressed;
use callbox_net::address::{BindAddress, HostPort};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|line: &[u8]| {
    if let Ok((host, message)) = split_addressed(line) {
        assert_eq!([host.as_bytes(), b" ", message].concat(), line);
        check(host);
    }
    if let Ok(text) = str::from_utf8(line) {
        check(text);
    }
});

fn check(text: &str) {
    if let Ok(host) = text.parse::<HostPort>() {
        // Only with a port do brackets tell where a host with colons ends.
        let host = HostPort { port: host.port.or(Some(3000)), ..host };
        assert_eq!(host.to_string().parse(), Ok(host));
    }
    if let Ok(bind) = text.parse::<BindAddress>() {
        assert_eq!(bind.to_string().parse(), Ok(bind));
    }
}
