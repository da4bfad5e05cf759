//! What routers tell becomes rows, samples and events together, once, and names nobody in clear.

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::join_all;
use secrecy::ExposeSecret as _;
use simpul_app::{
    Personal,
    accounting::{RecordAccounting, SessionTold, Taken, Told, Upkeep, WHO_FIELD, What},
    customers::EraseCustomer,
};
use simpul_domain::{
    Decider as _, RadiusSessionId, RouterId, Sealed, SubscriptionId,
    accounting::{Cause, Count, Kind, Octets, RadiusSession, Reading},
    tenancy::Entitlements,
};
use simpul_event_store::{Actor, db::lint};
use simpul_testkit::sql::Session;
use uuid::Uuid;

use crate::{rig::Rig, shop::Shop};

const INTERIM_SECONDS: u32 = 300;
const STOP: Kind = Kind::Stop {
    cause: Cause::UserRequest,
};

struct House {
    rig: Rig,
    shop: Shop,
    admin: Session,
}

impl House {
    async fn open() -> Self {
        let rig = Rig::new().await;
        let shop = Shop::open(&rig, "warnet", Entitlements::unlimited()).await;
        let admin = Session::open(&rig.test.superuser_url()).await;
        Self { rig, shop, admin }
    }

    async fn line(&self, username: &str) -> SubscriptionId {
        let open = self.shop.line(username);
        self.rig
            .ask(self.shop.tenant, Actor::System("test"), open)
            .await
            .expect("a line")
    }

    fn now(&self) -> DateTime<Utc> {
        self.rig.store().now()
    }

    fn told(&self, what: What) -> Told {
        Told {
            router: self.shop.router,
            at: self.now(),
            heard_at: self.now(),
            what,
        }
    }

    /// Of a session that began with the clock at `minutes` ago.
    fn of(&self, session: &str, user: &str, kind: Kind, reading: Option<(u32, u64)>) -> Told {
        let count = |octets| Count {
            octets: Octets::try_new(octets).expect("in range"),
            wide: true,
        };
        self.told(What::Session(Box::new(SessionTold {
            unique_id: session.to_owned(),
            kind,
            reading: reading.map(|(minutes, octets)| Reading {
                seconds: Some(minutes * 60),
                input: count(octets),
                output: count(octets * 10),
            }),
            user: Some(Personal::new(user)),
            station: Some(Personal::new("AA:BB:CC:DD:EE:01")),
            address: Some(Personal::new("10.9.8.7")),
        })))
    }

    async fn record(&self, records: Vec<Told>) -> Vec<Taken> {
        let command = RecordAccounting {
            interim_seconds: INTERIM_SECONDS,
            records,
        };
        self.rig
            .ask(self.shop.tenant, Actor::System("radius"), command)
            .await
            .expect("taken")
    }

    fn later(&self, minutes: i64) {
        self.rig.test.clock().advance(TimeDelta::minutes(minutes));
    }

    fn session(&self, unique_id: &str) -> RadiusSessionId {
        RadiusSessionId::derive(self.shop.router.as_uuid(), unique_id)
    }

    async fn stream(&self, unique_id: &str) -> RadiusSession {
        let id = self.session(unique_id).to_string();
        let loaded = self
            .rig
            .store()
            .load::<RadiusSession>(self.shop.tenant, &id)
            .await
            .expect("loads");
        loaded.0
    }

    /// The events of accounting by the last word of their names, in their order.
    async fn words(&mut self) -> String {
        let words: Vec<String> = self
            .admin
            .column(&format!(
                "SELECT split_part(event_type, '.', 3) FROM es.events WHERE aggregate_type = '{}' ORDER BY tenant_seq",
                RadiusSession::TYPE
            ))
            .await;
        words.join(" ")
    }

    async fn count(&mut self, from: &str) -> i64 {
        self.admin.value(&format!("SELECT count(*) FROM {from}")).await
    }

    fn upkeep(&self) -> Upkeep {
        Upkeep {
            bus: self.rig.bus.clone(),
            interim_seconds: INTERIM_SECONDS,
            samples_days: 14,
            sessions_days: 90,
        }
    }
}

