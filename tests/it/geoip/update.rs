//! `whither geoip update` against servers on loopback: what is taken, what is refused, and that a refusal changes nothing.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use super::server::{BUILT, DAY, Server, answer, certificate, country, gzip, mmdb, network};

fn countries(built: u64, code: &str) -> Vec<u8> {
    mmdb("DBIP-Country-Lite", built, &[("8.8.8.0/24", country(code)), ("77.88.8.0/24", country("RU"))])
}

fn networks(built: u64) -> Vec<u8> {
    mmdb("DBIP-ASN-Lite", built, &[("8.8.8.0/24", network(15_169, "Google LLC"))])
}

struct Bench {
    _keep: tempfile::TempDir,
    state: PathBuf,
}

impl Bench {
    fn new() -> Self {
        let keep = tempfile::tempdir().unwrap();
        Self { state: keep.path().to_owned(), _keep: keep }
    }

    fn config(&self, more: &str) -> PathBuf {
        let path = self.state.join("whither.toml");
        fs::write(&path, format!("[daemon]\nstate-dir = '{}'\n{more}", self.state.display())).unwrap();
        path
    }

    fn file(&self, name: &str) -> PathBuf {
        self.state.join("geoip").join(name)
    }

    fn run(&self, server: &Server, arguments: &[&str]) -> Output {
        self.with("", &server.base, arguments)
    }

