//! A platform with tenants, policies at work, and hands that dispatch.

use simpul_app::{
    Personal, Refusal, permission,
    platform::{self, OpenAccount},
    policies::{Policies, timer_row},
    tenancy::OnboardTenant,
};
use simpul_domain::{
    Code, Coded as _, CorrelationId, TenantId, TimerId, UserId,
    platform::{Account, PlanKey},
    policy::TimerKind,
    tenancy::{Entitlements, Subdomain, Tenant, TenantSettings},
};
use simpul_event_store::{
    Actor, Bus, Command, Context, DispatchError, EventStore,
    feed::{Runner, RunnerSettings},
    inline::{
        access,
        quota::{self, Usage},
        timer::{Fired, Timer},
    },
};
use simpul_testkit::{TestDb, sql::Session};
use uuid::Uuid;

/// What came of a command.
pub(crate) type Answer<A> = Result<A, DispatchError<Refusal>>;

pub(crate) struct Rig {
    pub(crate) test: TestDb,
    pub(crate) bus: Bus,
    pub(crate) super_admin: UserId,
}

impl Rig {
    pub(crate) async fn new() -> Self {
        let test = TestDb::create().await;
        let bus = test.bus();
        platform::found(&bus).await.expect("founded");
        let super_admin = UserId::new(Uuid::from_u128(1));
        let rig = Self {
            test,
            bus,
            super_admin,
        };
        rig.allow(TenantId::PLATFORM, super_admin, permission::SUPER_ADMIN)
            .await;
        rig
    }

    pub(crate) fn store(&self) -> &EventStore {
        self.bus.store()
    }

    async fn allow(&self, tenant: TenantId, actor: UserId, permissions: &[&str]) {
        let permissions: Vec<String> = permissions.iter().map(|&held| held.to_owned()).collect();
        let mut tx = self.store().db().tenant_tx(tenant).await.expect("a transaction");
        access::set_actor(&mut tx, actor, &permissions, 99)
            .await
            .expect("permissions");
        tx.commit().await.expect("committed");
    }

    pub(crate) async fn ask<C>(&self, tenant: TenantId, actor: Actor, command: C) -> Answer<C::Answer>
    where
        C: Command<Refusal = Refusal>,
    {
        let context = self.context(tenant, actor);
        Ok(self.bus.dispatch(context, command).await?.answer)
    }

    pub(crate) fn context(&self, tenant: TenantId, actor: Actor) -> Context {
        let command_id = self.store().new_command_id();
        Context {
            tenant,
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
            expected_version: None,
        }
    }

    /// As the super admin, in the platform's log.
    pub(crate) async fn govern<C>(&self, command: C) -> Answer<C::Answer>
    where
        C: Command<Refusal = Refusal>,
    {
        self.ask(TenantId::PLATFORM, Actor::User(self.super_admin), command)
            .await
    }

    /// As the owner of a tenant, in its log.
    pub(crate) async fn own<C>(&self, tenant: TenantId, command: C) -> Answer<C::Answer>
    where
        C: Command<Refusal = Refusal>,
    {
        let owner = self.owner(tenant).await;
        self.ask(tenant, Actor::User(owner), command).await
    }

    /// Onboards an operator and waits until his tenant is founded.
    pub(crate) async fn onboard(&self, subdomain: &str, plan: &str) -> TenantId {
        let tenant = self.govern(opening(subdomain, plan)).await.expect("opened");
        self.settle().await;
        // The owner has an invitation only; here he has joined.
        self.allow(tenant, self.owner(tenant).await, permission::OWNER)
            .await;
        tenant
    }

    async fn owner(&self, tenant: TenantId) -> UserId {
        let (account, _) = self
            .store()
            .load::<Account>(TenantId::PLATFORM, &tenant.to_string())
            .await
            .expect("loads");
        account.owner().expect("open").user
    }

