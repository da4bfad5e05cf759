//! What follows from what: timers, isolir, booking, sweeps and messages.

use std::collections::BTreeSet;

use chrono::{DateTime, Days};
use proptest::prelude::*;

use super::*;
use crate::{
    AttemptId, GatewayId, PaymentId, RouterId, Rupiah, TenantId,
    billing::{
        InvoiceEvent, InvoiceNumber, MerchantRef,
        allocation::OpenInvoice,
        attempt::AttemptPaid,
        booking, dunning,
        dunning::DunningFacts,
        invoice::{Billed, InvoiceFellOverdue, InvoicePaid, InvoiceReopened, InvoiceVoided},
        isolir,
        payment::PaymentFlag,
    },
    given::{at, day, rupiah, uuid},
    messaging::receipts::{self, ReceiptFacts},
    network::{
        Access, ProvisioningEvent, Sha256Hex,
        provisioning::ProvisioningConfirmed,
        sweep::{self, Sweep},
    },
    subscriptions::{SubscriptionEvent, subscription::SubscriptionIsolated},
    tenancy::{
        Section, TenantEvent,
        settings::{Calendar, Isolir},
        tenant::{PanelUnlocked, SettingsChanged},
    },
    time::Zone,
};

fn invoice() -> InvoiceId {
    InvoiceId::new(uuid(100))
}

fn subscription() -> SubscriptionId {
    SubscriptionId::new(uuid(3))
}

fn customer() -> CustomerId {
    CustomerId::new(uuid(2))
}

fn cause() -> EventId {
    EventId::new(uuid(8))
}

fn fell_overdue() -> InvoiceEvent {
    InvoiceEvent::FellOverdue(InvoiceFellOverdue {
        invoice: invoice(),
        customer: customer(),
        billed: Billed::Subscription(subscription()),
        due_on: day(15),
        zone: Zone::Jakarta,
        today: day(16),
        outstanding: rupiah(150),
        at: at(0),
    })
}

fn paid(payment: Option<PaymentId>) -> InvoiceEvent {
    InvoiceEvent::Paid(InvoicePaid {
        invoice: invoice(),
        number: InvoiceNumber::parse("INV/1").expect("a number"),
        customer: customer(),
        billed: Billed::Subscription(subscription()),
        total: payment.map_or(Rupiah::ZERO, |_| rupiah(150)),
        payment,
        was_overdue: false,
        at: at(0),
    })
}

fn confirmed(previous_access: Option<Access>, access: Access) -> ProvisioningEvent {
    let hash = Sha256Hex::parse(&"a".repeat(64)).expect("a hash");
    ProvisioningEvent::Confirmed(ProvisioningConfirmed {
        subscription: subscription(),
        router: RouterId::new(uuid(4)),
        desired_version: 2,
        access,
        previous_access,
        desired_hash: hash.clone(),
        observed_hash: hash,
        attempt: 1,
        at: at(0),
    })
}

fn everything() -> ReceiptFacts {
    let enabled = [
        MessageKind::InvoiceCreated,
        MessageKind::InvoiceOverdue,
        MessageKind::InvoicePaid,
        MessageKind::CustomerIsolated,
        MessageKind::CustomerUnisolated,
    ];
    ReceiptFacts {
        enabled: enabled.into(),
        channel: Channel::Whatsapp,
    }
}

fn kinds(intents: &[Intent]) -> Vec<MessageKind> {
    intents
        .iter()
        .filter_map(|intent| {
            if let Intent::QueueMessage { kind, .. } = intent {
                Some(*kind)
            } else {
                None
            }
        })
        .collect()
}

#[test]
fn an_overdue_invoice_is_noted_and_a_settled_one_cleared() {
    let (subscription, invoice) = (subscription(), invoice());
    assert_eq!(
        isolir::react(&fell_overdue()),
        [Intent::NoteOverdue {
            subscription,
            invoice,
            due_on: day(15)
        }]
    );
    assert_eq!(
        isolir::react(&paid(None)),
        [Intent::ClearOverdue {
            subscription,
            invoice
        }]
    );
    let voided = InvoiceVoided {
        invoice,
        customer: customer(),
        billed: Billed::Subscription(subscription),
        reason: String::new(),
        at: at(0),
    };
    assert_eq!(
        isolir::react(&InvoiceEvent::Voided(voided)),
        [Intent::ClearOverdue {
            subscription,
            invoice
        }]
    );
}

