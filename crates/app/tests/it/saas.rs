//! What the platform bills its operators, from the onboarding to the panel that opens again: timers fire from their rows,
//! policies react, and every step is found in the logs.

mod desk;
mod leaving;
mod preview;

use chrono::{DateTime, Utc};
use simpul_app::{
    billing::Booked,
    identity::letters::{News, Unpaid},
    platform::{ChangeStanding, ChangeTerms, RenameAccount, Standing, Terms as Granting},
    policies::Policies,
    saas::RequestBillPayment,
    tenancy::PlaceAddOnOrder,
};
use simpul_domain::{
    Code, Coded as _, CorrelationId, NoticeId, TenantId,
    billing::{CreditAccount, invoice::InvoiceStatus},
    platform::{AddOnKey, PlanKey},
    saas::{Tab, payer_id, statement::StatementStatus, tab::TabStatus},
    tenancy::tenant::TenantStatus,
};
use simpul_event_store::{Actor, Cause, Context, Recorded, feed, inline::timer::Fired};
use tokio::task::JoinSet;

use self::desk::{
    bills, due, gateway, invoice, load, lock, notice, on, order, paid, platform_log, rupiah, statement,
};
use crate::{
    letters,
    limits::router,
    rig::{Rig, code},
};

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
    rig.fire_all(TenantId::PLATFORM, due).await;
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
    let asked = Unpaid {
        number: number.clone(),
        outstanding: rupiah(*total),
        due_on: Some("2027-04-15".parse().expect("a date")),
    };
    assert_eq!(dunned(&rig, tenant).await, [News::BillIssued(asked.clone())]);

    // 14 days to pay, 7 of grace.
    on(&rig, "2027-04-15").await;
    assert_eq!(statement(&rig, tenant, *bill).await, StatementStatus::Open);
    on(&rig, "2027-04-16").await;
    assert_eq!(statement(&rig, tenant, *bill).await, StatementStatus::Overdue);
    assert_eq!(
        dunned(&rig, tenant).await.last(),
        Some(&News::BillOverdue(asked.clone()))
    );
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

    let locked = News::PanelLocked {
        reason: format!("unpaid bill {bill}"),
        unpaid: Some(asked),
    };
    assert_eq!(told(&rig, tenant).await, std::slice::from_ref(&locked));

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
    assert_eq!(told(&rig, tenant).await, [locked, News::PanelUnlocked]);
    rig.own(tenant, router(1)).await.expect("open again");
    assert_eq!(rig.tenant(tenant).await.status(), TenantStatus::Open);
    explained(&rig, tenant).await;
}

/// What the owner was told about bills.
async fn dunned(rig: &Rig, tenant: TenantId) -> Vec<News> {
    let news = letters::news(rig, tenant).await.into_iter().map(|(_, news)| news);
    news.filter(|news| matches!(news, News::BillIssued(_) | News::BillOverdue(_)))
        .collect()
}

/// What the owner was told about the panel.
async fn told(rig: &Rig, tenant: TenantId) -> Vec<News> {
    let news = letters::news(rig, tenant).await.into_iter().map(|(_, news)| news);
    news.filter(|news| matches!(news, News::PanelLocked { .. } | News::PanelUnlocked))
        .collect()
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
    on(&rig, "2027-04-10").await;
    let gone = ChangeStanding {
        tenant,
        standing: Standing::Delete,
    };
    rig.govern(gone).await.expect("ordered");
    rig.settle().await;
    // One last bill: 9 days of 30 of April were used, and 400,000 was asked for it.
    on(&rig, "2027-05-01").await;
    // Its 30 days are over.
    on(&rig, "2027-05-10").await;
    let tab = load::<Tab>(&rig, TenantId::PLATFORM, &tenant.to_string()).await;
    assert_eq!(tab.status(), TabStatus::Settled);
    on(&rig, "2027-08-01").await;
    let totals: Vec<i64> = bills(&rig).await.into_iter().map(|(_, _, total)| total).collect();
    assert_eq!(totals, [150_000, 529_032, 0]);
    assert_eq!(last_lines(&rig).await, [120_000, -400_000, 280_000]);
}

/// The lines of the last bill.
async fn last_lines(rig: &Rig) -> Vec<i64> {
    let log = platform_log(rig).await;
    let billed = log
        .iter()
        .rfind(|event| event.event_type == "saas.tab.period_billed");
    let content = &billed.expect("billed").payload.value()["saas.tab.period_billed"];
    assert_eq!(content["next_on"], serde_json::Value::Null, "it is the last one");
    let lines = content["lines"].as_array().expect("lines");
    lines
        .iter()
        .map(|line| line["amount"].as_i64().expect("an amount"))
        .collect()
}

#[tokio::test]
async fn a_renamed_operator_is_billed_by_its_new_name_and_an_earlier_bill_keeps_the_old_one() {
    let rig = Rig::new().await;
    on(&rig, "2027-03-01").await;
    let tenant = rig.onboard("maju", "basic").await;
    on(&rig, "2027-03-02").await;
    let name = "Wifi Maju Terus".to_owned();
    rig.govern(RenameAccount { tenant, name }).await.expect("renamed");
    rig.settle().await;
    on(&rig, "2027-04-01").await;
    let log = platform_log(&rig).await;
    let issued = "billing.invoice.issued";
    let bills = log.iter().filter(|event| event.event_type == issued);
    let names: Vec<String> = bills
        .map(|event| event.payload.value()[issued]["snapshot"]["account_name"].to_string())
        .collect();
    assert_eq!(names, ["\"Wifi Maju\"", "\"Wifi Maju Terus\""]);
}
