//! Sessions of lines: rows that stand on the version of their router, and who finds which of them.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;
use serde_json::Value;
use simpul_domain::{
    CorrelationId, EventId, RadiusSessionId, RouterId, SubscriptionId, TenantId,
    accounting::{
        Began, Caller, Cause, Count, Ended, Meter, Octets, Reading, RouterHearing, Said, SessionRow,
    },
};
use simpul_event_store::{
    Cause as Because, Context, EventStore, StoreError, Work,
    inline::{Inline, radius},
};
use simpul_sim::model::{
    accounting::{Accounting, Change, Found, Stored},
    log::{Append, AppendError},
    store::{BeginError, InlineRow, Store},
};
use simpul_testkit::TestDb;
use uuid::Uuid;

use crate::{Court, next, tenant};

/// What use cases of accounting ask of the database.
trait Sessions {
    /// Whether the change stood on what was stored.
    async fn write(&mut self, change: Change) -> bool;
    async fn router(&mut self, router: RouterId) -> Stored;
    async fn session(&mut self, session: RadiusSessionId) -> Option<Found>;
    async fn of_callers(&mut self, callers: &BTreeSet<(RouterId, Caller)>) -> Vec<Found>;
    async fn open(&mut self, routers: &BTreeSet<RouterId>) -> Vec<Found>;
    async fn lost(&mut self, before: DateTime<Utc>, long_before: DateTime<Utc>, limit: u8) -> Vec<Found>;
    async fn forget(&mut self, before: DateTime<Utc>, limit: u8) -> usize;
}

struct Model {
    store: Store,
    tenant: TenantId,
    commands: u128,
}

impl Model {
    const fn accounting(&self) -> &Accounting {
        &self.store.accounting
    }
}

impl Sessions for Model {
    async fn write(&mut self, change: Change) -> bool {
        self.commands += 1;
        let append = Append {
            command: simpul_domain::CommandId::new(Uuid::from_u128(self.commands)),
            recorded: false,
            answer: simpul_sim::cast::command::Answer::Nothing,
            events: Vec::new(),
            reads: Vec::new(),
            claims: Vec::new(),
            release: Vec::new(),
            quota: Vec::new(),
            add: Vec::new(),
            drop: Vec::new(),
        };
        let rows = vec![InlineRow::Radius(change)];
        match self.store.begin(1, self.tenant, append, rows, None) {
            Ok(tx) => self.store.commit(tx).is_some(),
            Err(BeginError::Refused(AppendError::Conflict)) => false,
            Err(error) => panic!("{error}"),
        }
    }

    async fn router(&mut self, router: RouterId) -> Stored {
        self.accounting().router(self.tenant, router)
    }

    async fn session(&mut self, session: RadiusSessionId) -> Option<Found> {
        self.accounting().session(self.tenant, session).cloned()
    }

    async fn of_callers(&mut self, callers: &BTreeSet<(RouterId, Caller)>) -> Vec<Found> {
        self.accounting().of_callers(self.tenant, callers)
    }

    async fn open(&mut self, routers: &BTreeSet<RouterId>) -> Vec<Found> {
        self.accounting().open(self.tenant, routers)
    }

    async fn lost(&mut self, before: DateTime<Utc>, long_before: DateTime<Utc>, limit: u8) -> Vec<Found> {
        self.accounting()
            .lost(self.tenant, before, long_before, limit.into())
    }

    async fn forget(&mut self, before: DateTime<Utc>, limit: u8) -> usize {
        self.store.accounting.forget(self.tenant, before, limit.into())
    }
}

struct Real {
    store: EventStore,
    tenant: TenantId,
}

impl Real {
    async fn tx<T>(
        &self,
        ask: impl AsyncFnOnce(&mut simpul_event_store::TenantTx) -> Result<T, StoreError>,
    ) -> T {
        let mut tx = self
            .store
            .db()
            .tenant_tx(self.tenant)
            .await
            .expect("a transaction");
        let answer = ask(&mut tx).await.expect("an answer");
        tx.commit().await.expect("committed");
        answer
    }
}

impl Sessions for Real {
    async fn write(&mut self, change: Change) -> bool {
        let id = Uuid::from_u128(next() << 64);
        let because = Because::Event(EventId::new(id));
        let context = Context::caused(self.tenant, "law", because, CorrelationId::new(id), 0);
        let mut work = Work::new(&self.store, &context);
        work.inline(Inline::Radius(radius::Change {
            router: radius::Router {
                id: change.router,
                hearing: change.hearing,
                version: change.version,
            },
            sessions: change.sessions,
            samples: Vec::new(),
        }));
        match work.commit("law", &[], &Value::Null).await {
            Ok(_) => true,
            Err(StoreError::Conflict) => false,
            Err(error) => panic!("{error}"),
        }
    }

