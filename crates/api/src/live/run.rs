//! An operation on a live connection: admitted like a request, answered one result after the other.

use std::sync::Arc;

use async_graphql::parser::types::OperationType;
use futures_util::StreamExt as _;
use serde_json::Value;
use simpul_event_store::ConsistencyToken;

use super::protocol::Answer;
use crate::{
    ApiError,
    auth::Viewer,
    engine::{Operation, Prepared},
    error::Asker,
    http::{Door, Origin, SignedIn},
};

/// On whose behalf.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    /// As its connection was opened; when that changes, the connection ends.
    pub(crate) signed_in: SignedIn,
    pub(crate) origin: Origin,
    pub(crate) request_id: String,
    pub(crate) token: Option<ConsistencyToken>,
}

impl Client {
    pub(super) fn asker(&self) -> Asker {
        Asker {
            request_id: self.request_id.clone(),
            language: self.origin.language,
        }
    }
}

/// Who takes answers. `false` when nobody does any more.
pub(super) trait Outlet: Send {
    fn put(&mut self, answer: Answer) -> impl Future<Output = bool> + Send;
}

/// Runs the operation to its end or until nobody takes its answers.
pub(super) async fn run(door: &Door, client: Client, operation: Operation, outlet: &mut impl Outlet) {
    let asker = client.asker();
    if let Err(error) = answers(door, client, operation, outlet).await {
        outlet.put(Answer::Failed(errors(&error, &asker))).await;
    }
}

async fn answers(
    door: &Door,
    client: Client,
    operation: Operation,
    outlet: &mut impl Outlet,
) -> Result<(), ApiError> {
    let asker = client.asker();
    let Client {
        signed_in,
        origin,
        request_id,
        token,
    } = client;
    let shared = &door.shared;
    shared.budgets.request(&shared.state, signed_in.viewer).await?;
    let prepared = door.engine.prepare(operation)?;
    let scope = door.scope(&prepared, &signed_in, request_id.clone(), token);
    let scope = scope.sent_by(origin.clone()).live(Arc::clone(&shared.hub));
    let scope = Arc::new(scope);
    door.admit(&prepared, &scope).await?;
    let visit = door.visit(&request_id, Some(signed_in.viewer.tenant), origin);
    let data = |request: async_graphql::Request| request.data(scope).data(visit);
    if prepared.kind != OperationType::Subscription {
        return once(door, (&prepared, signed_in.viewer), &asker, data, outlet).await;
    }
    let mut stream = door.engine.stream(prepared, asker, data);
    while let Some(answered) = stream.next().await {
        let answer = classify(answered?);
        let last = matches!(answer, Answer::Failed(_));
        if !outlet.put(answer).await || last {
            return Ok(());
        }
    }
    outlet.put(Answer::Done).await;
    Ok(())
}

async fn once(
    door: &Door,
    (prepared, viewer): (&Prepared, Viewer),
    asker: &Asker,
    data: impl FnOnce(async_graphql::Request) -> async_graphql::Request,
    outlet: &mut impl Outlet,
) -> Result<(), ApiError> {
    let executed = door.engine.execute(prepared, asker, data).await?;
    door.give_back(viewer, executed.unused);
    let answered = executed.answered.into_value();
    // Null is a result of a query; only what did not run is an error.
    let answer = if answered.get("data").is_none() {
        classify(answered)
    } else {
        Answer::Next(answered)
    };
    let last = matches!(answer, Answer::Failed(_));
    if outlet.put(answer).await && !last {
        outlet.put(Answer::Done).await;
    }
    Ok(())
}

/// A stream whose source was refused or broke says so without data; then nothing more comes.
fn classify(mut answered: Value) -> Answer {
    let without_data = answered.get("data").is_none_or(Value::is_null);
    match answered.get_mut("errors") {
        Some(errors) if without_data => Answer::Failed(errors.take()),
        _ => Answer::Next(answered),
    }
}

/// As the payload of `error`.
pub(super) fn errors(error: &ApiError, asker: &Asker) -> Value {
    error.body(asker)["errors"].take()
}
