//! Hints that there are new events. They say how far a log has grown and whom that may concern, no more, and may be lost:
//! looking at the heads of all logs is the guarantee. One look serves all subscribers of a process, because thousands of
//! tenants have as many heads.
//!
//! Most news concerns few. Whoever appends knows of what kind its events are, so a listener is woken by those that it is
//! interested in, and finds the others when it next looks around by itself: with dozens of subscribers, moving each of them
//! past every event at once would be most of the work that a command makes (ADR 77).

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use simpul_domain::TenantId;
use tokio::{
    sync::{Mutex as Turn, Notify, broadcast},
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;

use super::{Interest, cursor, projection};
use crate::{
    Db, EventStore, StoreError,
    db::dynamic,
    store::{Staged, recorded::ERASED},
};

/// Hints kept for a slow listener before it is told to look everywhere.
const CAPACITY: usize = 4096;
/// Hints to other processes are this far apart, at least: what comes meanwhile goes together.
const BETWEEN_NOTES: Duration = Duration::from_millis(20);
const RECONNECT: Duration = Duration::from_secs(1);
/// Looks at all heads are this far apart, whoever wants one.
const BETWEEN_LOOKS: Duration = Duration::from_millis(200);

/// A log has grown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hint {
    pub tenant: TenantId,
    /// To this position, at least.
    pub seq: i64,
}

/// Fan-out of hints within a process.
#[derive(Debug, Clone)]
pub struct Hints {
    listeners: Arc<Mutex<Vec<Weak<Mailbox>>>>,
    own: broadcast::Sender<Hint>,
    /// How far each log was said to have grown.
    said: Arc<Mutex<HashMap<TenantId, i64>>>,
    looked_at: Arc<Turn<Option<Instant>>>,
}

impl Default for Hints {
    fn default() -> Self {
        Self {
            listeners: Arc::default(),
            own: broadcast::Sender::new(CAPACITY),
            said: Arc::default(),
            looked_at: Arc::default(),
        }
    }
}

impl Hints {
    /// Says that this process has made a tenant's log grow by these events.
    pub(crate) fn tell(&self, hint: Hint, events: &[Staged]) {
        if events.is_empty() {
            return;
        }
        // Nobody listening is fine.
        let _ = self.own.send(hint);
        self.is_news(hint);
        let mut kinds: Vec<(&str, &str)> = events
            .iter()
            .map(|event| (event.aggregate_type, event.event_type.as_str()))
            .collect();
        kinds.dedup();
        self.each(|listener| {
            // The last event of a log concerns everybody.
            let concerns =
                |&(kind, name): &(&str, &str)| name == ERASED || listener.interest.includes(kind, name);
            if kinds.iter().any(concerns) {
                listener.put(Word::Concerns(hint));
            } else {
                listener.put_off(hint);
            }
        });
    }

    /// Passes on what another process said. It may be about less than is known by now: what this process appended after it
    /// was announced with its own kinds only.
    fn pass_on(&self, hint: Hint) {
        self.is_news(hint);
        self.each(|listener| listener.put(Word::MayConcern(hint)));
    }

    /// Somebody waits until these projections have come past everything that was said of the tenant.
    pub(super) fn want(&self, tenant: TenantId, projections: &[&str]) {
        let said = locked(&self.said).get(&tenant).copied();
        self.each(|listener| {
            let name = listener.projection.as_deref();
            if name.is_some_and(|name| projections.contains(&name)) {
                listener.hurry(tenant, said);
            }
        });
    }

    /// Tells of every log that has grown without a hint, unless somebody has just looked.
    pub(super) async fn look(&self, db: &Db) -> Result<(), StoreError> {
        let Ok(mut looked_at) = self.looked_at.try_lock() else {
            return Ok(());
        };
        if looked_at.is_some_and(|at| at.elapsed() < BETWEEN_LOOKS) {
            return Ok(());
        }
        let mut tx = db.system_tx().await?;
        let heads = cursor::heads(&mut tx).await?;
        tx.commit().await?;
        *looked_at = Some(Instant::now());
        for (tenant, seq) in heads {
            let hint = Hint { tenant, seq };
            if self.is_news(hint) {
                self.each(|listener| listener.put(Word::MayConcern(hint)));
            }
        }
        Ok(())
    }

