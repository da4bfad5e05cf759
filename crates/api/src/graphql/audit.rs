//! What happened, and why.

use async_graphql::{Context, ID, InputObject, Object, Result, SimpleObject, connection::Connection};
use serde_json::Value;
use simpul_app::permission;
use simpul_event_store::{TenantTx, feed::Projector as _};
use simpul_projections::audit::{
    explain::{self, Step},
    history::{self, Entry, EntryFilter, HistoryProjector, Reach},
};

use super::{
    page::{Asked, Cursor, Window, in_order},
    scalar::{BigInt, DateTime, IpAddress},
    scope::{Scope, scope},
};
use crate::ApiError;

const LIST: &str = "history";

/// One event, as people see it.
#[derive(Debug, SimpleObject)]
pub(crate) struct HistoryEntry {
    /// Opaque.
    id: ID,
    /// Place in the tenant's log.
    position: BigInt,
    /// What happened, such as `billing.invoice.issued`.
    event_type: String,
    /// To what.
    entity_id: ID,
    /// Who did it: a member of staff, or `system:` and a part of the product.
    actor: String,
    /// Who acted as the actor, or had the product act.
    impersonator: Option<String>,
    /// From where; null once whoever did it is erased.
    ip: Option<IpAddress>,
    /// With what; null once whoever did it is erased.
    user_agent: Option<String>,
    /// By which command, such as `invoice.void`.
    command: Option<String>,
    /// When.
    at: DateTime,
    /// What led to it: an event, a notice or a timer; null for a person's command.
    caused_by: Option<ID>,
    /// Shared by everything that followed from one request.
    correlation_id: ID,
    /// The event's facts; personal and secret fields are not shown.
    summary: Value,
}

impl From<Entry> for HistoryEntry {
    fn from(entry: Entry) -> Self {
        Self {
            id: entry.event_id.into(),
            position: BigInt(entry.tenant_seq),
            event_type: entry.event_type,
            entity_id: entry.aggregate_id.into(),
            actor: entry.actor,
            impersonator: entry.impersonator,
            ip: entry.ip.map(IpAddress),
            user_agent: entry.user_agent,
            command: entry.command,
            at: DateTime(entry.at),
            caused_by: entry.caused_by.map(ID::from),
            correlation_id: entry.correlation_id.into(),
            summary: entry.summary,
        }
    }
}

/// One step of an explanation.
#[derive(Debug, SimpleObject)]
pub(crate) struct ExplanationStep {
    /// Place in the tenant's log.
    position: BigInt,
    /// The event.
    event_id: ID,
    /// What happened, such as `billing.invoice.issued`.
    event_type: String,
    /// To what.
    entity_id: ID,
    /// Who did it.
    actor: String,
    /// When.
    at: DateTime,
    /// What its command names as its cause.
    caused_by: Option<ID>,
    /// Positions of the steps that led to this one.
    cause_positions: Vec<BigInt>,
    /// 0 for the event in question, negative for its causes, positive for its effects.
    depth: i32,
}

impl From<Step> for ExplanationStep {
    fn from(step: Step) -> Self {
        Self {
            position: BigInt(step.tenant_seq),
            event_id: step.event_id.into(),
            event_type: step.event_type,
            entity_id: step.entity.into(),
            actor: step.actor,
            at: DateTime(step.at),
            caused_by: step.caused_by.map(ID::from),
            cause_positions: step.causes.into_iter().map(BigInt).collect(),
            depth: step.depth,
        }
    }
}

/// Which entries of the trail; every given part must hold.
#[derive(Debug, Default, InputObject)]
pub(crate) struct AuditEntryFilter {
    /// Who did it, as an entry's `actor` says.
    actor: Option<String>,
    /// A command such as `invoice.void`, an event such as `billing.invoice.voided`, or the words that either begins with, such
    /// as `billing.invoice`.
    kind: Option<String>,
    /// Not earlier.
    from: Option<DateTime>,
    /// Earlier than this.
    until: Option<DateTime>,
    /// Also what the product did by itself. Without it: what people did, and who began to act as one of them.
    #[graphql(default)]
    include_system: bool,
}

