//! EXTERNAL (RFC 4422, appendix A): the TLS certificate that the client showed says who it is.
//!
//! Nobody guesses a certificate, so there is no limit on tries; an account that is being guessed at stays open to its
//! owner this way.

use std::net::IpAddr;

use callbox_hub::contract::SaslOutcome;

use super::{Desk, Trouble};
use crate::auth::account::fold_account;

/// Takes the one message there is: whom to speak for, or nothing.
pub(super) fn handle_message(
    message: &[u8],
    address: IpAddr,
    fingerprint: Option<&str>,
    desk: &Desk<'_>,
) -> Result<SaslOutcome, Trouble> {
    let (Ok(authzid), Some(fingerprint)) = (std::str::from_utf8(message), fingerprint) else {
        return Ok(SaslOutcome::Failure);
    };
    let found = desk.store.account_by_fingerprint(fingerprint).map_err(Trouble::Store)?;
    let Some(row) = found else {
        return Ok(SaslOutcome::Failure);
    };
    if !authzid.is_empty() && fold_account(authzid).as_ref() != Some(&row.key) {
        return Ok(SaslOutcome::Failure);
    }
    desk.throttle().note_owner(desk.now, address, &row.key);
    Ok(SaslOutcome::Success { account: row.name.into(), last: None })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::admin::add_fingerprint;
    use crate::auth::testing::Counter;

    const CERTIFICATE: &str = "d3adb33fd3adb33fd3adb33fd3adb33fd3adb33fd3adb33fd3adb33fd3adb33f";
    const OTHER: &str = "0000b33fd3adb33fd3adb33fd3adb33fd3adb33fd3adb33fd3adb33fd3adb33f";

    fn counter() -> Counter {
        let counter = Counter::with_account("Sally", "correct horse");
        add_fingerprint(&*counter.store, "sally", CERTIFICATE).unwrap();
        counter
    }

    fn log_in(counter: &Counter, fingerprint: Option<&str>, message: &[u8]) -> SaslOutcome {
        counter.run("EXTERNAL", fingerprint, &[message]).unwrap()
    }

    fn success() -> SaslOutcome {
        SaslOutcome::Success { account: "Sally".into(), last: None }
    }

    #[test]
    fn the_certificate_says_who_one_is() {
        assert_eq!(log_in(&counter(), Some(CERTIFICATE), b""), success());
        assert_eq!(log_in(&counter(), Some(CERTIFICATE), b"SALLY"), success());
    }

    #[test]
    fn without_a_certificate_that_an_account_has_there_is_no_way_in() {
        for (fingerprint, message) in [
            (None, b"".as_slice()),
            (None, b"sally"),
            (Some(OTHER), b""),
            (Some(OTHER), b"sally"),
            (Some(CERTIFICATE), b"bob"),
            (Some(CERTIFICATE), b"\xff"),
        ] {
            let outcome = log_in(&counter(), fingerprint, message);
            assert_eq!(outcome, SaslOutcome::Failure, "{fingerprint:?} {message:?}");
        }
    }

    #[test]
    fn it_works_while_others_guess_the_password() {
        let counter = counter();
        for _ in 0..100 {
            counter.run("PLAIN", None, &[b"\0sally\0wrong"]).unwrap();
        }
        assert_eq!(log_in(&counter, Some(CERTIFICATE), b""), success());
    }
}
