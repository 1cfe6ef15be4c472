//! The door for datagrams, by plain Python `socket` programs as the study notes write them.

use std::net::SocketAddr;

use callbox_testkit::{Finished, python};

use crate::outside::{run_beside, server_outside};
use crate::{Irc, client, start};

/// `say(text)` sends a datagram, `hear()` receives one, `hear_all(n)` as many lines as that.
const CLIENT: &str = r"
import re, sys
from socket import *
client = socket(AF_INET6 if ':' in sys.argv[1] else AF_INET, SOCK_DGRAM)
client.settimeout(20)
client.connect((sys.argv[1], int(sys.argv[2])))
ME = 'guest-%d' % client.getsockname()[1]
def say(text): client.send(text if isinstance(text, bytes) else text.encode())
def hear(): return client.recv(65535).decode()
def ask(text):
    say(text)
    return hear()
";

#[track_caller]
fn run(script: &str, address: SocketAddr) -> Finished {
    crate::run(CLIENT, script, address)
}

#[test]
fn the_notes_client_works_as_it_stands() {
    let (_server, address) = start(&[]);
    let mut alice = Irc::in_lobby(address, "alice");
    let notes = "
import sys
from socket import *
serverName = '127.0.0.1'
serverPort = int(sys.argv[1])
clientSocket = socket(AF_INET, SOCK_DGRAM)
clientSocket.connect((serverName, serverPort))
for message in ('hello', 'is anybody here?', 'bye'):
    clientSocket.send(message.encode())
    modifiedMessage = clientSocket.recv(2048)
    print(modifiedMessage.decode())
clientSocket.close()
";
    let finished = python(notes).arg(address.port().to_string()).run();
    finished.expect_code(0);
    for text in ["hello", "is anybody here?", "bye"] {
        let line = alice.expect_end_of_line(&format!("PRIVMSG #lobby :{text}"));
        let guest = line[1..].split('!').next().expect("a nickname").to_owned();
        assert!(guest.starts_with("guest-"), "{line}");
        finished.stdout_contains(&format!("{guest}: {text}"));
    }
    finished.stdout_contains("* you are guest-");
}

#[test]
fn a_guest_hears_what_others_say_and_can_do_what_people_do() {
    let (_server, address) = start(&[]);
    let mut alice = Irc::in_lobby(address, "alice");
    let script = r"
first = ask('hello')
assert first == '* you are %s in #lobby; /help tells more\n%s: hello' % (ME, ME), first
assert ask('/nick sally') == '* you are sally now'
assert ask('/me waves') == '* sally waves'
names = ask('/names')
assert 'alice' in names and 'sally' in names, names
help = ask('/help')
for command in ('/nick', '/names', '/me', '/msg', '/quit', '/help'): assert command in help, help
assert ask('/msg nobody-here psst').startswith('* '), 'no such person'
assert ask('/nick alice').startswith('* '), 'the name is taken'
assert ask('/msg alice psst') == 'sally (to alice): psst'
print(hear(), flush=True)
assert ask('/quit supper') == '* you left'
print(ask('again'))
";
    let guest = client(CLIENT, script, address).spawn();
    alice.expect(" NICK ");
    alice.expect("\u{1}ACTION waves\u{1}");
    alice.expect_end_of_line("PRIVMSG alice :psst");
    alice.say("well come, 莎莉");
    assert!(alice.expect(" QUIT ").contains("supper"));
    // Whoever left and speaks is a guest again.
    alice.expect_end_of_line(":again");
    let finished = guest.wait();
    finished.expect_code(0).stdout_contains("alice: well come, 莎莉");
    finished.stdout_contains(": again");
}

#[test]
fn two_guests_meet_in_the_lobby() {
    let (_server, address) = start(&[]);
    let script = r"
other = socket(AF_INET, SOCK_DGRAM)
other.settimeout(20)
other.connect((sys.argv[1], int(sys.argv[2])))
ask('first')
other.send(b'second\n')
print(hear(), hear(), sep='|')
greeting = other.recv(65535)
# Who ends lines gets lines that end.
assert greeting.endswith(b'second\n'), greeting
say('hello, second')
assert other.recv(65535).decode() == ME + ': hello, second\n'
";
    let finished = run(script, address);
    finished.stdout_contains(" came in|guest-").stdout_contains(": second");
}

