//! What happens in an operator's log, by kind of thing. Stored events that are nobody's business are not here; the tests
//! name them.

use async_graphql::MergedSubscription;

use super::events::events;
use crate::graphql::{
    billing::{Gateway, Invoice, Payment, PaymentAttempt},
    catalog::ServicePlan,
    customers::Customer,
    domains::CustomDomain,
    entitled::AddOnOrder,
    identity::{roles::Role, user::User},
    messaging::{Message, Sender},
    network::Router,
    operations::Intervention,
    saas::SaasInvoice,
    subscriptions::Subscription as Line,
};

/// Everything that happens.
#[derive(Debug, Default, MergedSubscription)]
pub(crate) struct Happenings(
    MoneyHappenings,
    ServiceHappenings,
    PeopleHappenings,
    HouseHappenings,
);

/// To bills and money.
#[derive(Debug, Default, MergedSubscription)]
pub(crate) struct MoneyHappenings(
    InvoiceEvents,
    PaymentEvents,
    PaymentAttemptEvents,
    GatewayEvents,
    SaasInvoiceEvents,
);

/// To lines and what they hang on.
#[derive(Debug, Default, MergedSubscription)]
pub(crate) struct ServiceHappenings(
    SubscriptionEvents,
    RouterEvents,
    ServicePlanEvents,
    InterventionEvents,
);

/// To people and what they are told.
#[derive(Debug, Default, MergedSubscription)]
pub(crate) struct PeopleHappenings(
    CustomerEvents,
    MessageEvents,
    SenderEvents,
    UserEvents,
    RoleEvents,
);

/// To the tenant itself.
#[derive(Debug, Default, MergedSubscription)]
pub(crate) struct HouseHappenings(AddOnOrderEvents, CustomDomainEvents);

events! {
    /// Everything that happens to bills, in order.
    /// Permission: billing.read
    InvoiceEvents::invoice_events,
    /// Something happened to a bill. More may be added.
    InvoiceEvent about invoice: Invoice {
        /// It asks for money from now on.
        InvoiceIssued = "billing.invoice.issued";
        /// A part of it was paid, or all of it.
        InvoicePaymentApplied = "billing.invoice.payment_applied";
        /// Credit paid a part of it, or all of it.
        InvoiceCreditApplied = "billing.invoice.credit_applied";
        /// The payer was reminded.
        InvoiceReminded = "billing.invoice.reminded";
        /// Nothing is asked for any more.
        InvoicePaid = "billing.invoice.paid";
        /// Its due date has passed.
        InvoiceFellOverdue = "billing.invoice.fell_overdue";
        /// It was withdrawn.
        InvoiceVoided = "billing.invoice.voided";
        /// Money that had paid it is gone again.
        InvoicePaymentTakenBack = "billing.invoice.payment_taken_back";
        /// Credit that had paid it is gone again.
        InvoiceCreditTakenBack = "billing.invoice.credit_taken_back";
        /// It had been paid and asks for money again.
        InvoiceReopened = "billing.invoice.reopened";
        /// A fee for its lateness will stand on the next bill.
        InvoiceLateFeeCharged = "billing.invoice.late_fee_charged";
        /// The fee for its lateness stands on another bill.
        InvoiceLateFeeBilled = "billing.invoice.late_fee_billed";
        /// The bill that asked for the fee was withdrawn; the fee waits for the next.
        InvoiceLateFeeReturned = "billing.invoice.late_fee_returned";
        /// The fee for its lateness was given up.
        InvoiceLateFeeWaived = "billing.invoice.late_fee_waived";
    }
}

