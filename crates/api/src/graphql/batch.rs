//! Rows by id, read together: whoever asks while nobody reads yet joins the same statement.
//!
//! The engine resolves the rows of a list side by side in one task. The first to ask leaves room for one turn of that
//! task, in which all its siblings ask too (outside of a task of the runtime there are no turns, and fewer join); then
//! one statement answers them all. Nothing is kept: what is asked later
//! is read again, as new as the operation is by then. Operations of a tenant that want such rows at the same time share that
//! statement (ADR 96).

use std::{collections::HashMap, fmt::Display, hash::Hash, sync::Arc};

use simpul_domain::{
    AddOnOrderId, AttemptId, CustomerId, InvoiceId, JobId, MessageId, PaymentId, RoleId, RouterId,
    ServicePlanId, SubscriptionId, TenantId, UserId,
};
use simpul_event_store::{
    Age, ConsistencyToken, TenantTx,
    feed::{Projector as _, look_up_at},
};
use simpul_projections::{
    billing::{
        attempt_list::{self, AttemptRow},
        invoice_list::{self, InvoiceListProjector, InvoiceRow},
        money::{self, MoneyProjector, PaymentRow},
    },
    catalog::plan_list::{self, PlanListProjector, PlanRow},
    customers::customer_list::CustomerListProjector,
    identity::{
        role_list::{self, RoleListProjector, RoleRow},
        user_list::UserListProjector,
    },
    messaging::message_list::{self, MessageListProjector, MessageRow},
    network::{
        desired::{self, DesiredProjector, DesiredRow},
        router_list::{self, RouterListProjector, RouterRow},
    },
    operations::job_list::{self, JobListProjector, JobRow},
    subscriptions::subscription_list::{self, SubscriptionListProjector, SubscriptionRow},
    tenancy::order_list::{self, OrderListProjector, OrderRow},
};

use super::{customers::Customer, identity::OpenedUser, platform::TenantHealth, scope::Scope};
use crate::{ApiError, together::Together};

/// With so many ids an operation reads by itself: others would wait for what is not theirs.
const FEW: usize = 16;

/// A row that others refer to by its id.
pub(super) trait Row: Clone + Send + Sync + 'static {
    type Id: Copy + Display + Eq + Hash + Send + Sync + 'static;

    fn id(&self) -> Self::Id;

    /// The rows with these ids, in as many statements for many as for one.
    fn read(scope: &Arc<Scope>, ids: &[Self::Id])
    -> impl Future<Output = Result<Vec<Self>, ApiError>> + Send;

    /// Where those gather who ask for such rows.
    fn gathering(scope: &Scope) -> &Gathering<Self>;
}

/// Those of an operation who ask for rows of one kind.
pub(super) type Gathering<R> = Together<(), <R as Row>::Id, Found<R>, { usize::MAX }>;

type Found<R> = Result<Arc<HashMap<<R as Row>::Id, R>>, ApiError>;

/// The row with this id.
pub(super) async fn one<R: Row>(scope: &Arc<Scope>, id: R::Id) -> Result<Option<R>, ApiError> {
    let gathered = Arc::clone(scope);
    let read = |ids: Vec<R::Id>| async move {
        let rows = R::read(&gathered, &ids).await?;
        Ok(Arc::new(rows.into_iter().map(|row| (row.id(), row)).collect()))
    };
    let found: Found<R> = R::gathering(scope).ask((), &[id], read).await;
    let found = found?;
    Ok(found.get(&id).cloned())
}

/// The row with this id, at least as new as the event at `seq`, which the scope remembers. On a live connection it is
/// read once for each event, whoever listens.
pub(super) async fn after<R: Row>(scope: &Arc<Scope>, id: R::Id, seq: i64) -> Result<Option<R>, ApiError> {
    let Some(readings) = scope.readings() else {
        return one(scope, id).await;
    };
    let reading = readings.of::<Option<R>>(scope.tenant(), seq, id);
    let row = reading.get_or_try_init(|| one(scope, id)).await?;
    Ok(row.clone())
}

