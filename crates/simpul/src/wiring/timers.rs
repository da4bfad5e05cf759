//! From a due timer to who asked for it: a policy, a sweep over many lines, a job, the proof of a domain, or an attempt that
//! is to be looked after or asked about.

use simpul_adapters::intake::{Firing, TimerHandler};
use simpul_api::{
    domains::Domains,
    poller::{Polled, Poller},
    till::{LookedAfter, Till},
};
use simpul_app::{
    billing::{CHECKOUT_TIMER, POLL_TIMER},
    jobs::{Jobs, Went},
    policies::{Policies, timer_kind},
};
use simpul_domain::{AttemptId, CorrelationId, policy::TimerKind};
use simpul_event_store::{Cause, Context, feed::HandlerError, inline::timer::Fired};

use super::{Bills, Sweeps};

/// See the module.
#[derive(Debug, Clone)]
pub(crate) struct Timers {
    pub(crate) policies: Policies,
    pub(crate) sweeps: Sweeps,
    pub(crate) bills: Bills,
    pub(crate) jobs: Jobs,
    pub(crate) till: Till,
    pub(crate) poller: Poller,
    pub(crate) domains: Domains,
}

impl Timers {
    async fn about_attempt(&self, fired: &Fired) -> Firing {
        let timer = &fired.timer;
        let Ok(attempt) = timer.subject.parse() else {
            tracing::error!(timer.id = %timer.id, "a timer names no attempt");
            return Firing::Obsolete;
        };
        let who = if timer.kind == POLL_TIMER {
            "poller"
        } else {
            "checkout"
        };
        let frame = frame(fired, who);
        if timer.kind == POLL_TIMER {
            self.poll(&frame, attempt).await
        } else {
            self.look_after(&frame, attempt).await
        }
    }

    async fn poll(&self, frame: &Context, attempt: AttemptId) -> Firing {
        match self.poller.ask(frame, attempt).await {
            Ok(Polled::Over) => Firing::Obsolete,
            Ok(Polled::Again(at)) => Firing::Again { at },
            Ok(Polled::Unanswered(error)) => Firing::Postponed { error },
            Err(error) => Firing::Postponed {
                error: error.to_string(),
            },
        }
    }

    async fn look_after(&self, frame: &Context, attempt: AttemptId) -> Firing {
        match self.till.look_after(frame, attempt).await {
            Ok(LookedAfter::Settled) => Firing::Obsolete,
            Ok(LookedAfter::Again(error)) => Firing::Postponed { error },
            Err(error) => Firing::Postponed {
                error: error.to_string(),
            },
        }
    }
}

fn frame(fired: &Fired, name: &'static str) -> Context {
    let timer = &fired.timer;
    let correlation = timer.origin.map_or_else(
        || CorrelationId::new(timer.id.as_uuid()),
        |origin| origin.correlation,
    );
    Context::caused(fired.tenant, name, Cause::Timer(timer.id), correlation, 0)
}

impl TimerHandler for Timers {
    async fn fire(&self, fired: &Fired) -> Firing {
        if [CHECKOUT_TIMER, POLL_TIMER].contains(&fired.timer.kind.as_str()) {
            return self.about_attempt(fired).await;
        }
        let done = match timer_kind(&fired.timer) {
            Ok(TimerKind::SweepLines(sweep)) => return self.sweeps.fire(fired, sweep).await,
            Ok(TimerKind::GoOnWithJob { job }) => {
                return match self.jobs.go_on(fired, job).await {
                    Went::On => Firing::Again {
                        at: self.till.bus.store().now(),
                    },
                    Went::Over => Firing::Obsolete,
                    Went::NotNow { error } => Firing::Postponed { error },
                };
            }
            Ok(TimerKind::CheckDomain {
                domain, token, again, ..
            }) => {
                let (frame, timer) = (frame(fired, "domains"), fired.timer.id);
                let looked = self.domains.look(frame, timer, domain, (&token, again));
                looked.await.map_err(HandlerError::from)
            }
            Ok(TimerKind::BillLine { .. }) => self.bills.fire(fired).await,
            Ok(_) => self.policies.fire(fired).await,
            Err(error) => Err(error),
        };
        match done {
            Ok(()) => Firing::Fired,
            Err(error) => Firing::Postponed {
                error: error.to_string(),
            },
        }
    }
}
