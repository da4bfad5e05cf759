//! A name leads to the tenant whom the DNS speaks for, and to nobody else.

use simpul_app::{
    Refusal,
    tenancy::{LookAtDomain, ObserveDomain, ReleaseDomain, RequestDomain, domain_id, resolve},
};
use simpul_domain::{
    Code, CustomDomainId, TenantId, TimerId,
    tenancy::{
        CustomDomain, DomainName, Entitlements, Feature,
        custom_domain::{DomainStatus, Observed},
    },
};
use simpul_event_store::{Actor, Command};
use simpul_testkit::sql::Session;

use crate::rig::{Answer, Rig, code};

const PLATFORM: &str = "simpul.example";

fn name() -> DomainName {
    DomainName::parse("tagihan.wifimaju.id").expect("a name")
}

async fn tell<C: Command<Refusal = Refusal>>(rig: &Rig, tenant: TenantId, command: C) -> Answer<C::Answer> {
    rig.ask(tenant, Actor::System("test"), command).await
}

async fn request(rig: &Rig, tenant: TenantId) -> CustomDomainId {
    let request = RequestDomain {
        name: name(),
        platform: PLATFORM.to_owned(),
    };
    tell(rig, tenant, request).await.expect("requested")
}

async fn state(rig: &Rig, tenant: TenantId) -> CustomDomain {
    let id = domain_id(tenant, &name()).to_string();
    let (state, _) = rig
        .store()
        .load::<CustomDomain>(tenant, &id)
        .await
        .expect("loads");
    state
}

async fn saw(rig: &Rig, tenant: TenantId, observed: Observed) -> Answer<()> {
    let state = state(rig, tenant).await;
    let observe = ObserveDomain {
        domain: domain_id(tenant, &name()),
        token: state.token().expect("a token").to_owned(),
        status: state.status(),
        observed,
        timer: TimerId::new(rig.store().ids().next()),
        again: true,
    };
    tell(rig, tenant, observe).await
}

async fn found(rig: &Rig) -> Option<TenantId> {
    resolve(rig.store(), PLATFORM, Some(name().as_str()), None)
        .await
        .unwrap_or_default()
}

async fn looks(rig: &Rig, tenant: TenantId) -> i64 {
    let mut admin = Session::open(&rig.test.superuser_url()).await;
    let text: String = admin
        .value(&format!(
            "SELECT count(*)::text FROM es.timers WHERE tenant_id = '{}' AND kind = 'check_domain'",
            tenant.as_uuid()
        ))
        .await;
    text.parse().expect("a number")
}

#[tokio::test]
async fn a_squatter_who_proves_nothing_keeps_the_name_from_nobody() {
    let rig = Rig::new().await;
    let squatter = rig.found("squatter", Entitlements::unlimited()).await;
    let owner = rig.found("maju", Entitlements::unlimited()).await;
    request(&rig, squatter).await;
    request(&rig, owner).await;
    assert_ne!(
        state(&rig, squatter).await.token(),
        state(&rig, owner).await.token(),
        "each has a proof of its own"
    );
    assert_eq!(found(&rig).await, None, "nobody has proved it");
    saw(&rig, owner, Observed::Proof).await.expect("proved");
    assert_eq!(found(&rig).await, Some(owner));
    let taken = saw(&rig, squatter, Observed::Proof).await;
    assert_eq!(code(&taken), Some(Code::DuplicateEntry));
    assert_eq!(found(&rig).await, Some(owner));
}

#[tokio::test]
async fn a_name_that_is_given_back_leads_nowhere_and_can_be_proved_by_another() {
    let rig = Rig::new().await;
    let first = rig.found("maju", Entitlements::unlimited()).await;
    let second = rig.found("jaya", Entitlements::unlimited()).await;
    let domain = request(&rig, first).await;
    saw(&rig, first, Observed::Proof).await.expect("proved");
    for _ in 0..2 {
        tell(&rig, first, ReleaseDomain { domain })
            .await
            .expect("released");
    }
    assert_eq!(found(&rig).await, None);
    request(&rig, second).await;
    saw(&rig, second, Observed::Proof).await.expect("proved");
    assert_eq!(found(&rig).await, Some(second));
}

#[tokio::test]
async fn each_look_is_followed_by_one_and_asking_for_one_adds_none() {
    let rig = Rig::new().await;
    let tenant = rig.found("maju", Entitlements::unlimited()).await;
    let domain = request(&rig, tenant).await;
    request(&rig, tenant).await;
    assert_eq!(looks(&rig, tenant).await, 1, "the same request");
    tell(&rig, tenant, LookAtDomain { domain })
        .await
        .expect("ordered");
    assert_eq!(looks(&rig, tenant).await, 2, "once more, now");
    saw(&rig, tenant, Observed::Nothing).await.expect("heard nothing");
    assert!(matches!(
        state(&rig, tenant).await.status(),
        DomainStatus::Requested { .. }
    ));
    tell(&rig, tenant, ReleaseDomain { domain })
        .await
        .expect("released");
    let before = looks(&rig, tenant).await;
    saw(&rig, tenant, Observed::Proof).await.expect("too late");
    assert_eq!(looks(&rig, tenant).await, before, "nothing follows what is over");
    assert_eq!(found(&rig).await, None);
}

#[tokio::test]
async fn names_of_the_platform_and_more_than_ten_are_refused_and_so_is_all_without_the_feature() {
    let rig = Rig::new().await;
    let tenant = rig.found("maju", Entitlements::unlimited()).await;
    let ask = |text: String| RequestDomain {
        name: DomainName::parse(&text).expect("a name"),
        platform: "simpul.id".to_owned(),
    };
    let below = tell(&rig, tenant, ask("other.simpul.id".to_owned())).await;
    assert_eq!(code(&below), Some(Code::ValidationError));
    for number in 0..10 {
        let asked = tell(&rig, tenant, ask(format!("n{number}.wifimaju.id"))).await;
        asked.expect("requested");
    }
    let more = tell(&rig, tenant, ask("n10.wifimaju.id".to_owned())).await;
    assert_eq!(code(&more), Some(Code::LimitReached));
    let mut plain = Entitlements::unlimited();
    plain.features.remove(&Feature::CustomDomain);
    let plain = rig.found("jaya", plain).await;
    let without = tell(&rig, plain, ask("wifijaya.id".to_owned())).await;
    assert_eq!(code(&without), Some(Code::FeatureDisabled));
}
