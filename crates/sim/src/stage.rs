//! The scheduler: tasks that take turns as the seed says, on one thread, in a time of their own.
//!
//! A task is a future that gives way between any two effects ([`Seat::pause`]). Which task goes next, whether its
//! process dies there, and how far time moves when all wait, is drawn. Nothing here knows what tasks do.

use std::{
    cell::{Cell, RefCell},
    future::Future,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, Waker},
};

use crate::{
    news::Topics,
    world::{HostId, World},
};

/// What a task knew of these topics when it began to wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    topics: Topics,
    count: u64,
}

impl Seen {
    fn of(world: &World, topics: Topics) -> Self {
        let count = world.news.seen(topics);
        Self { topics, count }
    }

    fn is_old(self, world: &World) -> bool {
        self.count < world.news.seen(self.topics)
    }
}

/// How a task waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wait {
    /// It gave way.
    Ready,
    /// Until this time.
    Until(u64),
    /// Until this time, or until something has changed.
    Either { until_ms: u64, seen: Seen },
    /// Until this time, if anything has changed since it last looked: it only looks for work.
    Looking { until_ms: u64, seen: Seen },
}

/// What a task is, apart from its future.
pub struct NewTask {
    name: &'static str,
    host: Option<HostId>,
    wait: Rc<Cell<Wait>>,
    future: Pin<Box<dyn Future<Output = ()>>>,
}

impl std::fmt::Debug for NewTask {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewTask")
            .field("name", &self.name)
            .field("host", &self.host)
            .finish_non_exhaustive()
    }
}

/// A task's place: its view of the world and its way to wait.
#[derive(Clone)]
pub struct Seat {
    world: Rc<RefCell<World>>,
    pub host: Option<HostId>,
    wait: Rc<Cell<Wait>>,
}

impl std::fmt::Debug for Seat {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Seat")
            .field("host", &self.host)
            .finish_non_exhaustive()
    }
}

/// Gives way once.
struct GiveWay(bool);

impl Future for GiveWay {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        if std::mem::replace(&mut self.0, true) {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }
}

/// Says, while it lives, that its task is in the middle of something.
#[derive(Debug)]
pub struct Busy(Rc<Cell<u32>>);

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

impl Seat {
    /// Looks at the world, or changes it. Never held across a wait.
    pub fn with<R>(&self, act: impl FnOnce(&mut World) -> R) -> R {
        act(&mut self.world.borrow_mut())
    }

    /// A point between two effects: others may go first, and the process may die here.
    pub async fn pause(&self) {
        if self.with(World::gives_way) {
            self.wait.set(Wait::Ready);
            GiveWay(false).await;
        }
    }

    pub async fn sleep(&self, ms: u64) {
        let until_ms = self.with(|world| world.mono_ms + ms);
        self.wait.set(Wait::Until(until_ms));
        GiveWay(false).await;
    }

    /// A wait of a loop that has nothing to do: it looks again when something has changed.
    pub async fn look_again(&self, ms: u64, topics: Topics) {
        self.look_again_since(ms, self.seen(topics)).await;
    }

    /// What there is to know now.
    pub fn seen(&self, topics: Topics) -> Seen {
        self.with(|world| Seen::of(world, topics))
    }

    /// The same of a loop that has last looked when this was all there was to know.
    pub async fn look_again_since(&self, ms: u64, seen: Seen) {
        let until_ms = self.now_ms() + ms;
        self.wait.set(Wait::Looking { until_ms, seen });
        GiveWay(false).await;
    }

    /// Waits for news, at most so long.
    pub async fn news(&self, ms: u64) {
        let (until_ms, seen) = self.with(|world| (world.mono_ms + ms, Seen::of(world, Topics::PEOPLE)));
        self.wait.set(Wait::Either { until_ms, seen });
        GiveWay(false).await;
    }

    pub fn busy(&self) -> Busy {
        let count = self.with(|world| Rc::clone(&world.busy));
        count.set(count.get() + 1);
        Busy(count)
    }

    pub fn now_ms(&self) -> u64 {
        self.with(|world| world.mono_ms)
    }

    /// Starts a task beside this one, in the same process.
    pub fn spawn<F: Future<Output = ()> + 'static>(&self, name: &'static str, task: impl FnOnce(Self) -> F) {
        self.spawn_on(name, self.host, task);
    }

    pub fn spawn_on<F: Future<Output = ()> + 'static>(
        &self,
        name: &'static str,
        host: Option<HostId>,
        task: impl FnOnce(Self) -> F,
    ) {
        let new = new_task(&self.world, name, host, task);
        self.with(|world| world.spawned.push(new));
    }
}

