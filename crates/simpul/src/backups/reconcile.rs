//! What the world outside knows and a restored store does not (`facts/reliability.md` 2.7).
//!
//! In this order: nobody is signed in; who was erased stays erased; gateways are asked about every payment that was
//! awaited, before any timer could isolate somebody who has paid; every line is proved on its router again, and what fell
//! due meanwhile is decided, while no message leaves; and what all that would say is held for a person, because somebody
//! may have been told before.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use simpul_adapters::{
    bus::{direct, relay},
    provisioning,
};
use simpul_api::{
    gateways::StoredGateways,
    poller::{Answer, Poller},
};
use simpul_app::{billing::Booked, policies};
use simpul_domain::{
    AnyEvent, AttemptId, TenantId,
    billing::{Attempt, AttemptEvent},
    platform::backup::Reconciled,
};
use simpul_event_store::{
    Bus, Context, EventStore,
    backup::{Erased, aftermath},
    feed,
    inline::backlog,
};
use tokio::time::Instant;

use super::context;
use crate::{cli::Role, config::Config, roles, wiring};

/// Events read at once.
const PAGE: i64 = 1_000;
/// Longest wait until everything that fell due is decided.
const PATIENCE: Duration = Duration::from_mins(30);
const LOOK: Duration = Duration::from_millis(100);
/// For so long nothing is due and nothing happens.
const CALM: Duration = Duration::from_secs(1);

/// See the module.
pub(super) async fn all(
    config: &Config,
    store: &EventStore,
    erased: &BTreeSet<Erased>,
) -> anyhow::Result<Reconciled> {
    let mut done = Reconciled::default();
    let tenants = store.tenants().await?;
    for tenant in &tenants {
        let changed = aftermath::sign_everybody_out(store, *tenant, store.now()).await?;
        done.sessions += changed.sessions;
        done.tickets += changed.tickets;
    }
    for erased in erased {
        done.erased += u64::from(aftermath::erase_again(store, erased).await?);
    }
    for tenant in &tenants {
        done.payments += ask_gateways(config, store, *tenant).await?;
    }
    for tenant in &tenants {
        let changed = aftermath::distrust_routers(store, *tenant, store.now()).await?;
        done.lines += changed.lines;
    }
    catch_up(config, store).await?;
    for tenant in &tenants {
        done.messages += aftermath::hold_messages(store, *tenant).await?.messages;
    }
    Ok(done)
}

/// Books what gateways say about every attempt that waits for its payer. One that does not answer is asked again by its
/// own notice or by a person: it is said, and holds up nobody.
async fn ask_gateways(config: &Config, store: &EventStore, tenant: TenantId) -> anyhow::Result<u64> {
    let bus = Bus::new(store.clone());
    let poller = Poller {
        bus: bus.clone(),
        gateways: Arc::new(StoredGateways::new(
            store.clone(),
            wiring::egress(config)?,
            config.endpoints.tripay.clone(),
        )),
    };
    let mut found = 0;
    for attempt in attempts(store, tenant).await? {
        let (state, _) = store.load::<Attempt>(tenant, &attempt.to_string()).await?;
        if !state.is_open() {
            continue;
        }
        let frame = Context {
            tenant,
            ..context(&bus)
        };
        let answer = poller.learn(&frame, attempt, &state).await?;
        found += u64::from(matches!(answer, Answer::Booked(booked) if booked != Booked::Nothing));
    }
    bus.drain().await;
    Ok(found)
}

/// Every attempt that the log knows, in order.
async fn attempts(store: &EventStore, tenant: TenantId) -> anyhow::Result<BTreeSet<AttemptId>> {
    let mut attempts = BTreeSet::new();
    let mut after = 0;
    loop {
        let page = feed::page(store, tenant, after, PAGE).await?;
        let Some(last) = page.last() else {
            return Ok(attempts);
        };
        after = last.tenant_seq;
        for event in page
            .iter()
            .filter(|event| event.event_type == "billing.attempt.created")
        {
            let payload = event.payload.value().to_string();
            let parsed = AnyEvent::parse(
                &event.aggregate_type,
                &event.event_type,
                &event.event_version,
                &payload,
            )?;
            if let AnyEvent::Attempt(AttemptEvent::Created(created)) = parsed {
                attempts.insert(created.attempt);
            }
        }
    }
}

/// Runs everything but the door until nothing is due, and sends no message. A router that does not answer is waited for
/// by its lanes, not here.
async fn catch_up(config: &Config, store: &EventStore) -> anyhow::Result<()> {
    let mut quiet = config.clone();
    // Its backups would show a store that is not finished.
    quiet.backup.url = None;
    quiet.messages.held = true;
    let roles = [
        Role::Projector,
        Role::Reactor,
        Role::Relay,
        Role::Worker,
        Role::Scheduler,
    ];
    let running = roles::start(&quiet, &roles, None).await?;
    let feeder = match quiet.amqp_url() {
        Some(_) => relay::RELAY.to_owned(),
        None => direct::subscriber(provisioning::LANE),
    };
    let settled = settle(store, &[policies::NAME, &feeder]).await;
    running.stop().await;
    anyhow::ensure!(settled?, "what fell due is not decided after {PATIENCE:?}");
    Ok(())
}

/// Whether it became quiet in time. What is proved on a router is told to a policy, which has something sent: between two
/// of them nothing may be due for a moment.
async fn settle(store: &EventStore, acting: &[&str]) -> anyhow::Result<bool> {
    let deadline = Instant::now() + PATIENCE;
    let mut calm: Option<(Instant, i64)> = None;
    while Instant::now() < deadline {
        calm = match (nothing_is_due(store, acting).await?, calm) {
            (Some(written), Some((since, before))) if written == before => Some((since, before)),
            (Some(written), _) => Some((Instant::now(), written)),
            (None, _) => None,
        };
        if calm.is_some_and(|(since, _)| since.elapsed() >= CALM) {
            return Ok(true);
        }
        tokio::time::sleep(LOOK).await;
    }
    Ok(false)
}

/// How many events there are, if those who act on them have read them all and no work is due or under way.
async fn nothing_is_due(store: &EventStore, acting: &[&str]) -> anyhow::Result<Option<i64>> {
    let mut tx = store.db().system_tx().await?;
    let readers = backlog::subscribers(&mut tx).await?;
    let queues = backlog::queues(&mut tx, store.now()).await?;
    let written = backlog::written(&mut tx).await?;
    tx.commit().await?;
    let due: i64 = queues
        .iter()
        .filter(|queue| queue.queue != "outbox")
        .map(|queue| queue.overdue)
        .sum();
    let has_read = |name: &&str| {
        readers
            .iter()
            .any(|reader| reader.subscriber == *name && reader.lag == 0)
    };
    Ok((due == 0 && acting.iter().all(has_read)).then_some(written))
}
