//! Asking gateways about attempts whose notices have not come: they may never come, and the gateway is the truth.
//!
//! What it says is booked by the command that books notices, so that amounts are checked alike and the same money is
//! booked once, whoever is first.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use simpul_app::billing::{BookObservation, Booked};
use simpul_domain::{
    AttemptId, CommandId,
    billing::{Attempt, attempt::OpenedCheckout, gateway::GatewayError, polling},
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

/// What a gateway says about an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// The account is not connected any more, or the attempt was never planned.
    NobodyToAsk,
    /// Nothing to book yet.
    Waiting,
    /// It knows no such charge: it has forgotten it, or is slow to know it.
    Unknown,
    /// It was booked, now or before.
    Booked(Booked),
    Silent(GatewayError),
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
        let Some(checkout) = state.checkout().filter(|_| state.awaits_word()) else {
            return Ok(Polled::Over);
        };
        match self.learn(frame, attempt, &state).await? {
            Answer::NobodyToAsk => return Ok(Polled::Over),
            Answer::Silent(error) if self.next(checkout).is_some() => {
                return Ok(Polled::Unanswered(error.to_string()));
            }
            Answer::Waiting | Answer::Unknown | Answer::Booked(_) | Answer::Silent(_) => {}
        }
        let (state, _) = store.load::<Attempt>(frame.tenant, &attempt.to_string()).await?;
        Ok(match self.next(checkout).filter(|_| state.awaits_word()) {
            Some(at) => Polled::Again(at),
            None => Polled::Over,
        })
    }

    /// Asks what became of an attempt, whatever is known of it, and books what is said.
    pub async fn learn(
        &self,
        frame: &Context,
        attempt: AttemptId,
        state: &Attempt,
    ) -> Result<Answer, ApiError> {
        let (Some(plan), Some(charge)) = (state.plan(), state.charge()) else {
            return Ok(Answer::NobodyToAsk);
        };
        let Some(gateway) = self.gateways.open(frame.tenant, plan.gateway).await? else {
            tracing::warn!(attempt.id = %attempt, "its gateway account is not connected any more");
            return Ok(Answer::NobodyToAsk);
        };
        let observation = match gateway.client.status(&charge).await {
            Ok(observation) => observation,
            Err(GatewayError::NotFound) => return Ok(Answer::Unknown),
            Err(error) => {
                tracing::warn!(attempt.id = %attempt, %error, "a gateway was asked and did not answer");
                return Ok(Answer::Silent(error));
            }
        };
        if observation.state.is_waiting() {
            return Ok(Answer::Waiting);
        }
        crash::point(Point::PollAnswered);
        let book = BookObservation {
            gateway: plan.gateway,
            observation,
            notice: None,
        };
        Ok(Answer::Booked(self.book(frame, attempt, book).await?))
    }

    fn next(&self, checkout: &OpenedCheckout) -> Option<DateTime<Utc>> {
        polling::next(checkout.opened_at, checkout.expires_at, self.bus.store().now())
    }

    async fn book(
        &self,
        frame: &Context,
        attempt: AttemptId,
        book: BookObservation,
    ) -> Result<Booked, ApiError> {
        // The same answer again is the same command.
        let key = format!("poll/{}", book.observation.raw_sha256);
        let frame = Context {
            command_id: CommandId::derive(attempt.as_uuid(), &key),
            effective_at: book.observation.paid_at,
            ..frame.clone()
        };
        let booked = self.bus.dispatch(frame, book).await;
        let booked = booked.map_err(|error| ApiError::from_coded(&error))?;
        Ok(booked.answer)
    }
}
