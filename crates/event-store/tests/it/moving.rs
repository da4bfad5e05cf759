//! One tenant out of an installation and into another: everything of it, nothing of anybody else, or nothing at all.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use secrecy::ExposeSecret as _;
use simpul_domain::{Sealed, TenantId};
use simpul_event_store::{
    Bus, EventStore, audit, feed,
    inline::directory::{self, Route, kind},
    moving::{self, MovingError, tables},
};
use simpul_testkit::TestDb;

use crate::{
    counter::{Step, add, claim, dispatch, quota, ready, tenant},
    sql::Session,
};

/// Acts outside where the tenant arrives, and did not where it was.
const READER: &str = "policies";
const OTHER_MASTER: &str = "ff112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

/// An installation with a tenant of everything, and one that must stay where it is.
struct Here {
    test: TestDb,
    store: EventStore,
    moved: TenantId,
    sealed: Sealed,
}

impl Here {
    async fn new() -> Self {
        let (test, store, bus, moved) = ready().await;
        let other = tenant(2);
        crate::counter::open_tenant(&store, other).await;
        let mut sealed = Vec::new();
        for (whose, name) in [(moved, "Budi"), (other, "Siti-of-the-other")] {
            let mut tx = store.db().tenant_tx(whose).await.expect("a transaction");
            let name = store.vault().seal(&mut tx, "cus_1", "name", name).await;
            sealed.push(name.expect("sealed"));
            tx.commit().await.expect("commit");
            let number = if whose == moved { 1 } else { 2 };
            let steps = [
                add("c", 7),
                add("d", 9),
                claim("code", &format!("code-of-{number}")),
                quota("lines", 3),
                Step::Timer {
                    name: format!("timer-of-{number}"),
                },
            ];
            dispatch(&bus, whose, steps).await.expect("accepted");
        }
        for _ in 0..40 {
            dispatch(&bus, moved, [add("many", 1)]).await.expect("accepted");
        }
        // A command whose answer is nothing at all.
        let answered = format!(
            "INSERT INTO es.commands VALUES ('{}', gen_random_uuid(), '\\x00', 1, 1, 'null')",
            moved.as_uuid()
        );
        let mut admin = Session::open(&test.superuser_url()).await;
        admin.run(&answered).await.expect("written");
        Self {
            test,
            store,
            moved,
            sealed: sealed.swap_remove(0),
        }
    }

    async fn export(&self) -> Vec<String> {
        let mut lines = Vec::new();
        moving::export(&self.store, self.moved, async |line| {
            lines.push(line);
            Ok(())
        })
        .await
        .expect("exported");
        lines
    }
}

