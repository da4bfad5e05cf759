//! What a router says: sentences on the wire, and the values in them.

use std::time::Duration;

use simpul_routeros::{
    client::Version,
    codec::{Decoder, Limits, Reply, decode_all},
    tls::Fingerprint,
    values::{BitRate, RateLimit, format_duration, parse_duration, parse_flag, same},
};

/// In one piece or in many, the same sentences; nothing is buffered that did not arrive; what was read can be sent.
pub(crate) fn sentences(bytes: &[u8]) {
    let (&[pieces, ..], [_, stream @ ..]) = (&bytes.first_chunk::<1>().copied().unwrap_or_default(), bytes)
    else {
        return;
    };
    let mut decoder = Decoder::new(Limits::SESSION);
    let mut read = Vec::new();
    let mut ended = None;
    'stream: for piece in stream.chunks(usize::from(pieces) + 1) {
        decoder.push(piece);
        assert!(
            decoder.buffered_bytes() <= stream.len(),
            "more is kept than arrived"
        );
        loop {
            match decoder.next_sentence() {
                Ok(Some(sentence)) => read.push(sentence),
                Ok(None) => break,
                Err(error) => {
                    ended = Some(error);
                    break 'stream;
                }
            }
        }
    }
    let whole = decode_all(stream);
    assert_eq!(whole.sentences, read, "pieces change what is read");
    assert_eq!(whole.error, ended);
    for sentence in &read {
        // An error is an answer too.
        let _ = Reply::parse(sentence);
        let mut sent = Vec::new();
        sentence.encode(&mut sent).expect("what was read can be sent");
        let again = decode_all(&sent);
        assert_eq!(again.sentences.first(), Some(sentence));
    }
}

/// What is written after it was read means the same.
pub(crate) fn values(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    if let Ok(duration) = parse_duration(text) {
        let whole = Duration::from_millis(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX));
        let written = format_duration(whole);
        assert_eq!(
            parse_duration(&written).ok(),
            Some(whole),
            "{text:?} as {written:?}"
        );
    }
    if let Ok(rate) = text.parse::<BitRate>() {
        assert_eq!(rate.to_string().parse(), Ok(rate), "{text:?}");
    }
    if let Ok(limit) = text.parse::<RateLimit>() {
        let again: RateLimit = limit.to_string().parse().expect("what was written can be read");
        assert!(again.means_the_same_as(&limit), "{text:?} as {limit}");
    }
    if let Ok(version) = text.parse::<Version>() {
        assert_eq!(version.to_string().parse(), Ok(version), "{text:?}");
    }
    if let Ok(fingerprint) = text.parse::<Fingerprint>() {
        assert_eq!(fingerprint.to_string().parse(), Ok(fingerprint), "{text:?}");
    }
    let _ = parse_flag(text);
    if let Some((name, rest)) = text.split_once('\n')
        && let Some((left, right)) = rest.split_once('\n')
    {
        assert_eq!(
            same(name, left, right),
            same(name, right, left),
            "{left:?} {right:?}"
        );
    }
}
