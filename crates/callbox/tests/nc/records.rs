//! `-o` keeps what passed, `-x` keeps it in hexadecimal.

use std::fs;
use std::path::Path;

use callbox_testkit::Folder;

use super::ncat::{Ncat, Seen, both};
use super::peer::{connect, line, send, server};

/// A short conversation of a client that records it, and what the file then holds.
#[track_caller]
fn recorded(ncat: &Ncat, words: &str, file: &Path) -> Seen {
    let server = server(|mut stream| {
        send(&mut stream, "hello from here\n");
        line(&mut stream);
        send(&mut stream, b"\x00\x01 end\n");
    });
    let words = format!("{words} {}", file.display());
    let mut client = ncat.client(&words, server.port).spawn();
    client.wait_for_stdout("hello");
    client.write_line("typed");
    client.wait_for_stdout("end");
    let seen = Seen::of(&client.wait());
    seen.beside(fs::read(file).expect("the record"))
}

#[test]
fn o_keeps_the_bytes_of_both_directions_as_they_passed() {
    let folder = Folder::new("record");
    let seen = both(|ncat| recorded(ncat, "-o", &folder.join("record")));
    seen.is(0, "hello from here\n\\x00\\x01 end\n", "");
    seen.peer_got(&["hello from here\\ntyped\\n\\x00\\x01 end\\n"]);
}

#[test]
fn x_keeps_them_in_hexadecimal_with_the_text_beside() {
    let folder = Folder::new("record");
    let seen = both(|ncat| {
        let mut seen = recorded(ncat, "-x", &folder.join("record"));
        seen.peer[0] = seen.peer[0].replace("\\n", "\n");
        seen
    });
    let record = "0000   68 65 6c 6c 6f 20 66 72  6f 6d 20 68 65 72 65 0a  hello.from.here.\n\
                  0000   74 79 70 65 64 0a                                 typed.          \n\
                  0000   00 01 20 65 6e 64 0a                              ...end.         \n";
    assert_eq!(seen.peer, [record]);
}

#[test]
fn a_record_is_begun_anew_unless_it_is_to_be_appended_to() {
    let folder = Folder::new("record");
    let seen = both(|ncat| {
        let file = folder.join(if ncat.ours { "ours" } else { "theirs" });
        recorded(ncat, "-o", &file);
        let once = recorded(ncat, "-o", &file).peer[0].len();
        let seen = recorded(ncat, "--append-output -o", &file);
        assert_eq!(seen.peer[0].len(), 2 * once);
        seen
    });
    assert_eq!(seen.code, Some(0));
}

#[test]
fn both_records_can_be_kept_at_once_by_a_listener() {
    let folder = Folder::new("record");
    let (plain, hex) = (folder.join("plain"), folder.join("hex"));
    let seen = both(|ncat| {
        let words = format!("-o {} -x {}", plain.display(), hex.display());
        let mut listener = ncat.listen(&words);
        let mut client = connect(listener.port);
        send(&mut client, "from the client\n");
        listener.wait_for_stdout("from the client");
        listener.write_line("from the host");
        line(&mut client);
        drop(client);
        let seen = listener.ended();
        seen.beside(fs::read(&plain).expect("a record")).beside(fs::read(&hex).expect("a record"))
    });
    assert_eq!(seen.peer[0], "from the client\\nfrom the host\\n");
}

#[test]
fn what_was_changed_on_the_way_is_kept_as_it_was_sent() {
    let folder = Folder::new("record");
    let file = folder.join("record");
    let seen = both(|ncat| {
        let server = super::peer::sink();
        let words = format!("-C -o {}", file.display());
        let finished = ncat.client(&words, server.port).run_with_input("a\nb\n");
        Seen::of(&finished).beside(server.done()).beside(fs::read(&file).expect("the record"))
    });
    seen.is(0, "", "").peer_got(&["a\\r\\nb\\r\\n", "a\\r\\nb\\r\\n"]);
}

#[test]
fn a_program_s_conversation_is_kept_too() {
    let folder = Folder::new("record");
    let file = folder.join("record");
    let seen = both(|ncat| {
        let words = format!("-o {}", file.display());
        let listener =
            ncat.listen_with(&words, |program| program.args(["-c", "read x; echo out $x"]));
        let mut client = connect(listener.port);
        send(&mut client, "in\n");
        let got = line(&mut client);
        drop(client);
        listener.ended().beside(got).beside(fs::read(&file).expect("the record"))
    });
    seen.is(0, "", "").peer_got(&["out in\\n", "in\\nout in\\n"]);
}

#[test]
fn a_full_disk_under_a_record_ends_with_2() {
    let seen = both(|ncat| {
        let server = super::peer::silent();
        let finished = ncat.client("-o /dev/full", server.port).run_with_input("x\n");
        Seen { err: String::new(), ..Seen::of(&finished) }
    });
    seen.is(2, "", "");
}
