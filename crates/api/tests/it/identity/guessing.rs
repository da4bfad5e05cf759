//! Guessing: how often one may, and what happens to whoever goes on.

use std::net::IpAddr;

use chrono::TimeDelta;
use serde_json::{Value, json};
use simpul_api::Surface;

use super::house::{House, PASSWORD};

const FIELDS: &str = "tokens { accessToken }";

fn guess(email: &str, password: &str) -> Value {
    json!({ "email": email, "password": password })
}

// Property 50: above the rate limit requests get 429, with the time to wait.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_has_five_attempts_a_minute_on_all_instances() {
    let house = House::open().await;
    house.person("siti@kayu.example", &["viewer"]).await;
    for case in 0..100_u8 {
        let ip: IpAddr = format!("2001:db8:{case:x}::1").parse().expect("an address");
        for number in 0..5 {
            let nobody = format!("nobody{case}-{number}@kayu.example");
            let answer = house
                .enter_from(Some(ip), "sessionStart", FIELDS, guess(&nobody, "x"))
                .await;
            assert_eq!(answer.user_error("sessionStart"), "UNAUTHORIZED");
        }
        // A neighbour in the same network of version 6 is no other address.
        let neighbour: IpAddr = format!("2001:db8:{case:x}::2").parse().expect("an address");
        let refused = house
            .enter_from(
                Some(neighbour),
                "sessionStart",
                FIELDS,
                guess("siti@kayu.example", PASSWORD),
            )
            .await;
        assert_eq!(
            (refused.status.as_u16(), refused.code()),
            (429, "RATE_LIMIT"),
            "{refused:?}"
        );
        assert_eq!(refused.headers["retry-after"], "12");
    }
    house.front.test.clock().advance(TimeDelta::seconds(12));
    let ip = "2001:db8::1".parse().ok();
    let answer = house
        .enter_from(ip, "sessionStart", FIELDS, guess("siti@kayu.example", PASSWORD))
        .await;
    assert!(answer.payload("sessionStart")["tokens"]["accessToken"].is_string());
}

// Property 51: a suspicious pattern blocks the address for a time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_that_goes_on_is_blocked_for_a_time_and_nobody_else_is() {
    let house = House::open().await;
    let entered = house.person("siti@kayu.example", &["viewer"]).await;
    let ip: Option<IpAddr> = "192.0.2.7".parse().ok();
    for number in 0..25 {
        let email = format!("user{number}@kayu.example");
        house
            .enter_from(ip, "sessionStart", FIELDS, guess(&email, "x"))
            .await;
    }
    let attempt = async |ip| {
        house
            .enter_from(ip, "sessionStart", FIELDS, guess("siti@kayu.example", PASSWORD))
            .await
    };
    let refused = attempt(ip).await;
    assert_eq!(refused.code(), "RATE_LIMIT");
    let wait: i64 = refused.headers["retry-after"]
        .to_str()
        .expect("text")
        .parse()
        .expect("seconds");
    assert!((800..=900).contains(&wait), "a quarter of an hour: {wait}");
    house.front.test.clock().advance(TimeDelta::minutes(5));
    assert_eq!(attempt(ip).await.code(), "RATE_LIMIT", "still");
    assert!(attempt("192.0.2.8".parse().ok()).await.payload("sessionStart")["tokens"].is_object());
    // Whoever is in stays in: many share an address.
    let body = json!({ "query": "{ viewer { user { id } } }" });
    let seen = house
        .send((Surface::Staff, Some(&entered.access), ip), &[], &body)
        .await;
    assert_eq!(seen.status, 200);
    house.front.test.clock().advance(TimeDelta::minutes(11));
    assert!(
        attempt(ip).await.payload("sessionStart")["tokens"].is_object(),
        "for a time only"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_that_is_guessed_at_is_held_and_one_that_does_not_exist_is_held_alike() {
    let house = House::open().await;
    house.person("siti@kayu.example", &["viewer"]).await;
    for email in ["siti@kayu.example", "nobody@kayu.example"] {
        for _ in 0..10 {
            let answer = house.sign_in(email, "kata sandi salah").await;
            assert_eq!(answer.user_error("sessionStart"), "UNAUTHORIZED", "{email}");
        }
        let held = house.sign_in(email, PASSWORD).await;
        assert_eq!(
            (held.status.as_u16(), held.code()),
            (429, "RATE_LIMIT"),
            "{email}: {held:?}"
        );
        assert_eq!(held.headers["retry-after"], "1");
    }
    house.front.test.clock().advance(TimeDelta::seconds(2));
    let entered = house.signed_in("siti@kayu.example").await;
    let fields = "{ ownSignIns(first: 10) { nodes { outcome times } } }";
    let seen = house.ask(&entered.access, fields, Value::Null).await;
    let rows = seen.body["data"]["ownSignIns"]["nodes"].to_string();
    assert!(
        rows.contains(r#"{"outcome":"WRONG_PASSWORD","times":10}"#),
        "{rows}"
    );
    assert!(rows.contains("HELD"), "{rows}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_operation_is_one_guess_whatever_it_is_called() {
    let house = House::open().await;
    let tenant = house.tenant().to_string();
    let field = |alias: &str| {
        format!("{alias}: sessionStart(input: {{ email: \"a@b.c\", password: \"x\" }}) {{ challenge }}")
    };
    let query = format!("mutation {{ {} {} }}", field("a"), field("b"));
    let headers = [("x-tenant-id", tenant.as_str())];
    let answer = house
        .send((Surface::Staff, None, None), &headers, &json!({ "query": query }))
        .await;
    assert_eq!(answer.code(), "DOCUMENT_TOO_LARGE", "{answer:?}");
    // And nothing else comes along.
    let query = format!(
        "mutation {{ {} sessionsEnd(input: {{}}) {{ userErrors {{ code }} }} }}",
        field("a")
    );
    let answer = house
        .send((Surface::Staff, None, None), &headers, &json!({ "query": query }))
        .await;
    assert_eq!((answer.status.as_u16(), answer.code()), (401, "UNAUTHORIZED"));
    let big = json!({ "query": format!("mutation {{ {} }}", field("a")), "variables": { "x": "y".repeat(20_000) } });
    let answer = house.send((Surface::Staff, None, None), &headers, &big).await;
    assert_eq!(answer.status, 401, "nobody sends much before they are somebody");
}
