//! The staff schema, by context: one folder or file per domain word, each with its types, questions and commands.
//!
//! Resolvers do no work of their own: a question opens a transaction that is as new as the request's token and asks
//! a read model; a command goes to the bus, and its payload reads the entity back at the token of that command.
//! The SDL is committed as `schema.graphql`; a name in it is for ever (`facts/graphql.md` section 6).

mod answer;
mod audit;
mod billing;
mod catalog;
mod customers;
mod fields;
mod messaging;
mod network;
mod node;
mod null;
mod page;
mod payload;
mod scalar;
mod scope;
mod subscriptions;
mod tenancy;
mod user_error;

use async_graphql::{EmptySubscription, MergedObject, Schema};

pub(crate) use self::{
    answer::{Executed, answer},
    null::FieldTypes,
    scope::Scope,
};

/// Deepest selection of a document.
const MAX_DEPTH: usize = 15;
/// Most fields of a document, fragments expanded.
const MAX_FIELDS: usize = 2_000;

/// Everything that can be asked. Every field reads; none changes anything.
#[derive(Debug, Default, MergedObject)]
pub(crate) struct Query(
    tenancy::TenancyQuery,
    catalog::CatalogQuery,
    customers::CustomersQuery,
    network::NetworkQuery,
    subscriptions::SubscriptionsQuery,
    BillingQuery,
    messaging::MessagingQuery,
    SupportQuery,
);

/// Questions about bills and money.
#[derive(Debug, Default, MergedObject)]
pub(crate) struct BillingQuery(billing::InvoicesQuery, billing::PaymentsQuery);

/// Questions about anything.
#[derive(Debug, Default, MergedObject)]
pub(crate) struct SupportQuery(audit::AuditQuery, node::NodeQuery);

/// Everything that can be told. Several in one operation run in order and are independent of each other.
#[derive(Debug, Default, MergedObject)]
pub(crate) struct Mutation(
    tenancy::TenancyMutation,
    catalog::CatalogMutation,
    customers::CustomersMutation,
    network::NetworkMutation,
    subscriptions::SubscriptionsMutation,
    BillingMutation,
    messaging::MessagingMutation,
);

/// Commands about bills and money.
#[derive(Debug, Default, MergedObject)]
pub(crate) struct BillingMutation(
    billing::InvoicesMutation,
    billing::PaymentsMutation,
    billing::GatewaysMutation,
);

pub(crate) type StaffSchema = Schema<Query, Mutation, EmptySubscription>;

/// The executable schema.
pub(crate) fn schema() -> StaffSchema {
    Schema::build(Query::default(), Mutation::default(), EmptySubscription)
        .limit_depth(MAX_DEPTH)
        .limit_complexity(MAX_FIELDS)
        .disable_suggestions()
        .finish()
}

/// The schema as SDL, as it is committed in `schema.graphql`.
pub fn sdl() -> String {
    let options = async_graphql::SDLExportOptions::new()
        .sorted_fields()
        .sorted_arguments()
        .sorted_enum_items()
        .include_specified_by();
    schema().sdl_with_options(options)
}
