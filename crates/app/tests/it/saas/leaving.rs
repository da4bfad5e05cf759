//! An operator that is deleted, or nearly: what it pays, and what is known of who paid.

use simpul_app::{
    Personal,
    customers::field,
    platform::{ChangeStanding, Standing},
    saas::RegisterPayer,
};
use simpul_domain::{
    Code, CustomerId, Sealed, TenantId,
    billing::invoice::InvoiceStatus,
    customers::{Customer, customer::CustomerStatus},
    saas::payer_id,
};
use simpul_event_store::{StoreError, TenantTx};

use super::desk::{bills, invoice, load, on, paid, platform_log};
use crate::rig::{Answer, Rig, code};

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

async fn register_payer(rig: &Rig, account: TenantId) -> Answer<CustomerId> {
    rig.govern(RegisterPayer {
        account,
        name: Personal::new("Siti"),
        phone: Personal::new("0812-1111-3333"),
        email: None,
    })
    .await
}

/// Reads the name of a payer, as whoever writes to it does.
async fn opens_name(rig: &Rig, payer: CustomerId) -> Result<(), ()> {
    let log = platform_log(rig).await;
    let registered = log
        .iter()
        .find(|event| event.aggregate_id == payer.to_string())
        .expect("registered");
    let payload = registered.payload.value();
    let sealed = payload["customers.customer.registered"]["name"]
        .as_str()
        .expect("sealed");
    let sealed = Sealed::new(sealed.to_owned());
    let mut tx: TenantTx = rig
        .store()
        .db()
        .tenant_tx(TenantId::PLATFORM)
        .await
        .expect("a transaction");
    let vault = rig.store().vault();
    match vault
        .open(&mut tx, &payer.to_string(), field::NAME, &sealed)
        .await
    {
        Ok(_) => Ok(()),
        Err(StoreError::Erased) => Err(()),
        Err(other) => unreachable!("{other}"),
    }
}

#[tokio::test]
async fn who_paid_for_a_deleted_operator_is_forgotten_and_its_code_is_free() {
    let rig = Rig::new().await;
    on(&rig, "2027-04-01").await;
    let gone = rig.onboard("maju", "basic").await;
    let payer = register_payer(&rig, gone).await.expect("registered");
    on(&rig, "2027-04-10").await;
    let [(bill, _, total)] = bills(&rig).await.try_into().expect("one bill");
    stand(&rig, gone, Standing::Delete).await;
    assert_eq!(opens_name(&rig, payer).await, Ok(()), "it may be restored");
    on(&rig, "2027-05-10").await;

    assert_eq!(opens_name(&rig, payer).await, Err(()));
    let state = load::<Customer>(&rig, TenantId::PLATFORM, &payer.to_string()).await;
    assert!(
        matches!(state.status(), CustomerStatus::Erased { .. }),
        "{state:?}"
    );
    let late = register_payer(&rig, gone).await;
    assert_eq!(code(&late), Some(Code::NotFound));
    // What it owes can still be paid.
    rig.govern(paid(bill, total, "BCA 1")).await.expect("booked");
    rig.settle().await;
    assert_eq!(invoice(&rig, bill).await.status(), InvoiceStatus::Paid);

    let next = rig.onboard("maju", "basic").await;
    let registered = register_payer(&rig, next).await.expect("the code is free");
    assert_eq!(registered, payer_id(next));
}
