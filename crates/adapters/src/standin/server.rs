//! A small HTTP server that can go down and come back on the same port.

use std::{io, net::SocketAddr, time::Duration};

use axum::{
    Router,
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
};
use tokio::{
    net::TcpListener,
    sync::{Mutex, watch},
    task::JoinSet,
};
use url::Url;

use super::Fault;

/// Why a stand-in cannot listen.
#[derive(Debug, thiserror::Error)]
pub enum StandInError {
    #[error("the stand-in cannot listen")]
    Listen(#[from] io::Error),
    #[error("the stand-in's address is no URL")]
    Address(#[from] url::ParseError),
}

#[derive(Debug)]
pub(super) struct Server {
    address: SocketAddr,
    router: Router,
    up: watch::Sender<bool>,
    tasks: Mutex<JoinSet<io::Result<()>>>,
}

impl Server {
    /// Listens on `listen`; port 0 takes a free one. `router` gets the switch that its hanging answers wait for.
    pub(super) async fn start(
        listen: SocketAddr,
        router: impl FnOnce(Line) -> Router,
    ) -> Result<Self, StandInError> {
        let listener = TcpListener::bind(listen).await?;
        let address = listener.local_addr()?;
        let up = watch::Sender::new(true);
        let router = router(Line(up.subscribe()));
        let server = Self {
            address,
            router,
            up,
            tasks: Mutex::new(JoinSet::new()),
        };
        server.serve(listener).await;
        Ok(server)
    }

    async fn serve(&self, listener: TcpListener) {
        let line = Line(self.up.subscribe());
        let serving = axum::serve(listener, self.router.clone())
            .with_graceful_shutdown(async move { line.cut().await });
        self.tasks.lock().await.spawn(async move { serving.await });
    }

    /// Closes the port and every connection; what hangs is answered with 503.
    pub(super) async fn go_down(&self) {
        self.up.send_replace(false);
        let mut tasks = self.tasks.lock().await;
        while tasks.join_next().await.is_some() {}
    }

    /// Listens again on the same port.
    pub(super) async fn come_up(&self) -> Result<(), StandInError> {
        if self.up.send_replace(true) {
            return Ok(());
        }
        let listener = TcpListener::bind(self.address).await?;
        self.serve(listener).await;
        Ok(())
    }

    pub(super) fn url(&self, path: &str) -> Result<Url, StandInError> {
        Ok(Url::parse(&format!("http://{}{path}", self.address))?)
    }
}

/// Whether the server is up; answers that never come wait for it to go down.
#[derive(Debug, Clone)]
pub(super) struct Line(watch::Receiver<bool>);

impl Line {
    async fn cut(mut self) {
        // An error means that the server itself is gone, which is down, too.
        let _ = self.0.wait_for(|up| !up).await;
    }

    /// Turns what the protocol would answer into what the fault makes of it. `None` of `answer` is never asked for
    /// faults under which nothing is done.
    pub(super) async fn answer(
        &self,
        fault: Option<Fault>,
        act: impl FnOnce() -> Response + Send,
        refuse: impl FnOnce(&str) -> Response + Send,
    ) -> Response {
        match fault {
            None => act(),
            Some(Fault::Status { status }) => page(status),
            Some(Fault::Refuse { reason }) => refuse(&reason),
            Some(Fault::LoseAnswer) => {
                act();
                self.hang().await
            }
            Some(Fault::Silence) => self.hang().await,
            Some(Fault::Slow { delay_ms }) => {
                let answer = act();
                tokio::time::sleep(Duration::from_millis(delay_ms)).await;
                answer
            }
            Some(Fault::Rubbish) => {
                act();
                "<html>".into_response()
            }
        }
    }

    async fn hang(&self) -> Response {
        self.clone().cut().await;
        StatusCode::SERVICE_UNAVAILABLE.into_response()
    }
}

/// What a proxy in front answers: a page, not the protocol.
fn page(status: u16) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let body = format!("<html><h1>{status}</h1></html>");
    (status, [(header::CONTENT_TYPE, "text/html")], body).into_response()
}
