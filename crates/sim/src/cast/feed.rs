//! The loop of a subscriber: the product's machine, its effects performed as `feed/runner.rs` does.

use std::{collections::BTreeSet, rc::Rc};

use simpul_domain::{
    AnyEvent, SubscriptionId, TenantId,
    network::desired::ServiceFacts,
    subscriptions::{SubscriptionStatus, subscription::SubscriptionEvent},
};
use simpul_event_store::feed::{
    OnError,
    machine::{Effect, Input, LEASE_POLL_MS, Machine, POLL_MS},
};

use crate::{model::log::Recorded, news::Topics, plant::Plant, stage::Seat, world::World};

pub(crate) const RELAY: &str = "relay";
pub(crate) const PROJECTOR: &str = "services";

/// Why events were not handled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trouble {
    Fenced,
    Transient,
}

/// What a subscriber does with events.
pub(super) trait Handler {
    const NAME: &'static str;
    const ON_ERROR: OnError;
    const BATCH: usize;

    /// Acts outside; the cursor moves when it has.
    async fn react(&self, seat: &Seat, tenant: TenantId, events: &[Rc<Recorded>]) -> Result<(), Trouble>;

    /// Changes rows in the transaction that moves the cursor.
    fn project(&self, _: &mut World, _: TenantId, _: &[Rc<Recorded>]) {}

    /// A planted bug: the cursor moves before `react`.
    fn moves_first(&self, _: &World) -> bool {
        false
    }
}

/// A lease that somebody holds, with its epoch.
#[derive(Debug, Clone, Copy)]
struct Lead {
    epoch: u64,
}

/// Runs a subscriber for ever.
pub(super) async fn run<H: Handler>(seat: Seat, handler: H) {
    let mut machine = Machine::new(H::ON_ERROR);
    let mut lead: Option<Lead> = None;
    let mut input = Input::Woken;
    // Tenants that failed: the machine waits for their next try, not for news.
    let mut resting = BTreeSet::new();
    loop {
        match &input {
            Input::Transient { tenant } => {
                resting.insert(*tenant);
            }
            Input::Done { tenant, .. } => {
                resting.remove(tenant);
            }
            // Whoever leads now tries them.
            Input::LeaseBusy | Input::Fenced => resting.clear(),
            _ => {}
        }
        let effect = machine.step(seat.now_ms(), input);
        input = match effect {
            Effect::Wait {
                ms: POLL_MS | LEASE_POLL_MS,
            } if resting.is_empty() => {
                seat.look_again(20, Topics::LOG).await;
                Input::Woken
            }
            Effect::Wait { ms } => {
                seat.sleep(ms).await;
                Input::Woken
            }
            Effect::Process { tenant } => process(&seat, &handler, lead, tenant, H::BATCH).await,
            Effect::ProcessOne { tenant } => process(&seat, &handler, lead, tenant, 1).await,
            effect => {
                seat.pause().await;
                seat.with(|world| lease::<H>(world, &seat, &mut lead, &effect))
            }
        };
    }
}

/// Performs what is only about the lease or a look at the backlog.
fn lease<H: Handler>(world: &mut World, seat: &Seat, lead: &mut Option<Lead>, effect: &Effect) -> Input {
    if !world.store_answers() {
        return match effect {
            Effect::CheckLease | Effect::ReleaseLease => {
                *lead = None;
                Input::LeaseLost
            }
            _ => Input::Unavailable,
        };
    }
    let holder = world.holder(seat.host);
    match effect {
        Effect::TakeLease => {
            *lead = world.store.lead(holder, H::NAME).map(|epoch| Lead { epoch });
            if lead.is_some() {
                Input::LeaseTaken
            } else {
                Input::LeaseBusy
            }
        }
        Effect::CheckLease if world.store.leads(holder, H::NAME) => Input::LeaseHeld,
        Effect::CheckLease => {
            *lead = None;
            Input::LeaseLost
        }
        Effect::ReleaseLease => {
            world.store.stop_leading(holder, H::NAME);
            *lead = None;
            world.news.tell(Topics::LOG);
            Input::LeaseLost
        }
        Effect::FindWork => Input::Found {
            tenants: world.store.backlog(H::NAME),
            more: false,
        },
        // Nothing of the simulated log is poison.
        Effect::Process { .. }
        | Effect::ProcessOne { .. }
        | Effect::Park { .. }
        | Effect::Halt { .. }
        | Effect::Wait { .. } => Input::Woken,
    }
}

async fn process<H: Handler>(
    seat: &Seat,
    handler: &H,
    lead: Option<Lead>,
    tenant: TenantId,
    limit: usize,
) -> Input {
    let _busy = seat.busy();
    match batch(seat, handler, lead, tenant, limit).await {
        Ok(more) => Input::Done {
            tenant,
            more,
            concerned: true,
        },
        Err(Trouble::Fenced) => Input::Fenced,
        Err(Trouble::Transient) => Input::Transient { tenant },
    }
}

