//! What each of many clients gets.

use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::log::BLOCK;
use super::{Broker, Kind, PATIENCE, ROOM};

/// A broker and what its clients have received.
struct Company {
    broker: Broker,
    got: Vec<Vec<u8>>,
    now: Instant,
}

impl Company {
    fn of(kind: Kind, count: usize) -> Self {
        let mut company =
            Self { broker: Broker::new(kind, false), got: Vec::new(), now: Instant::now() };
        for _ in 0..count {
            company.arrive();
        }
        company
    }

    fn arrive(&mut self) -> usize {
        let id = self.got.len();
        self.got.push(Vec::new());
        self.broker.handle_arrived(id, &format!("192.0.2.{}", id + 1), self.now);
        id
    }

    fn say(&mut self, id: usize, bytes: &[u8]) {
        self.broker.handle_bytes(id, bytes, self.now);
    }

    /// Writes what can be written, to all but those who do not read.
    fn deliver(&mut self, silent: &[usize]) {
        while let Some(id) = self.broker.poll_ready() {
            if silent.contains(&id) {
                self.broker.handle_blocked(id);
            } else {
                self.take(id, usize::MAX);
            }
        }
    }

    /// Lets a client read so many bytes at most.
    fn take(&mut self, id: usize, mut most: usize) {
        while most > 0
            && let Some(bytes) = self.broker.pending(id)
        {
            let count = bytes.len().min(most);
            self.got[id].extend_from_slice(&bytes[..count]);
            self.broker.handle_sent(id, count, self.now);
            most -= count;
        }
    }

    fn text(&mut self, id: usize) -> String {
        self.deliver(&[]);
        String::from_utf8(std::mem::take(&mut self.got[id])).unwrap()
    }
}

fn chat(count: usize) -> Company {
    let mut company = Company::of(Kind::Chat { first: 5 }, count);
    company.deliver(&[]);
    company.got.iter_mut().for_each(Vec::clear);
    company
}

#[test]
fn everybody_gets_what_the_others_say_and_standard_input_and_nobody_his_own_words() {
    let mut company = Company::of(Kind::Plain, 3);
    company.say(0, b"one ");
    company.say(1, b"two ");
    company.broker.handle_input(b"three ", company.now);
    company.say(0, b"four ");
    company.deliver(&[]);
    assert_eq!(company.got[0], b"two three ");
    assert_eq!(company.got[1], b"one three four ");
    assert_eq!(company.got[2], b"one two three four ");
}

#[test]
fn a_newcomer_gets_nothing_of_what_was_said_before() {
    let mut company = Company::of(Kind::Plain, 2);
    company.say(0, b"before");
    let late = company.arrive();
    company.say(0, b"after");
    assert_eq!(company.text(late), "after");
}

#[test]
fn a_client_that_ended_its_direction_gets_all_that_follows() {
    let mut company = Company::of(Kind::Plain, 2);
    company.broker.handle_ended(1, company.now);
    company.say(0, b"still there?");
    assert_eq!(company.text(1), "still there?");
    assert_eq!(company.broker.oldest_ended(), Some(1));
}

#[test]
fn speakers_wait_for_the_slowest_and_memory_stays_flat() {
    let mut company = Company::of(Kind::Plain, 3);
    let mut sent = 0;
    while company.broker.takes_more() {
        company.say(0, &[7; 10_000]);
        sent += 10_000;
        company.deliver(&[1]);
    }
    assert_eq!(company.got[2].len(), sent);
    assert!(sent <= ROOM + BLOCK + 10_000, "{sent} bytes were taken");
    // One block read is one block of room.
    company.take(1, BLOCK);
    assert!(company.broker.takes_more());
    company.take(1, usize::MAX);
    assert_eq!(company.got[1].len(), sent);
}

