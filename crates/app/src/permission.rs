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
/// Bill tenants; in the platform's tenant only.
pub const PLATFORM_BILLING: &str = "platform.billing";
/// Give and take ownership of the tenant: what only owners hold, so that only owners make owners.
pub const TENANT_OWN: &str = "tenant.own";
/// Users as the tenant's staff sees them, their sessions and sign-ins.
pub const USER_READ: &str = "user.read";
/// Invite, disable, and give roles.
pub const USER_WRITE: &str = "user.write";
/// Make roles of the tenant's own.
pub const ROLE_WRITE: &str = "role.write";
/// Make and revoke keys of machines.
pub const API_KEY_WRITE: &str = "key.write";
/// One's own password, second factor and sessions: everybody's, by every role.
pub const ACCOUNT_OWN: &str = "account.own";
/// Act inside a tenant as one of its users; in the platform's tenant only.
pub const PLATFORM_IMPERSONATE: &str = "platform.impersonate";
/// Use the portal as the customer to whom the account is linked. No member of staff holds it.
pub const PORTAL: &str = "portal.customer";
/// See every tenant of the platform.
pub const PLATFORM_READ: &str = "platform.read";
/// Onboard, lock, deactivate, delete and restore tenants.
pub const PLATFORM_TENANTS: &str = "platform.tenants";
/// Change what tenants are granted, and what is on offer.
pub const PLATFORM_PLANS: &str = "platform.plans";
/// Cut a tenant's lines off, and make owners of the platform: what only they hold, so that only they give it.
pub const PLATFORM_OWNER: &str = "platform.owner";

/// Held by the product's own parts only; no role can be given it.
pub const INTERNAL: &str = "internal";

/// What the owner of a tenant may do: everything of the tenant.
pub const OWNER: &[&str] = &[
    TENANT_OWN,
    TENANT_SETTINGS,
    TENANT_BILLING,
    CATALOG_WRITE,
    CUSTOMER_READ,
    CUSTOMER_WRITE,
    SUBSCRIPTION_READ,
    SUBSCRIPTION_WRITE,
    ROUTER_READ,
    ROUTER_WRITE,
    BILLING_READ,
    BILLING_WRITE,
    OPERATIONS_WRITE,
    AUDIT_READ,
    API_EXPLORE,
    API_ADHOC,
    USER_READ,
    USER_WRITE,
    ROLE_WRITE,
    API_KEY_WRITE,
    ACCOUNT_OWN,
];

/// As an owner, without the ownership.
pub const ADMIN: &[&str] = &[
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
    USER_READ,
    USER_WRITE,
    ROLE_WRITE,
    API_KEY_WRITE,
    ACCOUNT_OWN,
];

pub const FINANCE: &[&str] = &[
    CUSTOMER_READ,
    SUBSCRIPTION_READ,
    BILLING_READ,
    BILLING_WRITE,
    AUDIT_READ,
    ACCOUNT_OWN,
];

pub const HR: &[&str] = &[USER_READ, ACCOUNT_OWN];

pub const TECHNICIAN: &[&str] = &[
    CUSTOMER_READ,
    SUBSCRIPTION_READ,
    SUBSCRIPTION_WRITE,
    ROUTER_READ,
    ROUTER_WRITE,
    OPERATIONS_WRITE,
    ACCOUNT_OWN,
];

pub const OPERATOR: &[&str] = &[
    CUSTOMER_READ,
    CUSTOMER_WRITE,
    SUBSCRIPTION_READ,
    SUBSCRIPTION_WRITE,
    ROUTER_READ,
    BILLING_READ,
    BILLING_WRITE,
    ACCOUNT_OWN,
];

pub const COLLECTOR: &[&str] = &[CUSTOMER_READ, SUBSCRIPTION_READ, BILLING_READ, ACCOUNT_OWN];

pub const INVESTOR: &[&str] = &[BILLING_READ, ACCOUNT_OWN];

/// Reads, and nothing else.
pub const VIEWER: &[&str] = &[
    CUSTOMER_READ,
    SUBSCRIPTION_READ,
    ROUTER_READ,
    BILLING_READ,
    ACCOUNT_OWN,
];

/// What every user may do, whatever their roles.
pub const NOBODY: &[&str] = &[ACCOUNT_OWN];

/// Whoever answers for the platform, in its tenant: its staff's permissions and the ownership.
pub const PLATFORM_OWNER_ROLE: &[&str] = &[
    PLATFORM_OWNER,
    PLATFORM_READ,
    PLATFORM_TENANTS,
    PLATFORM_PLANS,
    BILLING_READ,
    BILLING_WRITE,
    OPERATIONS_WRITE,
    USER_READ,
    USER_WRITE,
    AUDIT_READ,
    API_EXPLORE,
    API_ADHOC,
    API_KEY_WRITE,
    ACCOUNT_OWN,
    PLATFORM_BILLING,
    PLATFORM_IMPERSONATE,
];

/// The platform's own staff, in the platform's tenant.
pub const SUPER_ADMIN: &[&str] = &[
    PLATFORM_READ,
    PLATFORM_TENANTS,
    PLATFORM_PLANS,
    BILLING_READ,
    BILLING_WRITE,
    OPERATIONS_WRITE,
    USER_READ,
    USER_WRITE,
    AUDIT_READ,
    API_EXPLORE,
    API_ADHOC,
    API_KEY_WRITE,
    ACCOUNT_OWN,
    PLATFORM_BILLING,
    PLATFORM_IMPERSONATE,
];
