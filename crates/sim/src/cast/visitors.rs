//! People who stay signed in: their programs exchange refresh tokens, lose answers and ask again, and are robbed at times.

use simpul_domain::{CommandId, SessionId, TenantId, policy::TimerKind};
use uuid::Uuid;

use super::{
    command::{Command, Context, Failure, dispatch},
    outside::{HOUR_MS, call, request},
};
use crate::{
    faults::Fault,
    model::{
        sessions::{Rotation, Row},
        store::{InlineRow, TimerWork},
    },
    news::Topics,
    plant::Plant,
    rng::Rng,
    stage::Seat,
    world::{World, millis},
};

const MINUTE_MS: u64 = 60_000;
/// Between two tries of a program.
const RETRY_MS: u64 = 500;

/// Signs in so many times, and stays each time for a while.
pub async fn visit(seat: Seat, tenant: TenantId, times: u64, mut rng: Rng) {
    seat.with(|world| world.households += 1);
    for _ in 0..times {
        seat.sleep(rng.below(20) * HOUR_MS).await;
        let (session, first) = seat.with(|world| (SessionId::new(world.new_uuid()), world.new_uuid()));
        if request(&seat, tenant, Command::StartSession { session, first })
            .await
            .is_some()
        {
            stay(&seat, tenant, first, &mut rng).await;
        }
    }
    seat.with(|world| world.households -= 1);
}

async fn stay(seat: &Seat, tenant: TenantId, mut token: Uuid, rng: &mut Rng) {
    let mut was_robbed = false;
    for _ in 0..rng.below(6) {
        seat.sleep((1 + rng.below(40)) * MINUTE_MS).await;
        if seat.with(|world| world.swarm.strikes(Fault::TokenStolen)) {
            was_robbed = true;
            let (stolen, later_ms) = (token, rng.below(90) * MINUTE_MS);
            seat.spawn("thief", move |seat| use_stolen(seat, tenant, stolen, later_ms));
        }
        let Some(new) = exchange(seat, tenant, token).await else {
            seat.with(|world| turned_away(world, was_robbed));
            return;
        };
        token = new;
    }
}

async fn use_stolen(seat: Seat, tenant: TenantId, stolen: Uuid, later_ms: u64) {
    seat.with(|world| world.households += 1);
    seat.sleep(later_ms).await;
    let mut token = Some(stolen);
    for _ in 0..2 {
        if let Some(stolen) = token {
            token = exchange(&seat, tenant, stolen).await;
            seat.sleep(MINUTE_MS).await;
        }
    }
    seat.with(|world| world.households -= 1);
}

/// Nobody has to sign in anew without a reason.
fn turned_away(world: &mut World, was_robbed: bool) {
    world.books.counts.turned_away += 1;
    let lost = [Fault::AnswerLost, Fault::Death, Fault::Stall].map(|fault| world.swarm.has(fault));
    if !was_robbed && lost == [false; 3] {
        world
            .books
            .violate(|| "a session ended that nobody has robbed".to_owned());
    }
}

/// Exchanges a token, asking again when no answer comes; nothing when it is good for nothing.
async fn exchange(seat: &Seat, tenant: TenantId, token: Uuid) -> Option<Uuid> {
    loop {
        let Some(host) = seat.with(World::some_host) else {
            seat.news(1_000).await;
            continue;
        };
        let answer = call(seat, host, "refresh", move |seat| async move {
            refresh(&seat, tenant, token).await
        });
        match answer.await {
            Some(Ok(answer)) => return answer,
            Some(Err(_)) => seat.sleep(RETRY_MS).await,
            None => {}
        }
    }
}

/// The front door's part: `api/src/identity/visit/renewal.rs`.
async fn refresh(seat: &Seat, tenant: TenantId, old: Uuid) -> Result<Option<Uuid>, Failure> {
    seat.pause().await;
    let (rotation, new) = seat.with(|world| {
        if !world.store_answers() {
            return Err(Failure::Unavailable);
        }
        let new = world.new_uuid();
        Ok((rotate(world, seat, tenant, (old, new)), new))
    })?;
    match rotation {
        Rotation::Rotated(_) => Ok(Some(new)),
        Rotation::Refused => Ok(None),
        Rotation::Reused(session) => {
            seat.pause().await;
            let id = CommandId::derive(session.as_uuid(), "session.end_stolen");
            dispatch(
                seat,
                Context::new(tenant, id),
                &Command::EndStolenSession { session },
            )
            .await?;
            Ok(None)
        }
    }
}

/// One transaction.
fn rotate(world: &mut World, seat: &Seat, tenant: TenantId, (old, new): (Uuid, Uuid)) -> Rotation {
    let now = world.wall(seat.host);
    let rotation = world.store.sessions.rotate(tenant, old, new, now);
    if let Rotation::Reused(session) = rotation
        && !world.is_planted(Plant::TheftUntold)
    {
        let kind = TimerKind::SessionStolen { session };
        let row = InlineRow::Timer {
            id: kind.timer(),
            work: TimerWork::Policy(kind),
            due_ms: millis(now),
        };
        world.news.tell(row.topics());
        world.store.write(tenant, row);
    }
    let session = match rotation {
        Rotation::Rotated(session) | Rotation::Reused(session) => session,
        Rotation::Refused => return rotation,
    };
    let good = world.store.sessions.find(tenant, session).map_or(0, Row::good);
    world.note("exchanged", good as u64, || session.to_string());
    if good > 1 {
        world
            .books
            .violate(|| format!("{good} tokens of the session {session} are good"));
    }
    world.news.tell(Topics::PEOPLE);
    rotation
}
