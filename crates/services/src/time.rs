//! `time` (RFC 868): the seconds since 1900 as 32 bits, for programs to read.
//!
//! The count passes its last value on 2036-02-07 at 06:28:15 UTC and begins again at 0, as NTP's
//! does (RFC 5905, section 6). A client that reads a small number after that day has to take it as
//! of the second era; nothing in the answer tells it.

use crate::contract::{Answer, DatagramService, Flow, StreamService, UnixTime};

/// Seconds from 1900-01-01 to 1970-01-01 (RFC 868, notes).
const FROM_1900_TO_1970: u64 = 2_208_988_800;

/// Time over either transport.
#[derive(Debug, Default)]
pub struct Time;

impl DatagramService for Time {
    fn on_datagram(&mut self, now: UnixTime, _: &mut [u8], reply: &mut Vec<u8>) -> Answer {
        reply.extend_from_slice(&seconds_since_1900(now));
        Answer::Written
    }
}

impl StreamService for Time {
    fn on_open(&mut self, now: UnixTime, out: &mut Vec<u8>) -> Flow {
        out.extend_from_slice(&seconds_since_1900(now));
        Flow::Finish
    }

    fn on_bytes(&mut self, _: UnixTime, _: &[u8], _: &mut Vec<u8>) -> Flow {
        Flow::Finish
    }
}

/// The moment that an answer tells. A count from before 1970 is taken as one of the second era, from 2036 on.
pub fn moment(answer: [u8; 4]) -> UnixTime {
    let count = u64::from(u32::from_be_bytes(answer));
    let era = if count < FROM_1900_TO_1970 { 1 << 32 } else { 0 };
    UnixTime(count + era - FROM_1900_TO_1970)
}

/// The count modulo 2³², most significant byte first.
fn seconds_since_1900(now: UnixTime) -> [u8; 4] {
    (now.0.wrapping_add(FROM_1900_TO_1970) as u32).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_of_rfc_868_hold() {
        let year = |years: u64, leap_days: u64| UnixTime((years * 365 + leap_days) * 86_400);
        assert_eq!(seconds_since_1900(year(0, 0)), 2_208_988_800u32.to_be_bytes());
        assert_eq!(seconds_since_1900(year(6, 1)), 2_398_291_200u32.to_be_bytes());
        assert_eq!(seconds_since_1900(year(10, 2)), 2_524_521_600u32.to_be_bytes());
    }

    #[test]
    fn the_count_begins_again_in_2036() {
        // 2036-02-07T06:28:15Z and the second after it.
        assert_eq!(seconds_since_1900(UnixTime(2_085_978_495)), [0xff; 4]);
        assert_eq!(seconds_since_1900(UnixTime(2_085_978_496)), [0; 4]);
    }

    #[test]
    fn a_moment_is_read_back_in_both_eras() {
        for now in [0, 1, 1_795_342_184, 2_085_978_495, 2_085_978_496, 4_000_000_000] {
            assert_eq!(moment(seconds_since_1900(UnixTime(now))), UnixTime(now));
        }
    }

    #[test]
    fn datagram_and_stream_say_the_same() {
        let (mut reply, mut out) = (Vec::new(), Vec::new());
        assert_eq!(Time.on_datagram(UnixTime(7), &mut [], &mut reply), Answer::Written);
        assert_eq!(Time.on_open(UnixTime(7), &mut out), Flow::Finish);
        assert_eq!((reply.as_slice(), reply.len()), (out.as_slice(), 4));
    }
}
