//! A payment gateway: orders, the money that payers paid, and notices that it sends until they are taken.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
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
    pub expires_at: DateTime<Utc>,
}

/// Money that a payer paid: the truth that the books are measured against.
#[derive(Debug, Clone)]
pub struct Paid {
    pub tenant: TenantId,
    pub order_ref: String,
    pub provider_ref: String,
    pub gross: Rupiah,
    pub payer_fee: Rupiah,
    /// What the payer got back of it.
    pub given_back: GivenBack,
}

/// How much of a payment the gateway has given back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum GivenBack {
    #[default]
    Nothing,
    Part(Rupiah),
    All,
    /// The payer's bank took it.
    ByBank,
}

impl GivenBack {
    fn state(self) -> ObservedState {
        match self {
            Self::Nothing => ObservedState::Paid,
            Self::Part(_) => ObservedState::PartiallyRefunded,
            Self::All => ObservedState::Refunded,
            Self::ByBank => ObservedState::ChargedBack,
        }
    }

    const fn part(self) -> Option<Rupiah> {
        match self {
            Self::Part(part) => Some(part),
            Self::Nothing | Self::All | Self::ByBank => None,
        }
    }
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

    pub fn pay(&mut self, paid: Paid) {
        self.paid.push(paid);
    }

    /// Gives money back: what is said of it from now on.
    pub fn give_back(&mut self, provider_ref: &str, given_back: GivenBack) {
        let paid = self.paid.iter_mut();
        for paid in paid.filter(|paid| paid.provider_ref == provider_ref) {
            paid.given_back = given_back;
        }
    }

    /// Sends what is true of a payment now, some time.
    pub fn notify(&mut self, paid: &Paid, due_ms: u64, repeats: u64) {
        self.notices.push(Notice {
            tenant: paid.tenant,
            observation: observation(paid),
            due_ms,
            repeats,
        });
    }

    /// What is said to whoever asks about an order.
    pub fn status(&self, order_ref: &str, now: DateTime<Utc>) -> Option<Observation> {
        let order = self.orders.get(order_ref)?;
        let of_order = |paid: &&Paid| paid.provider_ref == order.provider_ref;
        if let Some(paid) = self.paid.iter().find(of_order) {
            return Some(observation(paid));
        }
        let unpaid = Paid {
            tenant: order.tenant,
            order_ref: order.order_ref.clone(),
            provider_ref: order.provider_ref.clone(),
            gross: order.amount,
            payer_fee: order.payer_fee,
            given_back: GivenBack::Nothing,
        };
        let state = if order.expires_at <= now {
            ObservedState::Expired
        } else {
            ObservedState::Pending
        };
        Some(Observation {
            state,
            ..observation(&unpaid)
        })
    }

    pub fn paid(&self) -> &[Paid] {
        &self.paid
    }
}

/// What the gateway says about a payment.
fn observation(paid: &Paid) -> Observation {
    Observation {
        provider_ref: paid.provider_ref.clone(),
        order_ref: paid.order_ref.clone(),
        state: paid.given_back.state(),
        gross: paid.gross,
        currency: Currency::Idr,
        payer_fee: Some(paid.payer_fee),
        merchant_fee: None,
        given_back: paid.given_back.part(),
        channel: None,
        paid_at: None,
        raw_sha256: String::new(),
    }
}
