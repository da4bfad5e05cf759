//! What came in, month by month, and what is owed for how long. Read from payments and bills as they are now.

use chrono::{DateTime, Months, NaiveDate, Utc};
use simpul_domain::{Rupiah, time::Zone};
use simpul_event_store::TenantTx;

use crate::{
    QueryError,
    stored::{read, word},
};

/// Most months of one report.
pub const MAX_MONTHS: u32 = 120;

/// What was received in a month.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MonthIncome {
    /// Its first day.
    pub month: NaiveDate,
    /// The sum of the payments received in it (Property 41).
    pub received: Rupiah,
    pub payments: i64,
}

impl MonthIncome {
    /// Growth over the month before in hundredths of a per cent, rounded towards zero (Property 42); nothing where
    /// nothing was received before.
    pub fn growth_basis_points(&self, before: Rupiah) -> Option<i64> {
        if !before.is_positive() {
            return None;
        }
        let (now, before) = (i128::from(self.received.get()), i128::from(before.get()));
        i64::try_from((now - before) * 10_000 / before).ok()
    }
}

/// The months from that of `from` on, in `zone`, oldest first; months without income are there too.
pub async fn by_month(
    tx: &mut TenantTx,
    zone: Zone,
    from: NaiveDate,
    months: u32,
) -> Result<Vec<MonthIncome>, QueryError> {
    let tenant = tx.tenant();
    let months = months.clamp(1, MAX_MONTHS);
    let starts = month_starts(from, months);
    let Some((bounds, last)) = starts.split_last().map(|(last, rest)| (rest, *last)) else {
        return Ok(Vec::new());
    };
    let instants: Vec<DateTime<Utc>> = bounds.iter().map(|day| zone.start_of(*day)).collect();
    let end = zone.start_of(last);
    sqlx::query!(
        r#"SELECT b.ord AS "ord!", coalesce(sum(p.amount), 0)::bigint AS "received!", count(p.payment_id) AS "payments!"
           FROM UNNEST($2::timestamptz[]) WITH ORDINALITY AS b (starts_at, ord)
           LEFT JOIN UNNEST($2::timestamptz[]) WITH ORDINALITY AS n (starts_at, ord) ON n.ord = b.ord + 1
           LEFT JOIN payments p ON p.tenant_id = $1 AND p.paid_at >= b.starts_at
                AND p.paid_at < CASE WHEN n.starts_at IS NULL THEN $3 ELSE n.starts_at END
           GROUP BY b.ord ORDER BY b.ord"#,
        tenant.as_uuid(),
        &instants,
        end
    )
    .fetch_all(&mut **tx)
    .await?
    .into_iter()
    .zip(bounds)
    .map(|(row, month)| {
        Ok(MonthIncome {
            month: *month,
            received: read("received", row.received)?,
            payments: row.payments,
        })
    })
    .collect()
}

/// First days of the months, and of the one after the last.
fn month_starts(from: NaiveDate, months: u32) -> Vec<NaiveDate> {
    use chrono::Datelike as _;
    let first = from.with_day(1).unwrap_or(from);
    (0..=months)
        .map_while(|index| first.checked_add_months(Months::new(index)))
        .collect()
}

/// What is owed, by the days since it was due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Ageing {
    /// Not due yet.
    pub current: Owed,
    pub up_to_30: Owed,
    pub up_to_60: Owed,
    pub up_to_90: Owed,
    pub over_90: Owed,
}

/// Bills that ask for money.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Owed {
    pub outstanding: Rupiah,
    pub bills: i64,
}

/// Of all bills that ask for money on `today`, a business date.
pub async fn ageing(tx: &mut TenantTx, today: NaiveDate) -> Result<Ageing, QueryError> {
    let tenant = tx.tenant();
    let open = [
        simpul_domain::billing::invoice::InvoiceStatus::Issued,
        simpul_domain::billing::invoice::InvoiceStatus::PartiallyPaid,
        simpul_domain::billing::invoice::InvoiceStatus::Overdue,
    ]
    .map(|status| word(&status));
    let rows = sqlx::query!(
        r#"SELECT CASE WHEN $2 <= due_on THEN 0 WHEN $2 - due_on <= 30 THEN 1 WHEN $2 - due_on <= 60 THEN 2
                       WHEN $2 - due_on <= 90 THEN 3 ELSE 4 END AS "bucket!",
                  sum(outstanding)::bigint AS "outstanding!", count(*) AS "bills!"
           FROM invoices WHERE tenant_id = $1 AND status = ANY($3) GROUP BY 1"#,
        tenant.as_uuid(),
        today,
        &open
    )
    .fetch_all(&mut **tx)
    .await?;
    let mut ageing = Ageing::default();
    for row in rows {
        let owed = Owed {
            outstanding: read("outstanding", row.outstanding)?,
            bills: row.bills,
        };
        match row.bucket {
            0 => ageing.current = owed,
            1 => ageing.up_to_30 = owed,
            2 => ageing.up_to_60 = owed,
            3 => ageing.up_to_90 = owed,
            _ => ageing.over_90 = owed,
        }
    }
    Ok(ageing)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn income(received: i64) -> MonthIncome {
        MonthIncome {
            month: NaiveDate::default(),
            received: Rupiah::try_new(received).expect("in range"),
            payments: 1,
        }
    }

    proptest! {
        // Property 42: growth = (current - previous) / previous × 100.
        #[test]
        fn growth_is_the_difference_over_what_was_before(now in 0_i64..1_000_000_000, before in 1_i64..1_000_000_000) {
            let growth = income(now).growth_basis_points(Rupiah::try_new(before).expect("in range")).expect("some");
            let exact = (i128::from(now) - i128::from(before)) * 10_000;
            let rest = exact - i128::from(growth) * i128::from(before);
            prop_assert!(rest.abs() < i128::from(before), "the nearest hundredth of a per cent towards zero");
            prop_assert!(rest == 0 || (rest > 0) == (exact > 0));
        }
    }

    #[test]
    fn nothing_grows_out_of_nothing() {
        assert_eq!(income(5).growth_basis_points(Rupiah::ZERO), None);
    }
}
