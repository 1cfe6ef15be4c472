//! The machine that measured, without which no figure can be repeated.

use serde::{Deserialize, Serialize};

use crate::Nanos;

/// Where it was measured. What a system does not tell is left out.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Machine {
    /// The operating system: `linux`, `macos`, `freebsd`.
    pub os: String,
    /// The kernel's release, as `uname -r` has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kernel: Option<String>,
    /// The processor's family: `x86_64`, `aarch64`.
    pub architecture: String,
    /// The processor's model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub processor: Option<String>,
    /// How many processors this process may use.
    pub cores: u32,
    /// How the clock rate of the processors is chosen: `performance`, `powersave`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub governor: Option<String>,
    /// The memory of the machine, in bytes.
    #[serde(rename = "memory_bytes", default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<u64>,
    /// What the machine runs on, if it is a virtual one: `kvm`, `container`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub virtualised: Option<String>,
    /// What the times were read from.
    pub clock: Clock,
}

/// The clock that latencies were read from.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Clock {
    /// What the kernel reads: `tsc`, `kvm-clock`, `hpet`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// The shortest time between two readings that differ.
    #[serde(rename = "resolution_ns")]
    pub resolution: Nanos,
}