events! {
    /// Everything that happens to money that was received, in order.
    /// Permission: billing.read
    PaymentEvents::payment_events,
    /// Something happened to money that was received. More may be added.
    PaymentEvent about payment: Payment {
        /// It was booked.
        PaymentReceived = "billing.payment.received";
        /// It was found whose it is.
        PaymentMatched = "billing.payment.matched";
        /// Some of it was put on bills.
        PaymentAllocated = "billing.payment.allocated";
        /// Some of it was kept as credit.
        PaymentCredited = "billing.payment.credited";
        /// Nobody knows whose it is.
        PaymentLeftUnmatched = "billing.payment.left_unmatched";
        /// Some of it was given back.
        PaymentRefunded = "billing.payment.refunded";
        /// Its gateway or the payer's bank took some of it back.
        PaymentTakenBack = "billing.payment.taken_back";
    }
}

events! {
    /// Everything that happens to attempts to pay, in order.
    /// Permission: billing.read
    PaymentAttemptEvents::payment_attempt_events,
    /// Something happened to an attempt to pay. More may be added.
    PaymentAttemptEvent about attempt: PaymentAttempt {
        /// Somebody wants to pay.
        PaymentAttemptCreated = "billing.attempt.created";
        /// The gateway waits for the money.
        PaymentAttemptCheckoutOpened = "billing.attempt.checkout_opened";
        /// The gateway did not take it.
        PaymentAttemptCreateFailed = "billing.attempt.create_failed";
        /// The gateway has the money.
        PaymentAttemptPaid = "billing.attempt.paid";
        /// Nobody paid in time.
        PaymentAttemptExpired = "billing.attempt.expired";
        /// The payment did not go through.
        PaymentAttemptFailed = "billing.attempt.failed";
        /// It was given up.
        PaymentAttemptCancelled = "billing.attempt.cancelled";
        /// The gateway has given money back.
        PaymentAttemptRefunded = "billing.attempt.refunded";
        /// The payer's bank took the money back.
        PaymentAttemptChargedBack = "billing.attempt.charged_back";
        /// The gateway says that there was no money.
        PaymentAttemptReversed = "billing.attempt.reversed";
    }
}

events! {
    /// Everything that happens to lines, in order.
    /// Permission: subscription.read
    SubscriptionEvents::subscription_events,
    /// Something happened to a line. More may be added.
    SubscriptionEvent about subscription: Line {
        /// It was sold.
        SubscriptionOpened = "subscriptions.subscription.opened";
        /// It is in service for the first time.
        SubscriptionActivated = "subscriptions.subscription.activated";
        /// One of its bills is overdue.
        SubscriptionOverdueNoted = "subscriptions.subscription.overdue_noted";
        /// One of its bills is not overdue any more.
        SubscriptionOverdueCleared = "subscriptions.subscription.overdue_cleared";
        /// It only reaches the pay page.
        SubscriptionIsolated = "subscriptions.subscription.isolated";
        /// It is in service again after it was paid.
        SubscriptionIsolirLifted = "subscriptions.subscription.isolir_lifted";
        /// It is out of service on request or for abuse.
        SubscriptionSuspended = "subscriptions.subscription.suspended";
        /// It is in service again after a suspension.
        SubscriptionResumed = "subscriptions.subscription.resumed";
        /// It has long been unpaid.
        SubscriptionStopped = "subscriptions.subscription.stopped";
        /// It is gone for ever.
        SubscriptionTerminated = "subscriptions.subscription.terminated";
        /// Another plan was agreed.
        SubscriptionPlanChanged = "subscriptions.subscription.plan_changed";
        /// It signs in with another password.
        SubscriptionSecretChanged = "subscriptions.subscription.secret_changed";
        /// Its router was seen to have what it should have.
        SubscriptionProvisioned = "network.provisioning.confirmed";
        /// Its router does not have what it should have.
        SubscriptionProvisioningFailed = "network.provisioning.failed";
    }
}

events! {
    /// Everything that happens to routers, in order.
    /// Permission: router.read
    RouterEvents::router_events,
    /// Something happened to a router. More may be added.
    RouterEvent about router: Router {
        /// It is managed from now on.
        RouterRegistered = "network.router.registered";
        /// It was recognised at its address.
        RouterIdentified = "network.router.identified";
        /// It is reached elsewhere.
        RouterAddressChanged = "network.router.address_changed";
        /// It is not managed any more.
        RouterRetired = "network.router.retired";
    }
}

