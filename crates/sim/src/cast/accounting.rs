//! The front door's part of accounting: `api/src/radius.rs`.

use std::{cell::RefCell, rc::Rc};

use chrono::{DateTime, Utc};
use simpul_adapters::radius::{Batcher, Packet, decode};
use simpul_domain::{CommandId, RouterId, TenantId};

use super::command::{Command, Context, Failure, dispatch};
use crate::{news::Topics, plant::Plant, stage::Seat, world::World};

/// Records of one transaction, and how many may wait for theirs.
const BATCH: usize = 8;
const WAITING: usize = 64;
/// How often somebody who waits looks.
const LOOK_MS: u64 = 1_000;

/// What FreeRADIUS hands over: a body, and what its configuration and its clock say of it.
#[derive(Debug, Clone)]
pub struct Handed {
    pub tenant: TenantId,
    pub router: RouterId,
    pub at: DateTime<Utc>,
    pub body: Rc<str>,
}

/// One record as a process heard it.
#[derive(Debug, Clone)]
pub struct Told {
    pub router: RouterId,
    pub at: DateTime<Utc>,
    pub heard_at: DateTime<Utc>,
    pub packet: Packet,
}

type Slot = Rc<RefCell<Option<Result<(), Failure>>>>;

/// A record, and who waits for what becomes of it.
#[derive(Debug)]
pub struct Waiting {
    told: Told,
    slot: Slot,
}

/// What waits in one life of a process.
pub type Desk = Batcher<TenantId, Waiting>;

/// Takes one record.
pub(super) async fn take(seat: Seat, handed: Handed) -> Result<(), Failure> {
    let _busy = seat.busy();
    seat.pause().await;
    let packet = match decode(handed.body.as_bytes()) {
        Ok(packet) => packet,
        Err(rubbish) => {
            seat.with(|world| {
                world
                    .books
                    .violate(|| format!("a packet of a router is rubbish: {rubbish}"));
            });
            return Ok(());
        }
    };
    let slot = Slot::default();
    let batch = seat.with(|world| {
        let told = Told {
            router: handed.router,
            at: handed.at,
            heard_at: world.wall(seat.host),
            packet,
        };
        let waiting = Waiting {
            told,
            slot: Rc::clone(&slot),
        };
        desk(world, &seat).arrive(handed.tenant, waiting)
    });
    match batch {
        Ok(Some(batch)) => {
            let tenant = handed.tenant;
            seat.spawn("batches", move |seat| run(seat, tenant, batch));
        }
        Ok(None) => {}
        Err(_) => return Err(Failure::Unavailable),
    }
    if seat.with(|world| world.is_planted(Plant::AccountedFirst)) {
        return Ok(());
    }
    loop {
        if let Some(answer) = slot.borrow_mut().take() {
            return answer;
        }
        seat.news(LOOK_MS).await;
    }
}

fn desk<'w>(world: &'w mut World, seat: &Seat) -> &'w mut Desk {
    let holder = world.holder(seat.host);
    world
        .desks
        .entry(holder)
        .or_insert_with(|| Desk::new(BATCH, WAITING))
}

/// Runs a batch, and those that come meanwhile.
async fn run(seat: Seat, tenant: TenantId, mut batch: Vec<Waiting>) {
    let _busy = seat.busy();
    loop {
        let (records, slots): (Vec<Told>, Vec<Slot>) = batch
            .into_iter()
            .map(|waiting| (waiting.told, waiting.slot))
            .unzip();
        let id = CommandId::new(seat.with(World::new_uuid));
        let taken = dispatch(&seat, Context::new(tenant, id), &Command::Account(records)).await;
        let answer = taken.map(|_| ());
        for slot in slots {
            *slot.borrow_mut() = Some(answer.clone());
        }
        seat.pause().await;
        let next = seat.with(|world| {
            world.news.tell(Topics::PEOPLE);
            desk(world, &seat).done(&tenant)
        });
        match next {
            Some(next) => batch = next,
            None => return,
        }
    }
}
