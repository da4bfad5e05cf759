//! Every projection, found by name.

use std::{collections::HashMap, time::Duration};

use secrecy::SecretString;
use simpul_domain::TenantId;
use simpul_event_store::{
    EventStore, StoreError,
    feed::{
        HandlerError, ProjectionSettings, Projector, Runner, RunnerSettings,
        projection::{self, State},
        rebuild::{self, RebuildError, Rebuilt},
        run_shards,
    },
};
use tokio::task::{AbortHandle, JoinSet};
use tokio_util::sync::CancellationToken;

use crate::{
    audit::history::HistoryProjector,
    billing::{invoice_list::InvoiceListProjector, money::MoneyProjector},
    catalog::plan_list::PlanListProjector,
    customers::customer_list::CustomerListProjector,
    identity::{role_list::RoleListProjector, user_list::UserListProjector},
    messaging::message_list::MessageListProjector,
    network::{desired::DesiredProjector, router_list::RouterListProjector},
    operations::job_list::JobListProjector,
    platform::{
        account_list::AccountListProjector, backup_list::BackupListProjector, offers::OffersProjector,
    },
    saas::statement_list::StatementListProjector,
    subscriptions::subscription_list::SubscriptionListProjector,
    tenancy::{order_list::OrderListProjector, tenant::TenantProjector, usage_days::UsageProjector},
};

/// How often the list of versions is looked at.
const LOOK: Duration = Duration::from_secs(1);

