//! Rows of lists that write themselves answer exactly what the engine answers.

use serde_json::Value;
use simpul_app::permission;

use crate::{front::Front, story};

/// Everything of a list's rows that is their own, and something that is not.
const LISTS: [(&str, &str, &str); 5] = [
    (
        "invoices",
        "__typename id number status periodFromOn periodUntilOn lines { __typename kind description amount { amount currency } }
         total { amount currency } outstanding { amount } lateFee { amount currency } dueOn issuedAt overdueAt paidAt voidedAt voidReason",
        "customer { code }",
    ),
    (
        "subscriptions",
        "id username status statusReason statusSince planName price { amount } dueDay installedOn openedAt activatedAt
         isolatedSince",
        "plan { name }",
    ),
    ("customers", "id code name phone email registeredAt", ""),
    (
        "routers",
        "id name host port tls username serial identity osVersion serialChanged identifiedAt registeredAt retiredAt",
        "",
    ),
    ("messages", "id kind channel status tryCount failure queuedAt statusAt", "customer { code }"),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_that_write_themselves_answer_what_the_engine_answers() {
    let front = Front::open().await;
    let line = story::line(&front, front.owner).await;
    story::invoice(&front, front.owner, &line).await;
    for (list, own, other) in LISTS {
        let written = format!(
            "{{ {list}(first: 10) {{ nodes {{ {own} }} edges {{ node {{ ...F }} }} }} }} fragment F on {} {{ {own} }}",
            type_of(list)
        );
        // A key that is selected twice has the engine merge, field by field.
        let resolved = format!(
            "{{ {list}(first: 10) {{ nodes {{ {own} {own} {other} }} edges {{ node {{ {own} {other} }} }} }} }}"
        );
        let written = front.data(front.owner, &written, Value::Null).await;
        let mut resolved = front.data(front.owner, &resolved, Value::Null).await;
        let key = other.split_whitespace().next();
        for nodes in ["/nodes", "/edges"] {
            let rows = resolved[list].pointer_mut(nodes).and_then(Value::as_array_mut);
            for row in rows.into_iter().flatten() {
                let row = if nodes == "/edges" { &mut row["node"] } else { row };
                let gone = key.map(|key| row.as_object_mut().and_then(|row| row.remove(key)));
                assert!(gone.is_none_or(|gone| gone.is_some()), "{list} resolves {other}");
            }
        }
        assert_eq!(written, resolved, "{list}");
    }
    let merged = "{ invoices { nodes { id } } invoices { nodes { number } } }";
    let merged = front.data(front.owner, merged, Value::Null).await;
    let row = &merged["invoices"]["nodes"][0];
    assert!(row["id"].is_string() && row["number"].is_string(), "{merged}");
    // An error elsewhere puts its null beside rows that have written themselves.
    let nobody = front.colleague(&[permission::BILLING_READ]).await;
    let beside = "{ invoices { nodes { id } } node(id: \"sub_7zzzzzzzzzzzzzzzzzzzzzzzzz\") { id } }";
    let (_, answer) = front.ask(nobody, beside, Value::Null).await;
    assert!(
        answer["data"]["invoices"]["nodes"][0]["id"].is_string(),
        "{answer}"
    );
    assert_eq!(answer["data"]["node"], Value::Null);
}

fn type_of(list: &str) -> &'static str {
    match list {
        "invoices" => "Invoice",
        "subscriptions" => "Subscription",
        "customers" => "Customer",
        "routers" => "Router",
        _ => "Message",
    }
}