#[test]
fn whoever_holds_up_the_others_for_too_long_is_cut_off_and_the_others_go_on() {
    let mut company = Company::of(Kind::Plain, 4);
    while company.broker.takes_more() {
        company.say(0, &[7; 50_000]);
        company.deliver(&[1, 2]);
    }
    let start = company.now;
    assert_eq!(company.broker.poll_timeout(), Some(start + PATIENCE));
    // A drop now and then does not count; a block does.
    company.now += PATIENCE / 2;
    company.take(1, 100);
    company.take(2, 100 + BLOCK);
    company.now = start + PATIENCE;
    company.broker.handle_timeout(company.now);
    assert_eq!(company.broker.poll_cut(), Some(1));
    assert_eq!(company.broker.poll_cut(), None);
    assert!(company.broker.pending(1).is_none());
    assert!(company.broker.takes_more());
    company.broker.handle_gone(1, company.now);
    company.say(0, b"on we go");
    company.deliver(&[2]);
    assert!(company.got[3].ends_with(b"on we go"));
    company.take(2, usize::MAX);
    assert_eq!(company.got[2], company.got[3]);
}

#[test]
fn a_client_that_reads_slowly_but_steadily_is_waited_for() {
    let mut company = Company::of(Kind::Plain, 2);
    let mut sent = 0;
    for _ in 0..100 {
        while company.broker.takes_more() {
            company.say(0, &[7; 200_000]);
            sent += 200_000;
        }
        company.now += PATIENCE - Duration::from_millis(1);
        company.broker.handle_timeout(company.now);
        company.take(1, BLOCK);
    }
    assert_eq!(company.broker.poll_cut(), None);
    company.take(1, usize::MAX);
    assert_eq!(company.got[1].len(), sent);
}

#[test]
fn a_word_to_ten_thousand_is_kept_once() {
    let mut company = Company::of(Kind::Plain, 10_000);
    company.deliver(&[]);
    for _ in 0..16 {
        company.broker.handle_input(&[b'x'; 1000], company.now);
    }
    assert_eq!(company.broker.log.len(), 16_000);
    let mut offers = 0;
    while let Some(id) = company.broker.poll_ready() {
        offers += 1;
        let count = company.broker.pending(id).map_or(0, <[u8]>::len);
        assert_eq!(count, 16_000, "all of it is offered at once");
        company.broker.handle_sent(id, count, company.now);
        assert!(company.broker.pending(id).is_none());
    }
    assert_eq!(offers, 10_000);
}

#[test]
fn datagrams_are_not_put_together() {
    let now = Instant::now();
    let mut broker = Broker::new(Kind::Plain, true);
    broker.handle_arrived(0, "", now);
    broker.handle_arrived(1, "", now);
    for message in [&b"one"[..], b"two"] {
        broker.handle_bytes(0, message, now);
    }
    broker.handle_bytes(1, b"mine", now);
    broker.handle_bytes(0, b"three", now);
    for message in [&b"one"[..], b"two", b"three"] {
        assert_eq!(broker.pending(1), Some(message));
        broker.handle_sent(1, message.len(), now);
    }
    assert_eq!(broker.pending(1), None);
}

#[test]
fn arrivals_and_departures_are_announced_with_who_is_there() {
    let mut company = Company::of(Kind::Chat { first: 5 }, 1);
    let alone = "<announce> 192.0.2.1 is connected as <user5>.\n\
        <announce> already connected: nobody.\n";
    assert_eq!(company.text(0), alone);
    company.arrive();
    let second = "<announce> 192.0.2.2 is connected as <user6>.\n\
        <announce> already connected: 192.0.2.1 as <user5>.\n";
    assert_eq!(company.text(0), second);
    assert_eq!(company.text(1), second);
    company.broker.handle_gone(0, company.now);
    assert_eq!(company.text(1), "<announce> <user5> is disconnected.\n");
    // The lowest number that is free is the next one's, as a descriptor's would be.
    company.arrive();
    let third = "<announce> 192.0.2.3 is connected as <user5>.\n\
        <announce> already connected: 192.0.2.2 as <user6>.\n";
    assert_eq!(company.text(1), third);
}

