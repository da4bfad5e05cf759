//! The platform's own use cases, all in the log of its reserved tenant. What tenants must hear of follows by policy.

mod accounts;
mod backups;
mod catalogue;
mod domains;
mod founding;
mod orders;
mod owners;

pub use accounts::{
    ChangeStanding, ChangeTerms, DeleteAccount, OpenAccount, RenameAccount, SetRadiusCutOff, Standing, Terms,
};
pub use backups::{BackupNews, RecordBackup};
pub use catalogue::{DefineAddOn, DefinePlatformPlan, OfferPlatformPlan, RetireAddOn, RetirePlatformPlan};
pub use domains::{ChangeDomain, DomainChange};
pub use founding::{FoundPlatform, found};
pub use orders::{CancelAddOn, EndAddOn, RequestAddOn};
pub use owners::InviteTenantOwner;

/// Fields of an account's owners that are sealed, under the account's stream.
pub mod owner_field {
    pub const NAME: &str = "owner_name";
    pub const EMAIL: &str = "owner_email";
}
