//! The paths on which the world reports: one for each connected account, with a secret at its end.
//!
//! INVARIANT: the secret is written nowhere. It follows from the tenant's key in the vault, and events and directory know
//! its digest, so that neither a reader of the log nor one of the tables can name the path (ADR 47).

use aws_lc_rs::digest;
use simpul_domain::TenantId;
use simpul_event_store::{
    EventStore, StoreError,
    inline::directory::{self, Route},
};

/// Scope of the vault's index from which the secrets follow.
const SCOPE: &str = "hook";

/// Who reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reporter {
    /// Payment gateways.
    Payment,
    /// Messengers.
    Message,
}

impl Reporter {
    const fn root(self) -> &'static str {
        match self {
            Self::Payment => "/hooks/v1/pay",
            Self::Message => "/hooks/v1/message",
        }
    }
}

/// One account's way in.
#[derive(Clone, PartialEq, Eq)]
pub struct Hook {
    reporter: Reporter,
    /// The driver's word.
    kind: &'static str,
    account: String,
    /// A second factor beside a signature, or the only proof where there is none.
    token: String,
}

impl Hook {
    /// That of the tenant's account, the same every time.
    pub(crate) async fn of(
        store: &EventStore,
        tenant: TenantId,
        reporter: Reporter,
        kind: &'static str,
        account: &str,
    ) -> Result<Self, StoreError> {
        let mut tx = store.db().tenant_tx(tenant).await?;
        let token = store.vault().blind_index(&mut tx, SCOPE, account).await?;
        tx.commit().await?;
        Ok(Self {
            reporter,
            kind,
            account: account.to_owned(),
            token,
        })
    }

    /// Below the public URL.
    pub fn path(&self) -> String {
        let Self {
            kind, account, token, ..
        } = self;
        format!("{}/{kind}/{account}/{token}", self.reporter.root())
    }

    /// What may be written down of the secret.
    pub fn digest(&self) -> String {
        digest_of(&self.token)
    }

    /// The entry of the directory by which the path is found.
    pub fn route(self) -> Route {
        Route {
            kind: directory::kind::WEBHOOK.to_owned(),
            key: key(self.kind, &self.account, &self.token),
            target: self.account,
        }
    }
}

impl std::fmt::Debug for Hook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Hook({}/{}/…)", self.kind, self.account)
    }
}

/// The directory's key for a path that ends in `token`.
pub fn key(kind: &str, account: &str, token: &str) -> String {
    format!("{kind}/{account}/{}", digest_of(token))
}

fn digest_of(token: &str) -> String {
    hex::encode(digest::digest(&digest::SHA256, token.as_bytes()).as_ref())
}
