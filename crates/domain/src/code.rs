//! The one enum of error codes of the whole product (source 003 and DESIGN section 7).
//!
//! A client branches on the code and shows the message. Every domain error maps to one code through [`Coded`],
//! matched without a wildcard, so that a new error does not compile until it has a code.

use serde::{Deserialize, Serialize};

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $text:literal, $status:literal;)*) => {
        /// A stable, documented error code.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum Code {
            $($(#[$doc])* #[serde(rename = $text)] $name,)*
        }

        impl Code {
            /// Every code, for the generated documentation and the completeness test.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// HTTP status when this code refuses a whole operation.
            pub const fn http_status(self) -> u16 {
                match self { $(Self::$name => $status,)* }
            }
        }
    };
}

codes! {
    /// No credentials, or they are not valid (any more).
    Unauthorized = "UNAUTHORIZED", 401;
    /// Known, but not allowed.
    Forbidden = "FORBIDDEN", 403;
    /// Does not exist, or belongs to another tenant: the two cannot be told apart.
    NotFound = "NOT_FOUND", 404;
    /// An input breaks a rule; `params.rule` names it.
    ValidationError = "VALIDATION_ERROR", 400;
    /// A value that must be unique is taken.
    DuplicateEntry = "DUPLICATE_ENTRY", 409;
    RateLimit = "RATE_LIMIT", 429;
    InternalError = "INTERNAL_ERROR", 500;
    /// Token, subdomain and header do not name the same tenant.
    TenantMismatch = "TENANT_MISMATCH", 403;
    /// Others were faster three times; the same request may be sent again.
    Conflict = "CONFLICT", 409;
    /// The same idempotency key came with another input.
    IdempotencyKeyReused = "IDEMPOTENCY_KEY_REUSED", 409;
    /// `expectedVersion` is not the current one.
    StaleVersion = "STALE_VERSION", 409;
    /// The read model has not caught up with the given consistency token in time.
    StaleRead = "STALE_READ", 503;
    LimitReached = "LIMIT_REACHED", 403;
    /// A live stream was not read as fast as things happened; `cursor` is the place to come back to.
    SlowConsumer = "SLOW_CONSUMER", 429;
    FeatureDisabled = "FEATURE_DISABLED", 403;
    /// The tenant's panel is locked: only paying is allowed.
    PanelLocked = "PANEL_LOCKED", 403;
    /// The egress guard refuses this destination.
    TargetNotAllowed = "TARGET_NOT_ALLOWED", 400;
    Unavailable = "UNAVAILABLE", 503;
    /// The command does not fit the status of its aggregate; `params.state` names it.
    NotAllowedInState = "NOT_ALLOWED_IN_STATE", 409;
    StorageFull = "STORAGE_FULL", 503;

    BadRequest = "BAD_REQUEST", 400;
    UnsupportedMediaType = "UNSUPPORTED_MEDIA_TYPE", 415;
    NotAcceptable = "NOT_ACCEPTABLE", 406;
    MethodNotAllowed = "METHOD_NOT_ALLOWED", 405;
    PayloadTooLarge = "PAYLOAD_TOO_LARGE", 413;
    GraphqlParseFailed = "GRAPHQL_PARSE_FAILED", 400;
    GraphqlValidationFailed = "GRAPHQL_VALIDATION_FAILED", 400;
    OperationResolutionFailure = "OPERATION_RESOLUTION_FAILURE", 400;
    DocumentTooLarge = "DOCUMENT_TOO_LARGE", 400;
    CostLimitExceeded = "COST_LIMIT_EXCEEDED", 400;
    PersistedQueryNotFound = "PERSISTED_QUERY_NOT_FOUND", 400;
    PersistedQueryRequired = "PERSISTED_QUERY_REQUIRED", 400;
    Timeout = "TIMEOUT", 503;

    /// The invoice is paid; more money becomes credit, but it cannot be paid again by hand.
    InvoiceAlreadyPaid = "INVOICE_ALREADY_PAID", 409;
    /// An amount is not a positive whole number of rupiah.
    AmountNotWhole = "AMOUNT_NOT_WHOLE", 400;
    /// QRIS fees may not be charged to the payer (PBI 23/6/PBI/2021 article 52).
    QrisFeeOnPayer = "QRIS_FEE_ON_PAYER", 400;
    /// The gateway, router or messenger did not answer; try again later.
    UpstreamUnavailable = "UPSTREAM_UNAVAILABLE", 503;
}

/// An error with a stable code.
pub trait Coded {
    fn code(&self) -> Code;

    /// Facts for the client, such as `{"state": "PAID"}`. Never another tenant's data.
    fn params(&self) -> serde_json::Value {
        serde_json::Value::Null
    }
}
