//! The whole story of an isolir: from the gateway's notice to the message, connected.

use simpul_domain::{
    InvoiceId, NoticeId, TimerId,
    billing::{
        AttemptEvent, InvoiceEvent, PaymentEvent,
        attempt::AttemptPaid,
        invoice::{Billed, InvoiceFellOverdue, InvoicePaid, InvoicePaymentApplied},
        payment::PaymentAllocated,
    },
    messaging::{MessageEvent, MessageKind, message::MessageSent},
    network::{Access, ProvisioningEvent, Sha256Hex, provisioning::ProvisioningConfirmed},
    subscriptions::{
        SubscriptionEvent, SubscriptionStatus,
        subscription::{
            IsolirLifted, OverdueCleared, OverdueNoted, SubscriptionActivated, SubscriptionIsolated,
        },
    },
    time::Zone,
};
use simpul_event_store::{
    Cause,
    feed::{Projector as _, RunnerSettings, read_at},
};
use simpul_projections::{
    Page,
    audit::{
        explain::{self, Step},
        history,
    },
    billing::{invoice_list, money},
    network::desired,
    registry,
    subscriptions::subscription_list,
};
use simpul_testkit::TestDb;
use uuid::Uuid;

use crate::story::{Story, Told, at, day, rupiah};

/// An active line whose bill was not paid, then paid. Returns the notice and the last command.
async fn tell_all(story: &Story) -> (NoticeId, Told) {
    let line = story.subscription(1);
    story.tell(None, vec![story.onboarded()]).await;
    story.tell(None, vec![story.registered(1), story.opened(1)]).await;
    let activated = SubscriptionActivated {
        subscription: line,
        at: at(2),
    };
    story
        .tell(
            None,
            vec![story.subscribed(1, SubscriptionEvent::Activated(activated))],
        )
        .await;
    story.tell(None, vec![story.issued(1, 150_000)]).await;
    isolate(story).await;
    pay(story).await
}

async fn isolate(story: &Story) {
    let (line, invoice) = (story.subscription(1), story.invoice(1));
    let timer = TimerId::derive(invoice.as_uuid(), "overdue");
    let overdue = InvoiceFellOverdue {
        invoice,
        customer: story.customer(1),
        billed: Billed::Subscription(line),
        due_on: day(20),
        zone: Zone::Jakarta,
        today: day(21),
        outstanding: rupiah(150_000),
        at: at(10),
    };
    let told = story
        .tell(
            Some(Cause::Timer(timer)),
            vec![(invoice.to_string(), InvoiceEvent::FellOverdue(overdue).into())],
        )
        .await;
    let noted = OverdueNoted {
        subscription: line,
        invoice,
        due_on: day(20),
        ripe: true,
        at: at(11),
    };
    let isolated = SubscriptionIsolated {
        subscription: line,
        customer: story.customer(1),
        invoices: vec![invoice],
        at: at(11),
    };
    let events = vec![
        story.subscribed(1, SubscriptionEvent::OverdueNoted(noted)),
        story.subscribed(1, SubscriptionEvent::Isolated(isolated)),
    ];
    story.tell(Some(Cause::Event(told.events[0])), events).await;
}

