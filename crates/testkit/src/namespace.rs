//! Run commands in a network namespace of their own, to test addresses that are not loopback's, or with a disk of their
//! own, to test one that is full.
//!
//! The namespace has a loopback interface that is up and nothing else; the script adds addresses and
//! interfaces at will, and nothing of it reaches the machine. The processes get their own process
//! namespace too, so that killing the one child takes everything the script started with it.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use crate::process::Running;
use crate::program::Program;

/// How `unshare` is called when it needs no right, or makes itself root in a user namespace.
const AS_ROOT: &[&str] = &["--net", "--pid", "--fork", "--kill-child"];
const AS_USER: &[&str] = &["--user", "--map-root-user", "--net", "--pid", "--fork", "--kill-child"];

/// A program that runs `script` with `sh -e` in a fresh network namespace, loopback up; arguments
/// added to it are the script's `"$@"`.
///
/// Signals sent to it do not reach the script, whose parent it is; killing it ends the script.
#[track_caller]
pub fn in_namespace(script: &str) -> Program {
    let Some(flags) = flags() else {
        panic!(
            "no network namespace can be made: it needs unshare, ip, and root or user namespaces"
        )
    };
    let script = format!("ip link set lo up; {script}");
    Program::new("unshare").args(flags).args(["sh", "-ec", &script, "sh"])
}

/// A program that runs `script` with `sh -e` in the network namespace of one that
/// [`in_namespace`] started and that has shown to be ready.
pub fn beside(running: &Running, script: &str) -> Program {
    let user: &[&str] =
        if flags() == Some(AS_USER) { &["--user", "--preserve-credentials"] } else { &[] };
    let target = running.id().to_string();
    let nsenter = Program::new("nsenter").args(["--target", &target, "--net"]).args(user);
    nsenter.args(["sh", "-ec", script, "sh"])
}

/// A program that runs `program` with a disk of its own, of `size` (`"4m"`), in memory and mounted on `folder`, in a
/// fresh mount namespace. Nobody else sees it but through [`root_of`], and it goes with the program, which has this
/// one's process identifier.
#[track_caller]
pub fn on_small_disk(program: Program, folder: &Path, size: &str) -> Program {
    let Some(flags) = flags() else {
        panic!("no mount namespace can be made: it needs unshare, ip, and root or user namespaces")
    };
    let user: &[&str] = if flags == AS_USER { &["--user", "--map-root-user"] } else { &[] };
    let script = r#"mount -t tmpfs -o size="$1" callbox "$2"; shift 2; exec "$@""#;
    let folder = folder.to_str().expect("a path that is text");
    let script = ["sh", "-ec", script, "sh", size, folder];
    program.run_by("unshare", &[&["--mount"], user, &script].concat())
}

/// The root of the files as a running program sees them.
pub fn root_of(running: &Running) -> PathBuf {
    format!("/proc/{}/root", running.id()).into()
}

/// Whether this machine lets us make network namespaces and has the tools.
pub fn available() -> bool {
    flags().is_some()
}

/// The first way of calling `unshare` that works here; found once.
fn flags() -> Option<&'static [&'static str]> {
    static FLAGS: OnceLock<Option<&'static [&'static str]>> = OnceLock::new();
    *FLAGS.get_or_init(|| [AS_ROOT, AS_USER].into_iter().find(|flags| works(flags)))
}

fn works(flags: &[&str]) -> bool {
    let mut command = Command::new("unshare");
    command.args(flags).args(["ip", "link", "set", "lo", "up"]);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_namespace_has_its_own_addresses() {
        if !available() {
            eprintln!("skipped: no network namespaces here");
            return;
        }
        let script = r#"ip address add "$1" dev lo; ip -brief address show dev lo"#;
        let finished = in_namespace(script).arg("192.0.2.7/32").run();
        finished.expect_code(0).stdout_contains("127.0.0.1/8").stdout_contains("192.0.2.7/32");
        let outside = Program::new("ip").args(["-brief", "address"]).run();
        outside.expect_code(0).stdout_lacks("192.0.2.7");
    }

    #[test]
    fn a_second_program_can_join_the_first() {
        if !available() {
            eprintln!("skipped: no network namespaces here");
            return;
        }
        let script = "ip address add 192.0.2.8/32 dev lo; echo ready; read line";
        let mut first = in_namespace(script).spawn();
        first.wait_for_stdout("ready");
        let second = beside(&first, "ip -brief address show dev lo").run();
        second.expect_code(0).stdout_contains("192.0.2.8/32");
        first.write_line("");
        first.wait().expect_code(0);
    }

    #[test]
    fn a_small_disk_is_full_soon_and_seen_by_its_program_alone() {
        if !available() {
            eprintln!("skipped: no namespaces here");
            return;
        }
        let folder = crate::Folder::new("disk");
        let script = r#"head -c 100000 /dev/zero >"$1/file" || echo full; read line"#;
        let program = Program::new("sh").args(["-c", script, "sh"]).arg(folder.path());
        let program = on_small_disk(program.env("LC_ALL", "C"), folder.path(), "64k");
        let mut running = program.spawn();
        running.wait_for_stdout("full");
        assert!(!folder.join("file").exists());
        let file = root_of(&running).join(folder.join("file").strip_prefix("/").expect("absolute"));
        assert!(file.exists());
        running.write_line("");
        running.wait().expect_code(0).stderr_contains("No space left");
    }

    #[test]
    fn a_failing_step_ends_the_script_with_its_code() {
        if !available() {
            eprintln!("skipped: no network namespaces here");
            return;
        }
        in_namespace("sh -c 'exit 5'; echo not reached").run().expect_code(5).stdout_is("");
    }
}
