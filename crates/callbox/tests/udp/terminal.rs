//! Both clients with a person at the keyboard.

use std::fs;

use callbox_testkit::{Program, Terminal};

use crate::peers::{Peer, nobody};
use crate::{client_of, client_of_many, start_server, udp};

const PROMPT: &str = "Input lowercase sentence: ";
const HOST_PROMPT: &str = "Input host address: ";
const MESSAGE_PROMPT: &str = "Input message to send to server: ";

#[test]
fn a_prompt_has_line_editing_history_and_any_script() {
    let (_server, address) = start_server(&[]);
    let mut terminal = Terminal::spawn(client_of(address));
    terminal.wait_for(PROMPT);
    terminal.type_text("héllo 你好\r");
    terminal.wait_for("replied with 'HÉLLO 你好'");
    terminal.wait_for(PROMPT);
    // One character too many, taken back; then one character more at the start of the line.
    terminal.type_text("allyy\x7f\x01s\r");
    terminal.wait_for("replied with 'SALLY'");
    terminal.wait_for(PROMPT);
    // Arrow up, twice.
    terminal.type_text("\x1b[A\x1b[A\r");
    terminal.wait_for("replied with 'HÉLLO 你好'");
    terminal.wait_for(PROMPT);
    terminal.type_text("\x04");
    terminal.wait().expect_code(0);
}

#[test]
fn a_pipe_gets_no_prompt() {
    let (_server, address) = start_server(&[]);
    let finished = client_of(address).run_with_input("sally\n");
    finished.expect_code(0).stdout_lacks("Input").stderr_lacks("Input");
    let finished = client_of_many().run_with_input(format!("{address} sally\n"));
    finished.expect_code(0).stdout_lacks("Input").stderr_lacks("Input");
}

#[test]
fn a_person_may_try_again_after_a_failure() {
    let address = nobody("127.0.0.74");
    let mut terminal = Terminal::spawn(client_of(address));
    for _ in 0..2 {
        terminal.wait_for(PROMPT);
        terminal.type_text("sally\r");
        terminal.wait_for(&format!("callbox: nobody listens on {address}"));
    }
    terminal.wait_for(PROMPT);
    terminal.type_text("\x04");
    terminal.wait().expect_code(1);
}

#[test]
fn many_asks_for_the_host_and_the_message_in_turn() {
    let (_server, address) = start_server(&[]);
    let mut terminal = Terminal::spawn(client_of_many().args(["-p", &address.port().to_string()]));
    for message in ["sally", "你好 harry"] {
        terminal.wait_for(HOST_PROMPT);
        terminal.type_text("localhost\r");
        terminal.wait_for(MESSAGE_PROMPT);
        terminal.type_text(&format!("{message}\r"));
        let reply = message.to_uppercase();
        terminal.wait_for(&format!("The server {address} replied with '{reply}'"));
    }
    terminal.wait_for(HOST_PROMPT);
    terminal.type_text("\x04");
    terminal.wait().expect_code(0);
}

#[test]
fn a_reply_does_not_spoil_what_is_being_typed() {
    let server = Peer::at("127.0.0.1:0");
    let mut terminal = Terminal::spawn(client_of_many());
    terminal.wait_for(HOST_PROMPT);
    terminal.type_text(&format!("{}\r", server.address()));
    terminal.wait_for(MESSAGE_PROMPT);
    terminal.type_text("sally\r");
    let (_, from) = server.receive_from();
    terminal.wait_for(HOST_PROMPT);
    terminal.type_text("local");
    terminal.wait_for("local");
    server.send_to("SALLY", from);
    terminal.wait_for("replied with 'SALLY'\r\n");
    // The prompt is shown again, with what was typed.
    terminal.wait_for(&format!("{HOST_PROMPT}local"));
    Peer::at("127.0.0.2:0").send_to("FALSE", from);
    terminal.wait_for("message 'FALSE' from unexpected host 127.0.0.2:");
    terminal.wait_for(&format!("{HOST_PROMPT}local"));
    terminal.type_text(&format!("host:{}\r", server.address().port()));
    terminal.wait_for(MESSAGE_PROMPT);
    terminal.type_text("harry\r");
    assert_eq!(server.receive(), b"harry");
    server.send_to("HARRY", from);
    terminal.wait_for("replied with 'HARRY'");
    terminal.type_text("\x04");
    terminal.wait().expect_code(0);
}