    /// Listens to everything.
    pub fn listen(&self) -> Listener {
        self.add(Interest::All, (None, false), None)
    }

    /// Listens to the growth of one log.
    pub fn listen_to(&self, tenant: TenantId) -> Listener {
        self.add(Interest::All, (None, false), Some(tenant))
    }

    /// Listens to what may concern a subscriber, which gathers what concerns it or does not.
    pub(super) fn listen_as(&self, subscriber: &str, interest: Interest, gathers: bool) -> Listener {
        let projection = projection::parse_subscriber(subscriber).map(|(name, _)| name.into());
        self.add(interest, (projection, gathers), None)
    }

    fn add(
        &self,
        interest: Interest,
        (projection, gathers): (Option<Box<str>>, bool),
        only: Option<TenantId>,
    ) -> Listener {
        let mailbox = Arc::new(Mailbox {
            interest,
            projection,
            gathers,
            only,
            letters: Mutex::default(),
            word: Notify::new(),
        });
        locked(&self.listeners).push(Arc::downgrade(&mailbox));
        Listener { mailbox }
    }

    /// Notes how far a log is said to have grown, and whether that is further than was said before.
    fn is_news(&self, hint: Hint) -> bool {
        let mut said = locked(&self.said);
        let known = said.entry(hint.tenant).or_default();
        let news = *known < hint.seq;
        *known = hint.seq.max(*known);
        news
    }

    fn each(&self, mut tell: impl FnMut(&Mailbox)) {
        locked(&self.listeners).retain(|listener| {
            let listener = listener.upgrade();
            listener.as_deref().map(&mut tell).is_some()
        });
    }
}

/// What one listener has not heard yet.
#[derive(Debug)]
struct Mailbox {
    interest: Interest,
    /// The projection that listens.
    projection: Option<Box<str>>,
    /// Whether it may be waiting for more of what it was told of.
    gathers: bool,
    only: Option<TenantId>,
    letters: Mutex<Letters>,
    word: Notify,
}

#[derive(Debug, Default)]
struct Letters {
    /// In the order in which they came.
    now: VecDeque<Word>,
    /// About what does not concern it.
    later: HashMap<TenantId, i64>,
    /// There were more than are kept.
    missed: bool,
}

impl Mailbox {
    fn put(&self, word: Word) {
        let of_another = |hint: Hint| self.only.is_some_and(|only| only != hint.tenant);
        if word.hint().is_some_and(of_another) {
            return;
        }
        let mut letters = locked(&self.letters);
        if letters.now.len() < CAPACITY {
            letters.now.push_back(word);
        } else {
            letters.now.clear();
            letters.missed = true;
        }
        drop(letters);
        self.word.notify_one();
    }

    fn put_off(&self, hint: Hint) {
        let mut letters = locked(&self.letters);
        let seq = letters.later.entry(hint.tenant).or_default();
        *seq = hint.seq.max(*seq);
    }

    fn hurry(&self, tenant: TenantId, said: Option<i64>) {
        let put_off = locked(&self.letters).later.remove(&tenant);
        let gathered = said.filter(|_| self.gathers);
        if let Some(seq) = put_off.max(gathered) {
            self.put(Word::Wanted(Hint { tenant, seq }));
        }
    }
}

/// What a listener hears.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Word {
    /// It concerns the listener.
    Concerns(Hint),
    /// Nobody knows whom it concerns.
    MayConcern(Hint),
    /// Somebody waits until the listener has come so far.
    Wanted(Hint),
    /// There were more hints than are kept: the listener looks everywhere.
    Missed,
}

impl Word {
    const fn hint(self) -> Option<Hint> {
        match self {
            Self::Concerns(hint) | Self::MayConcern(hint) | Self::Wanted(hint) => Some(hint),
            Self::Missed => None,
        }
    }
}

/// One listener.
#[derive(Debug)]
pub struct Listener {
    mailbox: Arc<Mailbox>,
}

impl Listener {
    /// Waits until there is something to [hear](Listener::hear). Cancelling loses nothing.
    pub async fn word(&self) {
        while !self.has_word() {
            self.mailbox.word.notified().await;
        }
    }

