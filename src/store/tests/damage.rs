//! Files that are damaged, newer, or missing.

use super::*;

#[test]
fn a_store_of_a_later_version_is_refused_and_left_as_it_is() {
    let fresh = Fresh::new();
    let path = fresh.path();
    fresh.store.connection.pragma_update(None, "user_version", 99).unwrap();
    drop(fresh.store);
    let before = std::fs::read(&path).unwrap();
    let error = Store::open(&path, &StoreConfig::default(), at(0)).unwrap_err();
    assert!(error.to_string().contains("later version"), "{error}");
    assert!(Reader::open(&path).is_err());
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[test]
fn a_damaged_store_is_set_aside_and_what_can_be_read_is_saved() {
    let mut damaged_pages = 0;
    for page in 1..8 {
        let mut fresh = Fresh::new();
        let path = fresh.path();
        fresh.put_alert(&alert("aa", 100, AlertState::Closed), AlertTransition::Closed, at(101));
        for chunk in 0..20 {
            fresh.put_flows((0..20).map(|n| flow(chunk * 20 + n, 100)));
        }
        drop(fresh.store);
        let mut bytes = std::fs::read(&path).unwrap();
        // 4 KiB pages; the last ones hold flow records.
        let begin = bytes.len() - 4096 * page;
        bytes[begin..begin + 4096].fill(0x5a);
        std::fs::write(&path, bytes).unwrap();
        let (store, opened) = Store::open(&path, &StoreConfig::default(), at(5)).unwrap();
        let Some((aside, saved)) = opened.set_aside else { continue };
        damaged_pages += 1;
        assert!(aside.exists(), "nothing is deleted");
        assert!(saved > 1, "something was saved");
        drop(store);
        assert!(
            Reader::open(&path).unwrap().alert("aa").unwrap().is_some(),
            "page {page}: the alert was saved"
        );
    }
    assert!(damaged_pages > 0, "no damage was noticed");
}

#[test]
fn a_file_that_is_no_store_is_set_aside_and_a_new_one_made() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("whither.db");
    std::fs::write(&path, b"this is no database, but somebody's notes").unwrap();
    let (_, opened) = Store::open(&path, &StoreConfig::default(), at(5)).unwrap();
    let (aside, saved) = opened.set_aside.unwrap();
    assert_eq!(
        (std::fs::read(aside).unwrap(), saved),
        (b"this is no database, but somebody's notes".to_vec(), 0)
    );
}

#[test]
fn a_missing_store_is_said_so_with_the_remedy() {
    let error = Reader::open(std::path::Path::new("/nonexistent/whither.db")).unwrap_err();
    assert!(error.to_string().contains("--state-dir"), "{error}");
}

#[test]
fn the_store_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let fresh = Fresh::new();
    assert_eq!(std::fs::metadata(fresh.path()).unwrap().permissions().mode() & 0o777, 0o600);
}