#[test]
fn a_timer_leads_to_the_command_that_checks_again() {
    let (subscription, invoice) = (subscription(), invoice());
    assert_eq!(
        dunning::on_timer(&TimerKind::InvoiceOverdue { invoice }),
        Some(Intent::MarkOverdue { invoice }),
    );
    assert_eq!(
        dunning::on_timer(&TimerKind::IsolirDue {
            invoice,
            subscription,
            due_on: day(15)
        }),
        Some(Intent::NoteOverdue {
            subscription,
            invoice,
            due_on: day(15)
        }),
    );
    assert_eq!(dunning::react(&fell_overdue(), &DunningFacts::default()), []);
}

#[test]
fn a_bill_that_is_reopened_is_looked_at_again_by_timers_of_its_own() {
    let (invoice, subscription, due_on, zone) = (invoice(), subscription(), day(15), Zone::Jakarta);
    let facts = DunningFacts {
        grace_days: 2,
        ..DunningFacts::default()
    };
    let steps = [
        (day(16), TimerKind::InvoiceOverdue { invoice }),
        (
            day(18),
            TimerKind::IsolirDue {
                invoice,
                subscription,
                due_on,
            },
        ),
    ];
    for reopened_on in [day(10), day(17), day(30)] {
        let reopened_at = zone.start_of(reopened_on) + chrono::TimeDelta::hours(9);
        let reopened = InvoiceEvent::Reopened(InvoiceReopened {
            invoice,
            customer: customer(),
            billed: Billed::Subscription(subscription),
            due_on,
            zone,
            outstanding: rupiah(150),
            at: reopened_at,
        });
        let expected = steps.clone().map(|(step_on, step)| {
            let step = Box::new(step);
            let due_at = zone.start_of(step_on).max(reopened_at);
            Intent::timer(due_at, TimerKind::Reopened { step, reopened_at })
        });
        let intents = dunning::react(&reopened, &facts);
        assert_eq!(intents, expected);
        let [overdue, isolir] = &intents[..] else {
            panic!("two timers")
        };
        assert_ne!(overdue.index(), isolir.index());
        for (intent, (_, step)) in expected.iter().zip(&steps) {
            let Intent::ScheduleTimer { kind, timer, .. } = intent else {
                panic!("a timer")
            };
            assert_ne!(*timer, step.timer(), "the first one may have fired");
            assert_eq!(dunning::on_timer(kind), dunning::on_timer(step));
        }
    }
}

#[test]
fn the_days_until_the_stop_count_from_the_isolir() {
    let isolated_at = at(40);
    let subscription = subscription();
    let isolated = SubscriptionEvent::Isolated(SubscriptionIsolated {
        subscription,
        customer: customer(),
        invoices: vec![invoice()],
        at: isolated_at,
    });
    let kind = TimerKind::StopDue {
        subscription,
        isolated_at,
    };
    assert_eq!(
        dunning::on_subscription(&isolated, Some(30)),
        Some(Intent::timer(isolated_at + Days::new(30), kind.clone())),
    );
    assert_eq!(dunning::on_subscription(&isolated, None), None);
    assert_eq!(
        dunning::on_timer(&kind),
        Some(Intent::StopUnpaid {
            subscription,
            isolated_at
        }),
    );
    let later = TimerKind::StopDue {
        subscription,
        isolated_at: at(41),
    };
    assert_ne!(kind.timer(), later.timer(), "each isolir has its own stop");
}

#[test]
fn customers_hear_of_isolir_only_from_a_confirmation() {
    let news = |before, now| {
        kinds(&receipts::on_provisioning(
            cause(),
            &confirmed(before, now),
            customer(),
            &everything(),
        ))
    };
    assert_eq!(
        news(Some(Access::Full), Access::Isolated),
        [MessageKind::CustomerIsolated]
    );
    assert_eq!(news(None, Access::Isolated), [MessageKind::CustomerIsolated]);
    assert_eq!(
        news(Some(Access::Isolated), Access::Full),
        [MessageKind::CustomerUnisolated]
    );
    for (before, now) in [
        (None, Access::Full),
        (Some(Access::Full), Access::Full),
        (Some(Access::Isolated), Access::Isolated),
        (Some(Access::Isolated), Access::Removed),
        (Some(Access::Blocked), Access::Full),
    ] {
        assert_eq!(news(before, now), [], "{before:?} {now:?}");
    }
}

