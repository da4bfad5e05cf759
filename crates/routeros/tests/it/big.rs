//! A router with as many customers as routers have.

use std::fmt::Write as _;

use simpul_routeros::client::Query;
use simpul_routeros::sim::Personality;

use crate::rig::{SECRET, pair};

const CUSTOMERS: u64 = 20_000;

#[tokio::test]
async fn twenty_thousand_secrets_are_printed_whole() {
    let (server, client) = pair(Personality::V7Empty).await;
    let mut name = String::new();
    for number in 0..CUSTOMERS {
        name.clear();
        let _ = write!(name, "customer-{number}");
        server
            .router
            .add(SECRET, &[("name", &name), ("comment", "isp:t1:sub:1")])
            .unwrap();
    }
    let rows = client
        .print(SECRET, &[".id", "name", "profile", "comment"], &[])
        .await
        .unwrap();
    assert_eq!(rows.len() as u64, CUSTOMERS);
    assert_eq!(client.count(SECRET, &[]).await.unwrap(), CUSTOMERS);
    let one = client
        .print(SECRET, &["name"], &[Query::equal("name", "customer-19999")])
        .await
        .unwrap();
    assert_eq!(one.len(), 1);
}
