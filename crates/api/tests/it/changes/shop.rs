//! A shop in which things happen: random commands about each of them, accepted and refused.
#![expect(
    clippy::panic,
    reason = "a command that neither happens nor is refused stops the test"
)]

use chrono::{DateTime, Days, NaiveDate, Utc};
use proptest::prelude::{Strategy, any, prop};
use serde_json::{Value, json};
use simpul_api::Settings;
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
use simpul_event_store::{Actor, Command, Context, DispatchError};

use crate::{front::Front, live::plenty, story};

/// One command: its kind, about which thing, and a number for the rest.
pub(super) type Op = (u8, u8, u8);

pub(super) fn ops() -> impl Strategy<Value = Vec<Op>> {
    prop::collection::vec((0_u8..30, 0_u8..3, any::<u8>()), 1..10)
}

/// What the commands are about.
pub(super) struct Shop {
    pub(super) front: Front,
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
    pub(super) async fn open() -> Self {
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

    pub(super) async fn run(&mut self, (kind, index, n): Op) {
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