    /// The next word, if there is one.
    pub fn hear(&self) -> Option<Word> {
        let mut letters = locked(&self.mailbox.letters);
        if std::mem::take(&mut letters.missed) {
            return Some(Word::Missed);
        }
        letters.now.pop_front()
    }

    /// Waits for a word, and forgets all that there are: for listeners that look for themselves.
    pub async fn woken(&self) {
        self.word().await;
        while self.hear().is_some() {}
    }

    /// What was put off because it does not concern the listener.
    pub(super) fn put_off(&self) -> Vec<Hint> {
        let later = std::mem::take(&mut locked(&self.mailbox.letters).later);
        let hint = |(tenant, seq)| Hint { tenant, seq };
        later.into_iter().map(hint).collect()
    }

    fn has_word(&self) -> bool {
        let letters = locked(&self.mailbox.letters);
        letters.missed || !letters.now.is_empty()
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Carries hints between processes until `stop`: sends ours, the first at once and those that follow together, and repeats
/// those of others.
///
/// Runs beside the log and outside of every transaction: NOTIFY inside the append costs a factor of 4.6.
pub async fn relay_hints(store: EventStore, stop: CancellationToken) {
    while !stop.is_cancelled() {
        let relayed = store.db().or_given_up(relay_once(&store, &stop)).await;
        if let Err(error) = relayed.flatten() {
            tracing::warn!(
                error = super::runner::chain(&error),
                "hints are not relayed; polling goes on"
            );
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(RECONNECT) => {}
            }
        }
    }
}

async fn relay_once(store: &EventStore, stop: &CancellationToken) -> Result<(), StoreError> {
    let process = store.new_command_id().to_string();
    let mut sender = store.db().dedicated().await?;
    let mut remote = dynamic::Remote::listen(store.db()).await?;
    let mut own = store.hints().own.subscribe();
    let mut grown: HashMap<TenantId, i64> = HashMap::new();
    let mut due = Instant::now();
    loop {
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            hint = own.recv() => {
                // What was lost on the way is found by those who look.
                if let Ok(Hint { tenant, seq }) = hint {
                    let known = grown.entry(tenant).or_default();
                    *known = seq.max(*known);
                }
            }
            () = sleep_until(due), if !grown.is_empty() => {
                let text = |(tenant, seq)| format!("{process} {tenant} {seq}");
                let texts: Vec<String> = grown.drain().map(text).collect();
                dynamic::notify(&mut sender, &texts).await?;
                due = Instant::now() + BETWEEN_NOTES;
            }
            text = remote.next() => {
                if let Some((from, hint)) = read(&text?)
                    && from != process
                {
                    store.hints().pass_on(hint);
                }
            }
        }
    }
}

/// What another process sent: who it is, and its hint.
fn read(text: &str) -> Option<(&str, Hint)> {
    let (from, hint) = text.split_once(' ')?;
    let (tenant, seq) = hint.split_once(' ')?;
    Some((
        from,
        Hint {
            tenant: tenant.parse().ok()?,
            seq: seq.parse().ok()?,
        },
    ))
}

#[cfg(test)]
mod tests {
    use simpul_domain::EventId;
    use uuid::Uuid;

    use super::*;
    use crate::store::canonical::CanonicalJson;

    fn tenant(number: u128) -> TenantId {
        TenantId::new(Uuid::from_u128(number))
    }

    fn hint(number: u128, seq: i64) -> Hint {
        Hint {
            tenant: tenant(number),
            seq,
        }
    }

    fn staged(aggregate_type: &'static str, event_type: &str) -> Staged {
        Staged {
            aggregate_type,
            aggregate_id: "1".to_owned(),
            sequence: 1,
            event_type: event_type.to_owned(),
            event_version: "1.0".to_owned(),
            payload: CanonicalJson::of(&()).expect("json"),
            event_id: EventId::new(Uuid::nil()),
        }
    }

    fn heard(listener: &Listener) -> Vec<Word> {
        std::iter::from_fn(|| listener.hear()).collect()
    }

    const INVOICES: Interest = Interest::Types(&["invoice"]);

