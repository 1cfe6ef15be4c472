//! Conversations in messages, over real sockets.

use super::*;
use std::net::{SocketAddr, UdpSocket};
use std::os::unix::net::UnixDatagram;
use std::time::Duration;

fn client(to: &MessageListener) -> UdpSocket {
    let address = to.local().inet().unwrap();
    let client = UdpSocket::bind((address.ip(), 0)).unwrap();
    client.connect(address).unwrap();
    client
}

fn heard(socket: &mut MessageSocket) -> Result<Vec<u8>, io::ErrorKind> {
    let mut buffer = [0; 64];
    socket.receive(&mut buffer).map(|n| buffer[..n].to_vec()).map_err(|error| error.kind())
}

const QUIET: Result<Vec<u8>, io::ErrorKind> = Err(io::ErrorKind::WouldBlock);

fn loopback() -> MessageListener {
    MessageListener::udp("127.0.0.1:0".parse().unwrap()).unwrap()
}

fn path(name: &str) -> std::path::PathBuf {
    std::env::temp_dir().join(format!("callbox-message-{}-{name}", std::process::id()))
}

#[test]
fn each_peer_has_a_conversation_of_its_own_from_its_first_message_on() {
    let mut listener = loopback();
    assert_eq!(listener.accept().map(|_| ()).unwrap_err().kind(), io::ErrorKind::WouldBlock);
    let (one, two) = (client(&listener), client(&listener));
    for message in ["one 1", "", "one 3"] {
        one.send(message.as_bytes()).unwrap();
    }
    two.send(b"two 1").unwrap();
    let (mut with_one, peer) = listener.accept().unwrap();
    assert_eq!(peer, Peer::Inet(one.local_addr().unwrap()));
    assert!(listener.has_waiting() && with_one.has_text() && !with_one.is_own());
    let (mut with_two, _) = listener.accept().unwrap();
    assert!(!listener.has_waiting());
    one.send(b"one 4").unwrap();
    two.send(b"two 2").unwrap();
    for message in ["one 1", "", "one 3", "one 4"] {
        assert_eq!(heard(&mut with_one), Ok(message.into()));
    }
    assert_eq!(heard(&mut with_one), QUIET);
    for message in ["two 1", "two 2"] {
        assert_eq!(heard(&mut with_two), Ok(message.into()));
    }
    assert!(with_one.is_own());
    assert_eq!(listener.accept().map(|_| ()).unwrap_err().kind(), io::ErrorKind::WouldBlock);
    for (conversation, client) in [(&mut with_one, &one), (&mut with_two, &two)] {
        conversation.send(b"answer").unwrap();
        let mut buffer = [0; 64];
        assert_eq!(client.recv(&mut buffer).unwrap(), 6);
    }
}

#[test]
#[cfg_attr(not(linux_calls), ignore = "elsewhere the route chooses the address")]
fn a_peer_hears_from_the_address_that_it_wrote_to() {
    for (any, ours) in [("0.0.0.0:0", "127.0.0.5"), ("[::]:0", "::1")] {
        let mut listener = MessageListener::udp(any.parse().unwrap()).unwrap();
        let to = SocketAddr::new(ours.parse().unwrap(), listener.local().inet().unwrap().port());
        let client = UdpSocket::bind((to.ip(), 0)).unwrap();
        client.connect(to).unwrap();
        client.send(b"question").unwrap();
        let (mut conversation, _) = listener.accept().unwrap();
        assert_eq!(*conversation.local(), Peer::Inet(to));
        conversation.send(b"answer").unwrap();
        assert_eq!(client.recv(&mut [0; 64]).unwrap(), 6);
    }
}

#[test]
fn the_one_conversation_of_a_listener_goes_on_without_it() {
    let mut listener = loopback();
    let (one, two) = (client(&listener), client(&listener));
    one.send(b"1").unwrap();
    one.send(b"2").unwrap();
    let (mut conversation, _) = listener.accept_only().unwrap();
    drop(listener);
    one.send(b"3").unwrap();
    let _ = two.send(b"nobody hears this");
    for message in ["1", "2", "3"] {
        assert_eq!(heard(&mut conversation), Ok(message.into()));
    }
    assert_eq!(heard(&mut conversation), QUIET);
}

