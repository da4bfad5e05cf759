//! Stored notices and due timers: what follows from a handler's outcome is the product's judgement.

use chrono::{DateTime, Utc};
use simpul_adapters::intake::machine::{Outcome, Verdict, judge};
use simpul_domain::{
    AttemptId, CommandId, TenantId, TimerId,
    billing::{
        Attempt,
        attempt::{AttemptCreated, AttemptStatus, CreateFailure},
    },
};

use super::{
    api,
    command::{Command, Context, Failure, Planned, dispatch},
    looping::{self, Work},
    policies,
    polling::{self, Polled},
};
use crate::{
    model::{
        queue::{Fenced, Leased},
        store::{NoticeState, StoredNotice, TimerWork},
    },
    news::Topics,
    stage::Seat,
    world::{World, instant, millis},
};

#[derive(Debug, Clone, Copy)]
struct Notices;

pub(super) async fn notices(seat: Seat) {
    looping::run(seat, Notices).await;
}

/// After how long a row is looked at again.
fn after_ms(world: &World, seat: &Seat, after: std::time::Duration) -> i64 {
    world.wall_ms(seat.host) + i64::try_from(after.as_millis()).unwrap_or(i64::MAX)
}

impl Work for Notices {
    type Item = Leased<StoredNotice>;
    const NAME: &'static str = "notice";
    const LEASE_MS: u64 = 20_000;
    const TOPICS: Topics = Topics::NOTICES;

    fn due(&self, world: &World, now_ms: i64) -> Vec<TenantId> {
        world.store.notices.due(now_ms, world.gone())
    }

    fn take(&self, world: &mut World, seat: &Seat, tenant: TenantId, limit: usize) -> Vec<Self::Item> {
        let (taker, gone) = (world.taker(seat.host), world.gone().clone());
        let lease_ms = i64::try_from(Self::LEASE_MS).unwrap_or(i64::MAX);
        world.store.notices.lease(tenant, taker, &gone, lease_ms, limit)
    }

    fn place(&self, notice: &Self::Item) -> String {
        notice.tenant.as_uuid().to_string()
    }

    fn give_back(&self, world: &mut World, seat: &Seat, notice: Self::Item) {
        let now_ms = world.wall_ms(seat.host);
        // A lease that is over by now is somebody else's business.
        let _ = world.store.notices.end(&notice, Some(now_ms), |_| ());
    }

    async fn handle(&self, seat: &Seat, notice: Self::Item) {
        let id = CommandId::derive(notice.key, "book");
        let command = Command::Book {
            gateway: api::gateway_of(notice.tenant),
            observation: notice.body.observation.clone(),
            notice: Some(notice.key),
        };
        let outcome = match dispatch(seat, Context::new(notice.tenant, id), &command).await {
            Ok(_) => Outcome::Done(String::new()),
            Err(Failure::Refused(refusal)) => Outcome::Failed(refusal),
            Err(error) => Outcome::Retry(error.to_string()),
        };
        seat.pause().await;
        let verdict = judge(outcome, notice.attempts, &notice.key.to_string(), true);
        seat.with(|world| ended(world, seat, &notice, verdict));
    }
}

fn ended(world: &mut World, seat: &Seat, notice: &Leased<StoredNotice>, verdict: Verdict) {
    if !world.store_answers() {
        return;
    }
    // A lease that is over by now is somebody else's business.
    let _: Result<(), Fenced> = match verdict {
        Verdict::Done(_) => {
            world.store.notice_done(notice.tenant, notice.key);
            Ok(())
        }
        Verdict::Retry { after, .. } => {
            let due_ms = after_ms(world, seat, after);
            world.store.notices.end(notice, Some(due_ms), |_| ())
        }
        Verdict::Failed(reason) => {
            world.note("notice failed", 0, || reason);
            world.store.notices.end(notice, None, |row| {
                if row.body.state != NoticeState::Done {
                    row.body.state = NoticeState::Failed;
                }
            })
        }
    };
    world.news.tell(Topics::NOTICES);
}

#[derive(Debug, Clone, Copy)]
struct Scheduler;

pub(super) async fn timers(seat: Seat) {
    looping::run(seat, Scheduler).await;
}

/// What became of a timer.
enum Firing {
    Fired,
    Obsolete,
    /// It is wanted again then.
    Again(DateTime<Utc>),
    Postponed(String),
}

impl Work for Scheduler {
    type Item = Leased<TimerWork>;
    const NAME: &'static str = "timer";
    const LEASE_MS: u64 = 30_000;
    const TOPICS: Topics = Topics::TIMERS;

    fn due(&self, world: &World, now_ms: i64) -> Vec<TenantId> {
        world.store.timers.due(now_ms, world.gone())
    }

