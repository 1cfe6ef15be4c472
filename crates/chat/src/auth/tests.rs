use super::testing::{MemoryStore, PATIENCE, ScramClient, quick_settings};
use super::*;

use std::net::IpAddr;
use std::num::NonZeroUsize;
use std::sync::mpsc::{Receiver, channel};

use callbox_hub::contract::{RegisterError, SaslOutcome, SaslStep, Secret};

const NOW: Duration = Duration::from_secs(1_000);

struct Bench {
    auth: Auth,
    store: Arc<MemoryStore>,
    answers: Receiver<(ConnId, Answer)>,
}

impl Bench {
    fn new() -> Self {
        Self::with(quick_settings())
    }

    /// One thread, so that jobs are done in their order.
    fn with(settings: AuthSettings) -> Self {
        let settings = AuthSettings { workers: NonZeroUsize::MIN, ..settings };
        let store = Arc::new(MemoryStore::default());
        add_account(&*store, "Sally", "correct horse", &settings).unwrap();
        let (sender, answers) = channel();
        let done = move |conn, answer| {
            let _ = sender.send((conn, answer));
        };
        let accounts = Arc::clone(&store);
        Self { auth: Auth::start(accounts, settings, done).unwrap(), store, answers }
    }

    fn submit(&self, conn: u64, job: Job) {
        self.auth.submit(ConnId(conn), job, NOW);
    }

    fn submit_from(&self, conn: u64, from: &str, mut job: Job) {
        if let Job::Register { address, .. } | Job::CheckPassword { address, .. } = &mut job {
            *address = from.parse().unwrap();
        }
        self.submit(conn, job);
    }

    fn answer(&self) -> (u64, Answer) {
        let (conn, answer) = self.answers.recv_timeout(PATIENCE).expect("an answer");
        (conn.0, answer)
    }

    fn ask(&self, conn: u64, job: Job) -> Answer {
        self.submit(conn, job);
        let (answered, answer) = self.answer();
        assert_eq!(answered, conn);
        answer
    }

    fn start(&self, conn: u64, mechanism: &str) {
        assert_eq!(self.ask(conn, start(mechanism)), challenge(b""));
    }

    /// Submits the only message of PLAIN, after a start.
    fn begin_plain(&self, conn: u64, name: &str) {
        self.start(conn, "PLAIN");
        self.submit(conn, response(format!("\0{name}\0correct horse").as_bytes()));
    }

    fn no_answer_is_left(&self) {
        assert!(self.answers.try_recv().is_err());
    }
}

fn start(mechanism: &str) -> Job {
    let address = "192.0.2.1".parse().unwrap();
    Job::Sasl(SaslStep::Start { mechanism: mechanism.into(), address, fingerprint: None })
}

fn response(bytes: &[u8]) -> Job {
    Job::Sasl(SaslStep::Response(bytes.into()))
}

fn abort() -> Job {
    Job::Sasl(SaslStep::Abort)
}

fn register(name: &str, password: &str) -> Job {
    let key = fold_account(name).unwrap().into();
    let email = Some("sally@example.org".into());
    Job::Register {
        account: name.into(),
        key,
        email,
        password: Secret(password.into()),
        address: address(),
    }
}

fn check(hash: &str, password: &str) -> Job {
    Job::CheckPassword { hash: hash.into(), password: Secret(password.into()), address: address() }
}

fn address() -> IpAddr {
    "192.0.2.1".parse().unwrap()
}

fn challenge(bytes: &[u8]) -> Answer {
    Answer::Sasl(SaslOutcome::Challenge(bytes.into()))
}

fn sally_is_in() -> Answer {
    Answer::Sasl(SaslOutcome::Success { account: "Sally".into(), last: None })
}

fn failure() -> Answer {
    Answer::Sasl(SaslOutcome::Failure)
}

#[test]
fn plain_logs_in_over_the_pool() {
    let bench = Bench::new();
    bench.begin_plain(1, "sally");
    assert_eq!(bench.answer(), (1, sally_is_in()));
}

