//! Whoever has seen another version than there is changes nothing, whatever the command.

use axum::http::StatusCode;
use serde_json::{Value, json};
use simpul_api::Surface;

use super::{inputs::Inputs, schema::Schema, world::World};

const STALE: &str = "STALE_VERSION";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_command_that_expects_a_version_is_refused_another_and_tells_and_answers_the_right_one() {
    let world = World::open().await;
    let (mut refused, mut followed, mut missing) = (0, 0, Vec::new());
    for surface in Surface::ALL {
        let (inputs, token) = (Inputs::of(surface), world.token(surface, &world.ours));
        for operation in Schema::of(surface).operations() {
            let paths = inputs.paths(operation.name());
            if !paths
                .iter()
                .any(|(path, _)| *path == ["input", "expectedVersion"])
            {
                continue;
            }
            let run = async |version: &Value| {
                let arguments = operation.arguments(|name| world.ours.thing(name));
                let expecting = format!("input: {{ expectedVersion: {version}, ");
                let text = operation.document(&arguments.replacen("input: {", &expecting, 1));
                let (status, mut answer) = world.ask(surface, Some(&token), &operation, &text).await;
                assert_eq!(status, StatusCode::OK, "{text}: {answer}");
                answer["data"][operation.field()].take()
            };
            let before = world.heads().await;
            let answer = run(&json!(1_000_000)).await;
            let error = &answer["userErrors"][0];
            // Whoever has a token only, and no stream, is nobody who can be edited.
            if error["code"] == "NOT_FOUND" {
                missing.push(operation.name().to_owned());
                continue;
            }
            assert_eq!(error["code"], STALE, "{}: {answer}", operation.name());
            assert_eq!(error["path"], json!(["input", "expectedVersion"]));
            assert_eq!(world.heads().await, before, "{} has happened", operation.name());
            refused += 1;

            let answer = run(&error["params"]["currentVersion"]).await;
            assert_ne!(
                answer["userErrors"][0]["code"],
                STALE,
                "{}: {answer}",
                operation.name()
            );
            let mut parts = answer.as_object().expect("a payload").values();
            if let Some(version) = parts.find_map(|part| part.get("version")) {
                let answer = run(version).await;
                assert_ne!(
                    answer["userErrors"][0]["code"],
                    STALE,
                    "{}: {answer}",
                    operation.name()
                );
                followed += 1;
            }
        }
    }
    assert!(
        refused >= 24 && followed >= 18,
        "{refused} refused, {followed} followed"
    );
    let of_users = |name: &String| name.starts_with("Mutation.user") || name == "Mutation.nameChange";
    assert!(missing.iter().all(of_users), "{missing:?}");
}
