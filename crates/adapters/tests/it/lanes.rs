//! Lanes of a real database, converged on a simulated router that fails like real ones.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use chrono::TimeDelta;
use secrecy::SecretString;
use simpul_adapters::{
    egress,
    provisioning::{Failure, Introduction, LANE, Ports, Proof, Provisioner, Reach, Settings, Wanted},
    work_loop::{self, PortError, Wake},
};
use simpul_domain::{
    RouterId, Sealed, SubscriptionId, TenantId,
    network::{
        PppProfile, RouterAddress, RouterHost, TlsMode,
        desired::{Account, DesiredState, marker},
        provisioning::{Access, FailureKind},
    },
    ports::KnownIdentity,
    subscriptions::PppUsername,
};
use simpul_event_store::inline::lane::{self, Leased, Status, Wish};
use simpul_routeros::sim::{Group, Personality, Power, RouterConfig, Server, ServerConfig, ServerHandle};
use simpul_routeros::tls::Roots;
use simpul_testkit::TestDb;
use tokio::{io::DuplexStream, task::JoinSet};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{rig::until, tally::tenant};

mod visits;

pub(crate) const LIMIT: Duration = Duration::from_secs(20);
const SERIAL: &str = "HEX0SIM0001";

fn subscription() -> SubscriptionId {
    SubscriptionId::new(Uuid::from_u128(11))
}

fn router() -> RouterId {
    RouterId::new(Uuid::from_u128(12))
}

/// What the rest of the product knows, and what it was told.
#[derive(Debug)]
pub(crate) struct World {
    desired: Mutex<BTreeMap<SubscriptionId, DesiredState>>,
    dials: AtomicUsize,
    pub(crate) sim: ServerHandle,
    proofs: Mutex<Vec<Proof>>,
    failures: Mutex<Vec<FailureKind>>,
    known: Mutex<Option<KnownIdentity>>,
    introductions: Mutex<Vec<Introduction>>,
    password: Mutex<&'static str>,
}

#[derive(Debug, Clone)]
struct Wired(Arc<World>);

impl Ports for Wired {
    type Stream = DuplexStream;

    async fn desired(&self, _: TenantId, line: SubscriptionId) -> Result<Option<Wanted>, PortError> {
        let state = self.0.desired.lock().expect("not poisoned").get(&line).cloned();
        Ok(state.map(|state| Wanted {
            state,
            password: SecretString::from(*self.0.password.lock().expect("not poisoned")),
        }))
    }

    async fn reach(&self, _: TenantId, _: RouterId, _: u64) -> Result<Option<Reach>, PortError> {
        Ok(Some(Reach {
            address: RouterAddress {
                host: RouterHost::parse("router.test").expect("a host"),
                port: 8728,
                tls: TlsMode::Plain,
            },
            username: "api".to_owned(),
            password: SecretString::from("rahasia"),
            legacy_login: false,
            known: self.0.known.lock().expect("not poisoned").clone(),
            roots: Roots::none(),
        }))
    }

    async fn introduced(&self, _: TenantId, _: RouterId, said: Introduction) -> Result<bool, PortError> {
        let serial = said.serial.clone();
        *self.0.known.lock().expect("not poisoned") = Some(KnownIdentity { serial });
        self.0.introductions.lock().expect("not poisoned").push(said);
        Ok(true)
    }

    async fn dial(&self, _: TenantId, _: &RouterAddress) -> Result<DuplexStream, egress::DialError> {
        self.0.dials.fetch_add(1, Ordering::Relaxed);
        let refused = || egress::DialError::Connect(std::io::ErrorKind::ConnectionRefused.into());
        self.0.sim.open().ok_or_else(refused)
    }

    async fn confirmed(&self, _: &Leased, proof: Proof) -> Result<(), PortError> {
        self.0.proofs.lock().expect("not poisoned").push(proof);
        Ok(())
    }

    async fn failed(&self, _: &Leased, failure: Failure) -> Result<(), PortError> {
        self.0.failures.lock().expect("not poisoned").push(failure.kind);
        Ok(())
    }
}

