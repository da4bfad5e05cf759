//! What an account comes to, and every cell of status × command.

use chrono::TimeDelta;
use proptest::prelude::*;

use super::*;
use crate::{
    AddOnOrderId, Decider as _, Rupiah, Sealed, TenantId, UserId,
    given::{after, at, cells, check_replay, rupiah, uuid},
    platform::{
        AddOnKey, AddOnTerms, PlanTerms, add_on::catalogue::default_add_ons, plan::catalogue::default_plans,
    },
    tenancy::{DomainName, Extra, Feature, FeatureGroup, Limit, Resource, Subdomain, TenantSettings},
};

fn plan(index: usize) -> PlanTerms {
    default_plans().expect("in range").remove(index)
}

fn add_on(key: &str) -> AddOnTerms {
    let mut all = default_add_ons().expect("in range").into_iter();
    all.find(|terms| terms.key.as_str() == key).expect("on offer")
}

fn open(subdomain: &str) -> AccountCommand {
    AccountCommand::Open(Box::new(OpenAccount {
        tenant: TenantId::new(uuid(1)),
        name: "Wifi Maju".to_owned(),
        subdomain: Subdomain::parse(subdomain).expect("a subdomain"),
        plan: plan(0),
        settings: TenantSettings::default(),
        owner: OwnerContact {
            user: UserId::new(uuid(9)),
            name: Sealed::new("c2VhbGVk".to_owned()),
            email: Sealed::new("c2VhbGVk".to_owned()),
        },
        at: at(0),
    }))
}

fn rename(name: &str) -> AccountCommand {
    AccountCommand::Rename {
        name: name.to_owned(),
        at: at(1),
    }
}

fn invite_owner() -> AccountCommand {
    AccountCommand::InviteOwner {
        owner: OwnerContact {
            user: UserId::new(uuid(10)),
            name: Sealed::new("c2VhbGVk".to_owned()),
            email: Sealed::new("c2VhbGVk".to_owned()),
        },
        by: UserId::new(uuid(11)),
        at: at(1),
    }
}

fn change_plan(index: usize) -> AccountCommand {
    AccountCommand::ChangePlan {
        plan: Box::new(plan(index)),
        at: at(1),
    }
}

fn override_users(by: i32, price: Rupiah) -> AccountCommand {
    AccountCommand::OverrideLimit {
        resource: Resource::Users,
        extra: Extra::By(by),
        price,
        at: at(1),
    }
}

fn clear() -> AccountCommand {
    AccountCommand::ClearOverride {
        resource: Resource::Users,
        at: at(1),
    }
}

fn toggle(subject: Toggle, on: Option<bool>) -> AccountCommand {
    AccountCommand::ToggleFeature {
        subject,
        on,
        at: at(1),
    }
}

fn order(number: u128) -> AddOnOrderId {
    AddOnOrderId::new(uuid(number))
}

fn request(number: u128, key: &str, quantity: u32) -> AccountCommand {
    AccountCommand::RequestAddOn {
        order: order(number),
        add_on: RequestedAddOn::Offered(Box::new(add_on(key))),
        quantity,
        at: at(2),
    }
}

fn unknown(number: u128) -> AccountCommand {
    AccountCommand::RequestAddOn {
        order: order(number),
        add_on: RequestedAddOn::Unknown(AddOnKey::parse("extra_moon").expect("a key")),
        quantity: 1,
        at: at(2),
    }
}

fn approve(number: u128) -> AccountCommand {
    AccountCommand::ApproveAddOn {
        order: order(number),
        at: at(3),
    }
}

fn reject(number: u128) -> AccountCommand {
    AccountCommand::RejectAddOn {
        order: order(number),
        reason: "not in this region".to_owned(),
        at: at(3),
    }
}

fn cancel(number: u128) -> AccountCommand {
    AccountCommand::CancelAddOn {
        order: order(number),
        at: at(4),
    }
}

/// Long after any period has ended.
fn end(number: u128) -> AccountCommand {
    AccountCommand::EndAddOn {
        order: order(number),
        at: at(4) + TimeDelta::days(400),
    }
}

fn lock() -> AccountCommand {
    AccountCommand::LockPanel {
        reason: "unpaid".to_owned(),
        at: at(5),
    }
}

