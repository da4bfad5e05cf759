//! The list of jobs, and that of what one could not do.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use serde_json::{Value, json};

use super::{Yard, drive, parsed};

const LIST: &str = "query($first: Int, $after: String, $last: Int, $before: String) {
    jobs(first: $first, after: $after, last: $last, before: $before) {
        nodes { id startedBy { id } } totalCount pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn jobs_are_listed_newest_first_to_their_own_operator() {
    let yard = Yard::with(1).await;
    let (front, owner) = (&yard.front, yard.front.owner);
    let mut newest_first = Vec::new();
    for key in ["a", "b", "c"] {
        let answer = yard.suspend(owner, &yard.ids(), key).await;
        newest_first.insert(0, answer["job"]["id"].clone());
        front.test.clock().advance(TimeDelta::seconds(1));
    }
    let page = async |arguments: Value| {
        let mut data = front.data(owner, LIST, arguments).await;
        data["jobs"].take()
    };
    let ids = |page: &Value| {
        let nodes = page["nodes"].as_array().expect("nodes").iter();
        nodes.map(|node| node["id"].clone()).collect::<Vec<_>>()
    };
    let first = page(json!({ "first": 2 })).await;
    assert_eq!(ids(&first), newest_first[..2]);
    assert_eq!(first["totalCount"], 3);
    assert_eq!(first["nodes"][0]["startedBy"]["id"], owner.user.to_string());
    let after = &first["pageInfo"]["endCursor"];
    let second = page(json!({ "first": 2, "after": after })).await;
    assert_eq!(ids(&second), newest_first[2..]);
    assert_eq!(second["pageInfo"]["hasNextPage"], false);
    let before = &second["pageInfo"]["startCursor"];
    let back = page(json!({ "last": 1, "before": before })).await;
    assert_eq!(ids(&back), newest_first[1..2]);
    assert_eq!(back["pageInfo"]["hasPreviousPage"], true);

    let neighbour = front.neighbour().await;
    let theirs = front.data(neighbour, LIST, json!({})).await;
    assert_eq!(theirs["jobs"]["nodes"], json!([]));
    let one = "query($id: ID!) { job(id: $id) { id } node(id: $id) { __typename id } }";
    let id = json!({ "id": newest_first[0] });
    let nothing = front.data(neighbour, one, id.clone()).await;
    assert_eq!(nothing, json!({ "job": null, "node": null }));
    let found = front.data(owner, one, id).await;
    assert_eq!(
        found["node"],
        json!({ "__typename": "Job", "id": newest_first[0] })
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_job_could_not_do_is_listed_page_by_page() {
    let yard = Yard::with(1).await;
    let (front, owner) = (&yard.front, yard.front.owner);
    let missing: Vec<String> = (0..5)
        .map(|nth| format!("sub_7zzzzzzzzzzzzzzzzzzzzzzzz{nth}"))
        .collect();
    let answer = yard.suspend(owner, &missing, "missing").await;
    let job = parsed(&answer["job"]["id"]);
    let fired = yard.fired(job).await;
    drive(&front.state.bus, &fired, job).await;
    yard.job(job).await;
    let query = "query($id: ID!, $after: String) { job(id: $id) { failures(first: 2, after: $after) {
        nodes { subscriptionId } pageInfo { hasNextPage endCursor } } } }";
    let (mut seen, mut after, mut pages) = (Vec::new(), Value::Null, 0);
    loop {
        let data = front
            .data(owner, query, json!({ "id": job.to_string(), "after": after }))
            .await;
        let failures = &data["job"]["failures"];
        let nodes = failures["nodes"].as_array().expect("nodes").iter();
        seen.extend(nodes.map(|node| node["subscriptionId"].as_str().expect("an id").to_owned()));
        pages += 1;
        if failures["pageInfo"]["hasNextPage"] == false {
            break;
        }
        after = failures["pageInfo"]["endCursor"].clone();
    }
    assert_eq!((pages, seen.len()), (3, 5));
    assert_eq!(
        seen.into_iter().collect::<BTreeSet<_>>(),
        missing.into_iter().collect()
    );
}
