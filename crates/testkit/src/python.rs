//! Plain Python programs as the other side of an exchange: `socket` there is the kernel's interface
//! with nothing added, so what it can talk to, anything can.

use crate::program::Program;

/// A Python program from its text, with unbuffered output; `.args([...])` become `sys.argv[1..]`.
///
/// A script that listens should bind port 0 and print the port, which the test awaits with
/// [`wait_for_stdout_lines`](crate::Running::wait_for_stdout_lines).
pub fn python(script: &str) -> Program {
    Program::new("python3").args(["-u", "-c", script])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_is_given_its_arguments() {
        let finished = python("import sys\nprint(sys.argv[1:])").args(["a", "b c"]).run();
        finished.expect_code(0).stdout_is("['a', 'b c']\n");
    }

    #[test]
    fn what_a_script_prints_can_be_awaited_while_it_runs() {
        let mut running = python("print('ready'); print(input().upper())").spawn();
        running.wait_for_stdout("ready");
        running.write_line("sally");
        running.wait().expect_code(0).stdout_is("ready\nSALLY\n");
    }
}
