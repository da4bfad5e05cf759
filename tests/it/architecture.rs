//! What the documents promise about the code, kept true: crate edges, headers, properties.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use cargo_metadata::{DependencyKind, MetadataCommand};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the workspace")
        .to_owned()
}

fn rust_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path())
    {
        if entry.is_dir() {
            if !entry.ends_with("target") {
                rust_files(&entry, found);
            }
        } else if entry.extension().is_some_and(|extension| extension == "rs") {
            found.push(entry);
        }
    }
}

pub(crate) fn all_rust_files() -> Vec<PathBuf> {
    let mut found = Vec::new();
    for folder in ["crates", "tests", "benches"] {
        let folder = root().join(folder);
        if folder.exists() {
            rust_files(&folder, &mut found);
        }
    }
    found
}

#[test]
fn crates_depend_only_on_the_ones_below() {
    let allowed: BTreeMap<&str, &[&str]> = BTreeMap::from([
        ("simpul-domain", &[] as &[&str]),
        ("simpul-routeros", &[]),
        ("simpul-event-store", &["simpul-domain"]),
        ("simpul-app", &["simpul-domain", "simpul-event-store"]),
        (
            "simpul-projections",
            &["simpul-domain", "simpul-event-store", "simpul-app"],
        ),
        (
            "simpul-adapters",
            &[
                "simpul-domain",
                "simpul-event-store",
                "simpul-app",
                "simpul-routeros",
            ],
        ),
        (
            "simpul-api",
            &[
                "simpul-domain",
                "simpul-event-store",
                "simpul-app",
                "simpul-projections",
                "simpul-adapters",
            ],
        ),
        ("simpul-chaos", &[]),
        (
            "simpul-sim",
            &["simpul-domain", "simpul-event-store", "simpul-adapters"],
        ),
    ]);
    let metadata = MetadataCommand::new()
        .manifest_path(root().join("Cargo.toml"))
        .no_deps()
        .exec()
        .expect("metadata");
    for package in &metadata.packages {
        let Some(allowed) = allowed.get(package.name.as_str()) else {
            continue;
        };
        for dependency in &package.dependencies {
            let ours = dependency.name.starts_with("simpul");
            if ours && dependency.kind == DependencyKind::Normal {
                assert!(
                    allowed.contains(&dependency.name.as_str()),
                    "{} must not depend on {}",
                    package.name,
                    dependency.name
                );
            }
        }
    }
}

#[test]
fn every_module_says_what_it_is() {
    let silent: Vec<PathBuf> = all_rust_files()
        .into_iter()
        .filter(|file| !fs::read_to_string(file).expect("text").starts_with("//!"))
        .collect();
    assert_eq!(silent, Vec::<PathBuf>::new());
}

/// `tests/properties-to-come.txt` lists the numbers of `PROPERTIES.md` that no test is tagged with. It may only
/// shrink.
#[test]
fn properties_are_covered_or_listed() {
    const LAST: u32 = 76;
    let mut covered = BTreeSet::new();
    for file in all_rust_files() {
        for line in fs::read_to_string(&file).expect("text").lines() {
            let Some((_, rest)) = line.split_once("// Property ") else {
                continue;
            };
            let number: String = rest.chars().take_while(char::is_ascii_digit).collect();
            covered.extend(number.parse::<u32>());
        }
    }
    let missing: BTreeSet<u32> = (1..=LAST).filter(|number| !covered.contains(number)).collect();
    let listed: BTreeSet<u32> = fs::read_to_string(root().join("tests/properties-to-come.txt"))
        .expect("the list")
        .split_whitespace()
        .map(|word| word.parse().expect("a number"))
        .collect();
    assert_eq!(
        missing, listed,
        "covered properties leave the list, and none comes back"
    );
}
