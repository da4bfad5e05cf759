//! Whose address counts behind proxies: limits, guesses and the audit trail, with headers that lie.

use std::net::{IpAddr, SocketAddr};

use axum::{
    body::Body,
    extract::ConnectInfo,
    http::{Request, Response, header},
};
use serde_json::{Value, json};
use simpul_api::{
    Proxies, ProxyHeader, Settings,
    budget::{Limits, Rate},
};

use crate::front::{Front, document, read};

const PROXY: &str = "10.1.2.3";
const CALLER: &str = "203.0.113.9";

fn settings(address_requests: u32) -> Settings {
    let rate = Rate {
        capacity: address_requests,
        per_minute: 1,
    };
    Settings {
        limits: Limits {
            address_requests: rate,
            ..Limits::default()
        },
        proxies: Proxies::new(
            vec!["10.0.0.0/8".parse().expect("a network")],
            ProxyHeader::XForwardedFor,
        ),
        ..Settings::default()
    }
}

async fn post(
    front: &Front,
    peer: &str,
    forwarded: &[(&str, &str)],
    token: Option<&str>,
    body: &Value,
) -> Response<Body> {
    let peer: IpAddr = peer.parse().expect("an address");
    let mut request = Request::post("/graphql")
        .header(header::CONTENT_TYPE, "application/json")
        .header("x-tenant-id", front.owner.tenant.to_string())
        .extension(ConnectInfo(SocketAddr::from((peer, 4711))));
    for (name, value) in forwarded {
        request = request.header(*name, *value);
    }
    if let Some(token) = token {
        request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
    }
    let request = request.body(Body::from(body.to_string())).expect("request");
    front.send(request).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_invents_addresses_has_one_budget() {
    let front = Front::with_settings(settings(3)).await;
    let token = front.token(front.owner);
    let body = json!({ "query": "{__typename}" });
    let ask = async |peer: &str, hops: &str| {
        let forwarded = [("x-forwarded-for", hops), ("forwarded", "for=192.0.2.77")];
        let response = post(&front, peer, &forwarded, Some(&token), &body).await;
        response.status().as_u16()
    };
    // Past the proxy: whatever the header says.
    for (hops, expected) in [
        ("192.0.2.1", 200),
        ("192.0.2.2", 200),
        ("10.9.9.9", 200),
        ("192.0.2.3", 429),
        ("10.1.2.3", 429),
    ] {
        assert_eq!(ask("198.51.100.7", hops).await, expected, "{hops}");
    }
    // By the proxy: what the caller wrote stands left of what the proxy appended.
    for (hops, expected) in [
        ("203.0.113.9", 200),
        ("192.0.2.1, 203.0.113.9", 200),
        ("10.9.9.9, 203.0.113.9", 200),
        ("192.0.2.2, 203.0.113.9", 429),
        ("203.0.113.10", 200),
    ] {
        assert_eq!(ask(PROXY, hops).await, expected, "{hops}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn guesses_are_counted_by_the_address_that_the_proxy_has_seen() {
    let front = Front::with_settings(settings(1_000)).await;
    let query = document("sessionStart", "challenge").replace(" consistencyToken", "");
    let input = json!({ "email": "nobody@kayu.test", "password": "x" });
    let body = json!({ "query": query, "variables": { "input": input } });
    let mut codes = Vec::new();
    for guess in 0..7 {
        let hops = format!("192.0.2.{guess}, {CALLER}");
        let response = post(&front, PROXY, &[("x-forwarded-for", &hops)], None, &body).await;
        let (_, answer) = read(response).await;
        codes.push(answer["errors"][0]["extensions"]["code"] == "RATE_LIMIT");
    }
    assert_eq!(codes, [false, false, false, false, false, true, true]);
    let another = [("x-forwarded-for", "192.0.2.1, 203.0.113.10")];
    let (_, answer) = read(post(&front, PROXY, &another, None, &body).await).await;
    assert_eq!(
        answer["data"]["sessionStart"]["userErrors"][0]["code"].as_str(),
        Some("UNAUTHORIZED"),
        "{answer}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_trail_names_the_caller_and_not_what_the_caller_says() {
    let front = Front::with_settings(settings(1_000)).await;
    let token = front.token(front.owner);
    for (peer, hops, code, expected) in [
        (PROXY, "192.0.2.1, 203.0.113.9", "C-1", CALLER),
        ("198.51.100.7", "203.0.113.9", "C-2", "198.51.100.7"),
    ] {
        let input = json!({ "code": code, "name": "Sari", "phone": "0812-0000-1111" });
        let query = document("customerRegister", "customer { id }");
        let body = json!({ "query": query, "variables": { "input": input } });
        let response = post(&front, peer, &[("x-forwarded-for", hops)], Some(&token), &body).await;
        let (_, answer) = read(response).await;
        let registered = &answer["data"]["customerRegister"];
        let history = "query($id: ID!) { history(id: $id, first: 5) { nodes { ip } } }";
        let body = json!({ "query": history, "variables": { "id": registered["customer"]["id"] } });
        let seen = registered["consistencyToken"].as_str().expect("a token");
        let response = post(
            &front,
            CALLER,
            &[("x-consistency-token", seen)],
            Some(&token),
            &body,
        )
        .await;
        let (_, answer) = read(response).await;
        assert_eq!(answer["data"]["history"]["nodes"][0]["ip"], expected, "{answer}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_viewer_sees_what_is_left_as_the_headers_say_it() {
    let front = Front::with_settings(settings(1_000)).await;
    let token = front.token(front.owner);
    let query = "{ viewer { rateLimit { limit remaining resetAt } } }";
    let mut before = None;
    for _ in 0..3 {
        let response = post(&front, CALLER, &[], Some(&token), &json!({ "query": query })).await;
        let header = |name: &str| {
            let value = response.headers()[name].to_str().expect("digits");
            value.parse::<i64>().expect("a number")
        };
        let (limit, remaining) = (header("ratelimit-limit"), header("ratelimit-remaining"));
        let (_, answer) = read(response).await;
        let told = &answer["data"]["viewer"]["rateLimit"];
        assert_eq!(told["limit"], limit);
        assert_eq!(told["remaining"], remaining, "all of the price was used");
        assert!(
            before.is_none_or(|before| remaining < before),
            "each operation costs something"
        );
        before = Some(remaining);
        let reset: chrono::DateTime<chrono::Utc> = told["resetAt"]
            .as_str()
            .and_then(|at| at.parse().ok())
            .expect("an instant");
        let now = front.test.store().now();
        assert!(reset > now && (reset - now).num_seconds() <= 60, "{reset}");
    }
}
