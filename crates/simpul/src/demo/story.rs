//! The story: what must happen, in order, and how long each step took.

use std::{collections::BTreeMap, time::Duration};

use anyhow::Context as _;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use simpul_api::{Surface, auth::Viewer};
use simpul_domain::TenantId;
use simpul_event_store::{
    Bus, EventStore, Recorded,
    audit::{self, Sound},
    feed,
};

use super::{
    door::Door,
    seed::{self, Accounts, Operator},
    surroundings::Surroundings,
};
use crate::{commands::token, config::Config, roles::Running, wiring};

/// Longest wait for one step.
const PATIENCE: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(20);
const PAGE: i64 = 1_000;

/// One event of the story.
#[derive(Debug, Clone)]
pub(super) struct Step {
    pub(super) what: &'static str,
    pub(super) event: Recorded,
}

/// The whole story.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) operator: Operator,
    pub(super) steps: Vec<Step>,
    /// When the gateway sent its notice.
    pub(super) notice_at: DateTime<Utc>,
    /// The answer of `explain`.
    pub(super) explanation: Vec<Value>,
    pub(super) chain: Sound,
    /// What the router holds and gives the customer, read from the router itself.
    pub(super) router: BTreeMap<&'static str, String>,
    /// What the customer read on WhatsApp.
    pub(super) messages: Vec<String>,
    /// What should have happened and did not, or happened twice.
    pub(super) missing: Vec<String>,
}

impl Told {
    pub(super) const fn is_complete(&self) -> bool {
        self.missing.is_empty()
    }
}

/// What is waited for: the n-th event of a type whose payload has a value.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted {
    pub(super) what: &'static str,
    pub(super) event_type: &'static str,
    pub(super) field: Option<(&'static str, &'static str)>,
    pub(super) nth: usize,
}

pub(super) const fn wanted(what: &'static str, event_type: &'static str) -> Wanted {
    Wanted {
        what,
        event_type,
        field: None,
        nth: 1,
    }
}

pub(super) const ACTIVATED: Wanted = wanted("the line is activated", "subscriptions.subscription.activated");
pub(super) const ON_PLAN: Wanted = Wanted {
    what: "the router holds the plan, proved",
    event_type: "network.provisioning.confirmed",
    field: Some(("access", "full")),
    nth: 1,
};
pub(super) const UNPAID: [Wanted; 4] = [
    wanted("a bill goes out", "billing.invoice.issued"),
    wanted("the bill is overdue", "billing.invoice.fell_overdue"),
    wanted("the customer is isolated", "subscriptions.subscription.isolated"),
    Wanted {
        what: "the router restricts the line, proved",
        event_type: "network.provisioning.confirmed",
        field: Some(("access", "isolated")),
        nth: 1,
    },
];
pub(super) const PAYING: [Wanted; 2] = [
    wanted("the customer starts to pay", "billing.attempt.created"),
    wanted("the gateway opens a checkout", "billing.attempt.checkout_opened"),
];
pub(super) const PAID: [Wanted; 6] = [
    wanted("the gateway's notice is believed", "billing.attempt.paid"),
    wanted("the money is booked", "billing.payment.received"),
    wanted("the bill is paid", "billing.invoice.paid"),
    wanted(
        "nothing overdue remains",
        "subscriptions.subscription.overdue_cleared",
    ),
    wanted("the isolir is lifted", "subscriptions.subscription.isolir_lifted"),
    Wanted {
        what: "router confirmed: back on the plan",
        event_type: "network.provisioning.confirmed",
        field: Some(("access", "full")),
        nth: 2,
    },
];

