use super::*;
use crate::auth::testing::{Counter, ScramClient};
use callbox_hub::contract::SaslOutcome;
use proptest::prelude::*;

/// The example of RFC 7677, section 3.
mod example {
    pub(super) const CLIENT_FIRST: &[u8] = b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO";
    pub(super) const SERVER_NONCE: &str = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
    pub(super) const SALT: &str = "W22ZaJ0SNY7soEsUEjb6gQ==";
    pub(super) const SERVER_FIRST: &str = "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
        s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
    pub(super) const CLIENT_FINAL: &str = "c=biws,\
        r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
        p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
    pub(super) const SERVER_FINAL: &str = "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";
}

fn offer() -> Offer {
    let salt = STANDARD.decode(example::SALT).unwrap();
    let keys = derive_keys("pencil", &salt, 4_096);
    ClientFirst::parse(example::CLIENT_FIRST).unwrap().offer(example::SERVER_NONCE, keys)
}

fn success() -> SaslOutcome {
    SaslOutcome::Success { account: "Sally".into(), last: None }
}

/// Runs an exchange; the server's last message is checked and left out.
fn log_in(counter: &Counter, username: &str, password: &str) -> SaslOutcome {
    let client = ScramClient::new(username, password);
    let (challenge, exchange) = counter.step(counter.begin("SCRAM-SHA-256"), client.first());
    let SaslOutcome::Challenge(challenge) = challenge else {
        return challenge;
    };
    let (answer, verifier) = client.last(&challenge);
    let (outcome, ended) = counter.step(exchange.expect("more is to come"), &answer);
    assert!(ended.is_none());
    match outcome {
        SaslOutcome::Success { account, last } => {
            assert_eq!(last.as_deref(), Some(verifier.as_bytes()), "the server proves itself");
            SaslOutcome::Success { account, last: None }
        }
        outcome => outcome,
    }
}

#[test]
fn the_example_of_the_specification_comes_out_as_written() {
    let offer = offer();
    assert_eq!(offer.message(), example::SERVER_FIRST.as_bytes());
    let server_final = offer.verify(example::CLIENT_FINAL.as_bytes());
    assert_eq!(server_final.as_deref(), Some(example::SERVER_FINAL));
}

#[test]
fn a_changed_last_message_proves_nothing() {
    let offer = offer();
    for index in 0..example::CLIENT_FINAL.len() {
        let mut changed = example::CLIENT_FINAL.as_bytes().to_vec();
        changed[index] ^= 1;
        assert_eq!(offer.verify(&changed), None, "byte {index}");
    }
    let tail = example::CLIENT_FINAL.strip_prefix("c=biws").unwrap();
    for binding in ["c=eSws", "c=", "c=biwsYT1ib2Is"] {
        assert_eq!(offer.verify(format!("{binding}{tail}").as_bytes()), None, "{binding}");
    }
}

#[test]
fn a_client_that_ends_as_another_than_it_began_is_not_let_in() {
    // Somebody on the way took the channel binding out of the first message: the proof is right for what was said,
    // and the header that comes back gives it away.
    let counter = Counter::with_account("Sally", "correct horse");
    for (header, is_let_in) in [("n,,", true), ("y,,", false), ("p=tls-exporter,,", false)] {
        let client = ScramClient::new("sally", "correct horse");
        let (outcome, exchange) = counter.step(counter.begin("SCRAM-SHA-256"), client.first());
        let SaslOutcome::Challenge(challenge) = outcome else {
            panic!("no challenge");
        };
        let (answer, _) = client.last_with_header(&challenge, header);
        let (outcome, _) = counter.step(exchange.expect("more is to come"), &answer);
        assert_eq!(matches!(outcome, SaslOutcome::Success { .. }), is_let_in, "{header}");
    }
}

#[test]
fn a_proof_for_one_exchange_is_none_for_another() {
    let keys = derive_keys("pencil", b"salt", 4_096);
    let offer = ClientFirst::parse(example::CLIENT_FIRST).unwrap().offer("other", keys);
    assert_eq!(offer.verify(example::CLIENT_FINAL.as_bytes()), None);
}

#[test]
fn the_right_password_logs_in_and_a_wrong_one_does_not() {
    let counter = Counter::with_account("Sally", "correct horse");
    assert_eq!(log_in(&counter, "Sally", "correct horse"), success());
    assert_eq!(log_in(&counter, "sALLY", "correct horse"), success());
    assert_eq!(log_in(&counter, "Sally", "correct house"), SaslOutcome::Failure);
}

#[test]
fn a_password_that_is_not_ascii_is_prepared_as_at_registration() {
    let counter = Counter::with_account("Sally", "cafe\u{301}\u{3000}creme");
    assert_eq!(log_in(&counter, "sally", "caf\u{e9} creme"), success());
}

