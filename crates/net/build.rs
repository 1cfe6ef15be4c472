//! Says which calls of the system there are.
//!
//! `linux_calls` stands for the calls that only Linux has and that something else can take the place of: epoll, splice,
//! batches of datagrams. The feature `portable` does without them on Linux too, where what takes their place can be tested.

use std::env;

/// The systems that tell by `getpeereid` whose process is at the other end of a Unix socket.
const HAS_GETPEEREID: &[&str] = &["dragonfly", "freebsd", "ios", "macos", "netbsd", "openbsd"];

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-check-cfg=cfg(linux_calls, has_getpeereid)");
    let system = env::var("CARGO_CFG_TARGET_OS").unwrap_or_default();
    if system == "linux" && env::var_os("CARGO_FEATURE_PORTABLE").is_none() {
        println!("cargo::rustc-cfg=linux_calls");
    }
    if HAS_GETPEEREID.contains(&&*system) {
        println!("cargo::rustc-cfg=has_getpeereid");
    }
}
