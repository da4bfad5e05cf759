//! Routers tell FreeRADIUS, FreeRADIUS tells the server, and the server may be away: with the real FreeRADIUS and the
//! configuration of `docker/freeradius`.

use std::{
    fmt::Write as _,
    io::Write as _,
    process::{Command, Stdio},
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use simpul_domain::RouterId;
use simpul_testkit::{FreeRadius, OwnPostgres, TestDb, sql::Session};
use tokio::{task::JoinHandle, time::sleep};
use uuid::Uuid;

use crate::world::{Setting, Way, World};

const TOKEN: &str = "freeradius-and-the-server-know-this";
/// Source addresses of the operator's router, and of one that nobody has.
const ROUTER: &str = "127.0.0.1";
const STRANGER: &str = "127.0.0.2";

/// A FreeRADIUS between the operator's router, a stranger, and the world's server.
struct Radius(FreeRadius);

impl Radius {
    /// Before the server it talks to.
    fn start(world: &World) -> Self {
        let tenant = world.operator.tenant;
        let routers = [
            (ROUTER, tenant, world.operator.router),
            (STRANGER, tenant, RouterId::new(Uuid::from_u128(404))),
        ];
        Self(FreeRadius::start(world.address().as_str(), TOKEN, &routers))
    }

    fn log(&self) -> String {
        self.0.log()
    }

    fn spooled(&self) -> u64 {
        self.0.spooled()
    }

    async fn is_up(&self, world: &World) {
        world.until("FreeRADIUS", async || self.0.is_up()).await;
    }

    /// Sends a packet as the router at an address does. Whether it was answered.
    async fn tell_from(&self, address: &str, attributes: &str) -> bool {
        let packet = format!("{attributes},Packet-Src-IP-Address={address}");
        let port = self.0.port();
        tokio::task::spawn_blocking(move || {
            let mut radclient = Command::new("radclient")
                .args(["-t", "4", "-r", "2"])
                .arg(format!("127.0.0.1:{port}"))
                .args(["acct", FreeRadius::SECRET])
                .stdin(Stdio::piped())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .expect("freeradius-utils is installed: ./dev install");
            let mut stdin = radclient.stdin.take().expect("its input");
            stdin.write_all(packet.as_bytes()).expect("written");
            drop(stdin);
            radclient.wait().expect("an end").success()
        })
        .await
        .expect("sent")
    }

    /// Sends packets, a file of `radclient`, some of them at once. Whether all of them were answered.
    fn tell_all(&self, packets: String) -> JoinHandle<bool> {
        let port = self.0.port();
        tokio::task::spawn_blocking(move || {
            let folder = tempfile::tempdir().expect("a folder");
            let file = folder.path().join("packets");
            std::fs::write(&file, packets).expect("written");
            let mut radclient = Command::new("radclient");
            radclient.args(["-q", "-p", "8", "-t", "5", "-r", "5", "-f"]);
            radclient.arg(&file).arg(format!("127.0.0.1:{port}"));
            radclient.args(["acct", FreeRadius::SECRET]);
            let quiet = radclient
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null());
            quiet
                .status()
                .expect("freeradius-utils is installed: ./dev install")
                .success()
        })
    }

    async fn tell(&self, attributes: &str) {
        let answered = self.tell_from(ROUTER, attributes).await;
        assert!(answered, "{attributes} was not answered:\n{}", self.log());
    }
}

/// One session of a line as its router tells of it, `minutes` after its beginning.
#[derive(Debug, Clone, Copy)]
struct Line {
    id: &'static str,
    user: &'static str,
    began: DateTime<Utc>,
}

impl Line {
    fn packet(&self, status: &str, minutes: i64, input: u64, output: u64) -> String {
        let at = (self.began + TimeDelta::minutes(minutes)).timestamp();
        format!(
            "Acct-Status-Type={status},Acct-Session-Id={},User-Name=\"{}\",NAS-Identifier=core-1,NAS-Port-Id=ether2,\
             Calling-Station-Id=AA:BB:CC:00:00:01,Framed-IP-Address=10.10.0.9,Event-Timestamp={at},\
             Acct-Session-Time={},Acct-Input-Octets={},Acct-Input-Gigawords={},Acct-Output-Octets={},\
             Acct-Output-Gigawords={}",
            self.id,
            self.user,
            minutes * 60,
            input & 0xffff_ffff,
            input >> 32,
            output & 0xffff_ffff,
            output >> 32,
        )
    }

    fn start(&self) -> String {
        self.packet("Start", 0, 0, 0)
    }
}

