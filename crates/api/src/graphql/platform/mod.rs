//! The platform's schema, `schema.platform.graphql`: for those who run it, in the log of the platform's own tenant.
//!
//! A context adds its roots here as it does in [`staff`](super::staff): a part of [`Query`] and a part of
//! `Mutation`.

mod acts;
mod backups;
mod dashboard;
mod domains;
mod health;
pub(super) mod live;
mod node;
mod offers;
mod owners;
mod plans;
mod server;
mod tenants;
mod usage;
mod usage_history;
mod viewer;

use async_graphql::MergedObject;

pub(super) use self::health::TenantHealth;
pub(crate) use self::live::Live;
pub(super) use self::tenants::TenantStatus;
use super::{audit, identity, saas};

/// Everything that can be asked. Every field reads; none changes anything.
#[derive(Debug, Default, MergedObject)]
pub(crate) struct Query(
    viewer::ViewerQuery,
    OperatorsQuery,
    offers::OffersQuery,
    dashboard::DashboardQuery,
    domains::DomainsQuery,
    InstallationQuery,
    saas::PlatformSaasQuery,
    audit::AuditQuery,
    identity::CrewQuery,
    identity::account::AccountQuery,
    node::NodeQuery,
);

/// Questions about tenants.
#[derive(Debug, Default, MergedObject)]
pub(crate) struct OperatorsQuery(tenants::TenantsQuery, usage_history::TenantUsageQuery);

/// Questions about the installation itself.
#[derive(Debug, Default, MergedObject)]
pub(crate) struct InstallationQuery(server::ServerQuery, backups::BackupsQuery, usage::UsageQuery);

/// Everything that can be told. Several in one operation run in order and are independent of each other.
#[derive(Debug, Default, MergedObject)]
pub(crate) struct Mutation(
    TenantsMutation,
    OfferMutation,
    saas::PlatformSaasMutation,
    saas::SaasConnectionsMutation,
    identity::OwnMutation,
    identity::CrewMutation,
    identity::impersonation::ImpersonationMutation,
);

/// Commands about tenants.
#[derive(Debug, Default, MergedObject)]
pub(crate) struct TenantsMutation(
    acts::OnboardingMutation,
    acts::NamingMutation,
    acts::TermsMutation,
    acts::StandingMutation,
    domains::DomainsMutation,
    owners::OwnersMutation,
);

/// Commands about what is offered.
#[derive(Debug, Default, MergedObject)]
pub(crate) struct OfferMutation(plans::PlansMutation, offers::OffersMutation);
