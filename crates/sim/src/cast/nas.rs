//! Routers that tell of their lines by RADIUS, and FreeRADIUS, which hands over what it is told or keeps it on its disk.

use std::rc::Rc;

use simpul_domain::{
    RadiusSessionId,
    accounting::{Octets, Usage},
};

use super::{
    accounting::{self, Handed},
    command::{Command, Context, dispatch},
    outside::call,
};
use crate::{
    faults::Fault,
    model::nas::{Nas, Online},
    news::Topics,
    rng::Rng,
    stage::Seat,
    world::World,
};

/// Between two records of a session.
const INTERIM_MS: u64 = 300_000;
/// Longest way of a packet, in intervals: it arrives together with newer ones.
const MAX_LATE: u64 = 24;
/// How often a router sends a packet, and how long it waits for an answer.
const TRIES: u32 = 3;
const PATIENCE_MS: u64 = 3_000;
/// Between two tries of FreeRADIUS with what is on its disk.
const RETRY_MS: u64 = 3_000;
/// Most that is transferred between two records. Of a counter without its upper half some packets in a row may be lost.
const MAX_OCTETS: u64 = 1 << 29;

/// A packet on its way, with what its router knows of it.
#[derive(Debug, Clone)]
struct Packet {
    handed: Handed,
    /// Of a session's packet: which, what it tells, and whether it is the end.
    tells: Option<(RadiusSessionId, Usage, bool)>,
}

/// Lives for so many intervals.
pub async fn live(seat: Seat, mut nas: Nas, intervals: u64, mut rng: Rng) {
    seat.with(|world| world.households += 1);
    let mut online: Vec<Option<Online>> = vec![None; nas.callers.len()];
    for _ in 0..intervals {
        let pause_ms = if rng.below(8) == 0 {
            rng.below(20) * INTERIM_MS
        } else {
            INTERIM_MS
        };
        seat.sleep(pause_ms.max(1_000)).await;
        if seat.with(|world| world.swarm.strikes(Fault::RouterReboots)) {
            online.fill(None);
            send(&seat, &nas, None, Nas::on());
        }
        for index in 0..nas.callers.len() {
            interval(&seat, &mut nas, index, &mut online, &mut rng);
        }
        if rng.below(4) == 0 {
            sweep(&seat, &nas).await;
        }
    }
    for (user, online) in nas.callers.iter().zip(&mut online) {
        if let Some(online) = online {
            count(&seat, online, &mut rng);
            tell(&seat, &nas, user, online, "Stop");
        }
    }
    seat.with(|world| world.households -= 1);
}

/// What happens to one caller in an interval.
fn interval(seat: &Seat, nas: &mut Nas, index: usize, online: &mut [Option<Online>], rng: &mut Rng) {
    let user = nas.callers[index].clone();
    let Some(mut session) = online[index].take() else {
        if rng.below(2) == 0 {
            let session = nas.admit(seat.now_ms());
            seat.with(|world| world.books.counted(session.session, session.usage));
            tell(seat, nas, &user, &session, "Start");
            online[index] = Some(session);
        }
        return;
    };
    count(seat, &mut session, rng);
    if rng.below(6) > 0 {
        tell(seat, nas, &user, &session, "Interim-Update");
        if rng.below(4) == 0 {
            count(seat, &mut session, rng);
            tell(seat, nas, &user, &session, "Interim-Update");
        }
        online[index] = Some(session);
    } else if !seat.with(|world| world.swarm.strikes(Fault::StopLost)) {
        // Routers send the last interim and the end at once.
        tell(seat, nas, &user, &session, "Interim-Update");
        count(seat, &mut session, rng);
        tell(seat, nas, &user, &session, "Stop");
    }
}

/// Something is transferred.
fn count(seat: &Seat, session: &mut Online, rng: &mut Rng) {
    let seconds = (seat.now_ms() - session.began_ms) / 1_000;
    let mut more = |octets: Octets| Octets::try_new(octets.get() + rng.below(MAX_OCTETS)).unwrap_or(octets);
    session.usage = Usage {
        seconds: u32::try_from(seconds).unwrap_or(u32::MAX),
        input_octets: more(session.usage.input_octets),
        output_octets: more(session.usage.output_octets),
    };
    seat.with(|world| world.books.counted(session.session, session.usage));
}

