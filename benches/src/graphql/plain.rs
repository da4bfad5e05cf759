//! The peer: axum, sqlx and `serde_json`, and nothing else. The same rows of the same table, without a user, a tenant's
//! guard, a budget or a document.

use anyhow::Context as _;
use axum::{Json, Router, extract::State, routing::post};
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use sqlx::{
    FromRow, PgPool,
    postgres::PgPoolOptions,
    types::{Json as Column, Uuid},
};
use tokio::net::TcpListener;

use super::rig::say_port;

#[derive(Debug, FromRow)]
struct Stored {
    invoice_id: Uuid,
    number: String,
    status: String,
    due_on: NaiveDate,
    total: i64,
    outstanding: i64,
    lines: Column<Vec<StoredLine>>,
}

#[derive(Debug, Deserialize)]
struct StoredLine {
    kind: String,
    description: String,
    amount: i64,
}

#[derive(Debug, Serialize)]
struct Money {
    amount: String,
    currency: &'static str,
}

#[derive(Debug, Serialize)]
struct Line {
    kind: String,
    description: String,
    amount: Money,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Invoice {
    id: Uuid,
    number: String,
    status: String,
    due_on: NaiveDate,
    total: Money,
    outstanding: Money,
    lines: Vec<Line>,
}

#[derive(Debug, Serialize)]
struct Answer {
    data: Data,
}

#[derive(Debug, Serialize)]
struct Data {
    invoices: Nodes,
}

#[derive(Debug, Serialize)]
struct Nodes {
    nodes: Vec<Invoice>,
}

fn rupiah(amount: i64) -> Money {
    Money {
        amount: amount.to_string(),
        currency: "IDR",
    }
}

impl From<Stored> for Invoice {
    fn from(row: Stored) -> Self {
        let lines = row.lines.0.into_iter().map(|line| Line {
            kind: line.kind.to_uppercase(),
            description: line.description,
            amount: rupiah(line.amount),
        });
        Self {
            id: row.invoice_id,
            number: row.number,
            status: row.status,
            due_on: row.due_on,
            total: rupiah(row.total),
            outstanding: rupiah(row.outstanding),
            lines: lines.collect(),
        }
    }
}

#[derive(Debug, Deserialize)]
struct Asked {
    first: i64,
}

async fn invoices(
    State((pool, tenant)): State<(PgPool, Uuid)>,
    Json(asked): Json<Asked>,
) -> Result<Json<Answer>, String> {
    #[expect(clippy::disallowed_methods, reason = "a peer, written as peers are")]
    let rows = sqlx::query_as::<_, Stored>(
        "SELECT invoice_id, number, status, due_on, total, outstanding, lines FROM rm_invoices_v1.invoices
         WHERE tenant_id = $1 ORDER BY issued_at DESC, invoice_id DESC LIMIT $2",
    )
    .bind(tenant)
    .bind(asked.first)
    .fetch_all(&pool)
    .await
    .map_err(|error| error.to_string())?;
    let nodes = rows.into_iter().map(Invoice::from).collect();
    Ok(Json(Answer {
        data: Data {
            invoices: Nodes { nodes },
        },
    }))
}

/// Serves until it is killed. Arguments: the database's URL, the tenant.
pub(super) async fn serve(mut arguments: impl Iterator<Item = String>) -> anyhow::Result<()> {
    let url = arguments.next().context("a URL")?;
    let tenant: Uuid = arguments.next().context("a tenant")?.parse()?;
    let pool = PgPoolOptions::new()
        .max_connections(12)
        .test_before_acquire(false)
        .connect(&url)
        .await?;
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    say_port(listener.local_addr()?.port())?;
    let routes = Router::new()
        .route("/graphql", post(invoices))
        .with_state((pool, tenant));
    Ok(axum::serve(listener, routes).await?)
}
