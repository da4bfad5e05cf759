//! Random events of every kind.

use std::collections::HashSet;

use proptest::{collection::vec, prelude::*};
use simpul_domain::{
    AnyEvent, AttemptId, GatewayId, Sealed,
    billing::{
        AttemptEvent, CreditAccountEvent, InvoiceEvent, InvoiceNumberPattern, MerchantRef, PaymentEvent,
        Period,
        attempt::{AttemptCheckoutOpened, AttemptCreated, AttemptExpired, AttemptReversed},
        credit_account::{CreditAdded, CreditReturned, CreditTakenBack, CreditUse, CreditUsed},
        gateway::{Checkout, GatewayKind},
        invoice::{
            Billed, InvoiceCreditApplied, InvoiceFellOverdue, InvoicePaymentApplied, InvoicePaymentTakenBack,
            InvoiceReopened, InvoiceVoided,
        },
        payment::{
            Allocation, PaymentAllocated, PaymentCredited, PaymentLeftUnmatched, PaymentMatched,
            PaymentRefunded, PaymentTakenBack, RefundedFrom, TakenBackReason, UnmatchedReason,
        },
    },
    catalog::{
        ServicePlanEvent,
        service_plan::{PlanDefined, PlanRetired},
    },
    customers::{CustomerEvent, customer::CustomerErased},
    messaging::{
        MessageEvent, MessageKind,
        message::{MessageAccepted, MessageFailed, MessageSent},
    },
    network::{
        Access, PppProfile, ProvisioningEvent, RouterAddress, RouterEvent, RouterHost, Sha256Hex, TlsMode,
        provisioning::{FailureKind, ProvisioningConfirmed, ProvisioningFailed},
        router::{RouterAddressChanged, RouterIdentified, RouterRegistered, RouterRetired},
    },
    saas::{
        StatementEvent,
        statement::{
            StatementFellOverdue, StatementPartPaid, StatementPaymentRequested, StatementPresented,
            StatementSettled, StatementTakenBack, StatementWithdrawn,
        },
    },
    subscriptions::{
        SubscriptionEvent,
        subscription::{
            IsolirLifted, OverdueCleared, OverdueNoted, PlanChanged, SecretChanged, SubscriptionActivated,
            SubscriptionIsolated, SubscriptionStopped, SubscriptionSuspended,
        },
    },
    tenancy::{
        Entitlements, Section, TenantEvent,
        settings::Isolir,
        tenant::{EntitlementsApplied, PanelLocked, PanelUnlocked, SettingsChanged},
    },
    time::Zone,
};
use uuid::Uuid;

use crate::{
    random_people::{role_event, user_event},
    random_platform::{account_event, backup_event, offer_event, order_event},
    story::{Story, at, day, rupiah, sealed},
};

pub(crate) type Event = (String, AnyEvent);
/// What happens, to which entity, and a number for the rest.
pub(crate) type Op = (u8, u8, u8);

/// What may happen to one tenant.
pub(crate) fn histories() -> impl Strategy<Value = Vec<Op>> {
    vec((0_u8..42, 0_u8..2, 0_u8..200), 5..20)
}

fn subscription_event(story: &Story, (kind, index, n): Op) -> Event {
    let subscription = story.subscription(index);
    let (customer, at) = (story.customer(index), at(n.into()));
    let (invoice, reason) = (story.invoice(n % 3), format!("reason {n}"));
    let event = match kind {
        0 => SubscriptionEvent::Activated(SubscriptionActivated { subscription, at }),
        1 => SubscriptionEvent::OverdueNoted(OverdueNoted {
            subscription,
            invoice,
            due_on: day(20),
            ripe: n > 100,
            at,
        }),
        2 => SubscriptionEvent::Isolated(SubscriptionIsolated {
            subscription,
            customer,
            invoices: vec![invoice],
            at,
        }),
        3 => SubscriptionEvent::OverdueCleared(OverdueCleared {
            subscription,
            invoice,
            remaining: 0,
            at,
        }),
        4 => SubscriptionEvent::IsolirLifted(IsolirLifted {
            subscription,
            customer,
            at,
        }),
        5 => SubscriptionEvent::Suspended(SubscriptionSuspended {
            subscription,
            reason,
            at,
        }),
        6 => SubscriptionEvent::Stopped(SubscriptionStopped {
            subscription,
            reason,
            at,
        }),
        7 if n % 2 == 0 => SubscriptionEvent::SecretChanged(SecretChanged {
            subscription,
            secret: Sealed::new(format!("ciphertext {n}")),
            at,
        }),
        _ => SubscriptionEvent::PlanChanged(PlanChanged {
            subscription,
            terms: story.terms(n % 5),
            at,
        }),
    };
    story.subscribed(index, event)
}

