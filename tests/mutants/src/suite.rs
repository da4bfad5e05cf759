//! Building and running the tests that must notice a mutant, by cargo-nextest.

use std::{
    ffi::OsStr,
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result};

use crate::{
    Mutant,
    report::{Verdict, killer},
};

/// Exit statuses of cargo-nextest (`nextest_metadata::NextestExitCode`).
const TESTS_FAILED: i32 = 100;
const NO_TESTS: i32 = 4;

/// Where tests are built and run.
#[derive(Debug)]
pub struct Suite {
    root: PathBuf,
    target: PathBuf,
    logs: PathBuf,
}

impl Suite {
    pub fn new(root: &Path, target: PathBuf, logs: PathBuf) -> Result<Self> {
        fs::create_dir_all(&logs)?;
        Ok(Self {
            root: root.to_owned(),
            target,
            logs,
        })
    }

    /// Whether tests pass that several mutants of one package and target name, and how they ended if not.
    pub fn passes(&self, mutants: &[&Mutant]) -> Result<Verdict> {
        let Some(first) = mutants.first() else {
            return Ok(Verdict::Survived);
        };
        let tests = mutants.iter().flat_map(|mutant| &mutant.tests);
        let log = format!("without-{}-{}", first.package, first.target);
        self.run(first, &filter(tests), &log)
    }

    /// What the mutant's tests say of the tree as it is now.
    pub fn tries(&self, mutant: &Mutant) -> Result<Verdict> {
        self.run(mutant, &filter(&mutant.tests), &mutant.name)
    }

    /// Whether the tree as it is now compiles with the tests that must notice the mutant; nothing is run.
    pub fn compiles(&self, mutant: &Mutant) -> Result<Verdict> {
        let log = self.log(&format!("{}.compile", mutant.name))?;
        let status = self
            .cargo(
                &["check", "--locked", "--quiet", "--profile", "test"],
                mutant,
                &log,
            )?
            .status()
            .context("cargo check")?;
        Ok(if status.success() {
            Verdict::Survived
        } else {
            Verdict::DoesNotCompile
        })
    }

    fn run(&self, mutant: &Mutant, filter: &str, log: &str) -> Result<Verdict> {
        let file = self.log(log)?;
        let log = self.logs.join(format!("{log}.log"));
        let built = self.nextest(mutant, ["--no-run"], &file)?;
        if built != Some(0) {
            return Ok(Verdict::DoesNotCompile);
        }
        let options = [
            "--profile",
            "mutants",
            "--color",
            "never",
            "--status-level",
            "fail",
            "--final-status-level",
            "none",
            "--no-input-handler",
            "-E",
            filter,
        ];
        let ended = self.nextest(mutant, options, &file)?;
        Ok(match ended {
            Some(0) => Verdict::Survived,
            Some(TESTS_FAILED) => Verdict::Killed {
                by: killer(&fs::read_to_string(&log)?).unwrap_or_default(),
            },
            Some(NO_TESTS) => Verdict::Broken {
                reason: "no test has one of its names".to_owned(),
            },
            status => Verdict::Broken {
                reason: format!("cargo nextest ended with {status:?}"),
            },
        })
    }

    fn nextest<S: AsRef<OsStr>>(
        &self,
        mutant: &Mutant,
        options: impl IntoIterator<Item = S>,
        log: &File,
    ) -> Result<Option<i32>> {
        let status = self
            .cargo(&["nextest", "run", "--locked", "--cargo-quiet"], mutant, log)?
            .args(options)
            .status()
            .context("cargo nextest")?;
        Ok(status.code())
    }

    /// A command of cargo over the mutant's package and target.
    fn cargo(&self, command: &[&str], mutant: &Mutant, log: &File) -> Result<Command> {
        let mut cargo = Command::new("cargo");
        cargo
            .args(command)
            .args(mutant.selection())
            .env("CARGO_TARGET_DIR", &self.target)
            .current_dir(&self.root)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log.try_clone()?);
        Ok(cargo)
    }

    fn log(&self, name: &str) -> Result<File> {
        let path = self.logs.join(format!("{name}.log"));
        File::create(&path).with_context(|| path.display().to_string())
    }
}

/// Tests whose paths begin with one of `names`, in nextest's language.
fn filter<'a>(names: impl IntoIterator<Item = &'a String>) -> String {
    let names: Vec<&str> = names.into_iter().map(String::as_str).collect();
    format!("test(/^({})/)", names.join("|"))
}
