//! What ten thousand connections cost `callbox chat server`, and that others do not feel them.
//!
//! Each test holds one end of every connection itself, so the server's memory is the server's alone. Figures are
//! printed; the bound on memory is the promised one in a release build, and a looser one otherwise.

mod client;

use std::net::SocketAddr;
use std::time::Duration;

use callbox_testkit::resources::{raise_open_files, resident_memory};
use callbox_testkit::{Finished, Folder, Program, Running, Signal};

use client::{Client, welcome_all};

/// The connections that are held.
const HELD: usize = 10_000;

/// Descriptors that are wanted beside theirs, by the test and by the server.
const SPARE: u64 = 200;

/// Resident memory of the server for each client that has come in and says nothing.
const IDLE_BYTES: u64 = if cfg!(debug_assertions) { 16 << 10 } else { 10 << 10 };

/// What half a line in hand may add to it: an input buffer, and its share of the allocator's waste.
const HALF_LINE_BYTES: u64 = 4 << 10;

/// The median of the exchanges beside all that. It is far above what they take, as the machine may be busy, and far
/// below what they would take if the server looked at each idle client for each of them.
const QUICK: Duration = Duration::from_millis(50);

/// How often each of them ends its line and begins another.
const ROUNDS: usize = 48;

/// After so many rounds the allocator has what it needs, and cost is taken. From here on it grows by a step now and then, when
/// more answers wait together than ever before, and that by less than a quarter. What each round loses adds up to more: the
/// smallest allocation by far, and a half line that stays in its buffer too.
const SETTLED: usize = 12;

/// Half a line, and its other half.
const HALF: [&[u8]; 2] = [b"PING ha", b"lf\r\n"];

#[test]
fn ten_thousand_idle_clients_cost_10_kib_each_and_slow_nobody() {
    if !may_hold() {
        return;
    }
    let data = Folder::new("load");
    let (server, address) = start(&data);
    let alone = exchanges(address, "before");
    let before = resident_memory(server.id());

    let mut held: Vec<Client> = (0..HELD).map(|_| Client::connect(address)).collect();
    welcome_all(&mut held, "idle");
    let beside = exchanges(address, "beside");
    let idle = each(&server, before);
    println!("{idle} bytes of resident memory for each idle client");
    println!("an exchange takes {alone:?} alone, and {beside:?} beside {HELD} idle clients");
    assert!(idle <= IDLE_BYTES, "{idle} bytes of resident memory for each idle client");
    assert!(beside <= QUICK, "an exchange took {beside:?} beside {HELD} idle clients");

    // The same clients, each with half a line on its way.
    held.iter_mut().for_each(|client| client.send(HALF[0]));
    let beside = exchanges(address, "halves");
    let half = each(&server, before);
    println!("{half} bytes for each, and {beside:?} for an exchange, with half a line from each");
    assert!(half <= IDLE_BYTES + HALF_LINE_BYTES, "{half} bytes for each with half a line");
    assert!(beside <= QUICK, "an exchange took {beside:?} beside {HELD} halves of lines");

    // Again and again the other half comes, with half of the next line behind it. Not one of them is dropped, none loses its
    // half, and nothing grows round after round.
    let next: Vec<u8> = [HALF[1], HALF[0]].concat();
    let mut settled = half;
    for round in 1..=ROUNDS {
        held.iter_mut().for_each(|client| client.send(&next));
        for client in &mut held {
            client.wait_for(" PONG ");
            assert!(client.last().ends_with("half"), "{:?}", client.last());
        }
        if round == SETTLED {
            settled = each(&server, before);
            assert!(settled <= IDLE_BYTES + HALF_LINE_BYTES, "{settled} bytes for each by then");
        }
    }
    let cost = each(&server, before);
    let most = settled + (settled >> 2);
    println!(
        "{settled} bytes for each after {SETTLED} rounds of halves, and {cost} after {ROUNDS}"
    );
    assert!(cost <= most, "{settled} bytes for each after {SETTLED} rounds, {cost} after {ROUNDS}");
    let beside = exchanges(address, "rounds");
    println!("{beside:?} for an exchange after {ROUNDS} rounds of halves");
    assert!(beside <= QUICK, "an exchange took {beside:?} after {ROUNDS} rounds of halves");
    stop(server);
}

#[test]
fn ten_thousand_strangers_with_half_a_line_cost_little_and_slow_nobody() {
    if !may_hold() {
        return;
    }
    let data = Folder::new("load");
    let (server, address) = start(&data);
    exchanges(address, "before");
    let before = resident_memory(server.id());

    let mut held: Vec<Client> = (0..HELD).map(|_| Client::connect(address)).collect();
    held.iter_mut().for_each(|client| client.send(b"NICK hal"));
    let beside = exchanges(address, "beside");
    let cost = each(&server, before);
    println!(
        "{cost} bytes for each stranger, and {beside:?} for an exchange beside {HELD} of them"
    );
    assert!(cost <= IDLE_BYTES, "{cost} bytes of resident memory for each stranger");
    assert!(beside <= QUICK, "an exchange took {beside:?} beside {HELD} strangers");

    // Those who go on come in.
    for (number, at) in [0, HELD / 2, HELD - 1].into_iter().enumerate() {
        held[at].send(format!("f{number}\r\nUSER u 0 * :u\r\n").as_bytes());
        held[at].wait_for(" 001 ");
        assert!(held[at].last().contains(&format!(" half{number} ")), "{:?}", held[at].last());
    }
    stop(server);
}

/// Whether this system lets a process hold that many connections; says so if it does not.
fn may_hold() -> bool {
    let limit = raise_open_files();
    let may = limit >= HELD as u64 + SPARE;
    if !may {
        println!(
            "skipped: {HELD} connections need more than the {limit} open files allowed here (ulimit -Hn)"
        );
    }
    may
}

/// A chat as it is without a configuration file, ready.
#[track_caller]
fn start(data: &Folder) -> (Running, SocketAddr) {
    let program = Program::new(env!("CARGO_BIN_EXE_callbox"));
    let program = program.args(["chat", "server", "-q", "-p", "0", "--data"]).arg(data.path());
    let mut running = program.env("XDG_CONFIG_HOME", data.path()).spawn();
    let address = running.wait_until_listening();
    (running, address)
}

#[track_caller]
fn stop(server: Running) -> Finished {
    server.signal(Signal::TERM);
    let finished = server.wait();
    finished.expect_code(0);
    finished
}

/// What the server's memory has grown by since `before`, for each of the held.
fn each(server: &Running, before: u64) -> u64 {
    resident_memory(server.id()).saturating_sub(before) / HELD as u64
}

/// The median time from a line said in the lobby to its arrival at somebody else, over ten pairs of newcomers with ten
/// lines each: fewer than flood control lets through at once.
#[track_caller]
fn exchanges(address: SocketAddr, name: &str) -> Duration {
    let mut taken = Vec::new();
    for pair in 0..10 {
        let mut people = [Client::connect(address), Client::connect(address)];
        welcome_all(&mut people, &format!("{name}{pair}-"));
        let [talker, listener] = &mut people;
        for person in [&mut *talker, &mut *listener] {
            person.send(b"JOIN #lobby\r\n");
            person.wait_for(" 366 ");
        }
        for line in 0..10 {
            let start = std::time::Instant::now();
            talker.send(format!("PRIVMSG #lobby :{name} {pair} {line}\r\n").as_bytes());
            listener.wait_for(&format!("PRIVMSG #lobby :{name} {pair} {line}"));
            taken.push(start.elapsed());
        }
    }
    taken.sort_unstable();
    taken[taken.len() / 2]
}