    /// A tenant without an account, as one operator's own installation has it.
    pub(crate) async fn found(&self, subdomain: &str, entitlements: Entitlements) -> TenantId {
        let tenant = TenantId::new(self.store().ids().next());
        let onboard = OnboardTenant {
            name: subdomain.to_owned(),
            subdomain: Subdomain::parse(subdomain).expect("a subdomain"),
            settings: TenantSettings::default(),
            owner: UserId::new(self.store().ids().next()),
            invitation: None,
            entitlements,
        };
        self.ask(tenant, Actor::System("test"), onboard)
            .await
            .expect("founded");
        tenant
    }

    /// Lets every policy react to everything that has happened.
    pub(crate) async fn settle(&self) {
        let policies = Policies::new(self.bus.clone());
        let mut runner = Runner::reactor(self.store().clone(), policies, RunnerSettings::default());
        runner.catch_up(|_| ()).await.expect("caught up");
    }

    /// Fires a timer of the platform, and lets policies react.
    pub(crate) async fn fire(&self, kind: &TimerKind) {
        let timer = timer_row(kind, self.store().now(), None).expect("a timer");
        self.fire_all(TenantId::PLATFORM, vec![timer]).await;
    }

    /// Fires timers, and lets policies react.
    pub(crate) async fn fire_all(&self, tenant: TenantId, timers: Vec<Timer>) {
        let policies = Policies::new(self.bus.clone());
        for timer in timers {
            let fired = Fired {
                tenant,
                timer,
                attempts: 0,
                epoch: 0,
            };
            policies.fire(&fired).await.expect("fired");
        }
        self.settle().await;
    }

    /// Fires the wanted timers that are due, from their rows, until none is.
    pub(crate) async fn fire_due(&self, tenant: TenantId, wanted: impl Fn(&Timer) -> bool) {
        loop {
            let mut due = self.due(tenant).await;
            due.retain(&wanted);
            if due.is_empty() {
                return;
            }
            self.fire_all(tenant, due).await;
        }
    }

    pub(crate) async fn due(&self, tenant: TenantId) -> Vec<Timer> {
        let now = self.store().now();
        let mut timers = self.timers(tenant).await;
        timers.retain(|timer| timer.due_at <= now);
        timers
    }

    /// The timers of a tenant that have not fired, as they are due.
    pub(crate) async fn timers(&self, tenant: TenantId) -> Vec<Timer> {
        let mut admin = Session::open(&self.test.superuser_url()).await;
        let rows: Vec<String> = admin
            .column(&format!(
                "SELECT json_build_array(timer_id, kind, subject, due_at)::text FROM es.timers
                 WHERE tenant_id = '{}' ORDER BY due_at, kind",
                tenant.as_uuid()
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

    pub(crate) async fn tenant(&self, tenant: TenantId) -> Tenant {
        let (state, _) = self
            .store()
            .load::<Tenant>(tenant, &tenant.to_string())
            .await
            .expect("loads");
        state
    }

    pub(crate) async fn usage(&self, tenant: TenantId, resource: &str) -> (i64, Option<i64>) {
        let mut tx = self.store().db().tenant_tx(tenant).await.expect("a transaction");
        let usage = quota::usage(&mut tx).await.expect("usage");
        let one = usage.into_iter().find(|usage| usage.resource == resource);
        one.map(|Usage { used, limit, .. }| (used, limit))
            .expect("counted")
    }
}

pub(crate) fn opening(subdomain: &str, plan: &str) -> OpenAccount {
    OpenAccount {
        name: "Wifi Maju".to_owned(),
        subdomain: Subdomain::parse(subdomain).expect("a subdomain"),
        plan: PlanKey::parse(plan).expect("a plan"),
        agreed_price: None,
        settings: TenantSettings::default(),
        owner_name: Personal::new("Siti"),
        owner_email: Personal::new("siti@wifimaju.example"),
    }
}

/// The code of a refusal.
pub(crate) fn code<A>(answer: &Answer<A>) -> Option<Code> {
    answer.as_ref().err().map(DispatchError::code)
}