#[test]
fn replies_that_rain_down_stop_nobody_from_typing() {
    let server = Peer::at("127.0.0.1:0");
    let to_server = format!("{}\r", server.address());
    let mut terminal = Terminal::spawn(client_of_many().args(["--timeout", "1h"]));
    for _ in 0..20 {
        terminal.wait_for(HOST_PROMPT);
        terminal.type_text(&to_server);
        terminal.wait_for(MESSAGE_PROMPT);
        terminal.type_text("sally\r");
        let (_, from) = server.receive_from();
        (0..50).for_each(|_| server.send_to("SALLY", from));
    }
    terminal.wait_for(HOST_PROMPT);
    terminal.type_text("\x04");
    terminal.wait().expect_code(0);
}

#[test]
fn a_prompt_is_no_content() {
    let (_server, address) = start_server(&[]);
    let path = std::env::temp_dir().join(format!("callbox-prompt-{}", std::process::id()));
    let script = r#""$1" udp client "$2" >"$3"; echo ended"#;
    let program = Program::new("/bin/sh").args(["-c", script, "sh", env!("CARGO_BIN_EXE_callbox")]);
    let mut terminal = Terminal::spawn(program.arg(address.to_string()).arg(&path));
    terminal.wait_for(PROMPT);
    terminal.type_text("sally\r");
    terminal.wait_for(PROMPT);
    terminal.type_text("\x04");
    terminal.wait_for("ended");
    let content = fs::read_to_string(&path).expect("what was printed");
    fs::remove_file(&path).expect("it is ours");
    assert_eq!(content, format!("The server {address} replied with 'SALLY'\n"));
}

#[test]
fn a_signal_at_the_prompt_leaves_the_terminal_as_it_was() {
    for args in [&["client"][..], &["client", "--many"]] {
        let program = udp().args(args);
        let script = format!("{}; echo; stty -a", program.command_line());
        let mut terminal = Terminal::spawn(Program::new("/bin/sh").args(["-c", &script]));
        terminal.wait_for("Input ");
        let children = format!("/proc/{0}/task/{0}/children", terminal.id());
        let child = fs::read_to_string(children).expect("the shell's child");
        Program::new("kill").args(["-TERM", child.trim()]).run().expect_code(0);
        terminal.wait_for("callbox: interrupted");
        let modes = terminal.wait_for("ixoff");
        let rest = terminal.wait_for("extproc");
        assert!(format!("{modes}{rest}").contains(" icanon "), "{modes}{rest}");
    }
}

#[test]
fn control_c_at_the_prompt_interrupts_and_leaves_the_terminal_as_it_was() {
    let silent = Peer::at("127.0.0.1:0");
    for many in [&[][..], &["--many"]] {
        let program = client_of(silent.address()).args(many);
        let script = format!("{}; echo ended with $?; stty -a", program.command_line());
        let mut terminal = Terminal::spawn(Program::new("/bin/sh").args(["-c", &script]));
        terminal.wait_for("Input ");
        if !many.is_empty() {
            terminal.type_text("sally\r");
            // A request is under way, and is not waited for.
            silent.receive();
            terminal.wait_for("Input ");
        }
        terminal.type_text("\x03");
        terminal.wait_for("ended with 130");
        let modes = terminal.wait_for("extproc");
        assert!(modes.contains(" icanon "), "{modes}");
    }
}

#[test]
fn control_c_in_mid_exchange_interrupts() {
    let silent = Peer::at("127.0.0.1:0");
    let mut terminal = Terminal::spawn(client_of(silent.address()));
    terminal.wait_for(PROMPT);
    terminal.type_text("sally\r");
    silent.receive();
    terminal.type_text("\x03");
    terminal.wait_for("callbox: interrupted");
    terminal.wait().expect_code(130);
}
