//! `whither geoip update`: fetches newer databases, holds them against those in use, and swaps them.
//!
//! Each source stands alone: what fails leaves its old file in place and the others go on; exit code 1 says that something did.

use std::fmt::Write as _;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use jiff::civil::Date;
use serde::Serialize;

use crate::cli::args::Format;
use crate::cli::output::{self, Failure, bytes};
use crate::cli::table;
use crate::config::Config;
use crate::enrich::update::{
    self, Account, Destroyed, Examined, Origin, Rules, Source, UpdateError, keep_origin, kept_origin,
};
use crate::fetch::{self, Credentials, FetchError, FetchOptions, Fetched, Validators};
use crate::pipeline::clock;

use super::args::UpdateArgs;
use super::keys::Keys;
use super::same_file;

#[derive(Serialize)]
struct Document {
    folder: PathBuf,
    databases: Vec<Row>,
    /// Old versions that their licence does not let one keep.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    destroyed: Vec<Gone>,
}

/// An old version that was destroyed.
#[derive(Serialize)]
struct Gone {
    file: PathBuf,
    replaced_by: String,
}

/// What became of one source.
#[derive(Serialize)]
struct Row {
    source: &'static str,
    file: PathBuf,
    /// `updated`, `unchanged` or `failed`.
    result: &'static str,
    /// Date of the data in use now.
    #[serde(skip_serializing_if = "Option::is_none")]
    build: Option<String>,
    /// Date of the data in use before.
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sha256: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes: Option<u64>,
    /// Whether `enrich.databases` names the file.
    configured: bool,
    license: &'static str,
    attribution: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// Why one source failed; the message names the remedy.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error(transparent)]
    Fetch(#[from] FetchError),
    #[error(transparent)]
    Update(#[from] UpdateError),
    #[error("none of these is there: {0}; try again later, or name a mirror")]
    Missing(String),
    #[error("{url}: what was fetched cannot be unpacked: {error}; try again")]
    Unpack { url: String, error: io::Error },
    #[error("cannot write `{}`: {error}", path.display())]
    Write { path: PathBuf, error: io::Error },
}

/// What all sources have in common.
struct Job<'a> {
    folder: PathBuf,
    mirror: Option<&'a str>,
    keys: Keys,
    options: FetchOptions,
    today: Date,
    max_size: u64,
    force: bool,
}

/// Runs the command.
pub(super) fn update(args: &UpdateArgs) -> Result<(), Failure> {
    let config = crate::cli::config::load(args.config.as_deref())?;
    let settings = &config.enrich.update;
    let mut sources = if args.sources.is_empty() { &settings.sources } else { &args.sources }.clone();
    sources.dedup();
    let mirror = args.mirror.as_deref().or(settings.mirror.as_deref());
    if let Some(mirror) = mirror {
        fetch::check_url(mirror).map_err(|e| Failure::Usage(format!("the mirror: {e}")))?;
    }
    let folder = args.folder.clone().or_else(|| settings.folder.clone());
    let max_size = config.enrich.max_database_size.0;
    let job = Job {
        folder: folder.unwrap_or_else(|| config.daemon.state_dir.join("geoip")),
        mirror,
        // Nobody's key is shown to a mirror.
        keys: if mirror.is_some() { Keys::default() } else { Keys::find(&sources, settings)? },
        options: FetchOptions {
            deadline: settings.deadline.0,
            limit: max_size,
            ca_file: settings.ca_file.clone(),
        },
        today: clock::today()
            .ok_or_else(|| Failure::Running("the clock shows no day of the calendar".into()))?,
        max_size,
        force: args.force,
    };
    let _lock = job.lock().map_err(Failure::Running)?;
    let rows: Vec<Row> = sources.iter().map(|source| job.row(*source, &config)).collect();
    let mut failures: Vec<String> =
        rows.iter().filter_map(|r| Some(format!("{}: {}", r.source, r.error.as_ref()?))).collect();
    let destroyed = job.destroy_outdated(&mut failures);
    let document = Document { folder: job.folder, databases: rows, destroyed };
    match args.format {
        Format::Json => output::print_document(&document)?,
        Format::Table => output::print(&text(&document, &config))?,
    }
    if failures.is_empty() {
        return Ok(());
    }
    Err(Failure::Running(format!("{}\nwhat was in use stays in use", failures.join("\n"))))
}

impl Job<'_> {
    /// Makes the folder, and sees that two updates do not write the same files.
    fn lock(&self) -> Result<File, String> {
        let path = self.folder.join(".update.lock");
        let open = || OpenOptions::new().create(true).truncate(false).write(true).open(&path);
        let file = fs::create_dir_all(&self.folder).and_then(|()| open()).map_err(|e| {
            format!("cannot write into `{}`: {e}; name another folder with --folder", self.folder.display())
        })?;
        match file.try_lock() {
            Ok(()) => Ok(file),
            Err(fs::TryLockError::WouldBlock) => {
                Err(format!("another update is at work in `{}`; wait for it", self.folder.display()))
            }
            Err(fs::TryLockError::Error(error)) => Err(format!("cannot lock `{}`: {error}", path.display())),
        }
    }

