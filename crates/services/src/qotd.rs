//! `qotd` (RFC 865): the quote of the day.
//!
//! The day picks the quote, so that every connection and every core of a server gives the same one.
//! RFC 865 asks for fewer than 512 characters and recommends ASCII; half of ours are Chinese in
//! UTF-8, which every terminal of today shows.

use crate::contract::{Answer, DatagramService, Flow, StreamService, UnixTime};

/// The sayings, all of them centuries old and nobody's property.
const QUOTES: [&str; 14] = [
    "Look before you leap.\r\n",
    "千里之行，始于足下。 (老子)\r\n",
    "A stitch in time saves nine.\r\n",
    "三人行，必有我师焉。 (论语)\r\n",
    "Measure twice, cut once.\r\n",
    "不积跬步，无以至千里。 (荀子)\r\n",
    "Many hands make light work.\r\n",
    "温故而知新，可以为师矣。 (论语)\r\n",
    "Strike while the iron is hot.\r\n",
    "知之为知之，不知为不知，是知也。 (论语)\r\n",
    "Still waters run deep.\r\n",
    "有朋自远方来，不亦乐乎？ (论语)\r\n",
    "Little strokes fell great oaks.\r\n",
    "欲穷千里目，更上一层楼。 (王之涣)\r\n",
];

const SECONDS_PER_DAY: u64 = 86_400;

/// Quote of the day over either transport.
#[derive(Debug, Default)]
pub struct Qotd;

impl DatagramService for Qotd {
    fn on_datagram(&mut self, now: UnixTime, _: &mut [u8], reply: &mut Vec<u8>) -> Answer {
        reply.extend_from_slice(quote(now).as_bytes());
        Answer::Written
    }
}

impl StreamService for Qotd {
    fn on_open(&mut self, now: UnixTime, out: &mut Vec<u8>) -> Flow {
        out.extend_from_slice(quote(now).as_bytes());
        Flow::Finish
    }

    fn on_bytes(&mut self, _: UnixTime, _: &[u8], _: &mut Vec<u8>) -> Flow {
        Flow::Finish
    }
}

/// The quote of the day (in UTC) that `now` falls in, with CR and LF.
fn quote(now: UnixTime) -> &'static str {
    let day = now.0 / SECONDS_PER_DAY;
    QUOTES[(day % QUOTES.len() as u64) as usize]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_quote_is_one_line_of_fewer_than_512_bytes() {
        for quote in QUOTES {
            let line = quote.strip_suffix("\r\n").expect("ends its line");
            assert!(!line.contains(['\r', '\n']) && quote.len() < 512, "{quote:?}");
        }
    }

    #[test]
    fn a_day_has_one_quote_and_the_next_day_another_until_all_were_said() {
        assert_eq!(quote(UnixTime(0)), quote(UnixTime(SECONDS_PER_DAY - 1)));
        let round: Vec<&str> = (0..14).map(|day| quote(UnixTime(day * SECONDS_PER_DAY))).collect();
        assert_eq!(round, QUOTES);
        assert_eq!(quote(UnixTime(14 * SECONDS_PER_DAY)), QUOTES[0]);
    }

    #[test]
    fn a_stream_gets_the_quote_at_once_and_the_end() {
        let mut out = Vec::new();
        assert_eq!(Qotd.on_open(UnixTime(0), &mut out), Flow::Finish);
        let mut reply = Vec::new();
        assert_eq!(Qotd.on_datagram(UnixTime(0), &mut [], &mut reply), Answer::Written);
        assert_eq!(
            (out.as_slice(), reply.as_slice()),
            (QUOTES[0].as_bytes(), QUOTES[0].as_bytes())
        );
    }
}
