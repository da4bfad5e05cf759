//! What the client's and the simulator's shells share: writing without losing bytes, and sleeping until a maybe.

use std::io;

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncWrite, AsyncWriteExt};

/// Writes a part of what is there and flushes after the last. Can be dropped and called again at any point.
pub(crate) async fn write_some<W>(
    writer: &mut W,
    outbound: &mut BytesMut,
    flushed: &mut bool,
) -> io::Result<()>
where
    W: AsyncWrite + Unpin,
{
    if !outbound.is_empty() {
        *flushed = false;
        let written = writer.write(outbound).await?;
        if written == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        outbound.advance(written);
    }
    if outbound.is_empty() {
        writer.flush().await?;
        *flushed = true;
    }
    Ok(())
}

/// Sleeps until a deadline, or for ever when there is none.
pub(crate) async fn sleep_until(deadline: Option<tokio::time::Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}