events! {
    /// Everything that happens to customers, in order.
    /// Permission: customer.read
    CustomerEvents::customer_events,
    /// Something happened to a customer. More may be added.
    CustomerEvent about customer: Customer {
        /// There is one more.
        CustomerRegistered = "customers.customer.registered";
        /// They are reached elsewhere.
        CustomerContactChanged = "customers.customer.contact_changed";
        /// What was personal about them is gone for ever.
        CustomerErased = "customers.customer.erased";
    }
}

events! {
    /// Everything that happens to messages, in order.
    /// Permission: customer.read
    MessageEvents::message_events,
    /// Something happened to a message. More may be added.
    MessageEvent about message: Message {
        /// It waits for its turn.
        MessageQueued = "messaging.message.queued";
        /// It waits for another try.
        MessageRequeued = "messaging.message.requeued";
        /// The carrier has it.
        MessageAccepted = "messaging.message.accepted";
        /// It is on its way.
        MessageSent = "messaging.message.sent";
        /// It is on the customer's device.
        MessageDelivered = "messaging.message.delivered";
        /// The customer has opened it.
        MessageRead = "messaging.message.read";
        /// It will not arrive.
        MessageFailed = "messaging.message.failed";
        /// Whether the carrier has it is not known; it is not sent again.
        MessageOutcomeUnknown = "messaging.message.outcome_unknown";
    }
}

events! {
    /// Everything that happens to accounts that send messages, in order.
    /// Permission: tenant.settings
    SenderEvents::sender_events,
    /// Something happened to an account that sends messages. More may be added.
    SenderEvent about sender: Sender {
        /// Messages can be sent with it.
        SenderConnected = "messaging.sender_account.connected";
        /// No messages are sent with it any more.
        SenderDisconnected = "messaging.sender_account.disconnected";
    }
}

events! {
    /// Everything that happens to accounts at payment gateways, in order.
    /// Permission: tenant.settings
    GatewayEvents::gateway_events,
    /// Something happened to an account at a payment gateway. More may be added.
    GatewayEvent about gateway: Gateway {
        /// It takes payments.
        GatewayConnected = "billing.gateway_account.connected";
        /// It takes no payments any more.
        GatewayDisconnected = "billing.gateway_account.disconnected";
    }
}

events! {
    /// Everything that happens to what is sold, in order.
    /// Permission: subscription.read
    ServicePlanEvents::service_plan_events,
    /// Something happened to a plan. More may be added.
    ServicePlanEvent about plan: ServicePlan {
        /// It is on sale.
        ServicePlanDefined = "catalog.service_plan.defined";
        /// It is not sold any more.
        ServicePlanRetired = "catalog.service_plan.retired";
    }
}

events! {
    /// Everything that happens to users, in order.
    /// Permission: user.read
    UserEvents::user_events,
    /// Something happened to a user. More may be added.
    UserEvent about user: User {
        /// They were asked to join.
        UserInvited = "identity.user.invited";
        /// They accepted the invitation.
        UserJoined = "identity.user.joined";
        /// They have another name.
        UserRenamed = "identity.user.renamed";
        /// They sign in with another address.
        UserEmailChanged = "identity.user.email_changed";
        /// They have other roles.
        UserAccessChanged = "identity.user.access_changed";
        /// They sign in with another password.
        UserPasswordSet = "identity.user.password_set";
        /// They are asked for one-time codes.
        UserSecondFactorConfirmed = "identity.user.second_factor_confirmed";
        /// They are not asked for one-time codes any more.
        UserSecondFactorRemoved = "identity.user.second_factor_removed";
        /// They signed in with a recovery code.
        UserRecoveryCodeUsed = "identity.user.recovery_code_used";
        /// They cannot sign in any more.
        UserDisabled = "identity.user.disabled";
        /// They can sign in again.
        UserEnabled = "identity.user.enabled";
        /// What was personal about them is gone for ever.
        UserErased = "identity.user.erased";
    }
}

