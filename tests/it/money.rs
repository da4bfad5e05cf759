//! No rupiah is lost or counted twice: random notices, in any order and any number of times.

use std::collections::BTreeSet;

use chrono::{Days, NaiveDate, TimeDelta};
use proptest::{
    prelude::{Just, Strategy, prop, prop_oneof},
    strategy::ValueTree as _,
    test_runner::{Config, TestRunner},
};
use simpul_app::{
    Personal, Refusal,
    billing::{BookObservation, ConnectGateway, IssueInvoice, OpenCheckout},
    catalog::DefinePlan,
    customers::RegisterCustomer,
    network::RegisterRouter,
    subscriptions::{Change, ChangeSubscription, OpenSubscription},
    tenancy::OnboardTenant,
};
use simpul_domain::{
    CorrelationId, GatewayId, InvoiceId, Rupiah, SubscriptionId, TenantId, UserId,
    billing::{
        DueDay, Invoice,
        gateway::{Currency, GatewayKind, Observation, ObservedState},
        gateway_account::GatewayMode,
    },
    customers::CustomerCode,
    network::{PppProfile, RouterAddress, RouterHost, TlsMode},
    subscriptions::PppUsername,
    tenancy::{Subdomain, TenantSettings},
};
use simpul_event_store::{Actor, Bus, Command, Context, feed};
use simpul_testkit::TestDb;
use uuid::Uuid;

const PRICE: i64 = 150_000;
const CASES: usize = 100;

struct Shop {
    bus: Bus,
    tenant: TenantId,
    owner: UserId,
    gateway: GatewayId,
    subscription: SubscriptionId,
}

impl Shop {
    async fn ask<C: Command<Refusal = Refusal>>(&self, actor: Actor, command: C) -> C::Answer {
        let command_id = self.bus.store().new_command_id();
        let context = Context {
            tenant: self.tenant,
            actor,
            impersonator: None,
            ip: None,
            user_agent: None,
            request_id: None,
            correlation: CorrelationId::new(command_id.as_uuid()),
            cause: None,
            command_id,
            effective_at: None,
            dry_run: false,
        };
        self.bus.dispatch(context, command).await.expect(C::NAME).answer
    }

    async fn open(test: &TestDb, number: u128) -> Self {
        let mut shop = Self {
            bus: test.bus(),
            tenant: TenantId::new(Uuid::from_u128(number << 64)),
            owner: UserId::new(Uuid::from_u128(7)),
            gateway: GatewayId::new(Uuid::nil()),
            subscription: SubscriptionId::new(Uuid::nil()),
        };
        let owner = Actor::User(shop.owner);
        let onboard = OnboardTenant {
            name: "Operator".to_owned(),
            subdomain: Subdomain::parse(&format!("operator-{number}")).expect("a subdomain"),
            settings: TenantSettings::default(),
            owner: shop.owner,
        };
        shop.ask(Actor::System("test"), onboard).await;
        let plan = DefinePlan {
            name: "Paket".to_owned(),
            download_kbps: 10_000,
            upload_kbps: 5_000,
            price: Rupiah::try_new(PRICE).expect("a price"),
            profile: PppProfile::parse("paket").expect("a profile"),
        };
        let plan = shop.ask(owner.clone(), plan).await;
        let router = RegisterRouter {
            name: "Router".to_owned(),
            address: RouterAddress {
                host: RouterHost::parse("203.0.113.1").expect("a host"),
                port: 8728,
                tls: TlsMode::Plain,
            },
            username: "api".to_owned(),
            password: Personal::new("rahasia"),
            legacy_login: false,
            slot_limit: None,
        };
        let router = shop.ask(owner.clone(), router).await;
        let customer = RegisterCustomer {
            code: CustomerCode::parse("C1").expect("a code"),
            name: Personal::new("Budi"),
            phone: Personal::new("081234567890"),
            email: None,
        };
        let customer = shop.ask(owner.clone(), customer).await;
        let gateway = ConnectGateway {
            kind: GatewayKind::Tripay,
            mode: GatewayMode::Sandbox,
            merchant_code: "T1".to_owned(),
            api_key: Personal::new("a"),
            signing_key: Personal::new("b"),
            fallback_email: "tagihan@contoh.id".to_owned(),
        };
        shop.gateway = shop.ask(owner.clone(), gateway).await.gateway;
        let open = OpenSubscription {
            customer,
            plan,
            router,
            username: PppUsername::parse("budi").expect("a user name"),
            secret: Personal::new("rahasia"),
            due_day: Some(DueDay::try_new(10).expect("a day")),
            installed_on: NaiveDate::from_ymd_opt(2026, 1, 10).expect("a date"),
        };
        shop.subscription = shop.ask(owner.clone(), open).await;
        let activate = ChangeSubscription {
            subscription: shop.subscription,
            change: Change::Activate,
        };
        shop.ask(owner, activate).await;
        shop
    }