#[tokio::test]
async fn a_session_is_rows_samples_and_events_of_its_line_and_a_repeat_is_nothing() {
    let mut house = House::open().await;
    let line = house.line("budi@warnet").await;
    let start = house.of("s1", "Budi@Warnet", Kind::Start, None);
    house.record(vec![start.clone()]).await;
    house.later(5);
    let interim = house.of("s1", "budi@warnet", Kind::Interim, Some((5, 1_000)));
    house.later(7);
    let stop = house.of("s1", "budi@warnet", STOP, Some((12, 5 << 32)));
    house
        .record(vec![interim.clone(), interim.clone(), stop.clone()])
        .await;
    assert_eq!(house.words().await, "started usage_recorded stopped");
    let usage = house.stream("s1").await.usage();
    assert_eq!(
        (usage.seconds, usage.input_octets.get(), usage.output_octets.get()),
        (720, 5 << 32, 50 << 32)
    );
    let before: (i64, i64) = (house.count("es.events").await, house.count("es.commands").await);
    let row: String = house
        .admin
        .value("SELECT row_to_json(s)::text FROM (SELECT * FROM es.radius_sessions) AS s")
        .await;
    house.record(vec![stop, interim, start]).await;
    let after: (i64, i64) = (house.count("es.events").await, house.count("es.commands").await);
    assert_eq!(after, before, "no event, and no record of the command either");
    let again: String = house
        .admin
        .value("SELECT row_to_json(s)::text FROM (SELECT * FROM es.radius_sessions) AS s")
        .await;
    assert_eq!(again, row);
    assert_eq!(house.count("es.radius_samples").await, 3);
    let owner: Uuid = house
        .admin
        .value("SELECT subscription_id FROM es.radius_sessions")
        .await;
    assert_eq!(SubscriptionId::new(owner), line);
}

#[tokio::test]
async fn a_name_that_nobody_has_is_a_session_and_a_router_that_nobody_has_is_not() {
    let mut house = House::open().await;
    let mut foreign = house.of("s1", "budi", Kind::Start, None);
    foreign.router = RouterId::new(Uuid::from_u128(404));
    let own = house.of("s2", "0812-3456 (Kamar 3)", Kind::Start, None);
    let taken = house.record(vec![foreign, own]).await;
    assert_eq!(taken, [Taken::UnknownRouter, Taken::Taken]);
    assert_eq!(
        house
            .count("es.radius_sessions WHERE subscription_id IS NULL")
            .await,
        1
    );
    assert_eq!(house.count("es.radius_samples").await, 1);
}

#[tokio::test]
async fn who_calls_is_sealed_with_the_customers_key_and_gone_with_the_customer() {
    let mut house = House::open().await;
    house.line("budi").await;
    let start = house.of("s1", "budi", Kind::Start, None);
    let stranger = house.of("s2", "hamba-allah", Kind::Start, None);
    house.record(vec![start, stranger]).await;
    for (table, clear) in [
        ("radius_sessions", "budi"),
        ("radius_sessions", "hamba-allah"),
        ("radius_sessions", "AA:BB"),
        ("radius_sessions", "10.9.8.7"),
        ("radius_samples", "budi"),
        ("events", "hamba-allah"),
        ("events", "10.9.8.7"),
        ("commands", "hamba-allah"),
    ] {
        let rows = house
            .count(&format!(
                "es.{table} AS t WHERE to_jsonb(t)::text ILIKE '%{clear}%'"
            ))
            .await;
        assert_eq!(rows, 0, "{clear} is in {table} in clear");
    }
    let sealed = format!(
        "SELECT who FROM es.radius_sessions WHERE session_id = '{}'",
        house.session("s1").as_uuid()
    );
    let sealed = Sealed::new(house.admin.value(&sealed).await);
    let (store, tenant, subject) = (
        house.rig.store().clone(),
        house.shop.tenant,
        house.shop.customer.to_string(),
    );
    let open = async || {
        let mut tx = store.db().tenant_tx(tenant).await.expect("a transaction");
        store.vault().open(&mut tx, &subject, WHO_FIELD, &sealed).await
    };
    let who = open().await.expect("opens").expose_secret().to_owned();
    assert_eq!(
        who,
        r#"{"address":"10.9.8.7","station":"AA:BB:CC:DD:EE:01","user":"budi"}"#
    );
    let erase = EraseCustomer {
        customer: house.shop.customer,
    };
    house
        .rig
        .ask(tenant, Actor::System("test"), erase)
        .await
        .expect("erased");
    assert!(open().await.is_err(), "nobody reads it any more");
    // His line calls once more before it is off its router: a session without a name.
    let last = house.of("s3", "budi", Kind::Start, None);
    assert_eq!(house.record(vec![last]).await, [Taken::Taken]);
    assert_eq!(house.count("es.radius_sessions WHERE who IS NULL").await, 1);
}

