//! How soon a client's first byte is at the far end, and how soon the whole client is over.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use super::programs::{Carrier, End};

/// One client, from before it is started.
#[derive(Clone, Copy)]
pub(super) struct Start {
    /// Until its byte has come.
    pub(super) first_byte: Duration,
    /// Until it is gone.
    pub(super) whole: Duration,
}

/// Starts a client that finds one byte on its standard input, and takes the byte as its server.
pub(super) fn measure(carrier: &Carrier, callbox: &str) -> Result<Start> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let port = listener.local_addr()?.port();
    let (reader, mut writer) = std::io::pipe()?;
    writer.write_all(b"x")?;
    drop(writer);
    let mut command = carrier.command(End::Send, callbox, port, false)?;
    command.stdin(reader).stdout(Stdio::null()).stderr(Stdio::null());
    let begun = Instant::now();
    let mut child = command.spawn().with_context(|| carrier.name)?;
    let (mut connection, _) = listener.accept()?;
    let mut byte = [0];
    connection.read_exact(&mut byte)?;
    let first_byte = begun.elapsed();
    ensure!(byte == *b"x", "{} sent another byte", carrier.name);
    // Its end of input, or its end.
    connection.read_to_end(&mut Vec::new())?;
    drop(connection);
    ensure!(child.wait()?.success(), "{} failed", carrier.name);
    Ok(Start { first_byte, whole: begun.elapsed() })
}
