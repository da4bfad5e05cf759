//! One line for each operation: its arguments, with `$name` for an id of [`World`](super::world::World) and `$key`
//! for an idempotency key.

/// How an operation is asked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Case {
    pub(super) path: &'static str,
    pub(super) arguments: &'static str,
    /// Whether it may be asked without a token.
    pub(super) public: bool,
}

const fn case(path: &'static str, arguments: &'static str) -> Case {
    Case {
        path,
        arguments,
        public: false,
    }
}

/// Position 0 of the log as a cursor, so that a stream begins with what has happened.
macro_rules! from_the_beginning {
    () => {
        "after: \"MXxldmVudHN8MA\""
    };
}

/// What a person does with something that is stuck.
macro_rules! act {
    ($id:literal) => {
        concat!(
            "input: { id: ",
            $id,
            ", reason: \"because\", idempotencyKey: $key }"
        )
    };
}

#[rustfmt::skip]
pub(super) const STAFF: &[Case] = &[
    case("Query.addOnOrders", "first: 10"),
    case("Query.addOns", ""),
    case("Query.onboardingChecklist", ""),
    case("Query.tenantPlan", ""),
    case("Query.auditEntries", "first: 10, filter: { includeSystem: true }"),
    case("Query.customers", "first: 1"),
    case("Query.deadLetters", ""),
    case("Query.explain", "subscriptionId: $subscription"),
    case("Query.history", "id: $subscription, first: 10"),
    case("Query.invoice", "id: $invoice"),
    case("Query.invoices", "first: 10, filter: { customerId: $customer, subscriptionId: $subscription }"),
    case("Query.messages", "first: 10, filter: { customerId: $customer }"),
    case("Query.node", "id: $payment"),
    case("Query.nodes", "ids: [$plan, $router, $message]"),
    case("Query.parkedEvents", ""),
    case("Query.paymentTotals", ""),
    case("Query.payments", "first: 10, filter: { customerId: $customer }"),
    case("Query.routers", "first: 10"),
    case("Query.saasInvoice", "id: $saasInvoice"),
    case("Query.saasInvoices", "first: 10"),
    case("Query.saasPaymentOptions", ""),
    case("Query.servicePlans", "first: 10"),
    case("Query.stuckLanes", ""),
    case("Query.stuckNotices", ""),
    case("Query.stuckParcels", ""),
    case("Query.subscription", "id: $subscription"),
    case("Query.subscriptions", "first: 10, filter: { customerId: $customer, routerId: $router }"),
    case("Query.viewer", ""),
    case("Mutation.addOnOrderCancel", "input: { id: \"ord_01hzzzzzzzzzzzzzzzzzzzzzzz\" }"),
    case("Mutation.addOnOrderPlace", "input: { key: \"extra_router\", quantity: 1, idempotencyKey: $key }"),
    case("Mutation.customerRegister", "input: { code: \"C-9\", name: \"Sari\", phone: \"0812-9999-0000\" }"),
    case("Mutation.deadLetterDiscard", act!("$deadLetter")),
    case("Mutation.deadLetterReplay", act!("$deadLetter")),
    case("Mutation.gatewayConnect", "input: { kind: TRIPAY, mode: SANDBOX, merchantCode: \"T9\", apiKey: \"k\", signingKey: \"s\", fallbackEmail: \"a@b.test\" }"),
    case("Mutation.invoiceIssue", "input: { subscriptionId: $subscription, dueOn: \"2027-03-15\", idempotencyKey: $key }"),
    case("Mutation.invoiceVoid", "input: { id: $invoice, reason: \"because\" }"),
    case("Mutation.laneDiscard", act!("$lane")),
    case("Mutation.laneRetry", act!("$lane")),
    case("Mutation.noticeDiscard", act!("$notice")),
    case("Mutation.noticeRetry", act!("$notice")),
    case("Mutation.parcelDiscard", act!("$parcel")),
    case("Mutation.parcelRetry", act!("$parcel")),
    case("Mutation.parkedKeyDiscard", act!("$parkedKey")),
    case("Mutation.parkedKeyRetry", act!("$parkedKey")),
    case("Mutation.paymentStart", "input: { invoiceId: $invoice, gatewayId: $gateway, channel: \"BRIVA\", idempotencyKey: $key }"),
    case("Mutation.routerAddressChange", "input: { id: $router, host: \"203.0.113.9\", port: 8728, tls: PLAIN, username: \"u\", password: \"p\" }"),
    case("Mutation.routerRegister", "input: { name: \"R9\", host: \"203.0.113.9\", port: 8728, tls: PLAIN, username: \"u\", password: \"p\" }"),
    case("Mutation.saasInvoicePay", "input: { id: $saasInvoice, channel: \"BRIVA\", idempotencyKey: $key }"),
    case("Mutation.senderConnect", "input: { kind: FONNTE, device: \"0812-1111-2222\", token: \"t\" }"),
    case("Mutation.servicePlanDefine", "input: { name: \"P9\", downloadKbps: 1000, uploadKbps: 1000, profile: \"p9\", price: { amount: \"1000\", currency: IDR } }"),
    case("Mutation.subscriptionActivate", "input: { id: $subscription }"),
    case("Mutation.subscriptionOpen", "input: { planId: $plan, customerId: $customer, routerId: $router, username: \"x9\", secret: \"x\", installedOn: \"2027-01-04\" }"),
    case("Mutation.subscriptionResume", "input: { id: $subscription }"),
    case("Mutation.subscriptionSecretChange", "input: { id: $subscription, secret: \"x\" }"),
    case("Mutation.subscriptionSuspend", "input: { id: $subscription, reason: \"because\" }"),
    case("Mutation.tenantSettingsChange", "input: { timeZone: JAKARTA, language: ID, dueDay: 5, issueDaysAhead: 7, graceDays: 3, isolirStrategy: PPP_PROFILE_SWITCH, isolirProfile: \"isolir\", roundingUnit: { amount: \"100\", currency: IDR }, invoiceNumberPattern: \"INV-{YYYY}-{SEQ}\" }"),
    case("Live.invoiceEvents", from_the_beginning!()),
    case("Live.invoiceState", "id: $invoice"),
    case("Live.paymentEvents", from_the_beginning!()),
    case("Live.paymentState", "id: $payment"),
    case("Live.routerEvents", from_the_beginning!()),
    case("Live.routerState", "id: $router"),
    case("Live.subscriptionEvents", from_the_beginning!()),
    case("Live.subscriptionState", "id: $subscription"),
];

