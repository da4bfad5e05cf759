//! Which fields are asked for, by which client, and how often (ADR 87): counted here, kept in the database once a minute.
//!
//! INVARIANT: an operation adds to counters that are there, and waits for nobody. However many names clients give
//! themselves, there are `MAX_CLIENTS` on a surface; a name says nothing about who asks.

use std::{
    collections::HashMap,
    sync::{
        Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use axum::http::{HeaderMap, HeaderName};
use chrono::{Days, NaiveDate};
use simpul_event_store::{
    EventStore, StoreError,
    usage::{self, Uses},
};
use tokio_util::sync::CancellationToken;

use crate::{BySurface, Surface, graphql::FieldTypes};

/// How a client says which program it is.
const CLIENT_NAME: HeaderName = HeaderName::from_static("x-client-name");
const MAX_NAME_CHARS: usize = 40;
/// Names that are told apart on one surface in one day by one process.
const MAX_CLIENTS: usize = 50;
/// Whoever has no name, or none that we keep.
const UNNAMED: &str = "unknown";
/// All whose names came too late.
const OTHERS: &str = "other";
/// Between two times that counts are kept.
const BETWEEN: Duration = Duration::from_mins(1);
/// Days that are remembered.
const REMEMBERED: Days = Days::new(400);

/// The name of the program that sends a request: 1 to 40 letters, digits, `.`, `_`, `-` or `/`.
pub(crate) fn client_name(headers: &HeaderMap) -> Option<String> {
    let name = headers.get(CLIENT_NAME)?.to_str().ok()?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-/".contains(&byte);
    let fits = (1..=MAX_NAME_CHARS).contains(&name.len()) && name.bytes().all(plain);
    fits.then(|| name.to_owned())
}

/// Counters of every field. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct FieldUsage(Arc<BySurface<RwLock<Tally>>>);

/// Of one surface, since counts were kept last.
#[derive(Debug, Default)]
struct Tally {
    types: Arc<FieldTypes>,
    /// A counter for each field, by client.
    clients: HashMap<String, Box<[AtomicU64]>>,
    /// When counts were kept last.
    day: Option<NaiveDate>,
}

impl FieldUsage {
    /// One use of each field. `types` are those of the surface.
    pub(crate) fn count(
        &self,
        surface: Surface,
        client: Option<&str>,
        types: &Arc<FieldTypes>,
        fields: &[usize],
    ) {
        let client = client.unwrap_or(UNNAMED);
        if let Some(counters) = self.read(surface).counters(client) {
            return add(counters, fields);
        }
        let mut tally = self.write(surface);
        tally.types = Arc::clone(types);
        add(tally.welcome(client), fields);
    }

    /// Keeps what was counted until now. What could not be kept is counted on.
    pub async fn flush(&self, store: &EventStore) -> Result<(), StoreError> {
        let today = store.now().date_naive();
        for surface in Surface::ALL {
            let (uses, is_new_day) = self.write(surface).take(today);
            if !uses.is_empty()
                && let Err(error) = usage::add(store, surface.name(), today, uses.clone()).await
            {
                self.write(surface).put_back(&uses);
                return Err(error);
            }
            if is_new_day {
                let before = today.checked_sub_days(REMEMBERED).unwrap_or(today);
                usage::forget(store, before).await?;
            }
        }
        Ok(())
    }

    /// Keeps what is counted, once a minute and when it is stopped.
    pub async fn keep(self, store: EventStore, stop: CancellationToken) {
        let mut stopped = false;
        while !stopped {
            stopped = stop
                .run_until_cancelled(tokio::time::sleep(BETWEEN))
                .await
                .is_none();
            if let Err(error) = self.flush(&store).await {
                tracing::warn!(%error, "uses of fields were not kept");
            }
        }
    }

    fn read(&self, surface: Surface) -> RwLockReadGuard<'_, Tally> {
        let tally = self.0.of(surface);
        tally.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self, surface: Surface) -> RwLockWriteGuard<'_, Tally> {
        let tally = self.0.of(surface);
        tally.write().unwrap_or_else(PoisonError::into_inner)
    }
}

