//! Whatever happens to a thing that can be listened to, listeners hear it.

mod shop;

use std::collections::{BTreeMap, BTreeSet};

use proptest::{
    strategy::{Strategy as _, ValueTree as _},
    test_runner::{Config, TestRunner},
};
use serde_json::Value;
use simpul_api::{Surface, sdl};
use simpul_event_store::{Recorded, feed};

use self::shop::{Shop, ops};
use crate::live::{Client, listen};

const CASES: usize = 100;
/// Streams of events, the kind of thing that each tells of, and what it is called in their types.
const STREAMS: [(&str, &str, &str); 9] = [
    ("invoiceEvents", "billing.invoice", "Invoice"),
    ("paymentEvents", "billing.payment", "Payment"),
    ("paymentAttemptEvents", "billing.attempt", "PaymentAttempt"),
    ("subscriptionEvents", "subscriptions.subscription", "Subscription"),
    ("routerEvents", "network.router", "Router"),
    ("customerEvents", "customers.customer", "Customer"),
    ("userEvents", "identity.user", "User"),
    ("roleEvents", "identity.role", "Role"),
    ("servicePlanEvents", "catalog.service_plan", "ServicePlan"),
];

/// The members of a union that name events, as the schema has them.
fn members(union: &str) -> BTreeSet<String> {
    let schema = sdl(Surface::Staff);
    let start = format!("union {union} = ");
    let line = schema.lines().find_map(|line| line.strip_prefix(&start));
    let members = line
        .expect("a union")
        .split('|')
        .map(|name| name.trim().to_owned());
    members
        .filter(|name| !["StreamReset", "StreamBookmark"].contains(&name.as_str()))
        .collect()
}

/// `billing.invoice.fell_overdue` is `InvoiceFellOverdue`.
fn type_name(event_type: &str, thing: &str) -> String {
    let (_, name) = event_type.rsplit_once('.').expect("what happened");
    let words = name.split('_');
    let words = words.flat_map(|word| [word[..1].to_uppercase(), word[1..].to_owned()]);
    [thing.to_owned()].into_iter().chain(words).collect()
}

/// What each stream must tell of these events: type and cursor, in order.
fn told(
    log: &[Recorded],
    unions: &BTreeMap<&str, BTreeSet<String>>,
) -> BTreeMap<&'static str, Vec<(String, String)>> {
    let stream = |(field, aggregate, thing): &(&'static str, &str, &str)| {
        let events = log.iter().filter(|event| event.aggregate_type == *aggregate);
        let told = events.filter_map(|event| {
            let name = type_name(&event.event_type, thing);
            let public = unions[field].contains(&name);
            public.then(|| (name, crate::live::cursor(event.tenant_seq)))
        });
        (*field, told.collect())
    };
    STREAMS.iter().map(stream).collect()
}

// Property 57: every entity change reaches live subscribers.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_happens_to_what_can_be_listened_to_is_heard_once_and_in_order() {
    let mut shop = Shop::open().await;
    let (store, tenant) = (shop.front.test.store(), shop.front.owner.tenant);
    let unions: BTreeMap<&str, BTreeSet<String>> = STREAMS
        .iter()
        .map(|(field, _, thing)| (*field, members(&format!("{thing}Event"))))
        .collect();
    let address = listen(&shop.front).await;
    let mut seen = feed::head(&store, tenant).await.expect("a head");
    let mut listeners = Vec::new();
    for _ in 0..2 {
        let mut client = Client::signed_in(&shop.front, address, shop.front.owner).await;
        for (field, _, _) in STREAMS {
            let kinds: Vec<String> = unions[field]
                .iter()
                .map(|kind| format!("... on {kind} {{ cursor }}"))
                .collect();
            let kinds = kinds.join(" ");
            let after = crate::live::cursor(seen);
            let query = format!("subscription {{ {field}(after: \"{after}\") {{ __typename {kinds} }} }}");
            client.subscribe(field, &query, Value::Null).await;
        }
        listeners.push(client);
    }
    let mut runner = TestRunner::new(Config::default());
    let mut kinds = BTreeSet::new();
    for case in 0..CASES {
        let sequence = ops().new_tree(&mut runner).expect("a case").current();
        for op in &sequence {
            shop.run(*op).await;
        }
        let log = feed::page(&store, tenant, seen, 10_000).await.expect("the log");
        seen = log.last().map_or(seen, |event| event.tenant_seq);
        kinds.extend(log.iter().map(|event| event.event_type.clone()));
        let told = told(&log, &unions);
        for client in &mut listeners {
            let mut missing = told.clone();
            while missing.values().any(|events| !events.is_empty()) {
                let message = client.hear().await;
                let field = message["id"].as_str().expect("a stream");
                let event = &message["payload"]["data"][field];
                if event["__typename"] == "StreamBookmark" {
                    continue;
                }
                let heard =
                    ["__typename", "cursor"].map(|name| event[name].as_str().unwrap_or_default().to_owned());
                let events = missing.get_mut(field).expect("one of the streams");
                assert!(
                    !events.is_empty(),
                    "case {case}: nothing more happened, heard {message}"
                );
                let (name, cursor) = events.remove(0);
                assert_eq!(heard, [name, cursor], "case {case}, {field}: {sequence:?}");
            }
        }
    }
    for (field, aggregate, _) in STREAMS {
        let happened = kinds
            .iter()
            .filter(|kind| kind.starts_with(&format!("{aggregate}.")));
        let enough = if aggregate == "catalog.service_plan" { 1 } else { 2 };
        assert!(
            happened.count() >= enough,
            "the sequences are told by {field} too: {kinds:?}"
        );
    }
}