fn unlock() -> AccountCommand {
    AccountCommand::UnlockPanel { at: at(5) }
}

fn revoke(name: &str, reason: &str) -> AccountCommand {
    AccountCommand::RevokeDomain {
        name: DomainName::parse(name).expect("a name"),
        reason: reason.to_owned(),
        at: at(5),
    }
}

fn allow(name: &str) -> AccountCommand {
    AccountCommand::AllowDomain {
        name: DomainName::parse(name).expect("a name"),
        at: at(6),
    }
}

fn deactivate() -> AccountCommand {
    AccountCommand::Deactivate {
        reason: "asked to".to_owned(),
        at: at(6),
    }
}

fn activate() -> AccountCommand {
    AccountCommand::Activate { at: at(6) }
}

fn schedule() -> AccountCommand {
    AccountCommand::ScheduleDeletion { at: at(7) }
}

fn restore() -> AccountCommand {
    AccountCommand::Restore { at: at(8) }
}

fn delete(after_days: i64) -> AccountCommand {
    AccountCommand::Delete {
        at: at(7) + TimeDelta::days(after_days),
    }
}

fn limit(account: &Account, resource: Resource) -> Limit {
    account.entitlements().expect("open").1.limits.of(resource)
}

fn has(account: &Account, feature: Feature) -> bool {
    account
        .entitlements()
        .expect("open")
        .1
        .features
        .contains(&feature)
}

#[test]
fn every_cell_of_status_and_command_is_decided() {
    let held = || {
        [
            open("maju"),
            request(1, "extra_router", 1),
            request(2, "white_label", 1),
        ]
    };
    let with = |last: AccountCommand| after(held().into_iter().chain([last]));
    let states: [(&str, Account); 6] = [
        ("ABSENT", Account::default()),
        ("ACTIVE", after(held())),
        ("LOCKED", with(lock())),
        ("DEACTIVATED", with(deactivate())),
        ("DELETING", with(schedule())),
        (
            "DELETED",
            after(held().into_iter().chain([schedule(), delete(GRACE_DAYS)])),
        ),
    ];
    let group = Toggle::Group(FeatureGroup::Pro);
    let commands = [
        ("open", open("maju")),
        ("open elsewhere", open("mundur")),
        ("open under a name of the platform", open("admin")),
        ("invite an owner", invite_owner()),
        ("rename", rename("Wifi Mundur")),
        ("keep the name", rename("Wifi Maju")),
        ("rename to nothing", rename(" ")),
        ("change plan", change_plan(1)),
        ("keep plan", change_plan(0)),
        ("override", override_users(10, rupiah(5_000))),
        (
            "override at a loss",
            override_users(10, Rupiah::try_new(-1).expect("in range")),
        ),
        ("clear no override", clear()),
        ("toggle a group", toggle(group, Some(true))),
        ("toggle nothing", toggle(group, None)),
        ("request", request(3, "extra_router", 1)),
        ("request what is approved", request(3, "ai_agent_admin", 1)),
        ("request again", request(1, "extra_router", 1)),
        ("request none", request(3, "extra_router", 0)),
        ("request what is not on offer", unknown(3)),
        ("approve", approve(2)),
        ("approve what is active", approve(1)),
        ("approve nothing", approve(3)),
        ("reject", reject(2)),
        ("reject what is active", reject(1)),
        ("cancel", cancel(1)),
        ("cancel a request", cancel(2)),
        ("end what is not cancelled", end(1)),
        ("lock", lock()),
        ("unlock", unlock()),
        ("cut off", AccountCommand::SetRadiusCutOff { on: true, at: at(5) }),
        (
            "do not cut off",
            AccountCommand::SetRadiusCutOff { on: false, at: at(5) },
        ),
        ("revoke a domain", revoke("tagihan.maju.id", "phishing")),
        ("revoke a domain without a reason", revoke("tagihan.maju.id", " ")),
        ("allow what is allowed", allow("tagihan.maju.id")),
        ("deactivate", deactivate()),
        ("activate", activate()),
        ("schedule deletion", schedule()),
        ("restore", restore()),
        ("delete early", delete(GRACE_DAYS - 1)),
        ("delete", delete(GRACE_DAYS)),
    ];
    insta::assert_snapshot!(cells(&states, &commands));
}

