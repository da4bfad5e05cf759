//! Server-sent events.

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use axum::{
    body::{Body, BodyDataStream},
    extract::ConnectInfo,
    http::{Request, header},
};
use futures_util::StreamExt as _;
use serde_json::{Value, json};

use crate::front::Front;

/// For whatever must happen, on the slowest machine.
const PATIENCE: Duration = Duration::from_mins(1);

/// One operation whose answers keep coming. What is not heard is not read either.
pub(crate) struct Stream {
    body: BodyDataStream,
    unread: String,
}

impl Stream {
    pub(crate) async fn open(
        front: &Front,
        (token, ip): (&str, Option<IpAddr>),
        query: &str,
        variables: Value,
    ) -> Self {
        let mut request = Request::post("/graphql/stream")
            .header(header::AUTHORIZATION, format!("Bearer {token}"))
            .header(header::CONTENT_TYPE, "application/json");
        if let Some(ip) = ip {
            request = request.extension(ConnectInfo(SocketAddr::from((ip, 4711))));
        }
        let body = json!({ "query": query, "variables": variables }).to_string();
        let response = front.send(request.body(Body::from(body)).expect("request")).await;
        assert_eq!(response.status(), 200);
        Self {
            body: response.into_body().into_data_stream(),
            unread: String::new(),
        }
    }

    /// The name and the data of the next event; nothing when the stream has ended.
    pub(crate) async fn hear(&mut self) -> Option<(String, Value)> {
        loop {
            if let Some((event, rest)) = self.unread.split_once("\n\n") {
                let event = event.to_owned();
                self.unread = rest.to_owned();
                // Comments keep the connection alive.
                let Some(event) = event.strip_prefix("event: ") else {
                    continue;
                };
                let (name, data) = event.split_once("\ndata: ").expect("data");
                return Some((name.to_owned(), serde_json::from_str(data).unwrap_or_default()));
            }
            let chunk = tokio::time::timeout(PATIENCE, self.body.next())
                .await
                .expect("something in time")?
                .expect("bytes");
            self.unread.push_str(std::str::from_utf8(&chunk).expect("text"));
        }
    }

    /// The next answer.
    pub(crate) async fn answer(&mut self) -> Value {
        let (name, data) = self.hear().await.expect("an answer");
        assert_eq!(name, "next", "{data}");
        data
    }
}
