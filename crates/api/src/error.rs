//! The one error that leaves: a code, a text for people, and facts for programs.
//!
//! Faults of ours are logged here with their whole source chain and leave as "Internal server error".

use std::{borrow::Cow, error::Error};

use axum::http::{HeaderMap, HeaderValue, header};
use serde_json::{Map, Value, json};
use simpul_domain::{
    Code, Coded,
    tenancy::{Feature, Language},
};
use simpul_event_store::{StoreError, feed::ReadError};
use simpul_projections::QueryError;

use crate::{
    budget::{self, Left},
    graphql::indonesian_error,
};

/// An error with a public text. Nothing else becomes an answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ApiError {
    pub code: Code,
    pub message: String,
    /// Facts for the client; `Null` for none.
    pub params: Value,
}

/// Whom an answer is for.
#[derive(Debug, Clone)]
pub(crate) struct Asker {
    /// To be asked about when it is our fault.
    pub(crate) request_id: String,
    /// Of texts for people.
    pub(crate) language: Language,
}

impl Asker {
    /// Of an answer to whatever was asked.
    pub(crate) fn unknown() -> Self {
        Self {
            request_id: String::new(),
            language: Language::En,
        }
    }
}

impl ApiError {
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            params: Value::Null,
        }
    }

    /// A fault that is ours; its cause has been logged.
    pub fn internal() -> Self {
        Self::new(Code::InternalError, "Internal server error")
    }

    pub fn forbidden(permission: &str) -> Self {
        Self {
            code: Code::Forbidden,
            message: format!("The permission {permission} is missing"),
            params: json!({ "permission": permission }),
        }
    }

    pub fn feature_disabled(feature: Feature) -> Self {
        let name = feature.as_str();
        Self {
            code: Code::FeatureDisabled,
            message: format!("The feature {name} is not enabled"),
            params: json!({ "feature": name }),
        }
    }

    /// A coded error of a lower layer: refusals with their text, faults masked and logged.
    pub fn from_coded<E: Coded + Error>(error: &E) -> Self {
        let code = error.code();
        match code {
            Code::InternalError => {
                tracing::error!(error = %chain(error), "a request failed");
                Self::internal()
            }
            Code::Unavailable | Code::StorageFull => {
                tracing::warn!(error = %chain(error), "the store cannot answer");
                Self::new(code, "The service is not available, try again later")
            }
            _ => Self {
                code,
                message: sentence(&error.to_string()),
                params: error.params(),
            },
        }
    }

    /// As an entry of `errors`: `extensions` with the code, the facts and, for faults, the request to ask about.
    pub fn extensions(&self, request_id: &str) -> Map<String, Value> {
        let mut extensions = match &self.params {
            Value::Object(params) => params.clone(),
            _ => Map::new(),
        };
        extensions.insert("code".to_owned(), self.code.as_str().into());
        if matches!(self.code, Code::Conflict | Code::StaleRead | Code::Unavailable) {
            extensions.insert("retryable".to_owned(), true.into());
        }
        if self.code.http_status() >= 500 {
            extensions.insert("requestId".to_owned(), request_id.into());
        }
        extensions
    }

    /// With what is left of the budget that refuses.
    #[must_use]
    pub(crate) fn limited_by(mut self, left: Left) -> Self {
        self.params["rateLimit"] = left.told();
        self
    }

    /// When it may be tried again, for errors that pass, and what is left of the budget that refuses.
    pub(crate) fn write_waits(&self, headers: &mut HeaderMap) {
        write_waits(self.code.http_status(), &self.params, headers);
    }

    /// What it says in a language. What is said about a document or a request is for whoever programs, and English.
    pub(crate) fn text(&self, language: Language) -> Cow<'_, str> {
        let translated = match language {
            Language::Id => indonesian_error(self.code, &self.params),
            Language::En => None,
        };
        translated.map_or(Cow::Borrowed(self.message.as_str()), Cow::Owned)
    }

    /// The body of an answer that has nothing but this error.
    pub(crate) fn body(&self, asker: &Asker) -> Value {
        let message = self.text(asker.language);
        json!({ "errors": [{ "message": message, "extensions": self.extensions(&asker.request_id) }] })
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        Self::from_coded(&error)
    }
}

impl From<QueryError> for ApiError {
    fn from(error: QueryError) -> Self {
        Self::from_coded(&error)
    }
}

impl From<ReadError> for ApiError {
    fn from(error: ReadError) -> Self {
        Self::from_coded(&error)
    }
}

/// `Retry-After` and `RateLimit-…` of an answer with this status, as the facts of its error say.
pub(crate) fn write_waits(status: u16, facts: &Value, headers: &mut HeaderMap) {
    if !matches!(status, 429 | 503) {
        return;
    }
    let seconds = facts["retryAfterSeconds"].as_u64().unwrap_or(1);
    headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    budget::write_told(&facts["rateLimit"], headers);
}

/// An error and everything it came from, on one line.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

/// With a capital letter, as people read it.
pub(crate) fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters
        .next()
        .map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_leaves_without_its_cause_but_with_its_request() {
        let error = ApiError::from_coded(&StoreError::Seal);
        let asker = Asker {
            request_id: "req-1".to_owned(),
            language: Language::En,
        };
        let body = error.body(&asker).to_string();
        assert!(!body.contains("sealed"), "{body}");
        assert_eq!(error.extensions("req-1")["requestId"], "req-1");
    }

    #[test]
    fn people_are_told_in_their_language_and_programmers_in_english() {
        let forbidden = ApiError::forbidden("billing.read");
        assert_eq!(forbidden.text(Language::Id), "Anda tidak berhak melakukan ini");
        assert_eq!(forbidden.text(Language::En), forbidden.message);
        assert_eq!(
            ApiError::internal().text(Language::Id),
            "Terjadi kesalahan pada server"
        );
        for code in [
            Code::Forbidden,
            Code::BadRequest,
            Code::GraphqlParseFailed,
            Code::LimitReached,
        ] {
            let error = ApiError::new(code, "What exactly");
            assert_eq!(error.text(Language::Id), "What exactly", "{code:?}");
        }
    }

    #[test]
    fn a_refusal_keeps_its_text_and_facts() {
        let taken = StoreError::Taken {
            scope: "customer.code".to_owned(),
        };
        let error = ApiError::from_coded(&taken);
        assert_eq!(error.message, "Customer.code is taken");
        assert_eq!(error.extensions("r")["scope"], "customer.code");
        assert_eq!(error.extensions("r")["code"], "DUPLICATE_ENTRY");
    }
}