/// Handles the next events of a tenant; whether there are more.
async fn batch<H: Handler>(
    seat: &Seat,
    handler: &H,
    lead: Option<Lead>,
    tenant: TenantId,
    limit: usize,
) -> Result<bool, Trouble> {
    let Some(lead) = lead else {
        return Err(Trouble::Fenced);
    };
    seat.pause().await;
    let read = seat.with(|world| {
        let from = world.store.cursor(tenant, H::NAME);
        let answers = world.store_answers();
        let log = world.store.log(tenant).filter(|_| answers);
        log.map(|log| (from, log.after(from.seq, limit)))
    });
    let Some((from, events)) = read else {
        return Err(Trouble::Transient);
    };
    let Some(last) = events.last().map(|event| event.seq) else {
        return Ok(false);
    };
    let move_to = |seat: &Seat, from| {
        seat.with(|world| {
            if !world.store_answers() {
                return Err(Trouble::Transient);
            }
            let moved = world.store.advance(tenant, H::NAME, from, last, lead.epoch);
            moved.map_err(|_| Trouble::Fenced)?;
            world.moved(tenant, H::NAME, from, last);
            Ok(())
        })
    };
    if seat.with(|world| handler.moves_first(world)) {
        move_to(seat, from)?;
        handler.react(seat, tenant, &events).await?;
        return Ok(events.len() >= limit);
    }
    handler.react(seat, tenant, &events).await?;
    seat.pause().await;
    if seat.with(|world| world.is_planted(Plant::CursorApart)) {
        seat.with(|world| handler.project(world, tenant, &events));
        seat.pause().await;
        move_to(seat, from)?;
    } else {
        // Rows and cursor in one transaction: a worker that is fenced has changed nothing.
        move_to(seat, from)?;
        seat.with(|world| handler.project(world, tenant, &events));
    }
    Ok(events.len() >= limit)
}

/// Publishes the log.
struct Relay;

impl Handler for Relay {
    const NAME: &'static str = RELAY;
    const ON_ERROR: OnError = OnError::Halt;
    const BATCH: usize = 8;

    async fn react(&self, seat: &Seat, tenant: TenantId, events: &[Rc<Recorded>]) -> Result<(), Trouble> {
        let host = seat.host.unwrap_or_default();
        let mut published = Vec::with_capacity(events.len());
        let connection = seat.with(|world| world.broker.connection);
        for event in events {
            published.push(seat.with(|world| world.broker.publish(host, tenant, Rc::clone(event))));
            seat.pause().await;
        }
        seat.with(|world| {
            world.news.tell(Topics::BROKER);
            let kept = world.broker.confirm(&published) && world.broker.connection == connection;
            if kept { Ok(()) } else { Err(Trouble::Transient) }
        })
    }

    fn moves_first(&self, world: &World) -> bool {
        world.is_planted(Plant::RelayMovesFirst)
    }
}

pub(super) async fn relay(seat: Seat) {
    run(seat, Relay).await;
}

/// Keeps what routers should hold, as `projections/src/network/desired.rs`.
struct Services;

impl Handler for Services {
    const NAME: &'static str = PROJECTOR;
    const ON_ERROR: OnError = OnError::Park;
    const BATCH: usize = 8;

    async fn react(&self, _: &Seat, _: TenantId, _: &[Rc<Recorded>]) -> Result<(), Trouble> {
        Ok(())
    }

    fn project(&self, world: &mut World, tenant: TenantId, events: &[Rc<Recorded>]) {
        for recorded in events {
            world.projected(tenant, recorded);
            if let AnyEvent::Subscription(event) = &recorded.event {
                let id = SubscriptionId::new(recorded.stream.1);
                apply(
                    &mut world.store.services,
                    tenant,
                    id,
                    recorded.seq.unsigned_abs(),
                    event,
                );
            }
        }
        world.news.tell(Topics::LANES);
    }
}

pub(super) async fn project(seat: Seat) {
    run(seat, Services).await;
}

/// What is known about each line.
pub(crate) type Facts = std::collections::BTreeMap<(TenantId, SubscriptionId), ServiceFacts>;

/// One event's change of what is known about its line.
pub(crate) fn apply(
    services: &mut Facts,
    tenant: TenantId,
    id: SubscriptionId,
    version: u64,
    event: &SubscriptionEvent,
) {
    if let SubscriptionEvent::Opened(opened) = event {
        let facts = ServiceFacts {
            tenant,
            subscription: opened.subscription,
            router: opened.router,
            status: SubscriptionStatus::Pending,
            username: opened.username.clone(),
            secret: opened.secret.clone(),
            secret_version: version,
            profile: opened.terms.profile.clone(),
            version,
        };
        services.insert((tenant, id), facts);
        return;
    }
    let Some(facts) = services.get_mut(&(tenant, id)) else {
        return;
    };
    facts.status = match event {
        SubscriptionEvent::Activated(_)
        | SubscriptionEvent::IsolirLifted(_)
        | SubscriptionEvent::Resumed(_) => SubscriptionStatus::Active,
        SubscriptionEvent::Isolated(_) => SubscriptionStatus::Isolated,
        SubscriptionEvent::Suspended(_) => SubscriptionStatus::Suspended,
        SubscriptionEvent::Stopped(_) => SubscriptionStatus::Stopped,
        SubscriptionEvent::Terminated(_) => SubscriptionStatus::Terminated,
        SubscriptionEvent::PlanChanged(changed) => {
            facts.profile = changed.terms.profile.clone();
            facts.status
        }
        SubscriptionEvent::SecretChanged(changed) => {
            facts.secret = changed.secret.clone();
            facts.secret_version = version;
            facts.status
        }
        SubscriptionEvent::Opened(_)
        | SubscriptionEvent::OverdueNoted(_)
        | SubscriptionEvent::OverdueCleared(_) => return,
    };
    facts.version = version;
}
