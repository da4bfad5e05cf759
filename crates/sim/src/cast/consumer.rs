//! The consumer of subscription events: inbox row and wish in one transaction, then the acknowledgement. What it does with
//! a message is the product's judgement, as `adapters/src/bus/amqp.rs` carries it out.

use simpul_adapters::bus::consumer::{Disposition, Taken, dispose};
use simpul_domain::{
    AnyEvent, EventId, SubscriptionId, TenantId, subscriptions::subscription::SubscriptionEvent,
};
use simpul_event_store::{StoreError, feed::HandlerError};

use crate::{
    faults::Fault,
    model::{
        broker::Message,
        lane::{Lane, LaneState},
        log::Recorded,
    },
    news::Topics,
    plant::Plant,
    stage::Seat,
    world::World,
};

const CONSUMER: &str = "consumer";
/// Between two tries to keep a dead letter.
const HOLD_MS: u64 = 500;

pub(super) async fn run(seat: Seat) {
    loop {
        let Some((tag, message)) = seat.with(|world| next(world, &seat)) else {
            seat.look_again(20, Topics::BROKER).await;
            continue;
        };
        let _busy = seat.busy();
        seat.pause().await;
        let early = seat.with(|world| world.is_planted(Plant::AckFirst));
        if early {
            seat.with(|world| world.broker.acknowledge(tag));
            seat.pause().await;
        }
        live(&seat, tag, message).await;
    }
}

async fn live(seat: &Seat, tag: u64, message: Message) {
    let mut tries = 0;
    loop {
        let outcome = seat.with(|world| take_in(world, seat, &message));
        seat.pause().await;
        match dispose(outcome, tries, message.deliveries) {
            Disposition::Acknowledge => return acknowledge(seat, tag, &message),
            Disposition::Bury { .. } => return bury(seat, tag, message).await,
            Disposition::Requeue { after } => {
                seat.sleep(ms(after)).await;
                seat.with(|world| {
                    world.broker.give_back(tag);
                    world.news.tell(Topics::BROKER);
                });
                return;
            }
            Disposition::Hold { after } => seat.sleep(ms(after)).await,
        }
        tries += 1;
    }
}

fn ms(after: std::time::Duration) -> u64 {
    u64::try_from(after.as_millis()).unwrap_or(u64::MAX)
}

/// What the broker took away is kept, however long the database is away.
pub(super) async fn dead(seat: Seat) {
    loop {
        let taken = seat.with(|world| world.broker.deliver_dead(seat.host.unwrap_or_default()));
        let Some((tag, message)) = taken else {
            seat.look_again(20, Topics::BROKER).await;
            continue;
        };
        let _busy = seat.busy();
        seat.pause().await;
        bury(&seat, tag, message).await;
    }
}

async fn bury(seat: &Seat, tag: u64, message: Message) {
    while !seat.with(|world| world.store_answers()) {
        seat.sleep(HOLD_MS).await;
    }
    seat.with(|world| {
        world.buried(&message);
        world.store.bury(message.clone());
        world.news.tell(Topics::STUCK);
    });
    seat.pause().await;
    acknowledge(seat, tag, &message);
}

fn acknowledge(seat: &Seat, tag: u64, message: &Message) {
    seat.with(|world| {
        world.broker.acknowledge(tag);
        if wanted(world, message).is_some() {
            world.disposed_of(message.tenant, message.event.id);
        }
    });
}

fn next(world: &mut World, seat: &Seat) -> Option<(u64, Message)> {
    let host = seat.host?;
    let ready = world.broker.ready();
    if ready == 0 {
        return None;
    }
    let index = if world.swarm.strikes(Fault::Reorder) {
        world.swarm.numbers(Fault::Reorder).index(ready)
    } else {
        0
    };
    let twice = world.swarm.strikes(Fault::Duplicate);
    world.broker.deliver(host, index, twice)
}

