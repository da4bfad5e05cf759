//! Looks for the proof of operators' domains when a timer says so.

use simpul_adapters::dns::Dns;
use simpul_app::tenancy::ObserveDomain;
use simpul_domain::{
    CommandId, CustomDomainId, TimerId,
    tenancy::{CustomDomain, custom_domain::Observed},
};
use simpul_event_store::{Bus, Context, DispatchError, StoreError};

/// Asks the DNS and says what it saw.
#[derive(Debug, Clone)]
pub struct Domains {
    pub bus: Bus,
    pub dns: Dns,
}

impl Domains {
    /// The command completes the timer; `frame` follows from it, so that a repeat is a no-op. A name that is another tenant's already is not this
    /// one's, whatever its record says: it counts as not proved, so that the request ends one day.
    pub async fn look(
        &self,
        frame: Context,
        timer: TimerId,
        domain: CustomDomainId,
        (token, again): (&str, bool),
    ) -> Result<(), StoreError> {
        let id = domain.to_string();
        let (state, _) = self.bus.store().load::<CustomDomain>(frame.tenant, &id).await?;
        let observed = match state.name() {
            Some(name) => self.ask(&name.challenge(), token).await,
            None => Observed::Nothing,
        };
        let observation = |observed| ObserveDomain {
            domain,
            token: token.to_owned(),
            status: state.status(),
            observed,
            timer,
            again,
        };
        match self.bus.dispatch(frame.clone(), observation(observed)).await {
            Err(DispatchError::Store(StoreError::Taken { .. })) => {
                let context = Context {
                    command_id: CommandId::derive(frame.command_id.as_uuid(), "taken"),
                    ..frame
                };
                settled(self.bus.dispatch(context, observation(Observed::NoProof)).await)
            }
            other => settled(other),
        }
    }

    async fn ask(&self, name: &str, token: &str) -> Observed {
        match self.dns.texts(name).await {
            Ok(texts) if texts.iter().any(|text| text.trim() == token) => Observed::Proof,
            Ok(_) => Observed::NoProof,
            Err(error) => {
                tracing::info!(%error, "the proof of a domain was not seen");
                Observed::Nothing
            }
        }
    }
}

/// A refusal is an answer: the domain is not there any more.
fn settled<A, R: std::error::Error>(dispatched: Result<A, DispatchError<R>>) -> Result<(), StoreError> {
    match dispatched {
        Err(DispatchError::Store(error)) => Err(error),
        Err(refusal) => {
            tracing::warn!(%refusal, "a look at a domain was refused");
            Ok(())
        }
        Ok(_) => Ok(()),
    }
}
