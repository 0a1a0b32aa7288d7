//! Golden cases: a capture that the builder makes, and what the program says of it.
//!
//! A case is a folder `tests/cases/<name>/` with `case.toml` (the arguments, and which parts of the output are held
//! fast), `expected/`, the capture, and a README.md that says what the case is for. The capture's bytes are those of
//! the function of the same name in `cases/make/`. `UPDATE_EXPECT=1` rewrites captures and expectations.
//!
//! Beside its own expectations every case is held to what is always true: the identities, that two runs give the same
//! bytes, and the schemas.

pub(crate) mod expect;
mod identities;
mod make;
mod runner;
mod select;

use std::fs;
use std::path::{Path, PathBuf};

use runner::check;

/// The folder of all cases.
fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases")
}

/// Makes one test of each case; the folder has the function's name with `-` for `_`.
macro_rules! cases {
    ($($module:ident :: $name:ident),+ $(,)?) => {
        $(#[test]
        fn $name() {
            check(stringify!($name), &make::$module::$name());
        })+

        const NAMES: &[&str] = &[$(stringify!($name)),+];
    };
}

cases! {
    neighbours::neighbours,
    places::demo,
    places::server_in_china,
    places::chinese_operator_abroad,
    places::owner_role,
    places::cannot_tell_anycast,
    places::disputed,
    places::owner_by_date,
    rules::only_one_app,
    rules::only_one_tag,
    rules::group_of_countries,
    rules::all_countries_but,
    rules::profile_named_2020,
    rules::fail_on,
    rules::lookalikes,
    rules::amount_in_a_window,
    rules::amount_in_one_direction,
    rules::attempt_or_data,
    wires::vlan,
    wires::qinq,
    wires::pppoe,
    wires::tunnels,
    wires::fragments,
    wires::names_in_fragments,
    wires::ends_of_connections,
    wires::a_long_flow,
    wires::frames_not_understood,
    wires::short_snapshots,
    wires::quic_initials,
    names::hello_cut_everywhere,
    names::cover_name,
    names::names_from_dns,
    names::dns_poisoning,
    names::http_and_proxy,
    names::hostile_names,
    names::unnamed,
    files::cut_short,
    files::broken_in_the_middle,
    files::an_empty_capture,
    files::no_capture,
    files::bad_config,
    files::gzip,
    files::zstd,
    files::standard_input,
    files::pcapng_sections,
    files::merged_by_time,
    files::bare_ip,
    files::clock_set,
}

#[test]
fn every_folder_is_a_case_with_a_readme() {
    let mut found: Vec<String> = fs::read_dir(folder())
        .unwrap()
        .map(|e| e.unwrap().file_name().into_string().unwrap().replace('-', "_"))
        .collect();
    found.sort();
    let mut names: Vec<String> = NAMES.iter().map(ToString::to_string).collect();
    names.sort();
    assert_eq!(found, names, "folders in tests/cases, and cases in tests/it/cases.rs");
    for name in NAMES {
        let readme = folder().join(name.replace('_', "-")).join("README.md");
        assert!(readme.exists(), "{} is missing: say what the case is for", readme.display());
    }
}
