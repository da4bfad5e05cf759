//! The facts of [`simpul_domain::network::desired`], kept per service line; the tenant's way of isolating beside them.

use std::collections::BTreeMap;

use simpul_domain::{
    AnyEvent, Decider, RouterId, Sealed, SubscriptionId, TenantId,
    network::{
        Router, RouterEvent,
        desired::{self, DesiredState, IsolirSettings, ServiceFacts},
    },
    subscriptions::{Subscription, SubscriptionEvent, SubscriptionStatus},
    tenancy::{Section, Tenant, TenantEvent, settings::Isolir},
};
use simpul_event_store::{
    Recorded, TenantTx,
    feed::{HandlerError, Interest, Projector},
};
use sqlx::types::Uuid;

use crate::{
    QueryError,
    event::{decode_all, key_of},
    rows::rows,
    stored::{column, read, signed, word},
};

/// What is known about one line, and since when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DesiredRow {
    pub facts: ServiceFacts,
    pub isolir: IsolirSettings,
    /// `tenant_seq` of the last event that changed the line, the tenant's way of isolating or where its router is.
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

/// Keeps services, the isolir settings and moves of routers.
#[derive(Debug, Clone, Copy, Default)]
pub struct DesiredProjector;

impl Projector for DesiredProjector {
    const NAME: &'static str = "desired";

    fn key(&self, event: &Recorded) -> String {
        key_of(event, "subscription")
    }

    fn interest(&self) -> Interest {
        Interest::Types(&[Subscription::TYPE, Tenant::TYPE, Router::TYPE])
    }