#[test]
fn only_enabled_kinds_are_sent_and_an_invoice_of_nothing_thanks_nobody() {
    let by_money = paid(Some(PaymentId::new(uuid(1))));
    assert_eq!(
        kinds(&receipts::on_invoice(cause(), &by_money, &everything())),
        [MessageKind::InvoicePaid]
    );
    assert_eq!(
        kinds(&receipts::on_invoice(cause(), &paid(None), &everything())),
        []
    );
    let nothing = ReceiptFacts {
        enabled: BTreeSet::new(),
        channel: Channel::Whatsapp,
    };
    assert_eq!(receipts::on_invoice(cause(), &by_money, &nothing), []);
}

#[test]
fn other_settings_and_a_router_elsewhere_ask_for_a_sweep_with_one_timer_for_each_page() {
    let changed = TenantEvent::SettingsChanged(Box::new(SettingsChanged {
        section: Section::from(Isolir::default()),
        at: at(5),
    }));
    let wishes = sweep::on_tenant(42, &changed);
    let [Intent::ScheduleTimer { timer, due_at, kind }] = wishes.as_slice() else {
        panic!("one timer: {wishes:?}")
    };
    let first = Sweep {
        wanted: 42,
        router: None,
        after: None,
    };
    assert_eq!((*due_at, kind), (at(5), &TimerKind::SweepLines(first)));
    let second = TimerKind::SweepLines(Sweep {
        after: Some(subscription()),
        ..first
    });
    assert_ne!(second.timer(), *timer);
    let locked = TenantEvent::PanelUnlocked(PanelUnlocked { at: at(5) });
    assert_eq!(sweep::on_tenant(43, &locked), []);
}

#[test]
fn repeating_a_reaction_gives_the_same_command() {
    let intent = &isolir::react(&fell_overdue())[0];
    assert_eq!(
        intent.command_id(cause(), isolir::POLICY),
        intent.command_id(cause(), isolir::POLICY)
    );
    assert_ne!(
        intent.command_id(cause(), isolir::POLICY),
        intent.command_id(cause(), dunning::POLICY)
    );
    let other = &isolir::react(&paid(None))[0];
    assert_ne!(
        intent.command_id(cause(), isolir::POLICY),
        other.command_id(cause(), isolir::POLICY)
    );
}

fn attempt_paid(amount: i64) -> AttemptPaid {
    AttemptPaid {
        attempt: AttemptId::new(uuid(6)),
        invoice: invoice(),
        customer: customer(),
        gateway: GatewayId::new(uuid(5)),
        merchant_ref: MerchantRef::for_attempt(AttemptId::new(uuid(6)), 1),
        provider_ref: "T1".to_owned(),
        channel: "BRIVA".to_owned(),
        gross: rupiah(amount),
        payer_fee: Rupiah::ZERO,
        amount: rupiah(amount),
        merchant_fee: Rupiah::ZERO,
        paid_at: at(0),
        late: true,
        again: false,
        disputed: None,
        at: at(0),
    }
}

#[test]
fn money_goes_to_the_attempts_own_invoice_first_and_the_rest_is_credit() {
    let older = OpenInvoice {
        invoice: InvoiceId::new(uuid(99)),
        due_on: day(1),
        outstanding: rupiah(30),
    };
    let own = OpenInvoice {
        invoice: invoice(),
        due_on: day(15),
        outstanding: rupiah(100),
    };
    let booked = booking::payment_of(TenantId::new(uuid(1)), &attempt_paid(150), &[older, own], at(1))
        .expect("in range");
    let parts: Vec<_> = booked
        .allocations
        .iter()
        .map(|part| (part.invoice, part.amount))
        .collect();
    assert_eq!(parts, [(own.invoice, rupiah(100)), (older.invoice, rupiah(30))]);
    assert_eq!(booked.credit, rupiah(20));
    assert_eq!(booked.flags, [PaymentFlag::Late, PaymentFlag::Overpaid]);
}

