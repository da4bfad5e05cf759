//! Random events of every kind.

use std::collections::HashSet;

use proptest::{collection::vec, prelude::*};
use simpul_domain::{
    AnyEvent,
    billing::{InvoiceNumberPattern, Period},
    catalog::{
        ServicePlanEvent,
        service_plan::{PlanDefined, PlanRetired},
    },
    customers::{
        CustomerEvent,
        customer::{CustomerContactChanged, CustomerErased},
    },
    messaging::{
        MessageEvent, MessageKind,
        message::{MessageAccepted, MessageFailed, MessageSent},
    },
    network::PppProfile,
    saas::{
        StatementEvent,
        statement::{
            StatementFellOverdue, StatementPartPaid, StatementPaymentRequested, StatementPresented,
            StatementSettled, StatementTakenBack, StatementWithdrawn,
        },
    },
    tenancy::{
        Entitlements, Section, TenantEvent,
        settings::Isolir,
        tenant::{EntitlementsApplied, PanelLocked, PanelUnlocked, SettingsChanged, TenantRenamed},
    },
    time::Zone,
};
use uuid::Uuid;

use crate::{
    random_jobs::job_event,
    random_lines::{network_event, subscription_event},
    random_money::{attempt_event, bill_event, credit_event, payment_event},
    random_people::{role_event, user_event},
    random_platform::{account_event, backup_event, offer_event, order_event},
    story::{Story, at, day, rupiah, sealed},
};

pub(crate) type Event = (String, AnyEvent);
/// What happens, to which entity, and a number for the rest.
pub(crate) type Op = (u8, u8, u8);

/// What may happen to one tenant.
pub(crate) fn histories() -> impl Strategy<Value = Vec<Op>> {
    vec((0_u8..43, 0_u8..2, 0_u8..200), 5..20)
}

fn other_event(story: &Story, (kind, index, n): Op) -> Event {
    let (message, at) = (story.message(index), at(n.into()));
    let tenant = |event: TenantEvent| (story.tenant.to_string(), event.into());
    let messages = |event: MessageEvent| (message.to_string(), event.into());
    let plans = |event: ServicePlanEvent| (story.plan(index).to_string(), event.into());
    match kind {
        27 => story.queued(
            index,
            MessageKind::InvoiceCreated,
            simpul_domain::EventId::new(Uuid::from_u128(3)),
        ),
        28 => messages(match n % 3 {
            0 => MessageEvent::Sent(MessageSent { message, at }),
            1 => MessageEvent::Accepted(MessageAccepted {
                message,
                provider_ids: vec![format!("p{n}")],
                at,
            }),
            _ => MessageEvent::Failed(MessageFailed {
                message,
                reason: format!("reason {n}"),
                is_final: n > 100,
                tries: n.into(),
                at,
            }),
        }),
        29 => plans(ServicePlanEvent::Defined(PlanDefined {
            terms: story.terms(index),
            at,
        })),
        30 => plans(ServicePlanEvent::Retired(PlanRetired {
            plan: story.plan(index),
            at,
        })),
        31 => tenant(match n % 4 {
            0 => TenantEvent::PanelLocked(PanelLocked {
                reason: format!("reason {n}"),
                at,
            }),
            1 => TenantEvent::PanelUnlocked(PanelUnlocked { at }),
            2 => TenantEvent::Renamed(TenantRenamed {
                name: format!("Operator {n}"),
                at,
            }),
            _ => TenantEvent::EntitlementsApplied(Box::new(EntitlementsApplied {
                revision: n.into(),
                entitlements: Entitlements {
                    disabled: n > 100,
                    ..Entitlements::unlimited()
                },
                at,
            })),
        }),
        32 => {
            let section = Section::from(Isolir {
                profile: PppProfile::parse(&format!("isolir-{}", n % 2)).expect("valid"),
                ..Isolir::default()
            });
            tenant(TenantEvent::SettingsChanged(Box::new(SettingsChanged {
                section,
                at,
            })))
        }
        33 if n % 2 == 0 => {
            let customer = story.customer(index);
            let changed = CustomerContactChanged {
                customer,
                name: sealed(&format!("n{n}")),
                phone: sealed(&format!("p{n}")),
                email: (n % 4 == 0).then(|| sealed(&format!("e{n}"))),
                at,
            };
            (
                customer.to_string(),
                CustomerEvent::ContactChanged(changed).into(),
            )
        }
        _ => {
            let customer = story.customer(index);
            let erased = CustomerErased { customer, at };
            (customer.to_string(), CustomerEvent::Erased(erased).into())
        }
    }
}

fn statement_event(story: &Story, (kind, index, n): Op) -> Event {
    let (invoice, at) = (story.invoice(index), at(n.into()));
    let event = match (kind, n % 5) {
        (34, _) => StatementEvent::Presented(Box::new(StatementPresented {
            invoice,
            number: InvoiceNumberPattern::default().render(day(4), u64::from(index) + 1),
            period: Period::try_new(day(4), day(20)).expect("valid"),
            lines: Vec::new(),
            total: rupiah(400_000),
            due_on: day(20),
            zone: Zone::Jakarta,
            issued_at: at,
            at,
        })),
        (_, 0) => StatementEvent::PaymentRequested(StatementPaymentRequested {
            invoice,
            channel: "QRIS".to_owned(),
            at,
        }),
        (_, 1) => StatementEvent::PartPaid(StatementPartPaid {
            invoice,
            outstanding: rupiah(i64::from(n)),
            at,
        }),
        (_, 2) => StatementEvent::FellOverdue(StatementFellOverdue { invoice, at }),
        (35, 3) if n % 2 == 0 => StatementEvent::TakenBack(StatementTakenBack {
            invoice,
            outstanding: rupiah(i64::from(n)),
            at,
        }),
        (_, 3) => StatementEvent::Settled(StatementSettled { invoice, at }),
        _ => StatementEvent::Withdrawn(StatementWithdrawn {
            invoice,
            reason: format!("reason {n}"),
            at,
        }),
    };
    (invoice.to_string(), event.into())
}

/// The events of a history. What exists once is made once; what does not exist yet may be spoken of all the same.
pub(crate) fn events_of(story: &Story, ops: &[Op]) -> Vec<Event> {
    let mut made = HashSet::new();
    let mut events = vec![story.onboarded()];
    for &op in ops {
        let (kind, index, _) = op;
        if made.insert(("customer", index)) {
            events.extend([story.registered(index), story.opened(index)]);
        }
        let once = match kind {
            10 => "router",
            14 => "invoice",
            18 => "payment",
            27 => "message",
            29 => "plan",
            34 => "statement",
            _ => "",
        };
        if !once.is_empty() && !made.insert((once, index)) {
            continue;
        }
        events.push(match kind {
            0..=7 => subscription_event(story, op),
            8..=13 => network_event(story, op),
            14..=17 => bill_event(story, op),
            18..=23 => payment_event(story, op),
            24..=25 => credit_event(story, op),
            26 => attempt_event(story, op, !made.insert(("attempt", index))),
            34..=35 => statement_event(story, op),
            36 => user_event(story, op, !made.insert(("user", index))),
            37 => role_event(story, op, !made.insert(("role", index))),
            38 => order_event(story, op, !made.insert(("order", index))),
            39 => account_event(story, op, !made.insert(("account", index))),
            40 => offer_event(op),
            41 => backup_event(story, op, !made.insert(("backup", index))),
            42 => job_event(story, op, !made.insert(("job", index))),
            _ => other_event(story, op),
        });
    }
    events
}