fn network_event(story: &Story, (kind, index, n): Op) -> Event {
    let (subscription, router, at) = (story.subscription(index), story.router(index), at(n.into()));
    let address = || RouterAddress {
        host: RouterHost::parse(&format!("203.0.113.{n}")).expect("valid"),
        port: 8729,
        tls: TlsMode::Verified,
    };
    let hash = || Sha256Hex::parse(&"0".repeat(64)).expect("valid");
    let routers = |event: RouterEvent| (router.to_string(), event.into());
    let proofs = |event: ProvisioningEvent| (subscription.to_string(), event.into());
    match kind {
        8 => proofs(ProvisioningEvent::Confirmed(ProvisioningConfirmed {
            subscription,
            router,
            desired_version: n.into(),
            access: Access::Full,
            previous_access: None,
            desired_hash: hash(),
            observed_hash: hash(),
            attempt: 1,
            at,
        })),
        9 => proofs(ProvisioningEvent::Failed(ProvisioningFailed {
            subscription,
            router,
            desired_version: n.into(),
            kind: FailureKind::Offline,
            attempt: n.into(),
            next_try_at: at,
            at,
        })),
        10 => routers(RouterEvent::Registered(Box::new(RouterRegistered {
            router,
            name: format!("R{index}"),
            address: address(),
            username: "simpul".to_owned(),
            password: sealed("password"),
            legacy_login: false,
            at,
        }))),
        11 => routers(RouterEvent::AddressChanged(Box::new(RouterAddressChanged {
            router,
            address: address(),
            username: format!("simpul{n}"),
            password: sealed("other"),
            at,
        }))),
        12 => routers(RouterEvent::Identified(RouterIdentified {
            router,
            serial: Some(format!("S{n}")),
            identity: "edge".to_owned(),
            version: "7.16".to_owned(),
            serial_changed: n > 100,
            at,
        })),
        _ => routers(RouterEvent::Retired(RouterRetired { router, at })),
    }
}

/// What happens to a bill.
fn bill_event(story: &Story, (kind, index, n): Op) -> Event {
    let (invoice, customer, at) = (story.invoice(index), story.customer(index), at(n.into()));
    let (payment, amount) = (story.payment(index), rupiah(i64::from(n) * 1_000));
    let bills = |event: InvoiceEvent| (invoice.to_string(), event.into());
    match kind {
        14 => story.issued(index, 150_000),
        15 => bills(InvoiceEvent::FellOverdue(InvoiceFellOverdue {
            invoice,
            customer,
            billed: Billed::Subscription(story.subscription(index)),
            due_on: day(20),
            zone: Zone::Jakarta,
            today: day(21),
            outstanding: amount,
            at,
        })),
        16 if n % 3 == 0 => bills(InvoiceEvent::PaymentTakenBack(InvoicePaymentTakenBack {
            invoice,
            customer,
            billed: Billed::Subscription(story.subscription(index)),
            payment,
            amount,
            outstanding: amount,
            at,
        })),
        16 if n % 3 == 1 => bills(InvoiceEvent::Reopened(InvoiceReopened {
            invoice,
            customer,
            billed: Billed::Subscription(story.subscription(index)),
            due_on: day(20),
            zone: Zone::Jakarta,
            outstanding: amount,
            at,
        })),
        16 => bills(InvoiceEvent::PaymentApplied(InvoicePaymentApplied {
            invoice,
            customer,
            billed: Billed::Subscription(story.subscription(index)),
            payment,
            amount,
            outstanding: amount,
            at,
        })),
        17 if n % 2 == 0 => bills(InvoiceEvent::CreditApplied(InvoiceCreditApplied {
            invoice,
            customer,
            billed: Billed::Subscription(story.subscription(index)),
            amount,
            outstanding: amount,
            at,
        })),
        _ => bills(InvoiceEvent::Voided(InvoiceVoided {
            invoice,
            customer,
            billed: Billed::Subscription(story.subscription(index)),
            reason: format!("reason {n}"),
            at,
        })),
    }
}

