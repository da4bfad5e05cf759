//! The audit trail: one entry per event, found by every id that the event touches.
//!
//! Sealed fields never leave the log: an entry shows [`SEALED`] in their place.

use std::{collections::BTreeSet, time::Duration};

use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use simpul_domain::Sealed;
use simpul_event_store::{
    Recorded, StoreError, TenantTx, Vault,
    bus::field,
    feed::{HandlerError, Projector},
};

use crate::{
    QueryError, Way, event,
    page::MAX_PAGE,
    stored::{column, unless_erased},
};

/// What stands in place of a sealed field.
pub const SEALED: &str = "(sealed)";

/// Which fields of which events are ciphertext.
pub const SEALED_FIELDS: &[(&str, &[&str])] = &[
    ("billing.gateway_account.connected", &["api_key", "signing_key"]),
    ("customers.customer.contact_changed", &["email", "name", "phone"]),
    (
        "customers.customer.registered",
        &["address", "email", "name", "phone"],
    ),
    ("identity.user.email_changed", &["email"]),
    ("identity.user.invited", &["email", "name"]),
    ("identity.user.renamed", &["name"]),
    ("messaging.sender_account.connected", &["device", "token"]),
    ("network.router.address_changed", &["password"]),
    ("network.router.registered", &["password"]),
    ("platform.account.opened", &["owner_email", "owner_name"]),
    ("platform.account.owner_invited", &["owner_email", "owner_name"]),
    ("subscriptions.subscription.opened", &["secret"]),
    ("subscriptions.subscription.secret_changed", &["secret"]),
];

/// One event as people see it.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    pub tenant_seq: i64,
    /// `evt_…`
    pub event_id: String,
    /// What led to it: `evt_…`, `ntc_…` or `tmr_…`; nothing for a person's command.
    pub caused_by: Option<String>,
    pub correlation_id: String,
    pub command_id: Option<String>,
    pub aggregate_type: String,
    pub aggregate_id: String,
    pub event_type: String,
    /// `usr_…` or `system:<name>`.
    pub actor: String,
    /// The super admin who acted as `actor`.
    pub impersonator: Option<String>,
    /// From where, sealed until it is [`open`]ed; so is the next.
    pub ip: Option<String>,
    pub user_agent: Option<String>,
    /// The command that did it, such as `invoice.void`.
    pub command: Option<String>,
    pub at: DateTime<Utc>,
    /// The event's content.
    pub summary: Value,
}

/// Keeps entries and their subjects.
#[derive(Debug, Clone, Copy, Default)]
pub struct HistoryProjector;

impl Projector for HistoryProjector {
    const NAME: &'static str = "history";
    /// Every event is here, and nobody reads fifty times a second what they have not waited for (ADR 93).
    const GATHERS: Duration = Duration::from_millis(20);

    async fn project(&self, tx: &mut TenantTx, events: &[Recorded]) -> Result<(), HandlerError> {
        let contents: Vec<(&Recorded, Value)> = events
            .iter()
            .map(|recorded| (recorded, event::content(recorded)))
            .collect();
        insert_subjects(tx, &contents).await?;
        let entries: Vec<Entry> = contents
            .into_iter()
            .map(|(recorded, content)| entry(recorded, content))
            .collect();
        insert_entries(tx, &entries).await
    }
}

fn entry(recorded: &Recorded, content: Value) -> Entry {
    let mut metas = recorded.metas();
    let mut text = |key: &str| metas.remove(key);
    Entry {
        tenant_seq: recorded.tenant_seq,
        event_id: recorded.event_id.to_string(),
        caused_by: text("causation_id"),
        correlation_id: recorded.correlation().to_string(),
        command_id: text("command_id"),
        aggregate_type: recorded.aggregate_type.clone(),
        aggregate_id: recorded.aggregate_id.clone(),
        event_type: recorded.event_type.clone(),
        actor: text("actor").unwrap_or_default(),
        impersonator: text("impersonator"),
        ip: text("ip"),
        user_agent: text("user_agent"),
        command: text("command"),
        at: recorded.recorded_at,
        summary: without_sealed(&recorded.event_type, content),
    }
}

fn without_sealed(event_type: &str, mut shown: Value) -> Value {
    let sealed = SEALED_FIELDS.iter().filter(|(name, _)| *name == event_type);
    for field in sealed.flat_map(|(_, fields)| *fields) {
        if let Some(value) = shown.get_mut(*field)
            && !value.is_null()
        {
            *value = Value::String(SEALED.to_owned());
        }
    }
    shown
}