/// No projection of that name, or what went wrong with it.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    #[error("there is no projection {name}")]
    Unknown { name: String },
    #[error(transparent)]
    Rebuild(#[from] RebuildError),
    #[error(transparent)]
    Handler(#[from] HandlerError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

macro_rules! projections {
    ($($projector:ident),+ $(,)?) => {
        /// Names of all projections.
        pub const NAMES: &[&str] = &[$($projector::NAME),+];

        /// Evaluates `$body` with the projector of that name.
        macro_rules! with_projector {
            ($name:expr, $bound:ident => $body:expr) => {
                match $name {
                    $(name if name == $projector::NAME => {
                        let $bound = $projector;
                        $body
                    })+
                    unknown => Err(RegistryError::Unknown { name: unknown.to_owned() }),
                }
            };
        }
    };
}

projections!(
    HistoryProjector,
    DesiredProjector,
    RouterListProjector,
    SubscriptionListProjector,
    InvoiceListProjector,
    MoneyProjector,
    MessageListProjector,
    CustomerListProjector,
    PlanListProjector,
    TenantProjector,
    OrderListProjector,
    AccountListProjector,
    OffersProjector,
    BackupListProjector,
    StatementListProjector,
    UserListProjector,
    RoleListProjector,
    JobListProjector,
    UsageProjector,
);

/// Runs every version that is live or being built, and those that appear meanwhile, until `stop`.
///
/// Any number of processes may do this: each version has one leader at a time.
pub async fn supervise(store: EventStore, settings: impl Into<ProjectionSettings>, stop: CancellationToken) {
    let settings = settings.into();
    let mut running: HashMap<(String, i32), Running> = HashMap::new();
    let mut runners = JoinSet::new();
    while !stop.is_cancelled() {
        match wanted(&store).await {
            Ok(wanted) => {
                running.retain(|key, runner| runner.is_wanted(wanted.contains(key)));
                for key in wanted {
                    running.entry(key).or_insert_with_key(|(name, version)| {
                        Running::start(&mut runners, &store, (name.clone(), *version), settings, &stop)
                    });
                }
            }
            Err(error) => tracing::warn!(%error, "versions of read models cannot be listed"),
        }
        while runners.try_join_next().is_some() {}
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(LOOK) => {}
        }
    }
    while runners.join_next().await.is_some() {}
}

/// A runner of [`supervise`].
#[derive(Debug)]
struct Running {
    stop: CancellationToken,
    task: AbortHandle,
}

impl Running {
    fn start(
        runners: &mut JoinSet<()>,
        store: &EventStore,
        (name, version): (String, i32),
        settings: ProjectionSettings,
        stop: &CancellationToken,
    ) -> Self {
        let stop = stop.child_token();
        let (store, stopped) = (store.clone(), stop.clone());
        let task = runners.spawn(async move {
            if let Err(error) = run(store, &name, version, settings, stopped).await {
                tracing::error!(projection = name, version, %error, "projection does not run");
            }
        });
        Self { stop, task }
    }

    /// Stops a runner that is not wanted any more, and forgets one that has ended, so that it is started again.
    fn is_wanted(&self, wanted: bool) -> bool {
        if !wanted {
            self.stop.cancel();
        }
        wanted && !self.task.is_finished()
    }
}

/// Versions that are live or being built, of the projections that this binary knows.
async fn wanted(store: &EventStore) -> Result<Vec<(String, i32)>, StoreError> {
    Ok(projection::versions(store.db())
        .await?
        .into_iter()
        .filter(|version| version.state != State::Retired && NAMES.contains(&version.name.as_str()))
        .map(|version| (version.name, version.version))
        .collect())
}

/// Runs one version until `stop`.
pub async fn run(
    store: EventStore,
    name: &str,
    version: i32,
    settings: impl Into<ProjectionSettings>,
    stop: CancellationToken,
) -> Result<(), RegistryError> {
    let settings = settings.into();
    with_projector!(name, projector => {
        run_shards(store, projector, version, settings, stop).await;
        Ok(())
    })
}

/// Handles everything that is there, once, for the live version. Returns the number of events moved past.
pub async fn catch_up(
    store: &EventStore,
    name: &str,
    settings: RunnerSettings,
) -> Result<u64, RegistryError> {
    let version = live(store, name).await?;
    with_projector!(name, projector => {
        let mut runner = Runner::projector(store.clone(), projector, version, settings);
        Ok(runner.catch_up(|_| {}).await?)
    })
}

/// Handles a key's parked events of a version again. `subscriber` is its name in the list of parked events.
pub async fn retry_parked(
    store: &EventStore,
    subscriber: &str,
    tenant: TenantId,
    key: &str,
) -> Result<u64, RegistryError> {
    let (name, version) = projection::parse_subscriber(subscriber).ok_or_else(|| RegistryError::Unknown {
        name: subscriber.to_owned(),
    })?;
    with_projector!(name, projector => {
        let runner = Runner::projector(store.clone(), projector, version, RunnerSettings::default());
        Ok(runner.retry_parked(tenant, key).await?)
    })
}

/// Builds the next version from the log and makes it the one that is read ([`rebuild::rebuild`]).
pub async fn rebuild(
    owner_url: &SecretString,
    store: &EventStore,
    name: &str,
    settings: impl Into<ProjectionSettings>,
    progress: impl FnMut(i64) + Send,
) -> Result<Rebuilt, RegistryError> {
    let settings = settings.into();
    with_projector!(name, projector => {
        Ok(rebuild::rebuild(owner_url, store, projector, settings, progress).await?)
    })
}

/// Makes the version before the one that is read ([`rebuild::roll_back`]). Returns its number.
pub async fn roll_back(
    owner_url: &SecretString,
    store: &EventStore,
    name: &str,
    settings: impl Into<ProjectionSettings>,
    progress: impl FnMut(i64) + Send,
) -> Result<i32, RegistryError> {
    let settings = settings.into();
    with_projector!(name, projector => {
        Ok(rebuild::roll_back(owner_url, store, projector, settings, progress).await?)
    })
}

/// Drops the versions that are not read any more. Returns their numbers.
pub async fn drop_retired(
    owner_url: &SecretString,
    store: &EventStore,
    name: &str,
) -> Result<Vec<i32>, RegistryError> {
    match NAMES.iter().find(|known| **known == name) {
        Some(known) => Ok(rebuild::drop_retired(owner_url, store.db(), known).await?),
        None => Err(RegistryError::Unknown {
            name: name.to_owned(),
        }),
    }
}

async fn live(store: &EventStore, name: &str) -> Result<i32, RegistryError> {
    projection::versions(store.db())
        .await?
        .into_iter()
        .find(|version| version.name == name && version.state == State::Live)
        .map(|version| version.version)
        .ok_or_else(|| RegistryError::Unknown {
            name: name.to_owned(),
        })
}
