//! What is stuck is listed, tried again or given up, once, by whoever may, with a trace of who and why.

use futures_util::future::join_all;
use serde_json::{Value, json};
use simpul_adapters::bus::{Envelope, Source};
use simpul_api::auth::Viewer;
use simpul_app::{
    messaging::{RecordSent, Sent},
    permission,
};
use simpul_domain::{CorrelationId, MessageId};
use simpul_event_store::{
    Actor, Context, Recorded,
    feed::{self, Runner, RunnerSettings},
    inline::dead_letter::{self, DeadLetter},
};
use sqlx::{Connection as _, Executor as _, PgConnection, Row as _};

use crate::{
    front::{Front, document},
    story,
};

const RETRY: &str = "retry { outcome failure intervention { id actor } }";
const DISCARD: &str = "intervention { id actor }";

struct Office {
    front: Front,
    owner: Viewer,
    line: story::Line,
    admin: PgConnection,
}

impl Office {
    async fn open() -> Self {
        let front = Front::open().await;
        let owner = front.owner;
        let line = story::line(&front, owner).await;
        let admin = PgConnection::connect(&front.test.superuser_url())
            .await
            .expect("superuser");
        Self {
            front,
            owner,
            line,
            admin,
        }
    }

    async fn run(&mut self, sql: &str) {
        let tenant = self.owner.tenant.as_uuid().to_string();
        let sql = sql.replace("$tenant", &tenant);
        let done = self.admin.execute(sql.as_str()).await;
        assert!(done.expect("runs").rows_affected() > 0, "{sql}");
    }

    async fn texts(&mut self, sql: &str) -> Vec<String> {
        let rows = self.admin.fetch_all(sql).await.expect("reads");
        rows.iter().map(|row| row.get(0)).collect()
    }

    async fn log(&self) -> Vec<Recorded> {
        feed::page(&self.front.test.store(), self.owner.tenant, 0, 1_000)
            .await
            .expect("the log")
    }

    async fn count(&self, event_type: &str) -> usize {
        let log = self.log().await;
        log.iter().filter(|event| event.event_type == event_type).count()
    }

    /// Buries the activation of the line, which the consumer of this front door can handle.
    async fn bury(&self, envelope: impl FnOnce(Value) -> Value) -> String {
        let log = self.log().await;
        let activated = log
            .iter()
            .find(|event| event.event_type == "subscriptions.subscription.activated")
            .expect("activated");
        let source = Source {
            name: "/simpul/test".to_owned(),
            store_epoch: "1".to_owned(),
        };
        let whole = serde_json::to_value(Envelope::of(activated, &source)).expect("JSON");
        let letter = DeadLetter {
            consumer: "provisioning".to_owned(),
            message: activated.event_id,
            envelope: envelope(whole),
            reason: "no such router".to_owned(),
            died_at: self.front.test.store().now(),
        };
        let store = self.front.test.store();
        let mut tx = store.db().tenant_tx(self.owner.tenant).await.expect("tx");
        dead_letter::put(&mut tx, &letter).await.expect("buried");
        tx.commit().await.expect("commit");
        activated.event_id.to_string()
    }

    async fn id(&self, list: &str, field: &str) -> Value {
        let query = format!("{{ {list} {{ {field} }} }}");
        let data = self.front.data(self.owner, &query, Value::Null).await;
        data[list]
            .get(0)
            .map_or(Value::Null, |first| first[field].clone())
    }

    async fn payload(&self, mutation: &str, entity: &str, id: &Value, key: &str) -> Value {
        let input = json!({ "id": id, "reason": "the router is back", "idempotencyKey": key });
        self.front.payload(self.owner, mutation, entity, input).await
    }
}

