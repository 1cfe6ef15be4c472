//! PLAIN (RFC 4616): a name and a password, in clear. Whether the line is safe enough for that is the hub's to say.

use std::net::IpAddr;

use callbox_hub::contract::SaslOutcome;

use super::{Desk, Trouble, claimed};
use crate::auth::password;

/// Takes the one message there is: whom to speak for (or nothing), NUL, name, NUL, password.
pub(super) fn handle_message(
    message: &[u8],
    address: IpAddr,
    desk: &Desk<'_>,
) -> Result<SaslOutcome, Trouble> {
    // Each of these fails without work, whether there is such an account or not, so time tells nothing.
    let Some((authzid, username, password)) = parse(message) else {
        return Ok(SaslOutcome::Failure);
    };
    let (Some(key), Some(prepared)) = (claimed(username, authzid), password::prepare(password))
    else {
        return Ok(SaslOutcome::Failure);
    };
    let row = desk.account(&key)?;
    let Some(begun) = desk.begin_try(address, &key) else {
        return Ok(SaslOutcome::Slowed);
    };
    let Some(row) = row else {
        password::verify_nothing(&prepared, desk.settings.hashing).map_err(Trouble::Hash)?;
        return Ok(SaslOutcome::Failure);
    };
    if !password::verify(&prepared, &row.password).map_err(Trouble::Hash)? {
        return Ok(SaslOutcome::Failure);
    }
    desk.succeed(begun);
    Ok(SaslOutcome::Success { account: row.name.into(), last: None })
}

fn parse(message: &[u8]) -> Option<(&str, &str, &str)> {
    let mut parts = std::str::from_utf8(message).ok()?.split('\0');
    let (authzid, username, password) = (parts.next()?, parts.next()?, parts.next()?);
    parts.next().is_none().then_some((authzid, username, password))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::testing::Counter;

    fn log_in(counter: &Counter, message: &[u8]) -> SaslOutcome {
        counter.run("PLAIN", None, &[message]).unwrap()
    }

    fn success() -> SaslOutcome {
        SaslOutcome::Success { account: "Sally".into(), last: None }
    }

    #[test]
    fn a_name_and_a_password_are_enough() {
        let counter = Counter::with_account("Sally", "correct horse");
        assert_eq!(log_in(&counter, b"\0Sally\0correct horse"), success());
    }

    #[test]
    fn a_name_is_folded_and_the_account_is_shown_as_it_was_registered() {
        let counter = Counter::with_account("Sally", "correct horse");
        assert_eq!(log_in(&counter, b"\0SALLY\0correct horse"), success());
    }

    #[test]
    fn one_may_speak_for_oneself_and_for_nobody_else() {
        let counter = Counter::with_account("Sally", "correct horse");
        assert_eq!(log_in(&counter, b"sally\0Sally\0correct horse"), success());
        assert_eq!(log_in(&counter, b"bob\0Sally\0correct horse"), SaslOutcome::Failure);
    }

    #[test]
    fn what_is_no_message_of_plain_fails() {
        let counter = Counter::with_account("Sally", "correct horse");
        let too_long = [b"\0Sally\0".as_slice(), &[b'x'; 3_000]].concat();
        let messages: [&[u8]; 10] = [
            b"",
            b"Sally",
            b"\0Sally",
            b"Sally\0correct horse",
            b"\0Sally\0correct horse\0",
            b"\0Sally\0correct\0horse",
            b"\0\0correct horse",
            b"\0Sally\0",
            b"\0Sally\0\xff\xfe",
            &too_long,
        ];
        for message in messages {
            assert_eq!(log_in(&counter, message), SaslOutcome::Failure, "{message:?}");
        }
    }

    #[test]
    fn a_wrong_password_and_an_unknown_account_fail_alike() {
        let counter = Counter::with_account("Sally", "correct horse");
        assert_eq!(log_in(&counter, b"\0Sally\0correct house"), SaslOutcome::Failure);
        assert_eq!(log_in(&counter, b"\0bob\0correct horse"), SaslOutcome::Failure);
    }

    #[test]
    fn after_ten_wrong_passwords_even_the_right_one_is_not_looked_at() {
        let counter = Counter::with_account("Sally", "correct horse");
        for _ in 0..10 {
            assert_eq!(log_in(&counter, b"\0Sally\0wrong"), SaslOutcome::Failure);
        }
        assert_eq!(log_in(&counter, b"\0Sally\0correct horse"), SaslOutcome::Slowed);
        assert_eq!(log_in(&counter, b"\0bob\0wrong"), SaslOutcome::Failure, "others are");
    }

    #[test]
    fn a_store_that_fails_is_no_verdict_on_the_client() {
        let counter = Counter::with_account("Sally", "correct horse");
        assert!(matches!(
            counter.run("PLAIN", None, &[b"\0broken\0correct horse"]),
            Err(Trouble::Store(_))
        ));
    }
}