#[test]
fn a_datagram_of_several_lines_is_several_lines() {
    let (_server, address) = start(&[]);
    let mut alice = Irc::in_lobby(address, "alice");
    run("say('one\\r\\n\\ntwo\\nthree')", address);
    for text in ["one", "two", "three"] {
        alice.expect_end_of_line(&format!("PRIVMSG #lobby :{text}"));
    }
}

#[test]
fn a_long_line_is_split_on_characters() {
    let (_server, address) = start(&[]);
    let mut alice = Irc::in_lobby(address, "alice");
    let script = r"
text = ''.join(chr(0x4e00 + i) for i in range(1000))
say(text)
heard = ''
while len(heard) < 1000:
    for line in hear().splitlines():
        if line.startswith(ME + ': '): heard += line[len(ME) + 2:]
assert heard == text
";
    run(script, address);
    let mut heard = String::new();
    while heard.chars().count() < 1000 {
        let line = alice.expect(" PRIVMSG #lobby :");
        assert!(line.len() <= 510 && !line.contains('\u{fffd}'), "{line}");
        heard.push_str(line.split_once(" :").expect("a text").1);
    }
    assert!(heard.chars().eq((0x4e00..0x4e00 + 1000).filter_map(char::from_u32)));
}

#[test]
fn bytes_that_are_no_text_upset_nothing() {
    let (_server, address) = start(&[]);
    let mut alice = Irc::in_lobby(address, "alice");
    run(
        r"ask('hello'); say(b'caf\xe9 \xff\x00\x1b[2J'); print(hear()); say(b''); say(b'\n'); ask('after')",
        address,
    );
    alice.expect("caf\u{fffd}");
    alice.expect_end_of_line(":after");
}

#[test]
fn who_talks_too_fast_is_told_and_the_others_are_not_concerned() {
    let (_server, address) = start(&[]);
    let mut alice = Irc::in_lobby(address, "alice");
    let script = r"
ask('hello')
for n in range(200): say('line %d' % n)
while '* slower, please' not in hear(): pass
print('told')
";
    run(script, address).stdout_contains("told");
    alice.say("as ever");
    let heard = alice.so_far().iter().filter(|line| line.contains(":line ")).count();
    assert!((5..200).contains(&heard), "{heard}");
}

#[test]
fn from_outside_one_comes_in_by_saying_a_number() {
    let (server, address) = server_outside(["--ephemeral"]);
    let script = r"
challenge = ask('hello')
number = re.fullmatch(r'say (\d{6}) to come in', challenge)
assert number, challenge
assert ask('hello again') == challenge, 'the same number for a while'
wrong = '000000' if number[1] != '000000' else '111111'
assert ask(wrong) == challenge, 'a wrong number'
# Another port is another number, and this one is not good there.
other = socket(AF_INET, SOCK_DGRAM)
other.settimeout(20)
other.connect((sys.argv[1], int(sys.argv[2])))
other.send(number[1].encode())
answer = other.recv(2048).decode()
assert re.fullmatch(r'say \d{6} to come in', answer) and answer != challenge, answer
assert ask(number[1]).startswith('* you are ' + ME), 'in'
assert ask('hello') == ME + ': hello'
assert 'here: ' + ME in ask('/names')
";
    run_beside(&server, &format!("{CLIENT}{script}"), address);
}

#[test]
fn guesses_are_limited_and_an_answer_is_no_longer_than_a_challenge() {
    let (server, address) = server_outside(["--ephemeral"]);
    let script = r"
answers = []
client.settimeout(1)
for n in range(300):
    say('%06d' % n)
    try: answers.append(hear())
    except TimeoutError: break
print(answers)
assert any(answer == 'wait a minute' for answer in answers) or len(answers) < 300, 'limited'
assert all(len(answer) <= len('say 471103 to come in') for answer in answers)
assert len(answers) < 100, len(answers)
";
    run_beside(&server, &format!("{CLIENT}{script}"), address);
}
