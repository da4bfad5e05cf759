//! Plans that the platform offers no more and again, and the names that it keeps for itself.

use axum::http::StatusCode;
use serde_json::{Value, json};
use simpul_api::auth::Viewer;
use simpul_app::permission;
use simpul_domain::{TenantId, UserId};

use crate::{front::document, tenants::Platform};

const PLANS: &str = "{ platformPlans { key retiredAt version } }";

async fn retired_at(platform: &Platform, key: &str) -> Value {
    let data = platform.ask(PLANS, Value::Null).await;
    let plans = data["platformPlans"].as_array().expect("plans");
    let plan = plans.iter().find(|plan| plan["key"] == key);
    plan.expect("a plan")["retiredAt"].clone()
}

fn operator(subdomain: &str, plan: &str) -> Value {
    json!({
        "name": "WiFi Baru", "subdomain": subdomain, "plan": plan, "ownerName": "Siti",
        "ownerEmail": "siti@wifibaru.example", "timeZone": "JAKARTA",
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plan_is_retired_and_offered_again_and_its_object_says_so() {
    let platform = Platform::open().await;
    let owner = platform.onboard("wifi-maju").await;
    let tell = async |mutation: &str, input: Value| {
        let query = document(mutation, "plan { key retiredAt version }");
        let mut data = platform.ask(&query, json!({ "input": input })).await;
        data[mutation].take()
    };
    assert_eq!(retired_at(&platform, "basic").await, Value::Null);
    let stale = json!({ "key": "basic", "expectedVersion": 7 });
    assert_eq!(
        platform.refusals("platformPlanRetire", stale).await,
        json!([["STALE_VERSION", "expectedVersion"]])
    );
    let retired = tell(
        "platformPlanRetire",
        json!({ "key": "basic", "expectedVersion": 1 }),
    )
    .await;
    assert!(retired["plan"]["retiredAt"].is_string(), "{retired}");
    assert_eq!(retired["plan"]["version"], 2, "{retired}");
    assert!(retired_at(&platform, "basic").await.is_string());

    assert_eq!(
        platform
            .refusals("tenantOnboard", operator("wifi-baru", "basic"))
            .await,
        json!([["NOT_ALLOWED_IN_STATE", "plan"]])
    );
    let other = platform.tell("tenantOnboard", operator("wifi-baru", "pro")).await;
    let founded = other["id"].as_str().expect("an id").parse().expect("an id");
    platform.settle(founded).await;
    for dry_run in [true, false] {
        let change = json!({ "id": other["id"], "plan": "basic", "dryRun": dry_run });
        assert_eq!(
            platform.refusals("tenantPlanChange", change).await,
            json!([["NOT_ALLOWED_IN_STATE", "plan"]])
        );
    }
    let tenant = "query($id: ID!) { tenant(id: $id) { plan charges { name unitPrice { amount } } } }";
    let data = platform
        .ask(tenant, json!({ "id": owner.tenant.to_string() }))
        .await;
    let charged = json!([{ "name": "Basic", "unitPrice": { "amount": "150000" } }]);
    assert_eq!(data["tenant"], json!({ "plan": "basic", "charges": charged }));

    let offered = tell("platformPlanOffer", json!({ "key": "basic" })).await;
    assert_eq!(offered["plan"]["retiredAt"], Value::Null, "{offered}");
    let again = json!({ "id": other["id"], "plan": "basic" });
    platform.tell("tenantPlanChange", again).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plan_that_is_none_is_neither_retired_nor_offered_and_not_by_everybody() {
    let platform = Platform::open().await;
    let reader = Viewer {
        user: UserId::new(platform.front.test.store().ids().next()),
        tenant: TenantId::PLATFORM,
    };
    platform.allow(reader, &[permission::PLATFORM_READ]).await;
    for mutation in ["platformPlanRetire", "platformPlanOffer"] {
        for (key, code, path) in [
            ("moon", "NOT_FOUND", "key"),
            ("Not a key", "VALIDATION_ERROR", "key"),
        ] {
            assert_eq!(
                platform.refusals(mutation, json!({ "key": key })).await,
                json!([[code, path]]),
                "{mutation}"
            );
        }
        let input = json!({ "input": { "key": "basic" } });
        let (status, answer) = platform.send(reader, &document(mutation, ""), input).await;
        assert_eq!(status, StatusCode::FORBIDDEN, "{answer}");
    }
    assert_eq!(retired_at(&platform, "basic").await, Value::Null);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_operator_takes_a_name_of_the_platform() {
    let platform = Platform::open().await;
    for name in ["www", "billing", "login"] {
        assert_eq!(
            platform.refusals("tenantOnboard", operator(name, "basic")).await,
            json!([["VALIDATION_ERROR", "subdomain"]]),
            "{name}"
        );
    }
    platform
        .tell("tenantOnboard", operator("billing-net", "basic"))
        .await;
}
