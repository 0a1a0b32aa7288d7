//! Network namespaces of a test's own, programs inside them, and their end however the test ends.
//!
//! The programs are this test binary, started through `ip netns exec`: entering a namespace from within a thread would
//! need unsafe code.

use std::io::BufRead;
use std::path::Path;
use std::process::{Child, Command};

/// Runs a program to its end; says whether it went well.
pub(crate) fn done(program: &str, arguments: &[&str]) -> bool {
    Command::new(program).args(arguments).output().is_ok_and(|output| output.status.success())
}

/// `ip` with these arguments; says whether it went well.
pub(crate) fn ip(arguments: &str) -> bool {
    done("ip", &arguments.split(' ').collect::<Vec<_>>())
}

/// Removes namespaces however the test ends; the cables go with them.
pub(crate) struct Namespaces(pub(crate) Vec<String>);

impl Drop for Namespaces {
    fn drop(&mut self) {
        for name in &self.0 {
            ip(&format!("netns del {name}"));
        }
    }
}

/// Ends a process however the test ends.
pub(crate) struct Running(pub(crate) Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A command inside a namespace.
pub(crate) fn inside(namespace: &str, program: &Path) -> Command {
    let mut command = Command::new("ip");
    command.args(["netns", "exec", namespace]).arg(program);
    command
}

/// Reads lines until one has this in it.
pub(crate) fn wait_for_line(lines: &mut dyn BufRead, word: &str) {
    let mut line = String::new();
    while lines.read_line(&mut line).unwrap() > 0 {
        if line.contains(word) {
            return;
        }
        line.clear();
    }
    panic!("it ended before it said `{word}`");
}