fn new_task<F: Future<Output = ()> + 'static>(
    world: &Rc<RefCell<World>>,
    name: &'static str,
    host: Option<HostId>,
    task: impl FnOnce(Seat) -> F,
) -> NewTask {
    let wait = Rc::new(Cell::new(Wait::Ready));
    let seat = Seat {
        world: Rc::clone(world),
        host,
        wait: Rc::clone(&wait),
    };
    let future = Box::pin(task(seat));
    NewTask {
        name,
        host,
        wait,
        future,
    }
}

/// The world and all tasks in it.
pub struct Stage {
    world: Rc<RefCell<World>>,
    tasks: Vec<NewTask>,
    /// Starts the tasks of a process.
    boot: fn(&Seat),
}

impl std::fmt::Debug for Stage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stage")
            .field("tasks", &self.tasks.len())
            .finish_non_exhaustive()
    }
}

impl Stage {
    pub fn new(world: World, boot: fn(&Seat)) -> Self {
        Self {
            world: Rc::new(RefCell::new(world)),
            tasks: Vec::new(),
            boot,
        }
    }

    pub fn with<R>(&self, act: impl FnOnce(&mut World) -> R) -> R {
        act(&mut self.world.borrow_mut())
    }

    /// Starts a task that no process carries: a person, a gateway.
    pub fn outside<F: Future<Output = ()> + 'static>(
        &mut self,
        name: &'static str,
        task: impl FnOnce(Seat) -> F,
    ) {
        let new = new_task(&self.world, name, None, task);
        self.tasks.push(new);
    }

    fn boot(&mut self, host: HostId) {
        let seat = Seat {
            world: Rc::clone(&self.world),
            host: Some(host),
            wait: Rc::new(Cell::new(Wait::Ready)),
        };
        (self.boot)(&seat);
    }

    /// Lets one task go on, or moves time when all wait. False when nothing will ever happen again.
    pub fn step(&mut self) -> bool {
        let started = self.with(World::hosts_that_start);
        for host in started {
            self.boot(host);
        }
        let spawned = self.with(|world| std::mem::take(&mut world.spawned));
        self.tasks.extend(spawned);
        let Some(index) = self.choose() else {
            return self.pass_time();
        };
        self.go_on(index);
        true
    }

    /// A task that may go on. A search from a drawn place keeps the choice cheap.
    fn choose(&self) -> Option<usize> {
        let mut world = self.world.borrow_mut();
        let from = world.rng.index(self.tasks.len().max(1));
        let count = self.tasks.len();
        (0..count).map(|offset| (from + offset) % count).find(|&index| {
            let task = &self.tasks[index];
            if task.host.is_some_and(|host| world.is_stalled(host)) {
                return false;
            }
            match task.wait.get() {
                Wait::Ready => true,
                Wait::Until(until_ms) => until_ms <= world.mono_ms,
                Wait::Either { until_ms, seen } => until_ms <= world.mono_ms || seen.is_old(&world),
                Wait::Looking { until_ms, seen } => until_ms <= world.mono_ms && seen.is_old(&world),
            }
        })
    }

    fn go_on(&mut self, index: usize) {
        let (name, host) = (self.tasks[index].name, self.tasks[index].host);
        self.with(|world| world.begins(name, host));
        let mut context = Context::from_waker(Waker::noop());
        let ended = self.tasks[index].future.as_mut().poll(&mut context).is_ready();
        if ended {
            self.tasks.swap_remove(index);
        }
        if let Some(host) = host
            && self.with(|world| world.may_die(host))
        {
            self.tasks.retain(|task| task.host != Some(host));
            // Tasks that it has started and that have not begun die with it.
            self.with(|world| world.spawned.retain(|task| task.host != Some(host)));
            self.with(|world| world.dies(host));
        }
    }

    /// Moves time to where something can happen.
    fn pass_time(&mut self) -> bool {
        let mut world = self.world.borrow_mut();
        let waits = self.tasks.iter().filter_map(|task| {
            let until_ms = match task.wait.get() {
                Wait::Ready => world.mono_ms,
                Wait::Until(until_ms) | Wait::Either { until_ms, .. } => until_ms,
                Wait::Looking { until_ms, seen } if seen.is_old(&world) => until_ms,
                Wait::Looking { .. } => return None,
            };
            Some(until_ms.max(task.host.map_or(0, |host| world.stalled_until(host))))
        });
        let (woken, due) = (waits.chain(world.next_start_ms()).min(), world.next_due_ms());
        let Some(next) = woken.into_iter().chain(due).min() else {
            return false;
        };
        let next = next.max(world.mono_ms + 1);
        world.passes_to(next);
        // Work that falls due is news for whoever looks for it.
        if due.is_some_and(|due| due <= world.mono_ms) {
            world.news.tell(Topics::DUE);
        }
        true
    }

    /// Ends the run: what the tasks hold goes first.
    pub fn into_world(mut self) -> Option<World> {
        self.tasks.clear();
        self.with(|world| world.spawned.clear());
        Rc::into_inner(self.world).map(RefCell::into_inner)
    }
}
