//! End-to-end tests of `callbox nc` under the name `ncat`, where Debian's ncat is installed side by side with it: a
//! scenario is played with each, and what both printed, said, sent and returned must be the same.
//!
//! | module | what it promises |
//! |---|---|
//! | `ncat` | the two programs, and what a scenario shows of them |
//! | `peer` | plain sockets at the other end |
//! | `status` | exit codes and what is said with them |
//! | `sockets` | `-s`, `-p`, `-g`, `-G`, `--vsock` |
//! | `verbose` | what `-v` tells |
//! | `usage` | command lines that mean nothing |
//! | `ends` | what ends a client and a listener, and what does not |
//! | `waits` | `-w`, `-i`, `-q`, `-d` |
//! | `crowd` | `-lk`: many clients, `--max-conns`, `--allow` and `--deny` |
//! | `rooms` | `--broker` and `--chat` |
//! | `programs` | `-e`, `-c` and `--lua-exec` |
//! | `progress` | `--progress` on a terminal |
//! | `records` | `-o` and `-x` |
//! | `lines` | `-C` and `-t` |
//! | `datagrams` | UDP, and Unix sockets of both kinds |
//! | `proxies` | through a proxy, and as one |
//! | `tls` | `--ssl`, and certificates that are not to be trusted |
//! | `flavours` | the letters of OpenBSD's nc and the traditional netcat |
//! | `beyond` | what ncat does not do |
//! | `faults` | peers that never read, and ten thousand of them |

mod beyond;
mod crowd;
mod datagrams;
mod ends;
mod faults;
mod flavours;
mod lines;
mod ncat;
mod peer;
mod programs;
mod progress;
mod proxies;
mod records;
mod rooms;
mod sockets;
mod status;
mod tls;
mod usage;
mod verbose;
mod waits;
