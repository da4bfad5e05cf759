//! The Tripay client by its published vectors and against the stand-in.

mod calls;
mod notices;

use chrono::{DateTime, Utc};
use simpul_domain::Rupiah;

use super::*;

fn instant(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(seconds, 0).expect("an instant")
}

fn rupiah(amount: i64) -> Rupiah {
    Rupiah::try_new(amount).expect("an amount")
}

fn signer() -> Signer {
    Signer::new("T12345".to_owned(), "dummy-private-key-0001".into())
}
