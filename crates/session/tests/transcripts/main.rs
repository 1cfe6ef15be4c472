//! What a session says to a server and makes of what it hears, as transcripts.

mod client;
mod membership;
mod reconnecting;
mod registration;
