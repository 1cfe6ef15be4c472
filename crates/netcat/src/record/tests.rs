//! Files of what passed.

use std::fs;
use std::path::{Path, PathBuf};

use callbox_net::peer::Peer;
use callbox_testkit::{Folder, Program};

use super::Recorder;
use super::pcap::{Carrier, HEADER, Side};
use crate::options::Output;

fn output(folder: &Folder) -> Output {
    Output {
        text: Some(folder.join("text")),
        hex: Some(folder.join("hex")),
        pcap: Some(folder.join("pcap")),
        ..Output::default()
    }
}

fn talk(recorder: &mut Recorder) {
    let id = recorder.begin(Carrier::Stream, &Peer::NAMELESS, &Peer::NAMELESS, Side::Local);
    recorder.sent(id, b"question\n");
    recorder.received(id, b"answer\n");
    recorder.close(id);
}

#[test]
fn all_that_passed_stands_in_the_files_before_anybody_waits() {
    let folder = Folder::new("record");
    let mut recorder = Recorder::open(&output(&folder)).unwrap();
    assert!(recorder.is_recording());
    talk(&mut recorder);
    recorder.flush();
    assert_eq!(fs::read(folder.join("text")).unwrap(), b"question\nanswer\n");
    let hex = fs::read_to_string(folder.join("hex")).unwrap();
    assert_eq!(hex.lines().count(), 2);
    assert!(hex.starts_with("0000   71 75 65"));
    let pcap = fs::read(folder.join("pcap")).unwrap();
    assert!(pcap.starts_with(&HEADER) && pcap.len() > 300);
    assert_eq!(recorder.poll_warning(), None);
}

#[test]
fn files_are_emptied_unless_they_are_appended_to() {
    let folder = Folder::new("record");
    let mut output = output(&folder);
    let record = |output: &Output| {
        talk(&mut Recorder::open(output).unwrap());
        ["text", "hex", "pcap"].map(|name| fs::read(folder.join(name)).unwrap().len())
    };
    let once = record(&output);
    assert_eq!(record(&output), once);
    output.append = true;
    let twice = record(&output);
    assert_eq!(twice, [once[0] * 2, once[1] * 2, once[2] * 2 - HEADER.len()]);
    // Packets behind something else would be a file that nobody can read.
    output.pcap = output.text.clone();
    let error = Recorder::open(&output).unwrap_err().to_string();
    assert!(error.ends_with("it is no capture of this program's kind that could be appended to"));
}

#[test]
fn a_full_disk_is_told_once_and_ends_nothing_else() {
    let folder = Folder::new("record");
    let full = Path::new("/dev/full");
    let output = Output { text: Some(full.to_owned()), ..output(&folder) };
    let mut recorder = Recorder::open(&output).unwrap();
    assert!(!recorder.has_failed());
    for _ in 0..3 {
        talk(&mut recorder);
        recorder.flush();
    }
    let told = "cannot write to /dev/full: No space left on device; nothing more is recorded there";
    assert_eq!(recorder.poll_warning().as_deref(), Some(told));
    assert_eq!(recorder.poll_warning(), None);
    assert!(recorder.has_failed());
    assert_eq!(fs::read_to_string(folder.join("hex")).unwrap().lines().count(), 6);
}

#[test]
fn a_file_that_cannot_be_opened_is_named() {
    let text = Some(PathBuf::from("/nonexistent/file"));
    let error = Recorder::open(&Output { text, ..Output::default() }).unwrap_err();
    assert_eq!(error.to_string(), "cannot open /nonexistent/file: No such file or directory");
    assert!(!Recorder::open(&Output::default()).unwrap().is_recording());
}

/// What tshark reads of a capture: these fields of each packet, a line each.
fn tshark(folder: &Folder, fields: &[&str]) -> Vec<String> {
    let file = folder.join("pcap");
    let file = file.to_str().unwrap();
    let mut arguments = vec!["-r", file, "-o", "tcp.check_checksum:TRUE", "-o"];
    arguments.extend(["udp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE", "-T", "fields"]);
    arguments.extend(fields.iter().flat_map(|field| ["-e", field]));
    let read = Program::new("tshark").args(arguments).run();
    read.expect_code(0);
    read.stdout_text().lines().map(str::to_owned).collect()
}

#[test]
fn tshark_reads_a_capture_and_finds_nothing_wrong_with_it() {
    let folder = Folder::new("record");
    let mut recorder = Recorder::open(&output(&folder)).unwrap();
    talk(&mut recorder);
    let at = |address: &str| Peer::Inet(address.parse().unwrap());
    let (local, peer) = (at("[2001:db8::1]:40000"), at("[2001:db8::2]:8080"));
    let id = recorder.begin(Carrier::Stream, &local, &peer, Side::Peer);
    recorder.received(id, &[b'x'; 3_000_000]);
    recorder.close(id);
    let (local, peer) = (at("192.0.2.1:40000"), at("192.0.2.2:9999"));
    let id = recorder.begin(Carrier::Messages, &local, &peer, Side::Local);
    recorder.sent(id, b"odd");
    recorder.close(id);
    drop(recorder);

    // Expert items are what Wireshark marks: losses, wrong sums, what was cut. Its notes on how a connection begins and ends
    // are no faults.
    let wrong = tshark(&folder, &["_ws.expert.message"]);
    let is_note = |words: &&String| {
        let notes = ["Connection ", "This frame "];
        words.is_empty() || words.split(',').all(|word| notes.iter().any(|n| word.starts_with(n)))
    };
    assert_eq!(wrong.iter().find(|words| !is_note(words)), None, "{wrong:?}");
    let lengths = tshark(&folder, &["tcp.stream", "tcp.len", "udp.length"]);
    let sum = |stream: &str| -> usize {
        let of = lengths.iter().filter_map(|line| line.strip_prefix(stream));
        of.filter_map(|rest| rest.trim().parse::<usize>().ok()).sum()
    };
    assert_eq!((sum("0\t"), sum("1\t")), (16, 3_000_000));
    assert_eq!(lengths.last().unwrap(), "\t\t11");
}

#[test]
fn what_many_are_told_stands_in_the_text_once_and_in_the_capture_for_each() {
    let folder = Folder::new("record");
    let mut recorder = Recorder::open(&output(&folder)).unwrap();
    let many = [(); 3]
        .map(|()| recorder.begin(Carrier::Stream, &Peer::NAMELESS, &Peer::NAMELESS, Side::Peer));
    recorder.said(b"to all\n");
    many.iter().for_each(|&id| recorder.carried(id, b"to all\n"));
    recorder.flush();
    assert_eq!(fs::read(folder.join("text")).unwrap(), b"to all\n");
    let pcap = fs::read(folder.join("pcap")).unwrap();
    assert_eq!(pcap.windows(7).filter(|bytes| bytes == b"to all\n").count(), 3);
}
