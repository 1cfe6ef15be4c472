//! The input line of `udp client --many`: `HOST[:PORT] MESSAGE`.
//!
//! The line is cut at its first space, so that `[::1]:3000 hello` needs no special case and the
//! message may hold anything, spaces and bytes that are not text included. Whether the host part
//! names a host is not decided here: that takes a resolver.

use thiserror::Error;

/// Why a line is not `HOST[:PORT] MESSAGE`. The text says what to write instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum AddressedError {
    /// The line holds nothing.
    #[error("this line is empty: write HOST[:PORT] MESSAGE")]
    Empty,
    /// The line begins with the space that should end the host.
    #[error("this line begins with a space, so it has no host: write HOST[:PORT] MESSAGE")]
    NoHost,
    /// There is no space, so no message either. An empty message is `HOST` and one space.
    #[error("this line has no message: write HOST[:PORT] MESSAGE")]
    NoMessage,
    /// The host part is not UTF-8, so that no resolver can be asked for it.
    #[error("the host on this line is not text: write HOST[:PORT] MESSAGE")]
    HostNotText,
}

/// Splits a line, without its line ending, at its first space.
///
/// Gives the host part, never empty and without spaces, and the message as it stands, which may be
/// empty.
pub fn split_addressed(line: &[u8]) -> Result<(&str, &[u8]), AddressedError> {
    if line.is_empty() {
        return Err(AddressedError::Empty);
    }
    let space = line.iter().position(|&byte| byte == b' ').ok_or(AddressedError::NoMessage)?;
    if space == 0 {
        return Err(AddressedError::NoHost);
    }
    let host = str::from_utf8(&line[..space]).map_err(|_| AddressedError::HostNotText)?;
    Ok((host, &line[space + 1..]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_line_is_cut_at_its_first_space() {
        assert_eq!(
            split_addressed(b"localhost hello there"),
            Ok(("localhost", &b"hello there"[..]))
        );
        assert_eq!(split_addressed(b"[::1]:3000 hello"), Ok(("[::1]:3000", &b"hello"[..])));
    }

    #[test]
    fn the_message_may_be_empty_or_any_bytes() {
        assert_eq!(split_addressed(b"host "), Ok(("host", &b""[..])));
        assert_eq!(split_addressed(b"host  \xff\0 "), Ok(("host", &b" \xff\0 "[..])));
    }

    #[test]
    fn a_line_without_a_host_or_a_message_is_told_what_to_write() {
        for (line, error) in [
            (&b""[..], AddressedError::Empty),
            (b" hello", AddressedError::NoHost),
            (b"host", AddressedError::NoMessage),
            (b"h\xffst hello", AddressedError::HostNotText),
        ] {
            assert_eq!(split_addressed(line), Err(error));
            assert!(error.to_string().ends_with(": write HOST[:PORT] MESSAGE"));
        }
        assert_eq!(
            AddressedError::NoMessage.to_string(),
            "this line has no message: write HOST[:PORT] MESSAGE"
        );
    }

    proptest! {
        #[test]
        fn a_line_that_is_split_can_be_put_together_again(line: Vec<u8>) {
            if let Ok((host, message)) = split_addressed(&line) {
                prop_assert!(!host.is_empty() && !host.contains(' '));
                prop_assert_eq!([host.as_bytes(), b" ", message].concat(), line);
            }
        }

        #[test]
        fn any_host_and_any_message_come_out_as_they_went_in(
            host in "[^ ]{1,20}",
            message: Vec<u8>,
        ) {
            let line = [host.as_bytes(), b" ", &message].concat();
            prop_assert_eq!(split_addressed(&line), Ok((host.as_str(), message.as_slice())));
        }
    }
}
