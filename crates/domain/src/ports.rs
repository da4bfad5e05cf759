//! What the domain asks of the world. A trait exists only where something outside has a second implementation.
//!
//! The two vocabularies with several providers live beside their context: [`crate::billing::gateway`] for
//! payment gateways and [`crate::messaging::sender`] for messengers. What both share is here.

use std::fmt;

use crate::{
    RouterId, Sealed, SubscriptionId, TenantId,
    network::{RouterAddress, desired::DesiredState},
};

/// Reads what a router should hold now. Always the current state: a job says "converge", never what to send.
pub trait DesiredStates: Send + Sync {
    type Error: std::error::Error + Send + Sync + 'static;

    /// Nothing before the first activation.
    fn desired(
        &self,
        tenant: TenantId,
        subscription: SubscriptionId,
    ) -> impl Future<Output = Result<Option<DesiredState>, Self::Error>> + Send;
}

/// How to reach a router and log in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouterConnection {
    pub router: RouterId,
    pub address: RouterAddress,
    pub username: String,
    pub password: Sealed,
    pub legacy_login: bool,
    /// What it said about itself at this address; nothing before the first contact.
    pub identity: Option<KnownIdentity>,
}

/// Who a router is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownIdentity {
    /// None for a virtual router.
    pub serial: Option<String>,
}

/// Reads how routers are reached.
pub trait RouterDirectory: Send + Sync {
    type Error: std::error::Error + Send + Sync + 'static;

    /// Nothing for a router that is unknown to the tenant or retired. What is known is at least as new as a desired state of
    /// this version: the router that it names is among it.
    fn connection(
        &self,
        tenant: TenantId,
        router: RouterId,
        version: u64,
    ) -> impl Future<Output = Result<Option<RouterConnection>, Self::Error>> + Send;
}

/// A notice from outside exactly as it arrived: nothing is decoded before the signature is verified.
#[derive(Clone, Copy)]
pub struct RawNotice<'a> {
    /// Header names in lower case with their values, duplicates kept.
    pub headers: &'a [(String, String)],
    /// The body's bytes, never re-serialised.
    pub body: &'a [u8],
}

impl<'a> RawNotice<'a> {
    /// The only value of a header. A header that came twice is refused: two values are two opinions.
    pub fn header(&self, name: &str) -> Result<&'a str, NoticeRejected> {
        let mut values = self
            .headers
            .iter()
            .filter(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str());
        match (values.next(), values.next()) {
            (Some(value), None) => Ok(value),
            (None, _) => Err(NoticeRejected::SignatureMissing),
            (Some(_), Some(_)) => Err(NoticeRejected::SignatureDuplicated),
        }
    }
}

/// Headers and bodies carry signatures and personal data, so only sizes are printed.
impl fmt::Debug for RawNotice<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RawNotice")
            .field("headers", &self.headers.len())
            .field("body_bytes", &self.body.len())
            .finish()
    }
}

/// Why a notice is not believed. The answer to the sender says only that it was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoticeRejected {
    #[error("the header that proves the sender is missing")]
    SignatureMissing,
    #[error("the header that proves the sender came more than once")]
    SignatureDuplicated,
    #[error("the proof of the sender is wrong")]
    SignatureWrong,
    /// The named field is missing or has no usable value.
    #[error("the notice cannot be read: {field}")]
    Malformed { field: &'static str },
    /// It is genuine, but meant for another account, merchant or device.
    #[error("the notice is meant for another account")]
    OtherAccount,
}
