//! Owners whom the platform has invited: who hears of it, who answers for it, and when it is refused.

use simpul_app::{
    Personal,
    platform::{ChangeStanding, InviteTenantOwner, RenameAccount, Standing},
};
use simpul_domain::{
    Code, TenantId,
    identity::{LetterKind, Owners, User, UserStatus},
};
use simpul_event_store::{Recorded, feed};

use crate::{
    letters,
    rig::{Rig, code},
};

fn invite(rig: &Rig, tenant: TenantId, email: &str) -> InviteTenantOwner {
    InviteTenantOwner {
        tenant,
        by: rig.super_admin,
        name: Personal::new("Wati"),
        email: Personal::new(email),
    }
}

async fn owners(rig: &Rig, tenant: TenantId) -> Owners {
    let (owners, _) = rig
        .store()
        .load::<Owners>(tenant, &tenant.to_string())
        .await
        .expect("loads");
    owners
}

async fn invited(rig: &Rig, tenant: TenantId) -> Vec<Recorded> {
    let log = feed::page(rig.store(), tenant, 0, 1_000).await.expect("the log");
    let by_the_platform = |event: &Recorded| event.meta("command").as_deref() == Some("user.invite_owner");
    log.into_iter().filter(by_the_platform).collect()
}

#[tokio::test]
async fn an_invited_owner_owns_gets_a_letter_and_the_trail_names_who_did_it() {
    let rig = Rig::new().await;
    let (tenant, other) = (
        rig.onboard("maju", "basic").await,
        rig.onboard("lain", "basic").await,
    );
    let first = owners(&rig, tenant).await;
    rig.govern(invite(&rig, tenant, " Wati@WifiMaju.example "))
        .await
        .expect("invited");
    rig.settle().await;
    let now = owners(&rig, tenant).await;
    let new = now.users().difference(first.users()).copied().collect::<Vec<_>>();
    assert_eq!(new.len(), 1, "{now:?}");
    assert!(now.users().is_superset(first.users()), "those of before stay");
    let (user, _) = rig
        .store()
        .load::<User>(tenant, &new[0].to_string())
        .await
        .expect("loads");
    assert_eq!(user.status(), UserStatus::Invited);
    let waiting = letters::waiting(&rig, tenant).await;
    let letter = waiting
        .iter()
        .find(|(_, content)| content.to.as_str() == "wati@wifimaju.example");
    let (kind, content) = letter.expect("a letter");
    assert_eq!(*kind, LetterKind::Invitation);
    assert_eq!(content.name.as_str(), "Wati");
    assert!(content.secret.is_some());
    let told = waiting
        .iter()
        .filter(|(kind, _)| *kind == LetterKind::OwnerInvited);
    let told: Vec<&str> = told.map(|(_, content)| content.to.as_str()).collect();
    assert_eq!(told, ["siti@wifimaju.example"], "who can do something about it");

    let cause = feed::page(rig.store(), TenantId::PLATFORM, 0, 1_000)
        .await
        .expect("the log");
    let cause = cause
        .iter()
        .find(|event| event.event_type == "platform.account.owner_invited");
    let cause = cause.expect("an event").event_id.to_string();
    let trail = invited(&rig, tenant).await;
    let kinds: Vec<&str> = trail.iter().map(|event| event.event_type.as_str()).collect();
    assert_eq!(kinds, ["identity.user.invited", "identity.owners.added"]);
    for event in &trail {
        assert_eq!(event.meta("impersonator"), Some(rig.super_admin.to_string()));
        assert_eq!(event.meta("causation_id"), Some(cause.clone()));
    }
    assert!(invited(&rig, other).await.is_empty(), "another tenant's log");
    assert_eq!(owners(&rig, other).await.users().len(), 1);
}

#[tokio::test]
async fn an_address_is_invited_once_and_what_comes_after_is_not_held_up() {
    let rig = Rig::new().await;
    let tenant = rig.onboard("maju", "basic").await;
    let known = rig.govern(invite(&rig, tenant, "SITI@wifimaju.example")).await;
    assert_eq!(code(&known), Some(Code::DuplicateEntry));
    // Two at once: neither is known in the tenant's log yet.
    for _ in 0..2 {
        rig.govern(invite(&rig, tenant, "wati@wifimaju.example"))
            .await
            .expect("asked");
    }
    let name = "Wifi Maju Terus".to_owned();
    rig.govern(RenameAccount { tenant, name }).await.expect("renamed");
    rig.settle().await;
    assert_eq!(owners(&rig, tenant).await.users().len(), 2);
    assert_eq!(rig.tenant(tenant).await.name(), "Wifi Maju Terus");
    let again = rig.govern(invite(&rig, tenant, "wati@wifimaju.example")).await;
    assert_eq!(code(&again), Some(Code::DuplicateEntry));
}

#[tokio::test]
async fn nobody_is_invited_into_what_is_to_be_deleted_or_never_was() {
    let rig = Rig::new().await;
    let tenant = rig.onboard("maju", "basic").await;
    for (email, name) in [("rubbish", "Wati"), ("wati@wifimaju.example", " ")] {
        let wrong = InviteTenantOwner {
            name: Personal::new(name),
            ..invite(&rig, tenant, email)
        };
        assert_eq!(code(&rig.govern(wrong).await), Some(Code::ValidationError));
    }
    // A panel that is locked, and people who are let in no more, keep nobody from being invited.
    let reason = || "unpaid".to_owned();
    let steps = [
        (Standing::LockPanel { reason: reason() }, None),
        (Standing::Deactivate { reason: reason() }, None),
        (Standing::Delete, Some(Code::NotAllowedInState)),
    ];
    for (number, (standing, refused)) in steps.into_iter().enumerate() {
        rig.govern(ChangeStanding { tenant, standing })
            .await
            .expect("changed");
        rig.settle().await;
        let email = format!("owner-{number}@wifimaju.example");
        assert_eq!(code(&rig.govern(invite(&rig, tenant, &email)).await), refused);
        rig.settle().await;
    }
    assert_eq!(owners(&rig, tenant).await.users().len(), 3);
    let nobody = TenantId::new(rig.store().ids().next());
    let refused = rig.govern(invite(&rig, nobody, "wati@wifimaju.example")).await;
    assert_eq!(code(&refused), Some(Code::NotFound));
}