#[test]
fn the_limit_is_the_plan_plus_the_override_plus_active_add_ons() {
    let account: Account = after([open("maju")]);
    assert_eq!(limit(&account, Resource::Users), Limit::AtMost(250));
    let account: Account = after([
        open("maju"),
        request(1, "extra_user_pack", 2),
        override_users(-50, rupiah(10_000)),
    ]);
    assert_eq!(limit(&account, Resource::Users), Limit::AtMost(400));
    let account: Account = after([
        open("maju"),
        request(1, "extra_user_pack", 2),
        override_users(-50, rupiah(10_000)),
        change_plan(3),
    ]);
    assert_eq!(limit(&account, Resource::Users), Limit::Unlimited);
}

#[test]
fn an_add_on_raises_at_once_and_lowers_at_the_end_of_its_period() {
    let to_the_end = [open("maju"), request(1, "extra_router", 3), cancel(1)];
    let account: Account = after(to_the_end.clone());
    assert_eq!(limit(&account, Resource::Routers), Limit::AtMost(5));
    let early = AccountCommand::EndAddOn {
        order: order(1),
        at: at(5),
    };
    assert_eq!(account.decide(early), Ok(Vec::new()));
    let account: Account = after(to_the_end.into_iter().chain([end(1)]));
    assert_eq!(limit(&account, Resource::Routers), Limit::AtMost(2));
}

#[test]
fn a_single_toggle_counts_more_than_its_group_and_both_more_than_the_plan() {
    let custom_roles = Toggle::Feature(Feature::CustomRoles);
    let pro = Toggle::Group(FeatureGroup::Pro);
    let account: Account = after([open("maju"), toggle(pro, Some(true))]);
    assert!(has(&account, Feature::CustomRoles));
    let account: Account = after([
        open("maju"),
        toggle(pro, Some(true)),
        toggle(custom_roles, Some(false)),
    ]);
    assert!(!has(&account, Feature::CustomRoles));
    assert!(has(&account, Feature::Exports));
    let account: Account = after([open("maju"), request(1, "white_label", 1), approve(1)]);
    assert!(has(&account, Feature::WhiteLabel));
}

#[test]
fn what_is_owed_is_the_plan_the_active_add_ons_and_the_overrides() {
    let account: Account = after([
        open("maju"),
        request(1, "extra_router", 3),
        request(2, "white_label", 1),
        override_users(10, rupiah(5_000)),
    ]);
    let charges: Vec<(String, u32, i64)> = account
        .charges()
        .into_iter()
        .map(|charge| (charge.name, charge.quantity, charge.unit_price.get()))
        .collect();
    assert_eq!(
        charges,
        [
            ("Basic".to_owned(), 1, 150_000),
            ("Extra router".to_owned(), 3, 50_000),
            ("users".to_owned(), 1, rupiah(5_000).get()),
        ]
    );
}

#[test]
fn a_renamed_account_keeps_its_subdomain_and_what_it_was_granted() {
    let before: Account = after([open("maju")]);
    let account: Account = after([open("maju"), rename("Wifi Mundur")]);
    assert_eq!(account.name(), Some("Wifi Mundur"));
    assert_eq!(account.subdomain(), before.subdomain());
    assert_eq!(account.entitlements(), before.entitlements());
}

#[test]
fn an_account_under_a_name_of_the_platform_is_read_and_works() {
    let AccountCommand::Open(mut opening) = open("maju") else {
        unreachable!("an opening");
    };
    let reserved = Subdomain::parse("admin").expect("a subdomain");
    let events = Account::default().decide(AccountCommand::Open(opening.clone()));
    let mut opened = events.expect("opened");
    let AccountEvent::Opened(first) = &mut opened[0] else {
        unreachable!("opened");
    };
    first.subdomain = reserved.clone();
    let mut account = Account::default();
    for event in &opened {
        account.evolve(event);
    }
    assert_eq!(account.subdomain(), Some(&reserved));
    assert!(account.decide(rename("Wifi Mundur")).is_ok());
    opening.subdomain = reserved;
    assert_eq!(account.decide(AccountCommand::Open(opening)), Ok(Vec::new()));
}

#[test]
fn another_owner_changes_nothing_of_what_is_granted() {
    let before: Account = after([open("maju")]);
    assert_eq!(after::<Account>([open("maju"), invite_owner()]), before);
    assert_eq!(before.must_be_open(), Ok(()));
    assert_eq!(Account::default().must_be_open(), Err(AccountError::NotFound));
}

