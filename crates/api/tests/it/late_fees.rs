//! What being late with a bill costs, as staff and the customer see it.

use axum::{
    body::Body,
    http::{Request, header},
};
use serde_json::{Value, json};
use simpul_api::{Surface, auth::Viewer};
use simpul_app::billing::ChargeLateFee;
use simpul_event_store::{ConsistencyToken, feed};

use crate::{
    front::{Front, read},
    story,
    walk::world::trusting,
};

const FEE: &str = "query($id: ID!) { invoice(id: $id) { lateFee { amount currency } } }";

/// The fee of a bill, as of now.
async fn fee(front: &Front, surface: Surface, viewer: Viewer, bill: &Value) -> Value {
    let (store, tenant) = (front.test.store(), viewer.tenant);
    let seq = feed::head(&store, tenant).await.expect("a head");
    let request = Request::post(surface.path())
        .header(
            header::AUTHORIZATION,
            format!("Bearer {}", front.token_for(surface, viewer)),
        )
        .header(header::CONTENT_TYPE, "application/json")
        .header(
            "x-consistency-token",
            ConsistencyToken { tenant, seq }.to_string(),
        )
        .body(Body::from(
            json!({ "query": FEE, "variables": { "id": bill } }).to_string(),
        ))
        .expect("a request");
    let (_, mut answer) = read(front.send(request).await).await;
    assert!(answer["data"]["invoice"].is_object(), "{answer}");
    answer["data"]["invoice"]["lateFee"].take()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bill_tells_its_late_fee_until_it_is_waived() {
    // The portal answers nothing but documents of our own.
    let front = Front::with_settings(trusting(FEE)).await;
    let owner = front.owner;
    let line = story::line(&front, owner).await;
    let bill = story::invoice(&front, owner, &line).await["id"].clone();
    let dunning = json!({ "reminderDays": [], "graceDays": 3, "lateFee": { "basisPoints": 500 } });
    front
        .accepted(owner, "dunningSettingsChange", "tenant { id }", dunning)
        .await;
    let customer = front.customer(owner.tenant, &line.customer).await;
    let readers = [(Surface::Staff, owner), (Surface::Portal, customer)];
    for (surface, viewer) in readers {
        assert_eq!(
            fee(&front, surface, viewer, &bill).await,
            Value::Null,
            "{surface}"
        );
    }

    let invoice = bill.as_str().expect("text").parse().expect("an id");
    front.carry_out(owner.tenant, ChargeLateFee { invoice }).await;
    for (surface, viewer) in readers {
        assert_eq!(
            fee(&front, surface, viewer, &bill).await,
            json!({ "amount": "7500", "currency": "IDR" }),
            "{surface}"
        );
    }

    let waive = json!({ "id": bill, "reason": "the bank was down", "idempotencyKey": "waive" });
    let waived = front
        .accepted(
            owner,
            "invoiceLateFeeWaive",
            "invoice { lateFee { amount } }",
            waive,
        )
        .await;
    assert_eq!(waived["invoice"], json!({ "lateFee": null }));
}
