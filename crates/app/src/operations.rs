//! What people do about something stuck: have it tried again, or give it up. Both are recorded with their reason.

use serde::{Deserialize, Serialize};
use simpul_domain::{
    InterventionId, MessageId, ParcelId,
    messaging::{Message, MessageCommand},
    operations::{Intervention, InterventionCommand, Reason, Stuck, intervention::Intervene},
};
use simpul_event_store::{
    Access, Command, Work,
    inline::{Inline, outbox, stuck},
};

use crate::{Outcome, Refusal, decide, messaging, permission, refuse};

/// Has something stuck tried again.
///
/// Parcels, lanes and notices go back to their workers in the same transaction. A dead letter and parked events have
/// none: whoever dispatches this performs the retry afterwards; it may be performed any number of times.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RetryStuck {
    pub stuck: Stuck,
    pub reason: Reason,
    /// The name given on the command line.
    pub by: Option<String>,
}

impl Command for RetryStuck {
    const NAME: &'static str = "stuck.retry";
    const ACCESS: Access = Access::permission(permission::OPERATIONS_WRITE);
    type Answer = InterventionId;
    type Refusal = Refusal;

    async fn run(&self, work: &mut Work<'_>) -> Outcome<InterventionId> {
        must_be_stuck(work, &self.stuck).await?;
        if let Stuck::Parcel { parcel } = &self.stuck {
            requeue(work, *parcel).await?;
        }
        let intervene = intervene(work, &self.stuck, &self.reason, self.by.as_deref());
        work.inline(Inline::Reopen {
            stuck: self.stuck.clone(),
            at: work.at(),
        });
        make(
            work,
            intervene.intervention,
            InterventionCommand::OrderRetry(intervene),
        )
        .await
    }
}

/// Gives something stuck up: it never has its effect.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DiscardStuck {
    pub stuck: Stuck,
    pub reason: Reason,
    /// The name given on the command line.
    pub by: Option<String>,
}

impl Command for DiscardStuck {
    const NAME: &'static str = "stuck.discard";
    const ACCESS: Access = Access::permission(permission::OPERATIONS_WRITE);
    type Answer = InterventionId;
    type Refusal = Refusal;

    async fn run(&self, work: &mut Work<'_>) -> Outcome<InterventionId> {
        must_be_stuck(work, &self.stuck).await?;
        let intervene = intervene(work, &self.stuck, &self.reason, self.by.as_deref());
        work.inline(Inline::Discard(self.stuck.clone()));
        make(
            work,
            intervene.intervention,
            InterventionCommand::Discard(intervene),
        )
        .await
    }
}

/// Refuses what is not stuck, is not there, or belongs to another tenant: nobody can tell which.
async fn must_be_stuck(work: &Work<'_>, stuck: &Stuck) -> Outcome<()> {
    let mut tx = work.store().db().tenant_tx(work.tenant()).await?;
    let is_stuck = stuck::is_stuck(&mut tx, stuck).await?;
    tx.commit().await?;
    if is_stuck {
        Ok(())
    } else {
        refuse(Refusal::Missing { what: stuck.what() })
    }
}

/// A message that has failed is queued again, or its worker would find it settled.
async fn requeue(work: &mut Work<'_>, parcel: ParcelId) -> Outcome<()> {
    let mut tx = work.store().db().tenant_tx(work.tenant()).await?;
    let status = outbox::status(&mut tx, parcel).await?;
    tx.commit().await?;
    let Some(status) = status.filter(|status| status.channel == messaging::WHATSAPP) else {
        return Ok(());
    };
    let command = MessageCommand::Requeue {
        tries: u32::try_from(status.attempts).unwrap_or(0),
        at: work.at(),
    };
    let message = MessageId::new(parcel.as_uuid()).to_string();
    decide::<Message>(work, &message, command).await?;
    Ok(())
}

fn intervene(work: &Work<'_>, stuck: &Stuck, reason: &Reason, by: Option<&str>) -> Intervene {
    Intervene {
        intervention: InterventionId::new(work.new_uuid()),
        stuck: stuck.clone(),
        reason: reason.clone(),
        by: by.map(str::to_owned),
        at: work.at(),
    }
}

async fn make(
    work: &mut Work<'_>,
    intervention: InterventionId,
    command: InterventionCommand,
) -> Outcome<InterventionId> {
    let id = intervention.to_string();
    work.begin::<Intervention>(&id);
    decide::<Intervention>(work, &id, command).await?;
    Ok(intervention)
}
