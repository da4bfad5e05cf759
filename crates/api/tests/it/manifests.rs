//! Manifests of clients' documents: what a client's build is told before its release.

use serde_json::{Map, Value, json};
use simpul_api::{Checked, ManifestError, Surface, budget::Limits, check};

fn id(text: &str) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text.as_bytes());
    format!("sha256:{}", hex::encode(digest))
}

fn manifest(documents: &[&str]) -> String {
    let entries = documents.iter().map(|text| (id(text), json!(text)));
    Value::Object(entries.collect::<Map<_, _>>()).to_string()
}

async fn of(document: &str) -> Vec<Checked> {
    check(Surface::Staff, &manifest(&[document]), &Limits::default())
        .await
        .expect("a manifest")
}

#[tokio::test]
async fn each_operation_has_its_price_and_its_faults() {
    let both = "query Two($code: String!) { customers(code: $code, first: 10) { nodes { id } } }
        mutation Void($input: InvoiceVoidInput!) { invoiceVoid(input: $input) { userErrors { code } } }
        subscription Heard { customerEvents { __typename } }";
    let checked = of(both).await;
    let names: Vec<_> = checked
        .iter()
        .filter_map(|found| found.operation.as_deref())
        .collect();
    assert_eq!(names.len(), 3, "{checked:?}");
    for found in &checked {
        assert_eq!(found.id, id(both));
        assert_eq!(found.faults, Vec::<String>::new(), "{found:?}");
        assert!(found.cost > 0, "{found:?}");
    }
}

#[tokio::test]
async fn what_the_schema_or_the_door_would_refuse_is_a_fault() {
    for (document, fault) in [
        ("{ customers { nodes { shoeSize } } }", "shoeSize"),
        ("query { customers(first: $first) { nodes { id } } }", "first"),
        (
            "mutation { invoiceVoid(input: {}) { userErrors { code } } }",
            "id",
        ),
        (
            "{ customers(first: 100) { nodes { subscriptions { invoices { id } } } } }",
            "subscriptions",
        ),
        (
            "query($code: Int) { customers(code: $code) { nodes { id } } }",
            "$code",
        ),
        ("{ customers {", "expected"),
    ] {
        let checked = of(document).await;
        let faults = &checked.first().expect("an operation").faults;
        assert!(
            faults.iter().any(|text| text.contains(fault)),
            "{document}: {checked:?}"
        );
    }
    let dear = "{ customers(first: 100) { nodes { id } } }";
    assert_eq!(of(dear).await[0].faults, Vec::<String>::new());
    let mut narrow = Limits::default();
    narrow.points.staff.operation = 99;
    let checked = check(Surface::Staff, &manifest(&[dear]), &narrow)
        .await
        .expect("a manifest");
    let fault = format!("It costs {} points of at most 99", checked[0].cost);
    assert_eq!(checked[0].faults, [fault]);
}

#[tokio::test]
async fn a_manifest_that_is_none_is_said_to_be_none() {
    let limits = Limits::default();
    let rubbish = check(Surface::Staff, "[]", &limits).await;
    assert_eq!(rubbish, Err(ManifestError::Unreadable));
    let wrong = json!({ id("{ a }"): "{ b }" }).to_string();
    let wrong = check(Surface::Staff, &wrong, &limits).await;
    assert_eq!(wrong, Err(ManifestError::WrongHash(id("{ a }"))));
    let empty = check(Surface::Portal, "{}", &limits).await;
    assert_eq!(empty, Ok(Vec::new()));
}
