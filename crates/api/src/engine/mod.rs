//! async-graphql's engine behind our own door (ADR 11).
//!
//! Whatever brings an operation (a request, a socket, a stream) goes the same way: [`Operation`] → [`Library`], where
//! the document is read, guarded and kept → [`Prepared`], which names one operation and its price → run under a
//! deadline, a panic caught, nulls put where the specification wants them.

mod asked;
mod cost;
mod guard;
mod library;
mod manifest;
mod operation;
mod places;
mod tokens;

use std::{any::Any, panic::AssertUnwindSafe, sync::Arc, time::Duration};

use async_graphql::{Executor, Request, Variables, parser::types::OperationType};
use futures_util::{
    FutureExt as _, StreamExt as _,
    stream::{self, BoxStream},
};
use serde_json::{Map, Value};
use simpul_domain::Code;

pub use self::{
    library::TrustedDocuments,
    manifest::{Checked, ManifestError, check},
};
pub(crate) use self::{
    library::{Document, Library, not_trusted},
    operation::Operation,
};
use crate::{
    ApiError,
    error::Asker,
    graphql::{Answered, FieldTypes, Plans, Ran, answer},
};

/// An operation that may run.
#[derive(Debug, Clone)]
pub(crate) struct Prepared {
    document: Arc<Document>,
    name: Option<String>,
    variables: Map<String, Value>,
    pub(crate) kind: OperationType,
    /// Points, see [`cost`].
    pub(crate) cost: u64,
    audience: guard::Audience,
}

impl Prepared {
    pub(crate) fn is_mutation(&self) -> bool {
        self.kind == OperationType::Mutation
    }

    /// Whether it may be run without a token.
    pub(crate) const fn is_public(&self) -> bool {
        self.audience.public
    }

    /// Whether one can guess at it.
    pub(crate) const fn checks_credentials(&self) -> bool {
        self.audience.checks_credentials
    }

    pub(crate) const fn document(&self) -> &Arc<Document> {
        &self.document
    }

    /// The fields at its root.
    pub(crate) fn roots(&self) -> &[String] {
        &self.audience.roots
    }

    /// Whether it asks about the schema.
    pub(crate) fn introspects(&self) -> bool {
        self.document.introspects
    }

    /// Whether its document came with a release of ours.
    pub(crate) fn is_trusted(&self) -> bool {
        self.document.trusted
    }

    /// What is left of the price once so many objects were received. A command costs what it costs, and so does the
    /// schema.
    fn unused(&self, received: u64) -> u64 {
        if self.kind != OperationType::Query || self.introspects() {
            return 0;
        }
        self.cost.saturating_sub(received)
    }

    fn request(&self) -> Request {
        let variables = Variables::from_json(Value::Object(self.variables.clone()));
        // The text is not needed again: the document is read.
        let mut request = Request::new(String::new()).variables(variables);
        if let Some(name) = &self.name {
            request = request.operation_name(name);
        }
        request.set_parsed_query(self.document.executable.clone());
        request
    }
}

/// What became of an operation.
#[derive(Debug, PartialEq)]
pub(crate) struct Executed {
    pub(crate) answered: Answered,
    /// Points that were paid for more than was received.
    pub(crate) unused: u64,
}

/// The engine with what it needs around it. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Engine<E> {
    executor: E,
    types: Arc<FieldTypes>,
    documents: Arc<Library>,
    max_cost: u64,
    deadline: Duration,
}

impl<E: Executor> Engine<E> {
    /// `sdl` is the executor's own.
    pub(crate) fn new(executor: E, sdl: &str, documents: Library, max_cost: u64, deadline: Duration) -> Self {
        Self {
            executor,
            types: Arc::new(FieldTypes::of(sdl)),
            documents: Arc::new(documents),
            max_cost,
            deadline,
        }
    }

    /// Whether clients of ours bring their documents.
    pub(crate) fn has_trusted(&self) -> bool {
        self.documents.has_trusted()
    }

