//! What a client's build is told of its documents, by the command line that it calls.

use std::process::{Command, Output};

use serde_json::{Map, Value};

use crate::world;

fn documents(manifest: &str, arguments: &[&str]) -> Output {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("documents.json");
    std::fs::write(&file, manifest).expect("the manifest is written");
    Command::new(world::binary())
        .arg("documents")
        .arg(file)
        .args(arguments)
        .current_dir(folder.path())
        .env_clear()
        .output()
        .expect("the binary runs")
}

fn manifest(documents: &[&str]) -> String {
    let entry = |text: &&str| {
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text.as_bytes());
        (format!("sha256:{}", hex::encode(digest)), Value::from(*text))
    };
    Value::Object(documents.iter().map(entry).collect::<Map<_, _>>()).to_string()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn documents_that_would_run_are_priced() {
    let customers = "query Customers { customers(first: 10) { nodes { id } } }";
    let output = documents(&manifest(&[customers]), &["--api", "staff"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let text = said(&output);
    assert!(
        text.contains("20 points  Customers  sha256:") && !text.contains("refused"),
        "{text}"
    );
}

#[test]
fn a_document_that_would_be_refused_fails_the_build_that_asks() {
    let fine = "query Fine { customers(first: 10) { nodes { id } } }";
    let wrong = "query Wrong($first: String) { customers(first: $first) { nodes { shoeSize } } }";
    let output = documents(&manifest(&[fine, wrong]), &["--api", "staff"]);
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    let text = said(&output);
    for told in [
        "Fine",
        "Wrong",
        "refused: Unknown field \"shoeSize\"",
        "\"$first\" of type \"String\"",
    ] {
        assert!(text.contains(told), "{told}: {text}");
    }
    // The same document is no document of the portal.
    let output = documents(&manifest(&[fine]), &["--api", "portal"]);
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    assert!(said(&output).contains("refused: "), "{output:?}");
}

#[test]
fn what_is_no_manifest_is_an_error_and_not_a_finding() {
    let misnamed = format!(
        "{{\"sha256:{}\": \"{{ viewer {{ user {{ id }} }} }}\"}}",
        "0".repeat(64)
    );
    for (manifest, told) in [
        ("[]", "not a JSON object"),
        (&misnamed, "is not the hash of its document"),
    ] {
        let output = documents(manifest, &["--api", "staff"]);
        assert!(
            !output.status.success() && output.status.code() != Some(3),
            "{output:?}"
        );
        let log = String::from_utf8_lossy(&output.stderr);
        assert!(log.contains(told), "{log}");
    }
}