    #[test]
    fn a_listener_hears_what_concerns_it_and_finds_the_rest_when_it_looks() {
        let hints = Hints::default();
        let invoices = hints.listen_as("projection/invoices/v2", INVOICES, false);
        let paid = hints.listen_as("policy/isolir", Interest::Events(&["invoice.paid"]), false);
        let (all, own) = (hints.listen(), hints.listen_to(tenant(2)));
        hints.tell(hint(1, 5), &[staged("customer", "customer.registered")]);
        hints.tell(
            hint(1, 7),
            &[staged("customer", "x"), staged("invoice", "invoice.issued")],
        );
        hints.tell(hint(2, 3), &[staged("invoice", "invoice.paid")]);
        hints.tell(hint(2, 3), &[]);
        let concerns = Word::Concerns;
        assert_eq!(heard(&invoices), [concerns(hint(1, 7)), concerns(hint(2, 3))]);
        assert_eq!(heard(&paid), [concerns(hint(2, 3))]);
        assert_eq!(
            heard(&all),
            [concerns(hint(1, 5)), concerns(hint(1, 7)), concerns(hint(2, 3))]
        );
        assert_eq!(heard(&own), [concerns(hint(2, 3))]);
        assert_eq!(invoices.put_off(), [hint(1, 5)]);
        assert_eq!(paid.put_off(), [hint(1, 7)], "the furthest of a tenant");
        assert_eq!(paid.put_off(), []);
    }

    #[test]
    fn the_end_of_a_log_concerns_everybody() {
        let hints = Hints::default();
        let invoices = hints.listen_as("projection/invoices/v2", INVOICES, false);
        hints.tell(hint(1, 9), &[staged("tenant", ERASED)]);
        assert_eq!(heard(&invoices), [Word::Concerns(hint(1, 9))]);
    }

    #[test]
    fn what_another_process_says_may_concern_everybody_however_old_it_is() {
        let hints = Hints::default();
        let invoices = hints.listen_as("projection/invoices/v2", INVOICES, false);
        hints.tell(hint(1, 9), &[staged("customer", "customer.registered")]);
        hints.pass_on(hint(1, 8));
        assert_eq!(heard(&invoices), [Word::MayConcern(hint(1, 8))]);
    }

    #[tokio::test]
    async fn a_projection_that_somebody_waits_for_looks_at_what_does_not_concern_it() {
        let hints = Hints::default();
        let invoices = hints.listen_as("projection/invoices/v2", INVOICES, false);
        let routers = hints.listen_as("projection/routers/v1", Interest::Types(&["router"]), false);
        for number in 1..3 {
            hints.tell(hint(number, 5), &[staged("customer", "customer.registered")]);
        }
        hints.want(tenant(2), &["customers", "invoices"]);
        invoices.word().await;
        assert_eq!(heard(&invoices), [Word::Wanted(hint(2, 5))]);
        assert_eq!(heard(&routers), []);
        hints.want(tenant(2), &["invoices"]);
        assert_eq!(heard(&invoices), [], "it has heard of it");
        assert_eq!(invoices.put_off(), [hint(1, 5)]);
    }

    #[test]
    fn a_projection_that_gathers_is_told_that_somebody_waits_for_what_it_has_heard_of() {
        let hints = Hints::default();
        let all = hints.listen_as("projection/history/v1", Interest::All, true);
        hints.want(tenant(1), &["history"]);
        assert_eq!(heard(&all), [], "nothing was said of it");
        hints.tell(hint(1, 5), &[staged("customer", "customer.registered")]);
        assert_eq!(heard(&all), [Word::Concerns(hint(1, 5))]);
        hints.want(tenant(1), &["history"]);
        assert_eq!(heard(&all), [Word::Wanted(hint(1, 5))]);
    }

    #[test]
    fn who_does_not_listen_for_long_looks_everywhere_and_who_is_gone_is_forgotten() {
        let hints = Hints::default();
        let invoices = hints.listen_as("projection/invoices/v2", INVOICES, false);
        drop(hints.listen());
        for seq in 0..=4096 {
            hints.tell(hint(1, seq), &[staged("invoice", "invoice.issued")]);
        }
        assert_eq!(heard(&invoices), [Word::Missed]);
        assert_eq!(locked(&hints.listeners).len(), 1);
    }
}
