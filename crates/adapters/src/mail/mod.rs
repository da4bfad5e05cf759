//! Letters to users on their way: parcels of the outbox, leased, written in the reader's language, handed to a mail
//! server, and ended.
//!
//! A letter is tried three times; then it has failed, and waits for a person (Property 60). One that the server refuses for
//! good waits at once: another try would be refused too. A try that left no record is made again under the same `Message-ID`: of a letter that comes twice nobody is harmed, its ticket is the same one.
//! Address, text and secret exist between reading and sending only; of a mail server's answer its code is kept, and of a
//! refusal its text, without what may be the address (`refusal`). Deliberately not here: what letters there are (`simpul_app::identity`).

mod folder;
pub mod letter;
mod refusal;
mod smtp;
mod tries;
mod worker;

use chrono::{DateTime, Utc};
use secrecy::SecretString;
use uuid::Uuid;

pub use self::{
    folder::Folder,
    smtp::{Credentials, Security, Smtp, SmtpError, SmtpSettings},
    tries::MAX_TRIES,
    worker::{Content, Ports, Postman, Settings},
};

/// One e-mail, ready to go. Neither its text nor its address is ever printed.
#[derive(Debug, Clone)]
pub struct Mail {
    /// Names it, however often it is sent.
    pub id: Uuid,
    /// Who writes, beside the address of the installation.
    pub from: String,
    pub to: SecretString,
    pub subject: String,
    pub text: SecretString,
    pub html: SecretString,
    pub at: DateTime<Utc>,
}

/// It did not go out, or nobody knows. The reason is for operators and names nobody.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Undelivered {
    pub reason: String,
    /// The server will never take it as it is.
    pub for_good: bool,
}

impl Undelivered {
    pub(crate) fn new(reason: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
            for_good: false,
        }
    }

    pub(crate) fn for_good(reason: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
            for_good: true,
        }
    }
}

/// Where this installation's e-mails go.
#[derive(Debug, Clone)]
pub enum Post {
    Smtp(Box<Smtp>),
    /// Development: one file each.
    Folder(Folder),
    /// Nowhere is configured: letters fail, and wait for a person.
    Nowhere,
}

impl Post {
    pub async fn deliver(&self, mail: &Mail) -> Result<(), Undelivered> {
        match self {
            Self::Smtp(smtp) => smtp.deliver(mail).await,
            Self::Folder(folder) => folder.deliver(mail).await,
            Self::Nowhere => Err(Undelivered::new("no mail server is configured: set mail.host")),
        }
    }
}