#[test]
fn a_restored_account_is_as_it_was() {
    let account: Account = after([open("maju"), deactivate(), schedule(), restore()]);
    assert_eq!(account.status(), AccountStatus::Deactivated);
    let account: Account = after([open("maju"), schedule(), restore()]);
    assert_eq!(account.status(), AccountStatus::Active);
    assert_eq!(account.deletion_due(), None);
}

#[test]
fn a_domain_is_revoked_until_it_is_allowed() {
    let names = |account: &Account| -> Vec<String> {
        let revoked = account.revoked_domains();
        revoked
            .map(|(name, revocation)| format!("{name}: {}", revocation.reason))
            .collect()
    };
    let account: Account = after([
        open("maju"),
        revoke("a.maju.id", "phishing"),
        revoke("a.maju.id", "again"),
    ]);
    assert_eq!(names(&account), ["a.maju.id: phishing"]);
    let account: Account = after([open("maju"), revoke("a.maju.id", "phishing"), allow("a.maju.id")]);
    assert_eq!(names(&account), Vec::<String>::new());
}

fn commands() -> impl Strategy<Value = Vec<AccountCommand>> {
    let command = prop_oneof![
        4 => Just(open("maju")),
        2 => prop::sample::select(vec!["Wifi Maju", "Wifi Mundur", ""]).prop_map(rename),
        1 => Just(invite_owner()),
        2 => (0_usize..4).prop_map(change_plan),
        2 => (-3_i32..9, 0_i64..3).prop_map(|(by, price)| override_users(by, Rupiah::try_new(price).expect("in range"))),
        1 => Just(clear()),
        2 => prop::option::of(any::<bool>()).prop_map(|on| toggle(Toggle::Feature(Feature::Hr), on)),
        4 => (1_u128..5, 0_u32..3).prop_map(|(number, quantity)| request(number, "extra_router", quantity)),
        4 => (1_u128..5).prop_map(|number| request(number, "white_label", 1)),
        1 => (1_u128..5).prop_map(unknown),
        3 => (1_u128..5).prop_map(approve),
        2 => (1_u128..5).prop_map(reject),
        3 => (1_u128..5).prop_map(cancel),
        3 => (1_u128..5).prop_map(end),
        2 => Just(lock()),
        2 => Just(unlock()),
        2 => any::<bool>().prop_map(|on| AccountCommand::SetRadiusCutOff { on, at: at(5) }),
        2 => prop::sample::select(vec!["a.maju.id", "b.maju.id"]).prop_map(|name| revoke(name, "phishing")),
        2 => prop::sample::select(vec!["a.maju.id", "b.maju.id"]).prop_map(allow),
        2 => Just(deactivate()),
        2 => Just(activate()),
        1 => Just(schedule()),
        2 => Just(restore()),
        1 => Just(delete(GRACE_DAYS)),
    ];
    prop::collection::vec(command, 0..40)
}

proptest! {
    // Property 74: replay of any command sequence gives the state.
    #[test]
    fn replaying_the_log_gives_the_state(commands in commands()) {
        // Each invitation is one of its own: its user is made by the use case, whose command id has one effect.
        let repeatable = |command: &AccountCommand| !matches!(command, AccountCommand::InviteOwner { .. });
        check_replay::<Account>(&commands, repeatable);
    }

    #[test]
    fn what_the_tenant_was_told_last_is_what_the_account_comes_to(commands in commands()) {
        let mut account: Account = after([open("maju")]);
        let mut revision = 1;
        for command in commands {
            let events = account.decide(command).unwrap_or_default();
            for event in &events {
                account.evolve(event);
                if let AccountEvent::EntitlementsChanged(changed) = event {
                    prop_assert_eq!(changed.revision, revision + 1);
                    revision = changed.revision;
                }
            }
            let granted = account.granted().expect("open");
            let (_, told) = account.entitlements().expect("open");
            prop_assert_eq!(told.limits, granted.limits());
            prop_assert_eq!(&told.features, &granted.enabled());
            prop_assert_eq!(told.panel_lock.as_deref(), account.panel_lock());
            prop_assert_eq!(told.disabled, account.status() != AccountStatus::Active);
        }
    }
}