/// `status cause seconds input output subscription?` of every session, by when it began.
async fn sessions(world: &World) -> Vec<String> {
    let mut admin = Session::open(&world.superuser_url()).await;
    admin
        .column(
            "SELECT concat_ws(' ', CASE WHEN cause IS NULL THEN 'open' ELSE cause END, seconds, input_octets, output_octets,
                              CASE WHEN subscription_id IS NULL THEN 'nobody' ELSE 'line' END)
             FROM es.radius_sessions ORDER BY started_at, session_id",
        )
        .await
}

/// How many interim packets are recorded.
async fn interims(world: &World) -> i64 {
    let mut admin = Session::open(&world.superuser_url()).await;
    admin
        .value("SELECT count(*) FROM es.radius_samples WHERE kind = 'interim'")
        .await
}

fn setting() -> Setting {
    Setting {
        environment: vec![("SIMPUL_RADIUS__TOKEN".to_owned(), TOKEN.to_owned())],
        ..Setting::from(Way::Store)
    }
}

async fn world() -> World {
    World::begin(setting()).await
}

fn line(id: &'static str, user: &'static str, minutes_ago: i64) -> Line {
    Line {
        id,
        user,
        began: now() - TimeDelta::minutes(minutes_ago),
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "routers of the test have the machine's clock"
)]
fn now() -> DateTime<Utc> {
    Utc::now()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_routers_tell_is_recorded_once_in_whatever_order_it_comes() {
    let world = world().await;
    let radius = Radius::start(&world);
    radius.is_up(&world).await;
    world
        .until("the server", async || {
            radius.tell_from(STRANGER, &line("0", "nobody", 1).start()).await && radius.spooled() == 0
        })
        .await;

    let budi = line("81500001", "Budi@wifimaju", 60);
    radius.tell(&budi.start()).await;
    let interim = budi.packet("Interim-Update", 5, 3 << 32, 4_294_967_295);
    radius.tell(&interim).await;
    // The same again, as a router that has heard no answer sends it: another packet with other identifiers.
    radius.tell(&interim).await;
    radius.tell(&format!("{interim},Acct-Delay-Time=3")).await;
    // The end overtakes what was before it.
    radius
        .tell(&format!(
            "{},Acct-Terminate-Cause=Lost-Carrier",
            budi.packet("Stop", 20, 7 << 32, 9 << 32)
        ))
        .await;
    radius
        .tell(&budi.packet("Interim-Update", 10, 4 << 32, 5 << 32))
        .await;
    // A router without gigawords, by a name that nobody has and that is not ASCII.
    let guest = line("81500002", "tamu sécrét", 30);
    let narrow = |packet: String| {
        packet
            .replace("Acct-Input-Gigawords=0,", "")
            .replace(",Acct-Output-Gigawords=0", "")
    };
    radius
        .tell(&narrow(guest.packet("Interim-Update", 5, 4_000_000_000, 10)))
        .await;
    radius
        .tell(&narrow(guest.packet("Interim-Update", 10, 5, 20)))
        .await;
    assert_eq!(
        sessions(&world).await,
        [
            format!("lost_carrier 1200 {} {} line", 7_u64 << 32, 9_u64 << 32),
            format!("open 600 {} 20 nobody", (1_u64 << 32) + 5),
        ]
    );

    // The router begins anew: whoever was online is not any more.
    let on = format!(
        "Acct-Status-Type=Accounting-On,NAS-Identifier=core-1,Event-Timestamp={}",
        now().timestamp()
    );
    radius.tell(&on).await;
    assert_eq!(
        sessions(&world).await[1],
        format!("nas_reboot 600 {} 20 nobody", (1_u64 << 32) + 5)
    );
    assert_eq!(world.count("accounting.radius_session.started").await, 2);
    assert_eq!(world.count("accounting.radius_session.stopped").await, 2);
    assert_eq!(radius.spooled(), 0, "{}", radius.log());
    let log = world.log().await;
    assert!(
        log.iter().all(|event| {
            let payload = format!("{:?}", event.payload);
            event.aggregate_type != "accounting.radius_session" || !payload.contains("AA:BB:CC")
        }),
        "nobody's device is in the log"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_told_while_the_server_is_away_is_recorded_when_it_is_back() {
    let world = world().await;
    let radius = Radius::start(&world);
    radius.is_up(&world).await;
    let budi = line("81500001", "budi@wifimaju", 60);
    world
        .until("the server", async || {
            radius.tell_from(ROUTER, &budi.start()).await && radius.spooled() == 0
        })
        .await;
    radius.tell(&budi.packet("Interim-Update", 5, 1_000, 2_000)).await;
    assert_eq!(sessions(&world).await, ["open 300 1000 2000 line"]);

    world.kill();
    for minutes in [10_i64, 15, 20] {
        let octets = minutes.unsigned_abs() * 100;
        radius
            .tell(&budi.packet("Interim-Update", minutes, octets, octets << 32))
            .await;
    }
    let siti = line("81500009", "siti", 40);
    radius.tell(&siti.start()).await;
    radius.tell(&siti.packet("Stop", 10, 77, 88)).await;
    assert!(radius.spooled() > 0, "it is on the disk");
    assert_eq!(sessions(&world).await, ["open 300 1000 2000 line"]);

    world.spawn(None);
    let told = [
        format!("open 1200 2000 {} line", 2_000_u64 << 32),
        "unknown 600 77 88 nobody".to_owned(),
    ];
    world
        .until("the spool to be read away", async || {
            sessions(&world).await == told && radius.spooled() == 0
        })
        .await;
    // And what comes from now on comes at once.
    radius
        .tell(&budi.packet("Interim-Update", 25, 5_000, 3_000 << 32))
        .await;
    assert_eq!(
        sessions(&world).await[0],
        format!("open 1500 5000 {} line", 3_000_u64 << 32)
    );
}

/// Sessions of the load, how often each is told of while the database is killed once, and how often that is.
const TOLD_OF: i64 = 40;
const TOLD: i64 = 50;
const STRIKES: i64 = 3;

/// What a router tells of all its sessions, from one interval to another.
fn load(began: i64, intervals: std::ops::Range<i64>) -> String {
    let mut packets = String::new();
    for told in intervals {
        let seconds = told * 300;
        for session in 0..TOLD_OF {
            writeln!(
                packets,
                "Acct-Status-Type = Interim-Update\nAcct-Session-Id = \"{session:08x}\"\nUser-Name = \"user-{session}\"\n\
                 NAS-Identifier = core-1\nCalling-Station-Id = \"AA:BB:CC:01:00:{session:02X}\"\nEvent-Timestamp = {}\n\
                 Acct-Session-Time = {seconds}\nAcct-Input-Octets = {told}\nAcct-Input-Gigawords = {told}\n\
                 Acct-Output-Octets = {session}\nAcct-Output-Gigawords = {told}\n",
                began + seconds
            )
            .expect("written");
        }
    }
    packets
}

// SPEC 19: none is lost when PostgreSQL begins anew under load.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_told_while_the_database_is_killed_again_and_again_is_recorded_once() {
    let mut postgres = OwnPostgres::start().await;
    let world = World::begin(Setting {
        db: Some(TestDb::create_on(&postgres).await),
        ..setting()
    })
    .await;
    let radius = Radius::start(&world);
    radius.is_up(&world).await;
    let first = line("81500001", "budi@wifimaju", 1);
    world
        .until("the server", async || {
            radius.tell_from(ROUTER, &first.start()).await && radius.spooled() == 0
        })
        .await;

    let last = STRIKES * TOLD;
    let began = (now() - TimeDelta::minutes(5 * (last + 1))).timestamp();
    for strike in 0..STRIKES {
        let from = 1 + strike * TOLD;
        let telling = radius.tell_all(load(began, from..from + TOLD));
        sleep(Duration::from_millis(100)).await;
        assert!(!telling.is_finished(), "the database is killed under load");
        postgres.kill();
        postgres.up().await;
        let answered = telling.await.expect("told");
        assert!(answered, "a packet was not answered:\n{}", radius.log());
    }
    // However much the strikes have left there: each packet of it has the usual time.
    let mut recorded = 0;
    while radius.spooled() > 0 {
        world
            .until("more of the spool to be read away", async || {
                let before = std::mem::replace(&mut recorded, interims(&world).await);
                recorded > before || radius.spooled() == 0
            })
            .await;
    }

    assert_eq!(interims(&world).await, last * TOLD_OF);
    let mut admin = Session::open(&world.superuser_url()).await;
    let high = last.unsigned_abs() << 32;
    let wanted: Vec<String> = (0..TOLD_OF)
        .map(|session| {
            format!(
                "open {} {} {}",
                last * 300,
                high + last.unsigned_abs(),
                high + session.unsigned_abs()
            )
        })
        .collect();
    let mut found: Vec<String> = sessions(&world)
        .await
        .into_iter()
        .filter_map(|session| Some(session.strip_suffix(" nobody")?.to_owned()))
        .collect();
    found.sort();
    assert_eq!(found, wanted);
    let logged: i64 = admin
        .value(&format!(
            "SELECT count(DISTINCT aggregate_id) FROM es.events
             WHERE event_type = 'accounting.radius_session.usage_recorded' AND payload::text LIKE '%{}%'",
            high + last.unsigned_abs()
        ))
        .await;
    assert_eq!(logged, TOLD_OF, "the log ends with what was told last");
}
