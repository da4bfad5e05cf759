//! One key, one effect; another input under the same key is refused.

use axum::http::StatusCode;
use serde_json::json;

use crate::{front::Front, story};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_repeated_key_answers_the_same_and_another_input_is_refused() {
    let front = Front::open().await;
    let customer = |code: &str| json!({ "code": code, "name": "Budi", "phone": "0812-3456-7890", "idempotencyKey": "k1" });
    let register = |code| front.payload(front.owner, "customerRegister", "customer { id }", customer(code));
    let first = register("C-1").await;
    assert_eq!(register("C-1").await["customer"], first["customer"]);
    let reused = register("C-2").await;
    assert_eq!(reused["userErrors"][0]["code"], "IDEMPOTENCY_KEY_REUSED");
    assert_eq!(
        reused["userErrors"][0]["path"],
        json!(["input", "idempotencyKey"])
    );

    let colleague = front.colleague(simpul_app::permission::OWNER).await;
    let other = front
        .payload(colleague, "customerRegister", "customer { id }", customer("C-2"))
        .await;
    assert_eq!(other["userErrors"], json!([]), "keys are each person's own");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_have_a_length_and_billing_needs_one() {
    let front = Front::open().await;
    for key in [String::new(), "x".repeat(65)] {
        let input =
            json!({ "code": "C-1", "name": "Budi", "phone": "0812-3456-7890", "idempotencyKey": key });
        let refused = front
            .payload(front.owner, "customerRegister", "customer { id }", input)
            .await;
        assert_eq!(refused["userErrors"][0]["path"][1], "idempotencyKey");
    }
    let line = story::line(&front, front.owner).await;
    let query = "mutation($id: ID!) { invoiceIssue(input: { subscriptionId: $id, dueOn: \"2027-02-15\" }) { userErrors { code } } }";
    let (status, body) = front
        .ask(front.owner, query, json!({ "id": line.subscription }))
        .await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(
        body["errors"][0]["extensions"]["code"],
        "GRAPHQL_VALIDATION_FAILED"
    );
}
