//! The machine that measures: what a figure cannot be repeated without, and what disturbed it.
//!
//! Linux tells all of this in files; where a file is missing, as in a container or on another system, the fact is left out.

use std::fs::File;
use std::io::Read;
use std::time::Instant;

use callbox_measure::report::{Clock, Machine};
use callbox_measure::{Nanos, SECOND};
use callbox_net::limits;

/// What this machine is.
pub fn describe() -> Machine {
    let (kernel, architecture) = kernel();
    let mut machine = told(&read);
    machine.os = std::env::consts::OS.to_owned();
    machine.kernel = kernel;
    machine.architecture = architecture;
    machine.cores = u32::try_from(limits::processors()).unwrap_or(u32::MAX);
    machine.clock.resolution = clock_resolution();
    machine
}

/// The processor time that the machine under a virtual one has taken away since the start, on all processors together.
/// `None` where the system does not tell; one that is not virtual tells 0.
pub fn stolen() -> Option<Nanos> {
    stolen_ticks(&read("/proc/stat")?).map(of_ticks)
}

/// Processor time in the unit in which `/proc` tells it.
pub(crate) fn of_ticks(ticks: u64) -> Nanos {
    let ticks_per_second = rustix::param::clock_ticks_per_second().max(1);
    let nanos = u128::from(ticks) * u128::from(SECOND) / u128::from(ticks_per_second);
    Nanos::try_from(nanos).unwrap_or(Nanos::MAX)
}

/// The kernel's release, and the family of the processor as it has it.
fn kernel() -> (Option<String>, String) {
    let name = rustix::system::uname();
    let text = |text: &std::ffi::CStr| text.to_str().ok().and_then(word);
    let architecture = text(name.machine());
    (text(name.release()), architecture.unwrap_or_else(|| std::env::consts::ARCH.to_owned()))
}

/// The longest file that is read: `/proc/cpuinfo` has a kilobyte and a half for each processor.
const LONGEST_FILE: u64 = 4 << 20;

