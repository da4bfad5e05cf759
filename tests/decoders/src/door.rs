//! What comes in at the front door: requests, frames of sockets, headers, access tokens.

use std::sync::LazyLock;

use chrono::{DateTime, TimeDelta, Utc};
use secrecy::ExposeSecret as _;
use simpul_api::{
    Surface,
    auth::{self, Keys, Viewer},
    strangers,
};
use simpul_domain::{SessionId, TenantId, UserId};

/// Bytes that one frame may make a socket say.
const MAX_SAID_BYTES: usize = 8 * 1024;

pub(crate) fn graphql_requests(bytes: &[u8]) {
    let read = strangers::request(bytes);
    assert_eq!(
        read,
        strangers::request(bytes),
        "a document was read differently the second time"
    );
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _ = strangers::query_string(text);
    }
}

/// A frame per line. A socket says little to each, and nothing after it has closed.
pub(crate) fn socket_frames(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let said = strangers::socket(text.lines());
    for (frame, said) in text.lines().zip(&said) {
        // A ping's payload comes back, its numbers written out.
        assert!(
            *said <= MAX_SAID_BYTES + 8 * frame.len(),
            "{said} bytes to {frame:?}"
        );
    }
}

/// `Accept` and `Content-Type`, a line each.
pub(crate) fn accepted_types(bytes: &[u8]) {
    let end = bytes
        .iter()
        .position(|byte| *byte == b'\n')
        .unwrap_or(bytes.len());
    let (accept, rest) = bytes.split_at(end);
    let content = rest.get(1..).unwrap_or_default();
    let (media, is_json) = strangers::media(accept, content);
    assert!(media.is_none_or(|media| media.starts_with("application/")));
    let named = content.to_ascii_lowercase();
    assert!(
        !is_json || named.trim_ascii_start().starts_with(b"application/json"),
        "{content:?}"
    );
}

static KEYS: LazyLock<Keys> = LazyLock::new(|| {
    let pem = auth::generate_pem().expect("a key");
    Keys::from_pem(&pem, "simpul").expect("keys")
});

/// No text that we did not sign opens anything: neither the bytes themselves nor a good token that they were put into.
pub(crate) fn access_tokens(bytes: &[u8]) {
    let now = DateTime::<Utc>::UNIX_EPOCH + TimeDelta::days(20_000);
    let text = String::from_utf8_lossy(bytes);
    let believed = |token: &str| KEYS.verify(Surface::Staff, token, now).is_ok();
    assert!(!believed(&text), "a token that nobody made");
    let session = SessionId::derive(TenantId::PLATFORM.as_uuid(), "session");
    let good = KEYS.mint(Surface::Staff, (viewer(), session), now, TimeDelta::minutes(15));
    let good = good.expect("a token");
    let good = good.expose_secret();
    assert!(believed(good), "our own token");
    let at = bytes
        .first()
        .map_or(0, |byte| usize::from(*byte) % (good.len() + 1));
    let mixed = format!("{}{text}{}", &good[..at], &good[at..]);
    assert!(mixed == good || !believed(&mixed), "a token that was changed");
}

fn viewer() -> Viewer {
    let root = TenantId::PLATFORM.as_uuid();
    Viewer {
        user: UserId::derive(root, "user"),
        tenant: TenantId::derive(root, "tenant"),
    }
}
