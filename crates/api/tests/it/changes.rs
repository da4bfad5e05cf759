//! Whatever happens to a thing that can be listened to, listeners hear it: random commands, accepted and refused.
#![expect(
    clippy::panic,
    reason = "a command that neither happens nor is refused stops the test"
)]

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Days, NaiveDate, Utc};
use proptest::{
    prelude::{Strategy, any, prop},
    strategy::ValueTree as _,
    test_runner::{Config, TestRunner},
};
use serde_json::{Value, json};
use simpul_api::{Settings, Surface, sdl};
use simpul_app::{
    Personal, Refusal,
    billing::{BookObservation, IssueInvoice, MarkOverdue, OpenCheckout, RemindOfInvoice, VoidInvoice},
    catalog::DefinePlan,
    customers::{EraseCustomer, RegisterCustomer},
    identity::{
        roles::{ChangeRole, DefineRole, RetireRole},
        users::{DisableUser, EnableUser, RenameUser},
    },
    network::{ChangeRouterAddress, RecordRouterIdentity, RegisterRouter},
    permission,
    subscriptions::{Change, ChangeSecret, ChangeSubscription, ClearOverdue, NoteOverdue, OpenSubscription},
};
use simpul_domain::{
    CorrelationId, CustomerId, GatewayId, InvoiceId, RoleId, RouterId, Rupiah, ServicePlanId, SubscriptionId,
    UserId,
    billing::gateway::{Currency, Observation, ObservedState},
    identity::PermissionName,
    network::{PppProfile, RouterAddress, RouterHost, TlsMode},
    subscriptions::PppUsername,
};
use simpul_event_store::{Actor, Command, Context, DispatchError, Recorded, feed};

use crate::{
    front::Front,
    live::{Client, listen, plenty},
    story,
};

const CASES: usize = 100;
/// Streams of events, the kind of thing that each tells of, and what it is called in their types.
const STREAMS: [(&str, &str, &str); 9] = [
    ("invoiceEvents", "billing.invoice", "Invoice"),
    ("paymentEvents", "billing.payment", "Payment"),
    ("paymentAttemptEvents", "billing.attempt", "PaymentAttempt"),
    ("subscriptionEvents", "subscriptions.subscription", "Subscription"),
    ("routerEvents", "network.router", "Router"),
    ("customerEvents", "customers.customer", "Customer"),
    ("userEvents", "identity.user", "User"),
    ("roleEvents", "identity.role", "Role"),
    ("servicePlanEvents", "catalog.service_plan", "ServicePlan"),
];

/// One command: its kind, about which thing, and a number for the rest.
type Op = (u8, u8, u8);

fn ops() -> impl Strategy<Value = Vec<Op>> {
    prop::collection::vec((0_u8..30, 0_u8..3, any::<u8>()), 1..10)
}

/// What the commands are about.
struct Shop {
    front: Front,
    customer: CustomerId,
    plan: ServicePlanId,
    gateway: GatewayId,
    routers: Vec<RouterId>,
    lines: Vec<SubscriptionId>,
    bills: Vec<InvoiceId>,
    customers: Vec<CustomerId>,
    users: Vec<UserId>,
    roles: Vec<RoleId>,
    orders: Vec<String>,
    made: u32,
}

fn id<T: std::str::FromStr<Err: std::fmt::Debug>>(value: &Value) -> T {
    value.as_str().expect("an id").parse().expect("of its kind")
}

fn pick<T: Clone>(of: &[T], index: u8) -> Option<T> {
    let newest = of.len().checked_sub(1)?;
    of.get(newest - usize::from(index).min(newest)).cloned()
}

impl Shop {
    async fn open() -> Self {
        let settings = Settings {
            limits: plenty(),
            ..Settings::default()
        };
        let front = Front::with_settings(settings).await;
        let line = story::line(&front, front.owner).await;
        let gateway = crate::hooks::connect(&front).await["id"].clone();
        Self {
            customer: id(&line.customer),
            plan: id(&line.plan),
            gateway: id(&gateway),
            routers: vec![id(&line.router)],
            lines: vec![id(&line.subscription)],
            bills: Vec::new(),
            customers: Vec::new(),
            users: Vec::new(),
            roles: Vec::new(),
            orders: Vec::new(),
            made: 0,
            front,
        }
    }

