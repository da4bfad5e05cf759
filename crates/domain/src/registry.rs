//! Every stored event in one table: how a row of the log becomes a value, and what schema each event has.

use cqrs_es::DomainEvent as _;
use schemars::generate::SchemaSettings;
use serde_json::Value;

use crate::{
    Decider, StoredEvent,
    accounting::{RadiusSession, RadiusSessionEvent},
    billing::{
        Attempt, AttemptEvent, CreditAccount, CreditAccountEvent, GatewayAccount, GatewayAccountEvent,
        Invoice, InvoiceEvent, IsolirRuns, IsolirRunsEvent, Payment, PaymentEvent,
    },
    catalog::{ServicePlan, ServicePlanEvent},
    customers::{Customer, CustomerEvent},
    identity::{
        ApiKey, ApiKeyEvent, Impersonation, ImpersonationEvent, Owners, OwnersEvent, Role, RoleEvent,
        Session, SessionEvent, SignInRules, SignInRulesEvent, User, UserEvent,
    },
    messaging::{Message, MessageEvent, MessageTexts, MessageTextsEvent, SenderAccount, SenderAccountEvent},
    network::{Provisioning, ProvisioningEvent, Router, RouterEvent},
    operations::{Intervention, InterventionEvent, Job, JobEvent},
    platform::{Account, AccountEvent, AddOn, AddOnEvent, Backup, BackupEvent, Plan, PlanEvent},
    saas::{Statement, StatementEvent, Tab, TabEvent, Terms, TermsEvent},
    subscriptions::{Subscription, SubscriptionEvent},
    tenancy::{AddOnOrder, AddOnOrderEvent, CustomDomain, CustomDomainEvent, Tenant, TenantEvent},
};

/// Why a stored row is not an event that this version knows.
#[derive(Debug, thiserror::Error)]
pub enum UnreadableEvent {
    #[error("no aggregate is stored as {aggregate_type}")]
    UnknownAggregate { aggregate_type: String },
    /// Written by a newer version, or never.
    #[error("{aggregate_type} has no event {event_type} of version {version}")]
    UnknownEvent {
        aggregate_type: String,
        event_type: String,
        version: String,
    },
    #[error("the payload of {event_type} cannot be read")]
    Payload {
        event_type: String,
        source: serde_json::Error,
    },
    #[error("the row says {event_type} and its payload {payload_type}")]
    Mismatch {
        event_type: String,
        payload_type: String,
    },
}

/// One stored event's name and the JSON Schema of its content, without the tag around it.
#[derive(Debug, Clone, PartialEq)]
pub struct EventSchema {
    pub aggregate_type: &'static str,
    pub event_type: &'static str,
    pub version: &'static str,
    pub schema: Value,
}

macro_rules! registry {
    ($($variant:ident($event:ty) of $aggregate:ty;)+) => {
        /// Any event of the business log.
        #[derive(Debug, Clone, PartialEq)]
        pub enum AnyEvent {
            $($variant($event),)+
        }

        impl AnyEvent {
            /// Reads one row: its columns and the JSON of its externally tagged payload, brought to the current
            /// version by the upcasters.
            pub fn parse(
                aggregate_type: &str,
                event_type: &str,
                version: &str,
                payload: &str,
            ) -> Result<Self, UnreadableEvent> {
                match aggregate_type {
                    $(<$aggregate as Decider>::TYPE => {
                        read::<$event>(aggregate_type, event_type, version, payload).map(Self::$variant)
                    })+
                    _ => Err(UnreadableEvent::UnknownAggregate { aggregate_type: aggregate_type.to_owned() }),
                }
            }

            pub const fn aggregate_type(&self) -> &'static str {
                match self { $(Self::$variant(_) => <$aggregate as Decider>::TYPE,)+ }
            }

            /// Stored name, such as `billing.invoice.issued`.
            pub fn event_type(&self) -> String {
                match self { $(Self::$variant(event) => event.event_type(),)+ }
            }
        }

        $(impl From<$event> for AnyEvent {
            fn from(event: $event) -> Self {
                Self::$variant(event)
            }
        })+

        /// Every stored event with its schema, in the order of the table.
        pub fn catalogue() -> Vec<EventSchema> {
            let mut all = Vec::new();
            $(all.extend(schemas::<$event>(<$aggregate as Decider>::TYPE));)+
            all
        }
    };
}

