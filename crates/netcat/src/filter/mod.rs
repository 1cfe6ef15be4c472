//! What changes the bytes on their way: `-C` on the way out, `-t` on the way in.
//!
//! Both are given bytes in pieces of any size and append what becomes of them, so that what comes out does not depend on
//! how it was cut.

mod crlf;
mod telnet;

pub use crlf::Crlf;
pub use telnet::Telnet;
