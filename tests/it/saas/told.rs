//! Every step of the story tells what led to it, to those who ask through the front door.

use serde_json::Value;
use simpul_event_store::crash::Point;

use super::{
    journey::{Hears, Journey},
    people::Person,
};
use crate::world::{Way, World};

/// An event of a thing's history: its id, and what it says led to it.
struct Told {
    id: String,
    cause: String,
}

/// The newest event of this type in a thing's history.
async fn told(world: &World, person: &Person, entity: &str, event_type: &str) -> Told {
    let query =
        format!("{{ history(id: \"{entity}\", first: 100) {{ nodes {{ id eventType causedBy }} }} }}");
    let is_there = |event: &Value| event["eventType"] == event_type;
    let seen = person
        .read_until(world, event_type, &query, |seen| {
            seen["history"]["nodes"]
                .as_array()
                .is_some_and(|events| events.iter().any(is_there))
        })
        .await;
    let events = seen["history"]["nodes"].as_array().expect("events");
    let event = events.iter().find(|event| is_there(event)).expect("there");
    let text = |field: &str| event[field].as_str().unwrap_or_default().to_owned();
    Told {
        id: text("id"),
        cause: text("causedBy"),
    }
}

fn undisturbed(_: usize) -> Vec<Point> {
    Vec::new()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_is_onboarded_grows_is_billed_reminded_locked_out_pays_and_is_let_in() {
    let journey = Journey::travel(Way::Store, undisturbed, Hears::ByNotice).await;
    let (world, tenant) = (&journey.world, journey.tenant.to_string());
    let platform =
        async |entity: &str, event_type: &str| told(world, &journey.platform, entity, event_type).await;
    let own = async |entity: &str, event_type: &str| told(world, journey.owner(), entity, event_type).await;

    let opened = platform(&tenant, "platform.account.opened").await;
    assert_eq!(platform(&tenant, "saas.tab.opened").await.cause, opened.id);
    let billed = platform(&tenant, "saas.tab.period_billed").await;
    assert!(billed.cause.starts_with("tmr_"), "{}", billed.cause);
    let bill = journey.bill.as_str();
    let issued = platform(bill, "billing.invoice.issued").await;
    assert_eq!(own(bill, "saas.statement.presented").await.cause, issued.id);
    for by_the_clock in ["billing.invoice.reminded", "billing.invoice.fell_overdue"] {
        let step = platform(bill, by_the_clock).await;
        assert!(step.cause.starts_with("tmr_"), "{by_the_clock}: {}", step.cause);
    }
    let noted = platform(&tenant, "saas.tab.arrears_noted").await;
    assert!(noted.cause.starts_with("tmr_"), "{}", noted.cause);
    let locked = platform(&tenant, "platform.account.panel_locked").await;
    assert_eq!(locked.cause, noted.id);
    let paid = platform(bill, "billing.invoice.paid").await;
    assert_eq!(own(bill, "saas.statement.settled").await.cause, paid.id);
    let cleared = platform(&tenant, "saas.tab.arrears_cleared").await;
    assert_eq!(cleared.cause, paid.id);
    let unlocked = platform(&tenant, "platform.account.panel_unlocked").await;
    assert_eq!(unlocked.cause, cleared.id);

    // And why the customer's line has the state that it has, locked panel or not.
    let query = format!(
        "{{ explain(subscriptionId: \"{}\") {{ eventType depth position }} }}",
        journey.line
    );
    let isolir = |step: &Value| step["eventType"] == "subscriptions.subscription.isolir_lifted";
    journey
        .owner()
        .read_until(world, "the line's state is explained", &query, |seen| {
            let steps = seen["explain"].as_array().expect("steps");
            steps.iter().any(isolir)
                && steps
                    .iter()
                    .any(|step| step["eventType"] == "billing.invoice.voided")
        })
        .await;
}