pub(crate) struct Bench {
    test: TestDb,
    pub(crate) world: Arc<World>,
    wake: Wake,
    stop: CancellationToken,
    tasks: JoinSet<()>,
}

pub(crate) fn state(version: u64, profile: &str, disabled: bool) -> DesiredState {
    DesiredState {
        subscription: subscription(),
        router: router(),
        version,
        access: Access::Full,
        username: PppUsername::parse("budi01").expect("a user name"),
        secret: Sealed::new("sealed".to_owned()),
        secret_version: 1,
        account: Account::Present {
            profile: PppProfile::parse(profile).expect("a profile"),
            disabled,
            isolir_listed: false,
        },
        marker: marker(tenant(1), subscription()),
    }
}

impl Bench {
    pub(crate) async fn start() -> Self {
        Self::with_login(Group::Full).await
    }

    async fn with_login(group: Group) -> Self {
        let mut config = RouterConfig::new(Personality::V7Empty);
        config.users[0].group = group;
        Self::on(config).await
    }

    async fn on(config: RouterConfig) -> Self {
        let test = TestDb::create().await;
        let config = RouterConfig {
            redial_after: Duration::from_millis(20),
            dial_automatically: true,
            ..config
        };
        let sim = Server::start(ServerConfig::in_memory(config))
            .await
            .expect("a simulator");
        for profile in ["10M", "isolir"] {
            let fields = [("name", profile), ("local-address", "10.9.0.1")];
            sim.router.add("/ppp/profile", &fields).expect("a profile");
        }
        let world = Arc::new(World {
            desired: Mutex::default(),
            dials: AtomicUsize::new(0),
            sim,
            proofs: Mutex::default(),
            failures: Mutex::default(),
            known: Mutex::new(Some(KnownIdentity {
                serial: Some(SERIAL.to_owned()),
            })),
            introductions: Mutex::default(),
            password: Mutex::new("rahasia-pelanggan"),
        });
        let (wake, stop, mut tasks) = (Wake::default(), CancellationToken::new(), JoinSet::new());
        let worker = Provisioner::new(test.store(), Wired(Arc::clone(&world)), Settings::default());
        let settings = work_loop::Settings::default();
        tasks.spawn(work_loop::run(
            Arc::new(worker),
            test.store(),
            settings,
            wake.clone(),
            stop.clone(),
        ));
        Self {
            test,
            world,
            wake,
            stop,
            tasks,
        }
    }

    pub(crate) async fn wish(&self, state: DesiredState) {
        let wanted = i64::try_from(state.version).expect("a version");
        self.wants(state);
        self.wish_for(wanted, &[subscription()]).await;
    }

    fn wants(&self, state: DesiredState) {
        let mut desired = self.world.desired.lock().expect("not poisoned");
        desired.insert(state.subscription, state);
    }

    /// One wish for each of these lines, all at once.
    async fn wish_for(&self, wanted: i64, lines: &[SubscriptionId]) {
        let mut tx = self
            .test
            .store()
            .db()
            .tenant_tx(tenant(1))
            .await
            .expect("a transaction");
        for line in lines {
            let wish = Wish {
                kind: LANE.to_owned(),
                subject: line.to_string(),
                target: router().to_string(),
                wanted,
                due_at: self.test.store().now(),
                origin: None,
            };
            lane::wish(&mut tx, &wish).await.expect("a wish");
        }
        tx.commit().await.expect("committed");
        self.wake.wake();
    }

    async fn status(&self) -> Status {
        self.status_of(subscription()).await
    }

    async fn status_of(&self, line: SubscriptionId) -> Status {
        let mut tx = self
            .test
            .store()
            .db()
            .tenant_tx(tenant(1))
            .await
            .expect("a transaction");
        let status = lane::status(&mut tx, LANE, &line.to_string())
            .await
            .expect("a status");
        status.expect("the lane exists")
    }

