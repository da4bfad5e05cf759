//! State and decisions of a customer.

use serde::{Deserialize, Serialize};

use super::{
    CustomerCode, CustomerCommand, CustomerContactChanged, CustomerErased, CustomerError, CustomerEvent,
    CustomerRegistered,
};
use crate::{CustomerId, Decider, aggregate};

/// Where a customer stands.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum CustomerStatus {
    #[default]
    Absent,
    Registered {
        customer: CustomerId,
        code: CustomerCode,
    },
    /// Nothing about the person can be read any more.
    Erased { code: CustomerCode },
}

/// One end customer. Personal fields are passed on and not kept.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Customer {
    status: CustomerStatus,
}

aggregate!(Customer);

impl Customer {
    pub const fn status(&self) -> &CustomerStatus {
        &self.status
    }
}

impl Decider for Customer {
    const TYPE: &'static str = "customers.customer";
    const STATE_VERSION: i32 = 1;
    type Command = CustomerCommand;
    type Event = CustomerEvent;
    type Error = CustomerError;

    fn decide(&self, command: CustomerCommand) -> Result<Vec<CustomerEvent>, CustomerError> {
        match command {
            CustomerCommand::Register {
                customer,
                code,
                name,
                phone,
                email,
                address,
                at,
            } => match &self.status {
                CustomerStatus::Absent => Ok(vec![CustomerEvent::Registered(CustomerRegistered {
                    customer,
                    code,
                    name,
                    phone,
                    email,
                    address,
                    at,
                })]),
                CustomerStatus::Registered { code: known, .. } if *known == code => Ok(Vec::new()),
                CustomerStatus::Registered { .. } => Err(CustomerError::AlreadyRegistered),
                CustomerStatus::Erased { .. } => Err(CustomerError::Erased),
            },
            CustomerCommand::ChangeContact {
                name,
                phone,
                email,
                at,
            } => match &self.status {
                CustomerStatus::Absent => Err(CustomerError::NotFound),
                CustomerStatus::Registered { customer, .. } => {
                    Ok(vec![CustomerEvent::ContactChanged(CustomerContactChanged {
                        customer: *customer,
                        name,
                        phone,
                        email,
                        at,
                    })])
                }
                CustomerStatus::Erased { .. } => Err(CustomerError::Erased),
            },
            CustomerCommand::EraseSubject { at } => match &self.status {
                CustomerStatus::Absent => Err(CustomerError::NotFound),
                CustomerStatus::Registered { customer, .. } => {
                    Ok(vec![CustomerEvent::Erased(CustomerErased {
                        customer: *customer,
                        at,
                    })])
                }
                CustomerStatus::Erased { .. } => Ok(Vec::new()),
            },
        }
    }

    fn evolve(&mut self, event: &CustomerEvent) {
        match event {
            CustomerEvent::Registered(registered) => {
                self.status = CustomerStatus::Registered {
                    customer: registered.customer,
                    code: registered.code.clone(),
                };
            }
            CustomerEvent::ContactChanged(_) => {}
            CustomerEvent::Erased(_) => {
                if let CustomerStatus::Registered { code, .. } = &self.status {
                    self.status = CustomerStatus::Erased { code: code.clone() };
                }
            }
        }
    }
}
