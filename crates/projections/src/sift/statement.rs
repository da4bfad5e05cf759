//! The statement of a sieve.

use simpul_event_store::TenantTx;
use sqlx::{Postgres, QueryBuilder, types::Uuid};

use super::{Column, Kind, Order, Place, Sieve, Sift, Sifted, Table, Test};
use crate::{MAX_COUNTED, QueryError, Way};

/// The places of the rows that pass.
pub(crate) async fn find(tx: &mut TenantTx, table: Table, sift: &Sift) -> Result<Sifted<()>, QueryError> {
    let total = if sift.counted {
        Some(count(tx, table, &sift.sieve).await?)
    } else {
        None
    };
    let order = order_of(table, sift);
    let mut statement = QueryBuilder::new("SELECT ");
    let keys: Vec<String> = order.iter().map(|by| by.column.as_text()).collect();
    statement.push(format_args!("{}, ARRAY[{}] FROM ", table.key, keys.join(", ")));
    passing(&mut statement, tx, table, &sift.sieve);
    if let Some(place) = &sift.from {
        statement.push(" AND ");
        beyond(&mut statement, table, &order, place);
    }
    statement.push(" ORDER BY ");
    for by in &order {
        let way = direction(by.descending);
        statement.push(format_args!("{} {way}, ", by.column.name));
    }
    let way = direction(order.last().is_none_or(|by| by.descending));
    statement.push(format_args!("{} {way} LIMIT ", table.key));
    statement
        .push_bind(sift.limit + 1)
        .push(" OFFSET ")
        .push_bind(sift.offset);
    let found: Vec<(Uuid, Vec<String>)> = statement.build_query_as().fetch_all(&mut **tx).await?;
    let places = found.into_iter().map(|(id, keys)| (Place { keys, id }, ()));
    Ok(Sifted {
        total,
        ..Sifted::of(places.collect(), sift)
    })
}

impl Column {
    const fn sql_type(&self) -> &'static str {
        match self.kind {
            Kind::Text | Kind::Texts => "text",
            Kind::Flag => "boolean",
            Kind::Number => "bigint",
            Kind::Date => "date",
            Kind::Instant => "timestamptz",
            Kind::Id(_) => "uuid",
        }
    }

    /// As text that is read back as the same value, whatever the session's settings.
    fn as_text(&self) -> String {
        let name = self.name;
        match self.kind {
            Kind::Instant => {
                format!(r#"to_char({name} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')"#)
            }
            Kind::Text | Kind::Number | Kind::Date | Kind::Flag | Kind::Texts | Kind::Id(_) => {
                format!("{name}::text")
            }
        }
    }

    fn value(&self, text: String) -> Option<String> {
        match self.kind {
            Kind::Id(read) => read(&text).map(|id| id.to_string()),
            Kind::Text | Kind::Texts | Kind::Number | Kind::Date | Kind::Instant | Kind::Flag => Some(text),
        }
    }
}

async fn count(tx: &mut TenantTx, table: Table, sieve: &Sieve) -> Result<i64, QueryError> {
    let mut statement = QueryBuilder::new("SELECT count(*) FROM (SELECT FROM ");
    passing(&mut statement, tx, table, sieve);
    statement
        .push(" LIMIT ")
        .push_bind(MAX_COUNTED + 1)
        .push(") AS counted");
    Ok(statement.build_query_scalar().fetch_one(&mut **tx).await?)
}

/// The order in which the way passes the rows. Their key has the direction of the last of it.
fn order_of(table: Table, sift: &Sift) -> Vec<Order> {
    let newest = [Order {
        column: table.newest,
        descending: true,
    }];
    let asked = if sift.order.is_empty() {
        &newest[..]
    } else {
        &sift.order
    };
    let turned = sift.way == Way::Back;
    let order = asked.iter().map(|by| Order {
        descending: by.descending != turned,
        ..*by
    });
    order.collect()
}

const fn direction(descending: bool) -> &'static str {
    if descending { "DESC" } else { "ASC" }
}

fn passing(statement: &mut QueryBuilder<'_, Postgres>, tx: &TenantTx, table: Table, sieve: &Sieve) {
    statement.push(format_args!("{} WHERE tenant_id = ", table.name));
    statement.push_bind(tx.tenant().as_uuid()).push(" AND ");
    pass(statement, sieve);
}