impl AuditEntryFilter {
    fn wanted(self) -> EntryFilter {
        EntryFilter {
            people_only: !self.include_system,
            actor: self.actor,
            kind: self.kind,
            from: self.from.map(|at| at.0),
            until: self.until.map(|at| at.0),
        }
    }
}

/// The page of the trail that is asked for.
fn reach(asked: &Asked) -> Result<Reach, ApiError> {
    Ok(Reach {
        from: asked.beyond()?,
        way: asked.way(),
        limit: asked.fetch(),
    })
}

async fn trail(
    scope: &Scope,
    asked: &Asked,
    mut tx: TenantTx,
    entries: Vec<Entry>,
) -> Result<Connection<Cursor, HistoryEntry>, ApiError> {
    let entries = history::open(&mut tx, scope.state().store().vault(), entries).await?;
    tx.commit().await?;
    let position = |entry: &Entry| entry.tenant_seq.to_string();
    Ok(in_order(asked, entries, position, Into::into))
}

/// Questions about what happened.
#[derive(Debug, Default)]
pub(crate) struct AuditQuery;

#[Object]
impl AuditQuery {
    /// The events that touch a thing, newest first; at most 100 a page.
    /// Permission: audit.read
    async fn history(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Any id.")] id: ID,
        #[graphql(desc = "0 to 100, 50 when absent.")] first: Option<i32>,
        #[graphql(desc = "Cursor of the last row of the page before.")] after: Option<String>,
        #[graphql(desc = "0 to 100: so many from the end, or before a row.")] last: Option<i32>,
        #[graphql(desc = "Cursor of the first row of the page behind.")] before: Option<String>,
    ) -> Result<Connection<Cursor, HistoryEntry>> {
        let scope = scope(context)?;
        scope.require(permission::AUDIT_READ).await?;
        let asked = Asked::of(context, LIST, Window::both(first, after, last, before))?;
        let reach = reach(&asked)?;
        let mut tx = scope.read(&[HistoryProjector::NAME]).await?;
        let entries = history::history(&mut tx, &id, reach).await;
        Ok(trail(scope, &asked, tx, entries.map_err(ApiError::from)?).await?)
    }

    /// What was done, newest first; at most 100 a page. Without a filter only what people did, not what followed from it.
    /// Permission: audit.read
    async fn audit_entries(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "0 to 100, 50 when absent.")] first: Option<i32>,
        #[graphql(desc = "Cursor of the last row of the page before.")] after: Option<String>,
        #[graphql(desc = "0 to 100: so many from the end, or before a row.")] last: Option<i32>,
        #[graphql(desc = "Cursor of the first row of the page behind.")] before: Option<String>,
        #[graphql(desc = "Which entries.")] filter: Option<AuditEntryFilter>,
    ) -> Result<Connection<Cursor, HistoryEntry>> {
        let scope = scope(context)?;
        scope.require(permission::AUDIT_READ).await?;
        let asked = Asked::of(context, LIST, Window::both(first, after, last, before))?;
        let (reach, filter) = (reach(&asked)?, filter.unwrap_or_default().wanted());
        let mut tx = scope.read(&[HistoryProjector::NAME]).await?;
        let entries = history::entries(&mut tx, &filter, reach).await;
        Ok(trail(scope, &asked, tx, entries.map_err(ApiError::from)?).await?)
    }
}

/// Questions about why.
#[derive(Debug, Default)]
pub(crate) struct ExplainQuery;

#[Object]
impl ExplainQuery {
    /// Why a line has its status, as it was at an instant or as it is: causes and effects in order.
    /// Permission: audit.read
    async fn explain(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The line.")] subscription_id: ID,
        #[graphql(desc = "Now when absent.")] at: Option<DateTime>,
    ) -> Result<Vec<ExplanationStep>> {
        let scope = scope(context)?;
        scope.require(permission::AUDIT_READ).await?;
        let Ok(subscription) = subscription_id.parse() else {
            return Ok(Vec::new());
        };
        let mut tx = scope.read(&[HistoryProjector::NAME]).await?;
        let steps = explain::explain(&mut tx, subscription, at.map(|at| at.0)).await;
        tx.commit().await.map_err(ApiError::from)?;
        Ok(steps
            .map_err(ApiError::from)?
            .into_iter()
            .map(Into::into)
            .collect())
    }
}
