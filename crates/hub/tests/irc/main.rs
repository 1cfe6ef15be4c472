//! What people on a server see of one another, as transcripts.

#[allow(dead_code, reason = "each test uses a part of it")]
mod world;

mod accounts;
mod agreement;
mod claims;
mod history;
mod hostile;
mod invitations;
mod joining;
mod kicks;
mod listing;
mod messages;
mod metadata;
mod modes;
mod monitor;
mod operators;
mod private_history;
mod queries;
mod read_markers;
mod redaction;
mod registration;
mod renaming;
mod replay;
mod rooms;
mod topics;
mod who;
mod whois;
