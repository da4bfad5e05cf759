//! What gateways send: every refusal with its trace, everything authentic stored once.

use aws_lc_rs::hmac;
use axum::{
    body::Body,
    http::{Request, Response, StatusCode},
};
use serde_json::{Value, json};
use sqlx::{Connection as _, PgConnection};

use crate::front::{Front, read};

const PRIVATE_KEY: &str = "dummy-private-key-0001";

/// Its name, body, headers and the status that it must have.
type Case<'c> = (&'c str, &'c str, Vec<(&'c str, &'c str)>, u16);

pub(crate) struct Hook {
    pub(crate) front: Front,
    path: String,
    admin: PgConnection,
}

impl Hook {
    async fn open() -> Self {
        let front = Front::open().await;
        let gateway = connect(&front).await;
        let url = gateway["hookUrl"].as_str().expect("url");
        let path = url
            .strip_prefix("https://hooks.simpul.test")
            .expect("below the public URL");
        let admin = PgConnection::connect(&front.test.superuser_url())
            .await
            .expect("superuser");
        Self {
            path: path.to_owned(),
            front,
            admin,
        }
    }

    async fn post(&self, body: &str, headers: &[(&str, &str)]) -> Response<Body> {
        let mut request = Request::post(&self.path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::from(body.to_owned())).expect("request");
        self.front.send(request).await
    }

    async fn signed(&self, body: &str) -> (StatusCode, Value) {
        let signature = sign(body);
        let headers = [
            ("x-callback-event", "payment_status"),
            ("x-callback-signature", &signature),
        ];
        read(self.post(body, &headers).await).await
    }

    async fn count(&mut self, table: &str) -> i64 {
        let sql = format!("SELECT count(*) FROM es.{table}");
        #[expect(clippy::disallowed_methods, reason = "the table's name is the test's")]
        let counted = sqlx::query_scalar(&sql).fetch_one(&mut self.admin);
        counted.await.expect("count")
    }
}

pub(crate) async fn connect(front: &Front) -> Value {
    let input = json!({
        "kind": "TRIPAY", "mode": "SANDBOX", "merchantCode": "T12345", "apiKey": "DEV-dummy-api-key",
        "signingKey": PRIVATE_KEY, "fallbackEmail": "tagihan@kayu.test",
    });
    let entity = "gateway { id kind mode merchantCode hookUrl }";
    front.accepted(front.owner, "gatewayConnect", entity, input).await["gateway"].take()
}

fn sign(body: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, PRIVATE_KEY.as_bytes());
    let tag = hmac::sign(&key, body.as_bytes());
    hex::encode(tag.as_ref())
}

