//! What the platform bills its operators, from the onboarding to the panel that opens again: timers fire from their rows,
//! policies react, and every step is found in the logs.

use chrono::{DateTime, TimeDelta, Utc};
use simpul_app::{
    Personal,
    billing::{BookObservation, Booked, ConnectGateway, OpenCheckout},
    platform::{ChangeStanding, ChangeTerms, Standing, Terms as Granting},
    policies::Policies,
    saas::{ConnectPlatformGateway, MarkBillPaid, RequestBillPayment},
    tenancy::PlaceAddOnOrder,
};
use simpul_domain::{
    Code, Coded as _, CorrelationId, Decider, GatewayId, InvoiceId, NoticeId, Rupiah, TenantId, TimerId,
    billing::{
        CreditAccount, Invoice,
        gateway::{Currency, GatewayKind, Observation, ObservedState},
        gateway_account::GatewayMode,
        invoice::InvoiceStatus,
    },
    platform::{Account, AddOnKey, PlanKey},
    saas::{Statement, Tab, payer_id, statement::StatementStatus, tab::TabStatus},
    tenancy::tenant::TenantStatus,
};
use simpul_event_store::{
    Actor, Cause, Context, Recorded, feed,
    inline::timer::{Fired, Timer},
};
use simpul_testkit::sql::Session;
use tokio::task::JoinSet;

use crate::{
    limits::router,
    rig::{Rig, code},
};

/// The platform's timers that policies know and that are due, fired from their rows until none is.
async fn fire_due(rig: &Rig) {
    let policies = Policies::new(rig.bus.clone());
    loop {
        let due = due(rig).await;
        if due.is_empty() {
            return;
        }
        for timer in due {
            let fired = Fired {
                tenant: TenantId::PLATFORM,
                timer,
                attempts: 0,
                epoch: 0,
            };
            policies.fire(&fired).await.expect("fired");
        }
        rig.settle().await;
    }
}

async fn due(rig: &Rig) -> Vec<Timer> {
    let mut admin = Session::open(&rig.test.superuser_url()).await;
    let now = rig.store().now().to_rfc3339();
    let rows: Vec<String> = admin
        .column(&format!(
            "SELECT json_build_array(timer_id, kind, subject, due_at)::text FROM es.timers
             WHERE tenant_id = '{}' AND due_at <= '{now}' AND kind <> 'payment.checkout' ORDER BY due_at",
            TenantId::PLATFORM.as_uuid()
        ))
        .await;
    rows.iter()
        .map(|row| {
            let (id, kind, subject, due_at) = serde_json::from_str(row).expect("a row");
            Timer {
                id: TimerId::new(id),
                kind,
                subject,
                due_at,
                origin: None,
            }
        })
        .collect()
}

/// Goes on to the first hour of a day in Jakarta, and lets happen what is due.
async fn on(rig: &Rig, date: &str) {
    let at: DateTime<Utc> = format!("{date}T01:00:00+07:00").parse().expect("an instant");
    rig.test.clock().set(at);
    fire_due(rig).await;
}

async fn platform_log(rig: &Rig) -> Vec<Recorded> {
    feed::page(rig.store(), TenantId::PLATFORM, 0, 10_000)
        .await
        .expect("the log")
}

/// The bills that were issued, with their numbers, oldest first.
async fn bills(rig: &Rig) -> Vec<(InvoiceId, String, i64)> {
    let log = platform_log(rig).await;
    log.iter()
        .filter(|event| event.event_type == "billing.invoice.issued")
        .map(|event| {
            let content = &event.payload.value()["billing.invoice.issued"];
            (
                event.aggregate_id.parse().expect("an id"),
                content["number"].as_str().expect("a number").to_owned(),
                content["total"].as_i64().expect("an amount"),
            )
        })
        .collect()
}

async fn load<A: Decider>(rig: &Rig, tenant: TenantId, id: &str) -> A {
    rig.store().load::<A>(tenant, id).await.expect("loads").0
}

async fn invoice(rig: &Rig, id: InvoiceId) -> Invoice {
    load::<Invoice>(rig, TenantId::PLATFORM, &id.to_string()).await
}

