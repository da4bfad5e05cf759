//! What a router should hold for a subscription, computed from facts alone.
//!
//! The result is compared, applied, read back and proved; nothing else is ever sent to a router. Its canonical
//! text is the same on every machine and names no secret: hashing it is the caller's part, and the hash of what
//! was read back in the same form is the proof.

use super::{Access, PppProfile};
use crate::{
    RouterId, Sealed, SubscriptionId, TenantId,
    subscriptions::{PppUsername, SubscriptionStatus},
    tenancy::IsolirStrategy,
};

/// What is known about a subscription.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceFacts {
    pub tenant: TenantId,
    pub subscription: SubscriptionId,
    pub router: RouterId,
    pub status: SubscriptionStatus,
    pub username: PppUsername,
    pub secret: Sealed,
    /// Position in the log of the event that set it.
    pub secret_version: u64,
    /// Profile of the current plan.
    pub profile: PppProfile,
    /// Position in the log of the last event that changed the line.
    pub version: u64,
}

/// How the tenant isolates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IsolirSettings {
    pub strategy: IsolirStrategy,
    pub profile: PppProfile,
}

/// What the router should hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DesiredState {
    pub subscription: SubscriptionId,
    pub router: RouterId,
    pub version: u64,
    pub access: Access,
    pub username: PppUsername,
    /// Opened by whoever talks to the router; not part of the canonical text.
    pub secret: Sealed,
    /// What was proved before this position may hold another secret, and not every router lets it be read.
    pub secret_version: u64,
    pub account: Account,
    /// Appended to the comment of what we own; an object without it is never touched.
    pub marker: String,
}

/// The PPP account on the router.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Account {
    Absent,
    Present {
        profile: PppProfile,
        disabled: bool,
        /// The router keeps the address of every session of this account on the isolir list, from the moment it begins.
        isolir_listed: bool,
    },
}

/// What a router should hold now; nothing before the first activation.
pub fn desired(facts: &ServiceFacts, isolir: &IsolirSettings) -> Option<DesiredState> {
    let plan = |disabled| Account::Present {
        profile: facts.profile.clone(),
        disabled,
        isolir_listed: false,
    };
    let (access, account) = match facts.status {
        SubscriptionStatus::Absent | SubscriptionStatus::Pending => return None,
        SubscriptionStatus::Active => (Access::Full, plan(false)),
        SubscriptionStatus::Isolated => (Access::Isolated, isolated(facts, isolir)),
        SubscriptionStatus::Suspended | SubscriptionStatus::Stopped => (Access::Blocked, plan(true)),
        SubscriptionStatus::Terminated => (Access::Removed, Account::Absent),
    };
    Some(DesiredState {
        subscription: facts.subscription,
        router: facts.router,
        version: facts.version,
        access,
        username: facts.username.clone(),
        secret: facts.secret.clone(),
        secret_version: facts.secret_version,
        account,
        marker: marker(facts.tenant, facts.subscription),
    })
}

/// The mark of ownership in a comment.
pub fn marker(tenant: TenantId, subscription: SubscriptionId) -> String {
    format!("simpul:{tenant}:{subscription}")
}

fn isolated(facts: &ServiceFacts, isolir: &IsolirSettings) -> Account {
    let account = |profile: &PppProfile, disabled, isolir_listed| Account::Present {
        profile: profile.clone(),
        disabled,
        isolir_listed,
    };
    match isolir.strategy {
        IsolirStrategy::PppProfileSwitch => account(&isolir.profile, false, false),
        IsolirStrategy::AddressList => account(&facts.profile, false, true),
        IsolirStrategy::DisableSecret => account(&facts.profile, true, false),
        // RADIUS restricts the session; the router's own account stays as the plan has it.
        IsolirStrategy::RadiusAttributes | IsolirStrategy::RadiusCoa | IsolirStrategy::RadiusReject => {
            account(&facts.profile, false, false)
        }
    }
}

impl DesiredState {
    /// The text to hash: one `key=value` per line, in this order, for ever (a change is a new first line).
    pub fn canonical(&self) -> String {
        let head = format!("simpul-ppp-1\nname={}\n", self.username);
        match &self.account {
            Account::Absent => format!("{head}present=no\n"),
            Account::Present {
                profile,
                disabled,
                isolir_listed,
            } => format!(
                "{head}present=yes\nservice=pppoe\nprofile={profile}\ndisabled={}\nisolir-listed={}\nmarker={}\n",
                yes_no(*disabled),
                yes_no(*isolir_listed),
                self.marker,
            ),
        }
    }
}

const fn yes_no(flag: bool) -> &'static str {
    if flag { "yes" } else { "no" }
}

#[cfg(test)]
mod tests;
