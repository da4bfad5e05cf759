//! Histories told directly as events, whatever the decisions would say.

use std::{marker::PhantomData, time::Duration};

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use simpul_domain::{
    AnyEvent, Code, Coded, CommandId, CorrelationId, CustomerId, Decider, EventId, InvoiceId, MessageId,
    PaymentId, RouterId, Rupiah, Sealed, ServicePlanId, SubscriptionId, TenantId, accounting,
    billing::{
        DueDay, InvoiceEvent, InvoiceNumberPattern, Period,
        gateway::Currency,
        invoice::{Billed, InvoiceIssued, InvoiceSnapshot},
        payment::{PaymentEvent, PaymentReceived, PaymentSource},
    },
    catalog::PlanTerms,
    customers::{CustomerCode, CustomerEvent, customer::CustomerRegistered},
    messaging::{
        MessageEvent, MessageKind,
        message::{MessageQueued, MessageRefs},
        sender::Channel,
    },
    network::PppProfile,
    subscriptions::{PppUsername, SubscriptionEvent, subscription::SubscriptionOpened},
    tenancy::{Entitlements, Subdomain, TenantEvent, TenantSettings, tenant::TenantOnboarded},
    time::Zone,
};
use simpul_event_store::{Actor, Cause, ConsistencyToken, Context, EventStore, Work};
use uuid::Uuid;

/// An aggregate that says what it is told to say.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(bound = "")]
struct Says<A>(PhantomData<fn() -> A>);

#[derive(Debug, thiserror::Error)]
enum Never {}

impl Coded for Never {
    fn code(&self) -> Code {
        match *self {}
    }
}

impl<A: Decider> Decider for Says<A> {
    const TYPE: &'static str = A::TYPE;
    const STATE_VERSION: i32 = 1;
    type Command = A::Event;
    type Event = A::Event;
    type Error = Never;

    fn decide(&self, event: A::Event) -> Result<Vec<A::Event>, Never> {
        Ok(vec![event])
    }

    fn evolve(&mut self, _: &A::Event) {}
}

/// One tenant's history.
#[derive(Debug, Clone)]
pub(crate) struct Story {
    pub(crate) store: EventStore,
    pub(crate) tenant: TenantId,
    number: u128,
}

/// What one command left behind.
#[derive(Debug, Clone)]
pub(crate) struct Told {
    pub(crate) events: Vec<EventId>,
    pub(crate) token: ConsistencyToken,
}

impl Story {
    pub(crate) fn new(store: EventStore, number: u128) -> Self {
        let tenant = TenantId::new(Uuid::from_u128((number + 1) << 64));
        Self {
            store,
            tenant,
            number,
        }
    }

    fn uuid(&self, kind: u128, index: u8) -> Uuid {
        Uuid::from_u128((self.number + 1) << 64 | kind << 16 | u128::from(index))
    }

    pub(crate) fn subscription(&self, index: u8) -> SubscriptionId {
        SubscriptionId::new(self.uuid(1, index))
    }

    pub(crate) fn customer(&self, index: u8) -> CustomerId {
        CustomerId::new(self.uuid(2, index))
    }

    pub(crate) fn router(&self, index: u8) -> RouterId {
        RouterId::new(self.uuid(3, index))
    }

    pub(crate) fn invoice(&self, index: u8) -> InvoiceId {
        InvoiceId::new(self.uuid(4, index))
    }

    pub(crate) fn payment(&self, index: u8) -> PaymentId {
        PaymentId::new(self.uuid(5, index))
    }

    pub(crate) fn message(&self, index: u8) -> MessageId {
        MessageId::new(self.uuid(6, index))
    }

    pub(crate) fn plan(&self, index: u8) -> ServicePlanId {
        ServicePlanId::new(self.uuid(7, index))
    }

    /// Appends the events of one command.
    pub(crate) async fn tell(&self, cause: Option<Cause>, events: Vec<(String, AnyEvent)>) -> Told {
        self.tell_over(&self.store, cause, events)
            .await
            .expect("appended")
    }

    /// The same through another store's connections, which may be killed.
    pub(crate) async fn tell_over(
        &self,
        store: &EventStore,
        cause: Option<Cause>,
        events: Vec<(String, AnyEvent)>,
    ) -> Result<Told, simpul_event_store::StoreError> {
        let command = store.new_command_id();
        let context = self.context(command, cause);
        let mut work = Work::new(store, &context);
        for (stream, event) in events {
            stage(&mut work, &stream, event).await?;
        }
        let outcome = work
            .commit("test.tell", command.to_string().as_bytes(), &Value::Null)
            .await?;
        Ok(Told {
            events: outcome.event_ids,
            token: ConsistencyToken {
                tenant: self.tenant,
                seq: outcome.seq,
            },
        })
    }

