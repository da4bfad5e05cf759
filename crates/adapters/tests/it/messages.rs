//! The outbox, notices and timers of a real database, with handlers that answer by script.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex},
    time::Duration,
};

use chrono::TimeDelta;
use serde_json::json;
use simpul_adapters::{
    delivery::{self, Content, Courier, Ready, Report},
    intake::{Firing, NoticeHandler, Notices, Outcome, Scheduler, TimerHandler},
    work_loop::{self, PortError, Wake, Work},
};
use simpul_domain::{
    MessageId, NoticeId, TenantId, TimerId,
    customers::PhoneNumber,
    messaging::sender::{OutboundMessage, Rejection, RejectionKind, SendOutcome},
};
use simpul_event_store::{
    EventStore,
    inline::{
        notice::{self, Notice},
        outbox::{self, Leased, Parcel},
        timer::{self, Fired, Timer},
    },
};
use simpul_testkit::TestDb;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{rig::until, tally::tenant};

const LIMIT: Duration = Duration::from_secs(20);

/// Answers in turn; the last answer stays.
#[derive(Debug, Clone)]
struct Script<A>(Arc<Mutex<(VecDeque<A>, u32)>>);

impl<A: Clone> Script<A> {
    fn new(answers: impl IntoIterator<Item = A>) -> Self {
        Self(Arc::new(Mutex::new((answers.into_iter().collect(), 0))))
    }

    fn next(&self) -> A {
        let mut script = self.0.lock().expect("not poisoned");
        script.1 += 1;
        let answer = script.0.front().cloned().expect("an answer");
        if script.0.len() > 1 {
            script.0.pop_front();
        }
        answer
    }

    fn asked(&self) -> u32 {
        self.0.lock().expect("not poisoned").1
    }
}

struct Running {
    stop: CancellationToken,
    tasks: JoinSet<()>,
}

impl Running {
    fn start<W: Work>(store: EventStore, work: W) -> Self {
        let (stop, mut tasks) = (CancellationToken::new(), JoinSet::new());
        let settings = work_loop::Settings::default();
        tasks.spawn(work_loop::run(
            Arc::new(work),
            store,
            settings,
            Wake::default(),
            stop.clone(),
        ));
        Self { stop, tasks }
    }

    async fn finish(mut self) {
        self.stop.cancel();
        while self.tasks.join_next().await.is_some() {}
    }
}

#[derive(Debug, Clone)]
struct Messenger {
    outcomes: Script<SendOutcome>,
    reports: Arc<Mutex<Vec<Report>>>,
}

impl delivery::Ports for Messenger {
    async fn content(&self, parcel: &Leased) -> Result<Content, PortError> {
        let reports = self.reports.lock().expect("not poisoned");
        let failed = reports
            .iter()
            .filter(|report| matches!(report, Report::Failed { .. }))
            .count();
        Ok(Content::Ready(Ready {
            message: OutboundMessage {
                id: MessageId::new(parcel.parcel.id),
                to: PhoneNumber::parse("+6281234567890").expect("a number"),
                text: "Tagihan Anda".to_owned(),
            },
            failed_tries: u32::try_from(failed).expect("few"),
        }))
    }

    async fn send(&self, _: TenantId, _: &OutboundMessage) -> SendOutcome {
        self.outcomes.next()
    }

    async fn record(&self, _: &Leased, report: &Report) -> Result<(), PortError> {
        self.reports.lock().expect("not poisoned").push(report.clone());
        Ok(())
    }
}

async fn delivered(outcomes: Vec<SendOutcome>, reports: usize) -> (Messenger, TestDb) {
    let test = TestDb::create().await;
    let messenger = Messenger {
        outcomes: Script::new(outcomes),
        reports: Arc::default(),
    };
    let parcel = Parcel {
        id: Uuid::from_u128(5),
        channel: "whatsapp".to_owned(),
        body: json!({ "message": "msg_5" }),
        due_at: test.store().now(),
        origin: None,
    };
    let mut tx = test
        .store()
        .db()
        .tenant_tx(tenant(1))
        .await
        .expect("a transaction");
    outbox::put(&mut tx, &parcel).await.expect("put");
    tx.commit().await.expect("committed");
    let settings = delivery::Settings {
        gap: Duration::ZERO,
        ..delivery::Settings::default()
    };
    let running = Running::start(
        test.store(),
        Courier::new(test.store(), messenger.clone(), settings),
    );
    until("the reports came", LIMIT, async || {
        test.clock().advance(TimeDelta::seconds(5));
        messenger.reports.lock().expect("not poisoned").len() >= reports
    })
    .await;
    // Whatever is due for an hour is looked at: nothing may follow.
    for _ in 0..20 {
        test.clock().advance(TimeDelta::minutes(3));
        until("the loop looked", LIMIT, async || no_more_due(&test).await).await;
    }
    running.finish().await;
    (messenger, test)
}