    /// The types of its schema.
    pub(crate) const fn types(&self) -> &Arc<FieldTypes> {
        &self.types
    }

    /// The numbers of the fields that an operation asks for.
    pub(crate) fn asked<'p>(&self, prepared: &'p Prepared) -> &'p [usize] {
        prepared.document.asked(&self.types, prepared.name.as_deref())
    }

    /// Points of the dearest operation that is let in.
    pub(crate) const fn max_cost(&self) -> u64 {
        self.max_cost
    }

    /// Reads, guards and prices; runs nothing.
    pub(crate) fn prepare(&self, operation: Operation) -> Result<Prepared, ApiError> {
        let document = self.documents.find(&operation.source)?;
        let named = guard::operation(&document.executable, operation.name.as_deref())?;
        let kind = named.ty;
        let cost = cost::cost(&self.types, &document.executable, named, &operation.variables);
        if cost > self.max_cost {
            return Err(ApiError {
                code: Code::CostLimitExceeded,
                message: format!("The operation costs {cost} points of at most {}", self.max_cost),
                params: serde_json::json!({ "cost": cost, "max": self.max_cost }),
            });
        }
        let audience = guard::audience(&document.executable, named);
        Ok(Prepared {
            document,
            name: operation.name,
            variables: operation.variables,
            kind,
            cost,
            audience,
        })
    }

    /// Runs a query or a mutation to its answer. What the deadline overtakes is dropped; a command that has begun
    /// goes on by itself.
    pub(crate) async fn execute(
        &self,
        prepared: &Prepared,
        asker: &Asker,
        data: impl FnOnce(Request) -> Request,
    ) -> Result<Executed, ApiError> {
        let mut request = data(prepared.request());
        let plans = Arc::new(Plans::default());
        if !prepared.document.repeats {
            request = request.data(Arc::clone(&plans));
        }
        let run = async {
            match prepared.document.refused(&self.types) {
                Some(refused) => refused,
                None => self.executor.execute(request).await,
            }
        };
        let run = AssertUnwindSafe(run).catch_unwind();
        let response = tokio::time::timeout(self.deadline, run)
            .await
            .map_err(|_| {
                let seconds = self.deadline.as_secs_f32();
                ApiError::new(
                    Code::Timeout,
                    format!("The operation took longer than {seconds} seconds"),
                )
            })?
            .map_err(|panic| panicked(panic.as_ref()))?;
        let answered = answer(response, self.operation(prepared), asker);
        let received = answered.objects().saturating_add(plans.objects());
        Ok(Executed {
            unused: prepared.unused(received),
            answered,
        })
    }

    /// Runs a subscription: one answer after the other. A panic is the last one.
    pub(crate) fn stream(
        &self,
        prepared: Prepared,
        asker: Asker,
        data: impl FnOnce(Request) -> Request,
    ) -> BoxStream<'static, Result<Value, ApiError>> {
        let responses = match prepared.document.refused(&self.types) {
            Some(refused) => stream::once(async { refused }).boxed(),
            None => self.executor.execute_stream(data(prepared.request()), None),
        };
        let engine = self.clone();
        let answers = AssertUnwindSafe(responses).catch_unwind().map(move |response| {
            let response = response.map_err(|panic| panicked(panic.as_ref()))?;
            Ok(answer(response, engine.operation(&prepared), &asker).into_value())
        });
        answers.boxed()
    }

    fn operation<'r>(&'r self, prepared: &'r Prepared) -> Ran<'r> {
        Ran {
            types: &self.types,
            document: &prepared.document.executable,
            operation_name: prepared.name.as_deref(),
        }
    }
}

fn panicked(panic: &(dyn Any + Send)) -> ApiError {
    let text = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied());
    tracing::error!(panic = text.unwrap_or("not a text"), "a resolver panicked");
    ApiError::internal()
}

#[cfg(test)]
mod tests;
