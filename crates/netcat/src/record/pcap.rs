//! What passed, as a capture that tshark and Wireshark read (`--pcap`).
//!
//! No packet is looked at: the file tells what the program sent and received, as it would have travelled. So it needs no
//! rights, shows in the clear what was said through TLS, and works for Unix sockets, which get addresses of the loopback.
//! Streams become TCP with an opening, sequence numbers that are places in the stream, and an end; messages become UDP.
//!
//! The format is that of libpcap (draft-ietf-opsawg-pcap), with nanoseconds and packets that begin with their IP header
//! (LINKTYPE_RAW).

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

/// What a file begins with.
pub const HEADER: [u8; 24] = {
    let mut header = [0; 24];
    // The magic number of nanoseconds, version 2.4, two unused fields, the longest packet, LINKTYPE_RAW.
    let words: [u32; 6] = [0xa1b2_3c4d, 2 | 4 << 16, 0, 0, 0xffff, 101];
    let mut word = 0;
    while word < 6 {
        let bytes = words[word].to_le_bytes();
        let mut byte = 0;
        while byte < 4 {
            header[word * 4 + byte] = bytes[byte];
            byte += 1;
        }
        word += 1;
    }
    header
};

/// How much of a stream one packet carries: what fits IPv4's 65,535 bytes with all headers.
const SEGMENT: usize = 60 * 1024;

/// How much may be under way before an acknowledgement is written where the other direction says nothing. Readers take a
/// stream without any for one with losses.
const UNACKNOWLEDGED: u32 = 256 * 1024;

/// The longest message: UDP's over IPv4. A longer one, over a Unix socket, is cut.
const MESSAGE: usize = 65_507;

const FIN: u8 = 1;
const SYN: u8 = 2;
const PUSH: u8 = 8;
const ACK: u8 = 16;

/// What carries the bytes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Carrier {
    /// A stream: told as TCP.
    Stream,
    /// Messages: told as UDP.
    Messages,
}

/// Who speaks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Side {
    /// This program.
    Local,
    /// The other end.
    Peer,
}

/// One connection as it goes into the file.
#[derive(Clone, Debug)]
pub struct Flow {
    carrier: Carrier,
    /// Ours and the peer's.
    ends: [End; 2],
}

#[derive(Clone, Debug)]
struct End {
    address: SocketAddr,
    /// What its next packet begins with.
    sequence: u32,
    /// Up to where the other has acknowledged it.
    acknowledged: u32,
    /// Whether it has said its end.
    is_over: bool,
}

impl Flow {
    /// A connection that `opener` opened, at a time since 1970. Both addresses are of one family, or become it.
    pub fn open(
        carrier: Carrier,
        local: SocketAddr,
        peer: SocketAddr,
        opener: Side,
        time: Duration,
        out: &mut Vec<u8>,
    ) -> Self {
        let ends = one_family(local, peer).map(|address| End {
            address,
            sequence: 0,
            acknowledged: 0,
            is_over: false,
        });
        let mut flow = Self { carrier, ends };
        if carrier == Carrier::Stream {
            let answerer = opener.other();
            flow.write_segment(opener, SYN, &[], time, out);
            flow.write_segment(answerer, SYN | ACK, &[], time, out);
            flow.write_segment(opener, ACK, &[], time, out);
        }
        flow
    }

    /// Bytes of one side: what was read or written at once, of messages one.
    pub fn write(&mut self, side: Side, bytes: &[u8], time: Duration, out: &mut Vec<u8>) {
        if self.carrier == Carrier::Messages {
            return self.write_message(side, &bytes[..bytes.len().min(MESSAGE)], time, out);
        }
        if self.ends[side as usize].is_over {
            return;
        }
        for segment in bytes.chunks(SEGMENT) {
            self.write_segment(side, PUSH | ACK, segment, time, out);
            let end = &self.ends[side as usize];
            if end.sequence.wrapping_sub(end.acknowledged) >= UNACKNOWLEDGED {
                self.write_segment(side.other(), ACK, &[], time, out);
            }
        }
    }

    /// One side will say nothing more.
    pub fn end(&mut self, side: Side, time: Duration, out: &mut Vec<u8>) {
        if self.carrier == Carrier::Stream && !self.ends[side as usize].is_over {
            self.write_segment(side, FIN | ACK, &[], time, out);
            self.ends[side as usize].is_over = true;
            self.write_segment(side.other(), ACK, &[], time, out);
        }
    }

    fn write_segment(
        &mut self,
        side: Side,
        flags: u8,
        bytes: &[u8],
        time: Duration,
        out: &mut Vec<u8>,
    ) {
        // Only an opening has options: the largest segment, and a window of 1 GiB, which nothing overruns.
        let options: &[u8] = if flags & SYN == 0 { &[] } else { &[2, 4, 0xff, 0xd7, 1, 3, 3, 14] };
        let header = 20 + options.len();
        let heard = self.ends[side.other() as usize].sequence;
        let packet = self.begin_packet(side, 6, header + bytes.len(), time, out);
        let sequence = self.ends[side as usize].sequence;
        out.extend_from_slice(&sequence.to_be_bytes());
        out.extend_from_slice(&(if flags & ACK == 0 { 0 } else { heard }).to_be_bytes());
        out.extend_from_slice(&[(header as u8 / 4) << 4, flags, 0xff, 0xff, 0, 0, 0, 0]);
        out.extend_from_slice(options);
        out.extend_from_slice(bytes);
        self.write_sum(side, 6, packet, 16, out);
        if flags & ACK != 0 {
            self.ends[side.other() as usize].acknowledged = heard;
        }
        let counted = bytes.len() as u32 + u32::from(flags & (SYN | FIN) != 0);
        self.ends[side as usize].sequence = sequence.wrapping_add(counted);
    }

