//! Both logins, and what is never sent.

use simpul_routeros::client::{Error, Login, Options, Security, Waiting};
use simpul_routeros::sim::{Faults, Group, Personality, RouterConfig, Server, ServerConfig, User};

use crate::rig::{connect, connect_as, login, options, pair, router};

const ALL: [Personality; 4] = [
    Personality::V6Legacy,
    Personality::V6,
    Personality::V7,
    Personality::V7Empty,
];

fn legacy() -> Options {
    Options::new(login().legacy(), Security::Plain)
}

#[tokio::test(start_paused = true)]
async fn the_plain_login_works_since_6_43_and_the_challenge_before() {
    for personality in ALL {
        let server = router(personality).await;
        let plain = connect(&server).await;
        let challenge = connect_as(&server, legacy()).await;
        match personality {
            Personality::V6Legacy => {
                assert!(matches!(plain, Err(Error::LegacyLoginNotAllowed)), "{plain:?}");
                challenge.unwrap();
            }
            Personality::V6 => assert!(plain.is_ok() && challenge.is_ok()),
            Personality::V7 | Personality::V7Empty => {
                plain.unwrap();
                assert!(matches!(challenge, Err(Error::AuthFailed(_))), "{challenge:?}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_wrong_password_is_a_failure_that_nobody_should_retry() {
    for (personality, wrong) in [
        (Personality::V7, Login::new("api", "wrong".to_owned().into())),
        (Personality::V7, Login::new("nobody", "rahasia".to_owned().into())),
        (
            Personality::V6Legacy,
            Login::new("api", "wrong".to_owned().into()).legacy(),
        ),
    ] {
        let server = router(personality).await;
        let error = connect_as(&server, Options::new(wrong, Security::Plain))
            .await
            .unwrap_err();
        assert!(
            matches!(error, Error::AuthFailed(_)) && !error.is_transient(),
            "{error}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_user_who_may_only_read_cannot_write() {
    let mut config = RouterConfig::new(Personality::V7);
    config.users.push(User {
        name: "viewer".into(),
        password: "x".into(),
        group: Group::Read,
    });
    let server = Server::start(ServerConfig::in_memory(config)).await.unwrap();
    let viewer = Options::new(Login::new("viewer", "x".to_owned().into()), Security::Plain);
    let client = connect_as(&server, viewer).await.unwrap();
    assert!(client.print("/ppp/profile", &["name"], &[]).await.is_ok());
    let refused = client.add("/ppp/secret", &[("name", "a")]).await;
    assert!(matches!(refused, Err(Error::PermissionDenied(_))), "{refused:?}");
}

#[tokio::test(start_paused = true)]
async fn a_frozen_router_lets_the_login_time_out() {
    let server = router(Personality::V7).await;
    server.switches.change(|faults| faults.freeze = true);
    let began = tokio::time::Instant::now();
    assert!(matches!(
        connect(&server).await,
        Err(Error::Timeout(Waiting::Login))
    ));
    assert_eq!(began.elapsed().as_secs(), 5);
}

#[tokio::test(start_paused = true)]
async fn an_open_connection_survives_a_new_password_but_a_new_one_needs_it() {
    let (server, client) = pair(Personality::V7).await;
    server.router.set_password("api", "baru");
    assert!(client.identity().await.is_ok());
    assert!(matches!(connect(&server).await, Err(Error::AuthFailed(_))));
}

#[tokio::test(start_paused = true)]
async fn the_twenty_first_session_is_turned_away_and_a_quit_makes_room() {
    let server = router(Personality::V7).await;
    let mut clients = Vec::new();
    for _ in 0..20 {
        clients.push(connect(&server).await.unwrap());
    }
    assert!(matches!(connect(&server).await, Err(Error::Closed)));
    assert_eq!(server.router.api_sessions(), 20);
    clients.pop().unwrap().quit().await.unwrap();
    connect(&server).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn passwords_show_in_no_debug_text() {
    let (server, client) = pair(Personality::V7).await;
    client
        .add("/ppp/secret", &[("name", "budi"), ("password", "hunter2")])
        .await
        .unwrap();
    let rows = client.print("/ppp/secret", &[], &[]).await.unwrap();
    let shown = format!(
        "{rows:?} {:?} {:?} {:?}",
        server.router.journal(),
        options(),
        Faults::default()
    );
    assert!(
        shown.contains("budi") && !shown.contains("hunter2") && !shown.contains("rahasia"),
        "{shown}"
    );
    assert_eq!(rows[0].text("password"), "hunter2");
}