    /// Waits for the lane's confirmation, letting the clock run.
    pub(crate) async fn confirmed(&self, version: i64) {
        until("the lane is confirmed", LIMIT, async || {
            self.test.clock().advance(TimeDelta::seconds(1));
            let status = self.status().await;
            status.state == "confirmed" && status.confirmed == version
        })
        .await;
    }

    async fn failed(&self, kind: FailureKind) {
        until("the failure is reported", LIMIT, async || {
            self.world.failures.lock().expect("not poisoned").contains(&kind)
        })
        .await;
    }

    fn secret(&self) -> std::collections::BTreeMap<String, String> {
        let rows = self.world.sim.router.rows("/ppp/secret");
        assert_eq!(rows.len(), 1, "exactly one secret");
        rows[0].clone()
    }

    pub(crate) async fn finish(mut self) {
        self.stop.cancel();
        while self.tasks.join_next().await.is_some() {}
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_isolated_customer_gets_the_isolir_profile_and_a_new_session_and_comes_back_after_paying() {
    let bench = Bench::start().await;
    bench.wish(state(1, "10M", false)).await;
    bench.confirmed(1).await;
    assert_eq!(bench.secret()["profile"], "10M");
    assert_eq!(bench.secret()["password"], "rahasia-pelanggan");
    bench.world.sim.router.plug_in("budi01");
    let sessions = || bench.world.sim.router.rows("/ppp/active");
    until("the customer is online", LIMIT, async || sessions().len() == 1).await;
    let before = sessions()[0]["session-id"].clone();

    bench.wish(state(2, "isolir", false)).await;
    bench.confirmed(2).await;
    assert_eq!(bench.secret()["profile"], "isolir");
    until("the customer dialled again", LIMIT, async || {
        sessions().len() == 1
    })
    .await;
    assert_ne!(sessions()[0]["session-id"], before, "the old session has ended");

    bench.wish(state(3, "10M", false)).await;
    bench.confirmed(3).await;
    assert_eq!(bench.secret()["profile"], "10M");
    assert_eq!(bench.secret()["comment"], marker(tenant(1), subscription()));
    let proofs = bench.world.proofs.lock().expect("not poisoned").clone();
    assert!(
        proofs
            .iter()
            .all(|proof| proof.desired_hash == proof.observed_hash)
    );
    assert_eq!(
        proofs
            .iter()
            .map(|proof| proof.desired_version)
            .collect::<Vec<_>>(),
        [1, 2, 3]
    );
    bench.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_router_that_comes_back_after_days_gets_the_newest_state_only() {
    let bench = Bench::start().await;
    bench
        .world
        .sim
        .switches
        .change(|faults| faults.power = Power::Refuse);
    bench.wish(state(1, "10M", false)).await;
    bench.failed(FailureKind::Offline).await;
    for version in 2..50 {
        bench
            .wish(state(
                version,
                if version % 2 == 0 { "isolir" } else { "10M" },
                false,
            ))
            .await;
        bench.test.clock().advance(TimeDelta::hours(2));
    }
    bench.wish(state(50, "10M", false)).await;
    bench.world.sim.switches.reset();
    bench.confirmed(50).await;
    assert_eq!(bench.secret()["profile"], "10M");
    let writes = bench.world.sim.router.journal();
    assert!(writes.len() <= 3, "{} writes", writes.len());
    assert!(
        writes
            .iter()
            .all(|write| write.value("profile").is_none_or(|profile| profile == "10M"))
    );
    bench.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_dropped_at_any_write_ends_in_one_secret() {
    for after in [true, false] {
        for number in 1..=2 {
            let bench = Bench::start().await;
            bench.world.sim.switches.change(|faults| {
                let write = Some(number);
                if after {
                    faults.drop_after_apply = write;
                } else {
                    faults.drop_before_apply = write;
                }
            });
            bench.wish(state(1, "10M", false)).await;
            bench.confirmed(1).await;
            assert_eq!(bench.secret()["profile"], "10M");
            assert_eq!(bench.secret()["comment"], marker(tenant(1), subscription()));
            bench.finish().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_router_behind_the_address_is_not_written_to() {
    let bench = Bench::start().await;
    let stranger = Some("HEX0OTHER02".to_owned());
    bench
        .world
        .sim
        .switches
        .change(|faults| faults.serial_number.clone_from(&stranger));
    bench.wish(state(1, "10M", false)).await;
    bench.failed(FailureKind::WrongRouter).await;
    assert!(bench.world.sim.router.journal().is_empty());
    assert!(bench.world.sim.router.rows("/ppp/secret").is_empty());
    bench.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_answers_first_is_the_router_from_then_on() {
    let bench = Bench::start().await;
    *bench.world.known.lock().expect("not poisoned") = None;
    bench.wish(state(1, "10M", false)).await;
    bench.confirmed(1).await;
    let said = Introduction {
        serial: Some(SERIAL.to_owned()),
        name: "simulated".to_owned(),
        version: "7.18.2".to_owned(),
    };
    assert_eq!(*bench.world.introductions.lock().expect("not poisoned"), [said]);
    let stranger = Some("HEX0OTHER02".to_owned());
    bench
        .world
        .sim
        .switches
        .change(|faults| faults.serial_number.clone_from(&stranger));
    bench.wish(state(2, "isolir", false)).await;
    bench.failed(FailureKind::WrongRouter).await;
    assert_eq!(bench.secret()["profile"], "10M");
    bench.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_virtual_router_is_pinned_by_its_licence() {
    let bench = Bench::on(RouterConfig {
        virtual_router: true,
        serial_number: "6lR1ZPoutuJ".to_owned(),
        ..RouterConfig::new(Personality::V7Empty)
    })
    .await;
    // As a version that did not ask for the licence recorded it.
    *bench.world.known.lock().expect("not poisoned") = Some(KnownIdentity { serial: None });
    bench.wish(state(1, "10M", false)).await;
    bench.confirmed(1).await;
    let pinned = bench.world.known.lock().expect("not poisoned").clone();
    assert_eq!(
        pinned.and_then(|known| known.serial).as_deref(),
        Some("license:6lR1ZPoutuJ")
    );
    let writes = bench.world.sim.router.journal().len();
    let stranger = Some("AnotherOne0".to_owned());
    bench
        .world
        .sim
        .switches
        .change(|faults| faults.serial_number.clone_from(&stranger));
    bench.wish(state(2, "isolir", false)).await;
    bench.failed(FailureKind::WrongRouter).await;
    assert_eq!(bench.world.sim.router.journal().len(), writes);
    assert_eq!(bench.secret()["profile"], "10M");
    bench.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_password_is_written_whether_or_not_the_login_may_read_it() {
    for group in [Group::Full, Group::WithoutSensitive] {
        let bench = Bench::with_login(group).await;
        bench.wish(state(1, "10M", false)).await;
        bench.confirmed(1).await;
        assert_eq!(bench.secret()["password"], "rahasia-pelanggan");
        *bench.world.password.lock().expect("not poisoned") = "baru";
        let changed = DesiredState {
            secret_version: 2,
            ..state(2, "10M", false)
        };
        bench.wish(changed).await;
        bench.confirmed(2).await;
        assert_eq!(bench.secret()["password"], "baru", "{group:?}");
        let writes = bench.world.sim.router.journal().len();
        bench
            .wish(DesiredState {
                secret_version: 2,
                ..state(3, "10M", false)
            })
            .await;
        bench.confirmed(3).await;
        assert_eq!(
            bench.world.sim.router.journal().len(),
            writes,
            "{group:?}: what is masked is no drift"
        );
        bench.finish().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wish_that_the_read_model_has_not_reached_waits_for_it_without_a_failure() {
    let bench = Bench::start().await;
    bench.wish_for(1, &[subscription()]).await;
    until("it was looked at", LIMIT, async || {
        bench.status().await.attempts > 0
    })
    .await;
    bench.wants(state(1, "10M", false));
    bench.confirmed(1).await;
    assert!(bench.world.failures.lock().expect("not poisoned").is_empty());
    bench.finish().await;
}