    /// A refusal is an answer: nothing happened, and nobody hears of it.
    async fn ask<C: Command<Refusal = Refusal>>(&self, actor: Actor, command: C) -> Option<C::Answer> {
        let store = self.front.test.store();
        let context = Context {
            tenant: self.front.owner.tenant,
            actor,
            impersonator: None,
            ip: None,
            user_agent: None,
            request_id: None,
            correlation: CorrelationId::new(store.ids().next()),
            cause: None,
            command_id: store.new_command_id(),
            effective_at: None,
            dry_run: false,
            expected_version: None,
        };
        match self.front.state.bus.dispatch(context, command).await {
            Ok(receipt) => Some(receipt.answer),
            Err(DispatchError::Refused(_)) => None,
            Err(error) => panic!("{}: {error}", C::NAME),
        }
    }

    async fn staff<C: Command<Refusal = Refusal>>(&self, command: C) -> Option<C::Answer> {
        self.ask(Actor::User(self.front.owner.user), command).await
    }

    async fn product<C: Command<Refusal = Refusal>>(&self, command: C) -> Option<C::Answer> {
        self.ask(Actor::System("test"), command).await
    }

    fn number(&mut self) -> u32 {
        self.made += 1;
        self.made
    }

    async fn run(&mut self, (kind, index, n): Op) {
        match kind {
            0..=4 => self.about_router(kind, index, n).await,
            5..=11 => self.about_line(kind, index, n).await,
            12..=16 => self.about_bill(kind, index, n).await,
            17..=19 => self.about_money(kind, index, n).await,
            20..=24 => self.about_people(kind, index, n).await,
            _ => self.about_offers(kind, index, n).await,
        }
    }

    async fn about_people(&mut self, kind: u8, index: u8, n: u8) {
        match (kind, pick(&self.customers, index), pick(&self.users, index)) {
            (20, Some(customer), _) if n.is_multiple_of(2) => {
                self.staff(EraseCustomer { customer }).await;
            }
            (20, ..) => {
                let register = RegisterCustomer {
                    code: None,
                    name: Personal::new("Budi"),
                    phone: Personal::new("0812-9999-0000"),
                    email: None,
                };
                self.customers.extend(self.staff(register).await);
            }
            (21, ..) => {
                let email = format!("user-{}@kayu.example", self.number());
                let input = json!({ "email": email, "name": "Siti", "roles": ["viewer"] });
                let front = &self.front;
                let invited = front
                    .accepted(front.owner, "userInvite", "user { id }", input)
                    .await;
                self.users.push(id(&invited["user"]["id"]));
            }
            (22, _, Some(user)) => {
                let name = Personal::new(format!("Siti {n}"));
                self.staff(RenameUser { user, name }).await;
            }
            (23, _, Some(user)) => {
                self.staff(DisableUser { user }).await;
            }
            (_, _, Some(user)) => {
                self.staff(EnableUser { user }).await;
            }
            _ => {}
        }
    }

    async fn about_offers(&mut self, kind: u8, index: u8, n: u8) {
        let permissions = || [PermissionName::parse(permission::ROUTER_READ).expect("a permission")].into();
        match (kind, pick(&self.roles, index)) {
            (25 | 26, _) => {
                let define = DefineRole {
                    name: format!("Role {}", self.number()),
                    permissions: permissions(),
                };
                self.roles.extend(self.staff(define).await);
            }
            (27, Some(role)) => {
                let name = format!("Role {n} of {}", self.number());
                let permissions = permissions();
                self.staff(ChangeRole {
                    role,
                    name,
                    permissions,
                })
                .await;
            }
            (28, Some(role)) => {
                self.staff(RetireRole { role }).await;
            }
            _ => {
                let define = DefinePlan {
                    name: format!("Plan {}", self.number()),
                    download_kbps: 10_000,
                    upload_kbps: 5_000,
                    price: Rupiah::try_new(i64::from(n) * 1_000 + 1_000).expect("an amount"),
                    profile: PppProfile::parse("home").expect("a profile"),
                };
                self.staff(define).await;
            }
        }
    }

    async fn about_router(&mut self, kind: u8, index: u8, n: u8) {
        let Some(router) = pick(&self.routers, index) else {
            return;
        };
        match kind {
            0 | 1 => {
                let made = self.number();
                let register = RegisterRouter {
                    name: format!("R{made}"),
                    address: address(n),
                    username: "simpul".to_owned(),
                    password: Personal::new("rahasia"),
                    legacy_login: false,
                };
                self.routers.extend(self.staff(register).await);
            }
            2 | 3 => {
                let change = ChangeRouterAddress {
                    router,
                    address: address(n),
                    username: "simpul".to_owned(),
                    password: Personal::new("lain"),
                };
                self.staff(change).await;
            }
            _ => {
                let identity = RecordRouterIdentity {
                    router,
                    serial: Some(format!("HEX{}", n % 2)),
                    identity: "pop".to_owned(),
                    version: "7.18".to_owned(),
                };
                self.product(identity).await;
            }
        }
    }

