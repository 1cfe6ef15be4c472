//! The table of services, the one place that knows which there are.
//!
//! Dispatch, help, the guard and `callbox services` read it; no list of services is kept by hand
//! anywhere else.

use std::fmt::Write as _;

use crate::chargen::{ChargenDatagram, ChargenStream};
use crate::contract::{DatagramService, StreamService};
use crate::daytime::Daytime;
use crate::discard::Discard;
use crate::echo::Echo;
use crate::greeting::Greeting;
use crate::qotd::Qotd;
use crate::time::Time;
use crate::upper::{UpperDatagram, UpperStream};

/// The service of a datagram server that is not told which.
pub const DEFAULT_DATAGRAM: &str = "upper";

/// The service of a stream server that is not told which.
pub const DEFAULT_STREAM: &str = "greeting";

/// Every service, in the order in which they are shown: ours first, then by RFC.
pub static TABLE: &[Service] = &[
    Service {
        name: "upper",
        rfc: None,
        summary: "the text in capitals, any script, UTF-8",
        datagram: Some(|| Box::new(UpperDatagram)),
        stream: Some(|| Box::<UpperStream>::default()),
        reply: ReplyKind::Transform,
        longer: true,
        divisible: false,
        client: ClientShape::Lines,
    },
    Service {
        name: "greeting",
        rfc: None,
        summary: "16 bytes with the 16 bytes 'Goodbye, client!', then closes",
        datagram: None,
        stream: Some(|| Box::<Greeting>::default()),
        reply: ReplyKind::Generated,
        longer: false,
        divisible: false,
        client: ClientShape::FixedLength,
    },
    Service {
        name: "echo",
        rfc: Some(862),
        summary: "what it was sent, unchanged",
        datagram: Some(|| Box::new(Echo)),
        stream: Some(|| Box::new(Echo)),
        reply: ReplyKind::Transform,
        longer: false,
        divisible: false,
        client: ClientShape::Lines,
    },
    Service {
        name: "discard",
        rfc: Some(863),
        summary: "nothing",
        datagram: Some(|| Box::new(Discard)),
        stream: Some(|| Box::new(Discard)),
        reply: ReplyKind::None,
        longer: false,
        divisible: false,
        client: ClientShape::SendOnly,
    },
    Service {
        name: "chargen",
        rfc: Some(864),
        summary: "a pattern of printable characters, on a stream without end",
        datagram: Some(|| Box::<ChargenDatagram>::default()),
        stream: Some(|| Box::<ChargenStream>::default()),
        reply: ReplyKind::Generated,
        longer: true,
        divisible: true,
        client: ClientShape::ReadOnly { ends: false },
    },
    Service {
        name: "qotd",
        rfc: Some(865),
        summary: "the quote of the day",
        datagram: Some(|| Box::new(Qotd)),
        stream: Some(|| Box::new(Qotd)),
        reply: ReplyKind::Generated,
        longer: true,
        divisible: false,
        client: ClientShape::ReadOnly { ends: true },
    },
    Service {
        name: "daytime",
        rfc: Some(867),
        summary: "the date and time in UTC, for people",
        datagram: Some(|| Box::new(Daytime)),
        stream: Some(|| Box::new(Daytime)),
        reply: ReplyKind::Generated,
        longer: true,
        divisible: false,
        client: ClientShape::ReadOnly { ends: true },
    },
    Service {
        name: "time",
        rfc: Some(868),
        summary: "the seconds since 1900 as 32 bits, for programs",
        datagram: Some(|| Box::new(Time)),
        stream: Some(|| Box::new(Time)),
        reply: ReplyKind::Generated,
        longer: true,
        divisible: false,
        client: ClientShape::Seconds,
    },
];

/// The service called `name`, exactly as the table spells it.
pub fn find(name: &str) -> Option<&'static Service> {
    TABLE.iter().find(|service| service.name == name)
}

/// One row of the table.
#[derive(Clone, Copy, Debug)]
pub struct Service {
    /// What `--service` takes: lower-case ASCII letters.
    pub name: &'static str,
    /// The RFC that defines it, if one does.
    pub rfc: Option<u16>,
    /// What it answers, in one line that completes "answers ...".
    pub summary: &'static str,
    /// Makes the service for a datagram socket; `None` where the service has no datagram form.
    pub datagram: Option<fn() -> Box<dyn DatagramService>>,
    /// Makes the service for one connection; `None` where the service has no stream form.
    pub stream: Option<fn() -> Box<dyn StreamService>>,
    /// Where an answer comes from, which decides how the guard finds a loop.
    pub reply: ReplyKind,
    /// Whether an answer can be longer than its question.
    pub longer: bool,
    /// Whether the beginning of an answer is an answer too; half a date is a wrong one.
    pub divisible: bool,
    /// How a client talks to it over a stream.
    pub client: ClientShape,
}

impl Service {
    /// The names of the transports that it is served over, as a command line has them.
    pub fn transports(&self) -> impl Iterator<Item = &'static str> {
        let either = self.datagram.is_some() || self.stream.is_some();
        [self.datagram.map(|_| "udp"), self.stream.map(|_| "tcp"), either.then_some("unix")]
            .into_iter()
            .flatten()
    }
}

