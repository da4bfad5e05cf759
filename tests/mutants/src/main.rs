//! Tries every mutant, or those that are named, and says which test noticed it: `./dev mutants`.
#![expect(
    clippy::print_stdout,
    reason = "a command that tells on a terminal how far it is"
)]

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Instant,
};

use anyhow::{Context as _, Result, bail};
use clap::Parser;
use simpul_mutants::{
    Mutant, all,
    report::{Line, Verdict, table},
    suite::Suite,
    tree::Tree,
};

/// Plants bugs one at a time and runs the tests that must notice them.
#[derive(Debug, Parser)]
struct Arguments {
    /// Only mutants whose names contain one of these.
    names: Vec<String>,
    /// Say what there is, and try nothing.
    #[arg(long)]
    list: bool,
    /// Only plant each and compile the tests that must notice it; minutes instead of hours.
    #[arg(long)]
    compile_only: bool,
}

fn main() -> Result<ExitCode> {
    let arguments = Arguments::parse();
    let mut mutants = all()?;
    if !arguments.names.is_empty() {
        mutants.retain(|mutant| arguments.names.iter().any(|name| mutant.name.contains(name)));
    }
    if mutants.is_empty() {
        bail!("no mutant is called so");
    }
    if arguments.list {
        for mutant in &mutants {
            println!("{}: {}", mutant.name, mutant.breaks);
        }
        return Ok(ExitCode::SUCCESS);
    }
    let started = Instant::now();
    if arguments.compile_only {
        return compile_all(&mutants, started);
    }
    let lines = try_all(&mutants)?;
    print!("{}", table(&lines, started.elapsed()));
    let all_killed = lines.iter().all(|line| line.verdict.is_killed());
    Ok(if all_killed {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Whether every mutant has its place and compiles: then a run will show something. Uses what the checkout has built.
fn compile_all(mutants: &[Mutant], started: Instant) -> Result<ExitCode> {
    let checkout = checkout()?;
    let work = checkout.join("target/mutants");
    let tree = Tree::copy(&checkout, &work.join("tree"))?;
    let suite = Suite::new(tree.root(), checkout.join("target"), work.join("log"))?;
    let mut failed = 0;
    for mutant in mutants {
        let verdict = try_one(&tree, mutant, |mutant| suite.compiles(mutant))?;
        if verdict != Verdict::Survived {
            failed += 1;
            println!("{}: {verdict:?}", mutant.name);
        }
    }
    let (all, took) = (mutants.len(), started.elapsed().as_secs());
    println!("{} of {all} mutants compile, looked at in {took} s", all - failed);
    Ok(if failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn try_all(mutants: &[Mutant]) -> Result<Vec<Line>> {
    let checkout = checkout()?;
    let work = checkout.join("target/mutants");
    let tree = Tree::copy(&checkout, &work.join("tree"))?;
    let suite = Suite::new(tree.root(), work.join("target"), work.join("log"))?;
    check_sound(&suite, mutants)?;
    let mut lines = Vec::new();
    for mutant in mutants {
        let began = Instant::now();
        let verdict = try_one(&tree, mutant, |mutant| suite.tries(mutant))?;
        println!("{}: {verdict:?}", mutant.name);
        lines.push(Line {
            mutant: mutant.name.clone(),
            breaks: mutant.breaks.clone(),
            package: mutant.package.clone(),
            verdict,
            seconds: began.elapsed().as_secs(),
        });
        keep(&checkout.join("target/mutants.json"), &lines)?;
    }
    Ok(lines)
}

/// Writes what was found beside what an earlier run has found of the others.
fn keep(path: &Path, lines: &[Line]) -> Result<()> {
    let earlier: Vec<Line> = match fs::read(path) {
        Ok(bytes) => serde_json::from_slice(&bytes).unwrap_or_default(),
        Err(_) => Vec::new(),
    };
    let known: Vec<String> = all()?.into_iter().map(|mutant| mutant.name).collect();
    let is_other =
        |line: &&Line| known.contains(&line.mutant) && lines.iter().all(|new| new.mutant != line.mutant);
    let kept: Vec<&Line> = earlier.iter().filter(is_other).chain(lines).collect();
    fs::write(path, serde_json::to_vec_pretty(&kept)?)?;
    Ok(())
}

fn try_one(tree: &Tree, mutant: &Mutant, tries: impl FnOnce(&Mutant) -> Result<Verdict>) -> Result<Verdict> {
    let planted = match tree.plant(mutant) {
        Ok(planted) => planted,
        Err(error) => {
            let reason = error.to_string();
            return Ok(Verdict::Broken { reason });
        }
    };
    let verdict = tries(mutant);
    tree.restore(&planted)?;
    verdict
}

/// A test that fails anyway kills nothing.
fn check_sound(suite: &Suite, mutants: &[Mutant]) -> Result<()> {
    for group in mutants.chunk_by(|one, other| (&one.package, &one.target) == (&other.package, &other.target))
    {
        let group: Vec<&Mutant> = group.iter().collect();
        let verdict = suite.passes(&group)?;
        let place = format!("{} {}", group[0].package, group[0].target);
        if verdict != Verdict::Survived {
            bail!("without any mutant, the tests of {place} end like this: {verdict:?}");
        }
        println!("{place}: the tests pass without a mutant");
    }
    Ok(())
}

fn checkout() -> Result<PathBuf> {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = package.ancestors().nth(2).context("the checkout")?;
    Ok(root.to_owned())
}