    fn take(&self, world: &mut World, seat: &Seat, tenant: TenantId, limit: usize) -> Vec<Self::Item> {
        let (taker, gone) = (world.taker(seat.host), world.gone().clone());
        let lease_ms = i64::try_from(Self::LEASE_MS).unwrap_or(i64::MAX);
        world.store.timers.lease(tenant, taker, &gone, lease_ms, limit)
    }

    fn place(&self, timer: &Self::Item) -> String {
        timer.key.to_string()
    }

    fn give_back(&self, world: &mut World, seat: &Seat, timer: Self::Item) {
        let due_ms = world.wall_ms(seat.host).max(timer.due_ms);
        // A lease that is over by now is somebody else's business.
        let _ = world.store.timers.end(&timer, Some(due_ms), |_| ());
    }

    async fn handle(&self, seat: &Seat, timer: Self::Item) {
        let (tenant, id) = (timer.tenant, TimerId::new(timer.key));
        let firing = match &timer.body {
            TimerWork::Policy(kind) => {
                match policies::fire(seat, tenant, id, kind, instant(timer.due_ms)).await {
                    Ok(()) => Firing::Fired,
                    Err(_) => Firing::Postponed("not now".to_owned()),
                }
            }
            TimerWork::Checkout(attempt) => look_after(seat, tenant, *attempt).await,
            TimerWork::Poll(attempt) => match polling::ask(seat, tenant, *attempt).await {
                Polled::Over => Firing::Obsolete,
                Polled::Again(at) => Firing::Again(at),
                Polled::Unanswered(error) => Firing::Postponed(error),
            },
        };
        let outcome = match firing {
            Firing::Fired => return,
            Firing::Obsolete => Outcome::Done(String::new()),
            Firing::Again(at) => {
                seat.pause().await;
                return seat.with(|world| again(world, &timer, at));
            }
            Firing::Postponed(error) => Outcome::Retry(error),
        };
        seat.pause().await;
        let verdict = judge(outcome, timer.attempts, &timer.key.to_string(), false);
        seat.with(|world| {
            if !world.store_answers() {
                return;
            }
            match verdict {
                Verdict::Done(_) | Verdict::Failed(_) => world.store.timers.remove(tenant, timer.key),
                Verdict::Retry { after, .. } => {
                    let due_ms = after_ms(world, seat, after).max(timer.due_ms);
                    // A lease that is over by now is somebody else's business.
                    let _ = world.store.timers.end(&timer, Some(due_ms), |_| ());
                }
            }
            world.news.tell(Topics::TIMERS);
        });
    }
}

/// A timer that did what it was for is wanted again.
fn again(world: &mut World, timer: &Leased<TimerWork>, at: DateTime<Utc>) {
    if world.store_answers() {
        // A lease that is over by now is somebody else's business.
        let _ = world
            .store
            .timers
            .end(timer, Some(millis(at)), |row| row.attempts = 0);
        world.news.tell(Topics::TIMERS);
    }
}

/// Settles an attempt whose asker has died, or was not answered: `api/src/till.rs`.
async fn look_after(seat: &Seat, tenant: TenantId, attempt: AttemptId) -> Firing {
    seat.pause().await;
    let state = seat.with(|world| {
        let answers = world.store_answers();
        let log = world.store.log(tenant).filter(|_| answers)?;
        Some((log.load::<Attempt>(attempt.as_uuid()).0, world.wall(seat.host)))
    });
    let Some((state, now)) = state else {
        return Firing::Postponed("the store does not answer".to_owned());
    };
    let never_answered = match state.status() {
        AttemptStatus::Created => true,
        AttemptStatus::CreateFailed => false,
        _ => return Firing::Obsolete,
    };
    let Some(plan) = state.plan().map(planned) else {
        return Firing::Obsolete;
    };
    match api::find(seat, &plan.merchant_ref) {
        Some(checkout) => recorded(api::record_checkout(seat, tenant, attempt, checkout).await),
        None if !never_answered => Firing::Obsolete,
        None if plan.expires_at <= now => {
            let failure = CreateFailure::Refused {
                reason: "the gateway was not asked in time".to_owned(),
            };
            recorded(api::record_failed(seat, tenant, attempt, failure).await)
        }
        None => match api::ask(seat, tenant, &plan).await {
            Ok(true) => Firing::Obsolete,
            Ok(false) => Firing::Postponed("the gateway did not answer".to_owned()),
            Err(error) => Firing::Postponed(error.to_string()),
        },
    }
}

fn recorded(result: Result<(), Failure>) -> Firing {
    match result {
        Ok(()) => Firing::Obsolete,
        Err(error) => Firing::Postponed(error.to_string()),
    }
}

fn planned(plan: &AttemptCreated) -> Planned {
    Planned {
        attempt: plan.attempt,
        merchant_ref: plan.merchant_ref.clone(),
        amount: plan.amount,
        payer_fee: plan.payer_fee,
        expires_at: plan.expires_at,
    }
}
