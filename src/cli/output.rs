//! Results on standard output: buffered, colour only on a terminal, and a closed pipe ends the program quietly.

use std::io::{self, IsTerminal, Write};

use serde::Serialize;

use crate::deliver;

/// What the program's commands end with.
#[derive(Debug)]
pub(super) enum Failure {
    /// Wrong usage or configuration: exit code 2.
    Usage(String),
    /// Something failed while running: exit code 1.
    Running(String),
    /// The reader of our output went away: exit code 0, nothing said.
    ClosedPipe,
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            Self::ClosedPipe
        } else {
            Self::Running(format!("cannot write the result: {error}"))
        }
    }
}

/// Where the summary goes: standard output, or standard error when lines have standard output.
pub(super) fn summary_stream(to_stderr: bool) -> Box<dyn Write> {
    if to_stderr { Box::new(io::stderr().lock()) } else { Box::new(io::BufWriter::new(io::stdout().lock())) }
}

/// Whether colour may be used on the stream: a terminal, and `NO_COLOR` (no-color.org) is unset or empty.
pub(super) fn colour(to_stderr: bool) -> bool {
    let wanted = std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty());
    wanted && if to_stderr { io::stderr().is_terminal() } else { io::stdout().is_terminal() }
}

/// Writes one line (or document) to standard output.
pub(super) fn print(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    if !text.ends_with('\n') {
        out.write_all(b"\n")?;
    }
    out.flush()?;
    Ok(())
}

/// Prints one indented JSON document.
pub(super) fn print_document(document: &impl Serialize) -> Result<(), Failure> {
    print(&String::from_utf8_lossy(&deliver::to_document(document)?))
}

/// Prints one JSON document on one line.
pub(super) fn print_line(document: &impl Serialize) -> Result<(), Failure> {
    print(&String::from_utf8_lossy(&deliver::to_line(document)?))
}

/// Text that people wrote, without the characters that could turn, hide or break what stands around it.
pub(super) fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if deliver::json::is_harmful(c) || c.is_control() {
            out.extend(c.escape_unicode());
        } else {
            out.push(c);
        }
    }
    out
}

/// Octets for people: `1.2 MB` (powers of 1000, as network people count).
pub(super) fn bytes(octets: u64) -> String {
    const UNITS: [(u64, &str); 4] =
        [(1_000_000_000_000, "TB"), (1_000_000_000, "GB"), (1_000_000, "MB"), (1_000, "kB")];
    for (unit, word) in UNITS {
        if octets >= unit {
            let tenths = octets / (unit / 10);
            return if tenths >= 1_000 {
                format!("{} {word}", tenths / 10)
            } else {
                format!("{}.{} {word}", tenths / 10, tenths % 10)
            };
        }
    }
    format!("{octets} B")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn octets_read_like_people_say_them() {
        for (n, text) in [
            (0, "0 B"),
            (999, "999 B"),
            (1_000, "1.0 kB"),
            (1_549, "1.5 kB"),
            (123_456, "123 kB"),
            (5_000_000_000, "5.0 GB"),
        ] {
            assert_eq!(bytes(n), text);
        }
    }
}
