//! Several people edit the same thing: whoever has not seen the newest version is told so and changes nothing.

use futures_util::future::join_all;
use serde_json::{Value, json};
use simpul_event_store::feed;

use crate::{front::Front, story};

/// A command about one thing, that changes it each time.
struct Edit {
    mutation: &'static str,
    /// What it answers with.
    entity: &'static str,
    input: fn(&Value, u32) -> Value,
    id: Value,
}

impl Edit {
    async fn run(&self, front: &Front, nth: u32, expected: Option<&Value>) -> Value {
        let mut input = (self.input)(&self.id, nth);
        if let Some(expected) = expected {
            input["expectedVersion"] = expected.clone();
        }
        let entity = format!("{} {{ version }}", self.entity);
        front.payload(front.owner, self.mutation, &entity, input).await
    }

    async fn accepted(&self, front: &Front, nth: u32, expected: Option<&Value>) -> Value {
        let answer = self.run(front, nth, expected).await;
        assert_eq!(answer["userErrors"], json!([]), "{}: {answer}", self.mutation);
        answer[self.entity]["version"].clone()
    }
}

async fn id(front: &Front, mutation: &str, entity: &str, input: Value) -> Value {
    let text = format!("{entity} {{ id }}");
    let mut made = front.accepted(front.owner, mutation, &text, input).await;
    made[entity]["id"].take()
}

async fn role(front: &Front) -> Edit {
    let define = json!({ "name": "Malam", "permissions": ["ROUTER_READ"] });
    Edit {
        mutation: "roleChange",
        entity: "role",
        input: |id, nth| json!({ "id": id, "name": format!("Malam {nth}"), "permissions": ["ROUTER_READ"] }),
        id: id(front, "roleDefine", "role", define).await,
    }
}

/// One of each kind of thing that several people edit.
async fn edits(front: &Front) -> Vec<Edit> {
    let line = story::line(front, front.owner).await;
    let invite = json!({ "email": "sari@kayu.test", "name": "Sari", "roles": ["viewer"] });
    vec![
        role(front).await,
        Edit {
            mutation: "userRename",
            entity: "user",
            input: |id, nth| json!({ "id": id, "name": format!("Sari {nth}") }),
            id: id(front, "userInvite", "user", invite).await,
        },
        Edit {
            mutation: "sessionSettingsChange",
            entity: "tenant",
            input: |_, nth| json!({ "interimIntervalSeconds": 300 + 60 * nth }),
            id: Value::Null,
        },
        Edit {
            mutation: "messageTemplateChange",
            entity: "messageTemplate",
            input: |_, nth| json!({ "kind": "INVOICE_PAID", "language": "ID", "source": format!("Lunas {nth}, {{nama}}") }),
            id: Value::Null,
        },
        Edit {
            mutation: "signInRulesChange",
            entity: "signInRules",
            input: |_, nth| json!({ "sessionDays": 10 + nth, "warnsOfNewDevices": true, "warnsOfNewAddress": true }),
            id: Value::Null,
        },
        Edit {
            mutation: "routerAddressChange",
            entity: "router",
            input: |id, nth| {
                json!({ "id": id, "host": format!("10.9.0.{nth}"), "port": 8728, "tls": "PLAIN", "username": "u",
                        "password": "p", "idempotencyKey": format!("moves-{nth}") })
            },
            id: line.router,
        },
        Edit {
            mutation: "subscriptionSecretChange",
            entity: "subscription",
            input: |id, nth| json!({ "id": id, "secret": format!("s3cret-{nth}"), "idempotencyKey": format!("secret-{nth}") }),
            id: line.subscription,
        },
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_editors_the_second_is_told_that_the_first_was_faster() {
    let front = Front::open().await;
    for edit in edits(&front).await {
        let read = edit.accepted(&front, 1, None).await;
        let first = edit.accepted(&front, 2, Some(&read)).await;
        assert!(
            first.as_i64() > read.as_i64(),
            "{}: {read} {first}",
            edit.mutation
        );

        let store = front.state.store();
        let before = feed::head(store, front.owner.tenant).await.expect("a head");
        let second = edit.run(&front, 3, Some(&read)).await;
        assert_eq!(
            second["userErrors"],
            json!([{
                "code": "STALE_VERSION",
                "message": "Somebody else has changed it meanwhile",
                "path": ["input", "expectedVersion"],
                "params": { "currentVersion": first },
            }]),
            "{}",
            edit.mutation
        );
        assert_eq!(
            (&second[edit.entity], &second["consistencyToken"]),
            (&Value::Null, &Value::Null)
        );
        let after = feed::head(store, front.owner.tenant).await.expect("a head");
        assert_eq!(after, before, "{} has happened", edit.mutation);

        // Who has looked again goes on, with the key that was refused.
        edit.accepted(&front, 3, Some(&first)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_editors_of_one_version_exactly_one_is_first() {
    let front = Front::open().await;
    let role = role(&front).await;
    let read = role.accepted(&front, 0, None).await;
    let answers = join_all((1..=12).map(|nth| role.run(&front, nth, Some(&read)))).await;
    let (first, late): (Vec<&Value>, Vec<&Value>) = answers
        .iter()
        .partition(|answer| answer["userErrors"] == json!([]));
    assert_eq!(first.len(), 1, "{answers:?}");
    let now = &first[0]["role"]["version"];
    for answer in late {
        let error = &answer["userErrors"][0];
        assert_eq!(error["code"], "STALE_VERSION", "{answer}");
        assert_eq!(&error["params"]["currentVersion"], now, "{answer}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_that_is_sent_again_answers_as_the_first_time_though_it_made_another_version() {
    let front = Front::open().await;
    let role = role(&front).await;
    let read = role.accepted(&front, 0, None).await;
    let mut input = (role.input)(&role.id, 1);
    input["expectedVersion"] = read;
    input["idempotencyKey"] = json!("once");
    let entity = "role { name version }";
    let first = front
        .accepted(front.owner, "roleChange", entity, input.clone())
        .await;
    let again = front
        .accepted(front.owner, "roleChange", entity, input.clone())
        .await;
    assert_eq!(again, first);

    input["expectedVersion"] = first["role"]["version"].clone();
    let other = front.payload(front.owner, "roleChange", entity, input).await;
    assert_eq!(
        other["userErrors"][0]["code"], "IDEMPOTENCY_KEY_REUSED",
        "{other}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_does_not_exist_is_not_found_whatever_version_is_expected() {
    let front = Front::open().await;
    let input = json!({ "id": "rol_00000000000000000000000000", "name": "Malam", "permissions": ["ROUTER_READ"], "expectedVersion": 3 });
    let missing = front
        .payload(front.owner, "roleChange", "role { id }", input)
        .await;
    assert_eq!(missing["userErrors"][0]["code"], "NOT_FOUND", "{missing}");
}