/// What becomes of received money.
fn payment_event(story: &Story, (kind, index, n): Op) -> Event {
    let (invoice, customer, at) = (story.invoice(index), story.customer(index), at(n.into()));
    let (payment, amount) = (story.payment(index), rupiah(i64::from(n) * 1_000));
    let money = |event: PaymentEvent| (payment.to_string(), event.into());
    match kind {
        18 => story.received(index, i64::from(n) * 1_000),
        19 => money(PaymentEvent::Allocated(PaymentAllocated {
            payment,
            customer,
            invoice,
            amount,
            at,
        })),
        20 => money(PaymentEvent::Credited(PaymentCredited {
            payment,
            customer,
            amount,
            at,
        })),
        21 => money(PaymentEvent::LeftUnmatched(PaymentLeftUnmatched {
            payment,
            amount,
            reason: UnmatchedReason::UnknownOrder,
            at,
        })),
        22 => money(PaymentEvent::Matched(PaymentMatched {
            payment,
            customer,
            amount,
            at,
        })),
        23 if n % 2 == 0 => money(PaymentEvent::TakenBack(Box::new(PaymentTakenBack {
            payment,
            customer: Some(customer),
            reason: TakenBackReason::ChargeBack,
            amount,
            allocations: vec![Allocation { invoice, amount }],
            credit: rupiah(0),
            unmatched: rupiah(0),
            refunded: amount,
            at,
        }))),
        _ => money(PaymentEvent::Refunded(PaymentRefunded {
            payment,
            from: if n > 100 {
                RefundedFrom::Credit
            } else {
                RefundedFrom::Unmatched
            },
            amount,
            refunded: amount,
            reference: format!("ref {n}"),
            at,
        })),
    }
}

/// What happens to a customer's credit.
fn credit_event(story: &Story, (kind, index, n): Op) -> Event {
    let (invoice, customer, at) = (story.invoice(index), story.customer(index), at(n.into()));
    let (payment, amount) = (story.payment(index), rupiah(i64::from(n) * 1_000));
    let credit = |event: CreditAccountEvent| (customer.to_string(), event.into());
    match kind {
        24 => credit(CreditAccountEvent::CreditAdded(CreditAdded {
            customer,
            payment,
            amount,
            balance: amount,
            at,
        })),
        _ if n % 3 == 0 => credit(CreditAccountEvent::CreditReturned(CreditReturned {
            customer,
            invoice,
            amount,
            balance: amount,
            at,
        })),
        _ if n % 3 == 1 => credit(CreditAccountEvent::CreditTakenBack(CreditTakenBack {
            customer,
            payment,
            amount,
            balance: amount,
            at,
        })),
        _ => credit(CreditAccountEvent::CreditUsed(CreditUsed {
            customer,
            for_what: CreditUse::Invoice { invoice },
            amount,
            balance: amount,
            at,
        })),
    }
}

fn attempt_event(story: &Story, (_, index, n): Op, created: bool) -> Event {
    let attempt = AttemptId::derive(story.tenant.as_uuid(), &index.to_string());
    let (invoice, at) = (story.invoice(index), at(n.into()));
    let event = match n % 3 {
        _ if !created => AttemptEvent::Created(Box::new(AttemptCreated {
            attempt,
            invoice,
            customer: story.customer(index),
            gateway: GatewayId::new(Uuid::from_u128(1)),
            kind: GatewayKind::Tripay,
            merchant_ref: MerchantRef::for_attempt(attempt, 1),
            channel: "QRIS".to_owned(),
            amount: rupiah(150_000),
            payer_fee: rupiah(0),
            merchant_fee: rupiah(0),
            expected_payer_amount: rupiah(150_000),
            expires_at: at,
            at,
        })),
        0 => AttemptEvent::CheckoutOpened(Box::new(AttemptCheckoutOpened {
            attempt,
            checkout: Checkout {
                provider_ref: format!("T{n}"),
                payer_amount: rupiah(150_000),
                payer_fee: rupiah(0),
                merchant_fee: rupiah(0),
                pay_url: Some("https://pay.example/1".to_owned()),
                pay_code: None,
                qr_string: None,
                expires_at: at,
            },
            at,
        })),
        1 => AttemptEvent::Expired(AttemptExpired { attempt, invoice, at }),
        _ => AttemptEvent::Reversed(AttemptReversed {
            attempt,
            invoice,
            provider_ref: "T".to_owned(),
            at,
        }),
    };
    (attempt.to_string(), event.into())
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
        31 => tenant(match n % 3 {
            0 => TenantEvent::PanelLocked(PanelLocked {
                reason: format!("reason {n}"),
                at,
            }),
            1 => TenantEvent::PanelUnlocked(PanelUnlocked { at }),
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
            _ => other_event(story, op),
        });
    }
    events
}