#[rustfmt::skip]
pub(super) const PORTAL: &[Case] = &[
    case("Query.invoice", "id: $invoice"),
    case("Query.invoices", "first: 10"),
    case("Query.node", "id: $payment"),
    case("Query.payments", "first: 10"),
    case("Query.subscriptions", "first: 10"),
    case("Query.viewer", ""),
    case("Mutation.paymentStart", "input: { invoiceId: $invoice, gatewayId: $gateway, channel: \"BRIVA\", idempotencyKey: $key }"),
    case("Live.invoiceState", "id: $invoice"),
];

#[rustfmt::skip]
pub(super) const PLATFORM: &[Case] = &[
    case("Query.auditEntries", "first: 10, filter: { includeSystem: true }"),
    case("Query.history", "id: $saasInvoice, first: 10"),
    case("Query.saasAgeing", ""),
    case("Query.saasInvoice", "id: $saasInvoice"),
    case("Query.saasInvoices", "first: 10, filter: { search: \"inv\" }"),
    case("Query.saasRevenue", "fromOn: \"2027-01-01\", months: 3"),
    case("Query.saasTerms", ""),
    case("Query.viewer", ""),
    case("Mutation.saasGatewayConnect", "input: { kind: TRIPAY, mode: SANDBOX, merchantCode: \"T9\", apiKey: \"k\", signingKey: \"s\", fallbackEmail: \"a@b.test\" }"),
    case("Mutation.saasInvoiceMarkPaid", "input: { id: $saasInvoice, amount: { amount: \"1000\", currency: IDR }, reference: \"BCA 1\", idempotencyKey: $key }"),
    case("Mutation.saasInvoiceVoid", "input: { id: $saasInvoice, reason: \"because\" }"),
    case("Mutation.saasPayerRegister", "input: { tenantId: $tenant, name: \"Budi\", phone: \"0812-1111-3333\" }"),
    case("Mutation.saasSenderConnect", "input: { kind: FONNTE, device: \"0812-1111-2222\", token: \"t\" }"),
    case("Mutation.saasTermsSet", "input: { sellerName: \"Simpul\", billingDay: 1, dueDays: 14, graceDays: 7, reminderDays: [-3] }"),
    case("Query.addOns", ""),
    case("Query.platformDashboard", ""),
    case("Query.platformPlans", ""),
    case("Query.queueStatus", ""),
    case("Query.subscriberStatus", ""),
    case("Query.tenant", "id: $account"),
    case("Query.tenants", "first: 10, filter: { search: \"a\" }"),
    case("Mutation.addOnApprove", "input: { id: $account, orderId: \"ord_01hzzzzzzzzzzzzzzzzzzzzzzz\" }"),
    case("Mutation.addOnDefine", "input: { key: \"extra_x\", name: \"X\", price: { amount: \"1000\", currency: IDR }, cycle: MONTHLY, approval: AUTOMATIC, limits: [{ resource: ROUTERS, more: 1 }] }"),
    case("Mutation.addOnReject", "input: { id: $account, orderId: \"ord_01hzzzzzzzzzzzzzzzzzzzzzzz\", reason: \"because\" }"),
    case("Mutation.addOnRetire", "input: { key: \"extra_x\" }"),
    case("Mutation.featureGroupToggle", "input: { id: $account, group: PRO, on: true }"),
    case("Mutation.featureToggle", "input: { id: $account, feature: \"hr\", on: true }"),
    case("Mutation.tenantActivate", "input: { id: $account }"),
    case("Mutation.tenantDeactivate", "input: { id: $account, reason: \"because\" }"),
    case("Mutation.tenantDelete", "input: { id: $account }"),
    case("Mutation.tenantLimitOverride", "input: { id: $account, resource: USERS, extra: 1, price: { amount: \"1000\", currency: IDR } }"),
    case("Mutation.tenantLimitOverrideClear", "input: { id: $account, resource: USERS }"),
    case("Mutation.tenantOnboard", "input: { name: \"N\", subdomain: \"nine\", plan: \"basic\", ownerName: \"O\", ownerEmail: \"o@nine.test\", timeZone: JAKARTA, idempotencyKey: $key }"),
    case("Mutation.tenantPanelLock", "input: { id: $account, reason: \"because\" }"),
    case("Mutation.tenantPanelUnlock", "input: { id: $account }"),
    case("Mutation.tenantPlanChange", "input: { id: $account, plan: \"pro\" }"),
    case("Mutation.tenantRadiusCutOff", "input: { id: $account, on: true }"),
    case("Mutation.tenantRestore", "input: { id: $account }"),
];