    async fn about_line(&mut self, kind: u8, index: u8, n: u8) {
        let Some(subscription) = pick(&self.lines, index) else {
            return;
        };
        let reason = || format!("reason {n}");
        let change = match kind {
            5 => {
                let made = self.number();
                let Some(router) = pick(&self.routers, index) else {
                    return;
                };
                let open = OpenSubscription {
                    customer: self.customer,
                    plan: self.plan,
                    router,
                    username: PppUsername::parse(&format!("line-{made}")).expect("a name"),
                    secret: Personal::new("s3cret"),
                    due_day: None,
                    installed_on: NaiveDate::default(),
                };
                self.lines.extend(self.staff(open).await);
                return;
            }
            6 => {
                let secret = Personal::new(format!("s3cret-{n}"));
                self.staff(ChangeSecret { subscription, secret }).await;
                return;
            }
            7 => Change::Suspend { reason: reason() },
            8 => Change::Resume,
            9 => Change::Activate,
            10 if n.is_multiple_of(8) => Change::Terminate { reason: reason() },
            10 => Change::MoveToPlan { plan: self.plan },
            _ => Change::Stop { reason: reason() },
        };
        self.staff(ChangeSubscription { subscription, change }).await;
    }

    async fn about_bill(&mut self, kind: u8, index: u8, n: u8) {
        let (Some(subscription), due_on) = (pick(&self.lines, index), due(n)) else {
            return;
        };
        if kind == 12 {
            let issued = self.staff(IssueInvoice { subscription, due_on }).await;
            self.bills.extend(issued);
            return;
        }
        let Some(invoice) = pick(&self.bills, index) else {
            return;
        };
        let not_before = Some(after_everything());
        match kind {
            13 => {
                let stage = (n % 9).cast_signed() - 4;
                self.product(RemindOfInvoice { invoice, stage }).await;
            }
            14 => {
                self.product(MarkOverdue { invoice, not_before }).await;
                let note = NoteOverdue {
                    subscription,
                    invoice,
                    due_on,
                    not_before,
                };
                self.product(note).await;
            }
            15 => {
                self.product(ClearOverdue {
                    subscription,
                    invoice,
                })
                .await;
            }
            _ => {
                let reason = format!("reason {n}");
                self.staff(VoidInvoice { invoice, reason }).await;
            }
        }
    }

    async fn about_money(&mut self, kind: u8, index: u8, n: u8) {
        if kind == 17 {
            let Some(invoice) = pick(&self.bills, index) else {
                return;
            };
            let open = OpenCheckout {
                invoice,
                gateway: self.gateway,
                channel: "BRIVA".to_owned(),
                payer_fee: Rupiah::ZERO,
                merchant_fee: Rupiah::ZERO,
            };
            let planned = self.staff(open).await;
            self.orders
                .extend(planned.map(|plan| plan.merchant_ref.to_string()));
            return;
        }
        let order = pick(&self.orders, index).unwrap_or_else(|| "SOMEBODY-ELSES".to_owned());
        let states = [
            ObservedState::Paid,
            ObservedState::Paid,
            ObservedState::Paid,
            ObservedState::Refunded,
            ObservedState::ChargedBack,
            ObservedState::Expired,
        ];
        let observation = Observation {
            provider_ref: format!("T-{order}-{}", n % 2),
            order_ref: order,
            state: states[usize::from(n) % states.len()].clone(),
            gross: Rupiah::try_new(i64::from(n) * 2_000).expect("an amount"),
            currency: Currency::Idr,
            payer_fee: None,
            merchant_fee: None,
            given_back: None,
            channel: None,
            paid_at: None,
            raw_sha256: "0".repeat(64),
        };
        let book = BookObservation {
            gateway: self.gateway,
            observation,
            notice: None,
        };
        self.product(book).await;
    }
}

fn address(n: u8) -> RouterAddress {
    RouterAddress {
        host: RouterHost::parse(&format!("10.9.0.{n}")).expect("a host"),
        port: 8728,
        tls: TlsMode::Plain,
    }
}

fn due(n: u8) -> NaiveDate {
    NaiveDate::from_ymd_opt(2027, 2, 15).expect("a date") + Days::new(u64::from(n % 6) * 31)
}

