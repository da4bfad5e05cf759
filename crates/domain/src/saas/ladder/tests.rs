//! Reminders, the lock and the next bill are due at local midnights.

use chrono::{Days, NaiveDate, TimeDelta};
use proptest::prelude::*;

use super::*;
use crate::{
    InvoiceId, SubscriptionId, TenantId,
    billing::{
        InvoiceNumber, Period,
        gateway::Currency,
        invoice::{InvoiceIssued, InvoiceSnapshot},
    },
    customers::CustomerCode,
    given::{day, rupiah, uuid},
    saas::{payer_id, tab::TabOpened},
};

fn account() -> TenantId {
    TenantId::new(uuid(9))
}

fn issued(billed: Billed, total: i64, due_on: NaiveDate, zone: Zone) -> InvoiceEvent {
    let issued_on = due_on - Days::new(14);
    InvoiceEvent::Issued(Box::new(InvoiceIssued {
        invoice: InvoiceId::new(uuid(1)),
        number: InvoiceNumber::parse("INV/1").expect("a number"),
        customer: payer_id(account()),
        billed,
        period: Period::try_new(issued_on, issued_on + Days::new(30)).expect("a period"),
        lines: Vec::new(),
        total: rupiah(total),
        currency: Currency::Idr,
        due_on,
        zone,
        snapshot: InvoiceSnapshot {
            seller_name: "Simpul".to_owned(),
            customer_code: CustomerCode::parse("WIFI-MAJU").expect("a code"),
            account_name: Some("Wifi Maju".to_owned()),
            plan: None,
            plan_name: "basic".to_owned(),
        },
        at: zone.start_of(issued_on) + TimeDelta::hours(3),
    }))
}

fn facts(reminder_days: Vec<i8>, grace_days: u8) -> LadderFacts {
    LadderFacts {
        reminder_days,
        grace_days,
    }
}

#[test]
fn only_an_account_s_bill_that_asks_for_money_has_a_ladder() {
    let facts = facts(vec![0], 7);
    let (due_on, zone) = (day(40), Zone::Jakarta);
    let line = Billed::Subscription(SubscriptionId::new(uuid(3)));
    assert!(react(&issued(line, 150, due_on, zone), &facts).is_empty());
    assert!(react(&issued(Billed::Account(account()), 0, due_on, zone), &facts).is_empty());
}

#[test]
fn a_tab_is_billed_when_its_next_period_begins() {
    let opened = TabEvent::Opened(TabOpened {
        account: account(),
        code: CustomerCode::parse("WIFI-MAJU").expect("a code"),
        name: "Wifi Maju".to_owned(),
        opened_on: day(3),
        next_on: day(30),
        at: Zone::Jakarta.start_of(day(3)),
    });
    let intents = on_tab(&opened, Zone::Makassar);
    let kind = TimerKind::BillAccount {
        account: account(),
        on: day(30),
    };
    assert_eq!(on_timer(&kind), Some(Intent::BillAccount { account: account() }));
    assert_eq!(intents, [Intent::timer(Zone::Makassar.start_of(day(30)), kind)]);
}

#[test]
fn a_bill_that_is_reopened_is_looked_at_again_after_its_grace() {
    let (due_on, zone) = (day(40), Zone::Jakarta);
    let invoice = InvoiceId::new(uuid(1));
    let locks_at = zone.start_of(due_on + Days::new(8));
    let step = TimerKind::ArrearsDue {
        invoice,
        account: account(),
    };
    for late in [TimeDelta::days(-9), TimeDelta::zero(), TimeDelta::hours(5)] {
        let reopened = InvoiceReopened {
            invoice,
            customer: payer_id(account()),
            billed: Billed::Account(account()),
            due_on,
            zone,
            outstanding: rupiah(150),
            at: locks_at + late,
        };
        let again = TimerKind::Reopened {
            step: Box::new(step.clone()),
            reopened_at: reopened.at,
        };
        assert_ne!(again.timer(), step.timer());
        assert_eq!(on_timer(&again), on_timer(&step));
        let due_at = locks_at.max(reopened.at);
        let intents = react(&InvoiceEvent::Reopened(reopened), &facts(vec![0], 7));
        assert_eq!(intents, [Intent::timer(due_at, again)]);
    }
}

proptest! {
    // Property 20: what is unpaid past the due date moves on at local midnight and not before.
    #[test]
    fn steps_are_due_at_the_first_instant_of_their_local_day(
        days in 20_u64..3_000, grace_days in 0_u8..40, stages in prop::collection::btree_set(-13_i8..20, 0..6),
        zone in prop::sample::select(vec![Zone::Jakarta, Zone::Makassar, Zone::Jayapura]),
    ) {
        let due_on = day(1) + Days::new(days);
        let stages: Vec<i8> = stages.into_iter().collect();
        let intents = react(&issued(Billed::Account(account()), 150, due_on, zone), &facts(stages.clone(), grace_days));
        prop_assert_eq!(intents.len(), stages.len() + 1);
        let mut indexes: Vec<u32> = intents.iter().map(Intent::index).collect();
        indexes.sort_unstable();
        indexes.dedup();
        prop_assert_eq!(indexes.len(), intents.len(), "each intent has a command id of its own");
        for intent in intents {
            let Intent::ScheduleTimer { due_at, kind, .. } = intent else { panic!("a timer") };
            let on = zone.date_at(due_at);
            prop_assert_eq!(zone.start_of(on), due_at);
            match kind {
                TimerKind::BillReminder { stage, .. } => prop_assert_eq!((on - due_on).num_days(), i64::from(stage)),
                TimerKind::ArrearsDue { .. } => {
                    prop_assert_eq!((on - due_on).num_days(), i64::from(grace_days) + 1);
                }
                other => prop_assert!(false, "{other:?}"),
            }
        }
    }
}
