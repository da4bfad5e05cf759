//! Which stored events a stream tells, and which none does.

use std::collections::BTreeSet;

use simpul_domain::registry;

use super::{events::Happening, happenings as staff};
use crate::graphql::platform::live as platform;

/// Stored events that no stream tells, and why. What is named by two words is all of that aggregate.
const SILENT: &[(&str, &str)] = &[
    (
        "accounting.radius_session",
        "packets of every line, a hundred a second",
    ),
    ("billing.attempt.observation_ignored", "a gateway repeated itself"),
    (
        "billing.credit_account",
        "the other side of what bills and payments tell",
    ),
    (
        "billing.isolir_runs",
        "a day's count; its lines tell for themselves",
    ),
    ("identity.api_key", "for the audit trail, which nobody listens to"),
    ("identity.impersonation", "for the audit trail"),
    (
        "identity.owners",
        "who may give ownership; the user tells of the role",
    ),
    ("identity.session", "for the audit trail"),
    ("identity.sign_in_rules", "a setting, which its form reads"),
    ("messaging.texts", "a setting, which its form reads"),
    ("operations.job", "its state is watched, which says how far it is"),
    ("platform.add_on", "an offer, which its form reads"),
    ("platform.plan", "an offer, which its form reads"),
    (
        "saas.tab",
        "what the platform counts up to a bill, which tells for itself",
    ),
    ("saas.terms", "a setting, which its form reads"),
    (
        "tenancy.tenant",
        "settings and standing, which every answer heeds",
    ),
];

macro_rules! kinds {
    ($($union:path),+ $(,)?) => {
        [$(<$union as Happening>::KINDS),+].concat()
    };
}

#[test]
fn every_stored_event_is_told_or_silent_for_a_reason() {
    let told: BTreeSet<&str> = kinds![
        staff::AddOnOrderEvent,
        staff::CustomDomainEvent,
        staff::CustomerEvent,
        staff::GatewayEvent,
        staff::InterventionEvent,
        staff::InvoiceEvent,
        staff::MessageEvent,
        staff::PaymentAttemptEvent,
        staff::PaymentEvent,
        staff::RoleEvent,
        staff::RouterEvent,
        staff::SaasInvoiceEvent,
        staff::SenderEvent,
        staff::ServicePlanEvent,
        staff::SubscriptionEvent,
        staff::UserEvent,
        platform::BackupEvent,
        platform::SaasInvoiceEvent,
        platform::SaasPaymentEvent,
        platform::TenantEvent,
    ]
    .into_iter()
    .collect();
    let stored: BTreeSet<&str> = registry::catalogue()
        .iter()
        .map(|event| event.event_type)
        .collect();
    let unknown: Vec<_> = told.difference(&stored).collect();
    assert!(unknown.is_empty(), "nobody stores {unknown:?}");

    let silences = |event: &str, silent: &str| {
        event
            .strip_prefix(silent)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    let is_silent = |event: &str| SILENT.iter().any(|(silent, _)| silences(event, silent));
    let forgotten: Vec<_> = stored
        .iter()
        .filter(|event| !told.contains(*event) && !is_silent(event))
        .collect();
    assert!(forgotten.is_empty(), "no stream tells {forgotten:?}");
    for (silent, _) in SILENT {
        let is_meant = |event: &&str| silences(event, silent) && !told.contains(event);
        assert!(
            stored.iter().copied().any(|event| is_meant(&event)),
            "{silent} is not silent"
        );
    }
}