async fn statement(rig: &Rig, tenant: TenantId, id: InvoiceId) -> StatementStatus {
    load::<Statement>(rig, tenant, &id.to_string()).await.status()
}

async fn lock(rig: &Rig, tenant: TenantId) -> Option<String> {
    let account = load::<Account>(rig, TenantId::PLATFORM, &tenant.to_string()).await;
    account.panel_lock().map(str::to_owned)
}

fn rupiah(amount: i64) -> Rupiah {
    Rupiah::try_new(amount).expect("an amount")
}

fn paid(invoice: InvoiceId, amount: i64, reference: &str) -> MarkBillPaid {
    MarkBillPaid {
        invoice,
        amount: rupiah(amount),
        reference: reference.to_owned(),
        paid_at: None,
    }
}

async fn gateway(rig: &Rig) -> GatewayId {
    let connect = ConnectPlatformGateway(ConnectGateway {
        kind: GatewayKind::Tripay,
        mode: GatewayMode::Sandbox,
        merchant_code: "T1".to_owned(),
        api_key: Personal::new("key"),
        signing_key: Personal::new("key"),
        fallback_email: "tagihan@simpul.test".to_owned(),
    });
    rig.govern(connect).await.expect("connected")
}

async fn order(rig: &Rig, gateway: GatewayId, invoice: InvoiceId) -> String {
    let open = OpenCheckout {
        invoice,
        gateway,
        channel: "BRIVA".to_owned(),
        payer_fee: Rupiah::ZERO,
        merchant_fee: Rupiah::ZERO,
    };
    let planned = rig.ask(TenantId::PLATFORM, Actor::System("test"), open).await;
    planned.expect("planned").merchant_ref.as_str().to_owned()
}

fn notice(rig: &Rig, gateway: GatewayId, order: &str, provider_ref: &str, gross: i64) -> BookObservation {
    BookObservation {
        gateway,
        observation: Observation {
            provider_ref: provider_ref.to_owned(),
            order_ref: order.to_owned(),
            state: ObservedState::Paid,
            gross: rupiah(gross),
            currency: Currency::Idr,
            payer_fee: None,
            merchant_fee: None,
            given_back: None,
            channel: Some("BRIVA".to_owned()),
            paid_at: Some(rig.store().now()),
            raw_sha256: "00".repeat(32),
        },
        notice: None,
    }
}

#[tokio::test]
async fn an_operator_is_billed_once_though_the_clock_was_set_back_when_its_timer_fires() {
    let rig = Rig::new().await;
    on(&rig, "2027-03-17").await;
    rig.onboard("maju", "basic").await;
    let instant = |text: &str| text.parse::<DateTime<Utc>>().expect("an instant");
    rig.test.clock().set(instant("2027-04-01T01:00:00+07:00"));
    let due = due(&rig).await;
    assert!(due.iter().any(|timer| timer.kind == "bill_account"), "{due:?}");
    rig.test.clock().set(instant("2027-03-31T20:00:00+07:00"));
    let policies = Policies::new(rig.bus.clone());
    for timer in due {
        let fired = Fired {
            tenant: TenantId::PLATFORM,
            timer,
            attempts: 0,
            epoch: 0,
        };
        policies.fire(&fired).await.expect("fired");
    }
    rig.settle().await;
    assert_eq!(
        bills(&rig).await.len(),
        1,
        "the timer was due, whatever the clock says now"
    );
    on(&rig, "2027-04-01").await;
    assert_eq!(bills(&rig).await.len(), 1, "and once");
    on(&rig, "2027-05-01").await;
    assert_eq!(bills(&rig).await.len(), 2, "the next one has its timer");
}

