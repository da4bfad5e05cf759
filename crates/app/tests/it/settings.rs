//! What an operator has chosen is what happens: bills, reminders, the stop, quiet hours, codes.

use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, Utc};
use simpul_app::{
    Refusal,
    billing::{IssueInvoice, VoidInvoice},
    customers::RegisterCustomer,
    subscriptions::{Change, ChangeSubscription},
    tenancy::ChangeSettings,
};
use simpul_domain::{
    Code, InvoiceId, Rupiah, SubscriptionId, TenantId,
    billing::{
        InvoiceNumberPattern, Tax,
        service::{FirstPeriod, TaxMode},
    },
    messaging::MessageKind,
    subscriptions::{Subscription, subscription::SubscriptionStatus},
    tenancy::{
        Entitlements, Section,
        settings::{
            Branding, CodePattern, Codes, Dunning, Invoicing, Messaging, Payments, QuietHours, TaxRule,
            Taxation,
        },
    },
    within::Within,
};
use simpul_event_store::{Actor, Command, feed};
use simpul_testkit::sql::Session;

use crate::{
    rig::{Answer, Rig, code},
    shop::{Shop, somebody},
};

/// An operator with one line.
pub(crate) struct House {
    pub(crate) rig: Rig,
    pub(crate) tenant: TenantId,
    pub(crate) shop: Shop,
    pub(crate) line: SubscriptionId,
}

pub(crate) fn rupiah(amount: i64) -> Rupiah {
    Rupiah::try_new(amount).expect("in range")
}

pub(crate) fn day(text: &str) -> NaiveDate {
    text.parse().expect("a date")
}

fn time(text: &str) -> NaiveTime {
    text.parse().expect("a time")
}

pub(crate) fn instant(text: &str) -> DateTime<Utc> {
    text.parse().expect("an instant")
}

impl House {
    /// The line was installed on 21 January 2027; bills are due on the first.
    pub(crate) async fn open() -> Self {
        let rig = Rig::new().await;
        rig.test.clock().set(instant("2027-01-21T10:00:00+07:00"));
        let shop = Shop::open(&rig, "maju", Entitlements::unlimited()).await;
        let (tenant, hand) = (shop.tenant, Actor::System("test"));
        let line = rig
            .ask(tenant, hand.clone(), shop.line("budi@maju"))
            .await
            .expect("a line");
        let activate = ChangeSubscription {
            subscription: line,
            change: Change::Activate,
        };
        rig.ask(tenant, hand, activate).await.expect("active");
        Self {
            rig,
            tenant,
            shop,
            line,
        }
    }

    pub(crate) async fn tell<C: Command<Refusal = Refusal>>(&self, command: C) -> Answer<C::Answer> {
        self.rig.ask(self.tenant, Actor::System("test"), command).await
    }

    pub(crate) async fn choose(&self, section: impl Into<Section>) {
        let section = section.into();
        self.tell(ChangeSettings { section }).await.expect("chosen");
    }

    pub(crate) async fn bill(&self, due_on: &str) -> InvoiceId {
        let issue = IssueInvoice {
            subscription: self.line,
            due_on: day(due_on),
        };
        self.tell(issue).await.expect("issued")
    }

    pub(crate) async fn content(&self, event: &str) -> Vec<serde_json::Value> {
        let log = feed::page(self.rig.store(), self.tenant, 0, 1_000)
            .await
            .expect("the log");
        log.iter()
            .filter(|recorded| recorded.event_type == event)
            .map(|recorded| recorded.payload.value()[event].clone())
            .collect()
    }

    /// When which timer is due, in Jakarta.
    pub(crate) async fn due(&self) -> Vec<(String, String)> {
        let jakarta = TimeDelta::hours(7);
        let timers = self.rig.timers(self.tenant).await;
        timers
            .into_iter()
            .map(|timer| ((timer.due_at + jakarta).format("%m-%d").to_string(), timer.kind))
            .collect()
    }

    /// Goes on to an instant, and lets happen what is due.
    pub(crate) async fn on(&self, at: &str) {
        self.rig.test.clock().set(instant(at));
        self.rig.fire_due(self.tenant, |_| true).await;
    }

    pub(crate) async fn status(&self) -> SubscriptionStatus {
        let (state, _) = self
            .rig
            .store()
            .load::<Subscription>(self.tenant, &self.line.to_string())
            .await
            .expect("loads");
        state.status()
    }
}