    /// Old versions that may not be kept any more go, whatever was asked for.
    fn destroy_outdated(&self, failures: &mut Vec<String>) -> Vec<Gone> {
        let mut destroyed = Vec::new();
        for one in update::destroy_outdated(&self.folder, clock::now(), self.max_size) {
            match one {
                Ok(Destroyed { path, replaced_by }) => destroyed.push(Gone { file: path, replaced_by }),
                Err(error) => failures.push(error.to_string()),
            }
        }
        destroyed
    }

    fn row(&self, source: Source, config: &Config) -> Row {
        let file = self.folder.join(source.file());
        let (license, attribution) = source.terms();
        let mut row = Row {
            source: source.word(),
            configured: config.enrich.databases.iter().any(|path| same_file(path, &file)),
            file,
            result: "failed",
            build: None,
            before: None,
            sha256: None,
            bytes: None,
            license,
            attribution,
            warnings: Vec::new(),
            error: None,
        };
        match self.one(source, &row.file) {
            Ok(Some(examined)) => {
                row.result = if examined.same { "unchanged" } else { "updated" };
                row.build = Some(examined.build);
                row.before = examined.before;
                row.sha256 = Some(examined.sha256);
                row.bytes = Some(examined.size);
                row.warnings = examined.warnings;
            }
            Ok(None) => row.result = "unchanged",
            Err(error) => row.error = Some(error.to_string()),
        }
        row
    }

    /// Fetches one database and installs it; `None`: the server says that the one in use is the newest.
    fn one(&self, source: Source, target: &Path) -> Result<Option<Examined>, Trouble> {
        let origin = kept_origin(target);
        let addresses = source.addresses(self.today, self.mirror);
        for address in &addresses {
            let known = origin
                .as_ref()
                .filter(|o| o.url == fetch::shown(address))
                .map(|o| Validators { etag: o.etag.clone(), last_modified: o.last_modified.clone() });
            match self.ask(source, address, known.as_ref())? {
                Fetched::Missing => {}
                Fetched::Unchanged => return Ok(None),
                Fetched::File(body, validators) => {
                    return self.take(source, target, address, body, validators).map(Some);
                }
            }
        }
        let shown: Vec<&str> = addresses.iter().map(|a| fetch::shown(a)).collect();
        Err(Trouble::Missing(shown.join(", ")))
    }

    fn ask(&self, source: Source, address: &str, known: Option<&Validators>) -> Result<Fetched, FetchError> {
        let maxmind = self.keys.maxmind.as_ref().filter(|_| source.account() == Account::Maxmind);
        let credentials = maxmind.map(|(user, password)| Credentials { user, password });
        let token = self.keys.ipinfo.as_ref().filter(|_| source.account() == Account::Ipinfo);
        let with_token = token.map(|token| format!("{address}?token={token}"));
        let url = with_token.as_deref().unwrap_or(address);
        fetch::fetch(url, credentials.as_ref(), known, &self.options)
    }

