//! Independent clients against the running server: npm's graphql-http audits and graphql-ws.

use std::{path::Path, process::Command};

use crate::world::{Way, World};

/// Runs a script of `tests/npm` with the server's address and a token.
async fn node(script: &'static str, world: &World) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("npm");
    assert!(
        folder.join("node_modules").exists(),
        "run `./dev up` first: it installs what tests/npm needs"
    );
    world.ask("{__typename}", serde_json::Value::Null).await;
    let mut command = Command::new("node");
    command.current_dir(folder).arg(script).arg(world.front_door());
    command.arg(world.token());
    let run = move || command.output().expect("node runs");
    let output = tokio::task::spawn_blocking(run).await.expect("a thread");
    let text = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(output.status.success(), "{text}");
    text
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_audit_of_graphql_over_http_passes() {
    let world = World::start(Way::Store).await;
    let told = node("http-audit.mjs", &world).await;
    assert!(told.contains("61 of 61 audits"), "{told}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_independent_client_listens_and_comes_back_with_its_cursor() {
    let world = World::start(Way::Store).await;
    node("socket-check.mjs", &world).await;
}