#[test]
fn who_ended_is_announced_once_and_listens_on() {
    let mut company = chat(3);
    company.broker.handle_ended(1, company.now);
    company.say(0, b"bye\n");
    company.broker.handle_gone(1, company.now);
    assert_eq!(company.text(2), "<announce> <user6> is disconnected.\n<user5> bye\n");
}

#[test]
fn each_line_is_told_with_who_said_it_however_it_came() {
    let mut company = chat(3);
    company.say(0, b"one\ntwo\r\nthr");
    company.say(1, b"between\n");
    company.say(0, b"ee\nlast");
    company.broker.handle_gone(0, company.now);
    assert_eq!(
        company.text(2),
        "<user5> one\n<user5> two\r\n<user6> between\n<user5> three\n<user5> last\n\
         <announce> <user5> is disconnected.\n"
    );
    company.broker.handle_input(b"from the server\nand", company.now);
    company.broker.handle_input_ended(company.now);
    assert_eq!(company.text(2), "<user0> from the server\n<user0> and\n");
}

#[test]
fn text_is_readable_and_nothing_drives_a_terminal() {
    let mut company = chat(2);
    let said = "你好\tgrüß 👩\u{200d}💻\x1b[31m \u{85}\u{202e} a\rb \x00\x7f\n";
    company.say(0, said.as_bytes());
    company.say(0, b"\xff\xe4\xbd\n");
    assert_eq!(
        company.text(1),
        "<user5> 你好\tgrüß 👩\u{200d}💻\\033[31m \\302\\205\\342\\200\\256 a\\015b \\000\\177\n\
         <user5> \\377\\344\\275\n"
    );
}

#[test]
fn a_line_without_end_goes_on_in_pieces_and_cuts_no_character() {
    let mut company = chat(2);
    for _ in 0..3 {
        company.say(0, "你".repeat(1000).as_bytes());
    }
    company.say(0, b"\n");
    let text = company.text(1);
    assert_eq!(text.lines().count(), 3);
    assert!(text.lines().all(|line| line.starts_with("<user5> ") && !line.contains('\\')));
    assert_eq!(text.matches('你').count(), 3000);
}

#[test]
fn in_a_large_company_only_the_newcomer_is_told_who_is_there() {
    let mut company = chat(102);
    let newcomer = company.arrive();
    let told = company.text(newcomer);
    assert!(told.starts_with("<announce> already connected: 192.0.2.1 as <user5>, "), "{told}");
    assert!(told.contains(" and 2 more.\n<announce> 192.0.2.103 is connected"), "{told}");
    assert_eq!(company.text(0), "<announce> 192.0.2.103 is connected as <user107>.\n");
}

#[derive(Clone, Debug)]
enum Step {
    Arrive(usize),
    Say(usize, usize),
    Input(usize),
    Ended(usize),
    Gone(usize),
    Take(usize, usize),
    Deliver,
}

fn step() -> impl Strategy<Value = Step> {
    let id = 0usize..6;
    let size = prop_oneof![1usize..20, 30_000usize..90_000];
    prop_oneof![
        2 => id.clone().prop_map(Step::Arrive),
        6 => (id.clone(), size.clone()).prop_map(|(id, size)| Step::Say(id, size)),
        2 => size.clone().prop_map(Step::Input),
        1 => id.clone().prop_map(Step::Ended),
        1 => id.clone().prop_map(Step::Gone),
        6 => (id, size).prop_map(|(id, size)| Step::Take(id, size)),
        2 => Just(Step::Deliver),
    ]
}

