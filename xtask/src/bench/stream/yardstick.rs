//! What the kernel can do: bytes handed from a file or a pipe to a TCP socket, and from there to nowhere, by blocking calls
//! in two loops without anything else.

use std::fs::OpenOptions;
use std::io::{self, Read as _};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};

use anyhow::{Context, Result, bail};
use rustix::fs::{FileType, fstat, sendfile};
use rustix::pipe::{PipeFlags, SpliceFlags, fcntl_setpipe_size, pipe_with, splice};

/// What pipes are made to hold: the most that anybody may ask for by default.
const PIPE: usize = 1 << 20;

/// More than a file under measurement holds.
const ALL: usize = 1 << 30;

/// `recv PORT` or `send PORT`, as the other programs are started.
pub(super) fn run(args: &[&str]) -> Result<()> {
    match args {
        ["recv", port] => receive(port.parse()?),
        ["send", port] => send(port.parse()?),
        _ => bail!("usage: yardstick recv|send PORT"),
    }
}

fn receive(port: u16) -> Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).context("bind")?;
    let (source, _) = listener.accept()?;
    let sink = OpenOptions::new().write(true).open("/dev/null")?;
    let (reader, writer) = pipe_with(PipeFlags::CLOEXEC)?;
    let _ = fcntl_setpipe_size(&writer, PIPE);
    loop {
        let mut held = splice(&source, None, &writer, None, PIPE, SpliceFlags::MOVE)?;
        if held == 0 {
            return Ok(());
        }
        while held > 0 {
            held -= splice(&reader, None, &sink, None, held, SpliceFlags::MOVE)?;
        }
    }
}

fn send(port: u16) -> Result<()> {
    let (source, sink) = (io::stdin(), TcpStream::connect((Ipv4Addr::LOCALHOST, port))?);
    if FileType::from_raw_mode(fstat(&source)?.st_mode) == FileType::RegularFile {
        while sendfile(&sink, &source, None, ALL)? > 0 {}
    } else {
        let _ = fcntl_setpipe_size(&source, PIPE);
        while splice(&source, None, &sink, None, PIPE, SpliceFlags::MOVE)? > 0 {}
    }
    sink.shutdown(Shutdown::Write)?;
    // Until the far end has taken all.
    let mut rest = Vec::new();
    (&sink).read_to_end(&mut rest)?;
    Ok(())
}