fn callback(reference: &str, amount: i64) -> String {
    json!({
        "reference": reference, "merchant_ref": "INV-7F3A-000123-1", "payment_method_code": "BRIVA",
        "total_amount": amount, "fee_merchant": 0, "fee_customer": 4250, "amount_received": amount - 4250,
        "is_closed_payment": 1, "status": "PAID", "paid_at": 1_763_600_000, "note": null,
    })
    .to_string()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_refusal_has_its_status_and_leaves_a_trace_without_the_body() {
    let mut hook = Hook::open().await;
    let good = callback("T1", 154_250);
    let signature = sign(&good);
    let event = ("x-callback-event", "payment_status");
    let large = "x".repeat(64 * 1024 + 1);
    let unreadable = sign("{");
    let changed = good.replace("154250", "954250");
    let cases: [Case<'_>; 7] = [
        ("unsigned", &good, vec![event], 401),
        (
            "wrongly signed",
            &good,
            vec![event, ("x-callback-signature", &unreadable)],
            401,
        ),
        (
            "changed after signing",
            &changed,
            vec![event, ("x-callback-signature", &signature)],
            401,
        ),
        ("not hex", &good, vec![event, ("x-callback-signature", "zz")], 401),
        (
            "signed twice",
            &good,
            vec![
                event,
                ("x-callback-signature", &signature),
                ("x-callback-signature", &signature),
            ],
            401,
        ),
        (
            "unparsable",
            "{",
            vec![event, ("x-callback-signature", &unreadable)],
            400,
        ),
        (
            "oversized",
            &large,
            vec![event, ("x-callback-signature", &signature)],
            413,
        ),
    ];
    for (number, (name, body, headers, status)) in (1..).zip(cases) {
        let (got, answer) = read(hook.post(body, &headers).await).await;
        assert_eq!(got.as_u16(), status, "{name}");
        assert_eq!(answer["errors"][0]["message"], "The notice was refused", "{name}");
        assert_eq!(hook.count("refused_notices").await, number, "{name}");
    }
    assert_eq!(hook.count("notices").await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unknown_connections_are_not_found_whatever_is_wrong_with_the_path() {
    let mut hook = Hook::open().await;
    let parts: Vec<String> = hook.path.split('/').map(str::to_owned).collect();
    let mut answers = Vec::new();
    for (at, wrong) in [
        (4, "midtrans"),
        (5, "gwy_00000000000000000000000000"),
        (6, "0000"),
        (6, &"9".repeat(500)),
    ] {
        let mut parts = parts.clone();
        wrong.clone_into(&mut parts[at]);
        hook.path = parts.join("/");
        let (status, body) = hook.signed(&callback("T1", 154_250)).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{}", hook.path);
        answers.push(body.to_string());
    }
    answers.dedup();
    assert_eq!(answers.len(), 1);
    assert_eq!(hook.count("notices").await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_authentic_is_stored_and_answered_with_success() {
    let mut hook = Hook::open().await;
    let no_status = r#"{"reference":"T9","total_amount":1,"is_closed_payment":1}"#;
    let bodies = [
        callback("T-unknown-order", 154_250),
        callback("T-wrong-amount", 1),
        r#"{"note":"a test from the dashboard"}"#.to_owned(),
        no_status.to_owned(),
    ];
    for (number, body) in (1..).zip(&bodies) {
        let (status, answer) = hook.signed(body).await;
        assert_eq!(
            (status, answer),
            (StatusCode::OK, json!({ "success": true })),
            "{body}"
        );
        assert_eq!(hook.count("notices").await, number, "{body}");
    }
    assert_eq!(hook.count("refused_notices").await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_notice_ten_times_at_once_is_one_notice_and_ten_successes() {
    let mut hook = Hook::open().await;
    let body = callback("T1", 154_250);
    let answers = futures_util::future::join_all((0..10).map(|_| hook.signed(&body))).await;
    assert!(
        answers.iter().all(|(status, _)| *status == StatusCode::OK),
        "{answers:?}"
    );
    assert_eq!(hook.count("notices").await, 1);
    let (status, _) = hook
        .signed(&callback("T1", 154_250).replace("PAID", "REFUND"))
        .await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(hook.count("notices").await, 2);
}

/// Connects a Fonnte device and moves the hook to the path of its reports.
async fn messenger(hook: &mut Hook) {
    let input = json!({ "kind": "FONNTE", "token": "dummy-token", "device": "0811-1111-111" });
    let answer = hook
        .front
        .accepted(hook.front.owner, "senderConnect", "sender { id hookUrl }", input)
        .await;
    let url = answer["sender"]["hookUrl"].as_str().expect("url");
    url.strip_prefix("https://hooks.simpul.test")
        .expect("below the public URL")
        .clone_into(&mut hook.path);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_delivery_report_is_proven_by_its_path_and_by_the_device_that_it_names() {
    let mut hook = Hook::open().await;
    let gateway_path = hook.path.clone();
    messenger(&mut hook).await;
    let of = |device: &str| json!({ "device": device, "id": "80367170", "state": "delivered" }).to_string();
    for _ in 0..3 {
        let (status, answer) = read(hook.post(&of("628111111111"), &[]).await).await;
        assert_eq!((status, answer), (StatusCode::OK, json!({ "status": true })));
    }
    assert_eq!(
        (hook.count("notices").await, hook.count("refused_notices").await),
        (1, 0)
    );
    let (status, _) = read(hook.post(&of("628222222222"), &[]).await).await;
    assert_eq!(
        status,
        StatusCode::OK,
        "Fonnte would send it again for a quarter of an hour"
    );
    assert_eq!(
        (hook.count("notices").await, hook.count("refused_notices").await),
        (1, 1)
    );
    let (status, _) = read(hook.post("no json", &[]).await).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    let mine = hook.path.clone();
    let mut wrong = mine.clone();
    wrong.push('0');
    let swapped = [
        mine.replace("/message/", "/pay/"),
        gateway_path.replace("/pay/", "/message/"),
        wrong,
    ];
    for path in swapped {
        hook.path = path;
        let (status, _) = read(hook.post(&of("628111111111"), &[]).await).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{}", hook.path);
    }
    assert_eq!(hook.count("notices").await, 1);
}