/// One try.
fn take_in(world: &mut World, seat: &Seat, message: &Message) -> Result<Taken, HandlerError> {
    if !world.store_answers() {
        // Of the ways to be away, the one that needs no driver's error.
        return Err(HandlerError::transient(StoreError::StorageFull));
    }
    let Some(lane) = wanted(world, message) else {
        return Ok(Taken::Unwanted);
    };
    if world.store.is_taken_in(message.tenant, message.event.id) {
        return Ok(Taken::Repeated);
    }
    if world.is_poison(CONSUMER, message.tenant, message.event.seq) {
        return Err(spoiled(world, seat, message));
    }
    consume(world, seat, message, lane);
    Ok(Taken::Consumed)
}

/// What a message does that its consumer cannot take in: it is refused, it fails every time, or it kills the process.
fn spoiled(world: &mut World, seat: &Seat, message: &Message) -> HandlerError {
    match message.event.seq % 3 {
        0 => HandlerError::permanent("refused"),
        1 => HandlerError::transient(StoreError::Conflict),
        _ => {
            world.kills(seat.host);
            HandlerError::transient(StoreError::Conflict)
        }
    }
}

fn consume(world: &mut World, seat: &Seat, message: &Message, lane: Lane) {
    let now_ms = world.wall_ms(seat.host) - 1;
    let (tenant, event) = (message.tenant, message.event.id);
    if world.store.wish(tenant, event, lane, now_ms) {
        world.consumed(tenant, event);
    }
    world.news.tell(Topics::LANES);
}

/// Takes a dead letter in again: it leaves the list in the transaction of its effect.
pub(super) async fn replay(seat: &Seat, tenant: TenantId, event: EventId) {
    seat.pause().await;
    if seat.with(|world| world.is_planted(Plant::LetterTakenFirst)) {
        let letter = seat.with(|world| world.store.take_letter(tenant, event));
        seat.pause().await;
        if let Some(letter) = letter {
            seat.with(|world| handle_again(world, seat, &letter));
        }
        return;
    }
    seat.with(|world| {
        let letter = world
            .store
            .letter(tenant, event)
            .filter(|_| world.store_answers());
        let Some(letter) = letter.cloned() else { return };
        if handle_again(world, seat, &letter) {
            world.store.take_letter(tenant, event);
            world.disposed_of(tenant, event);
        }
    });
}

/// Whether the letter has had its effect, now or before.
fn handle_again(world: &mut World, seat: &Seat, letter: &Message) -> bool {
    let (tenant, event) = (letter.tenant, letter.event.id);
    if !world.store.is_taken_in(tenant, event) {
        if world.is_poison(CONSUMER, tenant, letter.event.seq) {
            return false;
        }
        if let Some(lane) = wanted(world, letter) {
            consume(world, seat, letter, lane);
        }
    }
    true
}

fn wanted(world: &World, message: &Message) -> Option<Lane> {
    wish_of(world, message.tenant, &message.event)
}

/// The wish that follows from an event, if it changes what the router must hold.
pub(crate) fn wish_of(world: &World, tenant: TenantId, recorded: &Recorded) -> Option<Lane> {
    let Recorded {
        stream, seq, event, ..
    } = recorded;
    let AnyEvent::Subscription(event) = event else {
        return None;
    };
    match event {
        SubscriptionEvent::Opened(_)
        | SubscriptionEvent::OverdueNoted(_)
        | SubscriptionEvent::OverdueCleared(_) => return None,
        SubscriptionEvent::Activated(_)
        | SubscriptionEvent::Isolated(_)
        | SubscriptionEvent::IsolirLifted(_)
        | SubscriptionEvent::Suspended(_)
        | SubscriptionEvent::Resumed(_)
        | SubscriptionEvent::Stopped(_)
        | SubscriptionEvent::Terminated(_)
        | SubscriptionEvent::PlanChanged(_)
        | SubscriptionEvent::SecretChanged(_) => {}
    }
    // The router is said once, when the line is opened.
    let opened = world.store.log(tenant)?.stream(*stream).first()?;
    let AnyEvent::Subscription(SubscriptionEvent::Opened(opened)) = &opened.event else {
        return None;
    };
    Some(Lane {
        subscription: SubscriptionId::new(stream.1),
        router: opened.router,
        wanted: *seq,
        confirmed: 0,
        state: LaneState::Waiting,
    })
}
