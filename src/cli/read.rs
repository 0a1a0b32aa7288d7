//! `whither read`: capture files in, summary out.

use std::fs::File;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use jiff::civil::Date;
use serde::Serialize;

use crate::capture::{CaptureError, CaptureFiles, CaptureInfo, FileOptions};
use crate::config::Config;
use crate::deliver::{self, AlertDocument, FlowDocument};
use crate::enrich::PROXIED_CLASSES;
use crate::model::{Alert, AlertTransition, DeviceContext, EnrichedFlow, Ledger, Provenance};
use crate::pipeline::clock;
use crate::pipeline::offline::{self, Reading};
use crate::pipeline::parts::{self, Recipe};
use crate::pipeline::score::Score;
use crate::pipeline::stage::Sink;
use crate::pipeline::summary::Summary;

use super::age;
use super::args::{At, Format, LineFormat, ReadArgs};
use super::document::Document;
use super::output::{self, Failure};
use super::verify::Published;
use super::{FAILED, FLAGGED, table};

/// Files smaller than this are done before a progress bar could be read.
const PROGRESS_FROM: u64 = 32 << 20;

/// A capture this much older than the databases is judged by ownership that may have changed since.
const STALE_AFTER_DAYS: i64 = 365;

/// Runs the command.
pub(super) fn read(args: &ReadArgs) -> Result<ExitCode, Failure> {
    let mut config = super::config::load(args.config.as_deref())?;
    super::config::apply_flags(&mut config, &args.flags)?;
    if let Some(site) = &args.site {
        config.enrich.site = Some(site.clone());
    }
    let published = args.verify.as_deref().map(Published::load).transpose()?;
    let named = published.as_ref().map(Published::captures).unwrap_or_default();
    let files = open(args, if args.captures.is_empty() { &named } else { &args.captures }, &config)?;
    let at = if args.at == At::Today { clock::today() } else { None };
    let parts = parts::build(Recipe {
        catalogue: &config.catalogue,
        enrich: &config.enrich,
        policy: &config.policy,
        at,
        geo: None,
    })
    .map_err(|e| Failure::Usage(e.to_string()))?;
    let provenance = Arc::clone(&parts.provenance);
    let settings = super::config::settings(&config);

    let mut sink = ReadSink::open(args)?;
    let progress = progress_bar(&files);
    let result = offline::read(files, &settings, parts, &mut sink, &mut |bytes| progress.set_position(bytes));
    progress.finish_and_clear();
    let Reading { captures, mut ledger } = result.map_err(|e| failure(&e))?;
    let (summary, score) = sink.finish()?;
    add_notes(&mut ledger, &summary, &captures, &provenance);
    add_ages(&mut ledger, &summary, &provenance, at);
    warn_of_gaps(&ledger);
    if let Some(published) = published {
        let document = Document::new(&summary, &captures, &ledger, &provenance, score.as_ref());
        // Through the text, as the published one came.
        let text = deliver::to_document(&document)?;
        let fresh = serde_json::from_slice(&text)
            .map_err(|e| Failure::Running(format!("the own summary cannot be read back: {e}")))?;
        let same = published.compare(&fresh)?;
        return Ok(if same { ExitCode::SUCCESS } else { ExitCode::from(FAILED) });
    }
    write_summary(args, (&summary, score.as_ref()), &captures, &ledger, &provenance)?;
    let reached = args.fail_on.is_some_and(|bar| summary.alerts.values().any(|a| a.severity >= bar));
    Ok(if reached { ExitCode::from(FLAGGED) } else { ExitCode::SUCCESS })
}

fn open(args: &ReadArgs, captures: &[PathBuf], config: &Config) -> Result<CaptureFiles, Failure> {
    let filter = args
        .filter
        .clone()
        .or_else(|| (!config.capture.filter.is_empty()).then(|| config.capture.filter.clone()));
    let options = FileOptions { filter, ..FileOptions::default() };
    CaptureFiles::open(captures, &options).map_err(|e| failure(&e))
}

/// A bad filter or path is the user's to mend (2); anything else failed while running (1).
fn failure(error: &CaptureError) -> Failure {
    if error.is_usage() { Failure::Usage(error.to_string()) } else { Failure::Running(error.to_string()) }
}

