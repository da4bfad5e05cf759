//! Secrets of operators: stored sealed, whatever they open, and answered by nothing.

use serde_json::{Value, json};
use simpul_testkit::sql::Session;

use crate::{front::Front, story};

/// Texts that say enough of where they are from to be found anywhere.
const ROUTER: &str = "sandi-router-lama";
const ROUTER_AFTER: &str = "sandi-router-baru";
const GATEWAY: [&str; 2] = ["kunci-api-gerbang", "kunci-tanda-gerbang"];
const SENDER: &str = "token-pengirim";
const LINE: &str = "sandi-ppp-lama";
const LINE_AFTER: &str = "sandi-ppp-baru";

/// Nothing that is stored of the product has one of these texts in it.
pub(crate) async fn are_nowhere_stored(front: &Front, secrets: &[&str]) {
    let mut admin = Session::open(&front.test.superuser_url()).await;
    let tables = "SELECT schemaname || '.' || tablename FROM pg_tables WHERE schemaname = 'es' OR schemaname LIKE 'rm\\_%'";
    let tables: Vec<String> = admin.column(tables).await;
    assert!(tables.len() > 30, "{tables:?}");
    for table in tables {
        let rows: Vec<String> = admin.column(&format!("SELECT t::text FROM {table} t")).await;
        for row in rows {
            let found = secrets.iter().find(|secret| row.contains(**secret));
            assert_eq!(found, None, "{table}: {row}");
        }
    }
}

// Property 23: credentials of routers, gateways, senders and lines are stored sealed and never answered.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_opens_routers_gateways_senders_and_lines_is_stored_sealed_and_never_answered() {
    let front = Front::open().await;
    let owner = front.owner;
    let line = story::line(&front, owner).await;
    let mut answers: Vec<Value> = Vec::new();
    let router = json!({
        "name": "R7", "host": "10.9.0.7", "port": 8728, "tls": "PLAIN", "username": "simpul", "password": ROUTER,
    });
    let entity = "router { __typename id name host username }";
    let router = front.accepted(owner, "routerRegister", entity, router).await;
    let moved = json!({
        "id": router["router"]["id"], "host": "10.9.0.8", "port": 8728, "tls": "PLAIN", "username": "simpul",
        "password": ROUTER_AFTER, "idempotencyKey": "move",
    });
    answers.push(front.accepted(owner, "routerAddressChange", entity, moved).await);
    let gateway = json!({
        "kind": "TRIPAY", "mode": "SANDBOX", "merchantCode": "T12345", "apiKey": GATEWAY[0],
        "signingKey": GATEWAY[1], "fallbackEmail": "tagihan@kayu.test",
    });
    let entity = "gateway { __typename id kind mode merchantCode hookUrl }";
    answers.push(front.accepted(owner, "gatewayConnect", entity, gateway).await);
    let sender = json!({ "kind": "FONNTE", "token": SENDER, "device": "0811-1111-111" });
    let entity = "sender { __typename id kind hookUrl }";
    answers.push(front.accepted(owner, "senderConnect", entity, sender).await);
    let open = json!({
        "planId": line.plan, "customerId": line.customer, "routerId": router["router"]["id"], "username": "siti",
        "secret": LINE, "installedOn": "2027-01-04",
    });
    let entity = "subscription { __typename id username }";
    let opened = front.accepted(owner, "subscriptionOpen", entity, open).await;
    let change =
        json!({ "id": opened["subscription"]["id"], "secret": LINE_AFTER, "idempotencyKey": "another" });
    answers.push(
        front
            .accepted(owner, "subscriptionSecretChange", entity, change)
            .await,
    );
    answers.extend([router, opened]);
    let secrets = [
        ROUTER,
        ROUTER_AFTER,
        GATEWAY[0],
        GATEWAY[1],
        SENDER,
        LINE,
        LINE_AFTER,
    ];
    are_nowhere_stored(&front, &secrets).await;

    // What there is to be read of them: the things themselves, and all that happened to them.
    let trail =
        "query { auditEntries(first: 100, filter: { includeSystem: true }) { nodes { eventType summary } } }";
    answers.push(front.data(owner, trail, Value::Null).await);
    let told = Value::from(answers).to_string();
    assert!(told.contains("network.router.address_changed"), "{told}");
    assert!(
        told.contains("subscriptions.subscription.secret_changed"),
        "{told}"
    );
    for secret in secrets {
        assert!(!told.contains(secret), "{told}");
    }
}
