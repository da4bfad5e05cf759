//! From the engine's answer to ours: every error gets its code, and only ours keep their texts.

use std::borrow::Cow;

use async_graphql::{Response, ServerError, parser::types::ExecutableDocument};
use serde_json::{Map, Value, json};
use simpul_domain::Code;

use super::{
    answered::{Answered, to_json},
    null::propagate,
    types::FieldTypes,
};
use crate::{ApiError, error::Asker};

/// At most this many errors are reported.
pub(crate) const MAX_ERRORS: usize = 20;

/// What was executed, for putting nulls where they belong.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ran<'r> {
    pub(crate) types: &'r FieldTypes,
    pub(crate) document: &'r ExecutableDocument,
    pub(crate) operation_name: Option<&'r str>,
}

/// What an operation came to. One that was not executed has no `data`.
pub(crate) fn answer(response: Response, executed: Ran<'_>, asker: &Asker) -> Answered {
    if response.errors.is_empty() {
        return Answered::Data(response.data);
    }
    let before_execution = response.errors.iter().all(is_of_document);
    let mut body = Map::new();
    let errors = response.errors.iter().take(MAX_ERRORS);
    let errors = errors.map(|error| entry(error, before_execution, asker));
    body.insert("errors".to_owned(), errors.collect());
    if !before_execution {
        let mut data = to_json(response.data);
        for error in response.errors.iter().filter(|error| !error.path.is_empty()) {
            let Ran {
                types,
                document,
                operation_name,
            } = executed;
            propagate(&mut data, types, document, operation_name, &error.path);
        }
        body.insert("data".to_owned(), data);
    }
    Answered::Body(Value::Object(body))
}

/// Whether the engine refused the document or its variables: such errors have no path and are not ours.
fn is_of_document(error: &ServerError) -> bool {
    error.path.is_empty() && error.source::<ApiError>().is_none()
}

fn entry(error: &ServerError, before_execution: bool, asker: &Asker) -> Value {
    let code = if before_execution {
        Code::GraphqlValidationFailed
    } else {
        Code::ValidationError
    };
    let ours = error.source::<ApiError>();
    let extensions = ours.map_or_else(
        || Map::from_iter([("code".to_owned(), code.as_str().into())]),
        |ours| ours.extensions(&asker.request_id),
    );
    let message = ours.map_or(Cow::Borrowed(error.message.as_str()), |ours| {
        ours.text(asker.language)
    });
    let mut entry = json!({ "message": message, "extensions": extensions });
    if !error.locations.is_empty() {
        entry["locations"] = serde_json::to_value(&error.locations).unwrap_or_default();
    }
    if !error.path.is_empty() {
        entry["path"] = serde_json::to_value(&error.path).unwrap_or_default();
    }
    entry
}

impl From<ApiError> for async_graphql::Error {
    fn from(error: ApiError) -> Self {
        Self::new_with_source(error)
    }
}
