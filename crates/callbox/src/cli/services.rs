//! `--service`: names from the one table of services, with help when the name is unknown.

use std::str::FromStr;

use callbox_services::{DEFAULT_DATAGRAM, DEFAULT_STREAM, Service, TABLE, find};

/// A service that answers datagrams.
#[derive(Clone, Copy, Debug)]
pub struct DatagramServiceName(pub &'static Service);

/// A service that answers on a stream.
#[derive(Clone, Copy, Debug)]
pub struct StreamServiceName(pub &'static Service);

impl DatagramServiceName {
    /// What a datagram server does unless told otherwise.
    pub const DEFAULT: &'static str = DEFAULT_DATAGRAM;
}

impl StreamServiceName {
    /// What a stream server does unless told otherwise.
    pub const DEFAULT: &'static str = DEFAULT_STREAM;
}

impl FromStr for DatagramServiceName {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        named(name, "datagrams", |service| service.datagram.is_some()).map(Self)
    }
}

impl FromStr for StreamServiceName {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        named(name, "streams", |service| service.stream.is_some()).map(Self)
    }
}

fn named(
    name: &str,
    over: &str,
    fits: impl Fn(&Service) -> bool,
) -> Result<&'static Service, String> {
    let names: Vec<_> =
        TABLE.iter().filter(|service| fits(service)).map(|service| service.name).collect();
    let choice = names.join(", ");
    match find(name) {
        Some(service) if fits(service) => Ok(service),
        Some(_) => Err(format!("'{name}' is not a service over {over}; choose one of {choice}")),
        None => Err(format!("there is no service of this name; choose one of {choice}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_service_is_answered_with_the_known_ones() {
        let error = "uper".parse::<DatagramServiceName>().unwrap_err();
        assert!(error.contains("upper") && error.contains("echo"), "{error}");
        let error = "greeting".parse::<DatagramServiceName>().unwrap_err();
        assert!(error.contains("not a service over datagrams"), "{error}");
    }

    #[test]
    fn the_defaults_are_in_the_table() {
        assert!(DatagramServiceName::DEFAULT.parse::<DatagramServiceName>().is_ok());
        assert!(StreamServiceName::DEFAULT.parse::<StreamServiceName>().is_ok());
    }
}
