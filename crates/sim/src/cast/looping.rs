//! The loop that every worker shares: the product's machine, its effects performed as `work_loop::run` does.

use std::{
    cell::RefCell,
    collections::{BTreeMap, VecDeque},
    rc::Rc,
};

use simpul_adapters::work_loop::machine::{Effect, Input, Machine, Settings, Ticket};
use simpul_domain::TenantId;

use crate::{news::Topics, stage::Seat, world::World};

/// One kind of work.
pub(super) trait Work: Clone + 'static {
    type Item: Clone + 'static;
    const NAME: &'static str;
    /// How long a lease lasts; an item is started only in the first half of it.
    const LEASE_MS: u64;
    /// What may be news for the loop.
    const TOPICS: Topics;

    fn due(&self, world: &World, now_ms: i64) -> Vec<TenantId>;

    fn take(&self, world: &mut World, seat: &Seat, tenant: TenantId, limit: usize) -> Vec<Self::Item>;

    fn place(&self, item: &Self::Item) -> String;

    fn give_back(&self, world: &mut World, seat: &Seat, item: Self::Item);

    async fn handle(&self, seat: &Seat, item: Self::Item);
}

/// Runs for ever.
pub(super) async fn run<W: Work>(seat: Seat, work: W) {
    let mut machine = Machine::new(Settings::default());
    let mut shell = Shell {
        work,
        items: BTreeMap::new(),
        finished: Rc::default(),
        next: 0,
    };
    let mut input = Input::Woken;
    loop {
        let mut next = Input::Woken;
        for effect in machine.step(seat.now_ms(), input) {
            match effect {
                Effect::Start { id } => shell.start(&seat, id),
                Effect::GiveBack { id } => {
                    if let Some(item) = shell.items.remove(&id) {
                        seat.with(|world| shell.work.give_back(world, &seat, item));
                    }
                }
                Effect::Find => {
                    seat.pause().await;
                    next = seat.with(|world| shell.find(world, &seat));
                }
                Effect::Lease { tenant, limit } => {
                    seat.pause().await;
                    next = seat.with(|world| shell.lease(world, &seat, tenant, limit));
                    seat.pause().await;
                }
                Effect::Wait { ms } => next = shell.wait(&seat, ms).await,
            }
        }
        input = next;
    }
}

struct Shell<W: Work> {
    work: W,
    items: BTreeMap<u64, W::Item>,
    finished: Rc<RefCell<VecDeque<u64>>>,
    next: u64,
}

impl<W: Work> Shell<W> {
    fn start(&mut self, seat: &Seat, id: u64) {
        let Some(item) = self.items.remove(&id) else {
            return;
        };
        let (work, finished) = (self.work.clone(), Rc::clone(&self.finished));
        seat.spawn(W::NAME, |seat| async move {
            let _busy = seat.busy();
            work.handle(&seat, item).await;
            finished.borrow_mut().push_back(id);
            seat.with(|world| world.news.tell(W::TOPICS));
        });
    }

    fn find(&self, world: &World, seat: &Seat) -> Input {
        if !world.store_answers() {
            return Input::Unavailable;
        }
        Input::Found {
            tenants: self.work.due(world, world.wall_ms(seat.host)),
            more: false,
        }
    }

    fn lease(&mut self, world: &mut World, seat: &Seat, tenant: TenantId, limit: usize) -> Input {
        if !world.store_answers() {
            return Input::Unavailable;
        }
        let start_by_ms = world.mono_ms + W::LEASE_MS / 2;
        let items = self.work.take(world, seat, tenant, limit);
        let more = items.len() >= limit;
        let mut tickets = Vec::with_capacity(items.len());
        for item in items {
            self.next += 1;
            tickets.push(Ticket {
                id: self.next,
                place: Some(self.work.place(&item)),
                start_by_ms,
            });
            self.items.insert(self.next, item);
        }
        Input::Leased {
            tenant,
            tickets,
            more,
        }
    }

    async fn wait(&self, seat: &Seat, ms: u64) -> Input {
        let finished = || self.finished.borrow_mut().pop_front();
        if let Some(id) = finished() {
            return Input::Finished { id };
        }
        seat.look_again(ms.min(20), W::TOPICS).await;
        finished().map_or(Input::Woken, |id| Input::Finished { id })
    }
}
