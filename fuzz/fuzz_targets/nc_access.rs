//! Access lists: any option and any file becomes a table or a list of mistakes that can be shown; what a host that is one
//! IPv4 address stands for is that address.

#![no_main]

use std::net::Ipv4Addr;

use callbox_netcat::access::{HostList, MISTAKES_MAX};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (&str, &[u8], [u8; 4])| {
    let (option, file, octets) = input;
    let address = Ipv4Addr::from(octets);
    let mut list = HostList::default();
    list.add_list("--allow", option);
    list.add_file("file", file);
    list.add_list("--allow", &address.to_string());
    list.resolve(|_| Ok(vec![[192, 0, 2, 1].into(), "2001:db8::1".parse().unwrap()]));
    match list.finish() {
        Ok(hosts) => assert!(hosts.contains(address.into()) && !hosts.is_empty()),
        Err(mistakes) => {
            assert!((1..=MISTAKES_MAX).contains(&mistakes.listed.len()));
            for mistake in mistakes.listed {
                assert!(!mistake.to_string().contains(char::is_control));
            }
        }
    }
});
