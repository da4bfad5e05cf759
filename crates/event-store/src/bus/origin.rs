//! From where somebody acts, and with what: in the metadata of what they did, sealed with their own key, for as long as
//! they are known (ADR 63, UU 27/2022).
//!
//! INVARIANT: no address and no program of a person is written in clear into a log. Of the product's own commands neither
//! is kept: they are nobody's who could ask for them to be forgotten.

use simpul_domain::{Sealed, UserId};

use super::Context;
use crate::{EventStore, StoreError, inline::access::Gate};

/// Names in the metadata, and of the sealed values.
pub mod field {
    pub const IP: &str = "ip";
    pub const USER_AGENT: &str = "user_agent";
}

/// As much of a program's name as is kept.
const MAX_PROGRAM_CHARS: usize = 200;

/// What is kept of where a command came from.
#[derive(Debug, Default)]
pub(crate) struct Origin {
    pub(crate) ip: Option<Sealed>,
    pub(crate) user_agent: Option<Sealed>,
}

impl Context {
    /// Whose key seals where the command comes from, if that is known.
    pub(crate) fn seals_as(&self) -> Option<String> {
        let from = self.ip.is_some() || self.user_agent.is_some();
        let user: Option<UserId> = self.actor.user().filter(|_| from);
        user.map(|user| user.to_string())
    }
}

/// Where a command comes from, sealed; nothing for whoever is erased.
pub(super) async fn sealed(store: &EventStore, context: &Context, gate: &Gate) -> Result<Origin, StoreError> {
    let Some(subject) = context.seals_as() else {
        return Ok(Origin::default());
    };
    let ip = context.ip.map(|ip| ip.to_string());
    let program = context.user_agent.as_deref();
    let program = program.map(|text| text.chars().take(MAX_PROGRAM_CHARS).collect::<String>());
    let values = [(field::IP, ip), (field::USER_AGENT, program)];
    let sealed = if let (Some(tenant_key), Some(subject_key)) = (&gate.tenant_key, &gate.subject_key) {
        let keys = store
            .vault()
            .key_of(context.tenant, &subject, tenant_key, subject_key)?;
        values.map(|(field, text)| text.map(|text| keys.seal(&subject, field, &text)).transpose())
    } else {
        // The first time that they are seen.
        let mut tx = store.db().tenant_tx(context.tenant).await?;
        let mut sealed = [Ok(None), Ok(None)];
        for ((field, text), sealed) in values.into_iter().zip(&mut sealed) {
            let Some(text) = text else { continue };
            *sealed = store
                .vault()
                .seal(&mut tx, &subject, field, &text)
                .await
                .map(Some);
        }
        tx.commit().await?;
        sealed
    };
    let [ip, user_agent] = sealed.map(|sealed| match sealed {
        Err(StoreError::Erased) => Ok(None),
        sealed => sealed,
    });
    Ok(Origin {
        ip: ip?,
        user_agent: user_agent?,
    })
}