#[test]
fn scram_keeps_its_state_between_the_steps_and_two_connections_apart() {
    let bench = Bench::new();
    let client = ScramClient::new("sally", "correct horse");
    let mut offers = Vec::new();
    for conn in [1, 2] {
        bench.start(conn, "SCRAM-SHA-256");
        let Answer::Sasl(SaslOutcome::Challenge(offer)) = bench.ask(conn, response(client.first()))
        else {
            panic!("no challenge");
        };
        offers.push(offer);
    }
    for (conn, offer) in [(2, &offers[1]), (1, &offers[0])] {
        let (message, verifier) = client.last(offer);
        let outcome = SaslOutcome::Success {
            account: "Sally".into(),
            last: Some(verifier.into_bytes().into()),
        };
        assert_eq!(bench.ask(conn, response(&message)), Answer::Sasl(outcome));
    }
}

#[test]
fn a_second_exchange_on_the_same_connection_is_as_good_as_the_first() {
    let bench = Bench::new();
    bench.start(1, "PLAIN");
    assert_eq!(bench.ask(1, response(b"\0sally\0wrong")), failure());
    assert_eq!(bench.ask(1, response(b"\0sally\0correct horse")), failure(), "that one is over");
    bench.start(1, "SCRAM-SHA-256");
    bench.start(1, "PLAIN");
    assert_eq!(bench.ask(1, response(b"\0sally\0correct horse")), sally_is_in());
}

#[test]
fn there_are_three_mechanisms_and_no_other() {
    let bench = Bench::new();
    for mechanism in ["PLAIN", "EXTERNAL", "SCRAM-SHA-256"] {
        bench.start(1, mechanism);
    }
    for mechanism in ["", "SCRAM-SHA-1", "SCRAM-SHA-256-PLUS", "ANONYMOUS", "plain "] {
        let answer = bench.ask(1, start(mechanism));
        assert_eq!(answer, Answer::Sasl(SaslOutcome::NoMechanism), "{mechanism}");
    }
    assert_eq!(bench.ask(1, response(b"")), failure(), "the exchange before is over as well");
}

#[test]
fn an_exchange_is_forgotten_after_a_minute() {
    let bench = Bench::new();
    bench.start(1, "PLAIN");
    let late = NOW + Duration::from_secs(61);
    bench.auth.submit(ConnId(1), response(b"\0sally\0correct horse"), late);
    assert_eq!(bench.answer(), (1, failure()));
}

#[test]
fn what_was_aborted_between_two_steps_is_forgotten() {
    let bench = Bench::new();
    bench.start(1, "PLAIN");
    bench.submit(1, abort());
    assert_eq!(bench.ask(1, response(b"\0sally\0correct horse")), failure());
    bench.no_answer_is_left();
}

#[test]
fn a_step_that_was_aborted_while_it_was_done_is_not_taken_for_the_next_exchange() {
    let bench = Bench::new();
    bench.begin_plain(1, "gate");
    bench.store.await_waiting(1);
    bench.submit(1, abort());
    bench.begin_plain(1, "sally");
    bench.store.open_gate();
    assert_eq!(bench.answer(), (1, sally_is_in()));
    bench.no_answer_is_left();
}

#[test]
fn a_step_that_was_aborted_in_line_is_not_done_at_all() {
    let bench = Bench::new();
    bench.begin_plain(1, "gate");
    bench.store.await_waiting(1);
    bench.begin_plain(2, "panic");
    bench.submit(2, abort());
    bench.begin_plain(3, "sally");
    bench.store.open_gate();
    assert_eq!(bench.answer(), (1, failure()));
    assert_eq!(bench.answer(), (3, sally_is_in()));
    assert_eq!(bench.auth.poll_trouble(), None);
}

