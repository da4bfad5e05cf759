//! The hand that carries out wishes: one command for each, and the end of the timer that wishes it.

use serde::Serialize;
use simpul_domain::{Coded as _, TimerId};
use simpul_event_store::{
    Access, Bus, Command, Context, DispatchError, StoreError, Work, feed::HandlerError, inline::Inline,
};

use crate::{Outcome, Refusal};

/// Dispatches a command of the product itself. A refusal is an answer: what the policy knew was out of date.
pub(super) async fn dispatch<C>(bus: &Bus, context: Context, command: C) -> Result<(), HandlerError>
where
    C: Command<Refusal = Refusal>,
{
    Hand { bus, timer: None }.dispatch(context, command).await?;
    Ok(())
}

/// Dispatches what is wished.
#[derive(Debug)]
pub(super) struct Hand<'b> {
    pub(super) bus: &'b Bus,
    /// Ends with the command that it asked for, if that takes effect.
    pub(super) timer: Option<TimerId>,
}

impl Hand<'_> {
    /// Whether the timer has ended, too.
    pub(super) async fn dispatch<C>(&self, context: Context, command: C) -> Result<bool, HandlerError>
    where
        C: Command<Refusal = Refusal>,
    {
        let (tenant, name) = (context.tenant, C::NAME);
        let command = Wished {
            command,
            timer: self.timer,
        };
        match self.bus.dispatch(context, command).await {
            Ok(receipt) => Ok(self.timer.is_some() && !receipt.repeated),
            // The log of a tenant that is deleted has ended: nobody is there to be told.
            Err(DispatchError::Store(error)) if !matches!(error, StoreError::Closed) => Err(error.into()),
            Err(refusal) => {
                tracing::warn!(%tenant, command = name, code = refusal.code().as_str(), %refusal, "policy refused");
                Ok(false)
            }
        }
    }
}

/// A command, and the end of the timer that wishes it: one unit of work.
#[derive(Debug, Clone, Serialize)]
#[serde(transparent)]
struct Wished<C> {
    command: C,
    #[serde(skip)]
    timer: Option<TimerId>,
}

impl<C: Command<Refusal = Refusal>> Command for Wished<C> {
    const NAME: &'static str = C::NAME;
    const ACCESS: Access = C::ACCESS;
    type Answer = C::Answer;
    type Refusal = Refusal;

    async fn run(&self, work: &mut Work<'_>) -> Outcome<C::Answer> {
        let answer = self.command.run(work).await?;
        if let Some(timer) = self.timer {
            work.inline(Inline::CompleteTimer(timer));
        }
        Ok(answer)
    }
}
