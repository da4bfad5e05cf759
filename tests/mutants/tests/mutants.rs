//! Cheap truths about the mutants: each still has its place in the product, and the tools tell the truth.
#![expect(
    clippy::expect_used,
    reason = "test code outside of test functions: what is not expected stops the test"
)]

use std::{fs, path::Path, process::Command};

use simpul_mutants::{
    Edit, Mutant, all,
    report::{Line, Verdict, killer, table},
    tree::Tree,
};

fn checkout() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .expect("the checkout")
}

/// A product that has moved on takes its mutants along: a bug that cannot be planted any more is no proof.
#[test]
fn every_mutant_still_has_its_place_in_the_product() {
    let mutants = all().expect("readable mutants");
    assert!(mutants.len() >= 20, "only {}", mutants.len());
    let gone: Vec<String> = mutants
        .iter()
        .filter_map(|mutant| mutant.changed(checkout()).err())
        .map(|error| format!("{error:#}"))
        .collect();
    assert_eq!(gone, Vec::<String>::new());
}

/// A test that was renamed would leave its mutant alive, or kill it by not being there.
#[test]
fn every_test_that_must_notice_exists() {
    for mutant in all().expect("readable mutants") {
        for name in &mutant.tests {
            let test = name.rsplit("::").next().expect("a name");
            let found = Command::new("git")
                .args([
                    "grep",
                    "-q",
                    "--untracked",
                    &format!("fn {test}\\b"),
                    "--",
                    "*.rs",
                ])
                .current_dir(checkout())
                .status()
                .expect("git");
            assert!(found.success(), "{}: there is no test {name}", mutant.name);
        }
    }
}

fn small_mutant() -> Mutant {
    Mutant {
        name: "greets-nobody".to_owned(),
        breaks: "nobody is greeted".to_owned(),
        package: "p".to_owned(),
        target: "it".to_owned(),
        tests: vec!["t".to_owned()],
        edits: vec![Edit {
            file: "src/lib.rs".into(),
            old: "\"world\"".to_owned(),
            new: "\"nobody\"".to_owned(),
        }],
    }
}

#[test]
fn a_mutant_is_planted_in_the_copy_and_undone_and_never_in_the_checkout() {
    let folder = tempfile::tempdir().expect("a folder");
    let (checkout, copy) = (folder.path().join("checkout"), folder.path().join("copy"));
    fs::create_dir_all(checkout.join("src")).expect("a folder");
    let source = "fn greet() -> &'static str { \"world\" }\n";
    fs::write(checkout.join("src/lib.rs"), source).expect("written");
    let init = Command::new("git")
        .args(["init", "-q"])
        .current_dir(&checkout)
        .status();
    assert!(init.expect("git").success());
    // A run that was killed has left its mutant and a file of its own.
    fs::create_dir_all(copy.join("src")).expect("a folder");
    fs::write(copy.join("src/lib.rs"), "fn greet() {}").expect("written");
    fs::write(copy.join("src/stranger.rs"), "").expect("written");

    let tree = Tree::copy(&checkout, &copy).expect("copied");
    let copied = || fs::read_to_string(copy.join("src/lib.rs")).expect("text");
    assert_eq!(copied(), source);
    assert!(!copy.join("src/stranger.rs").exists());
    let mutant = small_mutant();
    let planted = tree.plant(&mutant).expect("planted");
    assert_eq!(copied(), source.replace("world", "nobody"));
    assert!(tree.plant(&mutant).is_err(), "its old text is gone");
    tree.restore(&planted).expect("undone");
    assert_eq!(copied(), source);
    assert_eq!(
        fs::read_to_string(checkout.join("src/lib.rs")).expect("text"),
        source
    );
}

#[test]
fn the_report_names_the_first_test_that_failed_and_shouts_about_survivors() {
    let log = "   Compiling p v0.1.0\n        FAIL [   0.131s] (3/9) p::it store::a_thing_holds\n  \
               TIMEOUT [  60.002s] (4/9) p::it store::another\nerror: test run failed\n";
    assert_eq!(killer(log).as_deref(), Some("store::a_thing_holds"));
    assert_eq!(killer("PASS [   0.1s] p::it store::a_thing_holds"), None);
    let line = |name: &str, verdict| Line {
        mutant: name.to_owned(),
        breaks: String::new(),
        package: "p".to_owned(),
        verdict,
        seconds: 7,
    };
    let killed = Verdict::Killed {
        by: "store::a_thing_holds".to_owned(),
    };
    let lines = [
        line("one", killed),
        line("another", Verdict::Survived),
        line("third", Verdict::DoesNotCompile),
    ];
    let text = table(&lines, std::time::Duration::from_secs(21));
    assert_eq!(
        text,
        "one         7 s  store::a_thing_holds\n\
         another     7 s  SURVIVED\n\
         third       7 s  DOES NOT COMPILE\n\
         1 of 3 mutants killed in 21 s\n"
    );
    let json = serde_json::to_value(&lines).expect("json");
    assert_eq!(json[0]["verdict"], "killed");
    assert_eq!(json[1]["verdict"], "survived");
}
