//! What every command answers, asked for without knowing which command it was.

use axum::http::StatusCode;
use serde_json::json;
use simpul_api::Surface;

use super::{schema::Schema, world::World};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_payload_reads_on_in_the_schema_that_answers_and_only_for_whoever_is_known() {
    let world = World::open().await;
    for (surface, list) in [
        (Surface::Staff, "routers"),
        (Surface::Portal, "invoices"),
        (Surface::Platform, "tenants"),
    ] {
        let operations = Schema::of(surface).operations();
        let named = |name| operations.iter().find(|operation| operation.field() == name);
        let ask = async |name, token, input| {
            let operation = named(name).expect("an operation");
            let text = format!(
                "mutation {{ told: {name}(input: {input}) {{ ... on CommandPayload {{
                    __typename userErrors {{ code }} consistencyToken query {{ {list}(first: 1) {{ nodes {{ id }} }} }} }} }} }}"
            );
            world.ask(surface, token, operation, &text).await
        };
        let token = world.token(surface, &world.ours);
        let (status, answer) = ask("sessionEnd", Some(token.as_str()), "{ id: \"rubbish\" }").await;
        assert_eq!(status, StatusCode::OK, "{answer}");
        let told = &answer["data"]["told"];
        assert_eq!(told["__typename"], "SessionEndPayload", "{answer}");
        assert_eq!(told["userErrors"], json!([{ "code": "NOT_FOUND" }]), "{answer}");
        assert!(told["consistencyToken"].is_null(), "{answer}");
        assert!(told["query"][list]["nodes"][0]["id"].is_string(), "{answer}");

        let rubbish = "{ secret: \"rubbish\", password: \"kata sandi baru\" }";
        let (status, answer) = ask("passwordReset", None, rubbish).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{surface}: {answer}");
        assert!(!answer.to_string().contains("nodes"), "{answer}");
    }
}