#[tokio::test]
async fn a_bill_is_made_as_the_operator_has_chosen() {
    let house = House::open().await;
    house
        .choose(Invoicing {
            first_period: FirstPeriod::Prorated,
            rounding_unit: rupiah(500),
            number_pattern: InvoiceNumberPattern::parse("MAJU-{YY}{MM}-{NNN}").expect("a pattern"),
            ..Invoicing::default()
        })
        .await;
    let mode = Some(TaxMode {
        tax: Tax {
            rate_basis_points: 1_200,
            base_numerator: 11,
            base_denominator: 12,
        },
        inclusive: false,
    });
    let rules = vec![TaxRule {
        since: day("2027-01-25"),
        mode,
    }];
    house.choose(Taxation { rules }).await;
    house
        .choose(Branding {
            seller_name: Some("PT Maju Jaya".to_owned()),
            ..Branding::default()
        })
        .await;
    house.bill("2027-02-01").await;
    house.rig.test.clock().set(instant("2027-02-20T10:00:00+07:00"));
    house.bill("2027-03-01").await;
    let issued = house.content("billing.invoice.issued").await;
    let told: Vec<(String, i64, String)> = issued
        .iter()
        .map(|bill| {
            (
                bill["number"].as_str().expect("a number").to_owned(),
                bill["total"].as_i64().expect("an amount"),
                bill["snapshot"]["seller_name"]
                    .as_str()
                    .expect("a name")
                    .to_owned(),
            )
        })
        .collect();
    // 11 of 31 days: 53,226, rounded up to 53,500, before there was a tax; then a whole month with 11 %.
    assert_eq!(
        told,
        [
            ("MAJU-2701-001".to_owned(), 53_500, "PT Maju Jaya".to_owned()),
            ("MAJU-2702-001".to_owned(), 166_500, "PT Maju Jaya".to_owned()),
        ]
    );
}

#[tokio::test]
async fn reminders_isolir_and_stop_follow_the_operators_ladder() {
    let house = House::open().await;
    house
        .choose(Dunning {
            reminder_days: vec![-40, -3, 2],
            grace_days: Within::of::<4>(),
            stop_days: Some(Within::of::<10>()),
            late_fee: None,
        })
        .await;
    house.bill("2027-02-01").await;
    house.rig.settle().await;
    let due: Vec<_> = house.due().await;
    let due: Vec<(&str, &str)> = due
        .iter()
        .map(|(at, kind)| (at.as_str(), kind.as_str()))
        .collect();
    assert_eq!(
        due,
        [
            ("01-25", "bill_line"),
            ("01-29", "bill_reminder"),
            ("02-02", "invoice_overdue"),
            ("02-03", "bill_reminder"),
            ("02-06", "isolir_due"),
        ]
    );
    house.on("2027-02-05T23:00:00+07:00").await;
    assert_eq!(house.content("billing.invoice.reminded").await.len(), 2);
    assert_eq!(house.status().await, SubscriptionStatus::Active);
    house.on("2027-02-06T00:01:00+07:00").await;
    assert_eq!(house.status().await, SubscriptionStatus::Isolated);
    let due = [("02-16", "stop_due"), ("02-22", "bill_line")];
    assert_eq!(
        house.due().await,
        due.map(|(at, kind)| (at.to_owned(), kind.to_owned()))
    );
    house.on("2027-02-16T00:00:59+07:00").await;
    assert_eq!(house.status().await, SubscriptionStatus::Isolated);
    house.on("2027-02-16T00:01:00+07:00").await;
    assert_eq!(house.status().await, SubscriptionStatus::Stopped);
}

/// Isolates after no grace, and stops ten days later.
fn strict() -> Dunning {
    Dunning {
        reminder_days: Vec::new(),
        grace_days: Within::of::<0>(),
        stop_days: Some(Within::of::<10>()),
        late_fee: None,
    }
}

#[tokio::test]
async fn a_bill_that_goes_out_late_leaves_its_line_the_whole_days_until_the_stop() {
    let house = House::open().await;
    house.choose(strict()).await;
    house.rig.test.clock().set(instant("2027-03-20T15:00:00+07:00"));
    house.bill("2027-02-01").await;
    house.rig.settle().await;
    house.on("2027-03-20T15:00:01+07:00").await;
    assert_eq!(house.status().await, SubscriptionStatus::Isolated);
    house.on("2027-03-30T15:00:00+07:00").await;
    assert_eq!(house.status().await, SubscriptionStatus::Isolated);
    house.on("2027-03-30T15:00:01+07:00").await;
    assert_eq!(house.status().await, SubscriptionStatus::Stopped);
}

