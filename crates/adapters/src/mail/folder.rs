//! Development: letters as files, for their developer's eyes only.

use std::path::PathBuf;

use tokio::io::AsyncWriteExt as _;

use super::{Mail, Undelivered, smtp};

/// One `.eml` file a letter, mode 0600.
#[derive(Debug, Clone)]
pub struct Folder(PathBuf);

impl Folder {
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    pub(super) async fn deliver(&self, mail: &Mail) -> Result<(), Undelivered> {
        let message = smtp::compose(mail, "simpul@localhost.localdomain")?;
        let path = self.0.join(format!("{}.eml", mail.id.simple()));
        self.write(&path, &message.formatted())
            .await
            .map_err(|error| Undelivered::new(format!("the folder of letters: {}", error.kind())))
    }

    async fn write(&self, path: &std::path::Path, bytes: &[u8]) -> std::io::Result<()> {
        tokio::fs::create_dir_all(&self.0).await?;
        // Whoever looks for letters takes whole ones only.
        let part = path.with_extension("part");
        let mut options = tokio::fs::OpenOptions::new();
        let mut file = options
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&part)
            .await?;
        file.write_all(bytes).await?;
        file.sync_all().await?;
        tokio::fs::rename(&part, path).await
    }
}