async fn no_more_due(test: &TestDb) -> bool {
    let mut tx = test.store().db().system_tx().await.expect("a transaction");
    let due = outbox::due(&mut tx, "whatsapp", &test.store().taker(), 10)
        .await
        .expect("a list");
    due.is_empty()
}

fn offline() -> SendOutcome {
    SendOutcome::Rejected(Rejection {
        kind: RejectionKind::DeviceOffline,
        reason: "device offline".to_owned(),
    })
}

fn accepted() -> SendOutcome {
    SendOutcome::Accepted {
        provider_ids: vec!["x".to_owned()],
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_sent_again_after_a_definite_refusal_and_recorded_once_it_is_accepted() {
    let (messenger, _test) = delivered(vec![offline(), accepted()], 2).await;
    assert_eq!(messenger.outcomes.asked(), 2);
    let reports = messenger.reports.lock().expect("not poisoned").clone();
    assert!(matches!(reports[0], Report::Failed { is_final: false, .. }));
    assert!(matches!(reports[1], Report::Accepted { .. }));
    assert_eq!(reports.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_whose_fate_is_unknown_is_never_sent_again() {
    let (messenger, _test) = delivered(vec![SendOutcome::Unknown], 1).await;
    assert_eq!(messenger.outcomes.asked(), 1);
    assert_eq!(
        *messenger.reports.lock().expect("not poisoned"),
        [Report::Unknown]
    );
}

#[derive(Debug, Clone)]
struct Reading(Script<Outcome>);

impl NoticeHandler for Reading {
    async fn handle(&self, _: &notice::Leased) -> Outcome {
        self.0.next()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_notice_that_cannot_be_booked_yet_is_tried_again_until_it_is() {
    let test = TestDb::create().await;
    let notice = Notice {
        id: NoticeId::new(Uuid::from_u128(1)),
        connection: "tripay/gwy_1".to_owned(),
        dedup_key: "a".to_owned(),
        body: b"{}".to_vec(),
        headers: BTreeMap::new(),
        received_at: test.store().now(),
    };
    let mut tx = test
        .store()
        .db()
        .tenant_tx(tenant(1))
        .await
        .expect("a transaction");
    notice::store(&mut tx, &notice).await.expect("stored");
    tx.commit().await.expect("committed");
    let handler = Reading(Script::new([
        Outcome::Retry("the gateway is away".to_owned()),
        Outcome::Retry("the gateway is away".to_owned()),
        Outcome::Done("paid".to_owned()),
    ]));
    let running = Running::start(test.store(), Notices::new(test.store(), handler.clone()));
    until("the notice was handled three times", LIMIT, async || {
        test.clock().advance(TimeDelta::seconds(1));
        handler.0.asked() >= 3
    })
    .await;
    running.finish().await;
    test.clock().advance(TimeDelta::days(1));
    let mut tx = test.store().db().system_tx().await.expect("a transaction");
    assert!(
        notice::due(&mut tx, notice::QUEUE, &test.store().taker(), 10)
            .await
            .expect("a list")
            .is_empty()
    );
    assert_eq!(handler.0.asked(), 3);
}

#[derive(Debug, Clone)]
struct Firer(Script<Firing>);

impl TimerHandler for Firer {
    async fn fire(&self, _: &Fired) -> Firing {
        self.0.next()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_timer_fires_when_it_is_due_and_after_downtime_once() {
    let test = TestDb::create().await;
    let timer = Timer {
        id: TimerId::new(Uuid::from_u128(1)),
        kind: "invoice.overdue".to_owned(),
        subject: "inv_1".to_owned(),
        due_at: test.store().now() + TimeDelta::days(1),
        origin: None,
    };
    let mut tx = test
        .store()
        .db()
        .tenant_tx(tenant(1))
        .await
        .expect("a transaction");
    timer::schedule(&mut tx, &timer).await.expect("scheduled");
    tx.commit().await.expect("committed");
    let postponed = Firing::Postponed {
        error: "the store is away".to_owned(),
    };
    let handler = Firer(Script::new([postponed, Firing::Obsolete]));
    test.clock().advance(TimeDelta::days(3));
    let running = Running::start(test.store(), Scheduler::new(test.store(), handler.clone()));
    until("the timer was fired twice", LIMIT, async || {
        test.clock().advance(TimeDelta::seconds(1));
        handler.0.asked() >= 2
    })
    .await;
    running.finish().await;
    test.clock().advance(TimeDelta::days(9));
    let mut tx = test.store().db().system_tx().await.expect("a transaction");
    assert!(
        timer::due(&mut tx, timer::QUEUE, &test.store().taker(), 10)
            .await
            .expect("a list")
            .is_empty()
    );
    assert_eq!(handler.0.asked(), 2);
}
