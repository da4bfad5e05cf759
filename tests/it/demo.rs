//! The README's first promise: the demo runs and is complete.

use std::process::{Command, Output};

use simpul_testkit::TestDb;

use crate::world;

fn demo(db: &TestDb, arguments: &[&str]) -> Output {
    let folder = tempfile::tempdir().expect("a folder");
    Command::new(world::binary())
        .args(["demo", "--once"])
        .args(arguments)
        .current_dir(folder.path())
        .env("SIMPUL_DATABASE__OWNER_URL", &db.owner_url)
        .env("SIMPUL_DATABASE__APP_URL", &db.app_url)
        .env("SIMPUL_DATABASE__SYSTEM_URL", &db.system_url)
        .output()
        .expect("the binary runs")
}

fn assert_told(output: &Output) {
    let text = String::from_utf8_lossy(&output.stdout);
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}\n{log}");
    for promised in [
        "router confirmed: back on the plan",
        "the customer has the receipt",
        "Why? (one query: explain)",
        "because of",
        "Hash chain verified",
    ] {
        assert!(
            text.contains(promised),
            "the demo does not say {promised:?}:\n{text}"
        );
    }
}

#[tokio::test]
async fn the_demo_tells_the_whole_story_over_the_broker() {
    let db = TestDb::create().await;
    assert_told(&demo(&db, &[]));
}

#[tokio::test]
async fn the_demo_tells_the_whole_story_straight_from_the_store() {
    let db = TestDb::create().await;
    assert_told(&demo(&db, &["--embedded"]));
}
