//! What operators have paid, month by month, and what they owe.

use async_graphql::{Context, Object, Result, SimpleObject};
use simpul_app::permission;
use simpul_event_store::feed::Projector as _;
use simpul_projections::billing::{
    income::{self, Owed as OwedRow},
    invoice_list::InvoiceListProjector,
    money::MoneyProjector,
};

use super::terms::current;
use crate::{
    ApiError,
    graphql::{
        scalar::{Date, Money},
        scope::scope,
    },
};

/// What operators paid in a month.
#[derive(Debug, SimpleObject)]
pub(crate) struct SaasMonthRevenue {
    /// Its first day.
    month_on: Date,
    /// The sum of the payments received in it.
    received: Money,
    /// How many there were.
    payments: i32,
    /// Growth over the month before, in hundredths of a per cent; null where nothing was received before.
    growth_basis_points: Option<i32>,
}

/// Bills that ask for money.
#[derive(Debug, SimpleObject)]
pub(crate) struct SaasOwed {
    /// What they ask for.
    outstanding: Money,
    /// How many there are.
    bills: i32,
}

impl From<OwedRow> for SaasOwed {
    fn from(owed: OwedRow) -> Self {
        Self {
            outstanding: owed.outstanding.into(),
            bills: i32::try_from(owed.bills).unwrap_or(i32::MAX),
        }
    }
}

/// What operators owe, by the days since it was due.
#[derive(Debug, SimpleObject)]
pub(crate) struct SaasAgeing {
    /// The business date it is seen from.
    as_of_on: Date,
    /// Not due yet.
    current: SaasOwed,
    /// 1 to 30 days.
    up_to30_days: SaasOwed,
    /// 31 to 60 days.
    up_to60_days: SaasOwed,
    /// 61 to 90 days.
    up_to90_days: SaasOwed,
    /// More than 90 days.
    over90_days: SaasOwed,
}

/// Questions about money of operators.
#[derive(Debug, Default)]
pub(crate) struct SaasIncomeQuery;

#[Object]
impl SaasIncomeQuery {
    /// What operators paid, month by month, oldest first; at most 120 months.
    /// Permission: platform.billing
    async fn saas_revenue(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "A day of the first month.")] from_on: Date,
        #[graphql(desc = "How many; 12 when absent.")] months: Option<i32>,
    ) -> Result<Vec<SaasMonthRevenue>> {
        let scope = scope(context)?;
        scope.require(permission::PLATFORM_BILLING).await?;
        let months = u32::try_from(months.unwrap_or(12)).unwrap_or(1);
        let zone = current(scope).await?.0.zone;
        let mut tx = scope.read(&[MoneyProjector::NAME]).await?;
        let rows = income::by_month(&mut tx, zone, from_on.0, months)
            .await
            .map_err(ApiError::from)?;
        tx.commit().await.map_err(ApiError::from)?;
        let earlier = std::iter::once(None).chain(rows.iter().map(Some));
        Ok(earlier
            .zip(&rows)
            .map(|(before, row)| SaasMonthRevenue {
                month_on: Date(row.month),
                received: row.received.into(),
                payments: i32::try_from(row.payments).unwrap_or(i32::MAX),
                growth_basis_points: before
                    .and_then(|before| row.growth_basis_points(before.received))
                    .and_then(|growth| i32::try_from(growth).ok()),
            })
            .collect())
    }

    /// What operators owe, by the days since it was due.
    /// Permission: platform.billing
    async fn saas_ageing(&self, context: &Context<'_>) -> Result<SaasAgeing> {
        let scope = scope(context)?;
        scope.require(permission::PLATFORM_BILLING).await?;
        let today = current(scope).await?.0.zone.date_at(scope.state().store().now());
        let mut tx = scope.read(&[InvoiceListProjector::NAME]).await?;
        let ageing = income::ageing(&mut tx, today).await.map_err(ApiError::from)?;
        tx.commit().await.map_err(ApiError::from)?;
        Ok(SaasAgeing {
            as_of_on: Date(today),
            current: ageing.current.into(),
            up_to30_days: ageing.up_to_30.into(),
            up_to60_days: ageing.up_to_60.into(),
            up_to90_days: ageing.up_to_90.into(),
            over90_days: ageing.over_90.into(),
        })
    }
}
