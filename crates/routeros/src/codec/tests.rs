//! Golden vectors of the framing, and properties over all pieces and all rubbish.

use bytes::Bytes;
use proptest::prelude::*;

use super::*;

fn length_bytes(length: u32) -> Vec<u8> {
    let mut out = Vec::new();
    encode_length(length, &mut out);
    out
}

#[test]
fn lengths_are_written_as_documented() {
    for (length, bytes) in [
        (0, "00"),
        (6, "06"),
        (0x7F, "7f"),
        (0x80, "8080"),
        (200, "80c8"),
        (0x3FFF, "bfff"),
        (0x4000, "c04000"),
        (20_000, "c04e20"),
        (0x1F_FFFF, "dfffff"),
        (2_097_152, "e0200000"),
        (0x0FFF_FFFF, "efffffff"),
        (0x1000_0000, "f010000000"),
        (u32::MAX, "f0ffffffff"),
    ] {
        assert_eq!(hex::encode(length_bytes(length)), bytes, "length {length}");
        let expected = length::Prefix::Length {
            size: bytes.len() / 2,
            length,
        };
        assert_eq!(length::read(&length_bytes(length)), expected, "length {length}");
    }
}

#[test]
fn a_login_word_is_written_as_documented() {
    let mut out = Vec::new();
    encode_sentence(&["/login"], &mut out).unwrap();
    assert_eq!(hex::encode(out), "062f6c6f67696e00");
}

#[test]
fn a_length_longer_than_needed_is_accepted() {
    for bytes in ["8003", "c00003", "e0000003", "f000000003"] {
        let mut stream = hex::decode(bytes).unwrap();
        stream.extend_from_slice(b"!re\0");
        let decoded = decode_all(&stream);
        assert_eq!(decoded.sentences, vec![Sentence::of("!re")], "{bytes}");
    }
}

#[test]
fn every_control_byte_ends_the_stream_for_ever() {
    for byte in 0xF1..=0xFFu8 {
        let mut decoder = Decoder::new(Limits::SESSION);
        decoder.push(b"\x03!re\0");
        decoder.push(&[byte]);
        assert_eq!(decoder.next_sentence(), Ok(Some(Sentence::of("!re"))));
        assert_eq!(decoder.next_sentence(), Err(CodecError::ControlByte(byte)));
        decoder.push(b"\x03!re\0");
        assert_eq!(decoder.next_sentence(), Err(CodecError::ControlByte(byte)));
    }
}

#[test]
fn a_promised_length_takes_no_memory_until_the_bytes_arrive() {
    let mut decoder = Decoder::new(Limits::SESSION);
    decoder.push(&length_bytes(16 * 1024 * 1024));
    assert_eq!(decoder.next_sentence(), Ok(None));
    assert_eq!(decoder.buffered_bytes(), 4);
    assert!(decoder.buffer.capacity() < 1024, "{}", decoder.buffer.capacity());
}

#[test]
fn words_and_sentences_over_the_limits_are_refused() {
    let over = decode_all(&length_bytes(16 * 1024 * 1024 + 1));
    assert!(matches!(over.error, Some(CodecError::WordTooLong { .. })));

    let words = decode_all(&b"\x01a".repeat(MAX_SENTENCE_WORDS + 1));
    assert!(matches!(words.error, Some(CodecError::TooManyWords { .. })));

    let mut decoder = Decoder::new(Limits::BEFORE_LOGIN);
    let mut word = Vec::new();
    encode_word(&[b'x'; 4096], &mut word).unwrap();
    decoder.push(&word.repeat(5));
    assert!(matches!(
        decoder.next_sentence(),
        Err(CodecError::SentenceTooLong { .. })
    ));
    assert!(encode_word(&vec![0; MAX_WORD_BYTES + 1], &mut word).is_err());
}

#[test]
fn empty_sentences_are_skipped_and_empty_words_are_never_sent() {
    let decoded = decode_all(b"\0\0\x03!re\0\0");
    assert_eq!(decoded.sentences, vec![Sentence::of("!re")]);
    assert!(!decoded.truncated);

    let mut out = Vec::new();
    encode_sentence(&["/print", "", "=a=b"], &mut out).unwrap();
    assert_eq!(decode_all(&out).sentences.len(), 1);
}

#[test]
fn an_unfinished_sentence_is_reported_as_truncated() {
    for bytes in [&b"\x03!r"[..], b"\x03!re", b"\x80"] {
        let decoded = decode_all(bytes);
        assert!(decoded.truncated && decoded.sentences.is_empty() && decoded.error.is_none());
    }
}