fn add(counters: &[AtomicU64], fields: &[usize]) {
    for counter in fields.iter().filter_map(|&field| counters.get(field)) {
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

impl Tally {
    /// Of a client that is known, or of all others when there is no room for one more.
    fn counters(&self, client: &str) -> Option<&[AtomicU64]> {
        let others = || self.clients.get(OTHERS).filter(|_| self.is_full());
        let counters = self.clients.get(client).or_else(others);
        counters.map(AsRef::as_ref)
    }

    fn is_full(&self) -> bool {
        self.clients.len() >= MAX_CLIENTS
    }

    fn welcome(&mut self, client: &str) -> &[AtomicU64] {
        let is_known = self.clients.contains_key(client);
        let name = if is_known || !self.is_full() {
            client
        } else {
            OTHERS
        };
        let fields = self.types.coordinates().len();
        let counters = self.clients.entry(name.to_owned());
        counters.or_insert_with(|| std::iter::repeat_with(AtomicU64::default).take(fields).collect())
    }

    /// What was counted, which is counted no more, and whether it is the first time on that day: then all names are
    /// forgotten.
    fn take(&mut self, today: NaiveDate) -> (Vec<Uses>, bool) {
        let mut taken = Vec::new();
        for (client, counters) in &mut self.clients {
            for (field, counter) in counters.iter_mut().enumerate() {
                let uses = std::mem::take(counter.get_mut());
                if uses > 0 {
                    taken.push(Uses {
                        client: client.clone(),
                        coordinate: self.types.coordinate(field).to_owned(),
                        uses: i64::try_from(uses).unwrap_or(i64::MAX),
                    });
                }
            }
        }
        let is_new_day = self.day.replace(today) != Some(today);
        if is_new_day {
            self.clients.clear();
        }
        (taken, is_new_day)
    }

    fn put_back(&mut self, uses: &[Uses]) {
        let types = Arc::clone(&self.types);
        for Uses {
            client,
            coordinate,
            uses,
        } in uses
        {
            let field = types.coordinates().iter().position(|known| known == coordinate);
            let counter = field.and_then(|field| self.welcome(client).get(field));
            if let Some(counter) = counter {
                counter.fetch_add(uses.unsigned_abs(), Ordering::Relaxed);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn types() -> Arc<FieldTypes> {
        Arc::new(FieldTypes::of("type Query { a: Int b: Int }"))
    }

    fn day(text: &str) -> NaiveDate {
        text.parse().expect("a day")
    }

    fn told(uses: &[Uses]) -> Vec<String> {
        let mut told: Vec<String> = uses
            .iter()
            .map(|uses| format!("{} {} {}", uses.client, uses.coordinate, uses.uses))
            .collect();
        told.sort();
        told
    }

    #[test]
    fn a_name_is_short_and_plain_or_none() {
        for (sent, name) in [
            (Some("panel/2.4.1"), Some("panel/2.4.1")),
            (Some("mobile_app-id.3"), Some("mobile_app-id.3")),
            (Some(""), None),
            (Some("two words"), None),
            (Some("<script>"), None),
            (Some(&"a".repeat(40)), Some(&*"a".repeat(40))),
            (Some(&"a".repeat(41)), None),
            (None, None),
        ] {
            let mut headers = HeaderMap::new();
            headers.extend(sent.map(|sent| (CLIENT_NAME, sent.parse().expect("a value"))));
            assert_eq!(client_name(&headers).as_deref(), name, "{sent:?}");
        }
    }

    #[test]
    fn uses_are_counted_by_surface_client_and_field_until_they_are_taken() {
        let (usage, types) = (FieldUsage::default(), types());
        usage.count(Surface::Staff, Some("panel"), &types, &[0, 1]);
        usage.count(Surface::Staff, Some("panel"), &types, &[0]);
        usage.count(Surface::Staff, None, &types, &[1]);
        usage.count(Surface::Portal, Some("panel"), &types, &[1]);
        let (taken, is_new_day) = usage.write(Surface::Staff).take(day("2026-12-01"));
        assert_eq!(
            told(&taken),
            ["panel Query.a 2", "panel Query.b 1", "unknown Query.b 1"]
        );
        assert!(is_new_day);
        usage.write(Surface::Staff).put_back(&taken);
        usage.count(Surface::Staff, Some("panel"), &types, &[0]);
        let (taken, is_new_day) = usage.write(Surface::Staff).take(day("2026-12-01"));
        assert_eq!(
            told(&taken),
            ["panel Query.a 3", "panel Query.b 1", "unknown Query.b 1"]
        );
        assert!(!is_new_day);
        assert_eq!(usage.write(Surface::Staff).take(day("2026-12-01")).0, []);
        assert_eq!(
            told(&usage.write(Surface::Portal).take(day("2026-12-01")).0),
            ["panel Query.b 1"]
        );
    }

    #[test]
    fn names_beyond_what_a_day_has_room_for_are_one() {
        let (usage, types) = (FieldUsage::default(), types());
        usage.write(Surface::Staff).take(day("2026-12-01"));
        for number in 0..3 * MAX_CLIENTS {
            usage.count(Surface::Staff, Some(&format!("c{number}")), &types, &[0]);
            usage.count(Surface::Staff, Some("c0"), &types, &[0]);
        }
        let (taken, _) = usage.write(Surface::Staff).take(day("2026-12-01"));
        assert_eq!(taken.len(), MAX_CLIENTS + 1);
        let told = told(&taken);
        assert!(
            told.contains(&format!("other Query.a {}", 2 * MAX_CLIENTS)),
            "{told:?}"
        );
        assert!(
            told.contains(&format!("c0 Query.a {}", 3 * MAX_CLIENTS + 1)),
            "{told:?}"
        );
        usage.write(Surface::Staff).take(day("2026-12-02"));
        usage.count(Surface::Staff, Some("late"), &types, &[0]);
        let (taken, _) = usage.write(Surface::Staff).take(day("2026-12-02"));
        assert_eq!(taken.len(), 1);
        assert_eq!(taken[0].client, "late");
    }
}