#[tokio::test]
async fn an_operator_that_does_not_pay_is_locked_out_of_its_panel_until_it_has_paid() {
    let rig = Rig::new().await;
    on(&rig, "2027-03-17").await;
    let tenant = rig.onboard("maju", "basic").await;
    let add_on = PlaceAddOnOrder {
        key: AddOnKey::parse("extra_router").expect("a key"),
        quantity: 1,
    };
    on(&rig, "2027-03-22").await;
    let placed = rig.own(tenant, add_on).await.expect("placed");
    rig.settle().await;
    if let Ok(approve) = rig
        .govern(ChangeTerms {
            tenant,
            terms: Granting::Approve { order: placed },
        })
        .await
    {
        assert_eq!(approve, tenant);
        rig.settle().await;
    }

    // The bill of April brings the days of March: 15 of 31 of the plan, 10 of 31 of the add-on.
    on(&rig, "2027-03-31").await;
    assert_eq!(bills(&rig).await, []);
    on(&rig, "2027-04-01").await;
    let issued = bills(&rig).await;
    let [(bill, number, total)] = issued.as_slice() else {
        panic!("one bill: {issued:?}")
    };
    assert_eq!(number, "INV/2027/04/0001");
    let tab = load::<Tab>(&rig, TenantId::PLATFORM, &tenant.to_string()).await;
    let april = "2027-04-01".parse().expect("a date");
    let monthly: i64 = tab.charges_on(april).map(|charge| charge.price.get()).sum();
    let add_on_price = monthly - 150_000;
    assert!(add_on_price > 0);
    let of_march = (150_000 - 150_000 * 16 / 31) + (add_on_price - add_on_price * 21 / 31);
    assert_eq!(*total, monthly + of_march);
    assert_eq!(statement(&rig, tenant, *bill).await, StatementStatus::Open);

    // 14 days to pay, 7 of grace.
    on(&rig, "2027-04-15").await;
    assert_eq!(statement(&rig, tenant, *bill).await, StatementStatus::Open);
    on(&rig, "2027-04-16").await;
    assert_eq!(statement(&rig, tenant, *bill).await, StatementStatus::Overdue);
    on(&rig, "2027-04-22").await;
    assert_eq!(lock(&rig, tenant).await, None);
    on(&rig, "2027-04-23").await;
    assert_eq!(lock(&rig, tenant).await, Some(format!("unpaid bill {bill}")));
    let refused = rig.own(tenant, router(1)).await;
    assert_eq!(code(&refused), Some(Code::PanelLocked));
    let request = RequestBillPayment {
        invoice: *bill,
        channel: "BRIVA".to_owned(),
    };
    rig.own(tenant, request)
        .await
        .expect("paying is what a lock allows");

    // Half of it changes nothing, the rest opens the panel.
    rig.govern(paid(*bill, total / 2, "BCA 1")).await.expect("booked");
    rig.settle().await;
    assert!(lock(&rig, tenant).await.is_some());
    rig.govern(paid(*bill, total - total / 2, "BCA 2"))
        .await
        .expect("booked");
    rig.settle().await;
    assert_eq!(invoice(&rig, *bill).await.status(), InvoiceStatus::Paid);
    assert_eq!(lock(&rig, tenant).await, None);
    assert_eq!(statement(&rig, tenant, *bill).await, StatementStatus::Settled);
    rig.own(tenant, router(1)).await.expect("open again");
    assert_eq!(rig.tenant(tenant).await.status(), TenantStatus::Open);
    explained(&rig, tenant).await;
}

/// Every step that is not a person's names what led to it, across the logs too.
async fn explained(rig: &Rig, tenant: TenantId) {
    let platform = platform_log(rig).await;
    let own = feed::page(rig.store(), tenant, 0, 10_000).await.expect("the log");
    let cause = |log: &[Recorded], event_type: &str| {
        let event = log.iter().rfind(|event| event.event_type == event_type);
        let event = event.unwrap_or_else(|| panic!("no {event_type}"));
        event.meta("causation_id").unwrap_or_default()
    };
    let id = |event_type: &str| {
        let event = platform.iter().rfind(|event| event.event_type == event_type);
        event.expect("there").event_id.to_string()
    };
    assert_eq!(cause(&platform, "saas.tab.opened"), id("platform.account.opened"));
    assert!(cause(&platform, "saas.tab.period_billed").starts_with("tmr_"));
    assert!(cause(&platform, "saas.tab.arrears_noted").starts_with("tmr_"));
    assert_eq!(
        cause(&platform, "platform.account.panel_locked"),
        id("saas.tab.arrears_noted")
    );
    assert_eq!(
        cause(&platform, "saas.tab.arrears_cleared"),
        id("billing.invoice.paid")
    );
    assert_eq!(
        cause(&platform, "platform.account.panel_unlocked"),
        id("saas.tab.arrears_cleared")
    );
    assert_eq!(
        cause(&own, "saas.statement.presented"),
        id("billing.invoice.issued")
    );
    assert_eq!(cause(&own, "saas.statement.settled"), id("billing.invoice.paid"));
}

