//! The roots of the staff's schema, `schema.graphql`. Its types are those of the contexts beside this file.

use async_graphql::MergedObject;

use super::{
    audit, billing, catalog, customers, domains, entitled, identity, jobs, live, message_templates,
    messaging, network, node, operations, saas, settings, subscriptions, tenancy, usage_history,
};

/// Everything that can be asked. Every field reads; none changes anything.
#[derive(Debug, Default, MergedObject)]
pub(crate) struct Query(
    TenantQuery,
    catalog::CatalogQuery,
    customers::CustomersQuery,
    network::NetworkQuery,
    subscriptions::SubscriptionsQuery,
    BillingQuery,
    MessagesQuery,
    SupportQuery,
);

/// Questions about the tenant itself.
#[derive(Debug, Default, MergedObject)]
pub(crate) struct TenantQuery(
    tenancy::TenancyQuery,
    domains::DomainsQuery,
    usage_history::UsageHistoryQuery,
);

/// Questions about messages and what they say.
#[derive(Debug, Default, MergedObject)]
pub(crate) struct MessagesQuery(
    messaging::MessagingQuery,
    message_templates::MessageTemplatesQuery,
);

/// Questions about bills and money.
#[derive(Debug, Default, MergedObject)]
pub(crate) struct BillingQuery(
    billing::InvoicesQuery,
    billing::IsolirQuery,
    billing::PaymentsQuery,
    billing::RevenueQuery,
    saas::SaasQuery,
);

/// Questions about anything.
#[derive(Debug, Default, MergedObject)]
pub(crate) struct SupportQuery(
    audit::AuditQuery,
    audit::ExplainQuery,
    operations::OperationsQuery,
    jobs::JobsQuery,
    node::NodeQuery,
    entitled::EntitledQuery,
    identity::PeopleQuery,
    identity::account::AccountQuery,
);

/// Everything that can be told. Several in one operation run in order and are independent of each other.
#[derive(Debug, Default, MergedObject)]
pub(crate) struct Mutation(
    TenantMutation,
    catalog::CatalogMutation,
    customers::CustomersMutation,
    network::NetworkMutation,
    LinesMutation,
    BillingMutation,
    MessagesMutation,
    operations::OperationsMutation,
);

/// Commands about the tenant itself and those who work for it.
#[derive(Debug, Default, MergedObject)]
pub(crate) struct TenantMutation(
    settings::SettingsMutation,
    domains::DomainsMutation,
    entitled::EntitledMutation,
    identity::OwnMutation,
    identity::PeopleMutation,
);

/// Commands about service lines, one and many.
#[derive(Debug, Default, MergedObject)]
pub(crate) struct LinesMutation(
    subscriptions::SubscriptionsMutation,
    subscriptions::BulkMutation,
    jobs::JobsMutation,
);

/// Commands about messages and what they say.
#[derive(Debug, Default, MergedObject)]
pub(crate) struct MessagesMutation(
    messaging::MessagingMutation,
    message_templates::MessageTemplatesMutation,
);

/// Commands about bills and money.
#[derive(Debug, Default, MergedObject)]
pub(crate) struct BillingMutation(
    billing::InvoicesMutation,
    billing::IsolirMutation,
    billing::PaymentsMutation,
    billing::GatewaysMutation,
    saas::SaasMutation,
);

pub(crate) use live::Live;
