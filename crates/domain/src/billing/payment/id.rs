//! Ids of payments that are the same money however often they are reported.

use crate::{GatewayId, PaymentId, TenantId};

/// The id of the payment that a gateway account reports under `provider_ref`. Derived, so that a second notice
/// meets the same stream and is a conflict instead of a second payment.
pub fn gateway_payment_id(tenant: TenantId, gateway: GatewayId, provider_ref: &str) -> PaymentId {
    PaymentId::derive(tenant.as_uuid(), &format!("gateway/{gateway}/{provider_ref}"))
}

/// The id of the payment that a transfer with this reference is: approving it twice is a conflict, not a second payment.
pub fn transfer_payment_id(tenant: TenantId, reference: &str) -> PaymentId {
    PaymentId::derive(tenant.as_uuid(), &format!("transfer/{reference}"))
}