#[tokio::test]
async fn months_that_were_missed_are_billed_once_each_whoever_runs_and_however_often() {
    let rig = Rig::new().await;
    on(&rig, "2027-01-01").await;
    let first = rig.onboard("maju", "basic").await;
    let second = rig.onboard("mundur", "pro").await;
    // Nobody was there for three months; then everybody is, at once.
    rig.test
        .clock()
        .set("2027-04-10T01:00:00+07:00".parse().expect("an instant"));
    loop {
        let due = due(&rig).await;
        if due.is_empty() {
            break;
        }
        let mut all = JoinSet::new();
        for timer in due.iter().flat_map(|timer| std::iter::repeat_n(timer, 4)) {
            let (policies, timer) = (Policies::new(rig.bus.clone()), timer.clone());
            all.spawn(async move {
                let fired = Fired {
                    tenant: TenantId::PLATFORM,
                    timer,
                    attempts: 0,
                    epoch: 0,
                };
                // Who comes too late for a conflict comes again, as a worker does.
                while policies.fire(&fired).await.is_err() {}
            });
        }
        all.join_all().await;
        rig.settle().await;
    }
    let mut issued = bills(&rig).await;
    assert_eq!(issued.len(), 8, "four months of two operators: {issued:?}");
    issued.sort_by(|a, b| a.1.cmp(&b.1));
    let numbers: Vec<String> = issued.iter().map(|(_, number, _)| number.clone()).collect();
    let wanted: Vec<String> = (1..=8).map(|number| format!("INV/2027/04/{number:04}")).collect();
    assert_eq!(numbers, wanted, "without a gap");
    let total: i64 = issued.iter().map(|(_, _, total)| total).sum();
    assert_eq!(total, 4 * (150_000 + 400_000));
    for tenant in [first, second] {
        let log = feed::page(rig.store(), tenant, 0, 10_000).await.expect("the log");
        let presented = log
            .iter()
            .filter(|event| event.event_type == "saas.statement.presented");
        assert_eq!(presented.count(), 4);
    }
}

// Property 65, Property 66: in the platform's log too, whatever notices come and however often.
#[tokio::test]
async fn late_double_and_wrong_amounts_are_booked_as_for_customers() {
    let rig = Rig::new().await;
    on(&rig, "2027-03-01").await;
    let tenant = rig.onboard("maju", "basic").await;
    on(&rig, "2027-03-02").await;
    let [(bill, ..)] = bills(&rig).await.try_into().expect("one bill");
    let gateway = gateway(&rig).await;
    let (one, two) = (order(&rig, gateway, bill).await, order(&rig, gateway, bill).await);
    let mut ten = JoinSet::new();
    for number in 0..10 {
        let (bus, notice) = (rig.bus.clone(), notice(&rig, gateway, &one, "P1", 100_000));
        ten.spawn(async move {
            loop {
                let cause = Cause::Notice(NoticeId::new(bus.store().ids().next()));
                let correlation = CorrelationId::new(cause.as_uuid());
                let context = Context::caused(TenantId::PLATFORM, "intake", cause, correlation, number);
                match bus.dispatch(context, notice.clone()).await {
                    Ok(receipt) => return receipt.answer,
                    Err(error) => assert_eq!(error.code(), Code::Conflict),
                }
            }
        });
    }
    let booked = ten.join_all().await;
    let effects = booked
        .iter()
        .filter(|booked| matches!(booked, Booked::Payment { .. }));
    assert_eq!(effects.count(), 1);
    assert_eq!(invoice(&rig, bill).await.outstanding(), rupiah(50_000));
    // Another attempt pays all of it, and money without an order is nobody's.
    let all = notice(&rig, gateway, &two, "P2", 150_000);
    rig.ask(TenantId::PLATFORM, Actor::System("intake"), all)
        .await
        .expect("booked");
    let stray = notice(&rig, gateway, "somebody-elses", "P3", 7_000);
    let stray = rig.ask(TenantId::PLATFORM, Actor::System("intake"), stray).await;
    assert!(matches!(stray, Ok(Booked::Unmatched { .. })));
    rig.settle().await;
    let payer = payer_id(tenant).to_string();
    let credit = load::<CreditAccount>(&rig, TenantId::PLATFORM, &payer).await;
    assert_eq!(credit.balance(), rupiah(100_000));
    // The next bill uses the credit, and asks for the rest.
    on(&rig, "2027-04-01").await;
    let april = bills(&rig).await.pop().expect("a bill").0;
    let state = invoice(&rig, april).await;
    assert_eq!(
        (state.status(), state.outstanding()),
        (InvoiceStatus::PartiallyPaid, rupiah(50_000))
    );
    assert_eq!(received(&rig).await, 257_000);
}