    fn context(&self, command_id: CommandId, cause: Option<Cause>) -> Context {
        Context {
            tenant: self.tenant,
            actor: Actor::System("test"),
            impersonator: None,
            ip: "203.0.113.7".parse().ok(),
            user_agent: None,
            request_id: None,
            correlation: CorrelationId::new(self.tenant.as_uuid()),
            cause,
            command_id,
            effective_at: None,
            dry_run: false,
            expected_version: None,
        }
    }

    pub(crate) fn onboarded(&self) -> (String, AnyEvent) {
        let event = TenantOnboarded {
            tenant: self.tenant,
            name: "Wifi Maju".to_owned(),
            subdomain: Subdomain::parse("wifi-maju").expect("valid"),
            settings: TenantSettings::default(),
            at: at(0),
            entitlements: Entitlements::unlimited(),
        };
        (
            self.tenant.to_string(),
            TenantEvent::Onboarded(Box::new(event)).into(),
        )
    }

    pub(crate) fn registered(&self, index: u8) -> (String, AnyEvent) {
        let customer = self.customer(index);
        let event = CustomerRegistered {
            customer,
            code: CustomerCode::parse(&format!("C{index}")).expect("valid"),
            name: sealed("name"),
            phone: sealed("phone"),
            email: index.is_multiple_of(2).then(|| sealed("email")),
            address: None,
            at: at(index.into()),
        };
        (customer.to_string(), CustomerEvent::Registered(event).into())
    }

    pub(crate) fn terms(&self, index: u8) -> PlanTerms {
        PlanTerms {
            plan: self.plan(index),
            name: format!("Home {index}"),
            download_kbps: 20_000 + u32::from(index),
            upload_kbps: 5_000,
            price: rupiah(150_000 + i64::from(index)),
            profile: PppProfile::parse(&format!("home-{index}")).expect("valid"),
        }
    }

    pub(crate) fn opened(&self, index: u8) -> (String, AnyEvent) {
        let subscription = self.subscription(index);
        let event = SubscriptionOpened {
            subscription,
            customer: self.customer(index),
            terms: self.terms(index),
            router: self.router(index % 2),
            username: PppUsername::parse(&format!("user{index}")).expect("valid"),
            secret: sealed("secret"),
            due_day: DueDay::try_new(20).expect("valid"),
            installed_on: day(4),
            zone: Zone::Jakarta,
            at: at(index.into()),
        };
        (
            subscription.to_string(),
            SubscriptionEvent::Opened(Box::new(event)).into(),
        )
    }

    pub(crate) fn subscribed(&self, index: u8, event: SubscriptionEvent) -> (String, AnyEvent) {
        (self.subscription(index).to_string(), event.into())
    }

    pub(crate) fn issued(&self, index: u8, total: i64) -> (String, AnyEvent) {
        let invoice = self.invoice(index);
        let event = InvoiceIssued {
            invoice,
            number: InvoiceNumberPattern::default().render(day(4), u64::from(index) + 1),
            customer: self.customer(index),
            billed: Billed::Subscription(self.subscription(index)),
            period: Period::try_new(day(4), day(20)).expect("valid"),
            lines: Vec::new(),
            total: rupiah(total),
            currency: Currency::Idr,
            due_on: day(20),
            zone: Zone::Jakarta,
            snapshot: InvoiceSnapshot {
                seller_name: "Wifi Maju".to_owned(),
                customer_code: CustomerCode::parse("C1").expect("valid"),
                account_name: None,
                plan: Some(self.plan(index)),
                plan_name: "Home".to_owned(),
            },
            at: at(index.into()),
        };
        (invoice.to_string(), InvoiceEvent::Issued(Box::new(event)).into())
    }

    pub(crate) fn received(&self, index: u8, amount: i64) -> (String, AnyEvent) {
        let payment = self.payment(index);
        let event = PaymentReceived {
            payment,
            source: PaymentSource::Cash {
                received_by: simpul_domain::UserId::new(self.uuid(9, 1)),
            },
            customer: Some(self.customer(index)),
            gross: rupiah(amount),
            payer_fee: Rupiah::ZERO,
            amount: rupiah(amount),
            allocated: Rupiah::ZERO,
            credited: Rupiah::ZERO,
            unmatched: Rupiah::ZERO,
            provider_ref: format!("ref-{index}"),
            paid_at: at(1),
            flags: Vec::new(),
            at: at(index.into()),
        };
        (
            payment.to_string(),
            PaymentEvent::Received(Box::new(event)).into(),
        )
    }

