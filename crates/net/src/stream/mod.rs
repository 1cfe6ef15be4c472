//! Stream sockets: a server that carries any number of connections, and a client's connection.

mod client;
mod connection;
mod listener;
mod server;
mod timers;

pub use client::StreamSocket;
pub use connection::{CloseReason, Endpoints, Next, PeerName, Protocol};
pub use listener::StreamListener;
pub use server::{Limits, Server, Service, Stopper, Trouble};
