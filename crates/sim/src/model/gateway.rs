//! A payment gateway: orders, the money that payers paid, and notices that it sends until they are taken.

use std::collections::BTreeMap;

use simpul_domain::{
    AttemptId, Rupiah, TenantId,
    billing::gateway::{Currency, Observation, ObservedState},
};

/// One order, or money without one.
#[derive(Debug, Clone)]
pub struct Order {
    pub tenant: TenantId,
    pub attempt: Option<AttemptId>,
    pub order_ref: String,
    pub provider_ref: String,
    pub amount: Rupiah,
    pub payer_fee: Rupiah,
}

/// Money that a payer paid: the truth that the books are measured against.
#[derive(Debug, Clone)]
pub struct Paid {
    pub tenant: TenantId,
    pub order_ref: String,
    pub provider_ref: String,
    pub gross: Rupiah,
    pub payer_fee: Rupiah,
}

/// A notice on its way.
#[derive(Debug, Clone)]
pub struct Notice {
    pub tenant: TenantId,
    pub observation: Observation,
    pub due_ms: u64,
    /// How often it is sent although it was taken.
    pub repeats: u64,
}

/// The gateway.
#[derive(Debug, Clone, Default)]
pub struct Gateway {
    orders: BTreeMap<String, Order>,
    paid: Vec<Paid>,
    pub notices: Vec<Notice>,
    next: u64,
}

impl Gateway {
    /// Opens a checkout, or finds the one that the same reference has opened before.
    pub fn create(&mut self, order: &Order) -> Order {
        self.next += 1;
        let provider_ref = format!("T{}", self.next);
        let made = self
            .orders
            .entry(order.order_ref.clone())
            .or_insert_with(|| Order {
                provider_ref,
                ..order.clone()
            });
        made.clone()
    }

    pub fn find(&self, order_ref: &str) -> Option<&Order> {
        self.orders.get(order_ref)
    }

    /// A new name for a second payment of the same order, or for money without one.
    pub fn new_ref(&mut self) -> String {
        self.next += 1;
        format!("X{}", self.next)
    }

    pub fn pay(&mut self, paid: Paid, due_ms: u64, repeats: u64) {
        let observation = observation(&paid, ObservedState::Paid);
        self.notices.push(Notice {
            tenant: paid.tenant,
            observation,
            due_ms,
            repeats,
        });
        self.paid.push(paid);
    }

    pub fn paid(&self) -> &[Paid] {
        &self.paid
    }
}

/// What the gateway says about a payment.
pub fn observation(paid: &Paid, state: ObservedState) -> Observation {
    Observation {
        provider_ref: paid.provider_ref.clone(),
        order_ref: paid.order_ref.clone(),
        state,
        gross: paid.gross,
        currency: Currency::Idr,
        payer_fee: Some(paid.payer_fee),
        merchant_fee: None,
        given_back: None,
        channel: None,
        paid_at: None,
        raw_sha256: String::new(),
    }
}
