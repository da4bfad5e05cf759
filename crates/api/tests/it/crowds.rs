//! Many at once, who are let in and answered together (ADR 96): each gets what is theirs, and no more.

use futures_util::future::join_all;
use serde_json::{Value, json};
use simpul_api::auth::Viewer;
use simpul_app::permission;

use crate::front::{Front, document};

const CROWD: usize = 20;
const ROUNDS: usize = 2;

/// Registers a customer, and says what came of it.
async fn register(front: &Front, viewer: Viewer, code: String, entity: &str) -> (String, Value) {
    let input = json!({ "code": code, "name": format!("Budi {code}"), "phone": "0812-3456-7890" });
    let mutation = document("customerRegister", entity);
    let (_, answer) = front.ask(viewer, &mutation, json!({ "input": input })).await;
    (code, answer)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_of_a_crowd_is_answered_with_what_is_its_own() {
    let front = Front::open().await;
    let neighbour = front.neighbour().await;
    let nobody = front.colleague(&[permission::CUSTOMER_READ]).await;
    let blind = front.colleague(&[permission::CUSTOMER_WRITE]).await;
    let whole = "customer { code name }";
    for round in 0..ROUNDS {
        let kinds = [
            ("A", front.owner, whole),
            // Other documents ask for less, and need not be told more.
            ("B", front.owner, "customer { code }"),
            // Codes are a tenant's own.
            ("A", neighbour, whole),
            ("C", nobody, whole),
            ("D", blind, whole),
        ];
        let crowd = (0..CROWD).flat_map(|number| {
            let code = move |kind: &str| format!("{kind}-{round}-{number}");
            kinds.map(|(kind, viewer, entity)| register(&front, viewer, code(kind), entity))
        });
        for (code, answer) in join_all(crowd).await {
            let customer = &answer["data"]["customerRegister"]["customer"];
            let error = &answer["errors"][0]["extensions"]["code"];
            match code.split_once('-') {
                Some(("A", _)) => assert_eq!(
                    *customer,
                    json!({ "code": code, "name": format!("Budi {code}") }),
                    "{answer}"
                ),
                Some(("B", _)) => assert_eq!(*customer, json!({ "code": code }), "{answer}"),
                _ => {
                    assert_eq!(*error, "FORBIDDEN", "{answer}");
                    assert!(customer.is_null(), "{answer}");
                }
            }
        }
    }
    let count = "{ customers(first: 1) { totalCount } }";
    // Whoever may write and not read has written.
    for (viewer, kinds) in [(front.owner, 3), (neighbour, 1)] {
        let data = front.data(viewer, count, Value::Null).await;
        assert_eq!(data["customers"]["totalCount"], ROUNDS * kinds * CROWD);
    }
}

/// Who asks for customers with a code, and what they are told.
async fn find(front: &Front, viewer: Viewer, code: String) -> (String, Value) {
    let query = "query($code: String!) { customers(code: $code) { nodes { name } } }";
    let (_, answer) = front.ask(viewer, query, json!({ "code": code })).await;
    (code, answer)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_of_a_crowd_of_readers_is_let_in_and_told_for_themselves() {
    let front = Front::open().await;
    let neighbour = front.neighbour().await;
    let blind = front.colleague(&[permission::CUSTOMER_WRITE]).await;
    let reader = front.colleague(&[permission::CUSTOMER_READ]).await;
    // The same codes in both: whose they are shows in the names.
    for (viewer, name) in [(front.owner, "Budi"), (neighbour, "Sari")] {
        for number in 0..CROWD {
            let input = json!({ "code": format!("C-{number}"), "name": name, "phone": "0812-3456-7890" });
            let mutation = document("customerRegister", "customer { id }");
            front.data(viewer, &mutation, json!({ "input": input })).await;
        }
        // From now on such reads begin with where their viewer stands.
        find(&front, viewer, "C-0".to_owned()).await;
    }
    let told = |name: &str| json!({ "customers": { "nodes": [{ "name": name }] } });
    let kinds = [
        (front.owner, told("Budi")),
        (neighbour, told("Sari")),
        (reader, told("Budi")),
        (blind, Value::Null),
    ];
    for _ in 0..ROUNDS {
        let crowd = (0..CROWD).flat_map(|number| {
            let ask = |(viewer, told): &(Viewer, Value)| {
                let (viewer, told, front) = (*viewer, told.clone(), &front);
                async move { (find(front, viewer, format!("C-{number}")).await, told) }
            };
            kinds.each_ref().map(ask)
        });
        for ((code, answer), told) in join_all(crowd).await {
            assert_eq!(answer["data"], told, "{code}: {answer}");
            let refused = answer["errors"][0]["extensions"]["code"] == "FORBIDDEN";
            assert_eq!(refused, told.is_null(), "{code}: {answer}");
        }
    }
}