    fn with(&self, config: &str, mirror: &str, arguments: &[&str]) -> Output {
        let config = self.config(config);
        let output = Command::new(env!("CARGO_BIN_EXE_whither"))
            .args(["geoip", "update", "--config", config.to_str().unwrap(), "--mirror", mirror])
            .args(arguments)
            .env_clear()
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let left: Vec<_> = match fs::read_dir(self.state.join("geoip")) {
            Ok(entries) => entries
                .map(|e| e.unwrap().file_name().into_string().unwrap())
                .filter(|name| name.contains(".new"))
                .collect(),
            Err(_) => Vec::new(),
        };
        assert!(left.is_empty(), "left behind: {left:?}");
        output
    }
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn path(head: &str) -> &str {
    head.split(' ').nth(1).unwrap_or_default()
}

#[test]
fn without_an_account_country_and_as_come_from_this_month_or_the_one_before() {
    let bench = Bench::new();
    let server = Server::plain({
        let asked = std::sync::Mutex::new(Vec::<String>::new());
        move |head| {
            let kind = if head.contains("country") { "country" } else { "asn" };
            let mut asked = asked.lock().unwrap();
            // The first month asked for is not there yet.
            if !asked.iter().any(|k| k == kind) {
                asked.push(kind.to_owned());
                return answer("404 Not Found", "", b"");
            }
            let bytes = if kind == "asn" { networks(BUILT) } else { countries(BUILT, "US") };
            answer("200 OK", "", &gzip(&bytes))
        }
    });
    let output = bench.run(&server, &[]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert_eq!(fs::read(bench.file("dbip-country-lite.mmdb")).unwrap(), countries(BUILT, "US"));
    assert_eq!(fs::read(bench.file("dbip-asn-lite.mmdb")).unwrap(), networks(BUILT));
    let seen = server.seen();
    let asked: Vec<&str> = seen.iter().map(|head| path(head)).collect();
    assert_eq!(asked.len(), 4, "{asked:?}");
    assert!(asked[0] > asked[1] && asked[1].starts_with("/dbip-country-lite-20"), "{asked:?}");
    let text = said(&output);
    let line = format!("databases = [{:?}, ", bench.file("dbip-country-lite.mmdb"));
    assert!(text.contains(&line) && text.contains("CC BY 4.0") && text.contains("2026-05-28"), "{text}");
}

#[test]
fn what_it_says_to_put_into_the_configuration_is_a_configuration_that_uses_them() {
    let bench = Bench::new();
    let server = Server::plain(|_| answer("200 OK", "", &gzip(&countries(BUILT, "US"))));
    let text = said(&bench.run(&server, &["dbip-country"]));
    let (_, lines) = text.split_once("\n[enrich]\n").expect("a section");
    let line = lines.lines().next().unwrap();
    let output =
        bench.with(&format!("[enrich]\n{line}\n"), &server.base, &["dbip-country", "--format", "json"]);
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(document["databases"][0]["configured"], true);
    assert_eq!(document["databases"][0]["result"], "unchanged");
}

#[test]
fn a_server_that_knows_versions_is_asked_for_a_newer_one_only() {
    let bench = Bench::new();
    let server = Server::plain(|head| {
        if head.to_lowercase().contains("if-none-match: \"v1\"") {
            return answer("304 Not Modified", "", b"");
        }
        answer("200 OK", "ETag: \"v1\"", &gzip(&countries(BUILT, "US")))
    });
    for result in ["updated", "unchanged"] {
        let output = bench.run(&server, &["dbip-country"]);
        assert_eq!(output.status.code(), Some(0), "{}", said(&output));
        assert!(said(&output).contains(result), "{}", said(&output));
    }
    // A file that somebody else put there is not the one that the server spoke of.
    fs::write(bench.file("dbip-country-lite.mmdb"), countries(BUILT - DAY, "FR")).unwrap();
    assert!(said(&bench.run(&server, &["dbip-country"])).contains("updated"));
    assert_eq!(fs::read(bench.file("dbip-country-lite.mmdb")).unwrap(), countries(BUILT, "US"));
    assert_eq!(server.seen().len(), 3);
}

#[test]
fn whatever_goes_wrong_the_old_file_stays_and_the_reason_is_said() {
    let bench = Bench::new();
    let old = countries(BUILT, "US");
    fs::create_dir_all(bench.state.join("geoip")).unwrap();
    let target = bench.file("dbip-country-lite.mmdb");
    fs::write(&target, &old).unwrap();
    let newer = gzip(&countries(BUILT + DAY, "CA"));
    let ok = |body: &[u8]| answer("200 OK", "", body);
    let large: Vec<(String, mmdb_writer::Value)> = (0..900)
        .map(|n| (format!("21.{}.{}.0/24", n / 200, n % 200), country(if n % 2 == 0 { "DE" } else { "FR" })))
        .collect();
    let large: Vec<(&str, mmdb_writer::Value)> = large.iter().map(|(n, v)| (n.as_str(), v.clone())).collect();
    let bomb = gzip(&vec![0_u8; 4 << 20]);
    let mut short = ok(&newer);
    short.truncate(short.len() - 20);
    for (what, bytes, says) in [
        ("a page", ok(b"<html>log in</html>"), "refused"),
        ("cut short", short, "try again"),
        ("cut gzip", ok(&newer[..newer.len() - 20]), "unpacked"),
        ("older", ok(&gzip(&countries(BUILT - DAY, "CA"))), "--force"),
        ("another kind", ok(&gzip(&networks(BUILT + DAY))), "knows no country"),
        ("from the future", ok(&gzip(&countries(4_000_000_000, "CA"))), "clock"),
        ("too large", ok(&gzip(&mmdb("DBIP-Country-Lite", BUILT + DAY, &large))), "allowed"),
        ("a bomb", ok(&bomb), "allowed"),
        ("announced too large", b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n".to_vec(), "allowed"),
        ("nothing there", answer("404 Not Found", "", b""), "mirror"),
        ("refused", answer("403 Forbidden", "", b""), "key"),
        ("broken", answer("500 Oops", "", b""), "later"),
        ("sent elsewhere", answer("302 Found", "Location: http://192.0.2.1/x?CANARY", b""), "plain HTTP"),
        ("no HTTP", b"SSH-2.0-OpenSSH\r\n\r\n".to_vec(), "HTTP"),
    ] {
        let server = Server::plain(move |_| bytes.clone());
        let output = bench.with("[enrich]\nmax-database-size = \"4KiB\"\n", &server.base, &["dbip-country"]);
        let text = said(&output);
        assert_eq!(output.status.code(), Some(1), "{what}: {text}");
        assert!(text.contains(says), "{what} does not say {says:?}: {text}");
        assert!(text.contains("dbip-country: ") && !text.contains("CANARY"), "{what}: {text}");
        assert!(text.contains("stays in use"), "{what}: {text}");
        assert_eq!(fs::read(&target).unwrap(), old, "{what}");
        assert!(!bench.file("dbip-country-lite.mmdb.old").exists(), "{what}");
    }
}

#[test]
fn one_source_that_fails_does_not_hold_up_the_other() {
    let bench = Bench::new();
    let server = Server::plain(|head| {
        if head.contains("asn") {
            return answer("200 OK", "", &gzip(&networks(BUILT)));
        }
        answer("503 Busy", "", b"")
    });
    let output = bench.run(&server, &[]);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(bench.file("dbip-asn-lite.mmdb").exists() && !bench.file("dbip-country-lite.mmdb").exists());
}

#[test]
fn a_newer_one_is_swapped_and_a_much_smaller_or_older_one_needs_force() {
    let bench = Bench::new();
    let many: Vec<String> = (0..2000).map(|n| format!("21.{}.{}.0/24", n / 200, n % 200)).collect();
    let codes = ["DE", "FR", "IT", "ES", "PL"];
    let mut records: Vec<_> =
        many.iter().zip(codes.iter().cycle()).map(|(n, c)| (n.as_str(), country(c))).collect();
    records.push(("8.8.8.0/24", country("US")));
    let large = mmdb("DBIP-Country-Lite", BUILT, &records);
    fs::create_dir_all(bench.state.join("geoip")).unwrap();
    let target = bench.file("dbip-country-lite.mmdb");
    fs::write(&target, &large).unwrap();
    let small = countries(BUILT + DAY, "CA");
    assert!(small.len() < large.len() / 2);
    let served = small.clone();
    let server = Server::plain(move |_| answer("200 OK", "", &gzip(&served)));
    let output = bench.run(&server, &["dbip-country"]);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(said(&output).contains("less than half") && said(&output).contains("--force"));
    let output = bench.run(&server, &["dbip-country", "--force"]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert_eq!(fs::read(&target).unwrap(), small);
    assert_eq!(fs::read(bench.file("dbip-country-lite.mmdb.old")).unwrap(), large);
}

/// An archive as MaxMind packs it.
fn archive(bytes: &[u8]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, content) in [
        ("GeoLite2-Country_20260528/LICENSE.txt", &b"terms"[..]),
        ("GeoLite2-Country_20260528/GeoLite2-Country.mmdb", bytes),
    ] {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        builder.append_data(&mut header, name, content).unwrap();
    }
    gzip(&builder.into_inner().unwrap())
}

#[test]
fn an_old_version_that_its_licence_does_not_let_one_keep_is_destroyed_and_said() {
    let bench = Bench::new();
    let lite = |built, code| mmdb("GeoLite2-Country", built, &[("8.8.8.0/24", country(code))]);
    fs::create_dir_all(bench.state.join("geoip")).unwrap();
    let target = bench.file("GeoLite2-Country.mmdb");
    let old = bench.file("GeoLite2-Country.mmdb.old");
    fs::write(&target, lite(BUILT - 10 * DAY, "CA")).unwrap();
    // Built long before today: what it replaces had to go by now.
    let new = lite(BUILT, "US");
    let packed = archive(&new);
    let server = Server::plain(move |_| answer("200 OK", "", &packed));
    let output = bench.run(&server, &["maxmind-country"]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert_eq!(fs::read(&target).unwrap(), new);
    assert!(!old.exists());
    assert!(said(&output).contains("Destroyed, as its licence asks"), "{}", said(&output));
    assert!(!said(&output).contains("geoip diff"), "nothing is left to compare with: {}", said(&output));
    // Also where nothing of MaxMind's is asked for, and in the document.
    fs::write(&old, lite(BUILT - 10 * DAY, "CA")).unwrap();
    let server = Server::plain(|_| answer("200 OK", "", &gzip(&countries(BUILT, "US"))));
    let output = bench.run(&server, &["dbip-country", "--format", "json"]);
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(document["destroyed"][0]["file"], old.to_str().unwrap());
    assert!(!old.exists() && target.exists());
}

#[test]
fn archives_of_maxmind_are_unpacked_and_a_mirror_is_shown_no_key() {
    let bench = Bench::new();
    let bytes = mmdb("GeoLite2-Country", BUILT, &[("8.8.8.0/24", country("US"))]);
    let packed = archive(&bytes);
    let server = Server::plain(move |_| answer("200 OK", "", &packed));
    let output = bench.run(&server, &["maxmind-country"]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert_eq!(fs::read(bench.file("GeoLite2-Country.mmdb")).unwrap(), bytes);
    let head = server.seen().remove(0);
    assert_eq!(path(&head), "/GeoLite2-Country.tar.gz");
    assert!(!head.to_lowercase().contains("authorization"), "{head}");
}

#[test]
fn accounts_that_are_missing_or_cannot_be_keys_are_said_before_anything_is_asked() {
    let bench = Bench::new();
    let config = bench.config("");
    let secret = bench.state.join("token");
    fs::write(&secret, "CANARY\n").unwrap();
    let run = |source: &str, variables: &[(&str, &str)], more: &str| {
        bench.config(more);
        let output = Command::new(env!("CARGO_BIN_EXE_whither"))
            .args(["geoip", "update", "--config", config.to_str().unwrap(), source])
            .env_clear()
            .envs(variables.iter().copied())
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(2), "{}", said(&output));
        assert!(!said(&output).contains("CANARY"), "{}", said(&output));
        said(&output)
    };
    let text = run("maxmind-asn", &[("WHITHER_MAXMIND_ACCOUNT_ID", "1")], "");
    assert!(text.contains("WHITHER_MAXMIND_LICENSE_KEY") && text.contains("signup"), "{text}");
    assert!(run("ipinfo-lite", &[], "").contains("WHITHER_IPINFO_TOKEN"));
    assert!(run("ipinfo-lite", &[("WHITHER_IPINFO_TOKEN", "CANARY\r\nX: y")], "").contains("no key"));
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o644)).unwrap();
    let text = run("ipinfo-lite", &[], &format!("[enrich.update]\nipinfo-token-file = {secret:?}\n"));
    assert!(text.contains("chmod"), "{text}");
}

#[test]
fn plain_http_is_refused_but_with_this_host() {
    let bench = Bench::new();
    for mirror in ["http://mirror.example/", "http://192.0.2.1/", "ftp://127.0.0.1/", "https://u:p@h/", "x"] {
        let output = bench.with("", mirror, &[]);
        assert_eq!(output.status.code(), Some(2), "{mirror}: {}", said(&output));
    }
}

#[test]
fn certificates_are_checked_and_one_of_your_own_is_trusted_where_it_is_named() {
    let bench = Bench::new();
    let Some(pair) = certificate(&bench.state) else { return };
    let server = Server::tls(&pair, |_| answer("200 OK", "", &gzip(&countries(BUILT, "US"))));
    let target = bench.file("dbip-country-lite.mmdb");
    let output = bench.run(&server, &["dbip-country"]);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(said(&output).contains("TLS") && !target.exists(), "{}", said(&output));
    let trusting = |pem: &Path| format!("[enrich.update]\nca-file = {pem:?}\n");
    let output = bench.with(&trusting(&pair.0), &server.base, &["dbip-country"]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert!(target.exists());
    let output = bench.with(&trusting(&pair.1), &server.base, &["dbip-country"]);
    assert!(said(&output).contains("no certificate"), "{}", said(&output));
    // And once under TLS, there is no way back: not even to this host.
    let plain = Server::plain(|_| answer("200 OK", "", &gzip(&countries(BUILT + DAY, "CA"))));
    let location = format!("Location: {}x", plain.base);
    let server = Server::tls(&pair, move |_| answer("302 Found", &location, b""));
    let output = bench.with(&trusting(&pair.0), &server.base, &["dbip-country"]);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(said(&output).contains("plain HTTP") && plain.seen().is_empty(), "{}", said(&output));
}

#[test]
fn two_updates_at_once_do_not_write_the_same_files() {
    let bench = Bench::new();
    fs::create_dir_all(bench.state.join("geoip")).unwrap();
    let lock = fs::File::create(bench.file(".update.lock")).unwrap();
    lock.lock().unwrap();
    let server = Server::plain(|_| answer("200 OK", "", &gzip(&countries(BUILT, "US"))));
    let output = bench.run(&server, &["dbip-country"]);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(said(&output).contains("another update") && server.seen().is_empty());
}
