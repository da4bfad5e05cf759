//! What FreeRADIUS hands over: by its token, of the router that it names, stored before it is answered.

use axum::{
    body::Body,
    http::{Request, StatusCode},
};
use futures_util::future::join_all;
use secrecy::SecretString;
use serde_json::{Value, json};
use simpul_api::{Radius, Settings};
use simpul_testkit::sql::Session;

use crate::{
    front::{Front, read},
    story,
};

const TOKEN: &str = "freeradius-and-the-server-know-this";

struct Knock {
    front: Front,
    client: String,
    admin: Session,
}

impl Knock {
    async fn open() -> Self {
        let front = Front::with_settings(Settings {
            radius: Some(Radius {
                token: SecretString::from(TOKEN),
                interim_seconds: 300,
            }),
            ..Settings::default()
        })
        .await;
        let line = story::line(&front, front.owner).await;
        let router = line.router.as_str().expect("a router");
        Self {
            client: format!("{}/{router}", front.owner.tenant),
            admin: Session::open(&front.test.superuser_url()).await,
            front,
        }
    }

    async fn post(&self, headers: &[(&str, &str)], body: impl Into<Body>) -> (StatusCode, Value) {
        let mut request = Request::post("/radius/acct");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(body.into()).expect("a request");
        let response = self.front.send(request).await;
        if response.status() == StatusCode::NO_CONTENT {
            return (StatusCode::NO_CONTENT, Value::Null);
        }
        read(response).await
    }

    /// As FreeRADIUS does.
    async fn tell(&self, body: &Value) -> (StatusCode, Value) {
        let epoch = self.front.state.store().now().timestamp().to_string();
        let headers = [
            (
                "authorization",
                concat!("Bearer ", "freeradius-and-the-server-know-this"),
            ),
            ("x-radius-client", self.client.as_str()),
            ("x-event-epoch", epoch.as_str()),
        ];
        self.post(&headers, body.to_string()).await
    }

    async fn count(&mut self, table: &str) -> i64 {
        self.admin
            .value(&format!("SELECT count(*) FROM es.{table}"))
            .await
    }
}

fn start(session: &str) -> Value {
    json!({
        "User-Name": {"type": "string", "value": [session]},
        "Acct-Status-Type": {"type": "integer", "value": ["Start"]},
        "Acct-Unique-Session-Id": {"type": "string", "value": [session]},
    })
}

#[tokio::test]
async fn a_record_is_stored_before_it_is_answered_and_a_repeat_once() {
    let mut knock = Knock::open().await;
    for _ in 0..2 {
        assert_eq!(knock.tell(&start("s1")).await.0, StatusCode::NO_CONTENT);
        assert_eq!(knock.count("radius_sessions").await, 1);
    }
    let on = json!({"Acct-Status-Type": {"type": "integer", "value": ["Accounting-On"]}});
    let tunnel = json!({"Acct-Status-Type": {"type": "integer", "value": ["Tunnel-Start"]}});
    for body in [on, tunnel] {
        assert_eq!(knock.tell(&body).await.0, StatusCode::NO_CONTENT);
    }
    assert_eq!(
        knock.count("radius_samples").await,
        2,
        "a tunnel is nobody's session"
    );
}

#[tokio::test]
async fn records_that_come_together_are_taken_together() {
    let mut knock = Knock::open().await;
    let starts: Vec<Value> = (0..100).map(|number| start(&format!("s{number}"))).collect();
    for (status, body) in join_all(starts.iter().map(|start| knock.tell(start))).await {
        assert_eq!(status, StatusCode::NO_CONTENT, "{body}");
    }
    assert_eq!(knock.count("radius_sessions").await, 100);
    let batches: i64 = knock
        .admin
        .value(
            "SELECT count(DISTINCT metadata->>'command_id') FROM es.events
             WHERE aggregate_type = 'accounting.radius_session'",
        )
        .await;
    assert!(batches <= 10, "{batches} transactions");
}

#[tokio::test]
async fn without_the_token_nobody_tells_anything() {
    let mut knock = Knock::open().await;
    let client = knock.client.clone();
    let body = start("s1").to_string();
    for authorization in [
        "",
        "Bearer ",
        "Bearer freeradius",
        "Basic freeradius-and-the-server-know-this",
    ] {
        let headers = [
            ("authorization", authorization),
            ("x-radius-client", client.as_str()),
            ("x-event-epoch", "1"),
        ];
        let (status, _) = knock.post(&headers, body.clone()).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{authorization}");
    }
    assert_eq!(knock.count("radius_sessions").await, 0);
    let front = Front::open().await;
    let request = Request::post("/radius/acct")
        .header("authorization", format!("Bearer {TOKEN}"))
        .body(Body::from(body))
        .expect("a request");
    let (status, _) = read(front.send(request).await).await;
    assert_eq!(
        status,
        StatusCode::NOT_FOUND,
        "an installation that takes no accounting"
    );
}

#[tokio::test]
async fn rubbish_is_refused_for_good_and_says_why() {
    let mut knock = Knock::open().await;
    let authorization = format!("Bearer {TOKEN}");
    let client = knock.client.clone();
    let unknown = format!(
        "{}/{}",
        knock.front.owner.tenant, "00000000-0000-7000-8000-000000000404"
    );
    let nobody = "00000000-0000-7000-8000-000000000404/00000000-0000-7000-8000-000000000405";
    let good = start("s1").to_string();
    let large = " ".repeat(17 * 1024);
    for (client, epoch, body, status, field) in [
        (client.as_str(), "1", "[]", 400, Value::Null),
        (client.as_str(), "1", "{}", 400, json!("Acct-Status-Type")),
        (
            client.as_str(),
            "noon",
            good.as_str(),
            400,
            json!("X-Event-Epoch"),
        ),
        ("core-1", "1", good.as_str(), 400, json!("X-Radius-Client")),
        (
            unknown.as_str(),
            "1",
            good.as_str(),
            400,
            json!("X-Radius-Client"),
        ),
        (nobody, "1", good.as_str(), 400, json!("X-Radius-Client")),
        (client.as_str(), "1", large.as_str(), 413, Value::Null),
    ] {
        let headers = [
            ("authorization", authorization.as_str()),
            ("x-radius-client", client),
            ("x-event-epoch", epoch),
        ];
        let (answered, error) = knock.post(&headers, body.to_owned()).await;
        assert_eq!(answered.as_u16(), status, "{error}");
        assert_eq!(error["errors"][0]["extensions"]["field"], field, "{error}");
    }
    assert_eq!(knock.count("radius_sessions").await, 0);
}

#[tokio::test]
async fn while_the_database_is_away_freeradius_is_told_to_come_again() {
    let knock = Knock::open().await;
    knock.front.state.store().db().close().await;
    let (status, error) = knock.tell(&start("s1")).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{error}");
}