/// The text of a file, if there is one.
fn read(path: &str) -> Option<String> {
    let mut bytes = Vec::new();
    File::open(path).ok()?.take(LONGEST_FILE).read_to_end(&mut bytes).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// What the files say; `read` gives the text of one.
fn told(read: &dyn Fn(&str) -> Option<String>) -> Machine {
    let line = |path: &str| read(path).as_deref().and_then(word);
    let processors = read("/proc/cpuinfo").unwrap_or_default();
    Machine {
        processor: field(&processors, "model name"),
        governor: line("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"),
        memory: read("/proc/meminfo").and_then(|text| memory(&text)),
        virtualised: virtualised(&processors, read),
        clock: Clock { source: line(&clock_source("current")), resolution: 0 },
        ..Machine::default()
    }
}

fn clock_source(which: &str) -> String {
    format!("/sys/devices/system/clocksource/clocksource0/{which}_clocksource")
}

/// The text of a file with one line, if it says anything.
fn word(text: &str) -> Option<String> {
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

/// What stands behind the first `name :` of a file of such lines.
fn field(text: &str, name: &str) -> Option<String> {
    let of_line = |line: &str| {
        let (key, value) = line.split_once(':')?;
        (key.trim() == name).then(|| word(value))?
    };
    text.lines().find_map(of_line)
}

/// `MemTotal: 24669120 kB`
fn memory(text: &str) -> Option<u64> {
    let total = field(text, "MemTotal")?;
    let kilobytes: u64 = total.strip_suffix("kB")?.trim().parse().ok()?;
    kilobytes.checked_mul(1024)
}

/// The eighth number of the first line: user, nice, system, idle, iowait, irq, softirq, steal (proc_stat(5)).
fn stolen_ticks(stat: &str) -> Option<u64> {
    let mut words = stat.lines().next()?.split_ascii_whitespace();
    words.next().filter(|&word| word == "cpu")?;
    words.nth(7)?.parse().ok()
}

/// Names of hypervisors, and what the vendor's or product's name in the firmware's table, or a clock that only guests
/// of it have, looks like in lower case.
const HYPERVISORS: &[(&str, &[&str])] = &[
    ("kvm", &["kvm", "qemu", "amazon ec2", "google compute engine", "openstack", "digitalocean"]),
    ("vmware", &["vmware"]),
    ("virtualbox", &["virtualbox", "innotek"]),
    ("hyper-v", &["hyperv", "microsoft corporation virtual"]),
    ("xen", &["xen"]),
    ("parallels", &["parallels"]),
    ("bhyve", &["bhyve"]),
    ("apple", &["apple virtualization"]),
];

/// What the machine runs on: a hypervisor, a container, or both.
fn virtualised(processors: &str, read: &dyn Fn(&str) -> Option<String>) -> Option<String> {
    let found = [hypervisor(processors, read), container(read)];
    let found: Vec<String> = found.into_iter().flatten().collect();
    (!found.is_empty()).then(|| found.join(", "))
}

fn hypervisor(processors: &str, read: &dyn Fn(&str) -> Option<String>) -> Option<String> {
    let text = |path: &str| read(path).unwrap_or_default().trim().to_lowercase();
    let firmware = ["sys_vendor", "product_name"];
    let firmware = firmware.map(|name| text(&format!("/sys/class/dmi/id/{name}"))).join(" ");
    let clues = [firmware, text("/sys/hypervisor/type"), text(&clock_source("available"))];
    let is_guest = field(processors, "flags")
        .is_some_and(|flags| flags.split(' ').any(|flag| flag == "hypervisor"));
    let known = HYPERVISORS
        .iter()
        .find(|(_, marks)| marks.iter().any(|mark| clues.iter().any(|clue| clue.contains(mark))));
    match known {
        Some((name, _)) => Some((*name).to_owned()),
        None => is_guest.then(|| "virtual machine".to_owned()),
    }
}

/// What container managers leave for those who ask (systemd's Container Interface; Docker; Podman).
fn container(read: &dyn Fn(&str) -> Option<String>) -> Option<String> {
    let named = read("/run/systemd/container").as_deref().and_then(word);
    let marked = || read("/.dockerenv").or_else(|| read("/run/.containerenv"));
    named.or_else(|| marked().map(|_| "container".to_owned()))
}

/// How often the clock is read for its resolution: it takes well below a millisecond, even of a clock that is a call.
const READINGS: usize = 2000;

/// The shortest time between two readings that differ.
fn clock_resolution() -> Nanos {
    let mut shortest = Nanos::MAX;
    let mut last = Instant::now();
    // Of a clock that stands still for long, one step is waited for.
    let mut readings = 0;
    while readings < READINGS || shortest == Nanos::MAX {
        let now = Instant::now();
        let step = Nanos::try_from((now - last).as_nanos()).unwrap_or(Nanos::MAX);
        if step > 0 {
            shortest = shortest.min(step);
            last = now;
        }
        readings += 1;
    }
    shortest
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The files of a machine, by path and text.
    fn of(files: &'static [(&'static str, &'static str)]) -> Machine {
        told(&|path| {
            let found = files.iter().find(|(name, _)| *name == path);
            found.map(|(_, text)| (*text).to_owned())
        })
    }

    #[test]
    fn what_files_say_is_read_from_them() {
        let machine = of(&[
            (
                "/proc/cpuinfo",
                "processor\t: 0\nvendor_id\t: AuthenticAMD\nmodel name\t: AMD EPYC\nflags\t\t: fpu tsc\n\nprocessor\t: 1\nmodel name\t: other\n",
            ),
            ("/proc/meminfo", "MemTotal:       24669120 kB\nMemFree:  1 kB\n"),
            ("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", "performance\n"),
            ("/sys/devices/system/clocksource/clocksource0/current_clocksource", "tsc\n"),
            ("/sys/devices/system/clocksource/clocksource0/available_clocksource", "tsc hpet\n"),
            ("/sys/class/dmi/id/sys_vendor", "Dell Inc.\n"),
        ]);
        assert_eq!(machine.processor.as_deref(), Some("AMD EPYC"));
        assert_eq!(machine.memory, Some(24_669_120 * 1024));
        assert_eq!(machine.governor.as_deref(), Some("performance"));
        assert_eq!(machine.clock.source.as_deref(), Some("tsc"));
        assert_eq!(machine.virtualised, None);
    }

    #[test]
    fn what_no_file_says_is_left_out() {
        assert_eq!(of(&[]), Machine::default());
        let odd = of(&[("/proc/cpuinfo", "model name"), ("/proc/meminfo", "MemTotal: many kB")]);
        assert_eq!(odd, Machine::default());
    }

    #[test]
    fn a_guest_is_told_by_its_firmware_its_clocks_or_its_processor() {
        const CLOCKS: &str = "/sys/devices/system/clocksource/clocksource0/available_clocksource";
        let virtualised = |files| of(files).virtualised;
        let kvm = Some("kvm".to_owned());
        assert_eq!(virtualised(&[("/sys/class/dmi/id/sys_vendor", "QEMU\n")]), kvm);
        assert_eq!(virtualised(&[("/sys/class/dmi/id/product_name", "KVM Guest")]), kvm);
        assert_eq!(virtualised(&[(CLOCKS, "kvm-clock tsc acpi_pm \n")]), kvm);
        assert_eq!(virtualised(&[("/sys/hypervisor/type", "xen\n")]), Some("xen".to_owned()));
        let guest = virtualised(&[("/proc/cpuinfo", "flags : fpu hypervisor lahf_lm\n")]);
        assert_eq!(guest, Some("virtual machine".to_owned()));
        assert_eq!(virtualised(&[("/.dockerenv", "")]), Some("container".to_owned()));
        assert_eq!(virtualised(&[("/run/systemd/container", "lxc\n")]), Some("lxc".to_owned()));
        let both = virtualised(&[("/.dockerenv", ""), (CLOCKS, "kvm-clock tsc")]);
        assert_eq!(both, Some("kvm, container".to_owned()));
    }

    #[test]
    fn stolen_time_is_the_eighth_number() {
        assert_eq!(stolen_ticks("cpu  1 2 3 4 5 6 7 108834 0 0\ncpu0 1 2\n"), Some(108_834));
        for text in ["", "cpu 1 2 3", "cpu0 1 2 3 4 5 6 7 8", "cpu 1 2 3 4 5 6 7 x"] {
            assert_eq!(stolen_ticks(text), None, "{text}");
        }
    }

    #[test]
    fn this_machine_is_described() {
        let machine = describe();
        assert_eq!(machine.os, std::env::consts::OS);
        assert!(machine.cores > 0 && machine.kernel.is_some() && !machine.architecture.is_empty());
        assert!(machine.clock.resolution > 0);
        if cfg!(target_os = "linux") {
            assert!(machine.memory.is_some());
            assert!(stolen() >= Some(0));
        }
    }
}
