//! Out: every row of one moment.

use secrecy::ExposeSecret as _;
use simpul_domain::TenantId;
use sqlx::types::JsonRawValue;

use super::{Ending, FORMAT, Line, Moved, MovingError, Opening, Row, tables::CARRIED};
use crate::{
    EventStore, StoreError, audit,
    db::{dynamic, migrate},
};

/// Gives `put` the tenant's lines. The log's chain is recomputed on the way out: what is broken stays.
pub async fn export(
    store: &EventStore,
    tenant: TenantId,
    mut put: impl AsyncFnMut(String) -> std::io::Result<()>,
) -> Result<Moved, MovingError> {
    if tenant == TenantId::PLATFORM {
        return Err(MovingError::Platform);
    }
    let mut tx = store.db().moment_tx(tenant).await?;
    let sound = audit::verify_within(&mut tx).await??;
    if sound.seq == 0 {
        return Err(MovingError::Missing);
    }
    let key = match store.vault().data_key(&mut tx).await {
        Err(StoreError::Erased) => return Err(MovingError::Erased),
        key => key?,
    };
    let opening = Opening {
        format: FORMAT,
        tenant,
        schema: &migrate::fingerprint(),
        key: key.expose_secret(),
    };
    put(text(&Line::Tenant(opening))?).await?;
    let mut rows = 0;
    for table in CARRIED {
        dynamic::open_rows(&mut tx, table.name, table.rows).await?;
        loop {
            let page = dynamic::next_rows(&mut tx).await?;
            if page.is_empty() {
                break;
            }
            for row in &page {
                let of: &JsonRawValue = serde_json::from_str(row).map_err(unwritable)?;
                let table = table.name;
                put(text(&Line::Row(Row { table, of }))?).await?;
                rows += 1;
            }
        }
    }
    tx.rollback().await?;
    let (seq, head) = (sound.seq, hex::encode(sound.head));
    let ending = Ending {
        rows,
        seq,
        head: head.clone(),
    };
    put(text(&Line::End(ending))?).await?;
    Ok(Moved {
        tenant,
        seq,
        head,
        rows,
    })
}

fn text(line: &Line<'_>) -> Result<String, MovingError> {
    serde_json::to_string(line).map_err(unwritable)
}

fn unwritable(error: serde_json::Error) -> MovingError {
    StoreError::Unwritable(error).into()
}
