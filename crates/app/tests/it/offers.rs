//! What the platform offers no more, and names that it keeps for itself.

use simpul_app::platform::{ChangeTerms, OfferPlatformPlan, RetirePlatformPlan, Terms};
use simpul_domain::{
    Code, Rupiah, TenantId,
    platform::{Account, PlanKey},
};

use crate::rig::{Rig, code, opening};

fn plan(name: &str) -> PlanKey {
    PlanKey::parse(name).expect("a plan")
}

fn to(tenant: TenantId, name: &str, agreed_price: Option<Rupiah>) -> ChangeTerms {
    let plan = plan(name);
    let terms = Terms::Plan { plan, agreed_price };
    ChangeTerms { tenant, terms }
}

async fn account(rig: &Rig, tenant: TenantId) -> Account {
    let (account, _) = rig
        .store()
        .load::<Account>(TenantId::PLATFORM, &tenant.to_string())
        .await
        .expect("loads");
    account
}

#[tokio::test]
async fn a_retired_plan_takes_nobody_and_keeps_whoever_is_on_it() {
    let rig = Rig::new().await;
    let (on_it, other) = (
        rig.onboard("maju", "pro").await,
        rig.onboard("lain", "basic").await,
    );
    let before = account(&rig, on_it).await;
    rig.govern(RetirePlatformPlan { key: plan("pro") })
        .await
        .expect("retired");
    rig.settle().await;
    assert_eq!(account(&rig, on_it).await, before);
    assert_eq!(rig.usage(on_it, "routers").await, (0, Some(5)));
    let refused = [
        code(&rig.govern(opening("baru", "pro")).await),
        code(&rig.govern(to(other, "pro", None)).await),
    ];
    assert_eq!(refused, [Some(Code::NotAllowedInState); 2]);
    // As it is for whoever has it, also after they were elsewhere.
    rig.govern(to(on_it, "pro", None)).await.expect("stays");
    rig.govern(to(on_it, "basic", None)).await.expect("changed");
    let back = rig.govern(to(on_it, "pro", None)).await;
    assert_eq!(code(&back), Some(Code::NotAllowedInState));

    rig.govern(OfferPlatformPlan { key: plan("pro") })
        .await
        .expect("offered");
    rig.govern(to(other, "pro", None)).await.expect("changed");
    rig.onboard("baru", "pro").await;
    let nothing = rig.govern(RetirePlatformPlan { key: plan("moon") }).await;
    assert_eq!(code(&nothing), Some(Code::NotFound));
}

#[tokio::test]
async fn a_price_is_agreed_anew_with_whoever_is_on_a_retired_plan() {
    let rig = Rig::new().await;
    let price = |rupiah: i64| Rupiah::try_new(rupiah).expect("in range");
    let open = simpul_app::platform::OpenAccount {
        agreed_price: Some(price(2_000_000)),
        ..opening("maju", "enterprise")
    };
    let tenant = rig.govern(open).await.expect("opened");
    rig.govern(RetirePlatformPlan {
        key: plan("enterprise"),
    })
    .await
    .expect("retired");
    rig.govern(to(tenant, "enterprise", Some(price(1_500_000))))
        .await
        .expect("agreed");
    let charges = account(&rig, tenant).await.charges();
    assert_eq!(charges[0].unit_price, price(1_500_000));
}

#[tokio::test]
async fn the_last_plan_on_offer_can_be_retired() {
    let rig = Rig::new().await;
    for name in ["basic", "pro", "business", "enterprise"] {
        rig.govern(RetirePlatformPlan { key: plan(name) })
            .await
            .expect("retired");
    }
    let refused = rig.govern(opening("maju", "basic")).await;
    assert_eq!(code(&refused), Some(Code::NotAllowedInState));
}

#[tokio::test]
async fn no_operator_is_onboarded_under_a_name_of_the_platform() {
    let rig = Rig::new().await;
    for name in ["www", "admin", "login", "tagihan"] {
        let refused = rig.govern(opening(name, "basic")).await;
        assert_eq!(code(&refused), Some(Code::ValidationError), "{name}");
    }
    rig.onboard("admin-net", "basic").await;
}
