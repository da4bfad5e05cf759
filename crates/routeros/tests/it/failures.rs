//! Every failure switch, and what the client makes of it.

use std::time::Duration;

use simpul_routeros::client::{Applied, Command, Deadline, Error, Query, Waiting};
use simpul_routeros::sim::{Personality, Power};
use tokio::time::Instant;

use crate::rig::{SECRET, connect, pair, router};

#[tokio::test(start_paused = true)]
async fn a_router_that_is_off_is_refused_or_closed() {
    let (server, client) = pair(Personality::V7).await;
    server.switches.change(|faults| faults.power = Power::Refuse);
    assert!(matches!(connect(&server).await, Err(Error::Refused)));
    assert!(matches!(client.identity().await, Err(Error::Closed)));
    server.switches.change(|faults| faults.power = Power::Close);
    assert!(matches!(connect(&server).await, Err(Error::Closed)));
    server.switches.reset();
    connect(&server).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_router_that_freezes_is_given_up_after_deadline_and_grace() {
    let (server, client) = pair(Personality::V7).await;
    server.switches.change(|faults| faults.freeze = true);
    let began = Instant::now();
    let error = client.add(SECRET, &[("name", "budi")]).await.unwrap_err();
    assert!(matches!(error, Error::Timeout(Waiting::Command)), "{error}");
    assert_eq!(error.applied(), Applied::Unknown);
    assert_eq!(began.elapsed().as_secs(), 12);
    assert!(matches!(client.identity().await, Err(Error::Closed)));
}

#[tokio::test(start_paused = true)]
async fn an_idle_session_notices_a_frozen_router_by_itself() {
    let (server, client) = pair(Personality::V7).await;
    tokio::time::sleep(Duration::from_mins(2)).await;
    assert!(!client.is_closed(), "probes keep a healthy session open");
    server.switches.change(|faults| faults.freeze = true);
    tokio::time::sleep(Duration::from_secs(36)).await;
    assert!(client.is_closed());
}

#[tokio::test(start_paused = true)]
async fn a_slow_command_is_cancelled_and_the_session_goes_on() {
    let (server, client) = pair(Personality::V7).await;
    server
        .switches
        .change(|faults| faults.reply_delay = Duration::from_mins(1));
    let slow = client.print(SECRET, &["name"], &[]).await;
    assert!(matches!(slow, Err(Error::Timeout(Waiting::Command))), "{slow:?}");
    server.switches.reset();
    assert!(
        client.identity().await.is_ok(),
        "the cancel was answered, so the session is sound"
    );
}

#[tokio::test(start_paused = true)]
async fn a_long_print_is_fine_as_long_as_rows_keep_coming() {
    let (server, client) = pair(Personality::V7).await;
    for number in 0..40 {
        server
            .router
            .add(SECRET, &[("name", &format!("c{number}"))])
            .unwrap();
    }
    server
        .switches
        .change(|faults| faults.row_delay = Duration::from_secs(5));
    let began = Instant::now();
    assert_eq!(client.print(SECRET, &["name"], &[]).await.unwrap().len(), 40);
    assert!(
        began.elapsed() > Duration::from_secs(200),
        "{:?}",
        began.elapsed()
    );
}

#[tokio::test(start_paused = true)]
async fn a_command_that_never_ends_is_cancelled_by_its_deadline_or_its_caller() {
    let (_server, client) = pair(Personality::V7).await;
    let endless = || Command::new("/interface/monitor-traffic").with("interface", "ether1");
    let deadline = Deadline::within(Duration::from_secs(5));
    let result = client.command_within(endless(), deadline).await;
    assert!(
        matches!(result, Err(Error::Timeout(Waiting::Command))),
        "{result:?}"
    );

    let abandoned = client.command_within(endless(), Deadline::within(Duration::from_hours(1)));
    assert!(
        tokio::time::timeout(Duration::from_secs(1), abandoned)
            .await
            .is_err()
    );
    assert!(client.identity().await.is_ok());

    let once = client.command(endless().with("once", "")).await.unwrap();
    assert_eq!(once.rows[0].integer("tx-bits-per-second"), Some(8_400_000));
    let ping = Command::new("/ping")
        .with("address", "1.1.1.1")
        .with("count", "3");
    assert_eq!(client.command(ping).await.unwrap().rows.len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_print_that_breaks_off_gives_no_rows() {
    let (server, client) = pair(Personality::V7).await;
    for number in 0..10 {
        server
            .router
            .add(SECRET, &[("name", &format!("c{number}"))])
            .unwrap();
    }
    server.switches.change(|faults| faults.trap_after_rows = Some(5));
    let trapped = client.print(SECRET, &["name"], &[]).await;
    assert!(matches!(trapped, Err(Error::Rejected(_))), "{trapped:?}");
    assert!(!client.is_closed());

    server.switches.reset();
    server
        .switches
        .change(|faults| faults.row_delay = Duration::from_secs(1));
    let (cut, ()) = tokio::join!(client.print(SECRET, &["name"], &[]), async {
        tokio::time::sleep(Duration::from_secs(5)).await;
        server.switches.change(|faults| faults.power = Power::Close);
    });
    assert!(matches!(cut, Err(Error::Closed)), "{cut:?}");
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_says_that_nobody_knows_whether_the_write_happened() {
    for (before, rows) in [(true, 0), (false, 1)] {
        let (server, client) = pair(Personality::V7).await;
        server.switches.change(|faults| {
            let counter = if before {
                &mut faults.drop_before_apply
            } else {
                &mut faults.drop_after_apply
            };
            *counter = Some(1);
        });
        let error = client.add(SECRET, &[("name", "budi")]).await.unwrap_err();
        assert!(matches!(error, Error::Closed), "{error}");
        assert_eq!(error.applied(), Applied::Unknown);
        assert_eq!(server.router.rows(SECRET).len(), rows);
        assert_eq!(server.router.journal()[0].applied, !before);
    }
}

#[tokio::test(start_paused = true)]
async fn a_late_answer_is_still_an_answer() {
    let (server, client) = pair(Personality::V7).await;
    server
        .switches
        .change(|faults| faults.delay_after_apply = Duration::from_secs(8));
    assert_eq!(client.add(SECRET, &[("name", "budi")]).await.unwrap(), "*1");
    server
        .switches
        .change(|faults| faults.delay_after_apply = Duration::from_secs(11));
    let late = client.add(SECRET, &[("name", "ani")]).await;
    assert!(matches!(late, Err(Error::Timeout(Waiting::Command))), "{late:?}");
    assert_eq!(server.router.rows(SECRET).len(), 2);
}

#[tokio::test(start_paused = true)]
async fn words_of_a_newer_router_are_ignored() {
    let (server, client) = pair(Personality::V7Empty).await;
    server.switches.change(|faults| faults.future_word = true);
    client.add(SECRET, &[("name", "budi")]).await.unwrap();
    assert_eq!(client.print(SECRET, &["name"], &[]).await.unwrap().len(), 1);
    assert!(
        client
            .print(SECRET, &["name"], &[Query::equal("name", "x")])
            .await
            .unwrap()
            .is_empty()
    );
}

#[tokio::test(start_paused = true)]
async fn a_comment_that_is_not_utf8_fails_no_print() {
    let (server, client) = pair(Personality::V7).await;
    server.router.add(SECRET, &[("name", "budi")]).unwrap();
    server.switches.change(|faults| faults.raw_bytes = true);
    let rows = client.print(SECRET, &["name", "comment"], &[]).await.unwrap();
    assert_eq!(rows[0].bytes("comment").unwrap(), b"caf\xe9 \xf0\xba");
    assert!(rows[0].text("comment").starts_with("caf"));
}

#[tokio::test(start_paused = true)]
async fn a_reboot_without_an_answer_is_a_success() {
    let (server, client) = pair(Personality::V7).await;
    server
        .router
        .add(
            "/ip/firewall/address-list",
            &[("list", "L"), ("address", "1.1.1.1"), ("timeout", "1d")],
        )
        .unwrap();
    tokio::time::sleep(Duration::from_secs(90)).await;
    client.reboot().await.unwrap();
    let client = connect(&server).await.unwrap();
    let uptime = client.print("/system/resource", &["uptime"], &[]).await.unwrap()[0].duration("uptime");
    assert!(uptime.unwrap() < Duration::from_secs(90));
    assert!(
        server.router.rows("/ip/firewall/address-list").is_empty(),
        "rows with a time-out live in memory"
    );
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_does_not_speak_the_protocol_is_left() {
    use tokio::io::AsyncWriteExt;
    for rubbish in [
        &b"HTTP/1.1 400 Bad Request\r\n\r\n"[..],
        b"\xffrubbish",
        b"\x05hello\x00",
    ] {
        let (ours, mut theirs) = tokio::io::duplex(1024);
        theirs.write_all(rubbish).await.unwrap();
        let result = simpul_routeros::Client::over(ours, "router.test", crate::rig::options()).await;
        assert!(
            matches!(result, Err(Error::Protocol(_) | Error::Timeout(Waiting::Login))),
            "{result:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn switches_can_be_thrown_by_text() {
    let server = router(Personality::V7).await;
    server
        .switches
        .apply_text("freeze on; slow 10 20\ndrop-after 3; serial ABC; trap-after 7")
        .unwrap();
    let faults = server.switches.current();
    assert!(faults.freeze && faults.drop_after_apply == Some(3) && faults.trap_after_rows == Some(7));
    let status = faults.status();
    server.switches.reset();
    assert!(server.switches.apply_text("freeze off; explode now").is_err());
    server.switches.apply_text(&status).unwrap();
    assert_eq!(server.switches.current(), faults);
}