/// The rows with these ids, in their order; unknown ones are left out.
pub(super) async fn many<R: Row>(scope: &Arc<Scope>, ids: &[R::Id]) -> Result<Vec<R>, ApiError> {
    let rows = ids.iter().map(|&id| one::<R>(scope, id));
    let rows = futures_util::future::try_join_all(rows).await?;
    Ok(rows.into_iter().flatten().collect())
}

/// A row of a projection.
trait Projected: Row {
    const PROJECTION: &'static str;

    fn by_ids(
        scope: &Scope,
        tx: &mut TenantTx,
        ids: &[Self::Id],
    ) -> impl Future<Output = Result<Vec<Self>, ApiError>> + Send;

    /// Where operations of the tenant that ask for such rows go together.
    fn together(rows: &RowsTogether) -> &Parties<Self>;

    /// Whether the operation is shown what others are not: they cannot go together.
    fn shows_more(_scope: &Scope) -> bool {
        false
    }
}

/// Those of a tenant who ask for rows, and how new each must be; those who are shown more apart from the others.
type Parties<R> = Together<(TenantId, bool), Wanted<R>, Result<Arc<Told<R>>, ApiError>, 64>;

type Wanted<R> = (<R as Row>::Id, Option<ConsistencyToken>);

/// What was read, and how old it was.
struct Told<R: Row> {
    rows: HashMap<R::Id, R>,
    age: Option<Age>,
}

async fn look_up<R: Projected>(scope: &Arc<Scope>, ids: &[R::Id]) -> Result<Vec<R>, ApiError> {
    if ids.len() <= FEW && scope.reads_with_others(R::PROJECTION).await {
        let subject = (scope.tenant(), R::shows_more(scope));
        let (token, first) = (scope.token(), Arc::clone(scope));
        let wanted: Vec<_> = ids.iter().map(|&id| (id, token)).collect();
        let read = |wanted| async move { read_for_all(&first, wanted).await.map(Arc::new) };
        let parties = R::together(scope.state().rows());
        let told = parties.ask(subject, &wanted, read).await?;
        scope.was_read_for(told.age);
        return Ok(ids.iter().filter_map(|id| told.rows.get(id).cloned()).collect());
    }
    let mut tx = scope.look_up(R::PROJECTION).await?;
    let rows = R::by_ids(scope, &mut tx, ids).await?;
    tx.commit().await?;
    Ok(rows)
}

/// As new as all who ask have to be told, with the scope of the first of them.
async fn read_for_all<R: Projected>(scope: &Scope, wanted: Vec<Wanted<R>>) -> Result<Told<R>, ApiError> {
    let newest = wanted
        .iter()
        .filter_map(|(_, token)| *token)
        .max_by_key(|token| token.seq);
    let ids: Vec<R::Id> = wanted.into_iter().map(|(id, _)| id).collect();
    let mut tx = look_up_at(scope.state().store(), scope.tenant(), &[R::PROJECTION], newest).await?;
    let age = tx.age();
    let rows = R::by_ids(scope, &mut tx, &ids).await?;
    tx.commit().await?;
    let rows = rows.into_iter().map(|row| (row.id(), row)).collect();
    Ok(Told { rows, age })
}