fn is_missing(payload: &Value) -> bool {
    payload["userErrors"][0]["code"] == "NOT_FOUND"
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_letter_that_many_replay_has_its_effect_once_and_its_history_says_who_and_why() {
    let mut office = Office::open().await;
    let event = office.bury(|whole| whole).await;
    let id = office.id("deadLetters", "id").await;
    let keys: Vec<String> = (0..6).map(|number| format!("k{number}")).collect();
    let payloads = join_all(
        keys.iter()
            .map(|key| office.payload("deadLetterReplay", RETRY, &id, key)),
    )
    .await;
    for payload in &payloads {
        assert!(
            is_missing(payload) || payload["retry"]["outcome"] == "HANDLED",
            "{payload}"
        );
    }
    assert!(payloads.iter().any(|payload| !is_missing(payload)));
    assert_eq!(office.texts("SELECT subject FROM es.lanes").await.len(), 1);
    assert_eq!(office.texts("SELECT consumer FROM es.inbox").await.len(), 1);
    assert_eq!(office.id("deadLetters", "id").await, Value::Null);

    let query = "query($id: ID!) { history(id: $id) { nodes { eventType actor summary } } }";
    let data = office
        .front
        .data(office.owner, query, json!({ "id": event }))
        .await;
    let entries = data["history"]["nodes"].as_array().expect("entries");
    let ordered = entries
        .iter()
        .find(|entry| entry["eventType"] == "operations.intervention.retry_ordered")
        .expect("the order is in the history of the event");
    assert_eq!(ordered["actor"], office.owner.user.to_string());
    assert_eq!(ordered["summary"]["reason"], "the router is back");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replay_that_fails_again_says_so_and_a_repeated_key_is_one_intervention() {
    let office = Office::open().await;
    office.bury(|_| json!({ "unreadable": "x" })).await;
    let id = office.id("deadLetters", "id").await;
    let first = office.payload("deadLetterReplay", RETRY, &id, "k").await;
    assert_eq!(first["retry"]["outcome"], "FAILED_AGAIN", "{first}");
    assert!(first["retry"]["failure"].is_string(), "{first}");
    let again = office.payload("deadLetterReplay", RETRY, &id, "k").await;
    assert_eq!(again["retry"]["intervention"], first["retry"]["intervention"]);
    assert_eq!(office.count("operations.intervention.retry_ordered").await, 1);
    assert_eq!(office.id("deadLetters", "id").await, id, "it stays");

    let silent = json!({ "id": id, "reason": "  " });
    let refused = office
        .front
        .payload(office.owner, "deadLetterDiscard", DISCARD, silent)
        .await;
    assert_eq!(refused["userErrors"][0]["path"], json!(["input", "reason"]));
    let discarded = office.payload("deadLetterDiscard", DISCARD, &id, "d").await;
    assert_eq!(discarded["intervention"]["actor"], office.owner.user.to_string());
    assert_eq!(office.id("deadLetters", "id").await, Value::Null);
    assert_eq!(office.count("operations.intervention.discarded").await, 1);
    assert!(is_missing(
        &office.payload("deadLetterDiscard", DISCARD, &id, "d2").await
    ));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parked_events_that_many_retry_are_handled_once_and_a_failed_message_is_sent_once_more() {
    let mut office = Office::open().await;
    story::invoice(&office.front, office.owner, &office.line).await;
    let issued = office.log().await;
    let issued = issued
        .iter()
        .find(|event| event.event_type == "billing.invoice.issued")
        .expect("issued");
    let park = format!(
        "INSERT INTO es.parked VALUES ('$tenant', 'policies', {}, '{}', 'a bug', now())",
        issued.tenant_seq,
        issued.stream()
    );
    office.run(&park).await;
    let id = office.id("parkedEvents", "keyId").await;
    let keys: Vec<String> = (0..4).map(|number| format!("k{number}")).collect();
    let payloads = join_all(
        keys.iter()
            .map(|key| office.payload("parkedKeyRetry", RETRY, &id, key)),
    )
    .await;
    for payload in &payloads {
        assert!(
            is_missing(payload) || payload["retry"]["outcome"] == "HANDLED",
            "{payload}"
        );
    }
    assert_eq!(office.id("parkedEvents", "keyId").await, Value::Null);
    assert_eq!(office.count("messaging.message.queued").await, 1);

    let queued = office.log().await;
    let queued = queued
        .iter()
        .find(|event| event.event_type == "messaging.message.queued")
        .expect("queued");
    let message: MessageId = queued.aggregate_id.parse().expect("a message");
    office
        .run("UPDATE es.outbox SET state = 'failed', attempts = 3, last_error = 'no such number'")
        .await;
    let parcel = office.id("stuckParcels", "id").await;
    let early = office.payload("parcelRetry", RETRY, &parcel, "early").await;
    assert_eq!(
        early["userErrors"][0]["code"], "NOT_ALLOWED_IN_STATE",
        "a message that has not failed is not sent again: {early}"
    );
    let bus = &office.front.state.bus;
    let context = Context {
        tenant: office.owner.tenant,
        actor: Actor::System("delivery"),
        impersonator: None,
        ip: None,
        user_agent: None,
        request_id: None,
        correlation: CorrelationId::new(bus.store().ids().next()),
        cause: None,
        command_id: bus.store().new_command_id(),
        effective_at: None,
        dry_run: false,
        expected_version: None,
    };
    let sent = Sent::Failed {
        reason: "no such number".to_owned(),
        is_final: true,
    };
    bus.dispatch(context, RecordSent { message, sent })
        .await
        .expect("recorded");
    let retried = office.payload("parcelRetry", RETRY, &parcel, "p").await;
    assert_eq!(retried["retry"]["outcome"], "ORDERED", "{retried}");
    assert_eq!(office.count("messaging.message.requeued").await, 1);
    assert_eq!(office.texts("SELECT state FROM es.outbox").await, ["waiting"]);
    assert!(is_missing(
        &office.payload("parcelRetry", RETRY, &parcel, "p2").await
    ));
    office.run("UPDATE es.outbox SET state = 'unknown'").await;
    office.payload("parcelDiscard", DISCARD, &parcel, "d").await;
    assert_eq!(office.texts("SELECT state FROM es.outbox").await, ["discarded"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failed_lanes_and_notices_go_back_to_their_workers_or_rest() {
    let mut office = Office::open().await;
    let lane = "INSERT INTO es.lanes (tenant_id, kind, subject, target, wanted, state, attempts, due_at, last_error)
                VALUES ('$tenant', 'provisioning', 'sub_1', 'rtr_1', 3, 'failed', 9, now() + interval '1 year', 'wrong password')";
    let notice = "INSERT INTO es.notices (tenant_id, notice_id, connection, dedup_key, body, headers, received_at, due_at, state, outcome)
                  VALUES ('$tenant', gen_random_uuid(), 'tripay/gwy_1', 'n1', '{}', '{}', now(), now(), 'failed', 'no such order')";
    for (insert, table, list, retry, discard) in [
        (lane, "lanes", "stuckLanes", "laneRetry", "laneDiscard"),
        (notice, "notices", "stuckNotices", "noticeRetry", "noticeDiscard"),
    ] {
        office.run(insert).await;
        let id = office.id(list, "id").await;
        let state = format!("SELECT state FROM es.{table}");
        let payloads = join_all(["a", "b", "c"].map(|key| office.payload(retry, RETRY, &id, key))).await;
        let ordered = payloads
            .iter()
            .filter(|payload| payload["retry"]["outcome"] == "ORDERED");
        assert_eq!(ordered.count(), 1, "{payloads:?}");
        assert_eq!(office.texts(&state).await, ["waiting"]);
        assert!(is_missing(&office.payload(discard, DISCARD, &id, "d1").await));
        office
            .run(&format!("UPDATE es.{table} SET state = 'failed'"))
            .await;
        let discarded = office.payload(discard, DISCARD, &id, "d2").await;
        assert_eq!(discarded["userErrors"], json!([]), "{discarded}");
        assert_eq!(office.texts(&state).await, ["discarded"]);
        assert_eq!(office.id(list, "id").await, Value::Null);
    }
}

/// What makes one of each kind stuck, and where its id is listed.
pub(crate) const STUCK: &[(&str, &str, &str, &str, &str)] = &[
    (
        "INSERT INTO es.dead_letters VALUES ('$tenant', 'provisioning', gen_random_uuid(), '{}', 'why', now())",
        "deadLetters",
        "id",
        "deadLetterReplay",
        "deadLetterDiscard",
    ),
    (
        "INSERT INTO es.parked VALUES ('$tenant', 'projection/invoices/v1', 1, 'some key', 'why', now())",
        "parkedEvents",
        "keyId",
        "parkedKeyRetry",
        "parkedKeyDiscard",
    ),
    (
        "INSERT INTO es.outbox (tenant_id, outbox_id, channel, body, state, due_at)
         VALUES ('$tenant', gen_random_uuid(), 'other', '{}', 'failed', now())",
        "stuckParcels",
        "id",
        "parcelRetry",
        "parcelDiscard",
    ),
    (
        "INSERT INTO es.lanes (tenant_id, kind, subject, target, wanted, state, due_at)
         VALUES ('$tenant', 'provisioning', 'sub_1', 'rtr_1', 3, 'failed', now())",
        "stuckLanes",
        "id",
        "laneRetry",
        "laneDiscard",
    ),
    (
        "INSERT INTO es.notices (tenant_id, notice_id, connection, dedup_key, body, headers, received_at, due_at, state)
         VALUES ('$tenant', gen_random_uuid(), 'tripay/gwy_1', 'n1', '{}', '{}', now(), now(), 'failed')",
        "stuckNotices",
        "id",
        "noticeRetry",
        "noticeDiscard",
    ),
];

/// An id that nobody has, in the form of this one.
fn nobodys(id: &Value) -> Value {
    let (prefix, rest) = id.as_str().and_then(|id| id.split_once('_')).expect("an id");
    if ["pcl", "ntc"].contains(&prefix) {
        return json!(format!("{prefix}_7zzzzzzzzzzzzzzzzzzzzzzzzz"));
    }
    json!(format!("{prefix}_{}", &rest[..rest.len() - 4]))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_foreign_thing_that_is_stuck_is_one_that_does_not_exist_and_acts_need_their_permission() {
    let mut office = Office::open().await;
    let neighbour = office.front.neighbour().await;
    let reader = office.front.colleague(&[permission::AUDIT_READ]).await;
    let before = office.log().await.len();
    for (insert, list, field, retry, discard) in STUCK {
        office.run(insert).await;
        let id = office.id(list, field).await;
        let foreign = format!("{{ {list} {{ {field} }} }}");
        let listed = office.front.data(neighbour, &foreign, Value::Null).await;
        assert_eq!(listed[list], json!([]), "{list}");
        for (mutation, entity) in [(retry, RETRY), (discard, DISCARD)] {
            let input = |id: &Value| json!({ "id": id, "reason": "for a reason", "idempotencyKey": id.as_str().map(|id| id.chars().take(60).collect::<String>()) });
            let foreign = office
                .front
                .payload(neighbour, mutation, entity, input(&id))
                .await;
            let nobody = office
                .front
                .payload(neighbour, mutation, entity, input(&nobodys(&id)))
                .await;
            assert_eq!(foreign.to_string(), nobody.to_string(), "{mutation}");
            assert!(is_missing(&foreign), "{mutation}: {foreign}");
            for id in [&id, &json!("rubbish")] {
                let query = document(mutation, entity);
                let (_, refused) = office
                    .front
                    .ask(reader, &query, json!({ "input": input(id) }))
                    .await;
                assert_eq!(
                    refused["errors"][0]["extensions"],
                    json!({ "code": "FORBIDDEN", "permission": permission::OPERATIONS_WRITE }),
                    "{mutation}"
                );
            }
        }
        assert_eq!(office.id(list, field).await, id, "untouched");
    }
    assert_eq!(office.log().await.len(), before, "nothing was recorded");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_discarded_is_not_handled_and_later_events_of_the_key_flow_again() {
    let mut office = Office::open().await;
    office
        .run("INSERT INTO es.parked VALUES ('$tenant', 'policies', 1, 'a key', 'a bug', now())")
        .await;
    let id = office.id("parkedEvents", "keyId").await;
    let discarded = office.payload("parkedKeyDiscard", DISCARD, &id, "d").await;
    assert_eq!(discarded["userErrors"], json!([]), "{discarded}");
    assert_eq!(office.id("parkedEvents", "keyId").await, Value::Null);
    let policies = simpul_app::policies::Policies::new(office.front.test.bus());
    let mut runner = Runner::reactor(office.front.test.store(), policies, RunnerSettings::default());
    runner.catch_up(|_| ()).await.expect("caught up");
    assert!(office.texts("SELECT key FROM es.parked").await.is_empty());
}
