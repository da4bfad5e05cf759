//! Statements that read rows of a read model: those of some ids, or a page of a list.
//!
//! Ids are looked up one after the other, whatever the plan. As a condition they are not: for `id = ANY($2)` a plan that
//! is made for any values reads all rows of the tenant where most tenants have few; for `$2 IS NULL OR id = ANY($2)` it
//! always does, and a plan that is made for the values takes as long as the round trip, at every call.
//!
//! Nor does an equality do for a key. While a table is empty its indexes cost the same, and a session keeps the plan that
//! it made then, which may use any of them that begins with the tenant. So a key is looked for as the first of a range in
//! the order of keys, which no other index has; of an equality the planner knows that it needs no order.
//!
//! Filters of a page are conditions nevertheless, and may be absent: pages are read with plans that are made for what is
//! asked, as [`simpul_event_store::feed::read_at`] has them.

/// Writes functions that read rows of one table as `|row| …` says, which may use `?`. The texts are SQL.
///
/// `one by` reads the rows of which the key is one of some ids (`as text`: texts), `all by` those of which another column
/// is: every row once; unknown ids are left out. `with` reads those of `one by` together with what more is said, from further columns. `page`
/// reads those that pass its filter, whose values begin at `$5`, and counts them where the page asks for it. Whatever is read of a
/// list that has pages begins with what is `newest`; other tables have the order that they say, if any.
macro_rules! rows {
    (
        table: $table:tt, key: $key:tt, newest: $newest:tt, columns: $columns:tt,
        $row:ty = |$found:ident| $read:expr,
        page: $(#[$doc:meta])* $vis:vis fn $page:ident($($arg:ident: $arg_type:ty),*) $(where $filter:tt [$($value:expr),+])?,
        $($by:tt)*
    ) => {
        $(#[$doc])*
        $vis async fn $page(
            tx: &mut simpul_event_store::TenantTx,
            $($arg: $arg_type,)*
            page: $crate::Page,
        ) -> Result<$crate::Slice<$row>, $crate::QueryError> {
            let rows = match page.way {
                $crate::Way::Onward => $crate::rows::rows! {
                    @page tx, page, ["<", "DESC"], $table, $key, $newest, $columns, $row, $found, $read,
                    [$(+ " AND " + $filter)?], [$($($value),+)?]
                },
                $crate::Way::Back => $crate::rows::rows! {
                    @page tx, page, [">", "ASC"], $table, $key, $newest, $columns, $row, $found, $read,
                    [$(+ " AND " + $filter)?], [$($($value),+)?]
                },
            };
            let total = if page.counted {
                let tenant = tx.tenant();
                let total = sqlx::query_scalar!(
                    "SELECT count(*) AS \"count!\" FROM (SELECT FROM " + $table
                        + " WHERE tenant_id = $1 AND ($2::timestamptz IS NULL OR (" + $newest + ", " + $key + ") < ($2, $3))"
                        $(+ " AND " + $filter)? + " LIMIT $4) AS counted",
                    tenant.as_uuid(),
                    None::<chrono::DateTime<chrono::Utc>>,
                    None::<sqlx::types::Uuid>,
                    $crate::MAX_COUNTED + 1,
                    $($($value),+)?
                );
                Some(total.fetch_one(&mut **tx).await?)
            } else {
                None
            };
            Ok(page.slice(rows, total))
        }

        $crate::rows::rows! {
            @by [+ " ORDER BY " + $newest + " DESC, " + $key + " DESC"], $table, $columns, $row, $found, $read, $($by)*
        }
    };
    (
        table: $table:tt, $(order: $order:tt,)? columns: $columns:tt,
        $row:ty = |$found:ident| $read:expr,
        $($by:tt)+
    ) => {
        $crate::rows::rows! { @by [$(+ " ORDER BY " + $order)?], $table, $columns, $row, $found, $read, $($by)+ }
    };
    (
        @by $order:tt, $table:tt, $columns:tt, $row:ty, $found:ident, $read:expr,
        $(one by $key:tt $(as $of:ident)?: $one_vis:vis fn $one:ident,)*
        $(all by $column:tt: $all_vis:vis fn $all:ident,)*
        $(with $more:tt, $rest:ty = $read_rest:expr, by $whole_key:tt: $whole_vis:vis fn $whole:ident,)?
    ) => {
        $($crate::rows::rows! {
            @read $one_vis $one $(as $of)?, $table, [$columns], $row, $found, $read, $order,
            [$key + " BETWEEN wanted.id AND wanted.id ORDER BY " + $key + " LIMIT 1"]
        })*
        $($crate::rows::rows! {
            @read $whole_vis $whole, $table, [$columns + ", " + $more], ($row, $rest), $found, ($read, $read_rest), $order,
            [$whole_key + " BETWEEN wanted.id AND wanted.id ORDER BY " + $whole_key + " LIMIT 1"]
        })?
        // `OFFSET 0` keeps the planner from making a join of it.
        $($crate::rows::rows! {
            @read $all_vis $all, $table, [$columns], $row, $found, $read, $order, [$column + " = wanted.id OFFSET 0"]
        })*
    };
    (
        @page $tx:ident, $page:ident, [$beyond:tt, $way:tt], $table:tt, $key:tt, $newest:tt, $columns:tt, $row:ty,
        $found:ident, $read:expr, [$($filter:tt)*], [$($value:expr),*]
    ) => {{
        let tenant = $tx.tenant();
        sqlx::query!(
            "SELECT " + $columns + " FROM " + $table
                + " WHERE tenant_id = $1 AND ($2::timestamptz IS NULL OR (" + $newest + ", " + $key + ") " + $beyond
                + " ($2, $3))" $($filter)* + " ORDER BY " + $newest + " " + $way + ", " + $key + " " + $way + " LIMIT $4",
            tenant.as_uuid(),
            $page.at(),
            $page.id(),
            $page.fetch(),
            $($value),*
        )
        .fetch_all(&mut **$tx)
        .await?
        .into_iter()
        .map(|$found| Ok($read))
        .collect::<Result<Vec<$row>, $crate::QueryError>>()?
    }};
    (@read $vis:vis $by:ident, $($rest:tt)+) => {
        $crate::rows::rows! { @read $vis $by [sqlx::types::Uuid, "uuid"], $($rest)+ }
    };
    (@read $vis:vis $by:ident as text, $($rest:tt)+) => {
        $crate::rows::rows! { @read $vis $by [&str, "text"], $($rest)+ }
    };
    (
        @read $vis:vis $by:ident [$id:ty, $type:tt], $table:tt, [$($columns:tt)+], $row:ty, $found:ident, $read:expr,
        [$($order:tt)*], [$($condition:tt)+]
    ) => {
        $vis async fn $by(
            tx: &mut simpul_event_store::TenantTx,
            ids: &[$id],
        ) -> Result<Vec<$row>, $crate::QueryError> {
            let tenant = tx.tenant();
            sqlx::query!(
                "SELECT " + $($columns)+ + " FROM (SELECT DISTINCT unnest($2::" + $type
                    + "[]) AS id) AS wanted CROSS JOIN LATERAL (SELECT * FROM "
                    + $table + " WHERE tenant_id = $1 AND " + $($condition)+ + ") AS found" $($order)*,
                tenant.as_uuid(),
                ids as &[$id]
            )
            .fetch_all(&mut **tx)
            .await?
            .into_iter()
            .map(|$found| Ok($read))
            .collect()
        }
    };
}

pub(crate) use rows;
