//! What can be asked of a customer.

use chrono::{DateTime, Utc};

use super::CustomerCode;
use crate::{CustomerId, Sealed};

/// Commands of `customers.customer`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CustomerCommand {
    Register {
        customer: CustomerId,
        code: CustomerCode,
        name: Sealed,
        /// A [`crate::customers::PhoneNumber`] in E.164, sealed.
        phone: Sealed,
        email: Option<Sealed>,
        address: Option<Sealed>,
        at: DateTime<Utc>,
    },
    /// How the person is called and reached from now on, as a whole.
    ChangeContact {
        name: Sealed,
        /// A [`crate::customers::PhoneNumber`] in E.164, sealed.
        phone: Sealed,
        email: Option<Sealed>,
        at: DateTime<Utc>,
    },
    /// Records that the subject's key is destroyed (UU 27/2022).
    EraseSubject { at: DateTime<Utc> },
}