events! {
    /// Everything that happens to roles of the tenant's own, in order.
    /// Permission: user.read
    RoleEvents::role_events,
    /// Something happened to a role. More may be added.
    RoleEvent about role: Role {
        /// There is one more.
        RoleDefined = "identity.role.defined";
        /// It permits something else.
        RoleChanged = "identity.role.changed";
        /// It cannot be given any more.
        RoleRetired = "identity.role.retired";
    }
}

events! {
    /// Everything that happens to add-ons that were asked for, in order.
    /// Permission: tenant.billing
    AddOnOrderEvents::add_on_order_events,
    /// Something happened to an add-on that was asked for. More may be added.
    AddOnOrderEvent about order: AddOnOrder {
        /// It was asked for.
        AddOnOrderPlaced = "tenancy.add_on_order.placed";
        /// It has its effect.
        AddOnOrderActivated = "tenancy.add_on_order.activated";
        /// The platform said no.
        AddOnOrderRejected = "tenancy.add_on_order.rejected";
        /// It was given up.
        AddOnOrderCancelled = "tenancy.add_on_order.cancelled";
        /// It ends with the period that is paid.
        AddOnOrderEnding = "tenancy.add_on_order.ending";
        /// It has no effect any more.
        AddOnOrderEnded = "tenancy.add_on_order.ended";
    }
}

events! {
    /// Everything that happens to domains of the tenant's own, in order.
    /// Permission: tenant.settings
    CustomDomainEvents::custom_domain_events,
    /// Something happened to a domain. More may be added.
    CustomDomainEvent about domain: CustomDomain {
        /// It waits for its record.
        CustomDomainRequested = "tenancy.custom_domain.requested";
        /// Its record is there again.
        CustomDomainProofFound = "tenancy.custom_domain.proof_found";
        /// Its record is not there any more.
        CustomDomainProofMissed = "tenancy.custom_domain.proof_missed";
        /// It leads to the operator.
        CustomDomainProved = "tenancy.custom_domain.proved";
        /// It ended, because its record was gone for too long.
        CustomDomainLapsed = "tenancy.custom_domain.lapsed";
        /// It was given up.
        CustomDomainReleased = "tenancy.custom_domain.released";
        /// The platform took it away.
        CustomDomainRevoked = "tenancy.custom_domain.revoked";
        /// The platform allows it again.
        CustomDomainAllowed = "tenancy.custom_domain.allowed";
    }
}

events! {
    /// Everything that happens to the platform's bills, in order.
    /// Permission: tenant.billing
    SaasInvoiceEvents::saas_invoice_events,
    /// Something happened to a bill of the platform. More may be added.
    SaasInvoiceEvent about invoice: SaasInvoice {
        /// It asks for money from now on.
        SaasInvoicePresented = "saas.statement.presented";
        /// Somebody wants to pay it.
        SaasInvoicePaymentRequested = "saas.statement.payment_requested";
        /// A part of it was paid.
        SaasInvoicePartPaid = "saas.statement.part_paid";
        /// Its due date has passed.
        SaasInvoiceFellOverdue = "saas.statement.fell_overdue";
        /// Nothing is asked for any more.
        SaasInvoiceSettled = "saas.statement.settled";
        /// Money that had paid it is gone again.
        SaasInvoiceTakenBack = "saas.statement.taken_back";
        /// The platform does not ask for it any more.
        SaasInvoiceWithdrawn = "saas.statement.withdrawn";
    }
}

events! {
    /// Everything that people did about what was stuck, in order.
    /// Permission: operations.write
    InterventionEvents::intervention_events,
    /// Something happened to what was stuck. More may be added.
    InterventionEvent about intervention: Intervention {
        /// Somebody had it tried again.
        InterventionRetryOrdered = "operations.intervention.retry_ordered";
        /// Somebody gave it up.
        InterventionDiscarded = "operations.intervention.discarded";
    }
}