registry! {
    Tenant(TenantEvent) of Tenant;
    CustomDomain(CustomDomainEvent) of CustomDomain;
    Customer(CustomerEvent) of Customer;
    ServicePlan(ServicePlanEvent) of ServicePlan;
    Subscription(SubscriptionEvent) of Subscription;
    Router(RouterEvent) of Router;
    Provisioning(ProvisioningEvent) of Provisioning;
    Invoice(InvoiceEvent) of Invoice;
    Payment(PaymentEvent) of Payment;
    CreditAccount(CreditAccountEvent) of CreditAccount;
    IsolirRuns(IsolirRunsEvent) of IsolirRuns;
    Attempt(AttemptEvent) of Attempt;
    Message(MessageEvent) of Message;
    MessageTexts(MessageTextsEvent) of MessageTexts;
    GatewayAccount(GatewayAccountEvent) of GatewayAccount;
    SenderAccount(SenderAccountEvent) of SenderAccount;
    Intervention(InterventionEvent) of Intervention;
    Job(JobEvent) of Job;
    Backup(BackupEvent) of Backup;
    Account(AccountEvent) of Account;
    Plan(PlanEvent) of Plan;
    AddOn(AddOnEvent) of AddOn;
    AddOnOrder(AddOnOrderEvent) of AddOnOrder;
    SaasTerms(TermsEvent) of Terms;
    SaasTab(TabEvent) of Tab;
    SaasStatement(StatementEvent) of Statement;
    User(UserEvent) of User;
    Role(RoleEvent) of Role;
    Owners(OwnersEvent) of Owners;
    Session(SessionEvent) of Session;
    ApiKey(ApiKeyEvent) of ApiKey;
    Impersonation(ImpersonationEvent) of Impersonation;
    SignInRules(SignInRulesEvent) of SignInRules;
    RadiusSession(RadiusSessionEvent) of RadiusSession;
}

fn read<E: StoredEvent>(
    aggregate_type: &str,
    event_type: &str,
    version: &str,
    payload: &str,
) -> Result<E, UnreadableEvent> {
    if !E::NAMES.contains(&(event_type, version)) {
        return Err(UnreadableEvent::UnknownEvent {
            aggregate_type: aggregate_type.to_owned(),
            event_type: event_type.to_owned(),
            version: version.to_owned(),
        });
    }
    let event: E = serde_json::from_str(payload).map_err(|source| UnreadableEvent::Payload {
        event_type: event_type.to_owned(),
        source,
    })?;
    let payload_type = event.event_type();
    if payload_type == event_type {
        Ok(event)
    } else {
        Err(UnreadableEvent::Mismatch {
            event_type: event_type.to_owned(),
            payload_type,
        })
    }
}

/// Splits the schema of an externally tagged enum into one schema per event.
fn schemas<E: StoredEvent + schemars::JsonSchema>(aggregate_type: &'static str) -> Vec<EventSchema> {
    let generator = SchemaSettings::draft2020_12()
        .with(|settings| settings.inline_subschemas = true)
        .into_generator();
    let mut whole = generator.into_root_schema_for::<E>().to_value();
    normalise(&mut whole);
    E::NAMES
        .iter()
        .map(|&(event_type, version)| {
            let tagged = |variant: &&Value| variant["properties"].get(event_type).is_some();
            let variant = whole["oneOf"].as_array().into_iter().flatten().find(tagged);
            let schema = variant.map_or(Value::Null, |variant| variant["properties"][event_type].clone());
            EventSchema {
                aggregate_type,
                event_type,
                version,
                schema,
            }
        })
        .collect()
}

/// Takes out what documentation puts in, so that a better sentence is not a change of the event: descriptions,
/// and the way in which documented words of an enum stand apart from undocumented ones.
fn normalise(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.retain(|key, value| key != "description" || !value.is_string());
            map.values_mut().for_each(normalise);
            if let Some(Value::Array(choices)) = map.remove("oneOf") {
                let (words, mut others): (Vec<_>, Vec<_>) =
                    choices.into_iter().partition(|one| !words_of(one).is_empty());
                let mut words: Vec<Value> = words.iter().flat_map(words_of).collect();
                words.sort_by(|a, b| a.as_str().cmp(&b.as_str()));
                if others.is_empty() {
                    map.insert("type".to_owned(), "string".into());
                    map.insert("enum".to_owned(), words.into());
                } else {
                    if !words.is_empty() {
                        others.insert(0, serde_json::json!({ "type": "string", "enum": words }));
                    }
                    map.insert("oneOf".to_owned(), others.into());
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(normalise),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// The plain words that a choice of an enum allows.
fn words_of(choice: &Value) -> Vec<Value> {
    if choice["type"] != "string" {
        return Vec::new();
    }
    match (&choice["const"], &choice["enum"]) {
        (Value::String(word), _) => vec![word.clone().into()],
        (_, Value::Array(words)) => words.clone(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests;
