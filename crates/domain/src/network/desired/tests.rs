//! What each status and strategy means on the router, and a canonical text that is always the same.

use super::*;
use crate::given::{sealed, uuid};

fn facts(status: SubscriptionStatus) -> ServiceFacts {
    ServiceFacts {
        tenant: TenantId::new(uuid(1)),
        subscription: SubscriptionId::new(uuid(3)),
        router: RouterId::new(uuid(4)),
        status,
        username: PppUsername::parse("budi@maju").expect("a name"),
        secret: sealed("c2VjcmV0"),
        secret_version: 1,
        profile: PppProfile::parse("rumah-10").expect("a name"),
        version: 4,
    }
}

fn wanted(status: SubscriptionStatus, strategy: IsolirStrategy) -> Option<DesiredState> {
    desired(
        &facts(status),
        &IsolirSettings {
            strategy,
            profile: PppProfile::isolir(),
        },
    )
}

#[test]
fn nothing_is_wanted_before_the_first_activation() {
    assert_eq!(
        wanted(SubscriptionStatus::Pending, IsolirStrategy::default()),
        None
    );
    assert_eq!(
        wanted(SubscriptionStatus::Absent, IsolirStrategy::default()),
        None
    );
}

#[test]
fn the_canonical_text_is_stable_and_names_no_secret() {
    let state = wanted(SubscriptionStatus::Isolated, IsolirStrategy::PppProfileSwitch).expect("a state");
    insta::assert_snapshot!(state.canonical(), @r"
    simpul-ppp-1
    name=budi@maju
    present=yes
    service=pppoe
    profile=isolir
    disabled=no
    isolir-listed=no
    marker=simpul:ten_00000000000000000000000001:sub_00000000000000000000000003
    ");
    let resealed = DesiredState {
        secret: sealed("YW5kZXJz"),
        version: 9,
        ..state.clone()
    };
    assert_eq!(resealed.canonical(), state.canonical());
}

#[test]
fn each_status_has_its_own_account_on_the_router() {
    let account = |status| {
        let state = wanted(status, IsolirStrategy::PppProfileSwitch).expect("a state");
        (state.access, state.account)
    };
    let present = |profile: &str, disabled| Account::Present {
        profile: PppProfile::parse(profile).expect("a name"),
        disabled,
        isolir_listed: false,
    };
    assert_eq!(
        account(SubscriptionStatus::Active),
        (Access::Full, present("rumah-10", false))
    );
    assert_eq!(
        account(SubscriptionStatus::Isolated),
        (Access::Isolated, present("isolir", false))
    );
    assert_eq!(
        account(SubscriptionStatus::Suspended),
        (Access::Blocked, present("rumah-10", true))
    );
    assert_eq!(
        account(SubscriptionStatus::Stopped),
        (Access::Blocked, present("rumah-10", true))
    );
    assert_eq!(
        account(SubscriptionStatus::Terminated),
        (Access::Removed, Account::Absent)
    );
}

#[test]
fn each_strategy_isolates_its_own_way() {
    let account = |strategy| match wanted(SubscriptionStatus::Isolated, strategy)
        .expect("a state")
        .account
    {
        Account::Present {
            profile,
            disabled,
            isolir_listed,
        } => (profile.to_string(), disabled, isolir_listed),
        Account::Absent => panic!("the account stays"),
    };
    assert_eq!(
        account(IsolirStrategy::PppProfileSwitch),
        ("isolir".to_owned(), false, false)
    );
    assert_eq!(
        account(IsolirStrategy::AddressList),
        ("rumah-10".to_owned(), false, true)
    );
    assert_eq!(
        account(IsolirStrategy::DisableSecret),
        ("rumah-10".to_owned(), true, false)
    );
    for strategy in [
        IsolirStrategy::RadiusAttributes,
        IsolirStrategy::RadiusCoa,
        IsolirStrategy::RadiusReject,
    ] {
        assert_eq!(account(strategy), ("rumah-10".to_owned(), false, false));
    }
}
