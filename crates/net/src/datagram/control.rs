//! Control messages: what the kernel tells beside a datagram's bytes, and what it is told.
//!
//! The layout is that of cmsg(3). Only the few that callbox uses are known here: the address a datagram was sent to
//! (`IP_PKTINFO`, `IPV6_PKTINFO`), the size of coalesced segments (`UDP_GRO`, `UDP_SEGMENT`), and the count of
//! datagrams that the socket's full buffer cost so far (`SO_RXQ_OVFL`).

use std::net::IpAddr;
use std::ptr;

/// Room for all control messages of one datagram. Received: pktinfo (v6: 20), GRO size (4), overflow count (4), each
/// with a 16-byte header and padding; sent: pktinfo and segment size.
pub(crate) const CONTROL_SPACE: usize = 128;

/// Control messages of one datagram; aligned as `cmsghdr` wants it.
#[repr(C, align(8))]
#[derive(Clone, Copy)]
pub(crate) struct ControlBuffer(pub(crate) [u8; CONTROL_SPACE]);

impl ControlBuffer {
    pub(crate) const EMPTY: Self = Self([0; CONTROL_SPACE]);
}

/// What was told beside a datagram.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Told {
    /// The address that the datagram was sent to, so that the answer can leave from it.
    pub(crate) local: Option<IpAddr>,
    /// The interface it came in by, 0 if not told.
    pub(crate) interface: u32,
    /// It was sent to all hosts or to a group of them, of which we are one.
    pub(crate) to_group: bool,
    /// The address was told by the IPv4 layer.
    ipv4: bool,
    /// The length of each coalesced datagram, 0 if there is only one.
    pub(crate) segment: usize,
    /// Datagrams lost so far because the socket's buffer was full.
    pub(crate) overflow: Option<u32>,
}

/// Reads the control messages of a received message.
///
/// # Safety
/// `header` must be a `msghdr` that the kernel has just filled in, whose `msg_control` still points to
/// `msg_controllen` readable bytes.
pub(crate) unsafe fn read(header: &libc::msghdr) -> Told {
    let mut told = Told::default();
    if header.msg_controllen == 0 {
        return told;
    }
    // SAFETY: the CMSG macros walk the buffer that the caller vouches for, and give null at its end.
    let mut at = unsafe { libc::CMSG_FIRSTHDR(header) };
    while !at.is_null() {
        // SAFETY: `at` is a control message inside that buffer.
        unsafe {
            note(&mut told, &*at);
            at = libc::CMSG_NXTHDR(header, at);
        }
    }
    told
}

/// # Safety
/// `message` must be followed by its payload, as long as its `cmsg_len` says.
unsafe fn note(told: &mut Told, message: &libc::cmsghdr) {
    // SAFETY: as the caller promises.
    unsafe {
        match (message.cmsg_level, message.cmsg_type) {
            (libc::IPPROTO_IP, libc::IP_PKTINFO) => {
                let Some(info) = payload::<libc::in_pktinfo>(message) else { return };
                // `ipi_spec_dst` is the local address to answer from, also where the datagram went to all hosts. Beside
                // an IPv6 one (on a dual-stack socket) it is the better of the two.
                told.local = Some(IpAddr::from(info.ipi_spec_dst.s_addr.to_ne_bytes()));
                told.interface = info.ipi_ifindex as u32;
                told.to_group = info.ipi_addr.s_addr != info.ipi_spec_dst.s_addr;
                told.ipv4 = true;
            }
            (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO) if !told.ipv4 => {
                let Some(info) = payload::<libc::in6_pktinfo>(message) else { return };
                let address = IpAddr::from(info.ipi6_addr.s6_addr);
                told.local = Some(address);
                told.interface = info.ipi6_ifindex;
                told.to_group = address.is_multicast();
            }
            (libc::SOL_UDP, libc::UDP_GRO) => {
                let Some(segment) = payload::<libc::c_int>(message) else { return };
                told.segment = segment as usize;
            }
            (libc::SOL_SOCKET, libc::SO_RXQ_OVFL) => told.overflow = payload(message),
            _ => {}
        }
    }
}

/// The payload of a control message, if it is long enough to be a `T`.
///
/// # Safety
/// `message` must be followed by its payload, as long as its `cmsg_len` says, and any bytes must be a valid `T`.
unsafe fn payload<T: Copy>(message: &libc::cmsghdr) -> Option<T> {
    // SAFETY: CMSG_LEN only calculates; the read is within the payload, and unaligned as that may be.
    unsafe {
        // The length's type differs between systems; CMSG_LEN's does not.
        let needed = libc::CMSG_LEN(size_of::<T>() as u32) as usize;
        (message.cmsg_len >= needed as _)
            .then(|| ptr::read_unaligned(libc::CMSG_DATA(message).cast::<T>()))
    }
}