#[tokio::test]
async fn a_router_that_begins_anew_ends_hundreds_at_once() {
    let mut house = House::open().await;
    let starts = (0..300).map(|number| {
        let name = format!("line{number}");
        house.of(&name, &name, Kind::Start, None)
    });
    house.record(starts.collect()).await;
    house.later(1);
    let taken = house.record(vec![house.told(What::On)]).await;
    assert_eq!(taken, [Taken::Taken]);
    assert_eq!(
        house.count("es.radius_sessions WHERE cause = 'nas_reboot'").await,
        300
    );
    let batches: i64 = house
        .admin
        .value(
            "SELECT count(DISTINCT metadata->>'command_id') FROM es.events
             WHERE event_type = 'accounting.radius_session.stopped'",
        )
        .await;
    assert_eq!(batches, 1);
    house.record(vec![house.told(What::On)]).await;
    assert_eq!(
        house.count("es.events WHERE event_type LIKE '%.stopped'").await,
        300
    );
}

#[tokio::test]
async fn batches_that_run_side_by_side_lose_nothing() {
    let mut house = House::open().await;
    house
        .record(vec![house.of("s1", "budi", Kind::Start, None)])
        .await;
    for round in 1_u32..=10 {
        house.later(5);
        let two = [1, 2].map(|part| {
            let octets = u64::from(round) * 1_000 + part;
            house.record(vec![house.of(
                "s1",
                "budi",
                Kind::Interim,
                Some((round * 5, octets)),
            )])
        });
        join_all(two).await;
    }
    let input: i64 = house
        .admin
        .value("SELECT input_octets FROM es.radius_sessions")
        .await;
    assert_eq!(input, 10_002);
    assert_eq!(house.count("es.radius_samples").await, 21);
}

#[tokio::test]
async fn upkeep_ends_what_was_lost_and_forgets_what_is_old() {
    let mut house = House::open().await;
    house
        .record(vec![
            house.of("lost", "budi", Kind::Start, None),
            house.of("kept", "siti", Kind::Start, None),
        ])
        .await;
    for _ in 0..4 {
        house.later(5);
        house
            .record(vec![house.of("kept", "siti", Kind::Interim, Some((5, 10)))])
            .await;
    }
    house.upkeep().make().await.expect("made");
    assert_eq!(house.count("es.radius_sessions WHERE cause = 'lost'").await, 1);
    assert_eq!(house.count("es.radius_sessions WHERE cause IS NULL").await, 1);
    house.upkeep().make().await.expect("made");
    assert_eq!(
        house.count("es.events WHERE event_type LIKE '%.stopped'").await,
        1
    );

    let days = house
        .count("pg_inherits WHERE inhparent = 'es.radius_samples'::regclass")
        .await;
    assert_eq!(days, 3, "today and two days ahead");
    assert_eq!(lint::lint(house.rig.store().db()).await.expect("linted"), []);
    house.later(20 * 24 * 60);
    house.upkeep().make().await.expect("made");
    assert_eq!(house.count("es.radius_samples").await, 0, "after two weeks");
    assert_eq!(house.count("es.radius_sessions").await, 2);
    house.later(100 * 24 * 60);
    house.upkeep().make().await.expect("made");
    assert_eq!(house.count("es.radius_sessions").await, 0, "after three months");
    // The log keeps what they used, and a packet from then changes nothing of it.
    house
        .record(vec![house.of("kept", "siti", Kind::Interim, Some((1, 1)))])
        .await;
    assert_eq!(house.stream("kept").await.usage().input_octets.get(), 10);
    for (octets, logged) in [(5, 10), (20, 20), (30, 30)] {
        house.later(5);
        let interim = house.of("kept", "siti", Kind::Interim, Some((6, octets)));
        house.record(vec![interim]).await;
        assert_eq!(house.stream("kept").await.usage().input_octets.get(), logged);
    }
}