fn tell(seat: &Seat, nas: &Nas, user: &str, session: &Online, status: &str) {
    let usage = if status == "Start" {
        Usage::default()
    } else {
        session.usage
    };
    let tells = Some((session.session, usage, status == "Stop"));
    send(seat, nas, tells, nas.packet(user, session, status));
}

/// Sends a packet, and goes on.
fn send(seat: &Seat, nas: &Nas, tells: Option<(RadiusSessionId, Usage, bool)>, body: String) {
    let handed = Handed {
        tenant: nas.tenant,
        router: nas.router,
        at: seat.with(|world| world.wall(None)),
        body: Rc::from(body),
    };
    let packet = Packet { handed, tells };
    seat.with(|world| world.households += 1);
    seat.spawn("packet", move |seat| async move {
        deliver(&seat, &packet).await;
        seat.with(|world| world.households -= 1);
    });
}

/// Until FreeRADIUS has answered, or so often.
async fn deliver(seat: &Seat, packet: &Packet) {
    let late_ms = seat.with(|world| {
        let strikes = world.swarm.strikes(Fault::PacketLate);
        strikes.then(|| world.swarm.numbers(Fault::PacketLate).between(1, MAX_LATE) * INTERIM_MS)
    });
    if let Some(late_ms) = late_ms {
        seat.sleep(late_ms).await;
    }
    for _ in 0..TRIES {
        let lost = seat.with(|world| {
            let strikes = world.swarm.strikes(Fault::PacketLost);
            strikes.then(|| world.swarm.numbers(Fault::PacketLost).below(2) == 0)
        });
        if lost != Some(true) {
            relay(seat, packet).await;
        }
        if lost.is_none() {
            return;
        }
        seat.sleep(PATIENCE_MS).await;
    }
}

/// FreeRADIUS: what is not taken goes to the disk, and only then the router is answered.
async fn relay(seat: &Seat, packet: &Packet) {
    if !hand_over(seat, &packet.handed).await {
        seat.with(|world| {
            world.books.counts.spooled += 1;
            world.spool.push_back(packet.handed.clone());
            world.news.tell(Topics::SPOOL);
        });
    } else if let Some((session, usage, _)) = packet.tells {
        seat.with(|world| world.acknowledged(packet.handed.tenant, session, usage.seconds));
    }
    if let Some((session, usage, stopped)) = packet.tells {
        let tenant = packet.handed.tenant;
        seat.with(|world| world.books.told(tenant, session, usage, stopped));
    }
}

/// Whether a process has answered that the record is in the database.
async fn hand_over(seat: &Seat, handed: &Handed) -> bool {
    let Some(host) = seat.with(World::some_host) else {
        return false;
    };
    let record = handed.clone();
    let answer = call(seat, host, "accounting", move |seat| {
        accounting::take(seat, record)
    })
    .await;
    matches!(answer, Some(Ok(())))
}

/// Reads the disk away, in its order.
pub async fn spool(seat: Seat) {
    loop {
        let seen = seat.seen(Topics::SPOOL);
        let Some(first) = seat.with(|world| world.spool.front().cloned()) else {
            seat.look_again_since(RETRY_MS, seen).await;
            continue;
        };
        if hand_over(&seat, &first).await {
            seat.with(|world| drop(world.spool.pop_front()));
        } else {
            seat.sleep(RETRY_MS).await;
        }
    }
}

/// A round of the scheduler.
async fn sweep(seat: &Seat, nas: &Nas) {
    let Some(host) = seat.with(World::some_host) else {
        return;
    };
    let tenant = nas.tenant;
    // What fails is made by the next round.
    call(seat, host, "sweep", move |seat| async move {
        let id = simpul_domain::CommandId::new(seat.with(World::new_uuid));
        dispatch(&seat, Context::new(tenant, id), &Command::SweepSessions).await
    })
    .await;
}