#[tokio::test]
async fn a_line_that_was_isolated_again_is_not_stopped_for_its_first_isolir() {
    let house = House::open().await;
    house.choose(strict()).await;
    let first = house.bill("2027-02-01").await;
    house.rig.settle().await;
    house.on("2027-02-02T00:00:00+07:00").await;
    assert_eq!(house.status().await, SubscriptionStatus::Isolated);
    let void = VoidInvoice {
        invoice: first,
        reason: "a mistake".to_owned(),
    };
    house.tell(void).await.expect("void");
    house.rig.settle().await;
    house.rig.test.clock().set(instant("2027-02-08T00:00:00+07:00"));
    house.bill("2027-03-01").await;
    house.rig.settle().await;
    house.on("2027-02-12T00:00:00+07:00").await;
    assert_eq!(house.status().await, SubscriptionStatus::Active);
    house.on("2027-03-02T00:00:00+07:00").await;
    assert_eq!(house.status().await, SubscriptionStatus::Isolated);
    house.on("2027-03-11T23:59:59+07:00").await;
    assert_eq!(house.status().await, SubscriptionStatus::Isolated);
    house.on("2027-03-12T00:00:00+07:00").await;
    assert_eq!(house.status().await, SubscriptionStatus::Stopped);
}

#[tokio::test]
async fn a_line_whose_bill_is_settled_is_not_stopped() {
    let house = House::open().await;
    let bill = house.bill("2027-02-01").await;
    house.rig.settle().await;
    house.on("2027-02-10T00:01:00+07:00").await;
    assert_eq!(house.status().await, SubscriptionStatus::Isolated);
    let void = VoidInvoice {
        invoice: bill,
        reason: "a mistake".to_owned(),
    };
    house.tell(void).await.expect("void");
    house.rig.settle().await;
    house.on("2027-02-21T00:01:00+07:00").await;
    assert_eq!(house.status().await, SubscriptionStatus::Active);
}

#[tokio::test]
async fn only_the_kinds_that_are_chosen_are_sent_and_none_in_quiet_hours() {
    let house = House::open().await;
    house
        .choose(Messaging {
            kinds: [MessageKind::InvoiceCreated].into(),
            quiet_hours: Some(QuietHours {
                from: time("20:00:00"),
                until: time("08:00:00"),
            }),
            ..Messaging::default()
        })
        .await;
    house.rig.test.clock().set(instant("2027-01-21T23:30:00+07:00"));
    house.bill("2027-02-01").await;
    house.rig.settle().await;
    house.on("2027-02-02T00:01:00+07:00").await;
    let kinds: Vec<_> = house
        .content("messaging.message.queued")
        .await
        .iter()
        .map(|queued| queued["kind"].as_str().expect("a kind").to_owned())
        .collect();
    assert_eq!(kinds, ["invoice_created"], "it is overdue, and that is not told");
    let mut admin = Session::open(&house.rig.test.superuser_url()).await;
    let due: Vec<DateTime<Utc>> = admin
        .column(&format!(
            "SELECT due_at FROM es.outbox WHERE tenant_id = '{}'",
            house.tenant.as_uuid()
        ))
        .await;
    assert_eq!(due, [instant("2027-01-22T08:00:00+07:00")]);
}

#[tokio::test]
async fn a_customer_without_a_code_gets_the_next_free_one_of_the_pattern() {
    let house = House::open().await;
    house
        .choose(Codes {
            customer: CodePattern::parse("PLG{NN}").expect("a pattern"),
            ..Codes::default()
        })
        .await;
    let typed = RegisterCustomer {
        code: Some(simpul_domain::customers::CustomerCode::parse("PLG02").expect("a code")),
        ..somebody()
    };
    house.tell(typed).await.expect("registered");
    for _ in 0..2 {
        house.tell(somebody()).await.expect("registered");
    }
    let codes: Vec<_> = house
        .content("customers.customer.registered")
        .await
        .iter()
        .map(|customer| customer["code"].as_str().expect("a code").to_owned())
        .collect();
    assert_eq!(codes, ["C-0001", "PLG02", "PLG01", "PLG03"]);
}

#[tokio::test]
async fn what_a_section_names_must_be_there() {
    let house = House::open().await;
    let nobody = house.rig.store().ids().next();
    let sections: [Section; 2] = [
        Messaging {
            whatsapp_senders: vec![simpul_domain::SenderId::new(nobody)],
            ..Messaging::default()
        }
        .into(),
        Payments {
            gateways: vec![simpul_domain::GatewayId::new(nobody)],
        }
        .into(),
    ];
    for section in sections {
        let refused = house.tell(ChangeSettings { section }).await;
        assert_eq!(code(&refused), Some(Code::NotFound));
    }
    let settings = house.rig.tenant(house.tenant).await.settings().clone();
    assert_eq!(settings, simpul_domain::tenancy::TenantSettings::default());
}
