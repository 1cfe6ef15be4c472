//! Whole runs in memory and simulated time: loads as the shell drives them, servers that are slow, stall or lose, and
//! relays that drop, double and swap. What is reported must be what was done to the load.

mod climb;
mod loops;
mod relay;
mod world;