    async fn router(&mut self, router: RouterId) -> Stored {
        let found = self.tx(async |tx| radius::routers(tx, &[router]).await).await;
        let [found] = found.try_into().expect("one");
        Stored {
            hearing: found.hearing,
            version: found.version,
        }
    }

    async fn session(&mut self, session: RadiusSessionId) -> Option<Found> {
        let mut found = self.tx(async |tx| radius::sessions(tx, &[session]).await).await;
        assert!(found.len() < 2);
        found.pop()
    }

    async fn of_callers(&mut self, callers: &BTreeSet<(RouterId, Caller)>) -> Vec<Found> {
        let callers: Vec<(RouterId, Caller)> = callers.iter().cloned().collect();
        self.tx(async |tx| radius::of_callers(tx, &callers).await).await
    }

    async fn open(&mut self, routers: &BTreeSet<RouterId>) -> Vec<Found> {
        let routers: Vec<RouterId> = routers.iter().copied().collect();
        self.tx(async |tx| radius::open(tx, &routers).await).await
    }

    async fn lost(&mut self, before: DateTime<Utc>, long_before: DateTime<Utc>, limit: u8) -> Vec<Found> {
        self.tx(async |tx| radius::lost(tx, before, long_before, limit.into()).await)
            .await
    }

    async fn forget(&mut self, before: DateTime<Utc>, limit: u8) -> usize {
        let forgotten = self
            .tx(async |tx| radius::forget(tx, before, limit.into()).await)
            .await;
        usize::try_from(forgotten).expect("few")
    }
}

/// One session as somebody writes it.
#[derive(Debug, Clone)]
struct Wanted {
    session: u8,
    caller: Option<u8>,
    /// Minutes.
    began: u8,
    heard: u8,
    octets: Option<u32>,
    end: Option<(bool, u8)>,
    version: u8,
}

#[derive(Debug, Clone)]
enum Step {
    Write {
        router: bool,
        stale: bool,
        restarted: Option<u8>,
        since: u8,
        heard: u8,
        rows: Vec<Wanted>,
    },
    Lost {
        before: u8,
        long_before: u8,
        limit: u8,
    },
    Forget {
        before: u8,
        limit: u8,
    },
}

fn wanted() -> impl Strategy<Value = Wanted> {
    (
        0_u8..6,
        prop::option::of(0_u8..3),
        0_u8..200,
        0_u8..200,
        prop::option::of(any::<u32>()),
        prop::option::of((any::<bool>(), 0_u8..200)),
        any::<u8>(),
    )
        .prop_map(|(session, caller, began, heard, octets, end, version)| Wanted {
            session,
            caller,
            began,
            heard,
            octets,
            end,
            version,
        })
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let write = (
        any::<bool>(),
        prop::bool::weighted(0.2),
        prop::option::of(0_u8..200),
        0_u8..200,
        0_u8..200,
        prop::collection::vec(wanted(), 0..4),
    )
        .prop_map(|(router, stale, restarted, since, heard, rows)| Step::Write {
            router,
            stale,
            restarted,
            since,
            heard,
            rows,
        });
    let lost = (0_u8..200, 0_u8..200, 1_u8..4).prop_map(|(before, long_before, limit)| Step::Lost {
        before,
        long_before,
        limit,
    });
    let forget = (0_u8..200, 1_u8..4).prop_map(|(before, limit)| Step::Forget { before, limit });
    prop::collection::vec(prop_oneof![6 => write, 2 => lost, 1 => forget], 1..12)
}

fn at(minute: u8) -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000, 0).expect("a time") + TimeDelta::minutes(minute.into())
}

fn caller(number: u8) -> Caller {
    Caller::new(format!("caller {number}"))
}

/// Ids are the same on both sides. A beginning of its own tells sessions of one caller apart.
struct Ids {
    case: u128,
}

impl Ids {
    fn router(&self, second: bool) -> RouterId {
        RouterId::new(Uuid::from_u128((self.case << 16) + u128::from(second)))
    }

    fn session(&self, router: bool, number: u8) -> RadiusSessionId {
        let number = u128::from(router) * 100 + u128::from(number);
        RadiusSessionId::new(Uuid::from_u128((self.case << 16) + 1_000 + number))
    }