/// Runs the story to its end.
pub(super) async fn tell(config: &Config, running: &Running, around: &Surroundings) -> anyhow::Result<Told> {
    let store = &running.store;
    let bus = Bus::new(store.clone());
    let operator = seed::operator(&bus, &Accounts::of(around)?).await?;
    let viewer = Viewer {
        user: operator.owner,
        tenant: operator.tenant,
    };
    let (keys, hour) = (wiring::keys(config)?, TimeDelta::hours(1));
    let token = token::issue(&bus, &keys, Surface::Staff, viewer, hour).await?;
    let door = Door::new(&config.http.public_url, token)?;
    let mut steps = Vec::new();
    for step in [ACTIVATED, ON_PLAN] {
        steps.push(wait_for(store, operator.tenant, step).await?);
    }
    let invoice = seed::overdue_invoice(&bus, &operator, store.now()).await?;
    for step in UNPAID {
        steps.push(wait_for(store, operator.tenant, step).await?);
    }
    let input = json!({
        "invoiceId": invoice.to_string(),
        "gatewayId": operator.gateway.to_string(),
        "channel": "BRIVA",
        "idempotencyKey": "demo-1",
    });
    start_payment(&door, input).await?;
    for step in PAYING {
        steps.push(wait_for(store, operator.tenant, step).await?);
    }
    let order = around.tripay.orders().pop().context("the gateway has no order")?;
    let notice_at = store.now();
    let delivered = around.tripay.pay(&order.reference).await?;
    anyhow::ensure!(
        delivered.iter().all(|notice| notice.http_status == Some(200)),
        "the notice was not accepted: {delivered:?}"
    );
    for step in PAID {
        steps.push(wait_for(store, operator.tenant, step).await?);
    }
    for what in [
        "the customer has the receipt",
        "the customer is told to be back online",
    ] {
        let nth = if what.contains("receipt") {
            "invoice_paid"
        } else {
            "customer_unisolated"
        };
        steps.push(wait_for_message(store, operator.tenant, what, nth).await?);
    }
    finish(store, around, &door, operator, steps, notice_at).await
}

pub(super) async fn start_payment(door: &Door, input: Value) -> anyhow::Result<()> {
    let query = "mutation Pay($input: PaymentStartInput!) {
        paymentStart(input: $input) { userErrors { code message path } consistencyToken }
    }";
    let answer = door.ask(query, json!({ "input": input })).await?;
    let errors = answer
        .pointer("/paymentStart/userErrors")
        .and_then(Value::as_array);
    anyhow::ensure!(
        errors.is_some_and(Vec::is_empty),
        "the payment was refused: {answer}"
    );
    Ok(())
}

async fn finish(
    store: &EventStore,
    around: &Surroundings,
    door: &Door,
    operator: Operator,
    steps: Vec<Step>,
    notice_at: DateTime<Utc>,
) -> anyhow::Result<Told> {
    let log = everything(store, operator.tenant).await?;
    let mut missing = Vec::new();
    for once in [
        "billing.payment.received",
        "billing.invoice.paid",
        "subscriptions.subscription.isolir_lifted",
    ] {
        let times = log.iter().filter(|event| event.event_type == once).count();
        if times != 1 {
            missing.push(format!("{once} happened {times} times"));
        }
    }
    let router = router_says(around, &operator, &mut missing).await?;
    let last = steps
        .iter()
        .map(|step| step.event.tenant_seq)
        .max()
        .unwrap_or_default();
    let explanation = explain(door, &operator, last).await?;
    for named in [
        "billing.invoice.paid",
        "subscriptions.subscription.isolir_lifted",
        "network.provisioning.confirmed",
    ] {
        if !explanation.iter().any(|step| step["eventType"] == named) {
            missing.push(format!("the explanation does not name {named}"));
        }
    }
    let chain = audit::verify(store, operator.tenant, |_| {}).await??;
    let messages = around
        .fonnte
        .journal()
        .into_iter()
        .map(|sent| sent.message)
        .collect();
    Ok(Told {
        operator,
        steps,
        notice_at,
        explanation,
        chain,
        router,
        messages,
        missing,
    })
}

