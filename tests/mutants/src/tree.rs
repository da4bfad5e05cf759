//! A scratch copy of the checkout, in which mutants are tried.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, ensure};

use crate::Mutant;

/// A copy of every file that git knows or would add. A file is written only when it differs, so that what was built of
/// the others stays good.
#[derive(Debug)]
pub struct Tree {
    root: PathBuf,
}

/// Files as they were before a mutant.
#[derive(Debug)]
#[must_use = "a mutant that is not undone is in the way of the next one"]
pub struct Planted(Vec<(PathBuf, String)>);

impl Tree {
    /// Brings the copy at `root` up to the checkout, whatever a run that was killed has left there.
    pub fn copy(checkout: &Path, root: &Path) -> Result<Self> {
        let files = files(checkout)?;
        for file in &files {
            update(&checkout.join(file), &root.join(file))?;
        }
        remove_strangers(root, root, &files)?;
        Ok(Self {
            root: root.to_owned(),
        })
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Makes a mutant's edits.
    pub fn plant(&self, mutant: &Mutant) -> Result<Planted> {
        let changed = mutant.changed(&self.root)?;
        let mut before = Vec::with_capacity(changed.len());
        for (file, _) in &changed {
            before.push((file.clone(), fs::read_to_string(self.root.join(file))?));
        }
        self.write(&changed)?;
        Ok(Planted(before))
    }

    /// Undoes them. The checkout is not asked: somebody may be working in it.
    pub fn restore(&self, planted: &Planted) -> Result<()> {
        self.write(&planted.0)
    }

    fn write(&self, files: &[(PathBuf, String)]) -> Result<()> {
        for (file, text) in files {
            fs::write(self.root.join(file), text)?;
        }
        Ok(())
    }
}

fn files(checkout: &Path) -> Result<BTreeSet<PathBuf>> {
    let listed = Command::new("git")
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .current_dir(checkout)
        .output()
        .context("git ls-files")?;
    ensure!(listed.status.success(), "git ls-files: {}", listed.status);
    let names = String::from_utf8(listed.stdout).context("a file's name is no text")?;
    let names = names.split('\0').filter(|name| !name.is_empty());
    let files = names.map(PathBuf::from);
    // What was removed and not committed yet is listed all the same.
    Ok(files.filter(|file| checkout.join(file).is_file()).collect())
}

fn update(from: &Path, to: &Path) -> Result<()> {
    let wanted = fs::read(from).with_context(|| from.display().to_string())?;
    if fs::read(to).is_ok_and(|there| there == wanted) {
        return Ok(());
    }
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder)?;
    }
    // With its permissions: scripts are run.
    fs::copy(from, to).with_context(|| to.display().to_string())?;
    Ok(())
}

fn remove_strangers(root: &Path, folder: &Path, files: &BTreeSet<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            remove_strangers(root, &path, files)?;
        } else if path.strip_prefix(root).is_ok_and(|file| !files.contains(file)) {
            fs::remove_file(&path)?;
        }
    }
    Ok(())
}
