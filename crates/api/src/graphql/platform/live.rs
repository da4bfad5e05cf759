//! What comes by itself to those who run the platform, from the platform's own log.

use async_graphql::MergedSubscription;
use simpul_app::permission;
use simpul_domain::{BackupId, InvoiceId, PaymentId, TenantId};

use super::{backups::Backup, tenants::ManagedTenant};
use crate::graphql::{
    live::{
        events::events,
        states::{state, states},
    },
    saas::{PlatformSaasInvoice as SaasInvoice, SaasPayment},
};

/// Everything that can be listened to.
#[derive(Debug, Default, MergedSubscription)]
#[graphql(name = "Live")]
pub(crate) struct Live(
    BackupEvents,
    SaasInvoiceEvents,
    SaasInvoiceStates,
    SaasPaymentEvents,
    TenantEvents,
    TenantStates,
);

states! {
    Backup, BackupId, permission::PLATFORM_READ;
    ManagedTenant, TenantId, permission::PLATFORM_READ;
    SaasInvoice, InvoiceId, permission::PLATFORM_BILLING;
    SaasPayment, PaymentId, permission::PLATFORM_BILLING;
}

state! {
    /// One bill now, then after each change, at most once a second.
    /// Permission: platform.billing
    SaasInvoiceStates::saas_invoice_state("Of the bill.") of SaasInvoice
}

state! {
    /// One operator now, then after each change that the platform makes, at most once a second.
    /// Permission: platform.read
    TenantStates::tenant_state("Of the operator.") of ManagedTenant
}

events! {
    /// Everything that the platform does about operators, in order.
    /// Permission: platform.read
    TenantEvents::tenant_events,
    /// Something happened to an operator. More may be added.
    TenantEvent about tenant: ManagedTenant {
        /// It was onboarded.
        TenantOpened = "platform.account.opened";
        /// It has another name.
        TenantRenamed = "platform.account.renamed";
        /// The platform has another owner invited.
        TenantOwnerInvited = "platform.account.owner_invited";
        /// It works again.
        TenantActivated = "platform.account.activated";
        /// It does not work any more.
        TenantDeactivated = "platform.account.deactivated";
        /// Its staff sees only what it owes.
        TenantPanelLocked = "platform.account.panel_locked";
        /// Its staff can work again.
        TenantPanelUnlocked = "platform.account.panel_unlocked";
        /// Whether its customers are let in was decided.
        TenantRadiusCutOffSet = "platform.account.radius_cut_off_set";
        /// It has another plan.
        TenantPlanChanged = "platform.account.plan_changed";
        /// It may do something else, by its plan and add-ons.
        TenantEntitlementsChanged = "platform.account.entitlements_changed";
        /// It has a limit of its own.
        TenantLimitOverridden = "platform.account.limit_overridden";
        /// A limit is that of its plan again.
        TenantLimitOverrideCleared = "platform.account.limit_override_cleared";
        /// A feature was switched.
        TenantFeatureToggled = "platform.account.feature_toggled";
        /// It asks for an add-on.
        TenantAddOnRequested = "platform.account.add_on_requested";
        /// An add-on has its effect.
        TenantAddOnActivated = "platform.account.add_on_activated";
        /// It does not get an add-on.
        TenantAddOnRejected = "platform.account.add_on_rejected";
        /// An add-on ends with the period that is paid.
        TenantAddOnEnding = "platform.account.add_on_ending";
        /// An add-on has no effect any more.
        TenantAddOnEnded = "platform.account.add_on_ended";
        /// A domain may be asked for again.
        TenantDomainAllowed = "platform.account.domain_allowed";
        /// A domain was taken away.
        TenantDomainRevoked = "platform.account.domain_revoked";
        /// It will be deleted.
        TenantDeletionScheduled = "platform.account.deletion_scheduled";
        /// It will not be deleted.
        TenantRestored = "platform.account.restored";
        /// It is gone for ever.
        TenantDeleted = "platform.account.deleted";
    }
}

events! {
    /// Everything that happens to operators' bills, in order.
    /// Permission: platform.billing
    SaasInvoiceEvents::saas_invoice_events,
    /// Something happened to a bill. More may be added.
    SaasInvoiceEvent about invoice: SaasInvoice {
        /// It asks for money from now on.
        SaasInvoiceIssued = "billing.invoice.issued";
        /// A part of it was paid, or all of it.
        SaasInvoicePaymentApplied = "billing.invoice.payment_applied";
        /// Credit paid a part of it, or all of it.
        SaasInvoiceCreditApplied = "billing.invoice.credit_applied";
        /// The payer was reminded.
        SaasInvoiceReminded = "billing.invoice.reminded";
        /// Nothing is asked for any more.
        SaasInvoicePaid = "billing.invoice.paid";
        /// Its due date has passed.
        SaasInvoiceFellOverdue = "billing.invoice.fell_overdue";
        /// It was withdrawn.
        SaasInvoiceVoided = "billing.invoice.voided";
        /// Money that had paid it is gone again.
        SaasInvoicePaymentTakenBack = "billing.invoice.payment_taken_back";
        /// Credit that had paid it is gone again.
        SaasInvoiceCreditTakenBack = "billing.invoice.credit_taken_back";
        /// It had been paid and asks for money again.
        SaasInvoiceReopened = "billing.invoice.reopened";
    }
}

events! {
    /// Everything that happens to money of operators, in order.
    /// Permission: platform.billing
    SaasPaymentEvents::saas_payment_events,
    /// Something happened to money that was received. More may be added.
    SaasPaymentEvent about payment: SaasPayment {
        /// It was booked.
        SaasPaymentReceived = "billing.payment.received";
        /// It was found whose it is.
        SaasPaymentMatched = "billing.payment.matched";
        /// Some of it was put on bills.
        SaasPaymentAllocated = "billing.payment.allocated";
        /// Some of it was kept as credit.
        SaasPaymentCredited = "billing.payment.credited";
        /// Nobody knows whose it is.
        SaasPaymentLeftUnmatched = "billing.payment.left_unmatched";
        /// Some of it was given back.
        SaasPaymentRefunded = "billing.payment.refunded";
        /// Its gateway or the payer's bank took some of it back.
        SaasPaymentTakenBack = "billing.payment.taken_back";
    }
}

events! {
    /// Everything that happens to backups, in order.
    /// Permission: platform.read
    BackupEvents::backup_events,
    /// Something happened to a backup. More may be added.
    BackupEvent about backup: Backup {
        /// It is stored.
        BackupMade = "platform.backup.made";
        /// It was restored on trial, and was whole.
        BackupVerified = "platform.backup.verified";
        /// It was restored.
        BackupRestored = "platform.backup.restored";
        /// It could not be made, or was not whole.
        BackupFailed = "platform.backup.failed";
        /// It is not kept any more.
        BackupExpired = "platform.backup.expired";
    }
}
