//! What a run is to do, as the user asked for it: each value is parsed once, into a type that cannot be wrong.
//!
//! | module | what it says |
//! |---|---|
//! | [`rate`] | how many requests a second, one number or a climb |
//! | [`mix`] | how long requests are, and in which parts |
//! | [`shape`] | closed or open loop, over how many connections, for how long |
//! | [`random`] | the numbers from which everything random is made, so that a seed repeats a run |

pub mod mix;
pub mod random;
pub mod rate;
pub mod shape;

pub use mix::{MixError, SizeMix};
pub use random::Random;
pub use rate::{Rate, RateError, Rates};
pub use shape::{Phase, Shape, ShapeError, Stretch};
