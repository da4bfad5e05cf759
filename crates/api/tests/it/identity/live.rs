//! Getting in over a connection that is open: the same operations, and the same attempts.

use std::net::{IpAddr, Ipv4Addr};

use serde_json::{Value, json};
use simpul_api::Surface;

use super::house::{House, In, PASSWORD};
use crate::{
    front::document,
    live::{Client, listen},
    streams::Stream,
};

/// Where clients of sockets come from.
const HERE: Option<IpAddr> = Some(IpAddr::V4(Ipv4Addr::LOCALHOST));
const IN: &str = "tokens { sessionId userId accessToken refreshToken }";

/// The result of an operation of a socket that answers once.
async fn over(socket: &mut Client, query: &str, input: Value) -> Value {
    socket.subscribe("1", query, json!({ "input": input })).await;
    let mut answer = socket.hear().await;
    if answer["type"] == "next" {
        assert_eq!(socket.hear().await["type"], "complete");
    }
    answer["payload"].take()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions_begin_and_go_on_over_sockets_and_streams_as_over_requests() {
    let house = House::open().await;
    let siti = house.person("siti@kayu.example", &["viewer"]).await;
    let mut socket = Client::with_token(listen(&house.front).await, &siti.access).await;
    let who = json!({ "email": "siti@kayu.example", "password": PASSWORD });
    let started = over(&mut socket, &document("sessionStart", IN), who.clone()).await;
    let entered = In::of(&started["data"]["sessionStart"]);
    let refresh = json!({ "refreshToken": entered.refresh });
    let renewed = over(&mut socket, &document("sessionRefresh", IN), refresh).await;
    assert_eq!(
        In::of(&renewed["data"]["sessionRefresh"]).session,
        entered.session,
        "{renewed}"
    );
    let elsewhere = json!({ "tenantId": house.front.neighbour().await.tenant.to_string() });
    let missing = over(&mut socket, &document("sessionSwitch", IN), elsewhere).await;
    assert_eq!(
        missing["data"]["sessionSwitch"]["userErrors"][0]["code"],
        "NOT_FOUND"
    );

    let variables = json!({ "input": who });
    let mut stream = Stream::open(
        &house.front,
        (&siti.access, None),
        &document("sessionStart", IN),
        variables,
    )
    .await;
    In::of(&stream.answer().await["data"]["sessionStart"]);
    assert_eq!(stream.hear().await, Some(("complete".to_owned(), Value::Null)));
}

// Property 50: above the rate limit requests get 429; an operation of a connection is told the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn guesses_over_sockets_streams_and_requests_are_attempts_of_one_address() {
    let house = House::open().await;
    let siti = house.person("siti@kayu.example", &["viewer"]).await;
    let mut socket = Client::with_token(listen(&house.front).await, &siti.access).await;
    let query = document("sessionStart", IN);
    let guess = |number: u8| json!({ "email": format!("nobody{number}@kayu.example"), "password": "x" });
    for number in 0..3 {
        let answer = over(&mut socket, &query, guess(number)).await;
        let errors = &answer["data"]["sessionStart"]["userErrors"];
        assert_eq!(errors[0]["code"], "UNAUTHORIZED", "{answer}");
    }
    let variables = json!({ "input": guess(3) });
    let mut stream = Stream::open(&house.front, (&siti.access, HERE), &query, variables).await;
    let answer = stream.answer().await;
    assert_eq!(
        answer["data"]["sessionStart"]["userErrors"][0]["code"],
        "UNAUTHORIZED"
    );
    house.enter_from(HERE, "sessionStart", IN, guess(4)).await;

    // The right password comes too early as well, whichever way.
    let right = json!({ "email": "siti@kayu.example", "password": PASSWORD });
    let refused = over(&mut socket, &query, right.clone()).await;
    assert_eq!(refused[0]["extensions"]["code"], "RATE_LIMIT", "{refused}");
    assert_eq!(refused[0]["extensions"]["retryAfterSeconds"], 12, "{refused}");
    let variables = json!({ "input": right });
    let mut stream = Stream::open(&house.front, (&siti.access, HERE), &query, variables).await;
    let refused = stream.answer().await;
    assert_eq!(
        refused["errors"][0]["extensions"]["code"], "RATE_LIMIT",
        "{refused}"
    );
    let refused = house.enter_from(HERE, "sessionStart", IN, right).await;
    assert_eq!(refused.code(), "RATE_LIMIT");
    // So does what only somebody who is in can guess at.
    let change = json!({ "currentPassword": "x", "newPassword": "kata sandi baru" });
    let query = document("passwordChange", "");
    let refused = over(&mut socket, &query, change).await;
    assert_eq!(refused[0]["extensions"]["code"], "RATE_LIMIT", "{refused}");

    let answer = over(&mut socket, "{ viewer { user { id } } }", Value::Null).await;
    assert_eq!(
        answer["data"]["viewer"]["user"]["id"], *siti.user,
        "nothing else is held up"
    );
    let elsewhere: Option<IpAddr> = "192.0.2.8".parse().ok();
    let body = json!({ "query": "{ viewer { user { id } } }" });
    let seen = house
        .send((Surface::Staff, Some(&siti.access), elsewhere), &[], &body)
        .await;
    assert_eq!(seen.status, 200);
}
