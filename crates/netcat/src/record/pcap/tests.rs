//! Captures, taken apart again.

use std::net::SocketAddr;
use std::time::Duration;

use super::{
    ACK, Carrier, FIN, Flow, HEADER, PUSH, SEGMENT, SYN, Side, add, fold, octets, stand_ins,
};

/// A packet as a reader sees it.
#[derive(Debug)]
struct Packet {
    time: Duration,
    from: u16,
    flags: u8,
    sequence: u32,
    acknowledged: u32,
    bytes: Vec<u8>,
}

/// Takes a capture without its header apart, and checks each length and each sum.
fn packets(mut file: &[u8]) -> Vec<Packet> {
    let mut packets = Vec::new();
    let word = |bytes: &[u8]| u32::from_le_bytes(bytes[..4].try_into().unwrap());
    while !file.is_empty() {
        let time = Duration::new(word(file).into(), word(&file[4..]));
        let length = word(&file[8..]) as usize;
        assert_eq!(length, word(&file[12..]) as usize);
        assert!(length <= 0xffff);
        let packet = &file[16..16 + length];
        file = &file[16 + length..];
        let (protocol, sum, rest) = match packet[0] >> 4 {
            4 => {
                assert_eq!(usize::from(u16::from_be_bytes([packet[2], packet[3]])), length);
                assert_eq!(fold(add(0, &packet[..20])), 0xffff, "the header's sum");
                (packet[9], add(0, &packet[12..20]), &packet[20..])
            }
            6 => {
                assert_eq!(usize::from(u16::from_be_bytes([packet[4], packet[5]])), length - 40);
                (packet[6], add(0, &packet[8..40]), &packet[40..])
            }
            version => panic!("IP version {version}"),
        };
        let sum = sum + u64::from(protocol) + rest.len() as u64;
        assert_eq!(fold(add(sum, rest)), 0xffff, "the packet's sum");
        let word = |at: usize| u32::from_be_bytes(rest[at..at + 4].try_into().unwrap());
        let from = u16::from_be_bytes([rest[0], rest[1]]);
        packets.push(match protocol {
            6 => Packet {
                time,
                from,
                flags: rest[13],
                sequence: word(4),
                acknowledged: word(8),
                bytes: rest[usize::from(rest[12] >> 4) * 4..].to_vec(),
            },
            _ => Packet {
                time,
                from,
                flags: 0,
                sequence: 0,
                acknowledged: 0,
                bytes: rest[8..].to_vec(),
            },
        });
    }
    packets
}

fn ends(family: &str) -> (SocketAddr, SocketAddr) {
    let at = |port| format!("{family}:{port}").parse().unwrap();
    (at(5000), at(6000))
}

#[test]
fn the_header_is_that_of_libpcap() {
    assert_eq!(HEADER[..8], [0x4d, 0x3c, 0xb2, 0xa1, 2, 0, 4, 0]);
    assert_eq!(HEADER[16..], [0xff, 0xff, 0, 0, 101, 0, 0, 0]);
}

#[test]
fn a_stream_is_opened_acknowledged_and_ended() {
    for family in ["192.0.2.1", "[2001:db8::1]"] {
        let (local, peer) = ends(family);
        let mut file = Vec::new();
        let time = Duration::new(1_700_000_000, 123_456_789);
        let mut flow = Flow::open(Carrier::Stream, local, peer, Side::Local, time, &mut file);
        flow.write(Side::Local, b"question", time, &mut file);
        flow.end(Side::Local, time, &mut file);
        flow.write(Side::Local, b"too late", time, &mut file);
        flow.write(Side::Peer, b"answer", time, &mut file);
        flow.end(Side::Peer, time, &mut file);
        flow.end(Side::Peer, time, &mut file);
        let told: Vec<_> = packets(&file)
            .into_iter()
            .map(|p| {
                assert_eq!(p.time, time);
                (p.from, p.flags, p.sequence, p.acknowledged, p.bytes)
            })
            .collect();
        let quiet = Vec::new;
        assert_eq!(
            told,
            [
                (5000, SYN, 0, 0, quiet()),
                (6000, SYN | ACK, 0, 1, quiet()),
                (5000, ACK, 1, 1, quiet()),
                (5000, PUSH | ACK, 1, 1, b"question".to_vec()),
                (5000, FIN | ACK, 9, 1, quiet()),
                (6000, ACK, 1, 10, quiet()),
                (6000, PUSH | ACK, 1, 10, b"answer".to_vec()),
                (6000, FIN | ACK, 7, 10, quiet()),
                (5000, ACK, 10, 8, quiet()),
            ]
        );
    }
}

#[test]
fn much_goes_in_segments_that_are_acknowledged_now_and_then() {
    let (local, peer) = stand_ins(70_000, Side::Peer);
    assert_eq!(local.port(), 31_337);
    let mut file = Vec::new();
    let mut flow = Flow::open(Carrier::Stream, local, peer, Side::Peer, Duration::ZERO, &mut file);
    let bytes: Vec<u8> = (0..1_000_000u32).map(|n| n as u8).collect();
    flow.write(Side::Peer, &bytes, Duration::ZERO, &mut file);
    let packets = packets(&file);
    let mut next = 1;
    let mut told = Vec::new();
    let mut acknowledged = 1;
    for packet in &packets[3..] {
        if packet.from == 31_337 {
            assert_eq!((packet.acknowledged, packet.bytes.len()), (next, 0));
            acknowledged = next;
        } else {
            assert_eq!(packet.sequence, next);
            assert!(packet.bytes.len() <= SEGMENT);
            next += packet.bytes.len() as u32;
            told.extend_from_slice(&packet.bytes);
        }
        assert!(next - acknowledged <= 320 * 1024);
    }
    assert!(told == bytes);
}

#[test]
fn messages_are_datagrams_and_never_too_long_for_one() {
    let (local, peer) = ends("192.0.2.1");
    let mut file = Vec::new();
    let mut flow =
        Flow::open(Carrier::Messages, local, peer, Side::Local, Duration::ZERO, &mut file);
    let long = vec![b'x'; 100_000];
    for (side, bytes) in
        [(Side::Local, &b"one"[..]), (Side::Peer, b""), (Side::Local, &long), (Side::Peer, b"odd")]
    {
        flow.write(side, bytes, Duration::ZERO, &mut file);
    }
    flow.end(Side::Local, Duration::ZERO, &mut file);
    let told: Vec<_> = packets(&file).into_iter().map(|p| (p.from, p.bytes.len())).collect();
    assert_eq!(told, [(5000, 3), (6000, 0), (5000, 65_507), (6000, 3)]);
}

#[test]
fn addresses_of_two_families_become_one() {
    let local = "192.0.2.1:1".parse().unwrap();
    let peer: SocketAddr = "[2001:db8::1]:2".parse().unwrap();
    let mut file = Vec::new();
    Flow::open(Carrier::Stream, local, peer, Side::Local, Duration::ZERO, &mut file);
    assert_eq!(packets(&file).len(), 3);
    assert_eq!(octets(local.ip())[10..12], [0xff, 0xff]);
}
