//! Why a use case refuses: an aggregate's own reason, or one of the few that span aggregates.

use serde_json::{Value, json};
use simpul_domain::{
    Code, Coded, MoneyError,
    accounting::RadiusSessionError,
    billing::{
        AttemptError, CreditAccountError, GatewayAccountError, InvoiceError, IsolirRunsError, PaymentError,
    },
    catalog::ServicePlanError,
    customers::CustomerError,
    identity::{
        ApiKeyError, ImpersonationError, OwnersError, RoleError, SessionError, SignInRulesError, UserError,
    },
    messaging::{MessageError, MessageTextsError, SenderAccountError},
    network::{ProvisioningError, RouterError},
    operations::{InterventionError, JobError},
    platform::{AccountError, AddOnError, BackupError, PlanError},
    saas::{StatementError, TabError, TermsError},
    subscriptions::SubscriptionError,
    tenancy::{AddOnOrderError, CustomDomainError, Feature, TenantError},
};

/// A refusal that a person can do something about.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error(transparent)]
    Tenant(#[from] TenantError),
    #[error(transparent)]
    Plan(#[from] ServicePlanError),
    #[error(transparent)]
    Customer(#[from] CustomerError),
    #[error(transparent)]
    Subscription(#[from] SubscriptionError),
    #[error(transparent)]
    Router(#[from] RouterError),
    #[error(transparent)]
    Provisioning(#[from] ProvisioningError),
    #[error(transparent)]
    Invoice(#[from] InvoiceError),
    #[error(transparent)]
    Payment(#[from] PaymentError),
    #[error(transparent)]
    Credit(#[from] CreditAccountError),
    #[error(transparent)]
    IsolirRuns(#[from] IsolirRunsError),
    #[error(transparent)]
    Attempt(#[from] AttemptError),
    #[error(transparent)]
    Gateway(#[from] GatewayAccountError),
    #[error(transparent)]
    Message(#[from] MessageError),
    #[error(transparent)]
    Texts(#[from] MessageTextsError),
    #[error(transparent)]
    Sender(#[from] SenderAccountError),
    #[error(transparent)]
    Intervention(#[from] InterventionError),
    #[error(transparent)]
    Job(#[from] JobError),
    #[error(transparent)]
    SaasTerms(#[from] TermsError),
    #[error(transparent)]
    SaasTab(#[from] TabError),
    #[error(transparent)]
    SaasStatement(#[from] StatementError),
    #[error(transparent)]
    User(#[from] UserError),
    #[error(transparent)]
    Role(#[from] RoleError),
    #[error(transparent)]
    Owners(#[from] OwnersError),
    #[error(transparent)]
    Session(#[from] SessionError),
    #[error(transparent)]
    ApiKey(#[from] ApiKeyError),
    #[error(transparent)]
    Impersonation(#[from] ImpersonationError),
    #[error(transparent)]
    SignInRules(#[from] SignInRulesError),
    #[error(transparent)]
    Account(#[from] AccountError),
    #[error(transparent)]
    PlatformPlan(#[from] PlanError),
    #[error(transparent)]
    AddOn(#[from] AddOnError),
    #[error(transparent)]
    Backup(#[from] BackupError),
    #[error(transparent)]
    AddOnOrder(#[from] AddOnOrderError),
    #[error(transparent)]
    Domain(#[from] CustomDomainError),
    #[error(transparent)]
    RadiusSession(#[from] RadiusSessionError),
    #[error(transparent)]
    Money(#[from] MoneyError),
    /// What an input refers to does not exist, or belongs to another tenant.
    #[error("the {what} does not exist")]
    Missing { what: &'static str },
    /// What an input refers to cannot be used (retired, closed).
    #[error("the {what} cannot be used any more")]
    Unusable { what: &'static str },
    /// The tenant does not have it.
    #[error("the feature {} is not switched on", .0.as_str())]
    Feature(Feature),
    #[error("{field} is not valid")]
    Invalid { field: &'static str, rule: &'static str },
    /// One of these, of what a field of the input names.
    #[error(transparent)]
    Field(Box<FieldRefusal>),
}

/// A refusal with the field that it is about, where what is refused does not say it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{refusal}")]
pub struct FieldRefusal {
    pub field: &'static str,
    pub refusal: Refusal,
}

impl Refusal {
    /// Of this field of the input.
    pub(crate) fn of_field(field: &'static str, refusal: Self) -> Self {
        Self::Field(Box::new(FieldRefusal { field, refusal }))
    }
}

impl Coded for Refusal {
    fn code(&self) -> Code {
        match self {
            Self::Tenant(error) => error.code(),
            Self::Plan(error) => error.code(),
            Self::Customer(error) => error.code(),
            Self::Subscription(error) => error.code(),
            Self::Router(error) => error.code(),
            Self::Provisioning(error) => error.code(),
            Self::Invoice(error) => error.code(),
            Self::Payment(error) => error.code(),
            Self::Credit(error) => error.code(),
            Self::IsolirRuns(error) => error.code(),
            Self::Attempt(error) => error.code(),
            Self::Gateway(error) => error.code(),
            Self::Message(error) => error.code(),
            Self::Texts(error) => error.code(),
            Self::Sender(error) => error.code(),
            Self::Intervention(error) => error.code(),
            Self::Job(error) => error.code(),
            Self::SaasTerms(error) => error.code(),
            Self::SaasTab(error) => error.code(),
            Self::SaasStatement(error) => error.code(),
            Self::User(error) => error.code(),
            Self::Role(error) => error.code(),
            Self::Owners(error) => error.code(),
            Self::Session(error) => error.code(),
            Self::ApiKey(error) => error.code(),
            Self::Impersonation(error) => error.code(),
            Self::SignInRules(error) => error.code(),
            Self::Account(error) => error.code(),
            Self::PlatformPlan(error) => error.code(),
            Self::AddOn(error) => error.code(),
            Self::Backup(error) => error.code(),
            Self::AddOnOrder(error) => error.code(),
            Self::Domain(error) => error.code(),
            Self::RadiusSession(error) => error.code(),
            Self::Money(_) | Self::Invalid { .. } => Code::ValidationError,
            Self::Missing { .. } => Code::NotFound,
            Self::Unusable { .. } => Code::NotAllowedInState,
            Self::Feature(_) => Code::FeatureDisabled,
            Self::Field(of) => of.refusal.code(),
        }
    }

    fn params(&self) -> Value {
        match self {
            Self::Tenant(error) => error.params(),
            Self::Plan(error) => error.params(),
            Self::Customer(error) => error.params(),
            Self::Subscription(error) => error.params(),
            Self::Router(error) => error.params(),
            Self::Provisioning(error) => error.params(),
            Self::Invoice(error) => error.params(),
            Self::Payment(error) => error.params(),
            Self::Credit(error) => error.params(),
            Self::IsolirRuns(error) => error.params(),
            Self::Attempt(error) => error.params(),
            Self::Gateway(error) => error.params(),
            Self::Message(error) => error.params(),
            Self::Texts(error) => error.params(),
            Self::Sender(error) => error.params(),
            Self::Intervention(error) => error.params(),
            Self::Job(error) => error.params(),
            Self::SaasTerms(error) => error.params(),
            Self::SaasTab(error) => error.params(),
            Self::SaasStatement(error) => error.params(),
            Self::User(error) => error.params(),
            Self::Role(error) => error.params(),
            Self::Owners(error) => error.params(),
            Self::Session(error) => error.params(),
            Self::ApiKey(error) => error.params(),
            Self::Impersonation(error) => error.params(),
            Self::SignInRules(error) => error.params(),
            Self::Account(error) => error.params(),
            Self::PlatformPlan(error) => error.params(),
            Self::AddOn(error) => error.params(),
            Self::Backup(error) => error.params(),
            Self::AddOnOrder(error) => error.params(),
            Self::Domain(error) => error.params(),
            Self::RadiusSession(error) => error.params(),
            Self::Money(_) => json!({ "rule": "range" }),
            Self::Missing { what } | Self::Unusable { what } => json!({ "what": what }),
            Self::Feature(feature) => json!({ "feature": feature.as_str() }),
            Self::Invalid { field, rule } => json!({ "field": field, "rule": rule }),
            Self::Field(of) => {
                let mut params = of.refusal.params();
                params["field"] = of.field.into();
                params
            }
        }
    }
}