    pub(crate) fn queued(&self, index: u8, kind: MessageKind, cause: EventId) -> (String, AnyEvent) {
        let message = self.message(index);
        let event = MessageQueued {
            message,
            kind,
            customer: self.customer(index),
            channel: Channel::Whatsapp,
            cause,
            refs: MessageRefs {
                invoice: None,
                subscription: Some(self.subscription(index)),
            },
            template_version: 1,
            at: at(index.into()),
        };
        (message.to_string(), MessageEvent::Queued(event).into())
    }
}

async fn stage(
    work: &mut Work<'_>,
    stream: &str,
    event: AnyEvent,
) -> Result<(), simpul_event_store::StoreError> {
    use simpul_domain::{
        billing, catalog, customers, identity, messaging, network, operations, platform, saas, subscriptions,
        tenancy,
    };
    macro_rules! told {
        ($aggregate:ty, $event:expr) => {
            work.decide::<Says<$aggregate>>(stream, $event)
                .await
                .map(drop)
        };
    }
    match event {
        AnyEvent::Tenant(event) => told!(tenancy::Tenant, event),
        AnyEvent::Customer(event) => told!(customers::Customer, event),
        AnyEvent::ServicePlan(event) => told!(catalog::ServicePlan, event),
        AnyEvent::Subscription(event) => told!(subscriptions::Subscription, event),
        AnyEvent::Router(event) => told!(network::Router, event),
        AnyEvent::Provisioning(event) => told!(network::Provisioning, event),
        AnyEvent::Invoice(event) => told!(billing::Invoice, event),
        AnyEvent::Payment(event) => told!(billing::Payment, event),
        AnyEvent::CreditAccount(event) => told!(billing::CreditAccount, event),
        AnyEvent::Attempt(event) => told!(billing::Attempt, event),
        AnyEvent::Message(event) => told!(messaging::Message, event),
        AnyEvent::GatewayAccount(event) => told!(billing::GatewayAccount, event),
        AnyEvent::SenderAccount(event) => told!(messaging::SenderAccount, event),
        AnyEvent::Account(event) => told!(platform::Account, event),
        AnyEvent::Backup(event) => told!(platform::Backup, event),
        AnyEvent::Plan(event) => told!(platform::Plan, event),
        AnyEvent::AddOn(event) => told!(platform::AddOn, event),
        AnyEvent::AddOnOrder(event) => told!(tenancy::AddOnOrder, event),
        AnyEvent::CustomDomain(event) => told!(tenancy::CustomDomain, event),
        AnyEvent::Intervention(event) => told!(operations::Intervention, event),
        AnyEvent::Job(event) => told!(operations::Job, event),
        AnyEvent::SaasTerms(event) => told!(saas::Terms, event),
        AnyEvent::SaasTab(event) => told!(saas::Tab, event),
        AnyEvent::SaasStatement(event) => told!(saas::Statement, event),
        AnyEvent::User(event) => told!(identity::User, event),
        AnyEvent::Role(event) => told!(identity::Role, event),
        AnyEvent::Owners(event) => told!(identity::Owners, event),
        AnyEvent::Session(event) => told!(identity::Session, event),
        AnyEvent::ApiKey(event) => told!(identity::ApiKey, event),
        AnyEvent::Impersonation(event) => told!(identity::Impersonation, event),
        AnyEvent::IsolirRuns(event) => told!(billing::IsolirRuns, event),
        AnyEvent::MessageTexts(event) => told!(messaging::MessageTexts, event),
        AnyEvent::SignInRules(event) => told!(identity::SignInRules, event),
        AnyEvent::RadiusSession(event) => told!(accounting::RadiusSession, event),
    }
    .map_err(|error| match error {
        simpul_event_store::DecideError::Refused(never) => match never {},
        simpul_event_store::DecideError::Store(error) => error,
    })
}

pub(crate) fn at(minute: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_798_000_000, 0).expect("valid") + TimeDelta::minutes(minute)
}

pub(crate) fn day(day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(2027, 1, day).expect("valid")
}

pub(crate) fn rupiah(amount: i64) -> Rupiah {
    Rupiah::try_new(amount).expect("in range")
}

pub(crate) fn sealed(text: &str) -> Sealed {
    Sealed::new(format!("ciphertext-of-{text}"))
}

/// Asks until the answer is yes; a test that would wait for ever says what it waited for.
pub(crate) async fn eventually<F: Future<Output = bool>>(what: &str, mut ask: impl FnMut() -> F) {
    let mut tick = tokio::time::interval(Duration::from_millis(10));
    let asking = async {
        while !ask().await {
            tick.tick().await;
        }
    };
    tokio::time::timeout(Duration::from_mins(1), asking)
        .await
        .unwrap_or_else(|_| panic!("waited in vain until {what}"));
}
