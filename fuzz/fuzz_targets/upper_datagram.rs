//! `upper` for datagrams: the fast ways say what the definition says, within the bounds on length, and an answer raised
//! again does not change, which is what ends a loop between two servers.

#![no_main]

use callbox_services::upper::text::MAX_GROWTH;
use callbox_services::upper::upper_in_place;
use callbox_services::{Answer, MAX_DATAGRAM};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|question: &[u8]| {
    let (answer, changed) = raise(question);
    assert_eq!(changed, answer != question);
    assert!(answer.len() <= MAX_DATAGRAM.max(question.len()));
    assert!(answer.len() <= MAX_GROWTH * question.len());
    let whole = plainly(question);
    if whole.len() <= MAX_DATAGRAM {
        assert_eq!(answer, whole);
    } else {
        assert!(whole.starts_with(&answer));
    }
    assert!(!raise(&answer).1, "a loop would feed on it");
});

/// The answer, and whether the service says that it differs from the question.
fn raise(question: &[u8]) -> (Vec<u8>, bool) {
    let mut datagram = question.to_vec();
    let mut reply = Vec::new();
    match upper_in_place(&mut datagram, &mut reply) {
        Answer::InPlace { changed } => {
            assert!(reply.is_empty());
            (datagram, changed)
        }
        Answer::Written => (reply, true),
        Answer::Silence => panic!("upper always answers"),
    }
}

/// The definition: text by its characters, what is not text as it is.
fn plainly(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for chunk in bytes.utf8_chunks() {
        out.extend_from_slice(chunk.valid().to_uppercase().as_bytes());
        out.extend_from_slice(chunk.invalid());
    }
    out
}