/// What was received; checked to be where it must be: on bills, in credit, refunded or unmatched.
async fn received(rig: &Rig) -> i64 {
    let log = platform_log(rig).await;
    let sum = |event_type: &str, field: &str| -> i64 {
        let events = log.iter().filter(|event| event.event_type == event_type);
        events
            .map(|event| {
                event.payload.value()[event_type][field]
                    .as_i64()
                    .expect("an amount")
            })
            .sum()
    };
    let received = sum("billing.payment.received", "amount");
    let parts = ["allocated", "credited", "left_unmatched"]
        .map(|part| sum(&format!("billing.payment.{part}"), "amount"));
    assert_eq!(parts.iter().sum::<i64>(), received);
    received
}

#[tokio::test]
async fn a_lock_for_another_reason_is_left_alone_and_a_bill_is_not_marked_twice_by_one_transfer() {
    let rig = Rig::new().await;
    on(&rig, "2027-03-01").await;
    let tenant = rig.onboard("maju", "basic").await;
    on(&rig, "2027-03-02").await;
    let [(bill, ..)] = bills(&rig).await.try_into().expect("one bill");
    let locked = ChangeStanding {
        tenant,
        standing: Standing::LockPanel {
            reason: "abuse".to_owned(),
        },
    };
    rig.govern(locked).await.expect("locked");
    on(&rig, "2027-03-30").await;
    assert_eq!(lock(&rig, tenant).await, Some("abuse".to_owned()));
    let first = rig.govern(paid(bill, 150_000, "BCA 7")).await.expect("booked");
    let again = rig.govern(paid(bill, 150_000, "BCA 7")).await.expect("known");
    assert_eq!(first, again);
    let other = rig.govern(paid(bill, 1, "BCA 7")).await;
    assert!(other.is_err());
    rig.settle().await;
    assert_eq!(lock(&rig, tenant).await, Some("abuse".to_owned()));
    assert_eq!(received(&rig).await, 150_000);
}

#[tokio::test]
async fn a_changed_plan_and_a_deleted_operator_are_settled_by_days() {
    let rig = Rig::new().await;
    on(&rig, "2027-03-01").await;
    let tenant = rig.onboard("maju", "basic").await;
    on(&rig, "2027-03-16").await;
    let upgrade = ChangeTerms {
        tenant,
        terms: Granting::Plan {
            plan: PlanKey::parse("pro").expect("a plan"),
            agreed_price: None,
        },
    };
    rig.govern(upgrade).await.expect("changed");
    rig.settle().await;
    on(&rig, "2027-04-01").await;
    let totals: Vec<i64> = bills(&rig).await.into_iter().map(|(_, _, total)| total).collect();
    // March at 150,000; then April at 400,000, and for March 15 and 16 days of 31 less what was asked.
    let (before, after) = (150_000 * 15 / 31, 400_000 - 400_000 * 15 / 31);
    assert_eq!(totals, [150_000, 400_000 + before + after - 150_000]);
    let gone = ChangeStanding {
        tenant,
        standing: Standing::Delete,
    };
    rig.govern(gone).await.expect("ordered");
    rig.test.clock().advance(TimeDelta::days(31));
    fire_due(&rig).await;
    let tab = load::<Tab>(&rig, TenantId::PLATFORM, &tenant.to_string()).await;
    assert!(
        matches!(tab.status(), TabStatus::Closed | TabStatus::Settled),
        "{tab:?}"
    );
}
