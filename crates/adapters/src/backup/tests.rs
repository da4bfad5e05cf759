//! The archive without a database: whatever goes in comes out, and nothing that was touched does.

use std::io::{Read as _, Write as _};

use proptest::prelude::*;

use super::{
    Archive, BackupError, Folder, Identity, Recipient, Shelf,
    archive::{Made, seal},
    open_lines, seal_lines,
};

fn sealed(plain: &[u8], recipients: &[Recipient]) -> (Vec<u8>, Made) {
    let mut out = Vec::new();
    let made = seal(plain, recipients, &mut out).expect("sealed");
    (out, made)
}

/// Text as dumps have it: rows that look alike.
fn dump() -> impl Strategy<Value = Vec<u8>> {
    (
        prop::collection::vec("[a-z]{4,12}", 1..20),
        50_usize..3_000,
        any::<u64>(),
    )
        .prop_map(|(words, rows, seed)| {
            let mut text = b"PGDMP".to_vec();
            for row in 0..rows {
                let word = &words[(row + usize::try_from(seed % 97).unwrap_or(0)) % words.len()];
                text.extend(format!("{row}\t{word}\t08123456{row:04}\n").bytes());
            }
            text
        })
}

fn contains(bytes: &[u8], needle: &[u8]) -> bool {
    bytes.windows(needle.len()).any(|window| window == needle)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    // Property 54: every backup is compressed and encrypted
    #[test]
    fn what_is_stored_is_smaller_and_says_nothing(plain in dump()) {
        let identity = Identity::generate();
        let (stored, made) = sealed(&plain, &[identity.to_public()]);
        prop_assert_eq!(made.dump_bytes, plain.len() as u64);
        prop_assert_eq!(made.size_bytes, stored.len() as u64);
        // age's header and tags are some 200 bytes; beyond them it is smaller than what went in.
        prop_assert!(stored.len() < plain.len() / 2 + 512, "{} of {}", stored.len(), plain.len());
        prop_assert!(stored.starts_with(b"age-encryption.org/v1"));
        prop_assert!(!contains(&stored, b"08123456") && !contains(&stored, b"PGDMP"));
        let archive = Archive::fetch(stored.as_slice(), &made).expect("the same");
        prop_assert!(archive.prove(&identity).is_ok());
        let refused = archive.prove(&Identity::generate()).map(|_| ());
        prop_assert!(matches!(refused, Err(BackupError::Decrypt(_))));
    }

    // Property 56: a backup is verified before it is restored
    #[test]
    fn what_was_touched_is_never_proved(plain in dump(), at in any::<prop::sample::Index>(), cut in any::<bool>()) {
        let identity = Identity::generate();
        let (mut stored, made) = sealed(&plain, &[identity.to_public()]);
        let at = at.index(stored.len());
        if cut {
            stored.truncate(at);
        } else {
            stored[at] ^= 1;
        }
        let refused = matches!(Archive::fetch(stored.as_slice(), &made), Err(BackupError::Tampered { .. }));
        prop_assert!(refused);
        // Even with a manifest that was made to fit: age says so itself.
        let mut copy = Vec::new();
        let forged = seal(stored.as_slice(), &[], &mut copy);
        prop_assert!(matches!(forged, Err(BackupError::NoRecipient)));
        let fitting = Made { size_bytes: stored.len() as u64, sha256: sha256(&stored), dump_bytes: made.dump_bytes };
        let archive = Archive::fetch(stored.as_slice(), &fitting).expect("it fits");
        prop_assert!(archive.prove(&identity).is_err());
    }
}

fn sha256(bytes: &[u8]) -> String {
    hex::encode(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes))
}

#[test]
fn a_file_appears_whole_or_not_at_all_and_never_in_place_of_another() {
    let place = tempfile::tempdir().expect("a folder");
    let shelf = Folder::new(place.path().join("backups"));
    assert!(shelf.names().expect("none").is_empty());
    let mut draft = shelf.begin("one").expect("begun");
    draft.write_all(b"half").expect("written");
    assert!(shelf.names().expect("listed").is_empty(), "a part is no file");
    drop(draft);
    assert_eq!(
        std::fs::read_dir(place.path().join("backups"))
            .expect("read")
            .count(),
        0
    );
    let mut draft = shelf.begin("one").expect("begun");
    draft.write_all(b"whole").expect("written");
    draft.finish().expect("finished");
    assert!(shelf.begin("one").is_err(), "a name is given once");
    let mut text = String::new();
    shelf
        .open("one")
        .expect("there")
        .read_to_string(&mut text)
        .expect("read");
    assert_eq!(
        (text.as_str(), shelf.names().expect("listed")),
        ("whole", vec!["one".to_owned()])
    );
    let killed = place.path().join("backups/0.part");
    std::fs::write(&killed, b"half").expect("left by a killed process");
    shelf.sweep("1").expect("swept");
    assert!(!killed.exists());
    shelf.remove("one").expect("removed");
    shelf.remove("one").expect("removed already");
    assert!(shelf.names().expect("listed").is_empty());
}

#[test]
fn lines_come_back_as_they_were_and_for_nobody_else() {
    let identity = Identity::generate();
    let wanted: Vec<String> = (0..3_000)
        .map(|number| format!("line {number} {}", "é".repeat(number % 50)))
        .collect();
    let (sender, receiver) = tokio::sync::mpsc::channel(4);
    let lines = wanted.clone();
    let writing = std::thread::spawn(move || {
        for line in lines {
            sender.blocking_send(line).expect("taken");
        }
    });
    let mut sealed = Vec::new();
    let made = seal_lines(receiver, &[identity.to_public()], &mut sealed).expect("sealed");
    writing.join().expect("written");
    assert_eq!(made.size_bytes, sealed.len() as u64);
    let open = |identity: &Identity, sealed: &[u8]| {
        let (sender, mut receiver) = tokio::sync::mpsc::channel::<String>(4);
        let reading = std::thread::spawn(move || {
            let mut lines = Vec::new();
            while let Some(line) = receiver.blocking_recv() {
                lines.push(line.trim_end_matches('\n').to_owned());
            }
            lines
        });
        let opened = open_lines(sealed, identity, &sender);
        drop(sender);
        opened.map(|()| reading.join().expect("read"))
    };
    assert_eq!(open(&identity, &sealed).expect("opened"), wanted);
    assert!(matches!(
        open(&Identity::generate(), &sealed),
        Err(BackupError::Decrypt(_))
    ));
    let cut = open(&identity, &sealed[..sealed.len() - 20]);
    assert!(cut.is_err(), "an end that is missing is noticed: {cut:?}");
}
