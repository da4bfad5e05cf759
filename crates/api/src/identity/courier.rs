//! How invitations and reset secrets reach their holders. No adapter for e-mail is here yet: the one courier puts
//! letters into a folder, from where a mailer, or a developer, takes them.

use std::{fmt::Debug, path::PathBuf};

use futures_util::{FutureExt as _, future::BoxFuture};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;
use simpul_domain::TenantId;
use tokio::io::AsyncWriteExt as _;
use uuid::Uuid;

/// What a letter is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LetterKind {
    Invitation,
    PasswordReset,
}

impl LetterKind {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Invitation => "invitation",
            Self::PasswordReset => "password_reset",
        }
    }
}

/// A secret on its way. Neither it nor the address is ever printed.
#[derive(Debug)]
pub struct Letter {
    pub id: Uuid,
    pub kind: LetterKind,
    pub tenant: TenantId,
    pub to: SecretString,
    pub secret: SecretString,
}

/// The letter did not leave; whoever waits for it asks again.
#[derive(Debug, thiserror::Error)]
pub enum Undelivered {
    #[error("no courier is configured: set identity.letters_folder")]
    NoCourier,
    #[error("the letter cannot be written")]
    Io(#[from] std::io::Error),
}

/// Takes letters to their holders.
pub trait SecretCourier: Debug + Send + Sync {
    fn deliver(&self, letter: Letter) -> BoxFuture<'_, Result<(), Undelivered>>;
}

/// Nobody takes letters.
#[derive(Debug, Clone, Copy)]
pub struct NoCourier;

impl SecretCourier for NoCourier {
    fn deliver(&self, _letter: Letter) -> BoxFuture<'_, Result<(), Undelivered>> {
        async { Err(Undelivered::NoCourier) }.boxed()
    }
}

/// One file a letter, for its owner's eyes only.
#[derive(Debug, Clone)]
pub struct Folder(PathBuf);

impl Folder {
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    async fn write(&self, letter: Letter) -> Result<(), Undelivered> {
        tokio::fs::create_dir_all(&self.0).await?;
        let body = json!({
            "kind": letter.kind.as_str(),
            "tenant": letter.tenant,
            "to": letter.to.expose_secret(),
            "secret": letter.secret.expose_secret(),
        });
        let path = self.0.join(format!("{}.json", letter.id.simple()));
        // Whoever looks for letters takes whole ones only.
        let part = path.with_extension("part");
        let mut options = tokio::fs::OpenOptions::new();
        let mut file = options
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&part)
            .await?;
        file.write_all(body.to_string().as_bytes()).await?;
        file.sync_all().await?;
        tokio::fs::rename(&part, &path).await?;
        Ok(())
    }
}

impl SecretCourier for Folder {
    fn deliver(&self, letter: Letter) -> BoxFuture<'_, Result<(), Undelivered>> {
        self.write(letter).boxed()
    }
}
