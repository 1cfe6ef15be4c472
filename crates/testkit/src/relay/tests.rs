//! The relay between plain sockets and an echo server.

use super::*;

/// A server that sends back what it gets until it gets `stop` from its owner.
struct Echo {
    address: SocketAddr,
    thread: Option<JoinHandle<()>>,
}

impl Echo {
    fn start() -> Self {
        let socket = loopback_socket().expect("a socket");
        let address = socket.local_addr().expect("an address");
        let thread = thread::spawn(move || {
            let mut buffer = [0; MAX_DATAGRAM];
            loop {
                let (length, from) = socket.recv_from(&mut buffer).expect("a datagram");
                if &buffer[..length] == b"stop" {
                    return;
                }
                socket.send_to(&buffer[..length], from).expect("a reply");
            }
        });
        Self { address, thread: Some(thread) }
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        let bell = loopback_socket().expect("a socket");
        bell.send_to(b"stop", self.address).expect("the bell");
        self.thread.take().expect("started").join().expect("the echo server ended well");
    }
}

fn client(relay: &Relay) -> UdpSocket {
    let socket = loopback_socket().expect("a socket");
    socket.connect(relay.address()).expect("the relay");
    socket.set_read_timeout(Some(EVENT_DEADLINE)).expect("a deadline");
    socket
}

fn send(socket: &UdpSocket, text: &str) {
    socket.send(text.as_bytes()).expect("sent");
}

#[track_caller]
fn receive(socket: &UdpSocket) -> String {
    let mut buffer = [0; MAX_DATAGRAM];
    let length = socket.recv(&mut buffer).expect("a reply within the deadline");
    String::from_utf8_lossy(&buffer[..length]).into_owned()
}

#[test]
fn replies_get_back_to_the_right_client() {
    let echo = Echo::start();
    let relay = Relay::start(echo.address, Faults::default());
    let clients: Vec<_> = (0..5).map(|_| client(&relay)).collect();
    for (number, client) in clients.iter().enumerate() {
        send(client, &format!("client {number}"));
    }
    for (number, client) in clients.iter().enumerate() {
        assert_eq!(receive(client), format!("client {number}"));
    }
    let counts = relay.wait_for(Direction::Reply, |counts| counts.delivered == 5);
    assert_eq!(counts, Counts { received: 5, delivered: 5, ..Counts::default() });
}

#[test]
fn an_exact_loss_hits_one_datagram() {
    let echo = Echo::start();
    let faults = Faults::default().drop_exactly(Direction::Request, 0);
    let relay = Relay::start(echo.address, faults.drop_exactly(Direction::Reply, 1));
    let client = client(&relay);
    for text in ["request lost", "through", "reply lost", "through again"] {
        send(&client, text);
    }
    assert_eq!(receive(&client), "through");
    assert_eq!(receive(&client), "through again");
    assert_eq!(relay.counts(Direction::Request).lost, 1);
    assert_eq!(relay.counts(Direction::Reply).lost, 1);
}

#[test]
fn an_exact_duplicate_comes_twice() {
    let echo = Echo::start();
    let faults = Faults::default().duplicate_exactly(Direction::Reply, 0);
    let relay = Relay::start(echo.address, faults);
    let client = client(&relay);
    send(&client, "once");
    send(&client, "more");
    assert_eq!([receive(&client), receive(&client), receive(&client)], ["once", "once", "more"]);
}

#[test]
fn a_held_datagram_is_overtaken_by_the_next() {
    let echo = Echo::start();
    let faults = Faults { reorder: 1.0, ..Faults::default() };
    let relay = Relay::start(echo.address, faults);
    let client = client(&relay);
    for number in 0..20 {
        send(&client, &number.to_string());
    }
    let order: Vec<String> = (0..20).map(|_| receive(&client)).collect();
    let mut sorted = order.clone();
    sorted.sort_by_key(|text| text.parse::<u32>().expect("a number"));
    assert_eq!(sorted, (0..20).map(|n: u32| n.to_string()).collect::<Vec<_>>());
    assert!(relay.counts(Direction::Request).reordered > 0);
}

#[test]
fn a_lone_datagram_that_is_held_still_arrives() {
    let echo = Echo::start();
    let relay = Relay::start(echo.address, Faults { reorder: 1.0, ..Faults::default() });
    let client = client(&relay);
    send(&client, "alone");
    assert_eq!(receive(&client), "alone");
    assert_eq!(relay.counts(Direction::Request).reordered, 0);
}

#[test]
fn a_delayed_reply_comes_after_a_later_one() {
    let echo = Echo::start();
    let order_with = |delay| {
        let faults = Faults::default().delay_exactly(Direction::Reply, 0, delay);
        let relay = Relay::start(echo.address, faults);
        let client = client(&relay);
        let start = Instant::now();
        send(&client, "late");
        send(&client, "early");
        let order = [receive(&client), receive(&client)];
        assert!(start.elapsed() >= delay);
        order
    };
    // A machine that stands still may take a short delay for itself.
    let mut orders = [100, 8_000].map(Duration::from_millis).into_iter().map(order_with);
    assert!(orders.any(|order| order == ["early", "late"]));
}

#[test]
fn random_faults_are_counted_as_they_happen() {
    let echo = Echo::start();
    let max_delay = Duration::from_millis(2);
    let faults =
        Faults { loss: 0.2, duplicate: 0.2, reorder: 0.2, max_delay, seed: 3, ..Faults::default() };
    let relay = Relay::start(echo.address, faults);
    let client = client(&relay);
    for number in 0..200 {
        send(&client, &number.to_string());
    }
    let done = |counts: &Counts| counts.received == 200 && counts.delivered + counts.lost == 200;
    let requests = relay.wait_for(Direction::Request, done);
    let replies = requests.delivered + requests.duplicated;
    let back = relay.wait_for(Direction::Reply, |c| c.delivered + c.lost == replies);
    for _ in 0..back.delivered + back.duplicated {
        receive(&client);
    }
    assert!(requests.lost > 0 && requests.duplicated > 0 && requests.reordered > 0);
}

#[test]
fn an_empty_datagram_and_the_largest_pass() {
    let echo = Echo::start();
    let relay = Relay::start(echo.address, Faults::default());
    let client = client(&relay);
    for length in [0, 65_507] {
        let text = "x".repeat(length);
        send(&client, &text);
        assert_eq!(receive(&client), text);
    }
}
