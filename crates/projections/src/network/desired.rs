//! The facts of [`simpul_domain::network::desired`], kept per service line; the tenant's way of isolating beside them.

use std::collections::BTreeMap;

use simpul_domain::{
    AnyEvent, Decider, RouterId, Sealed, SubscriptionId,
    network::desired::{self, DesiredState, IsolirSettings, ServiceFacts},
    subscriptions::{Subscription, SubscriptionEvent, SubscriptionStatus},
    tenancy::{Tenant, TenantEvent, TenantSettings},
};
use simpul_event_store::{
    Recorded, TenantTx,
    feed::{HandlerError, Projector},
};
use sqlx::types::Uuid;

use crate::{
    QueryError,
    event::{decode_all, key_of},
    stored::{column, read, signed, word},
};

/// What is known about one line, and since when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DesiredRow {
    pub facts: ServiceFacts,
    pub isolir: IsolirSettings,
    /// `tenant_seq` of the last event that changed the line or the tenant's way of isolating.
    pub version: i64,
}

impl DesiredRow {
    /// What the router should hold; nothing before the first activation.
    ///
    /// Its version is the row's: a position in the log, so that a change of the tenant's settings counts too.
    pub fn desired(&self) -> Option<DesiredState> {
        let mut state = desired::desired(&self.facts, &self.isolir)?;
        state.version = self.version.unsigned_abs();
        Some(state)
    }
}

/// Keeps services and the isolir settings.
#[derive(Debug, Clone, Copy, Default)]
pub struct DesiredProjector;

#[derive(Debug, Clone)]
struct Service {
    facts: ServiceFacts,
    changed_seq: i64,
}

impl Projector for DesiredProjector {
    const NAME: &'static str = "desired";

    fn key(&self, event: &Recorded) -> String {
        key_of(event, "subscription")
    }

    fn wants(&self, event: &Recorded) -> bool {
        [Subscription::TYPE, Tenant::TYPE].contains(&event.aggregate_type.as_str())
    }

    async fn project(&self, tx: &mut TenantTx, events: &[Recorded]) -> Result<(), HandlerError> {
        let events = decode_all(events)?;
        let mut services = load(tx, &touched(&events)).await?;
        let (mut isolir, mut isolir_seq) = isolir(tx).await?;
        for (recorded, event) in &events {
            let settings = match event {
                AnyEvent::Subscription(event) => {
                    apply(&mut services, recorded, event);
                    continue;
                }
                AnyEvent::Tenant(TenantEvent::Onboarded(onboarded)) => &onboarded.settings,
                AnyEvent::Tenant(TenantEvent::SettingsChanged(changed)) => &changed.settings,
                _ => continue,
            };
            // Settings that leave the way of isolating as it is bump nobody.
            let wanted = isolir_of(settings);
            if isolir_seq == 0 || wanted != isolir {
                (isolir, isolir_seq) = (wanted, recorded.tenant_seq);
            }
        }
        store(tx, &services.into_values().collect::<Vec<_>>()).await?;
        if isolir_seq > 0 {
            store_isolir(tx, isolir_seq, &isolir).await?;
        }
        Ok(())
    }
}

fn touched(events: &[(&Recorded, AnyEvent)]) -> Vec<Uuid> {
    let id = |event: &AnyEvent| match event {
        AnyEvent::Subscription(event) => Some(crate::subscriptions::subscription_of(event).as_uuid()),
        _ => None,
    };
    events.iter().filter_map(|(_, event)| id(event)).collect()
}

fn apply(services: &mut BTreeMap<SubscriptionId, Service>, recorded: &Recorded, event: &SubscriptionEvent) {
    if let SubscriptionEvent::Opened(opened) = event {
        let facts = ServiceFacts {
            tenant: recorded.tenant,
            subscription: opened.subscription,
            router: opened.router,
            status: SubscriptionStatus::Pending,
            username: opened.username.clone(),
            secret: opened.secret.clone(),
            profile: opened.terms.profile.clone(),
            desired_version: 0,
        };
        let changed_seq = recorded.tenant_seq;
        services.insert(opened.subscription, Service { facts, changed_seq });
        return;
    }
    let Some(service) = services.get_mut(&crate::subscriptions::subscription_of(event)) else {
        return;
    };
    let facts = &mut service.facts;
    let mut change = |status, version| {
        facts.status = status;
        facts.desired_version = version;
        service.changed_seq = recorded.tenant_seq;
    };
    match event {
        SubscriptionEvent::Activated(event) => change(SubscriptionStatus::Active, event.desired_version),
        SubscriptionEvent::Isolated(event) => change(SubscriptionStatus::Isolated, event.desired_version),
        SubscriptionEvent::IsolirLifted(event) => change(SubscriptionStatus::Active, event.desired_version),
        SubscriptionEvent::Suspended(event) => change(SubscriptionStatus::Suspended, event.desired_version),
        SubscriptionEvent::Resumed(event) => change(SubscriptionStatus::Active, event.desired_version),
        SubscriptionEvent::Stopped(event) => change(SubscriptionStatus::Stopped, event.desired_version),
        SubscriptionEvent::Terminated(event) => change(SubscriptionStatus::Terminated, event.desired_version),
        SubscriptionEvent::PlanChanged(event) => {
            facts.profile = event.terms.profile.clone();
            facts.desired_version = event.desired_version;
            service.changed_seq = recorded.tenant_seq;
        }
        SubscriptionEvent::Opened(_)
        | SubscriptionEvent::OverdueNoted(_)
        | SubscriptionEvent::OverdueCleared(_) => {}
    }
}