fn progress_bar(files: &CaptureFiles) -> ProgressBar {
    let total = files.bytes_total();
    if total.is_some_and(|t| t < PROGRESS_FROM) || !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let template = "{bar:30} {bytes}/{total_bytes} {bytes_per_sec} {eta} left";
    let style = ProgressStyle::with_template(if total.is_some() {
        template
    } else {
        "{spinner} {bytes} {bytes_per_sec}"
    })
    .unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::with_draw_target(total, ProgressDrawTarget::stderr_with_hz(4)).with_style(style)
}

/// Sums up, and writes lines where they are asked for.
struct ReadSink {
    summary: Summary,
    score: Option<Score>,
    flows: Option<LineFile>,
    alerts: Option<LineFile>,
    /// The first error in writing; the rest of the run is not worth more of them.
    broken: Option<(PathBuf, io::Error)>,
}

struct LineFile {
    path: PathBuf,
    out: Box<dyn Write + Send>,
    format: deliver::Format,
}

impl LineFile {
    fn open(path: &Path, format: LineFormat) -> Result<Self, Failure> {
        let out: Box<dyn Write + Send> = if path == Path::new("-") {
            Box::new(BufWriter::new(io::stdout()))
        } else {
            let file = File::create(path)
                .map_err(|e| Failure::Usage(format!("{}: cannot write: {e}", path.display())))?;
            Box::new(BufWriter::with_capacity(1 << 20, file))
        };
        let format = match format {
            LineFormat::Ecs => deliver::Format::Ecs,
            LineFormat::Ocsf => deliver::Format::Ocsf,
        };
        Ok(Self { path: path.to_owned(), out, format })
    }
}

impl ReadSink {
    fn open(args: &ReadArgs) -> Result<Self, Failure> {
        let both = args.flows.is_some() && args.flows == args.alerts;
        if both && args.flows.as_deref() != Some(Path::new("-")) {
            return Err(Failure::Usage("--flows and --alerts name the same file; give each its own".into()));
        }
        let open =
            |path: &Option<PathBuf>| path.as_deref().map(|path| LineFile::open(path, args.lines)).transpose();
        Ok(Self {
            summary: Summary::default(),
            score: args.score.then(Score::default),
            flows: open(&args.flows)?,
            alerts: open(&args.alerts)?,
            broken: None,
        })
    }

    fn finish(mut self) -> Result<(Summary, Option<Score>), Failure> {
        for file in [&mut self.flows, &mut self.alerts].into_iter().flatten() {
            if let Err(error) = file.out.flush() {
                self.broken.get_or_insert((file.path.clone(), error));
            }
        }
        match self.broken {
            None => Ok((self.summary, self.score)),
            Some((_, error)) if error.kind() == io::ErrorKind::BrokenPipe => Err(Failure::ClosedPipe),
            Some((path, error)) => {
                Err(Failure::Running(format!("{}: cannot write: {error}", path.display())))
            }
        }
    }

    /// Writes one line; after the first error nothing more, for the run is told of it at its end.
    fn write(
        file: Option<&mut LineFile>,
        broken: &mut Option<(PathBuf, io::Error)>,
        document: &impl Serialize,
    ) {
        let Some(file) = file else { return };
        if broken.is_none()
            && let Err(error) =
                deliver::to_line(document).and_then(|line| file.out.write_all(&file.format.line(line)))
        {
            *broken = Some((file.path.clone(), error));
        }
    }
}

impl Sink for ReadSink {
    fn devices(&mut self, describe: &mut dyn FnMut(&mut DeviceContext)) {
        self.summary.devices(describe);
    }

    fn flow(&mut self, flow: &EnrichedFlow) {
        self.summary.flow(flow);
        if let Some(score) = &mut self.score {
            score.take(flow);
        }
        if self.flows.is_some() {
            Self::write(self.flows.as_mut(), &mut self.broken, &FlowDocument::new(flow));
        }
    }

    fn alert(&mut self, transition: AlertTransition, alert: &Arc<Alert>) {
        self.summary.alert(transition, alert);
        Self::write(self.alerts.as_mut(), &mut self.broken, &AlertDocument::new(alert, transition));
    }
}

