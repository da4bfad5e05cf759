//! Asking gateways about attempts whose notices have not come: they may never come, and the gateway is the truth.
//!
//! What it says is booked by the command that books notices, so that amounts are checked alike and the same money is
//! booked once, whoever is first.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use simpul_app::billing::BookObservation;
use simpul_domain::{
    AttemptId, CommandId,
    billing::{
        Attempt,
        attempt::{AttemptStatus, OpenedCheckout},
        gateway::{ChargeRef, GatewayError, ObservedState},
        polling,
    },
};
use simpul_event_store::{
    Bus, Context,
    crash::{self, Point},
};

use crate::{ApiError, gateways::GatewayDirectory};

/// See the module. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Poller {
    pub bus: Bus,
    pub gateways: Arc<dyn GatewayDirectory>,
}

/// What came of a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Polled {
    /// Nothing more can be heard.
    Over,
    /// To be asked again then.
    Again(DateTime<Utc>),
    /// The gateway did not answer; to be asked again soon.
    Unanswered(String),
}

impl Poller {
    /// Asks about one attempt and books the answer. May be called any number of times.
    pub async fn ask(&self, frame: &Context, attempt: AttemptId) -> Result<Polled, ApiError> {
        let store = self.bus.store();
        let (state, _) = store.load::<Attempt>(frame.tenant, &attempt.to_string()).await?;
        let (Some(plan), Some(checkout)) = (state.plan(), state.checkout()) else {
            return Ok(Polled::Over);
        };
        if is_settled(state.status()) {
            return Ok(Polled::Over);
        }
        let Some(gateway) = self.gateways.open(frame.tenant, plan.gateway).await? else {
            return Ok(Polled::Over);
        };
        let charge = ChargeRef {
            merchant_ref: plan.merchant_ref.clone(),
            provider_ref: Some(checkout.provider_ref.clone()),
        };
        match gateway.client.status(&charge).await {
            Ok(observation) if is_waiting(&observation.state) => {}
            Ok(observation) => {
                crash::point(Point::PollAnswered);
                let book = BookObservation {
                    gateway: plan.gateway,
                    observation,
                    notice: None,
                };
                self.book(frame, attempt, book).await?;
            }
            // It has forgotten the charge, or is slow to know it: the schedule goes on.
            Err(GatewayError::NotFound) => {}
            Err(error) => {
                tracing::warn!(attempt.id = %attempt, %error, "a gateway was asked and did not answer");
                if self.next(checkout).is_some() {
                    return Ok(Polled::Unanswered(error.to_string()));
                }
            }
        }
        let (state, _) = store.load::<Attempt>(frame.tenant, &attempt.to_string()).await?;
        Ok(
            match self.next(checkout).filter(|_| !is_settled(state.status())) {
                Some(at) => Polled::Again(at),
                None => Polled::Over,
            },
        )
    }

    fn next(&self, checkout: &OpenedCheckout) -> Option<DateTime<Utc>> {
        polling::next(checkout.opened_at, checkout.expires_at, self.bus.store().now())
    }

    async fn book(&self, frame: &Context, attempt: AttemptId, book: BookObservation) -> Result<(), ApiError> {
        // The same answer again is the same command.
        let key = format!("poll/{}", book.observation.raw_sha256);
        let frame = Context {
            command_id: CommandId::derive(attempt.as_uuid(), &key),
            effective_at: book.observation.paid_at,
            ..frame.clone()
        };
        let booked = self.bus.dispatch(frame, book).await;
        booked.map_err(|error| ApiError::from_coded(&error))?;
        Ok(())
    }
}

/// Whether there is nothing to book yet.
const fn is_waiting(state: &ObservedState) -> bool {
    matches!(state, ObservedState::Pending | ObservedState::Authorized)
}

/// Whether the money has come. An attempt that failed or expired may still be paid late.
const fn is_settled(status: AttemptStatus) -> bool {
    match status {
        AttemptStatus::Paid
        | AttemptStatus::PartiallyRefunded
        | AttemptStatus::Refunded
        | AttemptStatus::ChargedBack
        | AttemptStatus::Reversed => true,
        AttemptStatus::Absent
        | AttemptStatus::Created
        | AttemptStatus::CreateFailed
        | AttemptStatus::Pending
        | AttemptStatus::Failed
        | AttemptStatus::Denied
        | AttemptStatus::Expired
        | AttemptStatus::Cancelled => false,
    }
}