    async fn invoice(&self, month: u64) -> InvoiceId {
        let due_on = NaiveDate::from_ymd_opt(2026, 2, 10).expect("a date") + Days::new(month * 31);
        self.ask(
            Actor::User(self.owner),
            IssueInvoice {
                subscription: self.subscription,
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
            .load::<Invoice>(self.tenant, &invoice.to_string())
            .await
            .expect("loaded");
        if !state.is_open() {
            return None;
        }
        let open = OpenCheckout {
            invoice,
            gateway: self.gateway,
            channel: "BRIVA".to_owned(),
            payer_fee: Rupiah::try_new(4_250).expect("a fee"),
            merchant_fee: Rupiah::ZERO,
        };
        Some(
            self.ask(Actor::User(self.owner), open)
                .await
                .merchant_ref
                .to_string(),
        )
    }

    async fn notice(&self, notice: &Notice, order_ref: &str) {
        let gross = Rupiah::try_new(notice.gross).expect("an amount");
        let observation = Observation {
            provider_ref: format!("T-{order_ref}-{}", notice.charge),
            order_ref: order_ref.to_owned(),
            state: notice.state.clone(),
            gross,
            currency: Currency::Idr,
            payer_fee: Some(Rupiah::try_new(4_250).expect("a fee")),
            merchant_fee: None,
            channel: None,
            paid_at: None,
            raw_sha256: "0".repeat(64),
        };
        self.ask(
            Actor::System("test"),
            BookObservation {
                gateway: self.gateway,
                observation,
                notice: None,
            },
        )
        .await;
    }

    /// Sums over the log: received, and where it went.
    async fn sums(&self) -> Sums {
        let log = feed::page(self.bus.store(), self.tenant, 0, 10_000)
            .await
            .expect("the log");
        let mut sums = Sums::default();
        let mut charges = BTreeSet::new();
        for event in &log {
            let content = &event.payload[event.event_type.as_str()];
            let amount = content["amount"].as_i64().unwrap_or_default();
            match event.event_type.as_str() {
                "billing.payment.received" => {
                    sums.received += amount;
                    let charge = content["provider_ref"].as_str().unwrap_or_default().to_owned();
                    assert!(charges.insert(charge), "one charge was booked twice");
                }
                "billing.payment.allocated" => sums.allocated += amount,
                "billing.payment.credited" => sums.credited += amount,
                "billing.payment.left_unmatched" => sums.unmatched += amount,
                "billing.invoice.payment_applied" => sums.applied += amount,
                "billing.credit_account.credit_added" => sums.added += amount,
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
    applied: i64,
    added: i64,
}

/// One notice: about which attempt (or a foreign order), which of its charges, and what it says.
#[derive(Debug, Clone)]
struct Notice {
    about: Option<usize>,
    charge: u8,
    state: ObservedState,
    gross: i64,
}

fn notices() -> impl Strategy<Value = (Vec<Notice>, Vec<usize>)> {
    let state = prop_oneof![
        4 => Just(ObservedState::Paid),
        1 => Just(ObservedState::Pending),
        1 => Just(ObservedState::Expired),
        1 => Just(ObservedState::Failed),
        1 => Just(ObservedState::Settled),
    ];
    let gross = prop_oneof![3 => Just(PRICE + 4_250), 1 => 5_000_i64..400_000];
    let notice = (prop::option::weighted(0.85, 0_usize..4), 0_u8..2, state, gross).prop_map(
        |(about, charge, state, gross)| Notice {
            about,
            charge,
            state,
            gross,
        },
    );
    prop::collection::vec(notice, 1..8).prop_flat_map(|notices| {
        let repeats = prop::collection::vec(0..notices.len(), 0..6);
        (Just(notices), repeats)
    })
}

// Property 65: allocations + credit + refunds + unmatched = money received, for any order and repetition of notices.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_rupiah_goes_somewhere_whatever_the_gateway_says() {
    let test = TestDb::create().await;
    test.clock().advance(TimeDelta::days(1));
    let mut runner = TestRunner::new(Config::default());
    for case in 1..=CASES {
        let (said, repeats) = notices().new_tree(&mut runner).expect("a case").current();
        let shop = Shop::open(&test, case as u128).await;
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
        for notice in &said {
            shop.notice(notice, &order_of(notice)).await;
        }
        let once = shop.sums().await;
        assert_eq!(
            once.received,
            once.allocated + once.credited + once.unmatched,
            "{said:?}"
        );
        assert_eq!(
            (once.allocated, once.credited),
            (once.applied, once.added),
            "{said:?}"
        );
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
