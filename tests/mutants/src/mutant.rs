//! What a mutant is, and how its edits are made.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, ensure};
use serde::Deserialize;

/// One exact change of one file.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Edit {
    /// From the root of the checkout.
    pub file: PathBuf,
    /// Must be there exactly once.
    pub old: String,
    pub new: String,
}

/// A bug, and who must notice it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mutant {
    pub name: String,
    /// What the product does wrong with it.
    pub breaks: String,
    /// The package whose tests must notice.
    pub package: String,
    /// `lib`, or the name of a test target.
    pub target: String,
    /// Tests of the target, by the beginnings of their paths.
    pub tests: Vec<String>,
    pub edits: Vec<Edit>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    mutant: Vec<Mutant>,
}

/// Every mutant of `planted/`, grouped by the package and target that are built for it.
pub fn all() -> Result<Vec<Mutant>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("planted");
    let mut mutants = Vec::new();
    for entry in fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        let text = fs::read_to_string(&path)?;
        let file: File = toml::from_str(&text).with_context(|| path.display().to_string())?;
        mutants.extend(file.mutant);
    }
    mutants.sort_by(|one, other| one.place().cmp(&other.place()));
    let mut names = BTreeSet::new();
    for mutant in &mutants {
        ensure!(
            names.insert(&mutant.name),
            "two mutants are called {}",
            mutant.name
        );
        ensure!(!mutant.tests.is_empty(), "{} names no test", mutant.name);
        ensure!(!mutant.edits.is_empty(), "{} changes nothing", mutant.name);
    }
    Ok(mutants)
}

impl Mutant {
    fn place(&self) -> (&str, &str, &Path, &str) {
        let file = self.edits.first().map_or(Path::new(""), |edit| &edit.file);
        (&self.package, &self.target, file, &self.name)
    }

    /// Arguments of cargo that choose what is built.
    pub fn selection(&self) -> Vec<String> {
        let mut arguments = vec!["--package".to_owned(), self.package.clone()];
        if self.target == "lib" {
            arguments.push("--lib".to_owned());
        } else {
            arguments.extend(["--test".to_owned(), self.target.clone()]);
        }
        arguments
    }

    /// The changed texts of this mutant's files under `root`.
    pub fn changed(&self, root: &Path) -> Result<Vec<(PathBuf, String)>> {
        let mut changed: Vec<(PathBuf, String)> = Vec::new();
        for edit in &self.edits {
            let known = changed.iter().position(|(file, _)| *file == edit.file);
            let index = if let Some(index) = known {
                index
            } else {
                let path = root.join(&edit.file);
                let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
                changed.push((edit.file.clone(), text));
                changed.len() - 1
            };
            let text = &mut changed[index].1;
            let found = text.matches(&edit.old).count();
            ensure!(
                found == 1,
                "{}: its old text is {found} times in {} and must be there once",
                self.name,
                edit.file.display()
            );
            ensure!(edit.old != edit.new, "{} changes nothing", self.name);
            *text = text.replacen(&edit.old, &edit.new, 1);
        }
        Ok(changed)
    }
}
