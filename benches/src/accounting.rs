//! RADIUS accounting against the limits of SPEC section 19: packets straight at our endpoint, of one operator and of many,
//! and through FreeRADIUS as `docker/freeradius` has it. A packet counts when it is in the database; what waits in FreeRADIUS' spool does
//! not.
//!
//! Every packet is an interim of a session of the operator's router, five minutes of the router's time after the one before:
//! each changes a row, is kept as a sample, and goes to the log.

use std::{
    fmt::Write as _,
    fs,
    process::Stdio,
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use axum::http::{Request, StatusCode, header};
use bytes::Bytes;
use chrono::TimeDelta;
use http_body_util::Full;
use simpul::demo::seed::Operator;
use simpul_testkit::{FreeRadius, sql::Session};
use tokio::{process::Command, task::JoinSet};

use crate::{
    graphql::{Client, RADIUS_TOKEN, Rig},
    report::Line,
};

const CLIENTS: usize = 1_024;
const OPERATORS: usize = 16;
/// Sessions of which a client tells in turn.
const SESSIONS: u64 = 8;
const WARM_UP: Duration = Duration::from_secs(2);
const MEASURED: Duration = Duration::from_secs(10);
/// Packets that go through FreeRADIUS, of so many sessions.
const PACKETS: i64 = 20_000;
const TOLD_OF: i64 = 1_000;
const STRAIGHT: f64 = 20_000.0;
const THROUGH: f64 = 3_000.0;
/// Seconds between two packets of a session.
const INTERIM: u64 = 300;
/// So long ago sessions began: a router's time is believed for a week.
const BEGAN: TimeDelta = TimeDelta::days(6);
const PATIENCE: Duration = Duration::from_mins(1);

pub(crate) async fn run() -> anyhow::Result<Vec<Line>> {
    let rig = Rig::open().await?;
    let product = rig.product("api").await?;
    let one = straight(&rig, product.port, std::slice::from_ref(&rig.operator)).await?;
    let mut operators = Vec::with_capacity(OPERATORS);
    for _ in 0..OPERATORS {
        operators.push(rig.another().await?);
    }
    let many = straight(&rig, product.port, &operators).await?;
    let line = |name, rate| Line::new(name, "packets/s", &[rate], &[STRAIGHT]);
    Ok(vec![
        line("accounting straight at our endpoint (limit)", one),
        line("the same of sixteen operators (limit)", many),
        through(&rig, product.port).await?,
    ])
}

/// Packets that were answered in a second.
async fn straight(rig: &Rig, port: u16, operators: &[Operator]) -> anyhow::Result<f64> {
    let began = (rig.store.now() - BEGAN).timestamp();
    let mut clients = Vec::with_capacity(CLIENTS);
    for operator in operators.iter().cycle().take(CLIENTS) {
        let name = format!("{}/{}", operator.tenant.as_uuid(), operator.router.as_uuid());
        clients.push((Client::connect(port, RADIUS_TOKEN).await?, name));
    }
    let started = Instant::now();
    let mut telling = JoinSet::new();
    for (client, (connection, name)) in (0..).zip(clients) {
        telling.spawn(tell(connection, client, name, began, started));
    }
    let mut answered = 0_u32;
    while let Some(told) = telling.join_next().await {
        answered += told??;
    }
    Ok(f64::from(answered) / MEASURED.as_secs_f64())
}

/// Tells of sessions in turn; how many packets were answered while it was measured.
async fn tell(
    mut connection: Client,
    client: u64,
    name: String,
    began: i64,
    started: Instant,
) -> anyhow::Result<u32> {
    let mut answered = 0;
    for packet in 0_u64.. {
        if started.elapsed() > WARM_UP + MEASURED {
            break;
        }
        let (session, seconds) = (packet % SESSIONS, (packet / SESSIONS + 1) * INTERIM);
        let body = format!(
            r#"{{"User-Name":{{"type":"string","value":["line-{client}-{session}"]}},
            "Calling-Station-Id":{{"type":"string","value":["AA:BB:CC:00:{client:02X}:{session:02X}"]}},
            "Acct-Status-Type":{{"type":"integer","value":["Interim-Update"]}},
            "Acct-Unique-Session-Id":{{"type":"string","value":["{client:016x}{session:016x}"]}},
            "Acct-Session-Time":{{"type":"integer","value":[{seconds}]}},
            "Acct-Input-Octets":{{"type":"integer","value":[{seconds}]}},
            "Acct-Input-Gigawords":{{"type":"integer","value":[1]}},
            "Acct-Output-Octets":{{"type":"integer","value":[{seconds}]}},
            "Acct-Output-Gigawords":{{"type":"integer","value":[2]}}}}"#
        );
        let request = Request::post("/radius/acct")
            .header(header::HOST, "radius")
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::AUTHORIZATION, format!("Bearer {RADIUS_TOKEN}"))
            .header("x-radius-client", &name)
            .header("x-event-epoch", began + i64::try_from(seconds)?)
            .body(Full::new(Bytes::from(body)))?;
        let (status, answer) = connection.exchange(request).await?;
        let text = || String::from_utf8_lossy(&answer).into_owned();
        ensure!(status == StatusCode::NO_CONTENT, "{status}: {}", text());
        answered += u32::from(started.elapsed() > WARM_UP);
    }
    Ok(answered)
}

