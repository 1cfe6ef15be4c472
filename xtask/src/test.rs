//! The README's test command: install what the tests need, then run all of them.

use std::fs;

use anyhow::{Context, Result, bail};

use crate::built::target_folder;
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
    Tool { program: "tmux", package: "tmux", tests: "those of the chat's client on a terminal" },
    Tool { program: "ngircd", package: "ngircd", tests: "those of the chat's client with ngIRCd" },
    Tool {
        program: "inspircd",
        package: "inspircd",
        tests: "those of the chat's client with InspIRCd",
    },
    Tool { program: "chromium", package: "chromium", tests: "those of the chat's page" },
    Tool { program: "chromedriver", package: "chromium-driver", tests: "those of the chat's page" },
    Tool { program: "ncat", package: "ncat", tests: "those of callbox nc beside ncat" },
    Tool {
        program: "nc.openbsd",
        package: "netcat-openbsd",
        tests: "those of callbox nc beside OpenBSD's nc",
    },
    Tool {
        program: "nc.traditional",
        package: "netcat-traditional",
        tests: "those of callbox nc beside the traditional netcat",
    },
    Tool { program: "tshark", package: "tshark", tests: "that of nc's captures" },
    Tool { program: "npm", package: "npm", tests: "that of the page's accessibility" },
];

/// axe-core, with which a test looks for what would keep people out of the page. Debian has no package of it, so it comes
/// from the npm registry, or from where this machine's npm is told to fetch; it is no part of callbox (MPL-2.0).
const AXE: &str = "axe-core@4.14.1";

/// The SHA-512 of that package as the registry gives it.
const AXE_SUM: &str = "1477dafa598d8d065f273d6af302aa203c02e83131707b7fa648cd41bd3d6b73\
     4f8c22a0dab86ee6a6f64b8afbe804b214d36db85a2826965edfb3a0b9d546b5";

/// Where it lies below the target folder, as `crates/callbox/tests/web/axe.rs` has it too.
const AXE_FILE: &str = "axe-core-4.14.1/axe.min.js";

/// Runs the documentation's examples and then the tests; the runner's summary comes last. With
/// arguments for the runner, the examples are left out.
pub(crate) fn run(args: &[&str]) -> Result<()> {
    install_missing();
    if let Err(error) = fetch_axe() {
        eprintln!("xtask: {AXE} cannot be had: {error:#}");
        eprintln!("xtask: the test of the page's accessibility will fail");
    }
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

/// What installs packages, as root. Those of daemons start them, at ports that may be somebody's; tests start their own
/// at ports of the kernel's choice. So unless this system has a policy, it is for this while that nothing is started.
const INSTALL: &str = r#"
export DEBIAN_FRONTEND=noninteractive
policy=/usr/sbin/policy-rc.d
if ! [ -e "$policy" ]; then
    trap 'rm -f "$policy"' EXIT
    printf '#!/bin/sh\nexit 101\n' > "$policy" && chmod 755 "$policy" || exit
fi
apt-get update || exit
# Another apt-get, such as that of automatic upgrades, is waited for: two minutes and no longer. Nobody is there to be asked
# about configuration files, so they stay as they are.
apt-get -o DPkg::Lock::Timeout=120 -o DPkg::Options::=--force-confold install -y --no-install-recommends "$@"
"#;

fn install(packages: &[&str]) -> Result<()> {
    let root = output_of(&mut program("id", &["-u"]))?.trim() == "0";
    let script = ["sh", "-c", INSTALL, "sh"];
    let mut command = match root {
        true => program(script[0], &script[1..]),
        false => program("sudo", &[&["-n"], &script[..]].concat()),
    };
    succeed(command.args(packages))
}

/// Puts axe-core where its test looks for it, unless it is there.
fn fetch_axe() -> Result<()> {
    let file = target_folder()?.join(AXE_FILE);
    if file.is_file() {
        return Ok(());
    }
    println!("fetching {AXE}");
    let folder = file.parent().context("a file is in a folder")?;
    fs::create_dir_all(folder).with_context(|| format!("{}", folder.display()))?;
    let pack = ["pack", AXE, "--silent", "--ignore-scripts"];
    let name = output_of(program("npm", &pack).current_dir(folder))?;
    let package = folder.join(name.trim());
    let sum = output_of(program("sha512sum", &["--binary"]).arg(&package))?;
    // A name with unusual characters has a sign in front of the whole line.
    if sum.trim_start_matches('\\').split(' ').next() != Some(AXE_SUM) {
        fs::remove_file(&package)?;
        bail!("what npm fetched is not the package that is known: its SHA-512 is {sum}");
    }
    succeed(program("tar", &["-xf"]).arg(&package).arg("package/axe.min.js").current_dir(folder))?;
    // What is cut short leaves no half of the file.
    fs::rename(folder.join("package/axe.min.js"), &file)?;
    fs::remove_dir(folder.join("package"))?;
    fs::remove_file(&package)?;
    Ok(())
}
