//! An operator that is deleted, or nearly: what it pays.

use simpul_app::platform::{ChangeStanding, Standing};
use simpul_domain::TenantId;

use super::desk::{bills, on};
use crate::rig::Rig;

async fn stand(rig: &Rig, tenant: TenantId, standing: Standing) {
    rig.govern(ChangeStanding { tenant, standing })
        .await
        .expect("changed");
    rig.settle().await;
}

#[tokio::test]
async fn a_restored_operator_pays_nothing_for_the_days_without_service() {
    let rig = Rig::new().await;
    on(&rig, "2027-04-01").await;
    let tenant = rig.onboard("maju", "basic").await;
    on(&rig, "2027-04-10").await;
    stand(&rig, tenant, Standing::Delete).await;
    on(&rig, "2027-05-05").await;
    stand(&rig, tenant, Standing::Restore).await;
    on(&rig, "2027-07-01").await;
    let totals: Vec<i64> = bills(&rig).await.into_iter().map(|(_, _, total)| total).collect();
    // Of April 9 days of 30 were used, of May 27 of 31.
    let (left_of_april, of_may) = (105_000, 130_646);
    assert_eq!(totals, [150_000, 0, 150_000 + of_may - left_of_april, 150_000]);
}
