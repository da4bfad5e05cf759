//! Delivery reports: twice, out of order, before our own record, and about messages that are not ours.

use serde_json::Value;
use simpul_adapters::standin::fonnte::Report;

use crate::world::{Way, World};

const QUEUED: &str = "messaging.message.queued";
const ACCEPTED: &str = "messaging.message.accepted";

/// The stream and the messenger's id of the operator's first message.
async fn accepted(world: &World) -> (String, String) {
    world
        .wait_for("a message that was accepted", |log| {
            let event = log.iter().find(|event| event.event_type == ACCEPTED)?;
            let id = event.payload.value()[ACCEPTED]["provider_ids"][0]
                .as_str()?
                .to_owned();
            Some((event.aggregate_id.clone(), id))
        })
        .await
}

fn report(id: &str, state: &str) -> Report {
    Report {
        id: Some(id.to_owned()),
        state: Some(state.to_owned()),
        ..Report::default()
    }
}

async fn send(world: &World, report: &Report) {
    let status = world.around.fonnte.report(report).await.expect("sent");
    assert_eq!(status, 200);
}

/// What happened to one message after it was accepted.
async fn fate(world: &World, stream: &str) -> Vec<String> {
    let log = world.log().await;
    let of_it = log.iter().filter(|event| event.aggregate_id == stream);
    let types = of_it.map(|event| event.event_type.rsplit('.').next().unwrap_or_default().to_owned());
    types.collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_goes_forward_only_whatever_the_order_of_its_reports() {
    let world = World::start(Way::Store).await;
    world.confirmed("full", 1).await;
    world.overdue_invoice().await;
    let (stream, id) = accepted(&world).await;
    let paired = Report {
        stateid: Some("3EB0AA".to_owned()),
        ..report(&id, "delivered")
    };
    send(&world, &paired).await;
    world.happened("messaging.message.delivered").await;
    for (name, state) in [
        (id.as_str(), "sent"),
        (id.as_str(), "delivered"),
        ("no-such-id", "read"),
    ] {
        send(&world, &report(name, state)).await;
    }
    let by_alias = Report {
        stateid: Some("3EB0AA".to_owned()),
        state: Some("read".to_owned()),
        ..Report::default()
    };
    send(&world, &by_alias).await;
    world.happened("messaging.message.read").await;
    send(&world, &report(&id, "failed")).await;
    // Another message's report is taken after these, so they have been taken when it has its effect.
    let other = world
        .wait_for("another message", |log| {
            let mut events = log.iter().filter(|event| event.event_type == ACCEPTED);
            let other = events.next_back().filter(|event| event.aggregate_id != stream)?;
            other.payload.value()[ACCEPTED]["provider_ids"][0]
                .as_str()
                .map(str::to_owned)
        })
        .await;
    send(&world, &report(&other, "failed")).await;
    world.happened("messaging.message.failed").await;
    assert_eq!(
        fate(&world, &stream).await,
        ["queued", "accepted", "delivered", "read"]
    );
    assert!(world.log().await.iter().any(|event| event.event_type == QUEUED));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_secret_is_a_missing_page_and_another_device_is_nobody() {
    let world = World::start(Way::Store).await;
    world.confirmed("full", 1).await;
    let answer = world.ask("{ __typename }", Value::Null).await;
    assert!(answer["data"].is_object(), "the server is up");
    let mut path = world.operator.reports.clone();
    path.truncate(path.len() - 1);
    path.push('x');
    let url = world.address().join(&path).expect("a URL");
    world.around.fonnte.set_webhook(url);
    let status = world
        .around
        .fonnte
        .report(&report("80367170", "read"))
        .await
        .expect("sent");
    assert_eq!(status, 404);
}
