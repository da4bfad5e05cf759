//! From a gateway's notice to the proof on the router, against the limit of SPEC section 19. The product with all its roles,
//! the router simulator and the gateway's stand-in are one process here, the database is another.

use simpul::{
    config::Config,
    demo::{MOST_ROUNDS, paid_to_online},
};
use simpul_testkit::TestDb;

use crate::report::{Line, percentile};

/// Operators, one after the other.
const OPERATORS: usize = 4;
const LIMIT_SECONDS: f64 = 5.0;

/// An empty database for a product with everything in one process.
pub(crate) struct Database {
    db: TestDb,
    keys: tempfile::TempDir,
}

impl Database {
    pub(crate) async fn create() -> anyhow::Result<Self> {
        Ok(Self {
            db: TestDb::create().await,
            keys: tempfile::tempdir()?,
        })
    }

    pub(crate) fn superuser_url(&self) -> String {
        self.db.superuser_url()
    }

    pub(crate) fn config(&self) -> Config {
        let mut config = Config::default();
        config.database.owner_url = Some(self.db.owner_url.clone().into());
        config.database.app_url = Some(self.db.app_url.clone().into());
        config.database.system_url = Some(self.db.system_url.clone().into());
        self.keys.path().clone_into(&mut config.dev.folder);
        config
    }
}

pub(crate) async fn run() -> anyhow::Result<Vec<Line>> {
    let mut seconds = Vec::new();
    for _ in 0..OPERATORS {
        let database = Database::create().await?;
        seconds.extend(paid_to_online(database.config(), MOST_ROUNDS).await?);
    }
    let line =
        |name, share| Line::lower_is_better(name, "s", &[percentile(&seconds, share)], &[LIMIT_SECONDS]);
    Ok(vec![
        line("paid to online, p50 (limit)", 0.5),
        line("paid to online, p95 (limit)", 0.95),
    ])
}
