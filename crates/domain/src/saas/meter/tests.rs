//! Whatever a plan or an add-on is called, it is charged; whoever leaves is charged no more.

use chrono::NaiveDate;

use super::*;
use crate::{
    Decider as _,
    billing::DueDay,
    given::{after, at, rupiah, uuid},
    platform::{
        AddOn, AddOnCommand, Plan, PlanCommand,
        account::{AccountDeleted, AccountRestored, DeletionScheduled, PlanChanged},
        add_on::{MAX_QUANTITY, catalogue::default_add_ons},
        plan::catalogue::default_plans,
    },
    saas::{
        Tab, TabCommand,
        tab::{OpenTab, StartCharge},
    },
};

fn account() -> TenantId {
    TenantId::new(uuid(9))
}

fn reading(event: &AccountEvent) -> (DateTime<Utc>, Reading) {
    match react(event).pop() {
        Some(Intent::Meter { at, reading, .. }) => (at, reading),
        other => panic!("no reading: {other:?}"),
    }
}

fn longest_name() -> String {
    "€".repeat(MAX_NAME_CHARS)
}

/// The longest label there is; accepted by the tab.
fn charged(event: &AccountEvent) -> String {
    let (_, Reading::Start { item, label, price }) = reading(event) else {
        panic!("no charge")
    };
    let from = NaiveDate::from_ymd_opt(2026, 4, 1).expect("a date");
    let tab: Tab = after([TabCommand::Open(OpenTab {
        account: account(),
        code: CustomerCode::parse("WIFI-MAJU").expect("a code"),
        name: "Wifi Maju".to_owned(),
        opened_on: from,
        billing_day: DueDay::FIRST,
        at: at(0),
    })]);
    let start = TabCommand::StartCharge(StartCharge {
        item,
        label: label.clone(),
        price,
        from,
        at: at(1),
    });
    assert_eq!(tab.decide(start).expect("accepted").len(), 1);
    label
}

#[test]
fn the_longest_name_of_a_plan_is_charged() {
    let mut terms = default_plans().expect("in range").remove(0);
    terms.name = longest_name();
    let define = PlanCommand::Define {
        terms: Box::new(terms.clone()),
        at: at(0),
    };
    assert!(Plan::default().decide(define).is_ok());
    let label = charged(&AccountEvent::PlanChanged(PlanChanged {
        tenant: account(),
        previous: terms.key.clone(),
        previous_price: rupiah(0),
        plan: terms,
        at: at(0),
    }));
    assert!(label.chars().count() <= MAX_LABEL_CHARS);
}

#[test]
fn the_most_pieces_of_the_add_on_with_the_longest_name_are_charged() {
    let mut terms = default_add_ons().expect("in range").remove(0);
    terms.name = longest_name();
    let define = AddOnCommand::Define {
        terms: Box::new(terms.clone()),
        at: at(0),
    };
    assert!(AddOn::default().decide(define).is_ok());
    let label = charged(&AccountEvent::AddOnActivated(AddOnActivated {
        tenant: account(),
        order: crate::AddOnOrderId::new(uuid(3)),
        terms,
        quantity: MAX_QUANTITY,
        at: at(0),
    }));
    assert_eq!(label.chars().count(), MAX_LABEL_CHARS, "no longer than needed");
}

#[test]
fn charging_pauses_with_the_order_of_deletion_and_goes_on_with_the_restoration() {
    let (tenant, day) = (account(), TimeDelta::days(1));
    let ordered = AccountEvent::DeletionScheduled(DeletionScheduled {
        tenant,
        due_at: at(0) + day * 30,
        at: at(0),
    });
    assert_eq!(reading(&ordered), (at(0), Reading::Suspend));
    let at_later = at(0) + day * 5;
    let restored = AccountEvent::Restored(AccountRestored { tenant, at: at_later });
    assert_eq!(reading(&restored), (at_later, Reading::Resume));
    let deleted = AccountEvent::Deleted(AccountDeleted {
        tenant,
        at: at(0) + day * 30,
    });
    assert_eq!(reading(&deleted), (at(0), Reading::Close));
}
