//! People who see what is stuck and have it tried again, as `api/src/repairs.rs` does.

use std::collections::BTreeSet;

use super::{
    feed::{self, PROJECTOR, Services},
    policies::{POLICIES, Policies},
};
use crate::{
    model::parked::Place,
    news::Topics,
    stage::Seat,
    world::{HostId, World},
};

/// Longest time until somebody looks.
const MAX_UNSEEN_MS: u64 = 3 * 3_600_000;

/// Looks at what is stuck, for ever.
pub async fn menders(seat: Seat) {
    loop {
        seat.look_again(60_000, Topics::STUCK).await;
        loop {
            let stuck: BTreeSet<Place> = seat.with(|world| world.store.parked.places().collect());
            if stuck.is_empty() {
                break;
            }
            for place in stuck {
                if let Some(host) = seat.with(World::some_host) {
                    retry(&seat, host, place);
                }
            }
            let ms = seat.with(|world| world.rng.between(1_000, MAX_UNSEEN_MS));
            seat.sleep(ms).await;
        }
    }
}

/// What fails again stays as stuck as it was.
fn retry(seat: &Seat, host: HostId, place: Place) {
    seat.spawn_on("retry", Some(host), move |seat| async move {
        let _busy = seat.busy();
        let retried = match place.subscriber {
            PROJECTOR => feed::retry(&seat, &Services, place).await,
            POLICIES => feed::retry(&seat, &Policies::new(), place).await,
            _ => return,
        };
        seat.with(|world| world.note("retried", u64::from(retried.is_ok()), || place.subscriber));
    });
}