    fn stored(&self, router: bool, wanted: &Wanted) -> radius::Session {
        let row = self.row(router, wanted);
        let version = wanted.version.into();
        radius::Session { row, version }
    }

    fn row(&self, router: bool, wanted: &Wanted) -> SessionRow {
        let mut meter = Meter::default();
        if let Some(octets) = wanted.octets {
            let count = |octets: u32, wide| Count {
                octets: Octets::try_new(octets.into()).expect("32 bits"),
                wide,
            };
            for (seconds, octets) in [(60, octets), (120, octets / 2)] {
                meter.read(&Reading {
                    seconds: Some(seconds),
                    input: count(octets, false),
                    output: count(octets, octets % 2 == 0),
                });
            }
        }
        let usage = meter.usage;
        SessionRow {
            session: self.session(router, wanted.session),
            began: Began {
                at: at(wanted.began) + TimeDelta::seconds(wanted.session.into()),
                told: wanted.octets.is_some(),
            },
            last_at: at(wanted.heard),
            heard_at: at(wanted.heard),
            caller: wanted.caller.map(caller),
            line: wanted.caller.map(|caller| {
                SubscriptionId::new(Uuid::from_u128((self.case << 16) + 500 + u128::from(caller)))
            }),
            who: None,
            meter,
            ended: wanted.end.map(|(told, minute)| Ended {
                cause: if told { Cause::UserRequest } else { Cause::Lost },
                told_at: told.then(|| at(minute)),
            }),
            said: Said {
                at: at(wanted.began),
                usage,
            },
        }
    }
}

/// What a step was answered, as text.
async fn drive(sessions: &mut impl Sessions, case: u128, steps: &[Step]) -> Vec<String> {
    let ids = Ids { case };
    let mut seen = Vec::new();
    for step in steps {
        match step {
            Step::Write {
                router,
                stale,
                restarted,
                since,
                heard,
                rows,
            } => {
                let version = sessions.router(ids.router(*router)).await.version;
                let stored: std::collections::BTreeMap<_, _> = rows
                    .iter()
                    .map(|wanted| ids.stored(*router, wanted))
                    .map(|session| (session.row.session, session))
                    .collect();
                let change = Change {
                    router: ids.router(*router),
                    version: if *stale { version + 1 } else { version },
                    hearing: RouterHearing {
                        restarted_at: restarted.map(at),
                        heard_at: Some(at(*heard)),
                        heard_since: Some(at(*since)),
                    },
                    sessions: stored.into_values().collect(),
                };
                let written = sessions.write(change).await;
                assert!(
                    written != *stale,
                    "a change is written if it stands on what is stored"
                );
                seen.push(format!("{written}"));
            }
            Step::Lost {
                before,
                long_before,
                limit,
            } => {
                let lost = sessions.lost(at(*before), at(*long_before), *limit).await;
                seen.push(format!("{lost:?}"));
            }
            Step::Forget { before, limit } => {
                seen.push(format!("{}", sessions.forget(at(*before), *limit).await));
            }
        }
        seen.push(look(sessions, &ids).await);
    }
    seen
}

/// Everything that can be asked.
async fn look(sessions: &mut impl Sessions, ids: &Ids) -> String {
    let mut seen = Vec::new();
    let mut all_routers = BTreeSet::new();
    let mut callers = BTreeSet::new();
    for router in [false, true] {
        all_routers.insert(ids.router(router));
        seen.push(format!("{:?}", sessions.router(ids.router(router)).await));
        for number in 0..6 {
            seen.push(format!(
                "{:?}",
                sessions.session(ids.session(router, number)).await
            ));
        }
        callers.extend((0..3).map(|number| (ids.router(router), caller(number))));
    }
    let sorted = |mut found: Vec<Found>| {
        found.sort_by_key(|(router, session)| (*router, session.row.session));
        found.dedup();
        format!("{found:?}")
    };
    seen.push(sorted(sessions.of_callers(&callers).await));
    seen.push(sorted(sessions.open(&all_routers).await));
    seen.join("\n")
}

#[test]
fn rows_stand_on_the_version_of_their_router_and_are_found_alike() {
    let court = Court::open();
    let test = court.wait(TestDb::create());
    court.for_all(&steps(), async |steps| {
        let (tenant, case) = (tenant(), next());
        let mut model = Model {
            store: Store::new([tenant], None),
            tenant,
            commands: 0,
        };
        let store = test.store();
        let mut real = Real { store, tenant };
        let said = drive(&mut model, case, &steps).await;
        let was = drive(&mut real, case, &steps).await;
        assert_eq!(said, was, "model and PostgreSQL differ");
    });
}