async fn pay(story: &Story) -> (NoticeId, Told) {
    let (line, invoice) = (story.subscription(1), story.invoice(1));
    let notice = NoticeId::new(Uuid::from_u128(77));
    let paid = story
        .tell(Some(Cause::Notice(notice)), vec![attempt_paid(story, invoice)])
        .await;
    let booked = story
        .tell(Some(Cause::Event(paid.events[0])), booking(story, invoice))
        .await;
    let cleared = OverdueCleared {
        subscription: line,
        invoice,
        remaining: 0,
        at: at(21),
    };
    let lifted = IsolirLifted {
        subscription: line,
        customer: story.customer(1),
        at: at(21),
    };
    let events = vec![
        story.subscribed(1, SubscriptionEvent::OverdueCleared(cleared)),
        story.subscribed(1, SubscriptionEvent::IsolirLifted(lifted)),
    ];
    let lifted = story.tell(Some(Cause::Event(booked.events[3])), events).await;
    let hash = Sha256Hex::parse(&"0".repeat(64)).expect("valid");
    let confirmed = ProvisioningConfirmed {
        subscription: line,
        router: story.router(1),
        desired_version: lifted.token.seq.unsigned_abs(),
        access: Access::Full,
        previous_access: Some(Access::Isolated),
        desired_hash: hash.clone(),
        observed_hash: hash,
        attempt: 1,
        at: at(22),
    };
    story
        .tell(
            Some(Cause::Event(lifted.events[1])),
            vec![(line.to_string(), ProvisioningEvent::Confirmed(confirmed).into())],
        )
        .await;
    let queued = story.queued(1, MessageKind::CustomerUnisolated, lifted.events[1]);
    story
        .tell(Some(Cause::Event(lifted.events[1])), vec![queued])
        .await;
    let sent = MessageSent {
        message: story.message(1),
        at: at(23),
    };
    // The sender's worker names no cause of its own.
    let sent = vec![(story.message(1).to_string(), MessageEvent::Sent(sent).into())];
    (notice, story.tell(None, sent).await)
}

fn attempt_paid(story: &Story, invoice: InvoiceId) -> (String, simpul_domain::AnyEvent) {
    let attempt = simpul_domain::AttemptId::new(Uuid::from_u128(88));
    let paid = AttemptPaid {
        attempt,
        invoice,
        customer: story.customer(1),
        gateway: simpul_domain::GatewayId::new(Uuid::from_u128(5)),
        merchant_ref: simpul_domain::billing::MerchantRef::for_attempt(attempt, 1),
        provider_ref: "T1".to_owned(),
        channel: "QRIS".to_owned(),
        gross: rupiah(150_000),
        payer_fee: rupiah(0),
        amount: rupiah(150_000),
        merchant_fee: rupiah(1_050),
        paid_at: at(19),
        late: false,
        again: false,
        disputed: None,
        at: at(20),
    };
    (attempt.to_string(), AttemptEvent::Paid(Box::new(paid)).into())
}

fn booking(story: &Story, invoice: InvoiceId) -> Vec<(String, simpul_domain::AnyEvent)> {
    let (payment, customer) = (story.payment(1), story.customer(1));
    let amount = rupiah(150_000);
    let allocated = PaymentAllocated {
        payment,
        customer,
        invoice,
        amount,
        at: at(20),
    };
    let applied = InvoicePaymentApplied {
        invoice,
        customer,
        billed: Billed::Subscription(story.subscription(1)),
        payment,
        amount,
        outstanding: rupiah(0),
        at: at(20),
    };
    let paid = InvoicePaid {
        invoice,
        number: simpul_domain::billing::InvoiceNumberPattern::default().render(day(4), 2),
        customer,
        billed: Billed::Subscription(story.subscription(1)),
        total: amount,
        payment: Some(payment),
        was_overdue: true,
        at: at(20),
    };
    vec![
        story.received(1, 150_000),
        (payment.to_string(), PaymentEvent::Allocated(allocated).into()),
        (invoice.to_string(), InvoiceEvent::PaymentApplied(applied).into()),
        (invoice.to_string(), InvoiceEvent::Paid(paid).into()),
    ]
}

async fn project_all(story: &Story) {
    for name in registry::NAMES {
        registry::catch_up(&story.store, name, RunnerSettings::default())
            .await
            .expect("caught up");
    }
}

fn names(steps: &[Step]) -> Vec<&str> {
    steps.iter().map(|step| step.event_type.as_str()).collect()
}

fn assert_connected(steps: &[Step], root: &str) {
    for step in steps {
        let known = |seq: &i64| steps.iter().any(|other| other.tenant_seq == *seq);
        assert!(
            step.causes.iter().all(known),
            "{step:?} names a step that is not there"
        );
        assert!(
            !step.causes.is_empty() || step.event_type == root,
            "{step:?} hangs in the air"
        );
    }
}

