//! The schemas of today beside those of the last release: nobody is surprised (`facts/graphql.md` 6.14, ADR 86).

use std::path::Path;

use chrono::NaiveDate;
use simpul_api::{
    Surface,
    contract::{Contract, broken_notices, changes, unannounced, unreleased},
};

fn committed(file: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(file);
    std::fs::read_to_string(path).unwrap_or_else(|error| format!("# {file}: {error}"))
}

fn released(surface: Surface) -> Contract {
    Contract::read(&committed(surface.released_file())).expect("the SDL of a release")
}

fn served(surface: Surface) -> Contract {
    Contract::read(&simpul_api::sdl(surface)).expect("SDL")
}

#[expect(
    clippy::disallowed_methods,
    reason = "notice is given in days of the calendar"
)]
fn today() -> NaiveDate {
    chrono::DateTime::<chrono::Utc>::from(std::time::SystemTime::now()).date_naive()
}

#[test]
fn clients_of_the_last_release_were_told_of_every_change_in_time() {
    let changelog = committed("CHANGELOG.md");
    assert!(changelog.contains("\n## [Unreleased]\n"));
    for surface in Surface::ALL {
        let (old, new) = (released(surface), served(surface));
        let changes = changes(&old, &new);
        let found = unannounced(&old, &new, &changes, unreleased(&changelog), today());
        let found: Vec<String> = found.iter().map(ToString::to_string).collect();
        assert_eq!(
            found,
            Vec::<String>::new(),
            "{surface}: what breaks is deprecated first, until a day; what is dangerous is named in CHANGELOG.md, as `{}`",
            "Type.field"
        );
    }
}

#[test]
fn whatever_is_deprecated_says_until_when_and_what_to_use() {
    for surface in Surface::ALL {
        let broken = broken_notices(&released(surface), &served(surface), today());
        assert_eq!(broken, Vec::<String>::new(), "{surface}");
    }
}
