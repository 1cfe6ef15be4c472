//! Sessions on the real hub, in memory and in simulated time: what people see of what others say.

#[path = "../../../hub/tests/common/store.rs"]
#[allow(dead_code, unreachable_pub, reason = "others use more of it, and from outside")]
mod store;

mod gaps;
mod marks;
mod receipts;
mod saying;
mod world;
