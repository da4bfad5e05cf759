//! What reads bytes of strangers before anything is known about them, for whoever tries it with rubbish
//! (`tests/decoders`). Nothing of the product calls this.

use std::{sync::LazyLock, time::Duration};

use axum::http::{HeaderMap, HeaderValue, header};
use chrono::{DateTime, TimeDelta, Utc};
use simpul_domain::Code;

use crate::{
    engine::{Library, Operation},
    http::accept,
    live::protocol::{Answer, Effect, Input, Moment, Protocol},
};

static LIBRARY: LazyLock<Library> = LazyLock::new(Library::default);

fn admitted(operation: &Operation) -> Result<(), Code> {
    LIBRARY
        .find(&operation.source)
        .map(drop)
        .map_err(|error| error.code)
}

/// A body: JSON, then a document that the guard measures. The code of its refusal.
pub fn request(body: &[u8]) -> Result<(), Code> {
    let operation = Operation::from_json(body).map_err(|error| error.code)?;
    admitted(&operation)
}

/// The same from a query string.
pub fn query_string(text: &str) -> Result<(), Code> {
    let operation = Operation::from_query(text).map_err(|error| error.code)?;
    admitted(&operation)
}

/// The form of the answer to a request with these headers, `None` when the client takes none that there is; and whether
/// its body is JSON. A value that no server would let through is absent.
pub fn media(accept: &[u8], content_type: &[u8]) -> (Option<&'static str>, bool) {
    let mut headers = HeaderMap::new();
    for (name, value) in [(header::ACCEPT, accept), (header::CONTENT_TYPE, content_type)] {
        if let Ok(value) = HeaderValue::from_bytes(value) {
            headers.append(name, value);
        }
    }
    let is_json = accept::is_json(&headers);
    let media = accept::negotiate(&headers).map(accept::MediaType::content_type);
    (media, is_json)
}

/// How many bytes a socket says to each frame. Credentials are taken and operations are answered at once; a frame comes
/// every second.
pub fn socket<'f>(frames: impl IntoIterator<Item = &'f str>) -> Vec<usize> {
    let mut protocol = Protocol::new();
    let mut elapsed = Duration::ZERO;
    let mut told = Vec::new();
    for frame in frames {
        elapsed += Duration::from_secs(1);
        let now = DateTime::<Utc>::UNIX_EPOCH + elapsed;
        let at = Moment { elapsed, now };
        let mut said = 0;
        let mut inputs = vec![Input::Text(frame.to_owned()), Input::Tick];
        while let Some(input) = (!inputs.is_empty()).then(|| inputs.remove(0)) {
            for effect in protocol.step(input, at) {
                match effect {
                    Effect::Send(text) => said += text.len(),
                    Effect::SignIn(_) => inputs.push(Input::SignedIn(Ok(now + TimeDelta::minutes(1)))),
                    Effect::Start(key, _) if key % 2 == 0 => inputs.push(Input::Answer(key, Answer::Done)),
                    Effect::Recheck => inputs.push(Input::Rechecked(true)),
                    Effect::Ping | Effect::Start(..) | Effect::Stop(_) | Effect::Close(..) => {}
                }
            }
        }
        told.push(said);
    }
    told
}