/// Where an answer comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplyKind {
    /// From the question: one that comes back unchanged may be going round.
    Transform,
    /// From the service alone: any question has an answer, so any exchange may be a round of a
    /// loop.
    Generated,
    /// There is none.
    None,
}

/// How a client talks to a service over a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientShape {
    /// Sends a message of an agreed length and reads one of an agreed length.
    FixedLength,
    /// Sends lines and reads a line for each.
    Lines,
    /// Sends and reads nothing.
    SendOnly,
    /// Sends nothing and reads.
    ReadOnly {
        /// Whether the server closes when it has said all.
        ends: bool,
    },
    /// Sends nothing and reads the 32 bits of [`crate::time`].
    Seconds,
}

/// The table as aligned text, a heading and one line a service, for `callbox services`.
pub fn table_text() -> String {
    let heading = ["SERVICE", "TRANSPORTS", "RFC", "ANSWERS"].map(String::from);
    let rows: Vec<[String; 4]> = std::iter::once(heading).chain(TABLE.iter().map(row)).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].len()).max().unwrap_or(0);
    let (name, transports, rfc) = (width(0), width(1), width(2));
    let mut text = String::new();
    for row in &rows {
        // Writing to a string cannot fail.
        let _ =
            writeln!(text, "{:name$}  {:transports$}  {:rfc$}  {}", row[0], row[1], row[2], row[3]);
    }
    text
}

fn row(service: &Service) -> [String; 4] {
    let transports: Vec<&str> = service.transports().collect();
    let rfc = service.rfc.map_or_else(|| "-".to_owned(), |rfc| rfc.to_string());
    [service.name.to_owned(), transports.join(" "), rfc, service.summary.to_owned()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::{Answer, Flow, UnixTime};

    #[test]
    fn names_are_unique_lower_case_words() {
        for (place, service) in TABLE.iter().enumerate() {
            assert!(service.name.bytes().all(|b| b.is_ascii_lowercase()), "{}", service.name);
            assert!(TABLE[..place].iter().all(|other| other.name != service.name));
            assert!(std::ptr::eq(find(service.name).unwrap(), service));
        }
        assert!(find("Echo").is_none() && find("").is_none());
    }

    #[test]
    fn every_service_has_a_transport_and_a_summary_of_one_line() {
        for service in TABLE {
            assert!(service.transports().count() >= 2, "{}", service.name);
            assert!(!service.summary.is_empty() && service.summary.len() <= 60);
            assert!(!service.summary.contains(['\n', '\t']) && !service.summary.ends_with('.'));
        }
    }

    #[test]
    fn services_of_an_rfc_have_the_transports_of_their_rfc() {
        let rfcs: Vec<u16> = TABLE.iter().filter_map(|service| service.rfc).collect();
        assert_eq!(rfcs, [862, 863, 864, 865, 867, 868]);
        // Each of the six has a "TCP Based" and a "UDP Based" section.
        for service in TABLE.iter().filter(|service| service.rfc.is_some()) {
            assert!(service.datagram.is_some() && service.stream.is_some(), "{}", service.name);
        }
    }

    #[test]
    fn the_defaults_are_in_the_table_with_their_transport() {
        assert!(find(DEFAULT_DATAGRAM).unwrap().datagram.is_some());
        assert!(find(DEFAULT_STREAM).unwrap().stream.is_some());
    }

    #[test]
    fn the_kind_of_reply_is_what_the_service_does() {
        for service in TABLE {
            let Some(make) = service.datagram else { continue };
            for question in [b"".as_slice(), b"abc", b"123"] {
                let (mut datagram, mut reply) = (question.to_vec(), Vec::new());
                let answer = make().on_datagram(UnixTime(0), &mut datagram, &mut reply);
                match service.reply {
                    ReplyKind::None => assert_eq!(answer, Answer::Silence, "{}", service.name),
                    ReplyKind::Generated => assert_eq!(answer, Answer::Written, "{}", service.name),
                    ReplyKind::Transform => {
                        let changed = datagram != question;
                        assert_eq!(answer, Answer::InPlace { changed }, "{}", service.name);
                    }
                }
                assert!(service.longer || reply.len() <= question.len(), "{}", service.name);
            }
        }
    }

    #[test]
    fn the_client_shape_is_what_the_stream_does() {
        for service in TABLE {
            let Some(make) = service.stream else { continue };
            let (mut stream, mut out) = (make(), Vec::new());
            let flow = stream.on_open(UnixTime(0), &mut out);
            let ends = matches!(
                service.client,
                ClientShape::ReadOnly { ends: true } | ClientShape::Seconds
            );
            assert_eq!((flow == Flow::Finish, !out.is_empty()), (ends, ends), "{}", service.name);
            let endless = service.client == ClientShape::ReadOnly { ends: false };
            assert_eq!(stream.generates(), endless, "{}", service.name);
        }
    }

    #[test]
    fn the_text_is_aligned_and_has_a_line_for_every_service() {
        let text = table_text();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), TABLE.len() + 1);
        let column = lines[0].find("ANSWERS").unwrap();
        for (line, service) in lines[1..].iter().zip(TABLE) {
            assert!(line.starts_with(service.name));
            assert_eq!(&line[column..], service.summary);
        }
        assert_eq!(lines[2], format!("greeting  tcp unix      -    {}", TABLE[1].summary));
    }
}