#[test]
fn an_unknown_account_looks_like_any_other_until_the_end() {
    let counter = Counter::with_account("Sally", "correct horse");
    let ask = |username: &str| {
        let client = ScramClient::new(username, "correct horse");
        let (outcome, _) = counter.step(counter.begin("SCRAM-SHA-256"), client.first());
        let SaslOutcome::Challenge(challenge) = outcome else {
            panic!("{username} got {outcome:?}");
        };
        let challenge = String::from_utf8(challenge.into_vec()).unwrap();
        let (_nonce, salt) = challenge.split_once(',').unwrap();
        salt.to_owned()
    };
    let (sally, bob) = (ask("sally"), ask("bob"));
    assert_eq!(sally.len(), bob.len());
    assert_eq!(ask("BOB"), bob, "the same, however often one asks");
    assert_eq!(ask("sally"), sally);
    assert_ne!(ask("eve"), bob);
    assert_eq!(log_in(&counter, "bob", "correct horse"), SaslOutcome::Failure);
}

#[test]
fn an_account_without_scram_keys_looks_like_an_unknown_one() {
    let counter = Counter::with_account("Sally", "correct horse");
    counter.store.change("sally", |row| row.scram = None);
    assert_eq!(log_in(&counter, "sally", "correct horse"), SaslOutcome::Failure);
}

#[test]
fn after_ten_wrong_proofs_even_the_right_one_is_not_looked_at() {
    let counter = Counter::with_account("Sally", "correct horse");
    for _ in 0..10 {
        assert_eq!(log_in(&counter, "sally", "wrong"), SaslOutcome::Failure);
    }
    assert_eq!(log_in(&counter, "sally", "correct horse"), SaslOutcome::Slowed);
}

#[test]
fn escaped_names_are_unescaped() {
    let parse = |message: &str| {
        let first = ClientFirst::parse(message.as_bytes())?;
        Some((first.username().to_owned(), first.authzid().to_owned()))
    };
    let names = |username: &str, authzid: &str| Some((username.to_owned(), authzid.to_owned()));
    assert_eq!(parse("n,,n=a=2Cb=3Dc,r=x"), names("a,b=c", ""));
    assert_eq!(parse("y,a==3D=2C,n=sally,r=x"), names("sally", "=,"));
    assert_eq!(parse("n,,n==3D2C,r=x"), names("=2C", ""));
}

#[test]
fn first_messages_that_the_grammar_does_not_have_are_refused() {
    for message in [
        "",
        "n",
        "n,,",
        "n,,n=sally",
        "n,,n=,r=x",
        "n,,n=sally,r=",
        "n,,n=sally,r=a b",
        "n,,n=sally,r=\u{e9}",
        "n,,n=a=2,r=x",
        "n,,n=a=,r=x",
        "n,,n=a=2D,r=x",
        "n,,n=a=\u{e9},r=x",
        "n,,n=a\0b,r=x",
        "n,,m=ext,n=sally,r=x",
        "n,,r=x,n=sally",
        "n,bob,n=sally,r=x",
        "n,a=,n=sally,r=x",
        "z,,n=sally,r=x",
        "n,,n=sally,r=x,",
        "n,,n=sally,r=x,1=y",
        "p=tls-exporter,,n=sally,r=x",
    ] {
        assert!(ClientFirst::parse(message.as_bytes()).is_none(), "{message:?}");
    }
    assert!(ClientFirst::parse(b"n,,n=sally,r=x,e=unknown").is_some());
}

#[test]
fn nobody_else_can_be_spoken_for() {
    let counter = Counter::with_account("Sally", "correct horse");
    let first = |message: &[u8]| counter.step(counter.begin("SCRAM-SHA-256"), message).0;
    assert_eq!(first(b"n,a=bob,n=sally,r=x"), SaslOutcome::Failure);
    assert!(matches!(first(b"n,a=SALLY,n=sally,r=x"), SaslOutcome::Challenge(_)));
}

proptest! {
    #[test]
    fn no_bytes_make_the_parsers_panic_or_prove_anything(
        first in prop_oneof![".{0,60}", "[nyp],(a=)?[a-z=2C3D]{0,6},n=[a-z=2CD3]{0,8},r=.{0,9}"],
        last in prop_oneof![".{0,60}", "c=[a-zA-Z=]{0,8},r=.{0,20},p=[a-zA-Z0-9+/=]{0,50}"],
    ) {
        if let Some(first) = ClientFirst::parse(first.as_bytes()) {
            let offer = first.offer("nonce", Disguise::new([7; 32]).keys("sally", 4_096));
            prop_assert!(offer.verify(last.as_bytes()).is_none());
        }
    }

    #[test]
    fn any_name_survives_its_escapes(name in "[^\0]{1,20}") {
        let escaped = name.replace('=', "=3D").replace(',', "=2C");
        prop_assert_eq!(saslname(&escaped), Some(name));
    }
}