#[test]
fn a_panic_ends_its_job_and_not_the_pool() {
    let bench = Bench::new();
    bench.begin_plain(1, "panic");
    assert_eq!(bench.answer(), (1, Answer::Failed));
    assert_eq!(bench.auth.poll_trouble(), Some(Trouble::Panicked));
    assert_eq!(bench.ask(1, response(b"\0sally\0correct horse")), failure());
    bench.begin_plain(1, "sally");
    assert_eq!(bench.answer(), (1, sally_is_in()));
    assert_eq!(bench.ask(2, register("panic", "correct horse")), Answer::Failed);
}

#[test]
fn a_store_that_fails_is_told_to_the_operator_and_not_held_against_the_client() {
    let bench = Bench::new();
    bench.begin_plain(1, "broken");
    assert_eq!(bench.answer(), (1, Answer::Failed));
    let trouble = bench.auth.poll_trouble();
    assert_eq!(trouble, Some(Trouble::Store("the disk is on fire".into())));
    for _ in 0..100 {
        bench.submit(1, Job::Reload);
        assert_eq!(bench.answer(), (1, Answer::Failed));
    }
    let kept = std::iter::from_fn(|| bench.auth.poll_trouble()).count();
    assert_eq!(kept, 16, "and no more are kept than fit");
}

#[test]
fn beyond_the_queue_jobs_are_refused_at_once() {
    let bench = Bench::with(AuthSettings { queue: 3, ..quick_settings() });
    bench.begin_plain(1, "gate");
    bench.store.await_waiting(1);
    for conn in 2..=6 {
        bench.start(conn, "PLAIN");
    }
    for conn in 2..=4 {
        bench.submit(conn, response(b"\0sally\0correct horse"));
    }
    // The thread stands at the gate, so these answers come from nowhere else.
    let full = bench.ask(5, response(b"\0sally\0correct horse"));
    assert_eq!(full, Answer::Sasl(SaslOutcome::Slowed));
    let full = bench.ask(7, register("bob", "correct horse"));
    assert_eq!(full, Answer::Registered(Err(RegisterError::Slowed)));
    assert_eq!(bench.ask(8, check("", "correct horse")), Answer::Failed);
    bench.store.open_gate();
    assert_eq!(bench.answer(), (1, failure()));
    for conn in 2..=4 {
        assert_eq!(bench.answer(), (conn, sally_is_in()));
    }
    assert_eq!(bench.ask(6, response(b"\0sally\0correct horse")), sally_is_in());
}

#[test]
fn an_address_that_asks_much_makes_itself_wait_and_not_others() {
    let bench = Bench::with(AuthSettings { queue_per_address: 4, ..quick_settings() });
    bench.begin_plain(1, "gate");
    bench.store.await_waiting(1);
    let hash = hash_password("correct horse", &quick_settings()).unwrap();
    let check = || check(&hash, "correct horse");
    for conn in 10..20 {
        bench.submit_from(conn, &format!("2001:db8::{conn}"), check());
    }
    for conn in 14..20 {
        assert_eq!(bench.answer(), (conn, Answer::Failed), "the /64 has four in line already");
    }
    bench.submit_from(20, "198.51.100.1", check());
    bench.store.open_gate();
    let order: Vec<u64> = (0..6).map(|_| bench.answer().0).collect();
    assert_eq!(order, [1, 10, 20, 11, 12, 13]);
}

#[test]
fn a_new_account_logs_in_by_every_password_mechanism() {
    let bench = Bench::new();
    let answer = bench.ask(1, register("张三", "correct horse"));
    assert_eq!(answer, Answer::Registered(Ok("张三".into())));
    bench.begin_plain(1, "张三");
    let success = SaslOutcome::Success { account: "张三".into(), last: None };
    assert_eq!(bench.answer(), (1, Answer::Sasl(success)));
    let row = bench.store.account("张三").unwrap().unwrap();
    assert_eq!(row.email.as_deref(), Some("sally@example.org"));
    assert!(row.scram.is_some_and(|keys| keys.iterations == 4_096), "never below the least");
}

