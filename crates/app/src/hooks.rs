//! The paths on which the world reports: one key for each connected account, with a secret at its end.

use simpul_event_store::inline::directory::{self, Route};

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
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hook {
    reporter: Reporter,
    account: String,
    key: String,
}

impl Hook {
    /// `kind`: the driver's word. `token`: a second factor beside a signature, or the only proof where there is none.
    pub fn new(reporter: Reporter, kind: &str, account: &str, token: &str) -> Self {
        Self {
            reporter,
            account: account.to_owned(),
            key: format!("{kind}/{account}/{token}"),
        }
    }

    /// Below the public URL.
    pub fn path(&self) -> String {
        format!("{}/{}", self.reporter.root(), self.key)
    }

    /// The entry of the directory by which the path is found.
    pub fn route(self) -> Route {
        Route {
            kind: directory::kind::WEBHOOK.to_owned(),
            key: self.key,
            target: self.account,
        }
    }
}
