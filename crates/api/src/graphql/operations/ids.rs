//! Names of what is stuck: opaque to clients, and of one kind each.

use async_graphql::ID;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use simpul_domain::operations::Stuck;

/// An opaque id of something that has a key of two texts.
pub(super) fn seal(prefix: &str, first: &str, second: &str) -> ID {
    format!(
        "{prefix}_{}",
        URL_SAFE_NO_PAD.encode(format!("{first}\n{second}"))
    )
    .into()
}

fn open(prefix: &str, id: &ID) -> Option<(String, String)> {
    let sealed = id.strip_prefix(prefix)?.strip_prefix('_')?;
    let text = String::from_utf8(URL_SAFE_NO_PAD.decode(sealed).ok()?).ok()?;
    let (first, second) = text.split_once('\n')?;
    Some((first.to_owned(), second.to_owned()))
}

pub(super) const DEAD_LETTER: &str = "ddl";
pub(super) const PARKED_KEY: &str = "pkd";
pub(super) const LANE: &str = "lan";

/// What an id means; one that cannot be an id of the kind is one that does not exist.
pub(super) type Parse = fn(&ID) -> Option<Stuck>;

pub(super) fn dead_letter(id: &ID) -> Option<Stuck> {
    let (consumer, message) = open(DEAD_LETTER, id)?;
    Some(Stuck::DeadLetter {
        consumer,
        message: message.parse().ok()?,
    })
}

pub(super) fn parked_key(id: &ID) -> Option<Stuck> {
    let (subscriber, key) = open(PARKED_KEY, id)?;
    Some(Stuck::ParkedKey { subscriber, key })
}

pub(super) fn parcel(id: &ID) -> Option<Stuck> {
    Some(Stuck::Parcel {
        parcel: id.parse().ok()?,
    })
}

pub(super) fn lane(id: &ID) -> Option<Stuck> {
    let (lane, subject) = open(LANE, id)?;
    Some(Stuck::Lane { lane, subject })
}

pub(super) fn notice(id: &ID) -> Option<Stuck> {
    Some(Stuck::Notice {
        notice: id.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_opaque_id_leads_back_to_what_it_names_and_rubbish_to_nothing() {
        let id = seal(PARKED_KEY, "projection/invoices/v1", "billing.invoice/inv_1");
        assert_eq!(
            parked_key(&id),
            Some(Stuck::ParkedKey {
                subscriber: "projection/invoices/v1".to_owned(),
                key: "billing.invoice/inv_1".to_owned(),
            })
        );
        assert_eq!(lane(&id), None, "an id of another kind");
        for rubbish in ["", "pkd_", "pkd_!", "pkd_YQ", "ddl_YQpi"] {
            let id = ID::from(rubbish);
            assert_eq!((parked_key(&id), dead_letter(&id)), (None, None), "{rubbish}");
        }
    }
}