#[tokio::test]
async fn what_comes_late_finds_the_day_that_it_belongs_to() {
    let mut house = House::open().await;
    let mut old = house.of("s1", "budi", Kind::Start, None);
    old.at -= TimeDelta::days(3);
    let mut rubbish = house.of("s2", "siti", Kind::Start, None);
    rubbish.at = DateTime::UNIX_EPOCH;
    house.record(vec![old, rubbish]).await;
    let days: Vec<i64> = house
        .admin
        .column("SELECT (extract(epoch FROM max(heard_at) OVER () - at) / 86400)::bigint FROM es.radius_samples ORDER BY 1")
        .await;
    assert_eq!(days, [0, 3]);
}

#[tokio::test]
async fn analysts_see_sessions_of_their_tenant_and_nobody_in_them() {
    let mut house = House::open().await;
    house
        .record(vec![house.of("s1", "budi", Kind::Start, None)])
        .await;
    let tenant = house.shop.tenant.as_uuid();
    house
        .admin
        .run(&format!(
            "INSERT INTO app.analysts (tenant_id, login) VALUES ('{tenant}', 'simpul_analyst')"
        ))
        .await
        .expect("an analyst");
    let url = house
        .rig
        .test
        .app_url
        .replacen("simpul_app@", "simpul_analyst@", 1);
    let mut analyst = Session::open(&url).await;
    let status: String = analyst
        .value("SELECT status FROM analytics.radius_sessions")
        .await;
    assert_eq!(status, "open");
    assert!(analyst.rows("SELECT who FROM es.radius_sessions").await.is_err());
    assert!(analyst.rows("SELECT * FROM es.radius_samples").await.is_err());
    house
        .admin
        .run("DELETE FROM app.analysts")
        .await
        .expect("no analyst any more");
    let rows: i64 = analyst
        .value("SELECT count(*) FROM analytics.radius_sessions")
        .await;
    assert_eq!(rows, 0);
}

/// So many that their table has no statistics yet.
const OPEN: i64 = 300;
const TOLD: i64 = 40;

#[tokio::test]
async fn a_record_does_not_read_all_sessions_of_its_router() {
    let mut house = House::open().await;
    let of = |house: &House, number: i64, kind, reading| {
        house.of(&format!("s-{number}"), &format!("user-{number}"), kind, reading)
    };
    let all = (0..OPEN)
        .map(|number| of(&house, number, Kind::Start, None))
        .collect();
    house.record(all).await;
    house.later(5);
    for number in 0..TOLD {
        let interim = of(&house, number, Kind::Interim, Some((5, 1_000)));
        house.record(vec![interim]).await;
    }
    house.rig.store().db().close().await;
    let read = house.admin.rows_read("es.radius_sessions").await;
    assert!(read >= TOLD, "nothing was told: {read}");
    assert!(read < OPEN * TOLD / 2, "{read} rows were read");
}

#[tokio::test]
async fn a_record_does_not_read_what_was_recorded_of_its_session() {
    let mut house = House::open().await;
    house.record(vec![house.of("s", "budi", Kind::Start, None)]).await;
    for told in 1..=TOLD {
        house.later(5);
        let minutes = u32::try_from(told * 5).expect("minutes");
        let interim = house.of(
            "s",
            "budi",
            Kind::Interim,
            Some((minutes, 1_000 * u64::from(minutes))),
        );
        house.record(vec![interim]).await;
    }
    assert_eq!(
        house
            .count("es.events WHERE event_type LIKE '%.usage_recorded'")
            .await,
        TOLD
    );
    house.rig.store().db().close().await;
    let read = house.admin.rows_read("es.events").await;
    assert!(read < TOLD * TOLD / 2, "{read} events were read");
}