/// The chain of causes, once the history has reached the last step of the story.
async fn explain(door: &Door, operator: &Operator, last: i64) -> anyhow::Result<Vec<Value>> {
    let last = last.to_string();
    let query = "query Why($id: ID!) {
        explain(subscriptionId: $id) { position at eventType entityId actor causedBy depth }
    }";
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        let answer = door
            .ask(query, json!({ "id": operator.subscription.to_string() }))
            .await?;
        let steps = answer["explain"].as_array().cloned().unwrap_or_default();
        let reached = steps.iter().any(|step| step["position"] == last.as_str());
        if reached || tokio::time::Instant::now() > deadline {
            return Ok(steps);
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// The router's own words, once the customer's device has dialled in again.
async fn router_says(
    around: &Surroundings,
    operator: &Operator,
    missing: &mut Vec<String>,
) -> anyhow::Result<BTreeMap<&'static str, String>> {
    let find = |menu: &str| {
        around
            .router
            .router
            .rows(menu)
            .into_iter()
            .find(|row| row.get("name").is_some_and(|name| *name == operator.username))
    };
    let deadline = tokio::time::Instant::now() + PATIENCE;
    let session = loop {
        match find("/ppp/active") {
            Some(session) => break Some(session),
            None if tokio::time::Instant::now() > deadline => break None,
            None => tokio::time::sleep(PAUSE).await,
        }
    };
    let secret = find("/ppp/secret").context("the router has no account for the customer")?;
    let mut says = BTreeMap::new();
    says.insert("profile", secret.get("profile").cloned().unwrap_or_default());
    says.insert("comment", secret.get("comment").cloned().unwrap_or_default());
    let address = session
        .and_then(|session| session.get("address").cloned())
        .unwrap_or_default();
    if !address.starts_with("10.10.") {
        missing.push(format!(
            "the customer's session has the address {address:?}, which is not the plan's"
        ));
    }
    says.insert("session address", address);
    Ok(says)
}

pub(super) async fn wait_for(store: &EventStore, tenant: TenantId, wanted: Wanted) -> anyhow::Result<Step> {
    wait(store, tenant, wanted.what, |log| {
        log.iter()
            .filter(|event| event.event_type == wanted.event_type)
            .filter(|event| {
                wanted
                    .field
                    .is_none_or(|(field, value)| event.payload.value()[wanted.event_type][field] == value)
            })
            .nth(wanted.nth - 1)
            .cloned()
    })
    .await
}

/// Waits until the messenger took the message of a kind.
pub(super) async fn wait_for_message(
    store: &EventStore,
    tenant: TenantId,
    what: &'static str,
    kind: &str,
) -> anyhow::Result<Step> {
    const QUEUED: &str = "messaging.message.queued";
    const ACCEPTED: &str = "messaging.message.accepted";
    wait(store, tenant, what, |log| {
        let queued = log
            .iter()
            .find(|event| event.event_type == QUEUED && event.payload.value()[QUEUED]["kind"] == kind)?;
        log.iter()
            .find(|event| event.event_type == ACCEPTED && event.aggregate_id == queued.aggregate_id)
            .cloned()
    })
    .await
}

async fn wait(
    store: &EventStore,
    tenant: TenantId,
    what: &'static str,
    find: impl Fn(&[Recorded]) -> Option<Recorded>,
) -> anyhow::Result<Step> {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        let log = everything(store, tenant).await?;
        if let Some(event) = find(&log) {
            return Ok(Step { what, event });
        }
        anyhow::ensure!(
            tokio::time::Instant::now() < deadline,
            "waited {} s in vain for: {what}; the log so far: {:?}",
            PATIENCE.as_secs(),
            log.iter()
                .map(|event| event.event_type.as_str())
                .collect::<Vec<_>>()
        );
        tokio::time::sleep(PAUSE).await;
    }
}

pub(super) async fn everything(store: &EventStore, tenant: TenantId) -> anyhow::Result<Vec<Recorded>> {
    Ok(feed::page(store, tenant, 0, PAGE).await?)
}
