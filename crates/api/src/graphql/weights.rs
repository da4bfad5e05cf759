//! What fields weigh (`facts/graphql.md` 5.5): the engine charges by it, and the SDL says it as `@cost`.

/// An object; a value of its own row is free.
pub(crate) const OBJECT: u64 = 1;
/// A field of `Mutation`, besides what it answers.
pub(crate) const COMMAND: u64 = 10;
/// A field of `Live`, besides what it answers.
pub(crate) const STREAM: u64 = 10;
/// A list that is searched through, besides what is found.
pub(crate) const SEARCH: u64 = 10;
/// Counting a whole list, besides the page of it that is shown.
const TOTAL: u64 = 5;
/// The field of a connection that counts.
pub(crate) const COUNT: &str = "totalCount";
/// Whether a command could be given is found out by deciding it.
const HINT: u64 = 5;
/// Begins the names of such fields.
const HINTS: &str = "viewerCan";
/// What is reckoned over everything, besides what it answers.
const REPORT: u64 = 50;
const REPORTS: &[(&str, &str)] = &[
    ("Query", "paymentTotals"),
    ("Query", "platformDashboard"),
    ("Query", "revenueByRouter"),
    ("Query", "saasAgeing"),
];
/// Counting what waits in a tenant, besides what it answers: of every tenant of a page.
const HEALTH: u64 = 10;
/// The argument by which a list is searched through.
pub(crate) const SEARCHED_BY: &str = "search";

/// How long the lists can be that are no pages; what is inside counts that often. A rise makes working operations
/// dearer: it is announced like a removal. `*` is any type.
pub(super) const LISTS: &[(&str, &str, u64)] = &[
    ("AddOn", "features", 30),
    ("AddOn", "limits", 5),
    ("ManagedTenant", "addOns", 20),
    ("ManagedTenant", "charges", 20),
    ("ManagedTenant", "features", 30),
    ("ManagedTenant", "limits", 5),
    ("ManagedTenant", "owners", 20),
    ("ManagedTenant", "revokedDomains", 10),
    ("PlatformDashboard", "counts", 40),
    ("PlatformDashboard", "growth", 12),
    ("PlatformPlan", "features", 30),
    ("PlatformPlan", "limits", 5),
    ("Query", "addOns", 20),
    ("Query", "ownTenants", 10),
    ("Query", "platformPlans", 10),
    ("Query", "queueStatus", 4),
    ("Query", "tenantUsageHistory", 732),
    ("Query", "usageHistory", 732),
    ("RevenueByRouter", "rows", 501),
    ("Query", "subscriberStatus", 50),
    ("TenantHealth", "queues", 5),
    ("TenantHealth", "subscribers", 50),
    ("ServerProcess", "roles", 6),
    ("ServerStatus", "pools", 3),
    ("ServerStatus", "processes", 50),
    ("CalendarSettings", "holidays", 60),
    ("DunningSettings", "reminderDays", 10),
    ("MessagingSettings", "emailSenderIds", 3),
    ("MessagingSettings", "kinds", 6),
    ("MessagingSettings", "whatsappSenderIds", 3),
    ("PaymentSettings", "gatewayIds", 4),
    ("Query", "customDomains", 10),
    ("TenantSettings", "taxes", 4),
    ("TenantPlan", "features", 30),
    ("TenantPlan", "limits", 5),
    ("ApiKey", "scopes", 10),
    ("ExplanationStep", "causePositions", 10),
    ("Invoice", "lines", 20),
    ("Payment", "flags", 4),
    ("*", "userErrors", 10),
    ("Query", "builtInRoles", 12),
    ("Query", "deadLetters", 500),
    ("Query", "fieldUsage", 500),
    ("Query", "explain", 50),
    ("Query", "nodes", 100),
    ("Query", "parkedEvents", 500),
    ("PaymentOptions", "methods", 40),
    ("Query", "saasRevenue", 12),
    ("Query", "stuckLanes", 500),
    ("Query", "stuckNotices", 500),
    ("Query", "stuckParcels", 500),
    ("SaasInvoice", "attempts", 5),
    ("SaasInvoice", "lines", 20),
    ("SaasPayment", "allocations", 3),
    ("SaasPayment", "flags", 4),
    ("SaasPaymentOptions", "channels", 20),
    ("SaasTerms", "reminderDays", 10),
    ("Role", "permissions", 20),
    ("SecondFactorConfirmPayload", "recoveryCodes", 10),
    ("Subscription", "overdueInvoices", 12),
    ("SubscriptionsResumePayload", "preview", 500),
    ("SubscriptionsSuspendPayload", "preview", 500),
    ("MessageTemplate", "variables", 11),
    ("MessageVariable", "aliases", 3),
    ("Query", "messageTemplates", 12),
    ("User", "roles", 3),
    ("UserError", "path", 5),
    ("TenantNextBill", "lines", 20),
    ("Viewer", "permissions", 20),
];

/// What a field costs more than what it answers. A count is paid once, however long the page is.
pub(crate) fn surcharge(parent: &str, field: &str) -> u64 {
    if field == COUNT && parent.ends_with("Connection") {
        TOTAL
    } else if field.starts_with(HINTS) {
        HINT
    } else if REPORTS.contains(&(parent, field)) {
        REPORT
    } else if (parent, field) == ("ManagedTenant", "health") {
        HEALTH
    } else {
        0
    }
}

/// How long a list can be that is no page.
pub(crate) fn longest(parent: &str, field: &str) -> Option<u64> {
    let weighed = LISTS
        .iter()
        .find(|(on, list, _)| (*on == parent || *on == "*") && *list == field);
    weighed.map(|(_, _, longest)| *longest)
}
