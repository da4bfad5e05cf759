//! Letters to users: what each says, sealed when it is written and opened when it is sent (ADR 43).
//!
//! INVARIANT: a letter is written in the transaction of what it tells, sealed with its user's own key. Neither an event
//! nor a command's record has its address or its secret.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use simpul_domain::{
    Rupiah, UserId,
    identity::{LetterKind, User},
};
use simpul_event_store::{
    EventStore, StoreError, TenantTx, Work,
    inline::{
        Inline,
        identity::{
            Change,
            letter::Letter,
            ticket::{Purpose, Ticket},
        },
    },
};
use uuid::Uuid;

use super::{
    field,
    secret::{self, Minted, SecretKind},
};
use crate::{Outcome, Personal, Refusal, refused};

/// How long whoever is invited may wait.
pub const INVITATION_LIFETIME: TimeDelta = TimeDelta::days(7);
/// How long a reset secret is good (`facts/reliability.md` 4.9).
pub const RESET_LIFETIME: TimeDelta = TimeDelta::minutes(30);
/// How long a new address may be proved.
pub const EMAIL_CHANGE_LIFETIME: TimeDelta = TimeDelta::days(1);
const MAX_PROGRAM_CHARS: usize = 200;
/// How long a warning is worth sending.
pub const WARNING_LIFETIME: TimeDelta = TimeDelta::days(7);

/// What a letter says, in clear.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Content {
    /// The address that it goes to.
    pub to: Personal,
    /// What its reader is called.
    pub name: Personal,
    /// The ticket that it brings.
    pub secret: Option<Personal>,
    /// What it warns of.
    pub sight: Option<Sight>,
    /// What it tells of the tenant.
    #[serde(default)]
    pub news: Option<News>,
}

/// What admins are told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum News {
    AddOnRejected {
        add_on: String,
        reason: String,
    },
    AddOnActivated {
        add_on: String,
    },
    BillIssued(Unpaid),
    BillOverdue(Unpaid),
    PanelLocked {
        reason: String,
        /// What opens the panel, if that is money.
        unpaid: Option<Unpaid>,
    },
    PanelUnlocked,
    OwnerInvited,
    IsolirHeld {
        lines: u32,
        of: u32,
        /// Of an average run, where that is known.
        usual: Option<u32>,
    },
    BackupFailed {
        reason: String,
    },
}

/// A bill of the platform that asks for money.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unpaid {
    /// As printed.
    pub number: String,
    pub outstanding: Rupiah,
    /// Last day on which it can be paid in time; letters of before do not say it.
    #[serde(default)]
    pub due_on: Option<NaiveDate>,
}

/// What was seen of somebody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sight {
    pub at: DateTime<Utc>,
    pub ip: Option<Personal>,
    /// As it calls itself.
    pub program: Option<Personal>,
}

/// A letter that is to be written.
#[derive(Debug, Clone)]
pub struct Draft {
    pub kind: LetterKind,
    pub user: UserId,
    pub content: Content,
    pub expires_at: DateTime<Utc>,
}

impl Draft {
    /// The letter as it is kept.
    pub async fn seal(&self, store: &EventStore, tx: &mut TenantTx, id: Uuid) -> Result<Letter, StoreError> {
        let text = SecretString::from(serde_json::to_string(&self.content).map_err(|_| StoreError::Seal)?);
        let subject = self.user.to_string();
        let sealed = store
            .vault()
            .seal(tx, &subject, field::LETTER, text.expose_secret());
        Ok(Letter {
            id,
            user: self.user,
            kind: self.kind,
            content: sealed.await?,
            made_at: store.now(),
            expires_at: self.expires_at,
        })
    }
}

/// What a letter says; [`StoreError::Erased`] once its user is erased.
pub async fn open(store: &EventStore, tx: &mut TenantTx, letter: &Letter) -> Result<Content, StoreError> {
    let subject = letter.user.to_string();
    let text = store
        .vault()
        .open(tx, &subject, field::LETTER, &letter.content)
        .await?;
    serde_json::from_str(text.expose_secret()).map_err(|_| StoreError::Seal)
}

/// What is seen of whoever runs this command.
pub(super) fn sight(work: &Work<'_>) -> Sight {
    let context = work.context();
    Sight {
        at: work.at(),
        ip: context.ip.map(|ip| Personal::new(ip.to_string())),
        program: context
            .user_agent
            .as_deref()
            .map(|text| Personal::new(shown(text))),
    }
}

/// As much of a program's name as is kept and shown.
pub fn shown(user_agent: &str) -> String {
    user_agent.chars().take(MAX_PROGRAM_CHARS).collect()
}

/// Has a letter go out with this command.
pub(super) async fn write(work: &mut Work<'_>, draft: Draft) -> Outcome<()> {
    let id = work.new_uuid();
    let mut tx = work.store().db().tenant_tx(work.tenant()).await?;
    let letter = draft.seal(work.store(), &mut tx, id).await?;
    tx.commit().await?;
    work.inline(Inline::Identity(Change::PutLetter(letter)));
    Ok(())
}

/// What a ticket needs to be sent to its holder.
#[derive(Debug)]
pub(super) struct Ticketed {
    pub(super) user: UserId,
    pub(super) to: Personal,
    pub(super) name: Personal,
    /// What the ticket is about.
    pub(super) content: Option<simpul_domain::Sealed>,
}

/// Makes a ticket and has the letter with it go out.
pub(super) async fn send_ticket(
    work: &mut Work<'_>,
    (kind, secret, purpose): (LetterKind, SecretKind, Purpose),
    lifetime: TimeDelta,
    ticketed: Ticketed,
) -> Outcome<()> {
    let minted = mint(secret, work)?;
    let expires_at = work.at() + lifetime;
    let Ticketed {
        user,
        to,
        name,
        content,
    } = ticketed;
    work.inline(Inline::Identity(Change::PutTicket(Ticket {
        hash: minted.hash,
        purpose,
        user,
        expires_at,
        content,
    })));
    let content = Content {
        to,
        name,
        secret: Some(Personal::new(minted.text.expose_secret())),
        sight: None,
        news: None,
    };
    write(
        work,
        Draft {
            kind,
            user,
            content,
            expires_at,
        },
    )
    .await
}

fn mint(kind: SecretKind, work: &Work<'_>) -> Outcome<Minted> {
    secret::mint(kind, work.tenant()).map_err(|_| StoreError::Seal.into())
}

/// A user's address and name; a refusal for whoever has none.
pub(super) async fn contact(work: &mut Work<'_>, user: UserId) -> Outcome<(Personal, Personal)> {
    let id = user.to_string();
    let state = work.load::<User>(&id).await?;
    let contact = state.contact().map(|(email, name)| (email.clone(), name.clone()));
    let (email, name) = contact.ok_or_else(|| refused(Refusal::Missing { what: "user" }))?;
    let (store, tenant) = (work.store(), work.tenant());
    Ok((
        Personal::open(store, tenant, (&id, field::EMAIL), &email).await?,
        Personal::open(store, tenant, (&id, field::NAME), &name).await?,
    ))
}
