//! What is made once an hour by one process: the product's machine of a round.

use chrono::TimeDelta;
use simpul_event_store::rounds::machine::{Effect, Input, Machine};

use crate::{news::Topics, stage::Seat};

const LOCK: &str = "round";
/// Longer than a simulated day has meaning for the round: one a day is enough to see it made once.
const EVERY: TimeDelta = TimeDelta::hours(24);

pub(super) async fn run(seat: Seat) {
    let mut machine = Machine::new(EVERY);
    let mut input = Input::Woken;
    loop {
        let now = seat.with(|world| world.wall(seat.host));
        let effect = machine.step(now, input);
        seat.pause().await;
        input = match effect {
            Effect::Wait { .. } => {
                seat.look_again(1_000, Topics::TIMERS).await;
                Input::Woken
            }
            Effect::TakeLease => seat.with(|world| {
                if !world.store_answers() {
                    return Input::LeaseBusy;
                }
                let holder = world.holder(seat.host);
                match world.store.lead(holder, LOCK) {
                    Some(_) => Input::LeaseTaken {
                        last: world.store.round,
                    },
                    None => Input::LeaseBusy,
                }
            }),
            Effect::CheckLease => seat.with(|world| {
                if world.store_answers() && world.store.leads(world.holder(seat.host), LOCK) {
                    Input::LeaseHeld
                } else {
                    Input::LeaseLost
                }
            }),
            Effect::Make { missed } => seat.with(|world| {
                if !world.store_answers() {
                    return Input::Failed;
                }
                let last = world.store.round;
                world.store.round = last.max(Some(now));
                world.note("round", missed, || "missed");
                Input::Made
            }),
        };
    }
}