async fn through(rig: &Rig, port: u16) -> anyhow::Result<Line> {
    let routers = [("127.0.0.1", rig.operator.tenant, rig.operator.router)];
    let radius = FreeRadius::start(&format!("http://127.0.0.1:{port}"), RADIUS_TOKEN, &routers);
    let up = Instant::now();
    while !radius.is_up() {
        ensure!(
            up.elapsed() < PATIENCE,
            "FreeRADIUS does not start:\n{}",
            radius.log()
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("packets");
    fs::write(&file, packets((rig.store.now() - BEGAN).timestamp())?)?;
    let mut admin = Session::open(&rig.db.superuser_url()).await;
    let samples = "SELECT count(*) FROM es.radius_samples";
    let before: i64 = admin.value(samples).await;
    let started = Instant::now();
    let sent = Command::new("radclient")
        .args(["-q", "-p", "64", "-t", "5", "-r", "3", "-f"])
        .arg(&file)
        .arg(format!("127.0.0.1:{}", radius.port()))
        .args(["acct", FreeRadius::SECRET])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .status()
        .await
        .context("freeradius-utils is installed: ./dev install")?;
    ensure!(sent.success(), "packets were not answered:\n{}", radius.log());
    while radius.spooled() > 0 {
        ensure!(started.elapsed() < PATIENCE * 5, "the spool is not read away");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let taken = started.elapsed().as_secs_f64();
    let recorded = admin.value::<i64>(samples).await - before;
    ensure!(recorded == PACKETS, "{recorded} packets are there of {PACKETS}");
    let rate = f64::from(i32::try_from(PACKETS)?) / taken;
    Ok(Line::new(
        "accounting through FreeRADIUS (limit)",
        "packets/s",
        &[rate],
        &[THROUGH],
    ))
}

/// As `radclient` reads them.
fn packets(began: i64) -> anyhow::Result<String> {
    let mut text = String::new();
    for packet in 0..PACKETS {
        let (session, seconds) = (packet % TOLD_OF, (packet / TOLD_OF + 1) * i64::try_from(INTERIM)?);
        writeln!(
            text,
            "Acct-Status-Type = Interim-Update\nAcct-Session-Id = \"{session:08x}\"\nUser-Name = \"user-{session}\"\n\
             NAS-Identifier = core-1\nNAS-Port-Id = ether2\nCalling-Station-Id = \"AA:BB:CC:01:00:{session:04X}\"\n\
             Event-Timestamp = {}\nAcct-Session-Time = {seconds}\nAcct-Input-Octets = {seconds}\n\
             Acct-Input-Gigawords = 1\nAcct-Output-Octets = {seconds}\nAcct-Output-Gigawords = 2\n",
            began + seconds
        )?;
    }
    Ok(text)
}