    async fn project(&self, tx: &mut TenantTx, events: &[Recorded]) -> Result<(), HandlerError> {
        let events = decode_all(events)?;
        let mut services = load(tx, &touched(&events)).await?;
        let (mut isolir, mut isolir_seq) = isolir(tx).await?;
        for (recorded, event) in &events {
            let chosen = match event {
                AnyEvent::Subscription(event) => {
                    apply(&mut services, recorded, event);
                    continue;
                }
                AnyEvent::Router(RouterEvent::AddressChanged(moved)) => {
                    store_move(tx, moved.router, recorded.tenant_seq).await?;
                    continue;
                }
                AnyEvent::Tenant(TenantEvent::Onboarded(onboarded)) => &onboarded.settings.isolir,
                AnyEvent::Tenant(TenantEvent::SettingsChanged(changed)) => match &changed.section {
                    Section::Isolir(isolir) => isolir,
                    _ => continue,
                },
                _ => continue,
            };
            // Settings that leave the way of isolating as it is bump nobody.
            let wanted = isolir_of(chosen);
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

fn apply(
    services: &mut BTreeMap<SubscriptionId, ServiceFacts>,
    recorded: &Recorded,
    event: &SubscriptionEvent,
) {
    let version = recorded.tenant_seq.unsigned_abs();
    if let SubscriptionEvent::Opened(opened) = event {
        let facts = ServiceFacts {
            tenant: recorded.tenant,
            subscription: opened.subscription,
            router: opened.router,
            status: SubscriptionStatus::Pending,
            username: opened.username.clone(),
            secret: opened.secret.clone(),
            secret_version: version,
            profile: opened.terms.profile.clone(),
            version,
        };
        services.insert(opened.subscription, facts);
        return;
    }
    let Some(facts) = services.get_mut(&crate::subscriptions::subscription_of(event)) else {
        return;
    };
    let status = match event {
        SubscriptionEvent::Activated(_)
        | SubscriptionEvent::IsolirLifted(_)
        | SubscriptionEvent::Resumed(_) => SubscriptionStatus::Active,
        SubscriptionEvent::Isolated(_) => SubscriptionStatus::Isolated,
        SubscriptionEvent::Suspended(_) => SubscriptionStatus::Suspended,
        SubscriptionEvent::Stopped(_) => SubscriptionStatus::Stopped,
        SubscriptionEvent::Terminated(_) => SubscriptionStatus::Terminated,
        SubscriptionEvent::PlanChanged(event) => {
            facts.profile = event.terms.profile.clone();
            facts.status
        }
        SubscriptionEvent::SecretChanged(event) => {
            facts.secret = event.secret.clone();
            facts.secret_version = version;
            facts.status
        }
        SubscriptionEvent::Opened(_)
        | SubscriptionEvent::OverdueNoted(_)
        | SubscriptionEvent::OverdueCleared(_) => return,
    };
    facts.status = status;
    facts.version = version;
}

rows! {
    table: "services",
    columns: "tenant_id, subscription_id, router_id, status, username, secret, secret_seq, profile, changed_seq",
    ServiceFacts = |row| ServiceFacts {
        tenant: TenantId::new(row.tenant_id),
        subscription: SubscriptionId::new(row.subscription_id),
        router: RouterId::new(row.router_id),
        status: read("status", row.status)?,
        username: read("username", row.username)?,
        secret: Sealed::new(row.secret),
        secret_version: row.secret_seq.unsigned_abs(),
        profile: read("profile", row.profile)?,
        version: row.changed_seq.unsigned_abs(),
    },
    one by "subscription_id": fn services_of,
}

async fn load(tx: &mut TenantTx, ids: &[Uuid]) -> Result<BTreeMap<SubscriptionId, ServiceFacts>, QueryError> {
    let services = services_of(tx, ids).await?.into_iter();
    Ok(services.map(|facts| (facts.subscription, facts)).collect())
}

async fn store(tx: &mut TenantTx, services: &[ServiceFacts]) -> Result<(), HandlerError> {
    let tenant = tx.tenant();
    let positions = |position: fn(&ServiceFacts) -> u64| {
        let signed = services.iter().map(|service| signed(position(service)));
        signed.collect::<Result<Vec<i64>, _>>()
    };
    let (versions, secret_versions) = (
        positions(|service| service.version)?,
        positions(|service| service.secret_version)?,
    );
    sqlx::query!(
        "INSERT INTO services (tenant_id, subscription_id, router_id, status, username, secret, secret_seq, profile,
                               changed_seq)
         SELECT $1, s.* FROM UNNEST($2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::text[], $7::bigint[],
                $8::text[], $9::bigint[]) AS s
         ON CONFLICT ON CONSTRAINT services_pkey DO UPDATE SET
             (router_id, status, username, secret, secret_seq, profile, changed_seq)
             = ROW (excluded.router_id, excluded.status, excluded.username, excluded.secret, excluded.secret_seq,
                    excluded.profile, excluded.changed_seq)",
        tenant.as_uuid(),
        &column(services, |service| service.subscription.as_uuid()),
        &column(services, |service| service.router.as_uuid()),
        &column(services, |service| word(&service.status)),
        &column(services, |service| service.username.as_str()) as &[&str],
        &column(services, |service| service.secret.as_str()) as &[&str],
        &secret_versions,
        &column(services, |service| service.profile.as_str()) as &[&str],
        &versions,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

async fn store_move(tx: &mut TenantTx, router: RouterId, seq: i64) -> Result<(), HandlerError> {
    let tenant = tx.tenant();
    sqlx::query!(
        "INSERT INTO moves (tenant_id, router_id, changed_seq) VALUES ($1, $2, $3)
         ON CONFLICT ON CONSTRAINT moves_pkey DO UPDATE SET changed_seq = excluded.changed_seq",
        tenant.as_uuid(),
        router.as_uuid(),
        seq
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

fn isolir_of(chosen: &Isolir) -> IsolirSettings {
    IsolirSettings {
        strategy: chosen.strategy,
        profile: chosen.profile.clone(),
    }
}

/// What is wanted of one line.
pub async fn desired(
    tx: &mut TenantTx,
    subscription: SubscriptionId,
) -> Result<Option<DesiredRow>, QueryError> {
    Ok(by_ids(tx, &[subscription]).await?.pop())
}

/// What is wanted of these lines; unknown ones are left out.
pub async fn by_ids(tx: &mut TenantTx, ids: &[SubscriptionId]) -> Result<Vec<DesiredRow>, QueryError> {
    let facts = load(tx, &column(ids, |id| id.as_uuid())).await?;
    let (isolir, isolir_seq) = isolir(tx).await?;
    let routers: Vec<Uuid> = facts.values().map(|facts| facts.router.as_uuid()).collect();
    // Routers that never moved are left out.
    let moves: BTreeMap<_, _> = moves_of(tx, &routers).await?.into_iter().collect();
    let rows = facts.into_values().map(|facts| DesiredRow {
        isolir: isolir.clone(),
        version: i64::try_from(facts.version)
            .unwrap_or(i64::MAX)
            .max(isolir_seq)
            .max(moves.get(&facts.router).copied().unwrap_or_default()),
        facts,
    });
    Ok(rows.collect())
}

rows! {
    table: "moves",
    columns: "router_id, changed_seq",
    (RouterId, i64) = |row| (RouterId::new(row.router_id), row.changed_seq),
    one by "router_id": fn moves_of,
}

/// The position of the event since when the tenant isolates as it does; 0 before anything was said.
pub async fn isolates_since(tx: &mut TenantTx) -> Result<i64, QueryError> {
    Ok(isolir(tx).await?.1)
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
        return Ok((isolir_of(&Isolir::default()), 0));
    };
    let isolir = IsolirSettings {
        strategy: read("strategy", row.strategy)?,
        profile: read("profile", row.profile)?,
    };
    Ok((isolir, row.changed_seq))
}

/// The lines of which something is wanted, of one router or of all; in order of their ids, after `after`, at most
/// `limit`. A line that was never activated has nothing on any router.
pub async fn lines(
    tx: &mut TenantTx,
    router: Option<RouterId>,
    after: Option<SubscriptionId>,
    limit: i64,
) -> Result<Vec<(SubscriptionId, RouterId)>, QueryError> {
    let tenant = tx.tenant();
    let rows = sqlx::query!(
        "SELECT subscription_id, router_id FROM services
         WHERE tenant_id = $1 AND ($2::uuid IS NULL OR router_id = $2)
           AND ($3::uuid IS NULL OR subscription_id > $3) AND status <> $4
         ORDER BY subscription_id LIMIT $5",
        tenant.as_uuid(),
        router.map(RouterId::as_uuid),
        after.map(SubscriptionId::as_uuid),
        word(&SubscriptionStatus::Pending),
        limit
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| {
            (
                SubscriptionId::new(row.subscription_id),
                RouterId::new(row.router_id),
            )
        })
        .collect())
}