#[test]
fn a_name_is_given_once_and_a_password_has_to_be_one() {
    let bench = Bench::new();
    let refused = |error| Answer::Registered(Err(error));
    for (name, password, error) in [
        ("SALLY", "correct horse", RegisterError::Exists),
        ("bob", "short", RegisterError::TooShort(8)),
        ("bob", &"x".repeat(301), RegisterError::BadPassword),
        ("bob", "with\0nul and more", RegisterError::BadPassword),
    ] {
        assert_eq!(bench.ask(1, register(name, password)), refused(error), "{name} {password}");
    }
    for number in 0..5 {
        let made = bench.ask(1, register(&format!("user{number}"), "correct horse"));
        assert!(matches!(made, Answer::Registered(Ok(_))), "refusals before cost nothing");
    }
    let sixth = bench.ask(1, register("user5", "correct horse"));
    assert_eq!(sixth, refused(RegisterError::Slowed));
}

#[test]
fn a_password_of_the_configuration_is_checked_and_guesses_at_it_are_limited() {
    let bench = Bench::new();
    let hash = hash_password("correct horse", &quick_settings()).unwrap();
    assert_eq!(bench.ask(1, check(&hash, "correct horse")), Answer::Password(true));
    assert_eq!(bench.ask(1, check(&hash, "")), Answer::Password(false));
    for _ in 0..20 {
        assert_eq!(bench.ask(1, check(&hash, "wrong")), Answer::Password(false));
    }
    assert_eq!(bench.ask(1, check(&hash, "correct horse")), Answer::Failed);
    assert_eq!(bench.ask(1, start("PLAIN")), Answer::Sasl(SaslOutcome::Slowed));
    assert_eq!(bench.ask(1, start("EXTERNAL")), challenge(b""));
    bench.submit_from(2, "192.0.2.2", check(&hash, "correct horse"));
    assert_eq!(bench.answer(), (2, Answer::Password(true)), "others are not held up");
    assert_eq!(bench.auth.poll_trouble(), None);
    bench.submit_from(2, "192.0.2.2", check("plain text", "correct horse"));
    assert_eq!(bench.answer(), (2, Answer::Failed));
    assert!(matches!(bench.auth.poll_trouble(), Some(Trouble::Hash(_))));
}

#[test]
fn a_done_that_panics_takes_no_thread_with_it() {
    let (sender, answers) = channel();
    let done = move |conn, _| {
        let _ = sender.send(conn);
        assert!(conn != ConnId(1), "as the test wants it");
    };
    let settings = AuthSettings { workers: NonZeroUsize::MIN, ..quick_settings() };
    let auth = Auth::start(Arc::new(MemoryStore::default()), settings, done).unwrap();
    for conn in [1, 2] {
        auth.submit(ConnId(conn), check("", "correct horse"), NOW);
        assert_eq!(answers.recv_timeout(PATIENCE), Ok(ConnId(conn)));
    }
}

#[test]
fn dropping_it_ends_the_threads_and_what_waited_has_no_answer() {
    let bench = Bench::new();
    bench.begin_plain(1, "gate");
    bench.store.await_waiting(1);
    bench.begin_plain(2, "sally");
    let Bench { auth, store, answers } = bench;
    auth.shared.stop();
    store.open_gate();
    drop(auth);
    let left: Vec<_> = answers.iter().map(|(conn, _)| conn.0).collect();
    assert_eq!(left, [1], "the sender is gone with the threads");
}

#[test]
fn no_secret_shows_in_what_is_printed() {
    let settings = AuthSettings { salt_secret: Some(SaltSecret([0x73; 32])), ..quick_settings() };
    let bench = Bench::with(settings.clone());
    let row = bench.store.account("sally").unwrap().unwrap();
    let shown = format!("{settings:?} {:?} {row:?} {:?}", bench.auth, row.scram);
    for secret in ["argon2", "115, 115", "stored_key: ["] {
        assert!(!shown.contains(secret), "{secret} in {shown}");
    }
}
