//! What happened outside, recorded as commands whose ids follow from what happened.

use simpul_adapters::work_loop::PortError;
use simpul_app::Refusal;
use simpul_domain::{Coded as _, CommandId, CorrelationId, EventId, TenantId};
use simpul_event_store::{Actor, Bus, Cause, Command, Context, DispatchError, inline::Origin};

/// The frame of a report of a part of the product.
pub(crate) fn context(
    tenant: TenantId,
    part: &'static str,
    origin: Option<Origin>,
    command_id: CommandId,
) -> Context {
    Context {
        tenant,
        actor: Actor::System(part),
        impersonator: None,
        ip: None,
        user_agent: None,
        request_id: None,
        correlation: origin.map_or_else(
            || CorrelationId::new(command_id.as_uuid()),
            |origin| origin.correlation,
        ),
        cause: origin.map(|origin| Cause::Event(EventId::new(origin.cause))),
        command_id,
        effective_at: None,
        dry_run: false,
        expected_version: None,
    }
}

/// Records an outcome. A refusal is an answer too: what was reported is no longer news.
pub(crate) async fn record<C>(bus: &Bus, context: Context, command: C) -> Result<(), PortError>
where
    C: Command<Refusal = Refusal>,
{
    let tenant = context.tenant;
    match bus.dispatch(context, command).await {
        // The same report with other details, such as a later next try, is the same report.
        Ok(_) | Err(DispatchError::KeyReused) => Ok(()),
        Err(DispatchError::Store(error)) => Err(error.into()),
        Err(refusal) => {
            tracing::warn!(%tenant, command = C::NAME, code = refusal.code().as_str(), %refusal, "outcome refused");
            Ok(())
        }
    }
}
