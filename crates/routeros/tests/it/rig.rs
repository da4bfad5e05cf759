//! A simulated router and ways to reach it in virtual time.

use simpul_routeros::client::{Client, Error, Login, Options, Security};
use simpul_routeros::sim::{Personality, RouterConfig, Server, ServerConfig, ServerHandle};

/// A router without sockets.
pub(crate) async fn router(personality: Personality) -> ServerHandle {
    Server::start(ServerConfig::in_memory(RouterConfig::new(personality)))
        .await
        .unwrap()
}

pub(crate) fn login() -> Login {
    Login::new("api", "rahasia".to_owned().into())
}

pub(crate) fn options() -> Options {
    Options::new(login(), Security::Plain)
}

pub(crate) async fn connect_as(server: &ServerHandle, options: Options) -> Result<Client, Error> {
    Client::over(server.open().ok_or(Error::Refused)?, "router.test", options).await
}

pub(crate) async fn connect(server: &ServerHandle) -> Result<Client, Error> {
    connect_as(server, options()).await
}

/// A router and a client that is logged in.
pub(crate) async fn pair(personality: Personality) -> (ServerHandle, Client) {
    let server = router(personality).await;
    let client = connect(&server).await.unwrap();
    (server, client)
}

pub(crate) const SECRET: &str = "/ppp/secret";
