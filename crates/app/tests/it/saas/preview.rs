//! What another plan would cost is asked before it is chosen, and is what is billed then.

use simpul_app::{
    platform::{ChangeTerms, Terms as Granting},
    saas::{PlanChangePreview, PreviewPlanChange},
};
use simpul_domain::{Code, TenantId, platform::PlanKey};
use simpul_event_store::{Actor, Context, DispatchError};

use super::desk::{bills, on, platform_log};
use crate::rig::{Rig, code};

fn change(tenant: TenantId, plan: &str) -> ChangeTerms {
    ChangeTerms {
        tenant,
        terms: Granting::Plan {
            plan: PlanKey::parse(plan).expect("a plan"),
            agreed_price: None,
        },
    }
}

async fn asked(rig: &Rig, change: ChangeTerms, dry_run: bool) -> crate::rig::Answer<PlanChangePreview> {
    let context = Context {
        dry_run,
        ..rig.context(TenantId::PLATFORM, Actor::System("test"))
    };
    let receipt = rig.bus.dispatch(context, PreviewPlanChange { change }).await?;
    assert_eq!(receipt.token, None);
    Ok::<_, DispatchError<_>>(receipt.answer)
}

#[tokio::test]
async fn what_another_plan_would_cost_is_what_is_billed_when_it_is_chosen() {
    let rig = Rig::new().await;
    on(&rig, "2027-03-17").await;
    let tenant = rig.onboard("maju", "basic").await;
    on(&rig, "2027-04-11").await;
    assert_eq!(bills(&rig).await.len(), 1);
    let before = platform_log(&rig).await.len();

    let preview = asked(&rig, change(tenant, "pro"), true).await.expect("told");
    assert_eq!(platform_log(&rig).await.len(), before, "nothing was written");
    let (without, with) = preview.without.zip(preview.with).expect("it is billed");
    let may = "2027-05-01".parse().expect("a date");
    assert_eq!((without.on, with.on), (may, may));
    assert!(with.total > without.total, "{without:?}, {with:?}");
    assert!(
        with.lines.len() > without.lines.len(),
        "the days of April are settled"
    );
    let same = asked(&rig, change(tenant, "basic"), true).await.expect("told");
    assert_eq!(
        same.with,
        Some(without),
        "another plan of the same terms changes nothing"
    );

    rig.govern(change(tenant, "pro")).await.expect("changed");
    rig.settle().await;
    on(&rig, "2027-05-01").await;
    let issued = bills(&rig).await;
    let (_, _, total) = issued.last().expect("the bill of May");
    assert_eq!((issued.len(), *total), (2, with.total.get()));
}

#[tokio::test]
async fn a_question_is_never_carried_out_and_one_about_no_plan_is_refused() {
    let rig = Rig::new().await;
    on(&rig, "2027-03-17").await;
    let tenant = rig.onboard("maju", "basic").await;
    let before = platform_log(&rig).await.len();
    let told = asked(&rig, change(tenant, "pro"), false).await;
    assert_eq!(code(&told), Some(Code::NotAllowedInState));
    let unknown = asked(&rig, change(tenant, "golden"), true).await;
    assert_eq!(code(&unknown), Some(Code::NotFound));
    let nobody = TenantId::new(rig.store().ids().next());
    let nobody = asked(&rig, change(nobody, "pro"), true).await;
    assert_eq!(code(&nobody), Some(Code::NotFound));
    assert_eq!(platform_log(&rig).await.len(), before);
}