/// Every public id in an event: its stream's and those of its content.
fn subjects<'e>(recorded: &'e Recorded, content: &'e Value) -> BTreeSet<&'e str> {
    let mut found = BTreeSet::from([recorded.aggregate_id.as_str()]);
    collect_ids(content, &mut found);
    found
}

fn collect_ids<'v>(value: &'v Value, found: &mut BTreeSet<&'v str>) {
    match value {
        Value::String(text) if is_public_id(text) => {
            found.insert(text);
        }
        Value::Array(items) => items.iter().for_each(|item| collect_ids(item, found)),
        Value::Object(map) => {
            for (key, item) in map {
                if is_public_id(key) {
                    found.insert(key);
                }
                collect_ids(item, found);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// `xxx_` and 26 characters of Crockford base32, as [`simpul_domain::ids`] prints.
fn is_public_id(text: &str) -> bool {
    text.split_once('_').is_some_and(|(prefix, rest)| {
        prefix.len() == 3
            && prefix.bytes().all(|byte| byte.is_ascii_lowercase())
            && rest.len() == 26
            && rest.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'z'))
            && !rest.contains(['i', 'l', 'o', 'u'])
    })
}

// An upcaster may split one stored event; its first part is the entry.
async fn insert_entries(tx: &mut TenantTx, entries: &[Entry]) -> Result<(), HandlerError> {
    let tenant = tx.tenant();
    sqlx::query!(
        "INSERT INTO entries (tenant_id, tenant_seq, event_id, caused_by, correlation_id, command_id, aggregate_type,
                              aggregate_id, event_type, actor, impersonator, ip, user_agent, command, at, summary)
         SELECT $1, e.* FROM UNNEST($2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
                $8::text[], $9::text[], $10::text[], $11::text[], $12::text[], $13::text[], $14::text[], $15::timestamptz[],
                $16::jsonb[]) AS e
         ON CONFLICT ON CONSTRAINT entries_pkey DO NOTHING",
        tenant.as_uuid(),
        &column(entries, |entry| entry.tenant_seq),
        &column(entries, |entry| entry.event_id.as_str()) as &[&str],
        &column(entries, |entry| entry.caused_by.as_deref()) as &[Option<&str>],
        &column(entries, |entry| entry.correlation_id.as_str()) as &[&str],
        &column(entries, |entry| entry.command_id.as_deref()) as &[Option<&str>],
        &column(entries, |entry| entry.aggregate_type.as_str()) as &[&str],
        &column(entries, |entry| entry.aggregate_id.as_str()) as &[&str],
        &column(entries, |entry| entry.event_type.as_str()) as &[&str],
        &column(entries, |entry| entry.actor.as_str()) as &[&str],
        &column(entries, |entry| entry.impersonator.as_deref()) as &[Option<&str>],
        &column(entries, |entry| entry.ip.as_deref()) as &[Option<&str>],
        &column(entries, |entry| entry.user_agent.as_deref()) as &[Option<&str>],
        &column(entries, |entry| entry.command.as_deref()) as &[Option<&str>],
        &column(entries, |entry| entry.at),
        &column(entries, |entry| &entry.summary) as &[&Value],
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

async fn insert_subjects(tx: &mut TenantTx, events: &[(&Recorded, Value)]) -> Result<(), HandlerError> {
    let tenant = tx.tenant();
    let pairs: BTreeSet<(&str, i64)> = events
        .iter()
        .flat_map(|(event, content)| {
            let ids = subjects(event, content).into_iter();
            ids.map(|id| (id, event.tenant_seq))
        })
        .collect();
    let pairs = pairs.into_iter().collect::<Vec<_>>();
    sqlx::query!(
        "INSERT INTO subjects (tenant_id, subject_id, tenant_seq)
         SELECT $1, s.* FROM UNNEST($2::text[], $3::bigint[]) AS s",
        tenant.as_uuid(),
        &column(&pairs, |(id, _)| *id) as &[&str],
        &column(&pairs, |(_, seq)| *seq),
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Which part of the trail is wanted. Places in it are positions of the tenant's log.
#[derive(Debug, Clone, Copy)]
pub struct Reach {
    /// The entry next to them; `None` at the end of the trail where its way begins.
    pub from: Option<i64>,
    pub way: Way,
    /// Entries wanted, at most [`MAX_PAGE`].
    pub limit: i64,
}

impl Reach {
    pub const fn newest(limit: i64) -> Self {
        Self {
            from: None,
            way: Way::Onward,
            limit,
        }
    }

    fn beyond(self) -> i64 {
        self.from.unwrap_or(match self.way {
            Way::Onward => i64::MAX,
            Way::Back => 0,
        })
    }
}

/// Reads entries in the order in which the way passes them. Values of the condition begin at `$4`.
macro_rules! part {
    ($tx:ident, $reach:ident, $from:tt, $seq:tt, $condition:tt, [$($value:expr),+]) => {
        match $reach.way {
            Way::Onward => part!(@read $tx, $reach, $from, [$seq, "<", "DESC"], $condition, [$($value),+]),
            Way::Back => part!(@read $tx, $reach, $from, [$seq, ">", "ASC"], $condition, [$($value),+]),
        }
    };
    (@read $tx:ident, $reach:ident, $from:tt, [$seq:tt, $beyond:tt, $order:tt], $condition:tt, [$($value:expr),+]) => {
        sqlx::query_as!(
            Entry,
            "SELECT e.tenant_seq, e.event_id, e.caused_by, e.correlation_id, e.command_id, e.aggregate_type,
                    e.aggregate_id, e.event_type, e.actor, e.impersonator, e.ip, e.user_agent, e.command, e.at, e.summary
             FROM " + $from + " AND " + $seq + " " + $beyond + " $2 AND " + $condition
                + " ORDER BY " + $seq + " " + $order + " LIMIT $3",
            $tx.tenant().as_uuid(),
            $reach.beyond(),
            $reach.limit.clamp(0, MAX_PAGE),
            $($value),+
        )
        .fetch_all(&mut **$tx)
        .await?
    };
}

/// The events that touch an entity (any public id).
pub async fn history(tx: &mut TenantTx, entity_id: &str, reach: Reach) -> Result<Vec<Entry>, QueryError> {
    Ok(part!(
        tx,
        reach,
        "subjects s JOIN entries e ON e.tenant_id = s.tenant_id AND e.tenant_seq = s.tenant_seq WHERE s.tenant_id = $1",
        "s.tenant_seq",
        "s.subject_id = $4",
        [entity_id]
    ))
}

/// Which entries of the trail are wanted; every given part must hold.
#[derive(Debug, Clone, Default)]
pub struct EntryFilter {
    /// Only what people did, and that somebody began to act as one of them; not what followed from it.
    pub people_only: bool,
    /// `usr_…`, or `system:<name>`.
    pub actor: Option<String>,
    /// A command such as `invoice.void`, an event such as `billing.invoice.voided`, or the words that either begins with,
    /// such as `billing.invoice`.
    pub kind: Option<String>,
    pub from: Option<DateTime<Utc>>,
    /// Not itself.
    pub until: Option<DateTime<Utc>>,
}

/// What happened.
pub async fn entries(
    tx: &mut TenantTx,
    filter: &EntryFilter,
    reach: Reach,
) -> Result<Vec<Entry>, QueryError> {
    Ok(part!(
        tx,
        reach,
        "entries e WHERE e.tenant_id = $1",
        "e.tenant_seq",
        "(NOT $4 OR starts_with(actor, 'usr_') OR impersonator IS NOT NULL)
           AND ($5::text IS NULL OR actor = $5)
           AND ($6::text IS NULL OR event_type = $6 OR command = $6 OR starts_with(event_type, $6 || '.')
                OR starts_with(command, $6 || '.'))
           AND ($7::timestamptz IS NULL OR at >= $7) AND ($8::timestamptz IS NULL OR at < $8)",
        [
            filter.people_only,
            filter.actor,
            filter.kind,
            filter.from,
            filter.until
        ]
    ))
}

/// Everything that followed from one request, in order.
pub async fn correlated(
    tx: &mut TenantTx,
    correlation_id: &str,
    limit: i64,
) -> Result<Vec<Entry>, QueryError> {
    let tenant = tx.tenant();
    Ok(sqlx::query_as!(
        Entry,
        "SELECT tenant_seq, event_id, caused_by, correlation_id, command_id, aggregate_type, aggregate_id, event_type,
                actor, impersonator, ip, user_agent, command, at, summary
         FROM entries WHERE tenant_id = $1 AND correlation_id = $2 ORDER BY tenant_seq LIMIT $3",
        tenant.as_uuid(),
        correlation_id,
        limit.clamp(1, MAX_PAGE)
    )
    .fetch_all(&mut **tx)
    .await?)
}

/// Opens from where and with what each entry was done; neither of whoever is erased.
pub async fn open(
    tx: &mut TenantTx,
    vault: &Vault,
    mut entries: Vec<Entry>,
) -> Result<Vec<Entry>, StoreError> {
    let actors: BTreeSet<&str> = entries
        .iter()
        .filter(|entry| entry.ip.is_some() || entry.user_agent.is_some())
        .map(|entry| entry.actor.as_str())
        .collect();
    let actors: Vec<String> = actors.into_iter().map(str::to_owned).collect();
    let keys = vault.keyring(tx, &actors).await?;
    for entry in &mut entries {
        let opened = |field, sealed: Option<String>| match sealed {
            Some(sealed) => unless_erased(keys.open(&entry.actor, field, &Sealed::new(sealed))),
            None => Ok(None),
        };
        let clear = |text: SecretString| text.expose_secret().to_owned();
        let (ip, user_agent) = (entry.ip.take(), entry.user_agent.take());
        let (ip, user_agent) = (opened(field::IP, ip)?, opened(field::USER_AGENT, user_agent)?);
        (entry.ip, entry.user_agent) = (ip.map(clear), user_agent.map(clear));
    }
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use schemars::JsonSchema;
    use simpul_domain::{
        CustomerId, Decider, StoredEvent as _, accounting, billing, catalog, customers, identity, messaging,
        network, operations, platform, registry, saas, subscriptions, tenancy,
    };

    use super::*;

    /// The sealed fields of every event of an aggregate, as its schemas tell.
    fn sealed_of<A: Decider<Event: JsonSchema>>() -> Vec<(String, Vec<String>)> {
        let schema = schemars::schema_for!(A::Event).to_value();
        let variant = |event_type: &str| {
            let variants = schema["oneOf"].as_array().expect("an enum");
            let tagged = variants
                .iter()
                .find_map(|variant| variant["properties"].get(event_type));
            let name = tagged.expect("tagged")["$ref"].as_str().expect("a reference");
            schema["$defs"][name.rsplit('/').next().expect("a name")]["properties"].clone()
        };
        A::Event::NAMES
            .iter()
            .map(|(event_type, _)| {
                let properties = variant(event_type);
                let fields = properties.as_object().expect("fields").iter();
                let sealed = fields.filter(|(_, field)| field.to_string().contains("#/$defs/Sealed"));
                (
                    (*event_type).to_owned(),
                    sealed.map(|(name, _)| name.clone()).collect(),
                )
            })
            .collect()
    }

    #[test]
    fn every_sealed_field_of_every_event_is_hidden() {
        let mut all = [
            sealed_of::<accounting::RadiusSession>(),
            sealed_of::<billing::Attempt>(),
            sealed_of::<billing::CreditAccount>(),
            sealed_of::<billing::GatewayAccount>(),
            sealed_of::<billing::Invoice>(),
            sealed_of::<billing::IsolirRuns>(),
            sealed_of::<billing::Payment>(),
            sealed_of::<catalog::ServicePlan>(),
            sealed_of::<customers::Customer>(),
            sealed_of::<identity::ApiKey>(),
            sealed_of::<identity::Impersonation>(),
            sealed_of::<identity::Owners>(),
            sealed_of::<identity::Role>(),
            sealed_of::<identity::Session>(),
            sealed_of::<identity::SignInRules>(),
            sealed_of::<identity::User>(),
            sealed_of::<messaging::Message>(),
            sealed_of::<messaging::MessageTexts>(),
            sealed_of::<messaging::SenderAccount>(),
            sealed_of::<network::Provisioning>(),
            sealed_of::<network::Router>(),
            sealed_of::<operations::Intervention>(),
            sealed_of::<operations::Job>(),
            sealed_of::<platform::Account>(),
            sealed_of::<platform::AddOn>(),
            sealed_of::<platform::Backup>(),
            sealed_of::<platform::Plan>(),
            sealed_of::<saas::Statement>(),
            sealed_of::<saas::Tab>(),
            sealed_of::<saas::Terms>(),
            sealed_of::<subscriptions::Subscription>(),
            sealed_of::<tenancy::AddOnOrder>(),
            sealed_of::<tenancy::CustomDomain>(),
            sealed_of::<tenancy::Tenant>(),
        ]
        .concat();
        assert_eq!(
            all.len(),
            registry::catalogue().len(),
            "an aggregate is missing in this list"
        );
        all.retain(|(_, fields)| !fields.is_empty());
        all.sort();
        let listed: Vec<(String, Vec<String>)> = SEALED_FIELDS
            .iter()
            .map(|(name, fields)| {
                (
                    (*name).to_owned(),
                    fields.iter().map(|field| (*field).to_owned()).collect(),
                )
            })
            .collect();
        assert_eq!(all, listed);
    }

    #[test]
    fn only_public_ids_are_subjects() {
        let id = CustomerId::new(sqlx::types::Uuid::from_u128(7)).to_string();
        assert!(is_public_id(&id));
        for text in [
            "",
            "cus_",
            "customer",
            "cus_0000000000000000000000000i",
            "CUS_00000000000000000000000007",
        ] {
            assert!(!is_public_id(text), "{text}");
        }
    }
}
