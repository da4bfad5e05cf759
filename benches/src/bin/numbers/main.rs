//! Writes `docs/NUMBERS.md` from what was measured: `./dev numbers`.
//!
//! Nothing is measured here. `./dev bench`, `./dev chaos`, `./dev drill` and `./dev mutants` leave files below `target/`; each is
//! read as it is, and its time of writing is the day of its figures. A target that no file speaks of is listed as not
//! measured, so that a missing number is seen.
#![expect(clippy::print_stdout, reason = "the command's own answer")]

mod document;
mod sources;
mod targets;

use std::{fs, path::Path};

use anyhow::Context as _;

/// From the folder that the package is in.
const DOCUMENT: &str = "docs/NUMBERS.md";

fn main() -> anyhow::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .context("the checkout")?;
    let measured = sources::read(&root.join("target"))?;
    let text = document::write(&measured);
    fs::write(root.join(DOCUMENT), text).with_context(|| format!("cannot write {DOCUMENT}"))?;
    println!("{DOCUMENT}: {}", measured.summary());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_document_names_every_target_and_is_a_table() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(DOCUMENT);
        let text = fs::read_to_string(path).expect("committed: run ./dev numbers");
        for target in targets::ALL {
            let row = format!("| {} | {} |", target.what, target.wanted);
            assert!(text.contains(&row), "{row} is missing: run ./dev numbers");
        }
        let mut columns = None;
        for line in text.lines() {
            if !line.starts_with('|') {
                columns = None;
                continue;
            }
            let here = line.matches('|').count();
            assert_eq!(
                *columns.get_or_insert(here),
                here,
                "a row of another width: {line}"
            );
        }
    }
}