#[test]
fn an_address_in_use_is_an_error_and_cannot_be_shared_by_asking() {
    let listener = loopback();
    let address = listener.local().inet().unwrap();
    let error = MessageListener::udp(address).map(|_| ()).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
}

#[test]
fn a_peer_that_comes_back_after_its_conversation_has_ended_begins_another() {
    let mut listener = loopback();
    let one = client(&listener);
    one.send(b"1").unwrap();
    drop(listener.accept().unwrap());
    one.send(b"2").unwrap();
    let (mut again, _) = listener.accept().unwrap();
    assert_eq!(heard(&mut again), Ok(b"2".to_vec()));
}

#[test]
fn what_waits_for_a_conversation_has_a_limit() {
    let inbox = Inbox::default();
    for _ in 0..100 {
        inbox.push(&[0; LONGEST]);
    }
    assert!(inbox.messages.borrow().bytes <= MAX_WAITING);
    while inbox.pop().is_some() {}
    assert_eq!(inbox.messages.borrow().bytes, 0);
}

#[test]
fn peers_at_a_unix_socket_are_told_apart_and_answered() {
    let place = path("server");
    let mut listener = MessageListener::unix(&place).unwrap();
    let clients = ["one", "two"].map(|name| {
        let client = UnixDatagram::bind(path(name)).unwrap();
        client.connect(&place).unwrap();
        client.send(name.as_bytes()).unwrap();
        client
    });
    let mut conversations = [listener.accept().unwrap().0, listener.accept().unwrap().0];
    for (name, (conversation, client)) in
        ["one", "two"].iter().zip(conversations.iter_mut().zip(&clients))
    {
        assert!(crate::ready::readable(conversation.as_fd(), Some(Duration::ZERO)).unwrap());
        assert_eq!(heard(conversation), Ok(name.as_bytes().to_vec()));
        assert!(!crate::ready::readable(conversation.as_fd(), Some(Duration::ZERO)).unwrap());
        conversation.send(b"answer").unwrap();
        assert_eq!(client.recv(&mut [0; 64]).unwrap(), 6);
    }
    clients[1].send(b"more").unwrap();
    assert_eq!(listener.accept().map(|_| ()).unwrap_err().kind(), io::ErrorKind::WouldBlock);
    assert_eq!(heard(&mut conversations[0]), QUIET);
    assert_eq!(heard(&mut conversations[1]), Ok(b"more".to_vec()));
    drop((listener, conversations));
    std::fs::remove_file(place).unwrap();
    for name in ["one", "two"] {
        std::fs::remove_file(path(name)).unwrap();
    }
}

#[test]
fn the_one_conversation_at_a_unix_socket_has_the_socket_to_itself() {
    let (place, name) = (path("only"), path("client"));
    let mut listener = MessageListener::unix(&place).unwrap();
    let client = UnixDatagram::bind(&name).unwrap();
    client.connect(&place).unwrap();
    client.send(b"1").unwrap();
    client.send(b"2").unwrap();
    let (mut conversation, _) = listener.accept_only().unwrap();
    drop(listener);
    client.send(b"3").unwrap();
    for message in ["1", "2", "3"] {
        assert_eq!(heard(&mut conversation), Ok(message.into()));
    }
    assert!(conversation.is_own());
    std::fs::remove_file(place).unwrap();
    std::fs::remove_file(name).unwrap();
}

#[test]
fn a_peer_without_a_name_is_heard_and_cannot_be_answered() {
    let place = path("nameless");
    let mut listener = MessageListener::unix(&place).unwrap();
    UnixDatagram::unbound().unwrap().send_to(b"word", &place).unwrap();
    let (mut conversation, peer) = listener.accept_only().unwrap();
    assert_eq!(peer, Peer::NAMELESS);
    assert_eq!(heard(&mut conversation), Ok(b"word".to_vec()));
    assert_eq!(conversation.send(b"x").unwrap_err().kind(), io::ErrorKind::NotConnected);
    std::fs::remove_file(place).unwrap();
}
