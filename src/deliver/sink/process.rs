//! A program run once: no shell, a deadline, a bounded look at what it says.

use std::io::{Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use crossbeam_channel::{bounded, tick};

use super::net::Deadline;

/// As much of what a program writes to standard error is shown.
const MAX_WORDS: u64 = 4 << 10;
/// How often it is asked whether it has ended.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// Runs `argv` with `input` on its standard input; why it failed, otherwise. Its environment holds only `PATH`.
pub(super) fn run(argv: &[String], input: &[u8], time: Duration) -> Result<(), String> {
    let Some((program, arguments)) = argv.split_first() else { return Err("no program is named".into()) };
    let mut child = Command::new(program)
        .args(arguments)
        .env_clear()
        .env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        // A group of its own, so that what it starts ends with it.
        .process_group(0)
        .spawn()
        .map_err(|error| format!("`{program}` cannot be started: {error}"))?;
    feed(&mut child, input);
    let words = listen(&mut child);
    let outcome = wait(&mut child, Deadline::after(time));
    // Also after an orderly end: what it left behind holds our pipe.
    end_group(&child);
    let words = words.recv_timeout(Duration::from_millis(200)).unwrap_or_default();
    match outcome {
        Ok(true) => Ok(()),
        Ok(false) => Err(format!("the program failed: {}", words.trim())),
        Err(why) => {
            let _gone = child.wait();
            Err(why)
        }
    }
}

/// Writes on a thread of its own: a program that does not read must not hold us up.
fn feed(child: &mut Child, input: &[u8]) {
    let Some(mut pipe) = child.stdin.take() else { return };
    let input = input.to_vec();
    // A program that does not care for its input closes it; no thread: it gets none and says so.
    let _thread = thread::Builder::new().name("feed".into()).spawn(move || {
        let _closed = pipe.write_all(&input);
    });
}

fn listen(child: &mut Child) -> crossbeam_channel::Receiver<String> {
    let (send, words) = bounded(1);
    if let Some(mut pipe) = child.stderr.take() {
        let _thread = thread::Builder::new().name("listen".into()).spawn(move || {
            let mut first = Vec::new();
            let _cut = pipe.by_ref().take(MAX_WORDS).read_to_end(&mut first);
            let _late = send.send(crate::deliver::format::safe(&String::from_utf8_lossy(&first)));
            // The rest is read and thrown away, so that a talkative program is not stopped by a full pipe.
            let _drained = std::io::copy(&mut pipe, &mut std::io::sink());
        });
    }
    words
}

/// Whether it ended well; an error when it did not end in time.
fn wait(child: &mut Child, mut deadline: Deadline) -> Result<bool, String> {
    let clock = tick(LOOK_EVERY);
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Ok(status.success()),
            Ok(None) if deadline.passed() => {
                end_group(child);
                return Err("the program did not end in time and was killed".into());
            }
            Ok(None) => {
                let _tick = clock.recv();
            }
            Err(error) => return Err(error.to_string()),
        }
    }
}

fn end_group(child: &Child) {
    let pid = i32::try_from(child.id()).ok().and_then(rustix::process::Pid::from_raw);
    if let Some(pid) = pid {
        // Nobody left: nothing to end.
        let _nobody = rustix::process::kill_process_group(pid, rustix::process::Signal::KILL);
    }
}