#[test]
fn a_tag_is_found_in_any_place_and_an_empty_one_is_none() {
    for words in [["!done", ".tag=7", "=ret=*5"], ["!done", "=ret=*5", ".tag=7"]] {
        let reply = Reply::parse(&Sentence::from_words(words)).unwrap();
        assert_eq!(reply.tag.as_deref(), Some(&b"7"[..]));
        assert_eq!(reply.text("ret").unwrap(), "*5");
        assert!(reply.bare.is_empty());
    }
    assert_eq!(
        Reply::parse(&Sentence::from_words(["!done", ".tag="]))
            .unwrap()
            .tag,
        None
    );
}

#[test]
fn a_value_keeps_its_equal_signs_and_may_be_empty() {
    let reply = Reply::parse(&Sentence::from_words(["!re", "=a=b=c", "=empty=", "=bare"])).unwrap();
    assert_eq!(reply.text("a").unwrap(), "b=c");
    assert_eq!(reply.text("empty").unwrap(), "");
    assert_eq!(reply.text("bare").unwrap(), "");
}

#[test]
fn bytes_that_are_not_utf8_survive_and_can_be_shown() {
    let sentence = Sentence::of("!re").attribute("comment", b"\xf0\xbaok");
    let reply = Reply::parse(&sentence).unwrap();
    assert_eq!(reply.get("comment").unwrap().as_ref(), b"\xf0\xbaok");
    assert!(reply.text("comment").unwrap().ends_with("ok"));
}

#[test]
fn an_unknown_reply_is_told_apart_from_no_reply() {
    let future = Reply::parse(&Sentence::of("!future")).unwrap();
    assert_eq!(future.kind, ReplyKind::Unknown(Bytes::from("!future")));
    assert_eq!(Reply::parse(&Sentence::of("hello")), Err(ReplyError));
}

#[test]
fn a_fatal_gives_its_reason_as_a_bare_word() {
    let fatal = Reply::parse(&Sentence::from_words(["!fatal", "not logged in"])).unwrap();
    assert_eq!(fatal.message(), "not logged in");
}

#[test]
fn debug_never_shows_a_password() {
    let sentence = Sentence::of("!re")
        .attribute("name", "budi")
        .attribute("password", "hunter2");
    let reply = Reply::parse(&sentence).unwrap();
    for shown in [format!("{sentence:?}"), format!("{reply:?}")] {
        assert!(shown.contains("budi") && !shown.contains("hunter2"), "{shown}");
    }
}

fn sentences() -> impl Strategy<Value = Vec<Vec<Vec<u8>>>> {
    let word = prop_oneof![
        9 => prop::collection::vec(any::<u8>(), 1..40),
        1 => prop::collection::vec(any::<u8>(), 0x7E..0x90),
        1 => (0x3FFEusize..0x4003).prop_map(|length| vec![b'w'; length]),
    ];
    prop::collection::vec(prop::collection::vec(word, 1..6), 1..5)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn what_is_encoded_is_decoded_the_same_whole_or_split_anywhere(
        sentences in sentences(), cut in any::<prop::sample::Index>()
    ) {
        let mut stream = Vec::new();
        for sentence in &sentences {
            encode_sentence(sentence, &mut stream).unwrap();
        }
        let expected: Vec<_> = sentences.into_iter().map(Sentence::from_words).collect();
        prop_assert_eq!(&decode_all(&stream).sentences, &expected);

        let (head, tail) = stream.split_at(cut.index(stream.len()));
        let mut decoder = Decoder::new(Limits::SESSION);
        let mut found = Vec::new();
        for part in [head, tail] {
            decoder.push(part);
            while let Some(sentence) = decoder.next_sentence().unwrap() {
                found.push(sentence);
            }
        }
        prop_assert_eq!(found, expected);
        prop_assert!(decoder.is_between_sentences());
    }

    #[test]
    fn a_stream_split_at_every_byte_gives_the_same_sentences(
        sentences in prop::collection::vec(prop::collection::vec(prop::collection::vec(any::<u8>(), 1..200), 1..4), 1..4)
    ) {
        let mut stream = Vec::new();
        for sentence in &sentences {
            encode_sentence(sentence, &mut stream).unwrap();
        }
        let mut decoder = Decoder::new(Limits::SESSION);
        let mut found = Vec::new();
        for byte in stream {
            decoder.push(&[byte]);
            while let Some(sentence) = decoder.next_sentence().unwrap() {
                found.push(sentence);
            }
        }
        let expected: Vec<_> = sentences.into_iter().map(Sentence::from_words).collect();
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn rubbish_is_refused_or_read_but_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
        for sentence in decode_all(&bytes).sentences {
            if let Ok(reply) = Reply::parse(&sentence) {
                let _shown = format!("{reply:?} {} {sentence:?}", reply.message());
            }
        }
    }

    #[test]
    fn every_length_reads_back(length in any::<u32>()) {
        let bytes = length_bytes(length);
        prop_assert_eq!(length::read(&bytes), length::Prefix::Length { size: bytes.len(), length });
    }
}
