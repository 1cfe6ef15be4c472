//! The plain door between any person and any hub: what goes to the hub are lines of IRC, and what goes to the person are
//! lines that cannot drive a terminal.

#![no_main]

use callbox_chat::plain::{PlainDoor, Style};
use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;

#[derive(Arbitrary, Debug)]
enum Step<'a> {
    Say(&'a [u8]),
    Hear(&'a [u8]),
    /// A line of the hub's with which the guest goes on.
    Welcome,
    Joined,
    Leave(&'a str),
}

fuzz_target!(|input: (bool, Vec<Step<'_>>)| {
    let (datagrams, steps) = input;
    let style = if datagrams { Style::Datagram } else { Style::Stream };
    let mut door = PlainDoor::new("guest-4000", "#lobby", style);
    let (mut to_hub, mut to_person) = (Vec::new(), Vec::new());
    door.open(&mut to_hub);
    for step in steps {
        match step {
            Step::Say(text) => door.say(text, &mut to_hub, &mut to_person),
            Step::Hear(line) => door.hear(line, &mut to_hub, &mut to_person),
            Step::Welcome => door.hear(b":s 001 guest-4000 :hi", &mut to_hub, &mut to_person),
            Step::Joined => {
                for line in [":guest-4000!~guest@h JOIN #lobby", ":s 366 guest-4000 #lobby :end"] {
                    door.hear(line.as_bytes(), &mut to_hub, &mut to_person);
                }
            }
            Step::Leave(reason) => door.leave(reason, &mut to_hub),
        }
        check(&std::mem::take(&mut to_hub), &std::mem::take(&mut to_person));
    }
});

fn check(to_hub: &[u8], to_person: &[u8]) {
    for line in to_hub.split_inclusive(|byte| *byte == b'\n') {
        assert!(line.len() <= 512 && line.ends_with(b"\r\n"), "{}", line.escape_ascii());
        let line = &line[..line.len() - 2];
        assert!(!line.contains(&b'\r') && !line.contains(&0), "{}", line.escape_ascii());
        std::str::from_utf8(line).expect("the hub hears text");
    }
    let text = std::str::from_utf8(to_person).expect("a person reads text");
    assert!(text.is_empty() || text.ends_with('\n'));
    let drives = |c: char| c != '\n' && c != '\t' && c.is_control();
    assert!(!text.contains(drives), "{text:?}");
}
