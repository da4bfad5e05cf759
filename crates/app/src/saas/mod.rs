//! Billing the platform's operators: terms, tabs and transfers in the platform's log, statements in the operators' own.
//!
//! One command touches one log. What crosses over goes event → policy → command (see [`crate::policies`]).

mod accounts;
mod bills;
mod locks;
mod payers;
mod preview;
mod statements;
mod tabs;
mod terms;

pub use accounts::{ConnectPlatformGateway, ConnectPlatformSender};
pub use bills::{BillAccount, MarkBillPaid, RegisterPayer, VoidBill};
pub(crate) use locks::unpaid_bill;
pub use locks::{LockForArrears, UnlockAfterArrears};
pub use payers::ChangePayer;
pub use preview::{NextBill, PlanChangePreview, PreviewPlanChange};
pub(crate) use statements::unpaid;
pub use statements::{HearOfBill, RequestBillPayment, RequestedPayment};
pub use tabs::{ClearArrears, CloseTab, EndCharge, NoteArrears, OpenTab, ResumeTab, StartCharge, SuspendTab};
pub use terms::{SetTerms, TERMS};
