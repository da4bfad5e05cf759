//! People who see what is stuck and have it tried again, as `api/src/repairs.rs` does.

use simpul_domain::{EventId, TenantId};

use super::{
    consumer, feed,
    policies::{POLICIES, Policies},
    services::{PROJECTOR, Services},
};
use crate::{
    model::parked::Place,
    news::Topics,
    stage::Seat,
    world::{HostId, World},
};

/// Longest time until somebody looks.
const MAX_UNSEEN_MS: u64 = 3 * 3_600_000;

/// What waits for a person.
#[derive(Debug, Clone, Copy)]
enum Stuck {
    ParkedKey(Place),
    DeadLetter(TenantId, EventId),
}

fn stuck(world: &mut World) -> Vec<Stuck> {
    let parked = world.store.parked.places().map(Stuck::ParkedKey);
    let letters = world.store.letters();
    let letters = letters.map(|(tenant, event)| Stuck::DeadLetter(tenant, event));
    parked.chain(letters).collect()
}

/// Looks at what is stuck, for ever.
pub async fn menders(seat: Seat) {
    loop {
        seat.look_again(60_000, Topics::STUCK).await;
        loop {
            let stuck = seat.with(stuck);
            if stuck.is_empty() {
                break;
            }
            for one in stuck {
                if let Some(host) = seat.with(World::some_host) {
                    retry(&seat, host, one);
                }
            }
            let ms = seat.with(|world| world.rng.between(1_000, MAX_UNSEEN_MS));
            seat.sleep(ms).await;
        }
    }
}

/// What fails again stays as stuck as it was.
fn retry(seat: &Seat, host: HostId, stuck: Stuck) {
    seat.spawn_on("retry", Some(host), move |seat| async move {
        let _busy = seat.busy();
        let place = match stuck {
            Stuck::DeadLetter(tenant, event) => return consumer::replay(&seat, tenant, event).await,
            Stuck::ParkedKey(place) => place,
        };
        let retried = match place.subscriber {
            PROJECTOR => feed::retry(&seat, &Services, place).await,
            POLICIES => feed::retry(&seat, &Policies::new(), place).await,
            _ => return,
        };
        seat.with(|world| world.note("retried", u64::from(retried.is_ok()), || place.subscriber));
    });
}
