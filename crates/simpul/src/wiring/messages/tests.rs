//! What a message says is the operator's own text and look, and what is true when it goes out.

use serde_json::json;
use simpul_app::{
    Personal, Refusal,
    billing::{IssueInvoice, VoidInvoice},
    catalog::DefinePlan,
    customers::RegisterCustomer,
    messaging::{QueueMessage, ResetMessageText, WriteMessageText},
    network::RegisterRouter,
    subscriptions::OpenSubscription,
    tenancy::{ApplyEntitlements, ChangeSettings, OnboardTenant},
};
use simpul_domain::{
    CorrelationId, CustomerId, EventId, Rupiah, SubscriptionId, UserId,
    customers::CustomerCommand,
    messaging::{message::MessageRefs, message::message_id, sender::Channel},
    network::{PppProfile, RouterAddress, RouterHost, TlsMode},
    subscriptions::PppUsername,
    tenancy::{Entitlements, Feature, Subdomain, settings::Branding},
};
use simpul_event_store::{Actor, Bus, Command, Context, Work};
use simpul_testkit::TestDb;

use super::*;

const OWN: &str = "{nama}: tagihan {no_invoice} {jumlah} dari {isp}";

struct House {
    _test: TestDb,
    bus: Bus,
    tenant: TenantId,
    customer: CustomerId,
    line: SubscriptionId,
}

impl House {
    async fn open(entitlements: Entitlements) -> Self {
        let test = TestDb::create().await;
        let bus = test.bus();
        let tenant = TenantId::new(bus.store().ids().next());
        let onboard = OnboardTenant {
            name: "Kayu Net".to_owned(),
            subdomain: Subdomain::parse("kayu").expect("a subdomain"),
            settings: TenantSettings::default(),
            owner: UserId::new(bus.store().ids().next()),
            invitation: None,
            entitlements,
        };
        ask(&bus, tenant, onboard).await;
        let plan = DefinePlan {
            name: "Home 20".to_owned(),
            download_kbps: 20_000,
            upload_kbps: 5_000,
            price: Rupiah::try_new(150_000).expect("in range"),
            profile: PppProfile::parse("home20").expect("a profile"),
        };
        let router = RegisterRouter {
            name: "Router".to_owned(),
            address: RouterAddress {
                host: RouterHost::parse("203.0.113.7").expect("a host"),
                port: 8728,
                tls: TlsMode::Plain,
            },
            username: "simpul".to_owned(),
            password: Personal::new("rahasia"),
            legacy_login: false,
        };
        let customer = RegisterCustomer {
            code: None,
            name: Personal::new("Budi"),
            phone: Personal::new("0812-3456-7890"),
            email: None,
        };
        let customer = ask(&bus, tenant, customer).await;
        let open = OpenSubscription {
            customer,
            plan: ask(&bus, tenant, plan).await,
            router: ask(&bus, tenant, router).await,
            username: PppUsername::parse("budi@kayu").expect("a name"),
            secret: Personal::new("rahasia"),
            due_day: None,
            installed_on: "2026-01-01".parse().expect("a date"),
        };
        let line = ask(&bus, tenant, open).await;
        Self {
            _test: test,
            bus,
            tenant,
            customer,
            line,
        }
    }

    async fn tell<C: Command<Refusal = Refusal>>(&self, command: C) -> C::Answer {
        ask(&self.bus, self.tenant, command).await
    }

    async fn bill(&self) -> InvoiceId {
        let issue = IssueInvoice {
            subscription: self.line,
            due_on: "2027-06-15".parse().expect("a date"),
        };
        self.tell(issue).await
    }

    async fn rendered(&self, kind: MessageKind, invoice: InvoiceId) -> Rendered {
        let cause = EventId::new(self.bus.store().ids().next());
        let message = message_id(cause, kind);
        let queue = QueueMessage {
            message,
            kind,
            customer: self.customer,
            channel: Channel::Whatsapp,
            cause,
            refs: MessageRefs {
                invoice: Some(invoice),
                subscription: Some(self.line),
            },
        };
        self.tell(queue).await;
        let messages = Messages::new(self.bus.store().clone());
        messages.render(self.tenant, message).await.expect("rendered")
    }

    async fn says(&self, kind: MessageKind, invoice: InvoiceId) -> String {
        match self.rendered(kind, invoice).await {
            Rendered::Ready { message, .. } => message.text,
            other => panic!("{other:?}"),
        }
    }
}

