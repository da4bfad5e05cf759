//! What users prove themselves with: passwords, second factors, sessions, tickets and keys of machines, and who is
//! held up for guessing.
//!
//! Not history: every row here can be replaced or destroyed. INVARIANT: no clear secret is stored; what is short
//! enough to be guessed is sealed, what is random is kept as its SHA-256.

pub mod address;
pub mod api_key;
pub mod credential;
pub mod delay;
pub mod letter;
pub mod session;
pub mod sign_in;
pub mod ticket;

use chrono::{DateTime, Utc};
use simpul_domain::{ApiKeyId, Sealed, SessionId, UserId};

use self::{
    api_key::NewKey,
    letter::Letter,
    session::NewSession,
    ticket::{Purpose, Ticket},
};
use crate::{StoreError, db::TenantTx};

/// SHA-256 of a random secret.
pub type SecretHash = [u8; 32];

/// A change in the transaction of a command.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    SetPassword {
        user: UserId,
        password: Sealed,
    },
    /// A second factor that does not count yet.
    OfferTotp {
        user: UserId,
        secret: Sealed,
    },
    /// It counts from now on; `step` is that of the code that proved it.
    ConfirmTotp {
        user: UserId,
        step: i64,
        recovery: Vec<SecretHash>,
    },
    DropTotp {
        user: UserId,
    },
    /// Refused as a conflict when the code was used meanwhile.
    SpendRecovery {
        user: UserId,
        code: SecretHash,
    },
    StartSession(NewSession),
    EndSession {
        session: SessionId,
        at: DateTime<Utc>,
    },
    PutTicket(Ticket),
    /// Refused as a conflict when the ticket was used meanwhile.
    SpendTicket {
        ticket: SecretHash,
    },
    DropTickets {
        user: UserId,
        purpose: Purpose,
    },
    /// It goes out when the command has been committed, and not otherwise.
    PutLetter(Letter),
    PutKey(NewKey),
    RevokeKey {
        key: ApiKeyId,
        at: DateTime<Utc>,
    },
    /// No session that goes on lasts longer than this from its beginning.
    ShortenSessions {
        days: u8,
    },
    /// Everything by which the user could prove who they are, and from where they came.
    Forget {
        user: UserId,
    },
}

impl Change {
    pub(super) async fn write(&self, tx: &mut TenantTx) -> Result<(), StoreError> {
        match self {
            Self::SetPassword { user, password } => credential::set_password(tx, *user, password).await,
            Self::OfferTotp { user, secret } => credential::offer_totp(tx, *user, secret).await,
            Self::ConfirmTotp { user, step, recovery } => {
                credential::confirm_totp(tx, *user, *step, recovery).await
            }
            Self::DropTotp { user } => credential::drop_totp(tx, *user).await,
            Self::SpendRecovery { user, code } => credential::spend_recovery(tx, *user, code).await,
            Self::StartSession(session) => session::start(tx, session).await,
            Self::EndSession { session, at } => session::end(tx, *session, *at).await,
            Self::PutTicket(ticket) => ticket::put(tx, ticket).await,
            Self::SpendTicket { ticket } => ticket::spend(tx, ticket).await,
            Self::DropTickets { user, purpose } => ticket::drop_all(tx, *user, *purpose).await,
            Self::PutKey(key) => api_key::put(tx, key).await,
            Self::RevokeKey { key, at } => api_key::revoke(tx, *key, *at).await,
            Self::PutLetter(letter) => letter::put(tx, letter).await,
            Self::ShortenSessions { days } => session::shorten(tx, *days).await,
            Self::Forget { user } => forget(tx, *user).await,
        }
    }
}

async fn forget(tx: &mut TenantTx, user: UserId) -> Result<(), StoreError> {
    credential::forget(tx, user).await?;
    ticket::forget(tx, user).await?;
    letter::forget(tx, user).await?;
    session::forget(tx, user).await?;
    sign_in::forget(tx, user).await
}
