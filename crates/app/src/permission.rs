//! The permissions that use cases ask for. Roles are named sets of these (SPEC section 3).

pub const TENANT_SETTINGS: &str = "tenant.settings";
pub const CATALOG_WRITE: &str = "catalog.write";
pub const CUSTOMER_READ: &str = "customer.read";
pub const CUSTOMER_WRITE: &str = "customer.write";
pub const SUBSCRIPTION_READ: &str = "subscription.read";
pub const SUBSCRIPTION_WRITE: &str = "subscription.write";
pub const ROUTER_READ: &str = "router.read";
pub const ROUTER_WRITE: &str = "router.write";
pub const BILLING_READ: &str = "billing.read";
pub const BILLING_WRITE: &str = "billing.write";
/// Trying again and giving up what is stuck.
pub const OPERATIONS_WRITE: &str = "operations.write";
/// Reading the platform's bills and paying them.
pub const TENANT_BILLING: &str = "tenant.billing";
pub const AUDIT_READ: &str = "audit.read";
/// Look at the schema of the API.
pub const API_EXPLORE: &str = "api.explore";
/// Send documents to the API that did not come with a release.
pub const API_ADHOC: &str = "api.adhoc";
/// The platform's: what its operators are billed.
pub const PLATFORM_BILLING_READ: &str = "platform.billing.read";
pub const PLATFORM_BILLING_WRITE: &str = "platform.billing.write";
/// Held by the product's own parts only; no role can be given it.
pub const INTERNAL: &str = "internal";

/// What the owner of a tenant may do: everything of the tenant.
pub const OWNER: &[&str] = &[
    TENANT_SETTINGS,
    CATALOG_WRITE,
    CUSTOMER_READ,
    CUSTOMER_WRITE,
    SUBSCRIPTION_READ,
    SUBSCRIPTION_WRITE,
    ROUTER_READ,
    ROUTER_WRITE,
    BILLING_READ,
    BILLING_WRITE,
    TENANT_BILLING,
    OPERATIONS_WRITE,
    AUDIT_READ,
    API_EXPLORE,
    API_ADHOC,
];

/// Reads, and nothing else.
pub const VIEWER: &[&str] = &[CUSTOMER_READ, SUBSCRIPTION_READ, ROUTER_READ, BILLING_READ];
