//! No rupiah is lost or counted twice: random notices, in any order and any number of times.

use std::collections::BTreeSet;

use chrono::{Days, NaiveDate, TimeDelta};
use proptest::{
    prelude::{Just, Strategy, prop, prop_oneof},
    strategy::ValueTree as _,
    test_runner::{Config, TestRunner},
};
use simpul::demo::seed::{self, Accounts, Hand, Operator};
use simpul_adapters::standin::{fonnte, tripay};
use simpul_app::{
    Refusal,
    billing::{BookObservation, IssueInvoice, OpenCheckout},
};
use simpul_domain::{
    InvoiceId, Rupiah,
    billing::{
        Invoice,
        gateway::{Currency, Observation, ObservedState},
    },
    network::{RouterAddress, RouterHost, TlsMode},
};
use simpul_event_store::{Actor, Bus, Command, feed};
use simpul_testkit::TestDb;

/// Of the operator's plan.
const PRICE: i64 = 150_000;
const CASES: usize = 100;

struct Shop {
    bus: Bus,
    operator: Operator,
}

impl Shop {
    async fn open(test: &TestDb) -> Self {
        let bus = test.bus();
        let accounts = Accounts {
            router: RouterAddress {
                host: RouterHost::parse("203.0.113.1").expect("a host"),
                port: 8728,
                tls: TlsMode::Plain,
            },
            tripay: tripay::Settings::demo(),
            fonnte: fonnte::Settings::demo().expect("a number"),
        };
        let operator = seed::operator(&bus, &accounts).await.expect("an operator");
        Self { bus, operator }
    }

    async fn ask<C: Command<Refusal = Refusal>>(&self, actor: Actor, command: C) -> C::Answer {
        let hand = Hand {
            bus: &self.bus,
            tenant: self.operator.tenant,
            actor,
        };
        hand.ask(command).await.expect(C::NAME)
    }

    fn owner(&self) -> Actor {
        Actor::User(self.operator.owner)
    }

    async fn invoice(&self, month: u64) -> InvoiceId {
        let due_on = NaiveDate::from_ymd_opt(2026, 2, 10).expect("a date") + Days::new(month * 31);
        self.ask(
            self.owner(),
            IssueInvoice {
                subscription: self.operator.subscription,
                due_on,
            },
        )
        .await
    }

    /// A new attempt at an invoice: the gateway's order reference, or nothing when the invoice is paid.
    async fn attempt(&self, invoice: InvoiceId) -> Option<String> {
        let (state, _) = self
            .bus
            .store()
            .load::<Invoice>(self.operator.tenant, &invoice.to_string())
            .await
            .expect("loaded");
        if !state.is_open() {
            return None;
        }
        let open = OpenCheckout {
            invoice,
            gateway: self.operator.gateway,
            channel: "BRIVA".to_owned(),
            payer_fee: Rupiah::try_new(4_250).expect("a fee"),
            merchant_fee: Rupiah::ZERO,
        };
        Some(self.ask(self.owner(), open).await.merchant_ref.to_string())
    }

    async fn notice(&self, notice: &Notice, order_ref: &str) {
        let gross = Rupiah::try_new(notice.gross).expect("an amount");
        let observation = Observation {
            provider_ref: format!("T-{order_ref}-{}", notice.charge),
            order_ref: order_ref.to_owned(),
            state: notice.state.clone(),
            gross,
            currency: Currency::Idr,
            payer_fee: notice.fee.map(|fee| Rupiah::try_new(fee).expect("a fee")),
            merchant_fee: None,
            given_back: Some(Rupiah::try_new(notice.given_back).expect("an amount")),
            channel: None,
            paid_at: None,
            raw_sha256: "0".repeat(64),
        };
        self.ask(
            Actor::System("test"),
            BookObservation {
                gateway: self.operator.gateway,
                observation,
                notice: None,
            },
        )
        .await;
    }