    /// Unpacks beside the target, examines, installs.
    fn take(
        &self,
        source: Source,
        target: &Path,
        address: &str,
        body: impl Read,
        validators: Validators,
    ) -> Result<Examined, Trouble> {
        let aside = Aside(target.with_file_name(format!(".{}.new", source.file())));
        let write = |error| Trouble::Write { path: aside.0.clone(), error };
        let mut body = Watched { inner: body, failed: None };
        let mut file = Sensed { file: File::create(&aside.0).map_err(write)?, failed: false };
        if let Err(error) = update::unpack(&mut body, &mut file, self.max_size) {
            return Err(match body.failed {
                _ if file.failed => write(error),
                Some(broken) => FetchError::broken_off(address, self.options.limit, &broken).into(),
                None => Trouble::Unpack { url: fetch::shown(address).to_owned(), error },
            });
        }
        drop(file);
        let rules = Rules { source, now: clock::now(), max_size: self.max_size, force: self.force };
        let examined = update::examine(&aside.0, target, &rules)?;
        if !examined.same {
            update::install(&aside.0, target)?;
        }
        keep_origin(
            target,
            &Origin {
                source,
                url: fetch::shown(address).to_owned(),
                fetched: clock::now().to_rfc3339(0),
                sha256: examined.sha256.clone(),
                etag: validators.etag,
                last_modified: validators.last_modified,
            },
        )?;
        Ok(examined)
    }
}

/// A file that is only there while it is worked at.
struct Aside(PathBuf);

impl Drop for Aside {
    fn drop(&mut self) {
        // Gone already when it took the target's place.
        let _gone = fs::remove_file(&self.0);
    }
}

/// Remembers whether it was the download that failed; what unpacks it hides that.
struct Watched<R> {
    inner: R,
    failed: Option<io::Error>,
}

impl<R: Read> Read for Watched<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.inner.read(into).map_err(|error| {
            let kind = error.kind();
            self.failed = Some(error);
            kind.into()
        })
    }
}

/// Remembers whether it was the disk that failed.
struct Sensed {
    file: File,
    failed: bool,
}

impl io::Write for Sensed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes);
        self.failed |= written.as_ref().is_err_and(|e| e.kind() != io::ErrorKind::Interrupted);
        written
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// Where the file that was replaced is kept.
fn with_old(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".old");
    name.into()
}

fn text(document: &Document, config: &Config) -> String {
    let dash = || "-".to_owned();
    let rows = document.databases.iter().map(|r| {
        vec![
            r.source.to_owned(),
            r.result.to_owned(),
            r.build.clone().unwrap_or_else(dash),
            r.before.clone().unwrap_or_else(dash),
            r.bytes.map_or_else(dash, bytes),
            r.file.display().to_string(),
        ]
    });
    let mut text = table::list(rows, &["source", "result", "data of", "before", "size", "file"]);
    let there = || document.databases.iter().filter(|r| r.error.is_none());
    for row in there() {
        for warning in &row.warnings {
            let _ = writeln!(text, "{}: {}", row.source, output::plain(warning));
        }
    }
    let mut shown: Vec<String> = there().map(|r| format!("{} ({})", r.attribution, r.license)).collect();
    shown.dedup();
    for line in shown {
        let _ = writeln!(text, "{line}");
    }
    let new: Vec<&Row> = there().filter(|r| !r.configured).collect();
    if !new.is_empty() {
        let mut paths: Vec<String> =
            config.enrich.databases.iter().map(|p| p.display().to_string()).collect();
        paths.extend(new.iter().map(|r| r.file.display().to_string()));
        let _ = writeln!(
            text,
            "\nNot in use yet. In the configuration:\n\n[enrich]\ndatabases = {}\n",
            toml::Value::from(paths)
        );
    }
    if there().any(|r| r.configured && r.result == "updated") {
        let by_itself = if config.enrich.look_every.0.is_zero() {
            String::new()
        } else {
            format!("A running daemon takes it over within {}; at once: ", config.enrich.look_every)
        };
        let _ = writeln!(text, "{by_itself}systemctl reload whither, or kill -HUP its process");
    }
    for gone in &document.destroyed {
        let (file, of) = (gone.file.display(), &gone.replaced_by);
        let _ = writeln!(text, "Destroyed, as its licence asks: {file}, replaced by that of {of}");
    }
    let gone = |row: &Row| document.destroyed.iter().any(|g| g.file == with_old(&row.file));
    for row in there().filter(|r| r.result == "updated" && r.before.is_some() && !gone(r)) {
        let file = row.file.display();
        let _ = writeln!(text, "What changes by it: whither geoip diff {file}.old {file}");
    }
    text
}
