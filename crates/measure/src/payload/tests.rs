use proptest::prelude::*;

use super::*;

fn datagrams(sizes: &str, check: Check) -> Payload {
    Payload::datagrams(7, sizes.parse().expect("a mix"), check).expect("a payload")
}

fn written(payload: &Payload, lane: u16, seq: u64) -> Vec<u8> {
    let mut buffer = vec![0; payload.largest()];
    let size = payload.write(lane, seq, &mut buffer);
    buffer.truncate(size);
    buffer
}

const RIGHT_5: Verdict = Verdict::Right(Which::Number(5));
const WRONG_5: Verdict = Verdict::Wrong(Which::Number(5));
const STRAY: Verdict = Verdict::Wrong(Which::Nobody);

#[test]
fn a_request_is_letters_that_upper_casing_changes() {
    let request = written(&datagrams("1400", Check::Upper), 3, 5);
    assert_eq!(request.len(), 1400);
    assert_eq!(&request[..LETTERS], b"aaadaaaaaaaaaaaf");
    assert!(request.iter().all(u8::is_ascii_lowercase));
}

#[test]
fn only_the_request_in_capitals_is_right_where_that_is_asked() {
    let payload = datagrams("64", Check::Upper);
    let request = written(&payload, 3, 5);
    assert_eq!(payload.verdict(3, &request.to_ascii_uppercase()), RIGHT_5);
    assert_eq!(payload.verdict(3, &request), WRONG_5);
    let echo = datagrams("64", Check::Echo);
    assert_eq!(echo.verdict(3, &request), RIGHT_5);
    assert_eq!(echo.verdict(3, &request.to_ascii_uppercase()), WRONG_5);
}

#[test]
fn each_single_byte_of_a_reply_counts() {
    let payload = datagrams("64", Check::Upper);
    let right = written(&payload, 0, 5).to_ascii_uppercase();
    for place in 0..right.len() {
        let mut reply = right.clone();
        reply[place] ^= 1;
        assert!(matches!(payload.verdict(0, &reply), Verdict::Wrong(_)), "byte {place}");
    }
    assert_eq!(payload.verdict(0, &right[..63]), WRONG_5);
    assert_eq!(payload.verdict(0, &[&right[..], b"A"].concat()), WRONG_5);
    assert_eq!(payload.verdict(0, &[&right[..], &right[..]].concat()), WRONG_5);
    assert_eq!(payload.verdict(0, &right[..15]), STRAY);
    assert_eq!(payload.verdict(0, b""), STRAY);
    assert_eq!(payload.verdict(0, &[b'x'; 64]), STRAY);
}

#[test]
fn the_reply_to_another_socket_or_with_another_text_is_wrong() {
    let payload = datagrams("64", Check::Echo);
    assert_eq!(payload.verdict(4, &written(&payload, 3, 5)), STRAY);
    let mut reply = written(&payload, 3, 5);
    reply[LETTERS..].copy_from_slice(&written(&payload, 3, 6)[LETTERS..]);
    assert_eq!(payload.verdict(3, &reply), WRONG_5);
}

#[test]
fn a_seed_gives_the_same_messages_and_another_seed_others() {
    let make = |seed| {
        let mix = "64:7,1400:1".parse().expect("a mix");
        let payload = Payload::datagrams(seed, mix, Check::Echo).expect("a payload");
        (0..50).map(|seq| written(&payload, 0, seq)).collect::<Vec<_>>()
    };
    assert_eq!(make(1), make(1));
    assert_ne!(make(1), make(2));
}

#[test]
fn a_mix_has_its_sizes_in_their_parts() {
    let payload = datagrams("64:7,1400:1", Check::Upper);
    let long = (0..8000).filter(|&seq| payload.size(0, seq) == 1400).count();
    assert!((850..1150).contains(&long), "{long} of 8,000");
    let short = (0..).find(|&seq| payload.size(0, seq) == 64).expect("a short one");
    let reply = written(&payload, 0, short).to_ascii_uppercase();
    assert_eq!(payload.verdict(0, &reply), Verdict::Right(Which::Number(short)));
}

#[test]
fn a_line_in_a_chat_says_who_said_it() {
    let payload = datagrams("64", Check::Echo);
    assert_eq!(payload.lane_of(&written(&payload, 300, 5)), Some(300));
    assert_eq!(payload.lane_of(b"hello, everyone in here!"), None);
    assert_eq!(payload.lane_of(b"short"), None);
}

#[test]
fn messages_that_cannot_be_are_refused() {
    let make = |size, check| {
        let mix = SizeMix::one(size).expect("a size");
        Payload::datagrams(1, mix, check).err()
    };
    assert_eq!(make(15, Check::Upper), Some(PayloadError::TooShort));
    assert_eq!(make(15, Check::None), None);
    assert_eq!(make(65_508, Check::None), Some(PayloadError::TooLong));
    assert_eq!(make(65_507, Check::Echo), None);
}

#[test]
fn replies_without_a_number_count_for_the_oldest_request() {
    let any = datagrams("1", Check::None);
    assert_eq!(any.verdict(0, b"whatever"), Verdict::Right(Which::Oldest));
    let fixed = datagrams("1", Check::Fixed(b"Goodbye"));
    assert_eq!(fixed.verdict(0, b"Goodbye"), Verdict::Right(Which::Oldest));
    assert_eq!(fixed.verdict(0, b"Goodbye!"), Verdict::Wrong(Which::Oldest));
}

#[test]
fn checks_are_named_as_on_the_command_line() {
    for check in [Check::Upper, Check::Echo, Check::None] {
        assert_eq!(check.to_string().parse(), Ok(check));
    }
    assert_eq!("Upper".parse::<Check>(), Err(CheckError));
}

proptest! {
    /// However a stream cuts a reply, it is right exactly where it is right as a whole.
    #[test]
    fn every_piece_of_a_right_reply_matches(
        size in 1..80_usize, upper: bool, seq in 0..1_000_000_u64, cut in 0..80_usize, more in 0..80_usize
    ) {
        let check = if upper { Check::Upper } else { Check::Echo };
        let payload = Payload::stream(9, SizeMix::one(size).expect("a size"), check);
        let mut reply = written(&payload, 2, seq);
        prop_assert_eq!(reply.last(), Some(&b'\n'));
        if upper {
            reply.make_ascii_uppercase();
        }
        let from = cut.min(size);
        let to = (from + more).min(size);
        prop_assert!(payload.matches(2, seq, from, &reply[from..to]));
        for place in from..to {
            let mut piece = reply[from..to].to_vec();
            piece[place - from] ^= 1;
            prop_assert!(!payload.matches(2, seq, from, &piece), "byte {}", place);
        }
        let longer = [&reply[from..], b"x"].concat();
        prop_assert!(!payload.matches(2, seq, from, &longer));
    }

    #[test]
    fn no_reply_makes_the_check_fail(reply in proptest::collection::vec(any::<u8>(), 0..200), lane: u16) {
        for check in [Check::Upper, Check::Echo, Check::None, Check::Fixed(b"x")] {
            let _ = datagrams("64:1,100:1", check).verdict(lane, &reply);
        }
    }

    #[test]
    fn a_reply_of_any_length_with_a_number_is_judged(number: u64, length in 16..70_000_usize) {
        let payload = datagrams("64:1,100:1", Check::Echo);
        let mut reply = vec![b'q'; length];
        number::write(number, reply.first_chunk_mut().expect("room"));
        let lane = (number >> SEQ_BITS) as u16;
        prop_assert_eq!(payload.verdict(lane, &reply), Verdict::Wrong(Which::Number(number & LAST_SEQ)));
    }
}