    fn write_message(&mut self, side: Side, bytes: &[u8], time: Duration, out: &mut Vec<u8>) {
        let length = 8 + bytes.len();
        let packet = self.begin_packet(side, 17, length, time, out);
        out.extend_from_slice(&(length as u16).to_be_bytes());
        out.extend_from_slice(&[0, 0]);
        out.extend_from_slice(bytes);
        self.write_sum(side, 17, packet, 6, out);
    }

    /// Writes the file's header of a packet, the IP header, and the two ports. Gives where the ports stand.
    fn begin_packet(
        &self,
        side: Side,
        protocol: u8,
        length: usize,
        time: Duration,
        out: &mut Vec<u8>,
    ) -> usize {
        let from = self.ends[side as usize].address;
        let to = self.ends[side.other() as usize].address;
        let ip_header = if from.is_ipv4() { 20 } else { 40 };
        let total = (ip_header + length) as u32;
        for word in [time.as_secs() as u32, time.subsec_nanos(), total, total] {
            out.extend_from_slice(&word.to_le_bytes());
        }
        let start = out.len();
        match (from.ip(), to.ip()) {
            (IpAddr::V4(from), IpAddr::V4(to)) => {
                out.extend_from_slice(&[0x45, 0]);
                out.extend_from_slice(&(total as u16).to_be_bytes());
                // No fragments, 64 hops, and the place of the sum.
                out.extend_from_slice(&[0, 0, 0x40, 0, 64, protocol, 0, 0]);
                out.extend_from_slice(&from.octets());
                out.extend_from_slice(&to.octets());
                let sum = !fold(add(0, &out[start..]));
                out[start + 10..start + 12].copy_from_slice(&sum.to_be_bytes());
            }
            (from, to) => {
                out.extend_from_slice(&[0x60, 0, 0, 0]);
                out.extend_from_slice(&(length as u16).to_be_bytes());
                out.extend_from_slice(&[protocol, 64]);
                out.extend_from_slice(&octets(from));
                out.extend_from_slice(&octets(to));
            }
        }
        let packet = out.len();
        out.extend_from_slice(&from.port().to_be_bytes());
        out.extend_from_slice(&to.port().to_be_bytes());
        packet
    }

    /// Fills in the checksum, at `place` of the packet that began at `packet` and is whole: over the addresses, the
    /// protocol, the length, and all of it (RFC 9293 section 3.1, RFC 768, RFC 8200 section 8.1).
    fn write_sum(&self, side: Side, protocol: u8, packet: usize, place: usize, out: &mut [u8]) {
        let mut sum = u64::from(protocol) + (out.len() - packet) as u64;
        for end in [side, side.other()] {
            sum = match self.ends[end as usize].address.ip() {
                IpAddr::V4(ip) => add(sum, &ip.octets()),
                IpAddr::V6(ip) => add(sum, &ip.octets()),
            };
        }
        let sum = !fold(add(sum, &out[packet..]));
        // With UDP, zero would say that there is no sum.
        let sum = if sum == 0 && protocol == 17 { 0xffff } else { sum };
        out[packet + place..packet + place + 2].copy_from_slice(&sum.to_be_bytes());
    }
}

impl Side {
    fn other(self) -> Self {
        match self {
            Self::Local => Self::Peer,
            Self::Peer => Self::Local,
        }
    }
}

/// Addresses for two ends that have none, such as those of a Unix socket, as the `index`-th connection of its kind.
pub fn stand_ins(index: u64, opener: Side) -> (SocketAddr, SocketAddr) {
    /// Where the ports begin that systems give to clients.
    const FIRST: u64 = 49_152;
    let at = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let client = at((FIRST + index % (65_536 - FIRST)) as u16);
    let server = at(31_337);
    match opener {
        Side::Local => (client, server),
        Side::Peer => (server, client),
    }
}

fn one_family(local: SocketAddr, peer: SocketAddr) -> [SocketAddr; 2] {
    let ends = [local, peer].map(|end| SocketAddr::new(end.ip().to_canonical(), end.port()));
    if ends[0].is_ipv4() == ends[1].is_ipv4() {
        return ends;
    }
    ends.map(|end| SocketAddr::new(IpAddr::from(octets(end.ip())), end.port()))
}

fn octets(ip: IpAddr) -> [u8; 16] {
    match ip {
        IpAddr::V4(ip) => ip.to_ipv6_mapped().octets(),
        IpAddr::V6(ip) => ip.octets(),
    }
}

/// Adds bytes to a sum as words of two.
fn add(sum: u64, bytes: &[u8]) -> u64 {
    let (words, rest) = bytes.as_chunks::<2>();
    let whole = words.iter().map(|&word| u64::from(u16::from_be_bytes(word))).sum::<u64>();
    sum + whole + rest.first().map_or(0, |&byte| u64::from(byte) << 8)
}

fn fold(mut sum: u64) -> u16 {
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    sum as u16
}

#[cfg(test)]
mod tests;