#[tokio::test]
async fn the_chain_from_the_notice_to_the_message_comes_out_connected() {
    let test = TestDb::create().await;
    let story = Story::new(test.store(), 1);
    let (notice, last) = tell_all(&story).await;
    project_all(&story).await;

    let projections = [history::HistoryProjector::NAME];
    let mut tx = read_at(&story.store, story.tenant, &projections, Some(last.token))
        .await
        .expect("fresh");
    let steps = explain::explain(&mut tx, story.subscription(1), None)
        .await
        .expect("explained");
    assert_eq!(
        names(&steps),
        [
            "billing.attempt.paid",
            "billing.payment.received",
            "billing.payment.allocated",
            "billing.invoice.payment_applied",
            "billing.invoice.paid",
            "subscriptions.subscription.overdue_cleared",
            "subscriptions.subscription.isolir_lifted",
            "network.provisioning.confirmed",
            "messaging.message.queued",
            "messaging.message.sent",
        ]
    );
    assert_eq!(steps[0].caused_by, Some(notice.to_string()));
    assert_connected(&steps, "billing.attempt.paid");

    let before = explain::explain(&mut tx, story.subscription(1), steps.first().map(|step| step.at))
        .await
        .expect("explained");
    assert_eq!(
        before.len(),
        steps.len(),
        "the clock stands still, so everything is recorded at once"
    );
}

#[tokio::test]
async fn an_isolation_is_explained_by_its_bill() {
    let test = TestDb::create().await;
    let story = Story::new(test.store(), 1);
    story.tell(None, vec![story.opened(1)]).await;
    story.tell(None, vec![story.issued(1, 150_000)]).await;
    isolate(&story).await;
    project_all(&story).await;

    let projections = [history::HistoryProjector::NAME];
    let mut tx = read_at(&story.store, story.tenant, &projections, None)
        .await
        .expect("read");
    let steps = explain::explain(&mut tx, story.subscription(1), None)
        .await
        .expect("explained");
    assert_eq!(
        names(&steps),
        [
            "billing.invoice.issued",
            "billing.invoice.fell_overdue",
            "subscriptions.subscription.overdue_noted",
            "subscriptions.subscription.isolated",
        ]
    );
    assert_connected(&steps, "billing.invoice.issued");
    let depths: Vec<i32> = steps.iter().map(|step| step.depth).collect();
    assert_eq!(depths, [-2, -1, -1, 0]);
}

#[tokio::test]
async fn every_read_model_tells_the_end_of_the_story() {
    let test = TestDb::create().await;
    let story = Story::new(test.store(), 1);
    let (_, last) = tell_all(&story).await;
    project_all(&story).await;

    let mut tx = read_at(&story.store, story.tenant, registry::NAMES, Some(last.token))
        .await
        .expect("fresh");
    let lines = subscription_list::list(&mut tx, None, Page::first(10))
        .await
        .expect("lines");
    let line = lines.rows.first().expect("one line");
    assert_eq!(line.status, SubscriptionStatus::Active);
    assert!(line.is_confirmed() && line.overdue.is_empty() && line.isolated_since.is_none());
    assert_eq!(lines.next, None);

    let totals = money::totals(&mut tx).await.expect("totals");
    assert!(totals.is_balanced() && totals.undistributed.is_zero());
    assert_eq!(totals.allocated, rupiah(150_000));

    let invoice = invoice_list::by_ids(&mut tx, &[story.invoice(1)])
        .await
        .expect("bills")
        .pop()
        .expect("one");
    assert!(invoice.outstanding.is_zero() && invoice.paid_at.is_some());

    let wanted = desired::desired(&mut tx, story.subscription(1))
        .await
        .expect("facts")
        .expect("known");
    assert_eq!(wanted.desired().expect("activated").access, Access::Full);
    assert_eq!(wanted.version, wanted.facts.version.cast_signed());

    let customer = story.customer(1).to_string();
    let entries = history::history(&mut tx, &customer, history::Reach::newest(100))
        .await
        .expect("entries");
    let registered = entries.last().expect("the first event of the customer");
    assert_eq!(registered.event_type, "customers.customer.registered");
    assert_eq!(registered.summary["name"], history::SEALED);
    assert_eq!(registered.ip, None, "the product did it: from where is nobody's");
    assert!(!format!("{entries:?}").contains("ciphertext"));
}