/// What is wrong, the lines, and the refusal.
type Case = (&'static str, Vec<String>, fn(&MovingError) -> bool);

async fn import(store: &EventStore, lines: &[String]) -> Result<moving::Moved, MovingError> {
    let mut lines: VecDeque<String> = lines.iter().cloned().collect();
    moving::import(store, &[READER.to_owned()], async || Ok(lines.pop_front())).await
}

/// Rows of a tenant in every table of `es`, as text.
async fn rows(test: &TestDb, tenant: TenantId) -> BTreeMap<String, Vec<String>> {
    let mut admin = Session::open(&test.superuser_url()).await;
    let mut rows = BTreeMap::new();
    for table in tables_with_tenants(&mut admin).await {
        let select = format!(
            "SELECT to_jsonb(t)::text FROM es.{table} t WHERE tenant_id = '{}' ORDER BY 1",
            tenant.as_uuid()
        );
        rows.insert(table.clone(), admin.column(&select).await);
    }
    rows
}

async fn tables_with_tenants(admin: &mut Session) -> Vec<String> {
    admin
        .column(
            "SELECT table_name::text FROM information_schema.columns
             WHERE table_schema = 'es' AND column_name = 'tenant_id' ORDER BY 1",
        )
        .await
}

#[tokio::test]
async fn every_table_of_tenants_goes_along_or_is_left_by_name() {
    let test = TestDb::create().await;
    let mut admin = Session::open(&test.superuser_url()).await;
    let there: BTreeSet<String> = tables_with_tenants(&mut admin).await.into_iter().collect();
    let carried = tables::CARRIED.iter().map(|table| table.name);
    let named: Vec<String> = carried
        .chain(tables::LEFT.iter().map(|(name, _)| *name))
        .map(str::to_owned)
        .collect();
    assert_eq!(
        named.len(),
        named.iter().collect::<BTreeSet<_>>().len(),
        "one of both"
    );
    assert_eq!(named.into_iter().collect::<BTreeSet<_>>(), there);
}

#[tokio::test]
async fn a_tenant_arrives_as_it_left_under_another_master_key() {
    let here = Here::new().await;
    let lines = here.export().await;
    let text = lines.join("\n");
    let other = tenant(2).as_uuid().to_string();
    for foreign in ["Siti-of-the-other", "code-of-2", "timer-of-2", &other] {
        assert!(!text.contains(foreign), "{foreign} is somebody else's");
    }
    assert!(text.contains("code-of-1"), "its own is there");

    let elsewhere = TestDb::create().await;
    let store = elsewhere.store_under(OTHER_MASTER);
    let moved = import(&store, &lines).await.expect("taken in");
    let sound = audit::verify(&store, here.moved, |_| {})
        .await
        .expect("read")
        .expect("sound");
    assert_eq!((sound.seq, hex::encode(sound.head)), (moved.seq, moved.head));
    let (mut before, mut after) = (
        rows(&here.test, here.moved).await,
        rows(&elsewhere, here.moved).await,
    );
    for (left, _) in tables::LEFT {
        before.remove(*left);
        after.remove(*left);
    }
    // Whatever acts outside begins behind what has happened.
    let cursors = after.remove("cursors").expect("cursors");
    before.remove("cursors");
    assert!(
        cursors.iter().any(|cursor| cursor.contains("policies")),
        "{cursors:?}"
    );
    assert_eq!(after, before);

    let mut tx = store.db().tenant_tx(here.moved).await.expect("a transaction");
    let opened = store.vault().open(&mut tx, "cus_1", "name", &here.sealed).await;
    assert_eq!(opened.expect("opened").expose_secret(), "Budi");
    tx.commit().await.expect("commit");
    // It goes on where it stood: the next event, the next number, what is taken.
    let bus = Bus::new(store.clone());
    let taken = dispatch(&bus, here.moved, [claim("code", "code-of-1")]).await;
    assert!(taken.is_err(), "a code is taken there too");
    let counted = dispatch(&bus, here.moved, [add("c", 1)]).await.expect("accepted");
    assert_eq!(counted.answer, [8]);
    let again = import(&store, &lines).await.expect_err("it is there");
    assert!(
        matches!(again, MovingError::Exists(tenant) if tenant == here.moved),
        "{again}"
    );
    let back = import(&here.store, &lines).await.expect_err("it never left");
    assert!(matches!(back, MovingError::Exists(_)), "{back}");
}

#[tokio::test]
async fn whatever_is_wrong_with_an_export_nothing_of_it_arrives() {
    let here = Here::new().await;
    let lines = here.export().await;
    let elsewhere = TestDb::create().await;
    let store = elsewhere.store_under(OTHER_MASTER);
    let of = |table: &str| {
        let start = format!("{{\"row\":{{\"table\":\"{table}\"");
        lines
            .iter()
            .position(|line| line.starts_with(&start))
            .expect("a row")
    };
    let (event, claim, own) = (of("events"), of("claims"), here.moved.as_uuid().to_string());
    let changed = |at: usize, from: &str, to: &str| {
        let mut lines = lines.clone();
        assert!(lines[at].contains(from), "{from} in {}", lines[at]);
        lines[at] = lines[at].replacen(from, to, 1);
        lines
    };
    let without = |at: usize| {
        let mut lines = lines.clone();
        lines.remove(at);
        lines
    };
    let last = lines.len() - 1;
    let cases: Vec<Case> = vec![
        ("nothing", vec![], |error| matches!(error, MovingError::CutOff)),
        ("cut off", lines[..last].to_vec(), |error| {
            matches!(error, MovingError::CutOff)
        }),
        ("a row less", without(claim), |error| {
            matches!(error, MovingError::CutOff)
        }),
        ("an event less", without(event), |error| {
            matches!(error, MovingError::Broken(_))
        }),
        (
            "an event changed",
            changed(event, "\"by\": 7", "\"by\": 8"),
            |error| matches!(error, MovingError::Broken(_)),
        ),
        (
            "somebody else's row",
            changed(claim, &own, &tenant(3).as_uuid().to_string()),
            |error| matches!(error, MovingError::Foreign { .. }),
        ),
        (
            "another table",
            changed(claim, "\"claims\"", "\"sessions\""),
            |error| matches!(error, MovingError::Table { .. }),
        ),
        (
            "another schema",
            changed(0, "\"schema\":\"", "\"schema\":\"0"),
            |error| matches!(error, MovingError::Schema),
        ),
        (
            "another format",
            changed(0, "\"format\":1", "\"format\":2"),
            |error| matches!(error, MovingError::Format),
        ),
        ("rubbish", changed(claim, "{", "["), |error| {
            matches!(error, MovingError::Unreadable { .. })
        }),
    ];
    for (what, lines, expected) in cases {
        let error = import(&store, &lines).await.expect_err(what);
        assert!(expected(&error), "{what}: {error:?}");
        let rows = rows(&elsewhere, here.moved).await;
        assert!(rows.values().all(Vec::is_empty), "{what}: {rows:?}");
    }
    // Somebody there has the name already.
    for (store, tenant) in [(&here.store, here.moved), (&store, tenant(9))] {
        let mut tx = store.db().tenant_tx(tenant).await.expect("a transaction");
        let route = Route {
            kind: kind::SUBDOMAIN.to_owned(),
            key: "kayu".to_owned(),
            target: "panel".to_owned(),
        };
        directory::put(&mut tx, &route).await.expect("taken");
        tx.commit().await.expect("commit");
    }
    let error = import(&store, &here.export().await)
        .await
        .expect_err("the name is taken");
    assert!(
        matches!(&error, MovingError::Taken { what } if what.contains("kayu")),
        "{error}"
    );
    assert!(rows(&elsewhere, here.moved).await.values().all(Vec::is_empty));
}

#[tokio::test]
async fn the_platform_and_whoever_is_not_there_do_not_move() {
    let here = Here::new().await;
    let refused = async |tenant| {
        let exported = moving::export(&here.store, tenant, async |_| Ok(())).await;
        exported.expect_err("nothing to export")
    };
    assert!(matches!(refused(TenantId::PLATFORM).await, MovingError::Platform));
    assert!(matches!(refused(tenant(8)).await, MovingError::Missing));
    let page = feed::page(&here.store, here.moved, 0, 1).await.expect("read");
    assert_eq!(page.len(), 1);
    let full = moving::export(&here.store, here.moved, async |_| {
        Err(std::io::ErrorKind::StorageFull.into())
    });
    assert!(matches!(full.await, Err(MovingError::Io(_))));
}
