//! Asking the gateway about attempts whose notices have not come, as `api/src/poller.rs` does.

use chrono::{DateTime, Utc};
use simpul_domain::{
    AttemptId, CommandId, TenantId,
    billing::{Attempt, gateway::Observation, polling},
};

use super::{
    api,
    command::{Command, Context, dispatch},
};
use crate::{faults::Fault, stage::Seat};

/// What came of a question.
pub(super) enum Polled {
    Over,
    Again(DateTime<Utc>),
    Unanswered(String),
}

/// Asks about one attempt and books the answer. May be called any number of times.
pub(super) async fn ask(seat: &Seat, tenant: TenantId, attempt: AttemptId) -> Polled {
    let Some(state) = load(seat, tenant, attempt).await else {
        return Polled::Unanswered("the store does not answer".to_owned());
    };
    let Some(checkout) = state.checkout().filter(|_| state.awaits_word()) else {
        return Polled::Over;
    };
    let next = |seat: &Seat| {
        let now = seat.with(|world| world.wall(seat.host));
        polling::next(checkout.opened_at, checkout.expires_at, now)
    };
    match status(seat, &state) {
        None if next(seat).is_some() => return Polled::Unanswered("the gateway does not answer".to_owned()),
        Some(observation) if !observation.state.is_waiting() => {
            seat.pause().await;
            // The same answer again is the same command.
            let key = format!("poll/{:?}/{:?}", observation.state, observation.given_back);
            let context = Context::new(tenant, CommandId::derive(attempt.as_uuid(), &key));
            let book = Command::Book {
                gateway: api::gateway_of(tenant),
                observation,
                notice: None,
            };
            if let Err(error) = dispatch(seat, context, &book).await {
                return Polled::Unanswered(error.to_string());
            }
        }
        _ => {}
    }
    let Some(state) = load(seat, tenant, attempt).await else {
        return Polled::Unanswered("the store does not answer".to_owned());
    };
    match next(seat).filter(|_| state.awaits_word()) {
        Some(at) => Polled::Again(at),
        None => Polled::Over,
    }
}

async fn load(seat: &Seat, tenant: TenantId, attempt: AttemptId) -> Option<Attempt> {
    seat.pause().await;
    seat.with(|world| {
        let log = world.store.log(tenant).filter(|_| world.store_answers())?;
        Some(log.load::<Attempt>(attempt.as_uuid()).0)
    })
}

/// What the gateway says, if it says anything.
fn status(seat: &Seat, state: &Attempt) -> Option<Observation> {
    let charge = state.charge()?;
    seat.with(|world| {
        let silent = world.swarm.strikes(Fault::GatewaySilent);
        let now = world.wall(None);
        let status = world.gateway.status(charge.merchant_ref.as_str(), now);
        status.filter(|_| !silent)
    })
}