fn after_everything() -> DateTime<Utc> {
    DateTime::from_timestamp(2_000_000_000, 0).expect("an instant")
}

/// The members of a union that name events, as the schema has them.
fn members(union: &str) -> BTreeSet<String> {
    let schema = sdl(Surface::Staff);
    let start = format!("union {union} = ");
    let line = schema.lines().find_map(|line| line.strip_prefix(&start));
    let members = line
        .expect("a union")
        .split('|')
        .map(|name| name.trim().to_owned());
    members
        .filter(|name| !["StreamReset", "StreamBookmark"].contains(&name.as_str()))
        .collect()
}

/// `billing.invoice.fell_overdue` is `InvoiceFellOverdue`.
fn type_name(event_type: &str, thing: &str) -> String {
    let (_, name) = event_type.rsplit_once('.').expect("what happened");
    let words = name.split('_');
    let words = words.flat_map(|word| [word[..1].to_uppercase(), word[1..].to_owned()]);
    [thing.to_owned()].into_iter().chain(words).collect()
}

/// What each stream must tell of these events: type and cursor, in order.
fn told(
    log: &[Recorded],
    unions: &BTreeMap<&str, BTreeSet<String>>,
) -> BTreeMap<&'static str, Vec<(String, String)>> {
    let stream = |(field, aggregate, thing): &(&'static str, &str, &str)| {
        let events = log.iter().filter(|event| event.aggregate_type == *aggregate);
        let told = events.filter_map(|event| {
            let name = type_name(&event.event_type, thing);
            let public = unions[field].contains(&name);
            public.then(|| (name, crate::live::cursor(event.tenant_seq)))
        });
        (*field, told.collect())
    };
    STREAMS.iter().map(stream).collect()
}

// Property 57: every entity change reaches live subscribers.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_happens_to_what_can_be_listened_to_is_heard_once_and_in_order() {
    let mut shop = Shop::open().await;
    let (store, tenant) = (shop.front.test.store(), shop.front.owner.tenant);
    let unions: BTreeMap<&str, BTreeSet<String>> = STREAMS
        .iter()
        .map(|(field, _, thing)| (*field, members(&format!("{thing}Event"))))
        .collect();
    let address = listen(&shop.front).await;
    let mut seen = feed::head(&store, tenant).await.expect("a head");
    let mut listeners = Vec::new();
    for _ in 0..2 {
        let mut client = Client::signed_in(&shop.front, address, shop.front.owner).await;
        for (field, _, _) in STREAMS {
            let kinds: Vec<String> = unions[field]
                .iter()
                .map(|kind| format!("... on {kind} {{ cursor }}"))
                .collect();
            let kinds = kinds.join(" ");
            let after = crate::live::cursor(seen);
            let query = format!("subscription {{ {field}(after: \"{after}\") {{ __typename {kinds} }} }}");
            client.subscribe(field, &query, Value::Null).await;
        }
        listeners.push(client);
    }
    let mut runner = TestRunner::new(Config::default());
    let mut kinds = BTreeSet::new();
    for case in 0..CASES {
        let sequence = ops().new_tree(&mut runner).expect("a case").current();
        for op in &sequence {
            shop.run(*op).await;
        }
        let log = feed::page(&store, tenant, seen, 10_000).await.expect("the log");
        seen = log.last().map_or(seen, |event| event.tenant_seq);
        kinds.extend(log.iter().map(|event| event.event_type.clone()));
        let told = told(&log, &unions);
        for client in &mut listeners {
            let mut missing = told.clone();
            while missing.values().any(|events| !events.is_empty()) {
                let message = client.hear().await;
                let field = message["id"].as_str().expect("a stream");
                let event = &message["payload"]["data"][field];
                if event["__typename"] == "StreamBookmark" {
                    continue;
                }
                let heard =
                    ["__typename", "cursor"].map(|name| event[name].as_str().unwrap_or_default().to_owned());
                let events = missing.get_mut(field).expect("one of the streams");
                assert!(
                    !events.is_empty(),
                    "case {case}: nothing more happened, heard {message}"
                );
                let (name, cursor) = events.remove(0);
                assert_eq!(heard, [name, cursor], "case {case}, {field}: {sequence:?}");
            }
        }
    }
    for (field, aggregate, _) in STREAMS {
        let happened = kinds
            .iter()
            .filter(|kind| kind.starts_with(&format!("{aggregate}.")));
        let enough = if aggregate == "catalog.service_plan" { 1 } else { 2 };
        assert!(
            happened.count() >= enough,
            "the sequences are told by {field} too: {kinds:?}"
        );
    }
}