    /// Sums over the log: received, and where it went.
    async fn sums(&self) -> Sums {
        let log = feed::page(self.bus.store(), self.operator.tenant, 0, 10_000)
            .await
            .expect("the log");
        let mut sums = Sums::default();
        let mut charges = BTreeSet::new();
        for event in &log {
            let content = event.payload.value()[event.event_type.as_str()].take();
            let of = |field: &str| content[field].as_i64().unwrap_or_default();
            let amount = of("amount");
            match event.event_type.as_str() {
                "billing.payment.received" => {
                    sums.received += amount;
                    let charge = content["provider_ref"].as_str().unwrap_or_default().to_owned();
                    assert!(charges.insert(charge), "one charge was booked twice");
                }
                "billing.payment.allocated" => sums.allocated += amount,
                "billing.payment.credited" => sums.credited += amount,
                "billing.payment.left_unmatched" => sums.unmatched += amount,
                "billing.payment.taken_back" => {
                    let parts = content["allocations"].as_array().expect("parts");
                    sums.allocated -= parts
                        .iter()
                        .map(|part| part["amount"].as_i64().expect("whole"))
                        .sum::<i64>();
                    sums.credited -= of("credit");
                    sums.unmatched -= of("unmatched");
                    sums.taken_back += amount;
                }
                "billing.invoice.payment_applied" => sums.applied += amount,
                "billing.invoice.payment_taken_back" => sums.applied -= amount,
                "billing.invoice.credit_applied" => sums.credit_on_bills += amount,
                "billing.invoice.credit_taken_back" => sums.credit_on_bills -= amount,
                "billing.credit_account.credit_added" | "billing.credit_account.credit_returned" => {
                    sums.balance += amount;
                }
                "billing.credit_account.credit_used" | "billing.credit_account.credit_taken_back" => {
                    sums.balance -= amount;
                }
                _ => {}
            }
        }
        sums
    }
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Sums {
    received: i64,
    allocated: i64,
    credited: i64,
    unmatched: i64,
    taken_back: i64,
    /// What bills say that payments put on them.
    applied: i64,
    /// What bills say that credit put on them.
    credit_on_bills: i64,
    /// What the credit account says that is left.
    balance: i64,
}

impl Sums {
    fn assert_balanced(&self, said: &[Notice]) {
        let somewhere = self.allocated + self.credited + self.unmatched + self.taken_back;
        assert_eq!(self.received, somewhere, "{said:?}");
        assert_eq!(
            self.allocated, self.applied,
            "bills and ledger say the same: {said:?}"
        );
        assert_eq!(
            self.credited,
            self.balance + self.credit_on_bills,
            "so does credit: {said:?}"
        );
        assert!(self.balance >= 0, "{said:?}");
    }
}

/// One notice: about which attempt (or a foreign order), which of its charges, and what it says.
#[derive(Debug, Clone)]
struct Notice {
    about: Option<usize>,
    charge: u8,
    state: ObservedState,
    gross: i64,
    /// Also such as nobody can mean.
    fee: Option<i64>,
    /// What the payer got back by then, where a part was given back.
    given_back: i64,
}

fn notices() -> impl Strategy<Value = (Vec<Notice>, Vec<usize>)> {
    let state = prop_oneof![
        4 => Just(ObservedState::Paid),
        1 => Just(ObservedState::Pending),
        1 => Just(ObservedState::Expired),
        1 => Just(ObservedState::Failed),
        1 => Just(ObservedState::Settled),
        1 => Just(ObservedState::Refunded),
        1 => Just(ObservedState::ChargedBack),
        1 => Just(ObservedState::Reversed),
        1 => Just(ObservedState::PartiallyRefunded),
    ];
    let gross = prop_oneof![3 => Just(PRICE + 4_250), 1 => 5_000_i64..400_000];
    let fee = prop_oneof![
        4 => Just(Some(4_250)),
        1 => Just(None),
        1 => prop::sample::select(vec![Some(-1), Some(0), Some(PRICE), Some(1_000_000)]),
    ];
    let about = prop::option::weighted(0.85, 0_usize..4);
    let parts = (about, 0_u8..2, state, gross, fee, 1_i64..200_000);
    let notice = parts.prop_map(|(about, charge, state, gross, fee, given_back)| Notice {
        about,
        charge,
        state,
        gross,
        fee,
        given_back,
    });
    prop::collection::vec(notice, 1..8).prop_flat_map(|notices| {
        let repeats = prop::collection::vec(0..notices.len(), 0..6);
        (Just(notices), repeats)
    })
}

// Property 65: allocations + credit + refunds + unmatched = money received, for any order and repetition of notices, those
// that take it back too.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_rupiah_goes_somewhere_whatever_the_gateway_says() {
    let test = TestDb::create().await;
    test.clock().advance(TimeDelta::days(1));
    let mut runner = TestRunner::new(Config::default());
    for _ in 0..CASES {
        let (said, repeats) = notices().new_tree(&mut runner).expect("a case").current();
        let shop = Shop::open(&test).await;
        let mut orders = Vec::new();
        for attempt in 0..4_u64 {
            let invoice = shop.invoice(attempt / 2).await;
            orders.push(shop.attempt(invoice).await.expect("an open invoice"));
        }
        let order_of = |notice: &Notice| {
            notice
                .about
                .map_or_else(|| "FOREIGN-ORDER-1".to_owned(), |index| orders[index].clone())
        };
        let half = said.len() / 2;
        for notice in &said[..half] {
            shop.notice(notice, &order_of(notice)).await;
        }
        // A new bill uses what credit there is, and what is taken back afterwards may be on it.
        shop.invoice(2).await;
        for notice in &said[half..] {
            shop.notice(notice, &order_of(notice)).await;
            shop.sums().await.assert_balanced(&said);
        }
        let once = shop.sums().await;
        once.assert_balanced(&said);
        for index in &repeats {
            shop.notice(&said[*index], &order_of(&said[*index])).await;
        }
        assert_eq!(
            shop.sums().await,
            once,
            "a repetition moved money: {said:?} then {repeats:?}"
        );
    }
}
