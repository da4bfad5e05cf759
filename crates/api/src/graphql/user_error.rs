//! What a person can do something about: the errors inside a payload, and which errors belong there.

use std::sync::Arc;

use async_graphql::{ComplexObject, Context, Enum, SimpleObject};
use serde_json::{Value, json};
use simpul_domain::{Code, Coded, tenancy::Language};
use simpul_event_store::{DispatchError, Receipt, StoreError};

use super::tongue::indonesian;
use crate::{ApiError, error::sentence, identity::visit::Visit};

/// Longest idempotency key.
const MAX_KEY_CHARS: usize = 64;

/// Stable codes of errors. More may be added: treat an unknown one as a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "Code", name = "UserErrorCode")]
pub(crate) enum UserErrorCode {
    /// No credentials, or they are not valid (any more).
    Unauthorized,
    /// Known, but not allowed.
    Forbidden,
    /// Does not exist.
    NotFound,
    /// An input breaks a rule; `params.rule` names it.
    ValidationError,
    /// A value that must be unique is taken.
    DuplicateEntry,
    /// Too many requests.
    RateLimit,
    /// A fault of the server.
    InternalError,
    /// Token, subdomain and header do not name the same tenant.
    TenantMismatch,
    /// Others were faster; the same request may be sent again.
    Conflict,
    /// The same idempotency key came with another input.
    IdempotencyKeyReused,
    /// `expectedVersion` is not the current one.
    StaleVersion,
    /// The answer has not caught up with the given consistency token in time.
    StaleRead,
    /// A limit of the tenant's plan is reached.
    LimitReached,
    /// A stream was not read as fast as things happened.
    SlowConsumer,
    /// The feature is not part of the tenant's plan.
    FeatureDisabled,
    /// The tenant's panel is locked: only paying is allowed.
    PanelLocked,
    /// Addresses like this one may not be called.
    TargetNotAllowed,
    /// The server cannot answer now.
    Unavailable,
    /// The command does not fit the state of what it changes; `params.state` names it.
    NotAllowedInState,
    /// The server's storage is full.
    StorageFull,
    /// The request is not well formed.
    BadRequest,
    /// The body is not `application/json`.
    UnsupportedMediaType,
    /// No form of answer that the client takes.
    NotAcceptable,
    /// The HTTP method is not allowed here.
    MethodNotAllowed,
    /// The body is too large.
    PayloadTooLarge,
    /// The document is not GraphQL.
    GraphqlParseFailed,
    /// The document or its variables do not fit the schema.
    GraphqlValidationFailed,
    /// It is not clear which operation is meant.
    OperationResolutionFailure,
    /// The document is too large.
    DocumentTooLarge,
    /// The operation costs too much.
    CostLimitExceeded,
    /// The document id is not known.
    PersistedQueryNotFound,
    /// Only known documents may be used.
    PersistedQueryRequired,
    /// The operation took too long.
    Timeout,
    /// The invoice is paid; more money becomes credit.
    InvoiceAlreadyPaid,
    /// An amount is not a positive whole number of rupiah.
    AmountNotWhole,
    /// QRIS fees may not be charged to the payer.
    QrisFeeOnPayer,
    /// The gateway, router or messenger did not answer; try again later.
    UpstreamUnavailable,
}

/// Why a command was refused, for the person who gave it.
#[derive(Debug, Clone, PartialEq, Eq, SimpleObject)]
#[graphql(complex)]
pub(crate) struct UserError {
    /// To branch on.
    code: UserErrorCode,
    #[graphql(skip)]
    message: String,
    /// Where in the input, such as `["input", "name"]`; null for the whole command.
    path: Option<Vec<String>>,
    /// Facts, such as `{"state": "PAID"}`.
    params: Option<Value>,
}

#[ComplexObject]
impl UserError {
    /// For people: in Indonesian for whoever prefers it by `Accept-Language`, else in English.
    async fn message(&self, context: &Context<'_>) -> String {
        let params = self.params.as_ref().unwrap_or(&Value::Null);
        said(context, (self.code.into(), params), &self.message)
    }
}

/// What whoever asks reads of a refusal: in Indonesian, by its code and facts, or the text itself.
pub(super) fn said(context: &Context<'_>, (code, params): (Code, &Value), english: &str) -> String {
    match context.data::<Arc<Visit>>().map(|visit| visit.origin.language) {
        Ok(Language::Id) => indonesian(code, params),
        Ok(Language::En) | Err(_) => english.to_owned(),
    }
}

impl UserError {
    /// A field breaks a rule of its type.
    pub(super) fn invalid(field: &str, rule: &str, message: &str) -> Self {
        Self {
            code: UserErrorCode::ValidationError,
            message: sentence(message),
            path: Some(at(field)),
            params: Some(json!({ "field": field, "rule": rule })),
        }
    }

    /// A field is refused for a reason with a code and facts of its own.
    pub(super) fn of_field<E: Coded + std::error::Error>(field: &str, error: &E) -> Self {
        Self {
            path: Some(at(field)),
            ..Self::of(error, Subject::from(""))
        }
    }

    /// A field is refused with a code of its own.
    pub(super) fn coded(code: Code, field: &str, message: &str) -> Self {
        Self {
            code: code.into(),
            message: message.to_owned(),
            path: Some(at(field)),
            params: None,
        }
    }

    /// What a field refers to does not exist, or is another tenant's: the two cannot be told apart.
    pub(super) fn not_found(field: &str, what: &str) -> Self {
        Self {
            code: UserErrorCode::NotFound,
            message: format!("The {what} does not exist"),
            path: Some(at(field)),
            params: None,
        }
    }

