//! Reading a body within a size and a time.

use std::time::Duration;

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;

/// Why a body could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum BodyError {
    /// Longer than allowed; what had been read until then.
    TooLarge(Bytes),
    TooSlow,
    /// The client went away or broke the protocol.
    Broken,
}

/// At most `limit` bytes within `deadline`.
pub(crate) async fn read_body(body: Body, limit: usize, deadline: Duration) -> Result<Bytes, BodyError> {
    tokio::time::timeout(deadline, collect(body, limit))
        .await
        .unwrap_or(Err(BodyError::TooSlow))
}

async fn collect(body: Body, limit: usize) -> Result<Bytes, BodyError> {
    let mut stream = body.into_data_stream();
    let mut read = BytesMut::new();
    while let Some(chunk) = stream.next().await {
        let chunk = chunk.map_err(|_| BodyError::Broken)?;
        if read.len() + chunk.len() > limit {
            return Err(BodyError::TooLarge(read.freeze()));
        }
        read.extend_from_slice(&chunk);
    }
    Ok(read.freeze())
}
