//! The README's test command: install what the tests need, then run all of them.

use anyhow::Result;

use crate::shell::{cargo, find_program, output_of, program, succeed, works};

/// A program that tests start, and what is missed without it.
struct Tool {
    program: &'static str,
    /// The Debian package that has it.
    package: &'static str,
    /// Which tests then fail.
    tests: &'static str,
}

const TOOLS: &[Tool] = &[
    Tool {
        program: "python3",
        package: "python3",
        tests: "the exchanges with plain Python sockets",
    },
    Tool {
        program: "ip",
        package: "iproute2",
        tests: "those of addresses that are not loopback's",
    },
    Tool {
        program: "unshare",
        package: "util-linux",
        tests: "those of addresses that are not loopback's",
    },
    Tool {
        program: "setsid",
        package: "util-linux",
        tests: "those of prompts and chat clients on a terminal",
    },
    Tool { program: "openssl", package: "openssl", tests: "those of the chat's certificates" },
    Tool { program: "irssi", package: "irssi", tests: "those of the chat with irssi" },
    Tool { program: "weechat", package: "weechat-curses", tests: "those of the chat with WeeChat" },
    Tool { program: "catgirl", package: "catgirl", tests: "those of the chat with catgirl" },
];

/// Runs the documentation's examples and then the tests; the runner's summary comes last. With
/// arguments for the runner, the examples are left out.
pub(crate) fn run(args: &[&str]) -> Result<()> {
    install_missing();
    if works(&mut cargo(&["nextest", "--version"])) {
        if args.is_empty() {
            succeed(&mut cargo(&["test", "--quiet", "--workspace", "--doc"]))?;
        }
        return succeed(cargo(&["nextest", "run", "--workspace"]).args(args));
    }
    succeed(cargo(&["test", "--workspace"]).args(args))
}

/// Installs the missing tools with apt-get; where that cannot be done, says which tests will fail.
fn install_missing() {
    let missing = || TOOLS.iter().filter(|tool| find_program(tool.program).is_none());
    let mut packages: Vec<&str> = missing().map(|tool| tool.package).collect();
    packages.dedup();
    if packages.is_empty() {
        return;
    }
    println!("installing {}", packages.join(", "));
    if let Err(error) = install(&packages) {
        eprintln!("xtask: {error:#}");
    }
    for Tool { program, package, tests } in missing() {
        eprintln!(
            "xtask: {program} is not installed (Debian's package is {package}): {tests} will fail"
        );
    }
}

fn install(packages: &[&str]) -> Result<()> {
    let root = output_of(&mut program("id", &["-u"]))?.trim() == "0";
    let apt_get = |args: &[&str]| {
        let mut command = match root {
            true => program("apt-get", args),
            false => program("sudo", &[&["-n", "apt-get"], args].concat()),
        };
        succeed(command.env("DEBIAN_FRONTEND", "noninteractive"))
    };
    apt_get(&["update"])?;
    // Another apt-get, such as that of automatic upgrades, is waited for: two minutes and no longer.
    let options = ["-o", "DPkg::Lock::Timeout=120", "install", "-y", "--no-install-recommends"];
    apt_get(&[&options[..], packages].concat())
}