/// Databases that are too old for what they judge: the capture, or today where that is asked for.
fn add_ages(ledger: &mut Ledger, summary: &Summary, provenance: &Provenance, today: Option<Date>) {
    let last = summary.period.and_then(|(_, last)| age::day_of(last));
    let (Some(by), what) = (today.or(last), if today.is_some() { "today" } else { "the capture ends" })
    else {
        return;
    };
    for database in &provenance.databases {
        if let Some(days) = age::days(&database.build, by).filter(|days| *days > age::TOO_OLD_DAYS) {
            ledger.notes.push(format!(
                "`{}` is of {}, {days} days before {what} ({by}): addresses may have moved since; `whither geoip update` \
                 fetches newer ones",
                database.name, database.build
            ));
        }
    }
}

/// Sentences that a reader needs to weigh the result.
fn add_notes(ledger: &mut Ledger, summary: &Summary, captures: &[CaptureInfo], provenance: &Provenance) {
    if let (Some((_, last)), Some(build)) =
        (summary.period, provenance.databases.iter().map(|d| &d.build).min())
        && let Some(days) = age::day_of(last).and_then(|last| age::days(build, last))
        && -days > STALE_AFTER_DAYS
    {
        ledger.notes.push(format!(
            "the capture ends {}, the databases are of {build}: addresses may have changed hands and places since",
            last.to_rfc3339(0).get(..10).unwrap_or_default()
        ));
    }
    for capture in captures.iter().filter(|c| c.brought.relayed > 0) {
        ledger.notes.push(format!(
            "{}: {} packets were made up by a relay on the device (PCAPdroid's VPN): times, TTL and window are the relay's, \
             and no round trip bounds a distance",
            capture.path.display(),
            capture.brought.relayed
        ));
    }
    if let Some(n) = ledger.limits.get(PROXIED_CLASSES) {
        ledger.notes.push(format!(
            "{n} service(s) at observation points are answered by something near (a proxy, an accelerator, a firewall) in the remotes' \
             place: their round trips refute nothing"
        ));
    }
    for capture in captures.iter().filter(|c| c.brought.secrets_blocks > 0) {
        ledger.notes.push(format!(
            "{} holds {} block(s) of secrets for decryption; they were passed over and are not kept",
            capture.path.display(),
            capture.brought.secrets_blocks
        ));
    }
    for capture in captures.iter().filter(|c| c.brought.pid_comments > 0) {
        ledger.notes.push(format!(
            "{}: {} packets have a process id in a comment; it is the process that ran when the packet was logged, often \
             not the packet's own, and is not used",
            capture.path.display(),
            capture.brought.pid_comments
        ));
    }
    for capture in captures.iter().filter(|c| c.packets == 0) {
        ledger.notes.push(format!("{} holds no packets", capture.path.display()));
    }
}

/// Days from `earlier` to the ISO date `later`; `None` when that is no date.
fn warn_of_gaps(ledger: &Ledger) {
    for gap in &ledger.gaps {
        tracing::warn!(source = gap.source, offset = gap.offset, "{}: {}", gap.kind, gap.detail);
    }
}

fn write_summary(
    args: &ReadArgs,
    (summary, score): (&Summary, Option<&Score>),
    captures: &[CaptureInfo],
    ledger: &Ledger,
    provenance: &Provenance,
) -> Result<(), Failure> {
    let dash = |path: &Option<PathBuf>| path.as_deref() == Some(Path::new("-"));
    let to_stderr = dash(&args.flows) || dash(&args.alerts);
    let mut out = output::summary_stream(to_stderr);
    match args.format {
        Format::Json => {
            let document = Document::new(summary, captures, ledger, provenance, score);
            out.write_all(&deliver::to_document(&document)?)?;
        }
        Format::Table => {
            let style = table::Style { colour: output::colour(to_stderr), all: args.all };
            out.write_all(table::summary(summary, captures, ledger, style).as_bytes())?;
            if let Some(score) = score {
                out.write_all(super::score::table(score).as_bytes())?;
            }
        }
    }
    out.flush()?;
    Ok(())
}
