//! A client with one connection that stays open.

use anyhow::{Context as _, ensure};
use axum::http::{Request, StatusCode, header};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;

/// One connection to one server.
#[derive(Debug)]
pub(crate) struct Client {
    sender: SendRequest<Full<Bytes>>,
    port: u16,
    token: String,
}

impl Client {
    pub(crate) async fn connect(port: u16, token: &str) -> anyhow::Result<Self> {
        #[expect(clippy::disallowed_methods, reason = "to a server of the benchmark")]
        let stream = TcpStream::connect(("127.0.0.1", port)).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        #[expect(clippy::disallowed_methods, reason = "ends with the connection")]
        tokio::spawn(connection);
        Ok(Self {
            sender,
            port,
            token: token.to_owned(),
        })
    }

    /// Sends a body and reads the answer to its end, whatever it is.
    pub(super) async fn send(
        &mut self,
        body: Bytes,
        seen: Option<&str>,
    ) -> anyhow::Result<(StatusCode, Bytes)> {
        let mut request = Request::post("/graphql")
            .header(header::HOST, format!("127.0.0.1:{}", self.port))
            .header(header::CONTENT_TYPE, "application/json")
            .header(
                header::ACCEPT,
                "application/graphql-response+json, application/json",
            )
            .header(header::AUTHORIZATION, format!("Bearer {}", self.token));
        if let Some(token) = seen {
            request = request.header("x-consistency-token", token);
        }
        self.exchange(request.body(Full::new(body))?).await
    }

    /// Sends a request as it is and reads the answer to its end.
    pub(crate) async fn exchange(
        &mut self,
        request: Request<Full<Bytes>>,
    ) -> anyhow::Result<(StatusCode, Bytes)> {
        let response = self.sender.send_request(request).await?;
        let status = response.status();
        Ok((status, response.into_body().collect().await?.to_bytes()))
    }

    /// An answer that must be one.
    pub(super) async fn post(&mut self, body: Bytes) -> anyhow::Result<Bytes> {
        let (status, body) = self.send(body, None).await?;
        let text = || String::from_utf8_lossy(&body).into_owned();
        ensure!(status == StatusCode::OK, "{status}: {}", text());
        Ok(body)
    }

    /// The data of an operation that must not have errors, at least as new as the token.
    pub(super) async fn data(&mut self, body: Bytes, seen: Option<&str>) -> anyhow::Result<Value> {
        let (_, answer) = self.send(body, seen).await?;
        let mut answer: Value = serde_json::from_slice(&answer)?;
        ensure!(answer.get("errors").is_none(), "{answer}");
        answer
            .get_mut("data")
            .map(Value::take)
            .context("an answer without data")
    }
}