    /// Of one item of the list that the field is.
    pub(super) fn at_item(mut self, nth: usize) -> Self {
        if let Some(path) = &mut self.path {
            path.push(nth.to_string());
        }
        self
    }

    /// What is wrong with an idempotency key, if anything. White space alone is a mistake that every client would share.
    pub(super) fn of_key(key: &str) -> Option<Self> {
        let fits = (1..=MAX_KEY_CHARS).contains(&key.chars().count()) && !key.trim().is_empty();
        (!fits).then(|| Self::invalid("idempotencyKey", "length", "a key has 1 to 64 characters"))
    }

    fn of<E: Coded + std::error::Error>(error: &E, subject: Subject) -> Self {
        let params = error.params();
        let text = |key: &str| params.get(key).and_then(Value::as_str);
        if error.code() == Code::NotFound {
            let what = text("what").unwrap_or(subject.what);
            let field = text("field").map(camel).or_else(|| subject.field_of(what));
            return Self {
                path: field.map(|field| at(&field)),
                ..Self::not_found("", what)
            };
        }
        let field = text("field")
            .map(camel)
            .or_else(|| text("what").and_then(|what| subject.field_of(what)))
            .or_else(|| text("scope").map(|scope| camel(scope.rsplit('.').next().unwrap_or(scope))));
        Self {
            code: error.code().into(),
            message: sentence(&error.to_string()),
            path: field.map(|field| at(&field)),
            params: params
                .as_object()
                .is_some_and(|map| !map.is_empty())
                .then_some(params),
        }
    }
}

fn at(field: &str) -> Vec<String> {
    vec!["input".to_owned(), field.to_owned()]
}

/// What a command is about, and the input field that says which one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Subject {
    what: &'static str,
    field: Option<&'static str>,
}

impl From<&'static str> for Subject {
    fn from(what: &'static str) -> Self {
        Self::at(what, "id")
    }
}

impl Subject {
    pub(super) const fn at(what: &'static str, field: &'static str) -> Self {
        let field = Some(field);
        Self { what, field }
    }

    /// The viewer, or what is the viewer's: nothing of the input says so.
    pub(super) const fn implied(what: &'static str) -> Self {
        Self { what, field: None }
    }

    pub(super) const fn what(self) -> &'static str {
        self.what
    }

    /// The input field that names a thing: that of the subject, else `<thing>Id`, unless it goes by another name.
    fn field_of(self, what: &str) -> Option<String> {
        let field = match what {
            _ if what == self.what => return self.field.map(str::to_owned),
            "plan" => "plan",
            "role" => "roles",
            // Whoever has the letter names what it is about by its secret.
            "invitation" | "reset" | "ticket" => "secret",
            _ => {
                return Some(format!(
                    "{}Id",
                    camel(what.strip_prefix("service ").unwrap_or(what))
                ));
            }
        };
        Some(field.to_owned())
    }
}

/// `due_on` as inputs spell it.
fn camel(word: &str) -> String {
    let mut parts = word.split(['_', ' ']);
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| text + &sentence(part))
}

/// What became of a command.
#[derive(Debug)]
pub(super) enum Dispatched<A> {
    Accepted(A),
    Refused(Vec<UserError>),
}

/// Refusals that a person can do something about go into the payload, the rest are errors (`facts/graphql.md` 6.5).
pub(super) fn sort_out<A, R: Coded + std::error::Error>(
    dispatched: Result<Receipt<A>, DispatchError<R>>,
    subject: impl Into<Subject>,
) -> Result<Dispatched<Receipt<A>>, ApiError> {
    let subject = subject.into();
    let error = match dispatched {
        Ok(receipt) => return Ok(Dispatched::Accepted(receipt)),
        Err(error) => error,
    };
    let personal = match &error {
        DispatchError::Refused(refusal) => UserError::of(refusal, subject),
        DispatchError::KeyReused => UserError {
            path: Some(at("idempotencyKey")),
            ..UserError::of(&error, subject)
        },
        DispatchError::Store(StoreError::Stale { .. }) => UserError {
            path: Some(at("expectedVersion")),
            ..UserError::of(&error, subject)
        },
        DispatchError::Store(refused @ (StoreError::Taken { .. } | StoreError::QuotaExceeded { .. })) => {
            UserError::of(refused, subject)
        }
        DispatchError::NoTenant
        | DispatchError::PanelLocked
        | DispatchError::FeatureDisabled(_)
        | DispatchError::Forbidden(_)
        | DispatchError::Store(_) => return Err(ApiError::from_coded(&error)),
    };
    tracing::info!(code = personal_code(&personal), "a command was refused");
    Ok(Dispatched::Refused(vec![personal]))
}

fn personal_code(error: &UserError) -> &'static str {
    Code::from(error.code).as_str()
}

#[cfg(test)]
mod tests {
    use async_graphql::resolver_utils::EnumType as _;

    use super::*;

    #[test]
    fn every_code_of_the_product_has_its_name_in_the_schema() {
        let schema: Vec<&str> = UserErrorCode::items().iter().map(|item| item.name).collect();
        let product: Vec<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
        assert_eq!(schema, product);
    }

    #[test]
    fn a_reference_is_reported_where_the_input_names_it() {
        for (subject, what, field) in [
            (Subject::from("subscription"), "subscription", Some("id")),
            (Subject::from("subscription"), "service plan", Some("planId")),
            (Subject::from("tenant"), "plan", Some("plan")),
            (Subject::from("role"), "role", Some("id")),
            (Subject::at("payer", "tenantId"), "payer", Some("tenantId")),
            (Subject::implied("user"), "user", None),
        ] {
            assert_eq!(subject.field_of(what).as_deref(), field, "{subject:?}, {what}");
        }
        assert_eq!(camel("due_on"), "dueOn");
    }
}