fn pass(statement: &mut QueryBuilder<'_, Postgres>, sieve: &Sieve) {
    match sieve {
        Sieve::All(parts) => joined(statement, parts, "AND", "true"),
        Sieve::Any(parts) => joined(statement, parts, "OR", "false"),
        Sieve::Not(part) => {
            statement.push("NOT coalesce(");
            pass(statement, part);
            statement.push(", false)");
        }
        Sieve::Test(column, test) => tested(statement, column, test),
    }
}

fn joined(statement: &mut QueryBuilder<'_, Postgres>, parts: &[Sieve], word: &str, without: &str) {
    statement.push("(");
    for (at, part) in parts.iter().enumerate() {
        if at > 0 {
            statement.push(format_args!(" {word} "));
        }
        pass(statement, part);
    }
    if parts.is_empty() {
        statement.push(without);
    }
    statement.push(")");
}

fn tested(statement: &mut QueryBuilder<'_, Postgres>, column: &Column, test: &Test) {
    let (name, sql_type) = (column.name, column.sql_type());
    let mut compare = |operator: &str, value: &str| {
        // Nobody has what is not an id.
        let Some(value) = column.value(value.to_owned()) else {
            statement.push("false");
            return;
        };
        if matches!(column.kind, Kind::Texts) {
            statement.push_bind(value);
            statement.push(format_args!("::text {operator} ANY ({name})"));
            return;
        }
        statement.push(format_args!("{name} {operator} "));
        statement.push_bind(value).push(format_args!("::{sql_type}"));
    };
    match test {
        Test::Is(value) => compare("=", value),
        Test::MoreThan(value) => compare(">", value),
        Test::AtLeast(value) => compare(">=", value),
        Test::LessThan(value) => compare("<", value),
        Test::AtMost(value) => compare("<=", value),
        Test::IsOneOf(values) => one_of(statement, column, values),
        Test::IsNoneOf(values) => {
            statement.push("NOT coalesce(");
            one_of(statement, column, values);
            statement.push(", false)");
        }
        Test::StartsWith(part) => {
            statement.push(format_args!("starts_with({name}, "));
            statement.push_bind(part.clone()).push(")");
        }
        Test::Contains(part) => {
            statement.push(format_args!("strpos(lower({name}), lower("));
            statement.push_bind(part.clone()).push(")) > 0");
        }
        Test::IsThere(there) => {
            let not = if *there { "NOT " } else { "" };
            statement.push(format_args!("{name} IS {not}NULL"));
        }
    }
}

fn one_of(statement: &mut QueryBuilder<'_, Postgres>, column: &Column, values: &[String]) {
    let values = values.iter().filter_map(|value| column.value(value.clone()));
    let operator = if matches!(column.kind, Kind::Texts) {
        "&&"
    } else {
        "= ANY"
    };
    statement.push(format_args!("{} {operator} (", column.name));
    statement.push_bind(values.collect::<Vec<String>>());
    statement.push(format_args!("::{}[])", column.sql_type()));
}

/// What comes behind a place. The first key bounds the range that an index is read in; all of them cut it exactly.
fn beyond(statement: &mut QueryBuilder<'_, Postgres>, table: Table, order: &[Order], place: &Place) {
    let mut keys: Vec<(&str, &str, bool, String)> = Vec::with_capacity(order.len() + 1);
    for (by, key) in order.iter().zip(&place.keys) {
        keys.push((by.column.name, by.column.sql_type(), by.descending, key.clone()));
    }
    let way = order.last().is_none_or(|by| by.descending);
    keys.push((table.key, "uuid", way, place.id.to_string()));
    let mut bound =
        |opening: &str, (name, sql_type, _, value): &(&str, &str, bool, String), operator: &str| {
            statement.push(format_args!("{opening}{name} {operator} "));
            statement
                .push_bind(value.clone())
                .push(format_args!("::{sql_type}"));
        };
    let past = |descending: bool| if descending { "<" } else { ">" };
    if let Some(first) = keys.first() {
        bound("(", first, if first.2 { "<=" } else { ">=" });
    }
    let mut opening = " AND (";
    for (at, key) in keys.iter().enumerate() {
        for equal in keys.get(..at).unwrap_or_default() {
            bound(opening, equal, "=");
            opening = " AND ";
        }
        bound(opening, key, past(key.2));
        opening = " OR ";
    }
    statement.push("))");
}