proptest! {
    /// Whatever happens in whatever order, each gets exactly what the others said while it was there.
    #[test]
    fn nothing_is_lost_doubled_or_mixed_up(steps in prop::collection::vec(step(), 0..80)) {
        let now = Instant::now();
        let mut broker = Broker::new(Kind::Plain, false);
        // For each who is there: what it is to get, and what it got.
        let mut people: Vec<Option<(Vec<u8>, Vec<u8>)>> = vec![None; 6];
        let mut mark = 0u8;
        let take = |broker: &mut Broker, person: &mut (Vec<u8>, Vec<u8>), id, mut most: usize| {
            while most > 0 && let Some(bytes) = broker.pending(id) {
                let count = bytes.len().min(most);
                assert!(count > 0);
                person.1.extend_from_slice(&bytes[..count]);
                broker.handle_sent(id, count, now);
                most -= count;
            }
            assert!(person.0.starts_with(&person.1));
        };
        for step in steps {
            mark = mark.wrapping_add(1);
            match step {
                Step::Arrive(id) if people[id].is_none() => {
                    broker.handle_arrived(id, "", now);
                    people[id] = Some(Default::default());
                }
                Step::Say(id, size) if people[id].is_some() => {
                    broker.handle_bytes(id, &vec![mark; size], now);
                    for (other, person) in people.iter_mut().enumerate() {
                        if let Some(person) = person && other != id {
                            person.0.resize(person.0.len() + size, mark);
                        }
                    }
                }
                Step::Input(size) => {
                    broker.handle_input(&vec![mark; size], now);
                    for person in people.iter_mut().flatten() {
                        person.0.resize(person.0.len() + size, mark);
                    }
                }
                Step::Ended(id) => broker.handle_ended(id, now),
                Step::Gone(id) => {
                    broker.handle_gone(id, now);
                    people[id] = None;
                }
                Step::Take(id, most) => {
                    if let Some(person) = &mut people[id] {
                        take(&mut broker, person, id, most);
                    }
                }
                Step::Deliver => while let Some(id) = broker.poll_ready() {
                    take(&mut broker, people[id].as_mut().unwrap(), id, usize::MAX);
                },
                _ => {}
            }
        }
        // Whoever is behind is ready, or is being written to.
        for (id, person) in people.iter_mut().enumerate() {
            if let Some(person) = person {
                take(&mut broker, person, id, usize::MAX);
                prop_assert_eq!(&person.0, &person.1);
            }
        }
        prop_assert!(broker.log.len() <= BLOCK, "{} bytes stay", broker.log.len());
    }

    /// Whatever is sent in whatever pieces, others get lines that begin with who said them, and no byte drives a terminal.
    #[test]
    fn a_chat_is_harmless_lines(pieces in prop::collection::vec(prop::collection::vec(piece(), 0..6), 0..20)) {
        let now = Instant::now();
        let mut broker = Broker::new(Kind::Chat { first: 5 }, false);
        broker.handle_arrived(0, "192.0.2.1", now);
        broker.handle_arrived(1, "192.0.2.2", now);
        for piece in pieces {
            broker.handle_bytes(0, &piece.concat(), now);
        }
        broker.handle_gone(0, now);
        let mut got = Vec::new();
        while let Some(bytes) = broker.pending(1) {
            got.extend_from_slice(bytes);
            let count = bytes.len();
            broker.handle_sent(1, count, now);
        }
        let text = String::from_utf8(got).expect("text");
        prop_assert!(text.ends_with('\n'));
        for line in text.strip_suffix('\n').unwrap().split('\n') {
            let line = line.strip_suffix('\r').unwrap_or(line);
            prop_assert!(line.starts_with("<user5> ") || line.starts_with("<announce> "), "{line:?}");
            prop_assert!(line.chars().all(|c| c == '\t' || !c.is_control() && c != '\u{202e}'), "{line:?}");
            prop_assert!(line.len() <= 8 + 4 * 4096);
        }
    }
}

fn piece() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..8),
        Just(b"\n".to_vec()),
        Just(b"\r\n".to_vec()),
        Just("\u{202e}你好".as_bytes().to_vec()),
        Just(vec![b'x'; 3000]),
        Just("你".repeat(1400).into_bytes()),
    ]
}
