//! How often a question goes to the database: not once per row.

use axum::{
    body::Body,
    http::{Request, header},
};
use serde_json::{Value, json};

use crate::{
    front::{Front, knock, read},
    story,
};

const LISTED: &str = "query($first: Int) { subscriptions(first: $first) { nodes { username
    plan { name } customer { name } router { name } overdueInvoices { id } provisioning { state } } } }";

/// Transactions over read models that the question takes, and its answer.
async fn reads(front: &Front, query: &str, variables: Value) -> (u64, Value) {
    let body = json!({ "query": query, "variables": variables });
    let request = Request::post("/graphql")
        .header(
            header::AUTHORIZATION,
            format!("Bearer {}", front.token(front.owner)),
        )
        .header(header::CONTENT_TYPE, "application/json")
        .header("x-graphql-cost", "1")
        .body(Body::from(body.to_string()))
        .expect("request");
    // In a task of the runtime, as a server runs it: there a turn ends after all siblings have asked.
    let router = front.router.clone();
    let sent = front
        .state
        .tasks
        .spawn(async move { knock(&router, request).await });
    let (_, mut answer) = read(sent.await.expect("an answer")).await;
    assert!(answer.get("errors").is_none(), "{answer}");
    let reads = answer["extensions"]["cost"]["reads"].as_u64().expect("a number");
    (reads, answer["data"].take())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_takes_as_many_reads_for_many_rows_as_for_one() {
    let front = Front::open().await;
    let line = story::line(&front, front.owner).await;
    for index in 0..8 {
        let customer =
            json!({ "code": format!("X-{index}"), "name": format!("N{index}"), "phone": "0812-3456-7890" });
        let customer = front
            .accepted(front.owner, "customerRegister", "customer { id }", customer)
            .await;
        let open = json!({
            "planId": line.plan, "customerId": customer["customer"]["id"], "routerId": line.router,
            "username": format!("u{index}"), "secret": "s", "installedOn": "2027-01-04",
        });
        front
            .accepted(front.owner, "subscriptionOpen", "subscription { id }", open)
            .await;
    }
    let (one, _) = reads(&front, LISTED, json!({ "first": 1 })).await;
    let (many, data) = reads(&front, LISTED, json!({ "first": 9 })).await;
    assert_eq!(many, one, "{data}");
    let rows = data["subscriptions"]["nodes"].as_array().expect("rows");
    assert_eq!(rows.len(), 9);
    for row in rows {
        let username = row["username"].as_str().expect("a name");
        let name = username
            .strip_prefix('u')
            .map_or("Budi Santoso".to_owned(), |index| format!("N{index}"));
        assert_eq!(row["customer"]["name"], *name, "each row has its own customer");
        assert_eq!(row["plan"]["name"], "Rumah 20");
    }

    let ids =
        json!({ "ids": [line.plan, line.customer, line.plan, line.router, "rubbish", line.subscription] });
    let query = "query($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }";
    let (reads, data) = reads(&front, query, ids.clone()).await;
    assert_eq!(reads, 4, "one for each kind");
    let found: Vec<&Value> = data["nodes"]
        .as_array()
        .expect("nodes")
        .iter()
        .map(|node| &node["id"])
        .collect();
    let expected: Vec<Value> = ids["ids"].as_array().expect("ids").clone();
    for (found, expected) in found.into_iter().zip(expected) {
        let expected = if expected == "rubbish" {
            Value::Null
        } else {
            expected
        };
        assert_eq!(*found, expected);
    }
}

/// Statements that the question makes, whoever it is that makes them.
async fn statements(front: &Front, query: &str, first: usize) -> (u64, Value) {
    let before = front.state.store().db().asked();
    let (_, data) = reads(front, query, json!({ "first": first })).await;
    (front.state.store().db().asked() - before, data)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sealed_fields_of_a_page_are_opened_with_as_many_statements_as_those_of_one_row() {
    let front = Front::open().await;
    for index in 0..8 {
        let customer = json!({ "code": format!("X-{index}"), "name": format!("N{index}"), "phone": "0812-3456-7890",
            "email": format!("n{index}@mail.example") });
        front
            .accepted(front.owner, "customerRegister", "customer { id }", customer)
            .await;
        let user = json!({ "email": format!("u{index}@kayu.example"), "name": format!("U{index}"),
            "roles": ["viewer"] });
        front
            .accepted(front.owner, "userInvite", "user { id }", user)
            .await;
    }
    for (list, fields) in [("customers", "name phone email"), ("users", "name email")] {
        let query = format!("query($first: Int) {{ {list}(first: $first) {{ nodes {{ id {fields} }} }} }}");
        // What the first question of a tenant reads for good is no matter of its rows.
        statements(&front, &query, 1).await;
        let (one, _) = statements(&front, &query, 1).await;
        let (many, data) = statements(&front, &query, 8).await;
        assert_eq!(many, one, "{list}");
        let rows = data[list]["nodes"].as_array().expect("rows");
        assert_eq!(rows.len(), 8);
        for (row, index) in rows.iter().zip((0..8).rev()) {
            let name = row["name"].as_str().expect("opened");
            assert_eq!(name[1..], index.to_string(), "each row has its own fields");
            assert!(
                row["email"]
                    .as_str()
                    .is_some_and(|email| email.contains(&name.to_lowercase())),
                "{row}"
            );
        }
    }
    let keys = "query($first: Int) { users(first: $first) { nodes { id } } }";
    let (closed, _) = statements(&front, keys, 8).await;
    assert!(closed > 0, "what is counted is there");
}
