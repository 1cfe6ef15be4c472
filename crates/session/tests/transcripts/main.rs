//! What a session says to a server and makes of what it hears, as transcripts.

mod client;
mod commands;
mod membership;
mod reconnecting;
mod registration;
mod saying;
mod servers;