/// Writes the control messages of a message to be sent and gives their length in `buffer`.
///
/// `from` is the source address, with the interface that a link-local one needs; `segment` is the length at which the
/// kernel cuts the message into datagrams, or 0.
pub(crate) fn write(
    buffer: &mut ControlBuffer,
    from: Option<(IpAddr, u32)>,
    segment: u16,
) -> usize {
    let mut used = 0;
    match from {
        Some((IpAddr::V4(address), _)) => {
            let info = libc::in_pktinfo {
                // 0: the route decides; naming the interface would forbid an asymmetric one.
                ipi_ifindex: 0,
                ipi_spec_dst: libc::in_addr { s_addr: u32::from_ne_bytes(address.octets()) },
                ipi_addr: libc::in_addr { s_addr: 0 },
            };
            used = append(buffer, used, libc::IPPROTO_IP, libc::IP_PKTINFO, &info);
        }
        Some((IpAddr::V6(address), interface)) => {
            let scoped = address.is_unicast_link_local();
            let info = libc::in6_pktinfo {
                ipi6_addr: libc::in6_addr { s6_addr: address.octets() },
                ipi6_ifindex: if scoped { interface as _ } else { 0 },
            };
            used = append(buffer, used, libc::IPPROTO_IPV6, libc::IPV6_PKTINFO, &info);
        }
        None => {}
    }
    if segment > 0 {
        used = append(buffer, used, libc::SOL_UDP, libc::UDP_SEGMENT, &segment);
    }
    used
}

fn append<T: Copy>(
    buffer: &mut ControlBuffer,
    at: usize,
    level: i32,
    kind: i32,
    value: &T,
) -> usize {
    let size = size_of::<T>() as u32;
    // SAFETY: CMSG_SPACE and CMSG_LEN only calculate.
    let (space, length) =
        unsafe { (libc::CMSG_SPACE(size) as usize, libc::CMSG_LEN(size) as usize) };
    assert!(at + space <= CONTROL_SPACE, "control messages are of known sizes and fit");
    // SAFETY: `space` bytes from `at` are inside the buffer (asserted above). `at` is a sum of CMSG_SPACEs and the buffer
    // is aligned to 8, so the header is aligned; CMSG_DATA of it lies within CMSG_LEN.
    unsafe {
        let header = buffer.0.as_mut_ptr().add(at).cast::<libc::cmsghdr>();
        (*header).cmsg_level = level;
        (*header).cmsg_type = kind;
        (*header).cmsg_len = length as _;
        ptr::write_unaligned(libc::CMSG_DATA(header).cast::<T>(), *value);
    }
    at + space
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round_trip(from: Option<(IpAddr, u32)>, segment: u16) -> (Vec<(i32, i32)>, Told) {
        let mut buffer = ControlBuffer::EMPTY;
        let length = write(&mut buffer, from, segment);
        // SAFETY: msghdr is plain data, and zero is a valid value of each field.
        let mut header: libc::msghdr = unsafe { std::mem::zeroed() };
        header.msg_control = buffer.0.as_mut_ptr().cast();
        header.msg_controllen = length as _;
        let mut kinds = Vec::new();
        // SAFETY: `write` filled the buffer that the header points to.
        unsafe {
            let mut at = libc::CMSG_FIRSTHDR(&header);
            while !at.is_null() {
                kinds.push(((*at).cmsg_level, (*at).cmsg_type));
                at = libc::CMSG_NXTHDR(&header, at);
            }
            (kinds, read(&header))
        }
    }

    #[test]
    fn nothing_to_say_takes_no_control_message() {
        assert_eq!(round_trip(None, 0), (vec![], Told::default()));
    }

    #[test]
    fn a_source_address_and_a_segment_size_are_read_back() {
        let v4: IpAddr = "127.0.0.2".parse().unwrap();
        let (kinds, told) = round_trip(Some((v4, 7)), 64);
        assert_eq!(
            kinds,
            [(libc::IPPROTO_IP, libc::IP_PKTINFO), (libc::SOL_UDP, libc::UDP_SEGMENT)]
        );
        assert_eq!((told.local, told.interface), (Some(v4), 0));
        assert!(told.to_group, "the address it was sent to is not ours");

        let v6: IpAddr = "fe80::1".parse().unwrap();
        let (_, told) = round_trip(Some((v6, 7)), 0);
        assert_eq!(
            (told.local, told.interface),
            (Some(v6), 7),
            "a link-local source needs its interface"
        );
    }
}
