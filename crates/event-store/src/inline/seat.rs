//! Live connections of users, counted over all instances: each takes a seat, which counts as long as the process that
//! holds it is present ([`crate::presence`]). Nothing is renewed, and a killed process' seats are free at once.

use simpul_domain::{TenantId, UserId};
use uuid::Uuid;

use crate::{EventStore, StoreError};

/// One connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seat {
    pub tenant: TenantId,
    pub user: UserId,
    pub seat: Uuid,
}

/// What became of a wish for a seat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// It counts until it is left.
    Yes,
    /// The user holds as many as there may be.
    No,
    /// This process has no name: others cannot tell whether it is there.
    Unnamed,
}

/// Takes a seat unless the user has `most` with it: `mine` at this process, the others elsewhere.
///
/// The future must not be cancelled: run it in a task of its own.
pub async fn take(store: &EventStore, seat: Seat, mine: usize, most: usize) -> Result<Taken, StoreError> {
    let Some(holder) = store.presence().me() else {
        return Ok(Taken::Unnamed);
    };
    let count = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
    let mut connection = store.db().autocommit().await?;
    let taken = sqlx::query_scalar!(
        r#"SELECT es.take_seat($1, $2, $3, $4, $5, $6) AS "taken!""#,
        seat.tenant.as_uuid(),
        seat.user.as_uuid(),
        seat.seat,
        holder,
        count(mine),
        count(most)
    )
    .fetch_one(&mut *connection)
    .await?;
    connection.done();
    Ok(if taken { Taken::Yes } else { Taken::No })
}

/// Gives a seat back. Repeatable. The future must not be cancelled.
pub async fn leave(store: &EventStore, seat: Seat) -> Result<(), StoreError> {
    let mut connection = store.db().autocommit().await?;
    sqlx::query!(
        "SELECT es.leave_seat($1, $2, $3)",
        seat.tenant.as_uuid(),
        seat.user.as_uuid(),
        seat.seat
    )
    .execute(&mut *connection)
    .await?;
    connection.done();
    Ok(())
}
