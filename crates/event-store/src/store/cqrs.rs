//! `cqrs-es`' own trait over this store, so that the stock `CqrsFramework` runs on it unchanged.
//!
//! A handle belongs to one request: it carries the context (tenant, actor, cause) that the trait has no room for.
//! Stock snapshots and replay are not used: version 0.5.0 applies events twice and swallows errors
//! (docs/adr/0002).

use std::collections::HashMap;

use cqrs_es::{Aggregate, AggregateContext, AggregateError, DomainEvent as _, EventEnvelope};
use serde_json::Value;
use simpul_domain::Decider;

use super::{Append, EventStore, Staged, canonical::CanonicalJson, read_event};
use crate::{Context, StoreError};

/// The store for the commands of one request.
#[derive(Debug, Clone)]
pub struct CqrsStore {
    store: EventStore,
    context: Context,
}

impl CqrsStore {
    pub const fn new(store: EventStore, context: Context) -> Self {
        Self { store, context }
    }
}

/// An aggregate and the version it was loaded at.
#[derive(Debug)]
pub struct CqrsContext<A> {
    id: String,
    aggregate: A,
    version: i64,
}

impl<A: Aggregate> AggregateContext<A> for CqrsContext<A> {
    fn aggregate(&mut self) -> &mut A {
        &mut self.aggregate
    }
}

impl<A> cqrs_es::EventStore<A> for CqrsStore
where
    A: Decider + Aggregate<Event = <A as Decider>::Event>,
{
    type AC = CqrsContext<A>;

    async fn load_events(
        &self,
        aggregate_id: &str,
    ) -> Result<Vec<EventEnvelope<A>>, AggregateError<<A as Aggregate>::Error>> {
        let shapes = self
            .store
            .load_shapes(self.context.tenant, <A as Decider>::TYPE, aggregate_id, 0)
            .await
            .map_err(into_aggregate_error)?;
        shapes
            .into_iter()
            .map(|(sequence, shape)| {
                Ok(EventEnvelope {
                    aggregate_id: aggregate_id.to_owned(),
                    sequence: usize::try_from(sequence).unwrap_or_default(),
                    payload: read_event::<A>(shape).map_err(into_aggregate_error)?,
                    metadata: HashMap::new(),
                })
            })
            .collect()
    }

    async fn load_aggregate(
        &self,
        aggregate_id: &str,
    ) -> Result<Self::AC, AggregateError<<A as Aggregate>::Error>> {
        let (aggregate, version) = self
            .store
            .load::<A>(self.context.tenant, aggregate_id)
            .await
            .map_err(into_aggregate_error)?;
        Ok(CqrsContext {
            id: aggregate_id.to_owned(),
            aggregate,
            version,
        })
    }

    async fn commit(
        &self,
        events: Vec<<A as Aggregate>::Event>,
        context: Self::AC,
        metadata: HashMap<String, String>,
    ) -> Result<Vec<EventEnvelope<A>>, AggregateError<<A as Aggregate>::Error>> {
        if events.is_empty() {
            return Ok(Vec::new());
        }
        let mut stored_metadata = self.context.metadata("cqrs", None);
        if let Value::Object(map) = &mut stored_metadata {
            map.extend(
                metadata
                    .iter()
                    .map(|(key, value)| (key.clone(), Value::String(value.clone()))),
            );
        }
        let mut staged = Vec::with_capacity(events.len());
        for (index, event) in events.iter().enumerate() {
            staged.push(Staged {
                aggregate_type: <A as Decider>::TYPE,
                aggregate_id: context.id.clone(),
                sequence: context.version + 1 + i64::try_from(index).unwrap_or(i64::MAX),
                event_type: event.event_type(),
                event_version: event.event_version(),
                payload: CanonicalJson::of(event)
                    .map_err(|error| into_aggregate_error(StoreError::Canonical(error)))?,
                event_id: self.store.new_event_id(),
            });
        }
        let append = Append {
            tenant: self.context.tenant,
            // The framework calls commit once a command; each gets an id of its own.
            command_id: self.store.new_command_id(),
            fingerprint: &[],
            answer: &Value::Null,
            metadata: &stored_metadata,
            recorded_at: self.store.now(),
            events: &staged,
            claims: None,
            reads: None,
        };
        self.store.append(&append).await.map_err(into_aggregate_error)?;
        Ok(events
            .into_iter()
            .zip(staged)
            .map(|(payload, staged)| EventEnvelope {
                aggregate_id: staged.aggregate_id,
                sequence: usize::try_from(staged.sequence).unwrap_or_default(),
                payload,
                metadata: metadata.clone(),
            })
            .collect())
    }
}

fn into_aggregate_error<E: std::error::Error>(error: StoreError) -> AggregateError<E> {
    match error {
        StoreError::Conflict => AggregateError::AggregateConflict,
        StoreError::Unreadable { .. } | StoreError::UnknownShape { .. } => {
            AggregateError::DeserializationError(Box::new(error))
        }
        StoreError::Database(_) | StoreError::Unavailable(_) => {
            AggregateError::DatabaseConnectionError(Box::new(error))
        }
        other => AggregateError::UnexpectedError(Box::new(other)),
    }
}
