//! `-t`: telnet's negotiations answered, and taken out of the text (RFC 854).

/// Interpret as command: what follows is no text.
const IAC: u8 = 255;
const DONT: u8 = 254;
const DO: u8 = 253;
const WONT: u8 = 252;
const WILL: u8 = 251;
/// The beginning of a subnegotiation, which goes on to an IAC SE.
const SB: u8 = 250;
const SE: u8 = 240;

/// Refuses every option that a telnet server offers or asks for: DO and DONT are answered with WONT, WILL and WONT with
/// DONT. Commands and subnegotiations are taken out of the text, and an IAC IAC in it becomes the one byte 255.
///
/// DONT and WONT only confirm what is so already, so they are answered once for each option, and not if the answer was
/// given before: two that answer would never end otherwise (RFC 854 warns of it).
///
/// Calling contract: [`handle`](Self::handle) for each piece that the peer sends, in their order; `reply` is to be sent
/// to the peer before anything else. Neither output is longer than the input, and only a state is kept, so the caller
/// stays within its bounds if it reads nothing more while replies wait. What is cut off by the end of the connection is
/// dropped. A new connection needs a new `Telnet`.
#[derive(Clone, Debug, Default)]
pub struct Telnet {
    state: State,
    refused_to_do: Options,
    refused_to_let_do: Options,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Text,
    /// Behind an IAC.
    Command,
    /// Behind IAC DO, DONT, WILL or WONT; the option comes.
    Negotiation(u8),
    /// In a subnegotiation, of which nothing is kept, however long it is.
    Sub,
    /// Behind an IAC there.
    SubCommand,
}

impl Telnet {
    /// Appends the text of `input` to `output`, and what is to be answered to `reply`.
    pub fn handle(&mut self, input: &[u8], output: &mut Vec<u8>, reply: &mut Vec<u8>) {
        let mut rest = input;
        while let Some(&first) = rest.first() {
            let taken = match self.state {
                State::Text | State::Sub => {
                    let run = rest.iter().position(|&byte| byte == IAC);
                    if self.state == State::Text {
                        output.extend_from_slice(&rest[..run.unwrap_or(rest.len())]);
                    }
                    match run {
                        None => rest.len(),
                        Some(run) => {
                            self.state = match self.state {
                                State::Sub => State::SubCommand,
                                _ => State::Command,
                            };
                            run + 1
                        }
                    }
                }
                State::Command => {
                    self.command(first, output);
                    1
                }
                State::Negotiation(verb) => {
                    self.answer(verb, first, reply);
                    self.state = State::Text;
                    1
                }
                State::SubCommand => {
                    match first {
                        IAC => self.state = State::Sub,
                        SE => self.state = State::Text,
                        // The end got lost: this is the next command.
                        _ => self.command(first, output),
                    }
                    1
                }
            };
            rest = &rest[taken..];
        }
    }

    fn command(&mut self, command: u8, output: &mut Vec<u8>) {
        self.state = match command {
            DO | DONT | WILL | WONT => State::Negotiation(command),
            SB => State::Sub,
            IAC => {
                output.push(IAC);
                State::Text
            }
            // No operation, go ahead, are you there, …: there is no terminal that could do it.
            _ => State::Text,
        };
    }

    fn answer(&mut self, verb: u8, option: u8, reply: &mut Vec<u8>) {
        let (answer, refused) = match verb {
            DO | DONT => (WONT, &mut self.refused_to_do),
            _ => (DONT, &mut self.refused_to_let_do),
        };
        let is_new = refused.insert(option);
        if is_new || matches!(verb, DO | WILL) {
            reply.extend_from_slice(&[IAC, answer, option]);
        }
    }
}

/// A set of telnet's options.
#[derive(Clone, Copy, Debug, Default)]
struct Options([u64; 4]);

impl Options {
    /// Whether it was not in the set before.
    fn insert(&mut self, option: u8) -> bool {
        let word = &mut self.0[usize::from(option / 64)];
        let bit = 1 << (option % 64);
        let is_new = *word & bit == 0;
        *word |= bit;
        is_new
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn filtered<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> (Vec<u8>, Vec<u8>) {
        let mut telnet = Telnet::default();
        let (mut output, mut reply) = (Vec::new(), Vec::new());
        for piece in pieces {
            telnet.handle(piece, &mut output, &mut reply);
        }
        (output, reply)
    }

    #[test]
    fn every_option_is_refused() {
        let (text, reply) =
            filtered([&b"a\xff\xfd\x01b\xff\xfb\x03c\xff\xfc\x05d\xff\xfe\x06e"[..]]);
        assert_eq!(text, b"abcde");
        assert_eq!(reply, b"\xff\xfc\x01\xff\xfe\x03\xff\xfe\x05\xff\xfc\x06");
    }

    #[test]
    fn commands_and_subnegotiations_are_no_text() {
        let (text, reply) =
            filtered([&b"a\xff\xf1b\xff\xfa\x18\x01x\xff\xffy\xff\xf0c\xff\xf0d"[..]]);
        assert_eq!((text, reply), (b"abcd".to_vec(), Vec::new()));
    }

    #[test]
    fn a_doubled_255_is_text() {
        assert_eq!(filtered([&b"a\xff\xff\xff\xffb"[..]]).0, b"a\xff\xffb");
    }

    #[test]
    fn a_subnegotiation_without_an_end_gives_way_to_the_next_command() {
        let (text, reply) = filtered([&b"a\xff\xfa\x18\x01\xff\xfd\x07b"[..]]);
        assert_eq!((text, reply), (b"ab".to_vec(), b"\xff\xfc\x07".to_vec()));
    }

    #[test]
    fn confirmations_are_answered_once() {
        let (_, reply) = filtered([&b"\xff\xfd\x01\xff\xfe\x01\xff\xfe\x02\xff\xfe\x02"[..]]);
        assert_eq!(reply, b"\xff\xfc\x01\xff\xfc\x02");
        let (_, reply) = filtered([&b"\xff\xfb\x01\xff\xfc\x01\xff\xfb\x01"[..]]);
        assert_eq!(reply, b"\xff\xfe\x01\xff\xfe\x01");
    }

    #[test]
    fn two_that_answer_come_to_an_end() {
        let (mut one, mut other) = (Telnet::default(), Telnet::default());
        let mut said: Vec<u8> =
            (0..=255).flat_map(|option| [IAC, 251 + option % 4, option]).collect();
        for round in 0.. {
            assert!(round < 4, "they still talk: {said:x?}");
            let (mut text, mut reply) = (Vec::new(), Vec::new());
            one.handle(&said, &mut text, &mut reply);
            assert_eq!(text, b"");
            if reply.is_empty() {
                break;
            }
            said = reply;
            std::mem::swap(&mut one, &mut other);
        }
    }

    proptest! {
        #[test]
        fn how_it_is_cut_makes_no_difference(
            bytes in proptest::collection::vec(prop_oneof![Just(255_u8), 240..=255_u8, any::<u8>()], 0..60),
            size in 1_usize..5,
        ) {
            let whole = filtered([&bytes[..]]);
            prop_assert_eq!(&filtered(bytes.chunks(size)), &whole);
            prop_assert!(whole.0.len() <= bytes.len() && whole.1.len() <= bytes.len());
        }

        #[test]
        fn text_that_doubles_its_255_comes_out_as_it_was(bytes: Vec<u8>) {
            let doubled: Vec<u8> = bytes.iter().flat_map(|&b| if b == IAC { vec![b, b] } else { vec![b] }).collect();
            prop_assert_eq!(filtered([&doubled[..]]), (bytes, Vec::new()));
        }
    }
}
