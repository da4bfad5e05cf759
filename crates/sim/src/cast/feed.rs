//! The loop of a subscriber: the product's machine, its effects performed as `feed/runner.rs` does.

use std::{collections::BTreeSet, rc::Rc};

use simpul_domain::TenantId;
use simpul_event_store::feed::{
    OnError,
    machine::{Effect, Input, LEASE_POLL_MS, Machine, POLL_MS},
};

use crate::{
    model::{
        log::Recorded,
        parked::{NotHeld, Place},
        store::Cursor,
    },
    news::Topics,
    plant::Plant,
    stage::Seat,
    world::World,
};

pub(crate) const RELAY: &str = "relay";

/// Why events were not handled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trouble {
    Fenced,
    Transient,
    /// The event at this position cannot be handled.
    Poison(i64),
}

/// What a subscriber does with events.
pub(super) trait Handler {
    const NAME: &'static str;
    const ON_ERROR: OnError;
    const BATCH: usize;
    /// Whether it acts outside, between two transactions.
    const OUTSIDE: bool;

    /// Acts outside; the cursor moves when it has.
    async fn react(&self, _: &Seat, _: TenantId, _: &[Rc<Recorded>]) -> Result<(), Trouble> {
        Ok(())
    }

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
    // What it does itself is news to it as well.
    let mut looked = seat.seen(Topics::LOG);
    loop {
        match &input {
            // A subscriber that halts at a poison event tries it again as well.
            Input::Transient { tenant } | Input::Poison { tenant, .. } => {
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
                seat.look_again_since(20, looked).await;
                Input::Woken
            }
            Effect::Wait { ms } => {
                seat.sleep(ms).await;
                Input::Woken
            }
            Effect::Process { tenant } => process(&seat, &handler, lead, tenant, H::BATCH).await,
            Effect::ProcessOne { tenant } => process(&seat, &handler, lead, tenant, 1).await,
            // Here everything concerns everybody.
            Effect::PassOver { tenants: others } => {
                let passed = Vec::new();
                Input::PassedOver { passed, others }
            }
            Effect::Park { tenant, seq } => park::<H>(&seat, lead, tenant, seq).await,
            effect => {
                seat.pause().await;
                looked = seat.seen(Topics::LOG);
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
        // Whoever is alerted mends it some time.
        Effect::Halt { .. }
        | Effect::Process { .. }
        | Effect::ProcessOne { .. }
        | Effect::PassOver { .. }
        | Effect::Park { .. }
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
        Err(trouble) => trouble.input(tenant, limit),
    }
}

impl Trouble {
    /// As the runner tells it: an event is named when it was tried alone.
    fn input(self, tenant: TenantId, limit: usize) -> Input {
        match self {
            Self::Fenced => Input::Fenced,
            Self::Transient => Input::Transient { tenant },
            Self::Poison(seq) => Input::Poison {
                tenant,
                seq: (limit == 1).then_some(seq),
            },
        }
    }
}

/// What a batch has read.
struct Batch {
    from: Cursor,
    last: i64,
    more: bool,
    ready: Vec<Rc<Recorded>>,
    /// Behind a parked event of the same key.
    waiting: Vec<Rc<Recorded>>,
}

impl Batch {
    /// The keys behind which events wait.
    fn keys<H: Handler>(&self, tenant: TenantId) -> BTreeSet<Place> {
        let place = |event: &Rc<Recorded>| place::<H>(tenant, event);
        self.waiting.iter().map(place).collect()
    }
}

fn place<H: Handler>(tenant: TenantId, event: &Recorded) -> Place {
    Place {
        tenant,
        subscriber: H::NAME,
        key: event.stream,
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
    let Some(batch) = seat.with(|world| read::<H>(world, tenant, limit))? else {
        return Ok(false);
    };
    let moved = |seat: &Seat| {
        seat.with(|world| {
            move_past::<H>(world, lead, tenant, &batch)?;
            world.check_passed(tenant, H::NAME, batch.from.seq, batch.last);
            Ok(())
        })
    };
    if seat.with(|world| handler.moves_first(world)) {
        moved(seat)?;
        handler.react(seat, tenant, &batch.ready).await?;
        return Ok(batch.more);
    }
    let keys = batch.keys::<H>(tenant);
    let mut tx = hold(seat, &keys, false).await?;
    seat.pause().await;
    if H::OUTSIDE {
        // Nothing is open while the outside is asked.
        seat.with(|world| world.store.parked.end(tx));
        handler.react(seat, tenant, &batch.ready).await?;
        tx = hold(seat, &keys, false).await?;
        seat.pause().await;
    }
    let committed = if seat.with(|world| world.is_planted(Plant::CursorApart)) {
        seat.with(|world| handler.project(world, tenant, &batch.ready));
        seat.pause().await;
        moved(seat)
    } else {
        // Rows, parked events and cursor in one transaction: a worker that is fenced has changed nothing.
        seat.with(|world| commit(world, handler, lead, tenant, &batch, tx))
    };
    seat.with(|world| world.store.parked.end(tx));
    committed.map(|()| batch.more)
}

/// The next events of a tenant; nothing when there are none.
fn read<H: Handler>(world: &World, tenant: TenantId, limit: usize) -> Result<Option<Batch>, Trouble> {
    let log = world.store.log(tenant).filter(|_| world.store_answers());
    let from = world.store.cursor(tenant, H::NAME);
    let events = log.ok_or(Trouble::Transient)?.after(from.seq, limit);
    let Some(last) = events.last().map(|event| event.seq) else {
        return Ok(None);
    };
    let more = events.len() >= limit;
    let (ready, waiting) = if world.is_planted(Plant::ParkedAlone) {
        (events, Vec::new())
    } else {
        world.store.parked.split(tenant, H::NAME, events)
    };
    Ok(Some(Batch {
        from,
        last,
        more,
        ready,
        waiting,
    }))
}

/// A transaction that holds these keys. Nothing is parked behind a key that somebody has retried meanwhile.
async fn hold(seat: &Seat, keys: &BTreeSet<Place>, alone: bool) -> Result<u64, Trouble> {
    let tx = seat.with(|world| world.store.parked.begin());
    loop {
        let held = seat.with(|world| {
            let holder = world.holder(seat.host);
            let answers = world.store_answers();
            answers.then(|| world.store.parked.hold(tx, holder, keys, alone))
        });
        match held {
            Some(Ok(())) => return Ok(tx),
            Some(Err(NotHeld::Locked)) => seat.sleep(1).await,
            Some(Err(NotHeld::Gone)) | None => return Err(Trouble::Transient),
        }
    }
}

fn commit<H: Handler>(
    world: &mut World,
    handler: &H,
    lead: Lead,
    tenant: TenantId,
    batch: &Batch,
    tx: u64,
) -> Result<(), Trouble> {
    if !world.store.parked.is_held(tx, &batch.keys::<H>(tenant)) {
        return Err(Trouble::Transient);
    }
    if !H::OUTSIDE {
        sound::<H>(world, tenant, &batch.ready)?;
    }
    move_past::<H>(world, lead, tenant, batch)?;
    handler.project(world, tenant, &batch.ready);
    world.check_passed(tenant, H::NAME, batch.from.seq, batch.last);
    Ok(())
}

/// Moves the cursor past a batch, and parks what waits.
fn move_past<H: Handler>(
    world: &mut World,
    lead: Lead,
    tenant: TenantId,
    batch: &Batch,
) -> Result<(), Trouble> {
    if !world.store_answers() {
        return Err(Trouble::Transient);
    }
    let moved = world
        .store
        .advance(tenant, H::NAME, batch.from, batch.last, lead.epoch);
    moved.map_err(|_| Trouble::Fenced)?;
    for event in &batch.waiting {
        world.store.parked.park(tenant, H::NAME, event);
    }
    world.moved(tenant, H::NAME, batch.from, batch.last);
    Ok(())
}

/// The first of these events that cannot be handled, if there is one.
fn sound<H: Handler>(world: &mut World, tenant: TenantId, events: &[Rc<Recorded>]) -> Result<(), Trouble> {
    let mut events = events.iter();
    let poison = events.find(|event| world.is_poison(H::NAME, tenant, event.seq));
    poison.map_or(Ok(()), |event| Err(Trouble::Poison(event.seq)))
}

/// Parks an event, and moves past it.
async fn park<H: Handler>(seat: &Seat, lead: Option<Lead>, tenant: TenantId, seq: i64) -> Input {
    let _busy = seat.busy();
    seat.pause().await;
    let parked: Result<(), Trouble> = seat.with(|world| {
        let lead = lead.ok_or(Trouble::Fenced)?;
        let log = world.store.log(tenant).filter(|_| world.store_answers());
        let waiting = log.ok_or(Trouble::Transient)?.after(seq - 1, 1);
        let batch = Batch {
            from: world.store.cursor(tenant, H::NAME),
            last: seq,
            more: true,
            ready: Vec::new(),
            waiting,
        };
        move_past::<H>(world, lead, tenant, &batch)?;
        world.check_passed(tenant, H::NAME, batch.from.seq, seq);
        world.note("parked", seq.unsigned_abs(), || H::NAME);
        world.books.counts.parked += 1;
        world.news.tell(Topics::STUCK);
        Ok(())
    });
    match parked {
        Ok(()) => Input::Done {
            tenant,
            more: true,
            concerned: true,
        },
        Err(trouble) => trouble.input(tenant, 1),
    }
}

/// Handles a key's parked events again, in order, until none is left; later events of the key flow again.
pub(super) async fn retry<H: Handler>(seat: &Seat, handler: &H, place: Place) -> Result<(), Trouble> {
    let keys: BTreeSet<Place> = [place].into();
    loop {
        seat.pause().await;
        if seat.with(|world| world.store.parked.of_key(place).is_empty()) {
            return Ok(());
        }
        let mut tx = hold(seat, &keys, true).await?;
        let events = seat.with(|world| world.store.parked.of_key(place));
        let Some(last) = events.last().map(|event| event.seq) else {
            return Ok(());
        };
        seat.pause().await;
        if H::OUTSIDE {
            // Nothing is open while the outside is asked.
            seat.with(|world| world.store.parked.end(tx));
            handler.react(seat, place.tenant, &events).await?;
            tx = hold(seat, &keys, true).await?;
            seat.pause().await;
        }
        let retried = seat.with(|world| {
            if !world.store_answers() || !world.store.parked.is_held(tx, &keys) {
                return Err(Trouble::Transient);
            }
            if !H::OUTSIDE {
                sound::<H>(world, place.tenant, &events)?;
            }
            handler.project(world, place.tenant, &events);
            world.store.parked.forget(place, last);
            world.forgotten(place, &events);
            world.news.tell(Topics::LOG);
            Ok(())
        });
        seat.with(|world| world.store.parked.end(tx));
        retried?;
    }
}

/// Publishes the log.
struct Relay;

impl Handler for Relay {
    const NAME: &'static str = RELAY;
    const ON_ERROR: OnError = OnError::Halt;
    const BATCH: usize = 8;
    const OUTSIDE: bool = true;

    async fn react(&self, seat: &Seat, tenant: TenantId, events: &[Rc<Recorded>]) -> Result<(), Trouble> {
        seat.with(|world| sound::<Self>(world, tenant, events))?;
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
            if !kept {
                return Err(Trouble::Transient);
            }
            world.handled(Self::NAME, tenant, events);
            Ok(())
        })
    }

    fn moves_first(&self, world: &World) -> bool {
        world.is_planted(Plant::RelayMovesFirst)
    }
}

pub(super) async fn relay(seat: Seat) {
    run(seat, Relay).await;
}
