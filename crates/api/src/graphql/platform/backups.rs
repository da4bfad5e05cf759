//! Backups of the whole store, as those who run the platform see them.

use async_graphql::{Context, Enum, ID, Object, Result, SimpleObject};
use simpul_app::permission;
use simpul_domain::BackupId;
use simpul_event_store::feed::Projector as _;
use simpul_projections::platform::backup_list::{self, BackupListProjector, BackupRow, BackupState};

use crate::{
    ApiError,
    graphql::{
        page::{Asked, Listed, Window, connection},
        scalar::DateTime,
        scope::{Scope, scope},
    },
};

const LIST: &str = "backups";

/// Where a backup stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub(crate) enum BackupStatus {
    /// Stored, whole.
    Made,
    /// Nothing was stored.
    Failed,
    /// Read back, byte for byte.
    Verified,
    /// The store was made from it.
    Restored,
    /// Removed, because newer ones keep what the retention promises.
    Expired,
}

impl From<BackupState> for BackupStatus {
    fn from(state: BackupState) -> Self {
        match state {
            BackupState::Made => Self::Made,
            BackupState::Failed => Self::Failed,
            BackupState::Verified => Self::Verified,
            BackupState::Restored => Self::Restored,
            BackupState::Expired => Self::Expired,
        }
    }
}

/// One backup of the whole store, or one try that failed.
#[derive(Debug, SimpleObject)]
pub(crate) struct Backup {
    /// Opaque.
    pub(super) id: ID,
    /// Where it stands.
    status: BackupStatus,
    /// Its name where it is kept; null for one that failed.
    name: Option<String>,
    /// The instant that it shows; of one that failed, when it did.
    taken_at: DateTime,
    /// Of the encrypted archive, in digits.
    size_bytes: Option<String>,
    /// Events of all tenants in it, in digits.
    events: Option<String>,
    /// Why it failed.
    reason: Option<String>,
    /// When it was last read back.
    verified_at: Option<DateTime>,
    /// When the store was made from it.
    restored_at: Option<DateTime>,
}

impl From<BackupRow> for Backup {
    fn from(row: BackupRow) -> Self {
        Self {
            id: row.backup.to_string().into(),
            status: row.state.into(),
            name: row.name,
            taken_at: DateTime(row.taken_at),
            size_bytes: row.size_bytes.map(|bytes| bytes.to_string()),
            events: row.events.map(|events| events.to_string()),
            reason: row.reason,
            verified_at: row.verified_at.map(DateTime),
            restored_at: row.restored_at.map(DateTime),
        }
    }
}

impl Backup {
    pub(super) async fn load(scope: &Scope, backup: BackupId) -> Result<Option<Self>, ApiError> {
        scope.require(permission::PLATFORM_READ).await?;
        let mut tx = scope.read(&[BackupListProjector::NAME]).await?;
        let row = backup_list::by_ids(&mut tx, &[backup]).await?.pop();
        tx.commit().await?;
        Ok(row.map(Self::from))
    }
}

/// Questions about backups.
#[derive(Debug, Default)]
pub(crate) struct BackupsQuery;

#[Object]
impl BackupsQuery {
    /// Backups and tries that failed, newest first.
    /// Permission: platform.read
    async fn backups(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "0 to 100, 50 when absent.")] first: Option<i32>,
        #[graphql(desc = "Cursor of the last row of the page before.")] after: Option<String>,
        #[graphql(desc = "0 to 100: so many from the end, or before a row.")] last: Option<i32>,
        #[graphql(desc = "Cursor of the first row of the page behind.")] before: Option<String>,
    ) -> Result<Listed<Backup>> {
        let scope = scope(context)?;
        scope.require(permission::PLATFORM_READ).await?;
        let asked = Asked::of(context, LIST, Window::both(first, after, last, before))?;
        let mut tx = scope.read(&[BackupListProjector::NAME]).await?;
        let slice = backup_list::list(&mut tx, asked.page()?)
            .await
            .map_err(ApiError::from)?;
        tx.commit().await.map_err(ApiError::from)?;
        Ok(connection(&asked, slice, Backup::from))
    }
}
