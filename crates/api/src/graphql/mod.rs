//! The staff schema, by context: one folder or file per domain word, each with its types, questions and commands.
//!
//! Resolvers do no work of their own: a question opens a transaction that is as new as the request's token and asks
//! a read model; a command goes to the bus, and its payload reads the entity back at the token of that command.
//! The SDL is committed as `schema.graphql`; a name in it is for ever (`facts/graphql.md` section 6).

mod answer;
mod audit;
mod batch;
mod billing;
mod catalog;
mod customers;
mod fields;
mod live;
mod messaging;
mod network;
mod node;
mod null;
mod operations;
mod page;
mod payload;
mod scalar;
mod scope;
mod subscriptions;
mod tenancy;
mod types;
mod user_error;

use async_graphql::{MergedObject, Schema};

pub(crate) use self::{
    answer::{Executed, answer},
    page::MAX_FIRST,
    scope::Scope,
    types::{FieldTypes, longest, root},
};

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
pub(crate) struct SupportQuery(audit::AuditQuery, operations::OperationsQuery, node::NodeQuery);

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
    operations::OperationsMutation,
);

/// Commands about bills and money.
#[derive(Debug, Default, MergedObject)]
pub(crate) struct BillingMutation(
    billing::InvoicesMutation,
    billing::PaymentsMutation,
    billing::GatewaysMutation,
);

pub(crate) type StaffSchema = Schema<Query, Mutation, live::Live>;

/// The executable schema. Its limits are the engine's in front of it: this one's are checked too late.
pub(crate) fn schema() -> StaffSchema {
    Schema::build(Query::default(), Mutation::default(), live::Live::default())
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