async fn load(tx: &mut TenantTx, ids: &[Uuid]) -> Result<BTreeMap<SubscriptionId, Service>, QueryError> {
    let tenant = tx.tenant();
    let rows = sqlx::query!(
        "SELECT subscription_id, router_id, status, username, secret, profile, desired_version, changed_seq
         FROM services WHERE tenant_id = $1 AND subscription_id = ANY($2)",
        tenant.as_uuid(),
        ids
    )
    .fetch_all(&mut **tx)
    .await?;
    let mut services = BTreeMap::new();
    for row in rows {
        let subscription = SubscriptionId::new(row.subscription_id);
        let facts = ServiceFacts {
            tenant,
            subscription,
            router: RouterId::new(row.router_id),
            status: read("status", row.status)?,
            username: read("username", row.username)?,
            secret: Sealed::new(row.secret),
            profile: read("profile", row.profile)?,
            desired_version: read("desired_version", row.desired_version)?,
        };
        let changed_seq = row.changed_seq;
        services.insert(subscription, Service { facts, changed_seq });
    }
    Ok(services)
}

async fn store(tx: &mut TenantTx, services: &[Service]) -> Result<(), HandlerError> {
    let tenant = tx.tenant();
    let versions = services
        .iter()
        .map(|service| signed(service.facts.desired_version))
        .collect::<Result<Vec<i64>, _>>()?;
    sqlx::query!(
        "INSERT INTO services (tenant_id, subscription_id, router_id, status, username, secret, profile,
                               desired_version, changed_seq)
         SELECT $1, s.* FROM UNNEST($2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::text[], $7::text[],
                $8::bigint[], $9::bigint[]) AS s
         ON CONFLICT ON CONSTRAINT services_pkey DO UPDATE SET
             (router_id, status, username, secret, profile, desired_version, changed_seq)
             = ROW (excluded.router_id, excluded.status, excluded.username, excluded.secret, excluded.profile,
                    excluded.desired_version, excluded.changed_seq)",
        tenant.as_uuid(),
        &column(services, |service| service.facts.subscription.as_uuid()),
        &column(services, |service| service.facts.router.as_uuid()),
        &column(services, |service| word(&service.facts.status)),
        &column(services, |service| service.facts.username.as_str()) as &[&str],
        &column(services, |service| service.facts.secret.as_str()) as &[&str],
        &column(services, |service| service.facts.profile.as_str()) as &[&str],
        &versions,
        &column(services, |service| service.changed_seq),
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

async fn store_isolir(tx: &mut TenantTx, seq: i64, isolir: &IsolirSettings) -> Result<(), HandlerError> {
    let tenant = tx.tenant();
    sqlx::query!(
        "INSERT INTO isolir (tenant_id, strategy, profile, changed_seq) VALUES ($1, $2, $3, $4)
         ON CONFLICT ON CONSTRAINT isolir_pkey DO UPDATE SET
             strategy = excluded.strategy, profile = excluded.profile, changed_seq = excluded.changed_seq",
        tenant.as_uuid(),
        word(&isolir.strategy),
        isolir.profile.as_str(),
        seq
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

fn isolir_of(settings: &TenantSettings) -> IsolirSettings {
    IsolirSettings {
        strategy: settings.isolir_strategy,
        profile: settings.isolir_profile.clone(),
    }
}

/// What is wanted of one line.
pub async fn desired(
    tx: &mut TenantTx,
    subscription: SubscriptionId,
) -> Result<Option<DesiredRow>, QueryError> {
    let id = subscription.as_uuid();
    let Some(service) = load(tx, &[id]).await?.remove(&subscription) else {
        return Ok(None);
    };
    let (isolir, isolir_seq) = isolir(tx).await?;
    Ok(Some(DesiredRow {
        facts: service.facts,
        isolir,
        version: service.changed_seq.max(isolir_seq),
    }))
}

/// How the tenant isolates, and since when; 0 before anything was said.
async fn isolir(tx: &mut TenantTx) -> Result<(IsolirSettings, i64), QueryError> {
    let tenant = tx.tenant();
    let row = sqlx::query!(
        "SELECT strategy, profile, changed_seq FROM isolir WHERE tenant_id = $1",
        tenant.as_uuid()
    )
    .fetch_optional(&mut **tx)
    .await?;
    let Some(row) = row else {
        return Ok((isolir_of(&TenantSettings::default()), 0));
    };
    let isolir = IsolirSettings {
        strategy: read("strategy", row.strategy)?,
        profile: read("profile", row.profile)?,
    };
    Ok((isolir, row.changed_seq))
}

/// The lines of a router, for a sweep after it came back; in order of their ids, after `after`, at most `limit`.
pub async fn lines_of_router(
    tx: &mut TenantTx,
    router: RouterId,
    after: Option<SubscriptionId>,
    limit: i64,
) -> Result<Vec<SubscriptionId>, QueryError> {
    let tenant = tx.tenant();
    let ids = sqlx::query_scalar!(
        "SELECT subscription_id FROM services
         WHERE tenant_id = $1 AND router_id = $2
           AND subscription_id > coalesce($3, '00000000-0000-0000-0000-000000000000'::uuid)
         ORDER BY subscription_id LIMIT $4",
        tenant.as_uuid(),
        router.as_uuid(),
        after.map(SubscriptionId::as_uuid),
        limit
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(ids.into_iter().map(SubscriptionId::new).collect())
}