async fn ask<C: Command<Refusal = Refusal>>(bus: &Bus, tenant: TenantId, command: C) -> C::Answer {
    let context = context(bus, tenant);
    bus.dispatch(context, command).await.expect("accepted").answer
}

fn context(bus: &Bus, tenant: TenantId) -> Context {
    let command_id = bus.store().new_command_id();
    Context {
        tenant,
        actor: Actor::System("test"),
        impersonator: None,
        ip: None,
        user_agent: None,
        request_id: None,
        correlation: CorrelationId::new(command_id.as_uuid()),
        cause: None,
        command_id,
        effective_at: None,
        dry_run: false,
        expected_version: None,
    }
}

#[tokio::test]
async fn an_own_text_is_sent_until_it_is_reset() {
    let house = House::open(Entitlements::unlimited()).await;
    let (kind, language) = (MessageKind::InvoiceCreated, Language::Id);
    let bill = house.bill().await;
    let built_in = house.says(kind, bill).await;
    let write = WriteMessageText {
        kind,
        language,
        source: OWN.to_owned(),
    };
    house.tell(write).await;
    let own = house.says(kind, bill).await;
    assert!(
        own.starts_with("Budi: tagihan INV/") && own.ends_with(" Rp150.000 dari Kayu Net"),
        "{own}"
    );
    house.tell(ResetMessageText { kind, language }).await;
    assert_eq!(house.says(kind, bill).await, built_in);
}

#[tokio::test]
async fn messages_look_like_the_operator_who_has_the_feature() {
    let mut plain = Entitlements::unlimited();
    plain.features.remove(&Feature::WhiteLabel);
    let house = House::open(Entitlements::unlimited()).await;
    let section = Branding {
        seller_name: Some("PT Kayu Jaya".to_owned()),
        footer: Some("Matur nuwun".to_owned()),
        ..Branding::default()
    };
    let section = section.into();
    house.tell(ChangeSettings { section }).await;
    let kind = MessageKind::InvoiceCreated;
    let write = WriteMessageText {
        kind,
        language: Language::Id,
        source: OWN.to_owned(),
    };
    house.tell(write).await;
    let bill = house.bill().await;
    let text = house.says(kind, bill).await;
    assert!(text.ends_with(" dari PT Kayu Jaya\n\nMatur nuwun"), "{text}");
    // What was chosen with the feature is not shown without it.
    let take = ApplyEntitlements {
        revision: 1_000,
        entitlements: plain,
    };
    house.tell(take).await;
    let text = house.says(kind, bill).await;
    assert!(text.ends_with(" dari PT Kayu Jaya"), "{text}");
}

#[tokio::test]
async fn nobody_is_reminded_of_a_bill_that_was_settled_while_the_message_waited() {
    let house = House::open(Entitlements::unlimited()).await;
    let invoice = house.bill().await;
    let reminder = MessageKind::InvoiceDueReminder;
    assert!(matches!(
        house.rendered(reminder, invoice).await,
        Rendered::Ready { .. }
    ));
    let reason = "settled".to_owned();
    house.tell(VoidInvoice { invoice, reason }).await;
    let settled = house.rendered(reminder, invoice).await;
    assert!(matches!(settled, Rendered::Unwanted(_)), "{settled:?}");
}

#[tokio::test]
async fn a_message_goes_to_whoever_is_reached_now() {
    let house = House::open(Entitlements::unlimited()).await;
    let bill = house.bill().await;
    let id = house.customer.to_string();
    let context = context(&house.bus, house.tenant);
    let mut work = Work::new(house.bus.store(), &context);
    let keys = work.keyring_of(&id).await.expect("keys");
    let seal = |field: &str, text: &str| keys.seal(&id, field, text).expect("sealed");
    let change = CustomerCommand::ChangeContact {
        name: seal(customers::field::NAME, "Siti"),
        phone: seal(customers::field::PHONE, "+6281200009999"),
        email: None,
        at: work.at(),
    };
    let changed = work.decide::<Customer>(&id, change).await;
    assert!(changed.is_ok(), "not refused");
    work.commit("test", &[0; 32], &json!(null))
        .await
        .expect("appended");
    let rendered = house.rendered(MessageKind::InvoiceCreated, bill).await;
    let Rendered::Ready { message, .. } = rendered else {
        panic!("{rendered:?}")
    };
    assert_eq!(message.to.e164(), "+6281200009999");
    assert!(message.text.contains("Siti"), "{}", message.text);
}
