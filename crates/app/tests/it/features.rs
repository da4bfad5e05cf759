//! What a feature takes away from whoever does not have it, and what it leaves (F15, F16, SPEC section 2).

use std::collections::BTreeSet;

use simpul_app::{
    Personal,
    identity::{
        Invitation,
        invitations::{Handover, InviteUser},
        users::ChangeUserRoles,
    },
    platform::{self, Terms},
    tenancy::ChangeSettings,
};
use simpul_domain::{
    Code, TenantId, UserId,
    identity::{BuiltInRole, RoleKey, UserKind},
    platform::account::Toggle,
    tenancy::{
        Feature, IsolirStrategy, Section,
        settings::{Branding, HttpsUrl, Isolir},
    },
};
use simpul_testkit::sql::Session;

use crate::rig::{Answer, Rig, code};

async fn toggle(rig: &Rig, tenant: TenantId, feature: Feature, on: bool) {
    let terms = Terms::Toggle {
        subject: Toggle::Feature(feature),
        on: Some(on),
    };
    rig.govern(platform::ChangeTerms { tenant, terms })
        .await
        .expect("toggled");
    rig.settle().await;
}

async fn choose(rig: &Rig, tenant: TenantId, section: impl Into<Section>) -> Answer<()> {
    let section = section.into();
    rig.own(tenant, ChangeSettings { section }).await
}

fn branded(logo: &str) -> Branding {
    Branding {
        seller_name: Some("Wifi Maju".to_owned()),
        logo: Some(HttpsUrl::parse(logo).expect("an address")),
        ..Branding::default()
    }
}

#[tokio::test]
async fn a_face_of_ones_own_is_white_label_and_a_name_on_the_bill_is_not() {
    let rig = Rig::new().await;
    let tenant = rig.onboard("maju", "basic").await;
    let named = Branding {
        seller_name: Some("Wifi Maju".to_owned()),
        ..Branding::default()
    };
    choose(&rig, tenant, named.clone()).await.expect("a name");
    let faced = choose(&rig, tenant, branded("https://maju.id/logo.png")).await;
    assert_eq!(code(&faced), Some(Code::FeatureDisabled));
    toggle(&rig, tenant, Feature::WhiteLabel, true).await;
    choose(&rig, tenant, branded("https://maju.id/logo.png"))
        .await
        .expect("a face");
    toggle(&rig, tenant, Feature::WhiteLabel, false).await;
    let renamed = Branding {
        seller_name: Some("Wifi Jaya".to_owned()),
        ..branded("https://maju.id/logo.png")
    };
    choose(&rig, tenant, renamed).await.expect("what is there stays");
    let other = choose(&rig, tenant, branded("https://maju.id/other.png")).await;
    assert_eq!(code(&other), Some(Code::FeatureDisabled));
    choose(&rig, tenant, named).await.expect("given up");
}

#[tokio::test]
async fn isolating_by_radius_needs_radius() {
    let rig = Rig::new().await;
    let tenant = rig.onboard("maju", "basic").await;
    let by = |strategy| Isolir {
        strategy,
        ..Isolir::default()
    };
    choose(&rig, tenant, by(IsolirStrategy::AddressList))
        .await
        .expect("on the router");
    for strategy in [
        IsolirStrategy::RadiusAttributes,
        IsolirStrategy::RadiusCoa,
        IsolirStrategy::RadiusReject,
    ] {
        let chosen = choose(&rig, tenant, by(strategy)).await;
        assert_eq!(code(&chosen), Some(Code::FeatureDisabled), "{strategy:?}");
    }
    toggle(&rig, tenant, Feature::Radius, true).await;
    choose(&rig, tenant, by(IsolirStrategy::RadiusCoa))
        .await
        .expect("by RADIUS");
}

async fn invite(rig: &Rig, tenant: TenantId, role: BuiltInRole) -> Answer<UserId> {
    let invitation = Invitation {
        email: Personal::new(format!("{}@maju.example", role.as_str())),
        name: Personal::new("Budi"),
        kind: UserKind::Staff,
        roles: BTreeSet::from([role.into()]),
        handover: Handover::Letter,
    };
    rig.own(tenant, InviteUser { invitation }).await
}

#[tokio::test]
async fn roles_of_a_feature_are_given_to_nobody_without_it_and_kept_by_whoever_has_them() {
    let rig = Rig::new().await;
    let tenant = rig.onboard("maju", "basic").await;
    for (role, feature) in [
        (BuiltInRole::Collector, Feature::Collectors),
        (BuiltInRole::Agent, Feature::Resellers),
        (BuiltInRole::Investor, Feature::Investors),
    ] {
        let refused = invite(&rig, tenant, role).await;
        assert_eq!(code(&refused), Some(Code::FeatureDisabled), "{role:?}");
        toggle(&rig, tenant, feature, true).await;
        let user = invite(&rig, tenant, role).await.expect("invited");
        toggle(&rig, tenant, feature, false).await;
        let with = |other: BuiltInRole| ChangeUserRoles {
            user,
            roles: BTreeSet::from([RoleKey::from(role), other.into()]),
        };
        rig.own(tenant, with(BuiltInRole::Viewer))
            .await
            .expect("kept beside another");
        let plain = ChangeUserRoles {
            user,
            roles: BTreeSet::from([BuiltInRole::Viewer.into()]),
        };
        rig.own(tenant, plain).await.expect("given up");
        let again = rig.own(tenant, with(BuiltInRole::Viewer)).await;
        assert_eq!(code(&again), Some(Code::FeatureDisabled), "{role:?} again");
    }
    invite(&rig, tenant, BuiltInRole::Technician)
        .await
        .expect("of every plan");
}

#[tokio::test]
async fn a_platform_that_was_founded_before_a_feature_existed_has_it_after_the_next_start() {
    let rig = Rig::new().await;
    let mut admin = Session::open(&rig.test.superuser_url()).await;
    let platform = TenantId::PLATFORM.as_uuid();
    let features =
        format!("SELECT cardinality(features)::text FROM es.access_tenants WHERE tenant_id = '{platform}'");
    let all = Feature::ALL.len().to_string();
    assert_eq!(admin.value::<String>(&features).await, all);
    // As a version left it that knew one feature and no such command.
    admin
        .run(&format!(
            "UPDATE es.access_tenants SET features = '{{portal}}' WHERE tenant_id = '{platform}';
             DELETE FROM es.commands c USING es.idle_commands i
             WHERE c.tenant_id = i.tenant_id AND c.command_id = i.command_id;
             DELETE FROM es.idle_commands"
        ))
        .await
        .expect("as before");
    for _ in 0..2 {
        platform::found(&rig.bus).await.expect("started");
        assert_eq!(admin.value::<String>(&features).await, all);
    }
}
