use super::*;

/// Fails after so many bytes, as a pipe does whose reader has gone.
struct Closing(usize);

impl Write for Closing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 = self.0.checked_sub(bytes.len()).ok_or(io::ErrorKind::BrokenPipe)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn told(verbose: bool) -> String {
    let mut out = Vec::new();
    tell(&mut out, verbose).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn the_tour_runs_to_its_end_and_shows_every_act() {
    let text = told(false);
    let mut rest = text.as_str();
    for (place, act) in ACTS.iter().enumerate() {
        let heading = format!("\n{}. {}\n", place + 1, act.title);
        let at = rest.find(&heading).unwrap_or_else(|| panic!("no {heading} in {text}"));
        rest = &rest[at + heading.len()..];
        assert!(rest.contains("   => "), "nothing was seen in {heading}");
    }
    assert!(text.ends_with("show their calls too.\n"), "{text}");
}

#[test]
fn what_the_tour_is_for_can_be_read_in_it() {
    let text = told(false);
    for promised in [
        "unbound 0.0.0.0:0",
        "bind(fd",
        "replied with 'SALLY'",
        "'HÉLLO 你好'",
        "'STRASSE'",
        "carries at most 65507",
        "nobody listens on",
        "failed: Connection refused",
        "message 'believe me' from unexpected host",
        "message 'SALLY' from unexpected host",
        "the relay loses it",
        "accept(fd",
        "ESTABLISHED (127.0.0.1:",
        "'CAFÉ\\n'",
        "FIN-WAIT",
        "end of file, and no reset",
        "was expecting 32 bytes but only received 16 before the socket closed",
        "callbox-tour-",
        "chargen",
        "'sally: 你好'",
        "'李: hello'",
        " 353 wang ",
    ] {
        assert!(text.contains(promised), "no {promised} in {text}");
    }
}

#[test]
fn the_tour_can_be_read_on_a_few_screens() {
    let text = told(false);
    assert!(text.lines().count() <= 145, "{} lines", text.lines().count());
    for line in ACTS.iter().flat_map(|act| act.about.iter().chain([&act.title])) {
        assert!(line.chars().count() <= 105, "{line}");
    }
}

#[test]
fn a_verbose_tour_shows_the_calls_of_both_ends() {
    let (plain, verbose) = (told(false), told(true));
    assert!(verbose.lines().count() > plain.lines().count() + 40);
    assert!(!plain.contains("SO_REUSEADDR") && verbose.contains("SO_REUSEADDR"));
}

#[test]
fn two_tours_at_once_do_not_disturb_each_other() {
    let other = std::thread::spawn(|| told(false));
    told(false);
    other.join().unwrap();
}

#[test]
fn a_reader_who_leaves_ends_the_tour_quietly() {
    for bytes in [0, 200, 3_000] {
        let failure = tell(&mut Closing(bytes), false).unwrap_err();
        assert_eq!((failure.message(), failure.exit()), (None, crate::messages::Exit::Done));
    }
}

#[test]
fn a_step_that_breaks_its_promise_ends_the_tour_with_the_act_and_the_reason() {
    static ACTS: [Act; 1] = [Act {
        title: "A promise",
        about: &["Nothing."],
        play: |_| stage::same(b"sally", b"SALLY"),
    }];
    let failure = tell_acts(&ACTS, &mut Vec::new(), false).unwrap_err();
    assert_eq!(failure.exit(), crate::messages::Exit::Network);
    let message = failure.message().unwrap();
    assert_eq!(message, "the tour ends in act 1 (A promise): expected 'SALLY', and got 'sally'");
}
