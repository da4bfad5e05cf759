//! Who may do what: roles, owners, keys of machines; and what ends at once.

use axum::http::StatusCode;
use proptest::{prelude::*, strategy::ValueTree as _, test_runner::TestRunner};
use serde_json::{Value, json};
use simpul_app::permission;
use simpul_domain::tenancy::Feature;
use simpul_event_store::inline::access::{self, TenantAccess};

use super::house::{House, In};
use crate::front::document;

const ROUTERS: &str = "{ routers(first: 1) { nodes { id } } }";

async fn change_roles(house: &House, token: &str, user: &str, roles: &[&str]) -> super::house::Answer {
    let input = json!({ "id": user, "roles": roles });
    house
        .tell(token, "userRolesChange", "user { roles }", input)
        .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_demotion_acts_at_once() {
    let house = House::open().await;
    let admin = house.person("admin@kayu.example", &["admin"]).await;
    let siti = house.person("siti@kayu.example", &["technician"]).await;
    assert_eq!(house.ask(&siti.access, ROUTERS, Value::Null).await.status, 200);
    let changed = change_roles(&house, &admin.access, &siti.user, &["collector"]).await;
    assert_eq!(
        changed.payload("userRolesChange")["user"]["roles"],
        json!(["collector"])
    );
    // The token says what was true: another one is needed.
    assert_eq!(house.ask(&siti.access, ROUTERS, Value::Null).await.status, 401);
    let newer = In::of(house.refresh(&siti.refresh).await.payload("sessionRefresh"));
    let refused = house.ask(&newer.access, ROUTERS, Value::Null).await;
    assert_eq!(
        (refused.status, refused.code()),
        (StatusCode::FORBIDDEN, "FORBIDDEN")
    );

    let query = document("userDisable", "user { status }");
    let disabled = house
        .ask(&admin.access, &query, json!({ "input": { "id": siti.user } }))
        .await;
    assert_eq!(disabled.payload("userDisable")["user"]["status"], "DISABLED");
    assert_eq!(house.ask(&newer.access, ROUTERS, Value::Null).await.status, 401);
    assert_eq!(house.refresh(&newer.refresh).await.status, 401);
    let out = house.sign_in("siti@kayu.example", super::house::PASSWORD).await;
    assert_eq!(out.user_error("sessionStart"), "UNAUTHORIZED");
    let query = document("userEnable", "user { status }");
    let enabled = house
        .ask(&admin.access, &query, json!({ "input": { "id": siti.user } }))
        .await;
    assert_eq!(enabled.payload("userEnable")["user"]["status"], "ACTIVE");
    house.signed_in("siti@kayu.example").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_may_change_nobody_changes_what_they_are_called_themselves() {
    let house = House::open().await;
    let siti = house.person("siti@kayu.example", &["viewer"]).await;
    let fields = "user { id name version }";
    let change = async |name: &str, version: Option<i64>| {
        let input = json!({ "name": name, "expectedVersion": version });
        house.tell(&siti.access, "nameChange", fields, input).await
    };
    let changed = change("Siti Aminah", None).await;
    let changed = &changed.payload("nameChange")["user"];
    assert_eq!(changed["id"], siti.user.as_str(), "{changed}");
    assert_eq!(changed["name"], "Siti Aminah");
    let version = changed["version"].as_i64();
    let stale = change("Siti A.", version.map(|version| version - 1)).await;
    assert_eq!(stale.user_error("nameChange"), "STALE_VERSION");
    assert_eq!(
        change(" ", version).await.user_error("nameChange"),
        "VALIDATION_ERROR"
    );
    let seen = house
        .ask(&siti.access, "{ viewer { user { name } } }", Value::Null)
        .await;
    assert_eq!(
        seen.body["data"]["viewer"]["user"]["name"], "Siti Aminah",
        "{seen:?}"
    );

    // A machine is not the user.
    let admin = house.person("admin@kayu.example", &["admin"]).await;
    let issue = json!({ "name": "Kasir", "scopes": ["ROUTER_READ"], "expiresAt": "2027-02-01T00:00:00Z" });
    let issued = house.tell(&admin.access, "apiKeyIssue", "secret", issue).await;
    let key = issued.payload("apiKeyIssue")["secret"]
        .as_str()
        .expect("a key")
        .to_owned();
    let refused = house
        .tell(&key, "nameChange", fields, json!({ "name": "Robot" }))
        .await;
    assert_eq!(refused.code(), "FORBIDDEN", "{refused:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_command_takes_away_the_next_one_of_the_request_does_not_have() {
    let house = House::open().await;
    let admin = house.person("admin@kayu.example", &["admin"]).await;
    let query = "mutation($roles: UserRolesChangeInput!, $customer: CustomerRegisterInput!) {
        userRolesChange(input: $roles) { userErrors { code } }
        customerRegister(input: $customer) { userErrors { code } customer { code } } }";
    let customer = |code: &str| json!({ "code": code, "name": "Budi", "phone": "0812-3456-7890" });
    let roles = |roles: &[&str]| json!({ "id": admin.user, "roles": roles });
    let variables = json!({ "roles": roles(&["admin", "collector"]), "customer": customer("B-1") });
    let both = house.ask(&admin.access, query, variables).await;
    assert_eq!(both.payload("customerRegister")["customer"]["code"], "B-1");
    // The token says what was true: another one is needed.
    let newer = In::of(house.refresh(&admin.refresh).await.payload("sessionRefresh"));
    let variables = json!({ "roles": roles(&["collector"]), "customer": customer("B-2") });
    let second = house.ask(&newer.access, query, variables).await;
    assert_eq!(second.code(), "FORBIDDEN");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_gives_what_they_do_not_hold_and_the_last_owner_stays() {
    let house = House::open().await;
    let owner = house.person("owner@kayu.example", &["owner"]).await;
    let admin = house.person("admin@kayu.example", &["admin"]).await;
    let siti = house.person("siti@kayu.example", &["viewer"]).await;
    let refused = change_roles(&house, &admin.access, &siti.user, &["owner"]).await;
    assert_eq!(
        refused.user_error("userRolesChange"),
        "FORBIDDEN",
        "an admin makes no owners"
    );
    let refused = change_roles(&house, &admin.access, &owner.user, &["viewer"]).await;
    assert_eq!(
        refused.user_error("userRolesChange"),
        "FORBIDDEN",
        "an admin takes nothing from owners"
    );
    let query = document("userDisable", "user { id }");
    let refused = house
        .ask(&admin.access, &query, json!({ "input": { "id": owner.user } }))
        .await;
    assert_eq!(refused.user_error("userDisable"), "FORBIDDEN");
    let refused = change_roles(&house, &admin.access, &siti.user, &["super_admin"]).await;
    assert_eq!(
        refused.user_error("userRolesChange"),
        "NOT_FOUND",
        "no tenant has super admins"
    );
    let refused = change_roles(&house, &siti.access, &siti.user, &["admin"]).await;
    assert_eq!(refused.code(), "FORBIDDEN");

    let refused = change_roles(&house, &owner.access, &owner.user, &["admin"]).await;
    assert_eq!(
        refused.user_error("userRolesChange"),
        "NOT_ALLOWED_IN_STATE",
        "the last owner stays"
    );
    let second = house.person("second@kayu.example", &["owner"]).await;
    // Each removes the other at the same time: one of them stays.
    let answers = tokio::join!(
        change_roles(&house, &owner.access, &second.user, &["viewer"]),
        change_roles(&house, &second.access, &owner.user, &["viewer"]),
    );
    let mut admin = simpul_testkit::sql::Session::open(&house.front.test.superuser_url()).await;
    let owners: i64 = admin
        .value(
            "SELECT count(*) FILTER (WHERE event_type = 'identity.owners.added')
                  - count(*) FILTER (WHERE event_type = 'identity.owners.removed') FROM es.events",
        )
        .await;
    assert_eq!(owners, 1, "{answers:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_role_of_the_tenant_s_own_means_the_same_for_everybody_at_once() {
    let house = House::open().await;
    let owner = house.person("owner@kayu.example", &["owner"]).await;
    let define = json!({ "name": "Teknisi malam", "permissions": ["ROUTER_READ", "AUDIT_READ"] });
    let allow = async |features: Vec<String>| {
        let store = house.front.test.store();
        let mut tx = store.db().tenant_tx(house.tenant()).await.expect("tx");
        let facts = TenantAccess {
            features,
            ..TenantAccess::default()
        };
        access::set_tenant(&mut tx, &facts).await.expect("set");
        tx.commit().await.expect("commit");
    };
    allow(Vec::new()).await;
    let refused = house
        .tell(&owner.access, "roleDefine", "role { id }", define.clone())
        .await;
    assert_eq!(refused.code(), "FEATURE_DISABLED", "not part of the plan");
    allow(vec![Feature::CustomRoles.as_str().to_owned()]).await;
    let defined = house
        .tell(&owner.access, "roleDefine", "role { id permissions }", define)
        .await;
    let role = defined.payload("roleDefine")["role"]["id"]
        .as_str()
        .expect("a role")
        .to_owned();
    let siti = house.person("siti@kayu.example", &[&role]).await;
    assert_eq!(house.ask(&siti.access, ROUTERS, Value::Null).await.status, 200);
    let change = json!({ "id": role, "name": "Teknisi malam", "permissions": ["AUDIT_READ"] });
    let changed = house
        .tell(&owner.access, "roleChange", "role { permissions }", change)
        .await;
    assert_eq!(
        changed.payload("roleChange")["role"]["permissions"],
        json!(["AUDIT_READ"])
    );
    assert_eq!(house.ask(&siti.access, ROUTERS, Value::Null).await.status, 401);
    let newer = In::of(house.refresh(&siti.refresh).await.payload("sessionRefresh"));
    assert_eq!(
        house.ask(&newer.access, ROUTERS, Value::Null).await.code(),
        "FORBIDDEN"
    );
    let retire = house
        .tell(&owner.access, "roleRetire", "role { id }", json!({ "id": role }))
        .await;
    assert_eq!(
        retire.user_error("roleRetire"),
        "NOT_ALLOWED_IN_STATE",
        "somebody has it"
    );
    change_roles(&house, &owner.access, &siti.user, &["viewer"]).await;
    let retire = house
        .tell(
            &owner.access,
            "roleRetire",
            "role { retiredAt }",
            json!({ "id": role }),
        )
        .await;
    assert!(retire.payload("roleRetire")["role"]["retiredAt"].is_string());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_does_a_part_of_what_its_maker_may_until_it_is_revoked() {
    let house = House::open().await;
    let owner = house.person("owner@kayu.example", &["owner"]).await;
    let admin = house.person("admin@kayu.example", &["admin"]).await;
    let issue =
        |scopes: &[&str]| json!({ "name": "Kasir", "scopes": scopes, "expiresAt": "2027-02-01T00:00:00Z" });
    let refused = house
        .tell(&admin.access, "apiKeyIssue", "secret", issue(&["TENANT_OWN"]))
        .await;
    assert_eq!(refused.user_error("apiKeyIssue"), "FORBIDDEN", "not held");
    let issued = house
        .tell(
            &admin.access,
            "apiKeyIssue",
            "secret apiKey { id }",
            issue(&["ROUTER_READ"]),
        )
        .await;
    let payload = issued.payload("apiKeyIssue");
    let (key, id) = (
        payload["secret"].as_str().expect("a key"),
        payload["apiKey"]["id"].clone(),
    );
    assert_eq!(house.ask(key, ROUTERS, Value::Null).await.status, 200);
    let refused = house
        .ask(key, "{ customers(first: 1) { nodes { id } } }", Value::Null)
        .await;
    assert_eq!(refused.code(), "FORBIDDEN", "its maker may, the key may not");
    let customer = json!({ "code": "C-1", "name": "Budi", "phone": "0812-9999-0000" });
    let refused = house
        .tell(key, "customerRegister", "customer { id }", customer)
        .await;
    assert_eq!(refused.code(), "FORBIDDEN", "nor by a command");
    let used = house
        .ask(
            &admin.access,
            "{ apiKeys(first: 5) { nodes { lastUsedAt } } }",
            Value::Null,
        )
        .await;
    assert!(
        used.body["data"]["apiKeys"]["nodes"][0]["lastUsedAt"].is_string(),
        "{used:?}"
    );

    // Whoever made it may less by now: so may the key.
    change_roles(&house, &owner.access, &admin.user, &["collector"]).await;
    assert_eq!(house.ask(key, ROUTERS, Value::Null).await.code(), "FORBIDDEN");
    change_roles(&house, &owner.access, &admin.user, &["admin"]).await;
    assert_eq!(house.ask(key, ROUTERS, Value::Null).await.status, 200);
    let revoked = house
        .tell(
            &owner.access,
            "apiKeyRevoke",
            "apiKey { revokedAt }",
            json!({ "id": id }),
        )
        .await;
    assert!(revoked.payload("apiKeyRevoke")["apiKey"]["revokedAt"].is_string());
    assert_eq!(house.ask(key, ROUTERS, Value::Null).await.status, 401);
    let mut changed = key.to_owned();
    changed.pop();
    assert_eq!(house.ask(&changed, ROUTERS, Value::Null).await.status, 401);
}

// Property 7: an action without permission is refused, whatever else is held.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_held_is_refused() {
    let house = House::open().await;
    let actions = [
        ("router.read", ROUTERS),
        ("customer.read", "{ customers(first: 1) { nodes { id } } }"),
        ("user.read", "{ users(first: 1) { nodes { id } } }"),
        ("key.write", "{ apiKeys(first: 1) { nodes { id } } }"),
    ];
    let mut runner = TestRunner::deterministic();
    let held = proptest::sample::subsequence(permission::OWNER.to_vec(), 0..=permission::OWNER.len());
    for _ in 0..100 {
        let held = held.new_tree(&mut runner).expect("generated").current();
        let colleague = house.front.colleague(&held).await;
        let token = house.front.token(colleague);
        for (needed, query) in actions {
            let answer = house.ask(&token, query, Value::Null).await;
            if held.contains(&needed) {
                assert_eq!(answer.status, 200, "{needed} is held: {answer:?}");
            } else {
                assert_eq!(
                    (answer.status.as_u16(), answer.code()),
                    (403, "FORBIDDEN"),
                    "{needed}"
                );
            }
        }
    }
}
