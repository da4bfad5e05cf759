//! Owners of tenants as the platform sees them, and those whom it has invited.

use axum::http::StatusCode;
use serde_json::{Value, json};
use simpul_api::auth::Viewer;
use simpul_app::permission;
use simpul_domain::{TenantId, UserId};

use crate::{front::document, tenants::Platform};

const OWNERS: &str = "query($id: ID!) { tenant(id: $id) { name owners {
    id name email status hasSecondFactor invitedAt joinedAt } } }";

async fn owners(platform: &Platform, tenant: TenantId) -> Vec<Value> {
    platform.settle(tenant).await;
    let data = platform.ask(OWNERS, json!({ "id": tenant.to_string() })).await;
    data["tenant"]["owners"].as_array().expect("owners").clone()
}

fn emails(owners: &[Value]) -> Vec<&str> {
    let mut emails: Vec<&str> = owners
        .iter()
        .filter_map(|owner| owner["email"].as_str())
        .collect();
    emails.sort_unstable();
    emails
}

fn wati(tenant: TenantId) -> Value {
    json!({ "id": tenant.to_string(), "name": "Wati", "email": "wati@wifimaju.example", "idempotencyKey": "k" })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_owner_is_seen_and_another_one_is_invited_once_and_by_name_in_the_tenants_trail() {
    let platform = Platform::open().await;
    let (owner, other) = (
        platform.onboard("wifi-maju").await,
        platform.onboard("wifi-lain").await,
    );
    let before = owners(&platform, owner.tenant).await;
    assert_eq!(before.len(), 1, "{before:?}");
    assert_eq!(before[0]["id"], owner.user.to_string());
    assert_eq!(before[0]["name"], "Siti");
    assert_eq!(before[0]["status"], "INVITED");
    assert_eq!(before[0]["hasSecondFactor"], false);
    assert_eq!(before[0]["joinedAt"], Value::Null);

    for _ in 0..2 {
        platform.tell("tenantOwnerInvite", wati(owner.tenant)).await;
    }
    let reused = json!({ "id": owner.tenant.to_string(), "name": "Wati", "email": "w@x.example", "idempotencyKey": "k" });
    assert_eq!(
        platform.refusals("tenantOwnerInvite", reused).await,
        json!([["IDEMPOTENCY_KEY_REUSED", "idempotencyKey"]])
    );
    let now = owners(&platform, owner.tenant).await;
    assert_eq!(emails(&now), ["siti@wifimaju.example", "wati@wifimaju.example"]);
    assert_eq!(now[0]["name"], "Wati", "newest first");
    assert_eq!(owners(&platform, other.tenant).await.len(), 1, "another tenant");

    let trail = "{ auditEntries(filter: { kind: \"user.invite_owner\" }) { nodes { eventType actor impersonator } } }";
    let data = platform.front.data(owner, trail, Value::Null).await;
    let told = data["auditEntries"]["nodes"].as_array().expect("entries");
    assert!(!told.is_empty(), "a person's doing");
    for entry in told {
        assert_eq!(entry["impersonator"], platform.operator.user.to_string());
    }
    let data = platform.front.data(other, trail, Value::Null).await;
    assert_eq!(data["auditEntries"]["nodes"], json!([]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_invitation_that_cannot_be_is_refused_for_each_reason() {
    let platform = Platform::open().await;
    let owner = platform.onboard("wifi-maju").await;
    let id = owner.tenant.to_string();
    let nobody = TenantId::new(platform.front.test.store().ids().next());
    let cases = [
        (
            json!({ "id": id, "name": " ", "email": "rubbish" }),
            json!([["VALIDATION_ERROR", "name"], ["VALIDATION_ERROR", "email"]]),
        ),
        (
            json!({ "id": id, "name": "w".repeat(101), "email": "wati@wifimaju.example" }),
            json!([["VALIDATION_ERROR", "name"]]),
        ),
        (
            json!({ "id": id, "name": "Siti", "email": "siti@wifimaju.example" }),
            json!([["DUPLICATE_ENTRY", "email"]]),
        ),
        (wati(nobody), json!([["NOT_FOUND", "id"]])),
        (
            json!({ "id": "rubbish", "name": "Wati", "email": "wati@wifimaju.example" }),
            json!([["NOT_FOUND", "id"]]),
        ),
    ];
    for (input, refused) in cases {
        assert_eq!(
            platform.refusals("tenantOwnerInvite", input.clone()).await,
            refused,
            "{input}"
        );
    }
    platform.tell("tenantDelete", json!({ "id": id })).await;
    let errors = platform.refusals("tenantOwnerInvite", wati(owner.tenant)).await;
    assert_eq!(errors[0][0], "NOT_ALLOWED_IN_STATE", "{errors}");
    assert_eq!(owners(&platform, owner.tenant).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_only_reads_tenants_sees_no_owners_and_invites_none_nor_does_a_machine() {
    let platform = Platform::open().await;
    let owner = platform.onboard("wifi-maju").await;
    let reader = Viewer {
        user: UserId::new(platform.front.test.store().ids().next()),
        tenant: TenantId::PLATFORM,
    };
    platform.allow(reader, &[permission::PLATFORM_READ]).await;
    let id = json!({ "id": owner.tenant.to_string() });
    let (status, answer) = platform.send(reader, OWNERS, id).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    assert_eq!(
        answer["data"]["tenant"],
        json!({ "name": "WiFi Maju", "owners": null })
    );
    assert_eq!(answer["errors"][0]["path"], json!(["tenant", "owners"]));
    assert_eq!(answer["errors"][0]["extensions"]["code"], "FORBIDDEN");
    let invite = document("tenantOwnerInvite", "");
    let input = json!({ "input": wati(owner.tenant) });
    let (_, answer) = platform.send(reader, &invite, input.clone()).await;
    assert_eq!(answer["errors"][0]["extensions"]["code"], "FORBIDDEN", "{answer}");

    let issue = document("apiKeyIssue", "secret");
    let key = json!({ "name": "Robot", "scopes": ["AUDIT_READ"], "expiresAt": "2027-02-01T00:00:00Z" });
    let data = platform.ask(&issue, json!({ "input": key })).await;
    let secret = data["apiKeyIssue"]["secret"].as_str().expect("a key");
    let (_, answer) = platform.send_as(secret, &invite, input).await;
    assert_eq!(answer["errors"][0]["extensions"]["code"], "FORBIDDEN", "{answer}");
    assert_eq!(
        answer["errors"][0]["extensions"]["permission"],
        Value::Null,
        "whatever it may do"
    );
    assert_eq!(owners(&platform, owner.tenant).await.len(), 1);
}
