//! A stored event is never edited: its JSON Schema is committed, and a difference fails here.
//!
//! `UPDATE_GOLDEN=1` writes the files. A changed file in a diff means a new version and an upcaster.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use simpul_domain::registry::{EventSchema, catalogue};

fn golden_dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/events")
}

fn file_name(event: &EventSchema) -> String {
    format!("{}.v{}.json", event.event_type, event.version)
}

fn text(event: &EventSchema) -> String {
    format!("{:#}\n", event.schema)
}

#[expect(
    clippy::disallowed_methods,
    reason = "a test's own switch, not configuration of the product"
)]
fn updating() -> bool {
    std::env::var("UPDATE_GOLDEN").is_ok_and(|value| value == "1")
}

#[test]
fn every_event_has_the_committed_schema() {
    let dir = golden_dir();
    if updating() {
        fs::create_dir_all(&dir).expect("the folder of golden files");
        for event in catalogue() {
            fs::write(dir.join(file_name(&event)), text(&event)).expect("a golden file");
        }
    }
    for event in catalogue() {
        let name = file_name(&event);
        let committed = fs::read_to_string(dir.join(&name)).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(
            committed,
            text(&event),
            "{name} differs: an event's shape is never edited"
        );
    }
}

#[test]
fn no_committed_schema_has_lost_its_event() {
    let known: BTreeSet<String> = catalogue().iter().map(file_name).collect();
    let committed = fs::read_dir(golden_dir()).expect("the folder of golden files");
    for entry in committed {
        let name = entry
            .expect("an entry")
            .file_name()
            .into_string()
            .expect("a plain name");
        assert!(
            known.contains(&name),
            "{name}: what was stored once must stay readable"
        );
    }
}

#[test]
fn names_are_unique_and_begin_with_their_aggregate() {
    let mut names = BTreeSet::new();
    for event in catalogue() {
        assert!(event.schema.is_object(), "{} has no schema", event.event_type);
        assert!(
            event
                .event_type
                .starts_with(&format!("{}.", event.aggregate_type)),
            "{}",
            event.event_type
        );
        assert!(
            names.insert((event.event_type, event.version)),
            "{} is named twice",
            event.event_type
        );
    }
}
