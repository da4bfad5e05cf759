//! The consumer of subscription events: inbox row and wish in one transaction, then the acknowledgement.

use simpul_domain::{AnyEvent, SubscriptionId, subscriptions::subscription::SubscriptionEvent};

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

/// Pause of a message that is held while the database is away.
const HOLD_MS: u64 = 400;

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
        // Without a database the message is held, so that it does not use up its deliveries.
        while !seat.with(|world| world.store_answers()) {
            seat.sleep(HOLD_MS).await;
        }
        seat.with(|world| consume(world, &seat, &message));
        seat.pause().await;
        seat.with(|world| world.broker.acknowledge(tag));
    }
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

fn consume(world: &mut World, seat: &Seat, message: &Message) {
    let Some(lane) = wanted(world, message) else {
        return;
    };
    let now_ms = world.wall_ms(seat.host) - 1;
    world.store.wish(message.tenant, message.event.id, lane, now_ms);
    world.news.tell(Topics::LANES);
}

/// The wish that follows from an event, if it changes what the router must hold.
fn wanted(world: &World, message: &Message) -> Option<Lane> {
    let Recorded {
        stream, seq, event, ..
    } = message.event.as_ref();
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
    let opened = world.store.log(message.tenant)?.stream(*stream).first()?;
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
