//! What messages say: looked at, changed, and changed back; a mistake is named with its place.

use serde_json::{Value, json};

use crate::front::Front;

const TEMPLATE: &str =
    "messageTemplate { kind language source custom preview variables { name aliases optional } }";

async fn templates(front: &Front) -> Vec<Value> {
    let query = "{ messageTemplates { kind language source custom } }";
    let data = front.data(front.owner, query, json!({})).await;
    data["messageTemplates"].as_array().expect("templates").clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_text_is_the_tenants_own_until_it_is_reset() {
    let front = Front::open().await;
    let before = templates(&front).await;
    assert_eq!(before.len(), 12);
    assert!(before.iter().all(|template| template["custom"] == false));
    let which = json!({ "kind": "INVOICE_PAID", "language": "ID" });
    let mut change = which.clone();
    change["source"] = json!("Lunas! Terima kasih {nama}, {jumlah} sudah kami terima.");
    let payload = front
        .accepted(front.owner, "messageTemplateChange", TEMPLATE, change.clone())
        .await;
    let template = &payload["messageTemplate"];
    assert_eq!(template["source"], change["source"]);
    assert_eq!(template["custom"], true);
    assert_eq!(
        template["preview"],
        "Lunas! Terima kasih Budi Santoso, Rp150.000 sudah kami terima."
    );
    let own = templates(&front).await;
    assert_eq!(
        own.iter().filter(|template| template["custom"] == true).count(),
        1
    );
    front
        .accepted(front.owner, "messageTemplateReset", TEMPLATE, which)
        .await;
    assert_eq!(templates(&front).await, before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unknown_variable_is_a_mistake_with_a_place_and_changes_nothing() {
    let front = Front::open().await;
    let before = templates(&front).await;
    let cases = [
        (
            "Halo {nama},\nbayar {hari_terlambat}",
            "unknown_variable",
            json!({ "line": 2, "column": 7 }),
        ),
        ("{% if %}", "syntax", json!({ "line": 1, "column": 7 })),
        ("  ", "required", Value::Null),
    ];
    for (source, rule, position) in cases {
        let input = json!({ "kind": "INVOICE_PAID", "language": "ID", "source": source });
        let payload = front
            .payload(front.owner, "messageTemplateChange", TEMPLATE, input)
            .await;
        let query = "query($source: String!) {
            messageTemplatePreview(kind: INVOICE_PAID, source: $source) { text userErrors { code path params } }
        }";
        let looked_at = front.data(front.owner, query, json!({ "source": source })).await;
        let preview = &looked_at["messageTemplatePreview"];
        assert_eq!(preview["text"], Value::Null);
        let error = &preview["userErrors"][0];
        assert_eq!(error["code"], "VALIDATION_ERROR", "{source}");
        assert_eq!(error["path"], json!(["input", "source"]));
        assert_eq!(
            (&error["params"]["rule"], &error["params"]["position"]),
            (&json!(rule), &position)
        );
        assert_eq!(payload["userErrors"][0]["code"], "VALIDATION_ERROR");
    }
    assert_eq!(templates(&front).await, before);
}