/// Declares what can be asked for: the row, its id, its projection, and how it is read; and rows that are of no projection.
macro_rules! gatherings {
    ($($field:ident: $row:ty = $id:ty, $projector:ty, |$of:ident| $row_id:expr,
       |$scope:ident, $tx:ident, $ids:ident| $rows:expr $(, shows more if $more:expr)?;)*
     { $($other:ident: $other_row:ty;)* }) => {
        /// Those who wait, by what they wait for.
        #[derive(Debug, Default)]
        pub(super) struct Gatherings {
            $($field: Gathering<$row>,)*
            $($other: Gathering<$other_row>,)*
        }

        /// Operations that ask for rows at the same time, by what they ask for.
        #[derive(Debug, Default)]
        pub(crate) struct RowsTogether {
            $($field: Parties<$row>,)*
        }

        $(impl Row for $row {
            type Id = $id;

            fn id(&self) -> $id {
                let $of = self;
                $row_id
            }

            async fn read(scope: &Arc<Scope>, ids: &[$id]) -> Result<Vec<Self>, ApiError> {
                look_up(scope, ids).await
            }

            fn gathering(scope: &Scope) -> &Gathering<Self> {
                &scope.gatherings().$field
            }
        }

        impl Projected for $row {
            const PROJECTION: &'static str = <$projector>::NAME;

            async fn by_ids($scope: &Scope, $tx: &mut TenantTx, $ids: &[$id]) -> Result<Vec<Self>, ApiError> {
                $rows.await.map_err(Into::into)
            }

            fn together(rows: &RowsTogether) -> &Parties<Self> {
                &rows.$field
            }

            $(fn shows_more(scope: &Scope) -> bool {
                let more: fn(&Scope) -> bool = $more;
                more(scope)
            })?
        })*
    };
}

gatherings! {
    attempts: AttemptRow = AttemptId, InvoiceListProjector,
        |row| row.attempt, |_scope, tx, ids| attempt_list::by_ids(tx, ids);
    customers: Customer = CustomerId, CustomerListProjector,
        |customer| customer.of(), |scope, tx, ids| Customer::by_ids(scope, tx, ids), shows more if Customer::is_opened;
    invoices: InvoiceRow = InvoiceId, InvoiceListProjector,
        |row| row.invoice, |_scope, tx, ids| invoice_list::by_ids(tx, ids);
    jobs: JobRow = JobId, JobListProjector,
        |row| row.job, |_scope, tx, ids| job_list::by_ids(tx, ids);
    messages: MessageRow = MessageId, MessageListProjector,
        |row| row.message, |_scope, tx, ids| message_list::by_ids(tx, ids);
    orders: OrderRow = AddOnOrderId, OrderListProjector,
        |row| row.order, |_scope, tx, ids| order_list::by_ids(tx, ids);
    payments: PaymentRow = PaymentId, MoneyProjector,
        |row| row.payment, |_scope, tx, ids| money::by_ids(tx, ids);
    plans: PlanRow = ServicePlanId, PlanListProjector,
        |row| row.terms.plan, |_scope, tx, ids| plan_list::by_ids(tx, ids);
    roles: RoleRow = RoleId, RoleListProjector,
        |row| row.role, |_scope, tx, ids| role_list::by_ids(tx, ids);
    routers: RouterRow = RouterId, RouterListProjector,
        |row| row.router, |_scope, tx, ids| router_list::by_ids(tx, ids);
    services: DesiredRow = SubscriptionId, DesiredProjector,
        |row| row.facts.subscription, |_scope, tx, ids| desired::by_ids(tx, ids);
    users: OpenedUser = UserId, UserListProjector,
        |user| user.of(), |scope, tx, ids| OpenedUser::by_ids(scope, tx, ids);
    subscriptions: SubscriptionRow = SubscriptionId, SubscriptionListProjector,
        |row| row.subscription, |_scope, tx, ids| subscription_list::by_ids(tx, ids);
    { healths: TenantHealth; }
}

impl Row for TenantHealth {
    type Id = TenantId;

    fn id(&self) -> TenantId {
        self.of()
    }

    async fn read(scope: &Arc<Scope>, tenants: &[TenantId]) -> Result<Vec<Self>, ApiError> {
        Self::of_tenants(scope, tenants).await
    }

    fn gathering(scope: &Scope) -> &Gathering<Self> {
        &scope.gatherings().healths
    }
}
