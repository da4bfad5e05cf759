//! What people and clients write: ids, consistency tokens, names, numbers, amounts.

use simpul_adapters::egress::Prefix;
use simpul_domain::{
    CustomerId, EventId, InvoiceId, RouterId, TenantId,
    billing::{MerchantRef, gateway::parse_amount},
    customers::{CustomerCode, PhoneNumber},
    identity::{EmailAddress, RoleKey},
    network::{PppProfile, RouterHost, Sha256Hex},
    subscriptions::PppUsername,
    tenancy::Subdomain,
};
use simpul_event_store::ConsistencyToken;

/// What was read and written again is the same thing.
macro_rules! round_trip {
    ($text:ident: $($type:ty),+) => {$(
        if let Ok(read) = $text.parse::<$type>() {
            let written = read.to_string();
            assert_eq!(written.parse::<$type>().ok(), Some(read), "{:?} as {written:?}", $text);
        }
    )+};
}

/// The same for texts with rules.
macro_rules! parsed_again {
    ($text:ident: $($type:ty),+) => {$(
        if let Ok(read) = <$type>::parse($text) {
            let written = read.to_string();
            assert_eq!(<$type>::parse(&written).ok(), Some(read), "{:?} as {written:?}", $text);
        }
    )+};
}

pub(crate) fn ids_and_texts(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    round_trip!(text: CustomerId, EventId, InvoiceId, RouterId, TenantId, RoleKey, Prefix, ConsistencyToken);
    parsed_again!(text: CustomerCode, EmailAddress, MerchantRef, PppProfile, PppUsername, RouterHost, Sha256Hex, Subdomain);
    if let Ok(number) = PhoneNumber::parse(text) {
        assert_eq!(PhoneNumber::parse(&number.e164()).ok(), Some(number));
    }
    if let Ok(amount) = parse_amount(text) {
        assert!(
            !amount.is_positive() || text.bytes().any(|byte| byte != b'0'),
            "{text:?}"
        );
    }
}