/// The timers that follow from an invoice due on this date.
fn timers(due_on: NaiveDate, zone: Zone, grace_days: u16) -> Vec<DateTime<Utc>> {
    let facts = DunningFacts {
        grace_days,
        ..DunningFacts::default()
    };
    scheduled(due_on, zone, &facts)
        .into_iter()
        .map(|(due_at, _)| due_at)
        .collect()
}

/// The same with what each is for.
fn scheduled(due_on: NaiveDate, zone: Zone, facts: &DunningFacts) -> Vec<(DateTime<Utc>, TimerKind)> {
    let issued = crate::billing::invoice::InvoiceIssued {
        invoice: invoice(),
        number: InvoiceNumber::parse("INV/1").expect("a number"),
        customer: customer(),
        billed: Billed::Subscription(subscription()),
        period: crate::billing::Period::try_new(due_on, due_on + Days::new(30)).expect("a period"),
        lines: Vec::new(),
        total: rupiah(150),
        currency: crate::billing::gateway::Currency::Idr,
        due_on,
        zone,
        snapshot: crate::billing::invoice::InvoiceSnapshot {
            seller_name: "Wifi Maju".to_owned(),
            customer_code: crate::customers::CustomerCode::parse("C-1").expect("a code"),
            account_name: None,
            plan: Some(crate::ServicePlanId::new(uuid(70))),
            plan_name: "Rumah 10".to_owned(),
        },
        at: at(0),
    };
    dunning::react(&InvoiceEvent::Issued(Box::new(issued)), facts)
        .into_iter()
        .filter_map(|intent| {
            if let Intent::ScheduleTimer { due_at, kind, .. } = intent {
                Some((due_at, kind))
            } else {
                None
            }
        })
        .collect()
}

#[test]
fn on_days_off_nobody_is_reminded_or_isolated() {
    let due_on = day(40);
    let day_after = |days: i64| due_on + chrono::TimeDelta::days(days);
    // The days of the first reminder, of the two after the due date, and of isolir.
    let holidays = [-3, 0, 1, 3, 4].map(day_after);
    let facts = DunningFacts {
        reminder_days: vec![-3, 0, 1],
        grace_days: 2,
        fines: true,
        calendar: Calendar {
            holidays: holidays.into(),
            ..Calendar::default()
        },
    };
    let mut days: Vec<(i64, String)> = scheduled(due_on, Zone::Jakarta, &facts)
        .into_iter()
        .map(|(due_at, kind)| {
            let what = match kind {
                TimerKind::BillReminder { stage, .. } => format!("remind {stage}"),
                TimerKind::InvoiceOverdue { .. } => "overdue".to_owned(),
                TimerKind::LateFeeDue { .. } => "fee".to_owned(),
                TimerKind::IsolirDue { .. } => "isolir".to_owned(),
                other => panic!("{other:?}"),
            };
            ((Zone::Jakarta.date_at(due_at) - due_on).num_days(), what)
        })
        .collect();
    days.sort();
    let days: Vec<(i64, &str)> = days.iter().map(|(day, what)| (*day, what.as_str())).collect();
    assert_eq!(
        days,
        [
            (-4, "remind -3"),
            (1, "overdue"),
            (2, "remind 1"),
            (3, "fee"),
            (5, "isolir")
        ]
    );
}

proptest! {
    // Property 20: pending past the due date becomes overdue, at local midnight and not before.
    #[test]
    fn timers_are_due_at_the_first_instant_of_the_local_day_after(
        days in 0_u64..3_000, grace_days in 0_u16..40,
        zone in prop::sample::select(vec![Zone::Jakarta, Zone::Makassar, Zone::Jayapura]),
    ) {
        let due_on = day(1) + Days::new(days);
        let instants = timers(due_on, zone, grace_days);
        let last_days = [due_on, due_on + Days::new(u64::from(grace_days))];
        prop_assert_eq!(instants.len(), 2);
        for (instant, last_day) in instants.into_iter().zip(last_days) {
            prop_assert_eq!(zone.date_at(instant), last_day + Days::new(1));
            prop_assert_eq!(zone.date_at(instant - chrono::TimeDelta::nanoseconds(1)), last_day);
        }
    }
}
