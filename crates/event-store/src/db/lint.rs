//! The linter of isolation: row-level security holds only as long as every table, key, policy, function and role
//! keeps its rules, so they are read back from the catalogue at start and in CI (`facts/reliability.md` 4.4).
//!
//! Each rule is one statement that returns the objects that break it. Extensions' own objects are not ours.
#![expect(
    clippy::disallowed_methods,
    reason = "the catalogue is read by rules in a table, not by queries of the product"
)]

use std::fmt;

use sqlx::{PgConnection, Row as _};

use crate::{Db, StoreError};

mod rules;

/// One broken rule.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    pub rule: &'static str,
    /// What breaks it, such as a table or a role.
    pub object: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.rule, self.object)
    }
}

/// Every broken rule of this database; a sound one has none.
pub async fn lint(db: &Db) -> Result<Vec<Finding>, StoreError> {
    let mut tx = db.system_tx().await?;
    let findings = lint_on(&mut tx).await?;
    tx.commit().await?;
    Ok(findings)
}

/// Like [`lint`], on a connection of the caller's; any role may read the catalogue.
pub async fn lint_on(connection: &mut PgConnection) -> Result<Vec<Finding>, StoreError> {
    let mut findings = Vec::new();
    for &(rule, sql) in rules::RULES {
        let rows = sqlx::query(&format!("{} {sql}", rules::SUBJECTS))
            .bind(rules::SYSTEM_COLUMNS)
            .bind(rules::SHARED_TABLES)
            .bind(rules::PLATFORM_KEYS)
            .fetch_all(&mut *connection)
            .await?;
        for row in rows {
            findings.push(Finding {
                rule,
                object: row.try_get(0)?,
            });
        }
    }
    Ok(findings)
}
