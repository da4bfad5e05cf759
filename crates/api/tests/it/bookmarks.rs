//! Where a stream is, said when there is nothing else to say: whoever comes back with it misses nothing and is not told
//! that it is too late.

use serde_json::{Value, json};
use simpul_event_store::feed;

use crate::{
    front::Front,
    live::{Client, cursor, listen},
    streams::{Stream, much_happens, register},
};

const EVENTS: &str = "subscription($after: String) { routerEvents(after: $after) { __typename
    ... on EventEnvelope { cursor at } } }";

async fn head(front: &Front) -> i64 {
    let (store, tenant) = (front.test.store(), front.owner.tenant);
    feed::head(&store, tenant).await.expect("a head")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_says_where_it_is_when_much_happens_that_it_does_not_tell_of() {
    let front = Front::open().await;
    let token = front.token(front.owner);
    register(&front, "first").await;
    let begun = head(&front).await;
    let after = json!({ "after": cursor(0) });
    let mut stream = Stream::open(&front, (&token, None), EVENTS, after).await;
    let first = stream.answer().await["data"]["routerEvents"].take();
    assert_eq!(first["__typename"], "RouterRegistered", "{first}");
    much_happens(&front, 1_500).await;
    let bookmark = stream.answer().await["data"]["routerEvents"].take();
    assert_eq!(bookmark["__typename"], "StreamBookmark", "{bookmark}");
    let reached: Vec<Value> = (begun + 1_000..=begun + 1_500)
        .map(|at| json!(cursor(at)))
        .collect();
    assert!(reached.contains(&bookmark["cursor"]), "{bookmark} after {begun}");

    // Whoever comes back with it hears what follows, and nothing of before.
    let after = json!({ "after": bookmark["cursor"] });
    let mut again = Stream::open(&front, (&token, None), EVENTS, after).await;
    register(&front, "second").await;
    for stream in [&mut stream, &mut again] {
        let next = stream.answer().await["data"]["routerEvents"].take();
        assert_eq!(next["__typename"], "RouterRegistered", "{next}");
        assert_eq!(next["cursor"], cursor(head(&front).await), "{next}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_says_where_it_is_before_the_server_stops() {
    let front = Front::open().await;
    let address = listen(&front).await;
    let token = front.token(front.owner);
    register(&front, "first").await;
    let mut client = Client::with_token(address, &token).await;
    let after = json!({ "after": cursor(0) });
    client.subscribe("quiet", EVENTS, after.clone()).await;
    assert_eq!(
        client.event("routerEvents").await["__typename"],
        "RouterRegistered"
    );
    let mut stream = Stream::open(&front, (&token, None), EVENTS, after).await;
    stream.answer().await;

    // Nothing that these streams tell of; another tells of it when they can have heard of it.
    let input = json!({ "code": "C-1", "name": "Budi", "phone": "0812-9999-0000" });
    front
        .accepted(front.owner, "customerRegister", "customer { id }", input)
        .await;
    let customers = "subscription($after: String) { customerEvents(after: $after) { __typename } }";
    let after = json!({ "after": cursor(head(&front).await - 1) });
    client.subscribe("busy", customers, after).await;
    assert_eq!(
        client.event("customerEvents").await["__typename"],
        "CustomerRegistered"
    );

    front.state.stop.cancel();
    let last = cursor(head(&front).await);
    let bookmark = client.event("routerEvents").await;
    assert_eq!(bookmark["__typename"], "StreamBookmark", "{bookmark}");
    assert_eq!(bookmark["cursor"], last, "{bookmark}");
    assert_eq!(
        client.closed().await,
        1012,
        "and no `complete`: the client comes again"
    );
    let bookmark = stream.answer().await["data"]["routerEvents"].take();
    assert_eq!(bookmark["cursor"], last, "{bookmark}");
    assert_eq!(stream.hear().await, None);
}
