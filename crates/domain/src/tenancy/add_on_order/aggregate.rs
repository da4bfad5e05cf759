//! State and decisions of an order.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{
    AddOnOrderCommand, AddOnOrderError, AddOnOrderEvent, OrderActivated, OrderCancelled, OrderEnded,
    OrderEnding, OrderPlaced, OrderRejected, Settlement,
};
use crate::{
    AddOnOrderId, Decider, aggregate,
    platform::{AddOnKey, add_on::MAX_QUANTITY},
};

/// How far an order has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum OrderStatus {
    #[default]
    Absent,
    /// The platform has not answered yet.
    Placed,
    Active,
    /// The tenant wants no more of it; the platform has not answered yet.
    Cancelled,
    Ending,
    Rejected,
    Ended,
}

impl OrderStatus {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Absent => "ABSENT",
            Self::Placed => "PLACED",
            Self::Active => "ACTIVE",
            Self::Cancelled => "CANCELLED",
            Self::Ending => "ENDING",
            Self::Rejected => "REJECTED",
            Self::Ended => "ENDED",
        }
    }
}

/// One order.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct AddOnOrder {
    status: OrderStatus,
    order: Option<AddOnOrderId>,
    key: Option<AddOnKey>,
}

aggregate!(AddOnOrder);

impl AddOnOrder {
    pub const fn status(&self) -> OrderStatus {
        self.status
    }

    /// What was ordered.
    pub const fn key(&self) -> Option<&AddOnKey> {
        self.key.as_ref()
    }

    fn cancel(
        &self,
        order: AddOnOrderId,
        at: DateTime<Utc>,
    ) -> Result<Vec<AddOnOrderEvent>, AddOnOrderError> {
        match self.status {
            OrderStatus::Placed | OrderStatus::Active => {
                Ok(vec![AddOnOrderEvent::Cancelled(OrderCancelled { order, at })])
            }
            OrderStatus::Absent => Err(AddOnOrderError::NotFound),
            OrderStatus::Cancelled | OrderStatus::Ending | OrderStatus::Ended => Ok(Vec::new()),
            OrderStatus::Rejected => Err(AddOnOrderError::NotAllowed { status: self.status }),
        }
    }

    /// The platform's word counts, in whatever order it comes; what is over stays over.
    fn settle(&self, order: AddOnOrderId, settlement: Settlement, at: DateTime<Utc>) -> Vec<AddOnOrderEvent> {
        let event = match settlement {
            Settlement::Activated => AddOnOrderEvent::Activated(OrderActivated { order, at }),
            Settlement::Rejected { reason } => AddOnOrderEvent::Rejected(OrderRejected { order, reason, at }),
            Settlement::Ending { ends_at } => AddOnOrderEvent::Ending(OrderEnding { order, ends_at, at }),
            Settlement::Ended => AddOnOrderEvent::Ended(OrderEnded { order, at }),
        };
        let activated = matches!(event, AddOnOrderEvent::Activated(_));
        let news = match self.status {
            OrderStatus::Placed => true,
            // An activation that comes after the cancellation changes nothing: the answer to that is on its way.
            OrderStatus::Active | OrderStatus::Cancelled => !activated,
            OrderStatus::Ending => matches!(event, AddOnOrderEvent::Ended(_)),
            OrderStatus::Absent | OrderStatus::Rejected | OrderStatus::Ended => false,
        };
        if news { vec![event] } else { Vec::new() }
    }
}

impl Decider for AddOnOrder {
    const TYPE: &'static str = "tenancy.add_on_order";
    const STATE_VERSION: i32 = 2;
    type Command = AddOnOrderCommand;
    type Event = AddOnOrderEvent;
    type Error = AddOnOrderError;

    fn decide(&self, command: AddOnOrderCommand) -> Result<Vec<AddOnOrderEvent>, AddOnOrderError> {
        match (self.order, command) {
            (
                None,
                AddOnOrderCommand::Place {
                    order,
                    key,
                    quantity,
                    at,
                },
            ) => {
                if !(1..=MAX_QUANTITY).contains(&quantity) {
                    return Err(AddOnOrderError::QuantityInvalid);
                }
                Ok(vec![AddOnOrderEvent::Placed(OrderPlaced {
                    order,
                    key,
                    quantity,
                    at,
                })])
            }
            (Some(_), AddOnOrderCommand::Place { .. }) => Ok(Vec::new()),
            (None, AddOnOrderCommand::Cancel { .. } | AddOnOrderCommand::Settle { .. }) => {
                Err(AddOnOrderError::NotFound)
            }
            (Some(order), AddOnOrderCommand::Cancel { at }) => self.cancel(order, at),
            (Some(order), AddOnOrderCommand::Settle { settlement, at }) => {
                Ok(self.settle(order, settlement, at))
            }
        }
    }

    fn evolve(&mut self, event: &AddOnOrderEvent) {
        self.status = match event {
            AddOnOrderEvent::Placed(placed) => {
                self.order = Some(placed.order);
                self.key = Some(placed.key.clone());
                OrderStatus::Placed
            }
            AddOnOrderEvent::Activated(_) => OrderStatus::Active,
            AddOnOrderEvent::Rejected(_) => OrderStatus::Rejected,
            AddOnOrderEvent::Cancelled(_) => OrderStatus::Cancelled,
            AddOnOrderEvent::Ending(_) => OrderStatus::Ending,
            AddOnOrderEvent::Ended(_) => OrderStatus::Ended,
        };
    }
}
