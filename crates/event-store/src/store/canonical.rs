//! The one canonical form that is hashed (RFC 8785), so that an auditor in any language gets the same hash.
//!
//! `jsonb` is not byte-stable: it reorders keys and drops white space. The hash is therefore taken over sorted
//! keys without white space, by the application, before the event is sent. INVARIANT: payloads hold no floats
//! and no integer above 2^53, for which readers would disagree; they are refused.

use std::{cmp::Ordering, fmt, io, ops::Range};

use aws_lc_rs::digest;
use serde::Serialize;
use serde_json::ser::{CharEscape, Formatter, Serializer};
use sqlx::{
    Postgres,
    encode::IsNull,
    error::BoxDynError,
    postgres::{PgArgumentBuffer, PgHasArrayType, PgTypeInfo},
};

/// 2^53 − 1: the largest integer that every JSON reader keeps (RFC 7493 section 2.2).
const MAX_SAFE: i64 = (1 << 53) - 1;

/// Most payloads fit into this.
const USUAL_BYTES: usize = 512;

/// Why a value has no canonical form.
#[derive(Debug, thiserror::Error)]
pub enum CanonicalError {
    #[error("a number must be a whole number of at most 53 bits, and {0} is not")]
    Number(String),
    #[error("text must not contain the character U+0000")]
    Nul,
    #[error("it cannot be written as JSON: {0}")]
    Unwritable(#[source] serde_json::Error),
}

/// A JSON text in canonical form, on its way into a hash and a `jsonb`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CanonicalJson(String);

impl CanonicalJson {
    pub fn of<T: Serialize + ?Sized>(value: &T) -> Result<Self, CanonicalError> {
        let mut writer = Writer::default();
        writer.write(value)?;
        Ok(Self(writer.out))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn sha256(&self) -> [u8; 32] {
        digest_of(self.0.as_bytes())
    }
}

/// SHA-256 of bytes.
pub fn digest_of(bytes: &[u8]) -> [u8; 32] {
    bytes_of(&digest::digest(&digest::SHA256, bytes))
}

/// The bytes of a SHA-256 digest.
pub(super) fn bytes_of(digest: &digest::Digest) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(digest.as_ref());
    out
}

impl sqlx::Type<Postgres> for CanonicalJson {
    fn type_info() -> PgTypeInfo {
        <serde_json::Value as sqlx::Type<Postgres>>::type_info()
    }
}

impl PgHasArrayType for CanonicalJson {
    fn array_type_info() -> PgTypeInfo {
        <serde_json::Value as PgHasArrayType>::array_type_info()
    }
}

impl sqlx::Encode<'_, Postgres> for CanonicalJson {
    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        // The binary form of jsonb is a version, 1, and the text.
        buffer.push(1);
        buffer.extend_from_slice(self.0.as_bytes());
        Ok(IsNull::No)
    }
}

/// Writes values as `serde_json` hands them over and puts each object's members in order when it ends. What
/// `serde_json` would write itself goes nowhere. Whoever has several values keeps one writer for them, and with it its
/// buffers.
#[derive(Debug, Default)]
pub(super) struct Writer {
    out: String,
    /// The members of the objects that are open, the innermost last.
    members: Vec<Member>,
    /// Where in `members` each open object begins.
    open: Vec<usize>,
    /// The members of an object, while they are put in order.
    sorted: String,
    refused: Option<CanonicalError>,
}

/// Where a member of an object stands in the text.
#[derive(Debug)]
struct Member {
    /// With its quotes.
    key: Range<usize>,
    /// Whether bytes are in the same order as UTF-16 code units.
    is_plain: bool,
    end: usize,
}

impl Writer {
    /// One of several values.
    pub(super) fn canonical<T: Serialize + ?Sized>(
        &mut self,
        value: &T,
    ) -> Result<CanonicalJson, CanonicalError> {
        self.write(value)?;
        Ok(CanonicalJson(self.out.clone()))
    }

    /// Leaves the text in `out`.
    fn write<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), CanonicalError> {
        self.out.clear();
        self.out.reserve(USUAL_BYTES);
        self.members.clear();
        self.open.clear();
        let written = value.serialize(&mut Serializer::with_formatter(io::sink(), &mut *self));
        match (self.refused.take(), written) {
            (Some(refused), _) => Err(refused),
            (None, Err(error)) => Err(CanonicalError::Unwritable(error)),
            (None, Ok(())) => Ok(()),
        }
    }

    fn whole(&mut self, number: Option<i64>, text: &impl fmt::Display) -> io::Result<()> {
        use fmt::Write as _;
        if number.is_some_and(|number| (-MAX_SAFE..=MAX_SAFE).contains(&number)) {
            // A String takes everything.
            let _ = write!(self.out, "{text}");
            Ok(())
        } else {
            Err(self.refuse(CanonicalError::Number(text.to_string())))
        }
    }

    /// Stops the writing. The reason stays here: `serde_json` would only keep its text.
    fn refuse(&mut self, reason: CanonicalError) -> io::Error {
        self.refused = Some(reason);
        io::ErrorKind::InvalidData.into()
    }

    /// Puts the members of the object that ends in order.
    fn sort_members(&mut self, first: usize) {
        let Self {
            out, members, sorted, ..
        } = self;
        let ending = members.get_mut(first..).unwrap_or_default();
        let start = ending.first().map_or(0, |member| member.key.start);
        if !ending.is_sorted_by(|a, b| compare(out, a, b).is_le()) {
            ending.sort_by(|a, b| compare(out, a, b));
            sorted.clear();
            for member in ending {
                if !sorted.is_empty() {
                    sorted.push(',');
                }
                sorted.push_str(text(out, member.key.start..member.end));
            }
            out.truncate(start);
            out.push_str(sorted);
        }
        members.truncate(first);
    }

    fn separate(&mut self, first: bool) {
        if !first {
            self.out.push(',');
        }
    }
}

fn text(out: &str, range: Range<usize>) -> &str {
    out.get(range).unwrap_or_default()
}

/// RFC 8785 section 3.2.3 sorts keys by UTF-16 code units, which for ASCII is the order of bytes.
fn compare(out: &str, a: &Member, b: &Member) -> Ordering {
    if a.is_plain && b.is_plain {
        // The quote that ends a shorter key may be less or more than what a longer one has there.
        let inside = |key: &Range<usize>| text(out, key.start + 1..key.end.saturating_sub(1));
        return inside(&a.key).cmp(inside(&b.key));
    }
    let units = |key: &Range<usize>| -> Vec<u16> {
        let key: String = serde_json::from_str(text(out, key.clone())).unwrap_or_default();
        key.encode_utf16().collect()
    };
    units(&a.key).cmp(&units(&b.key))
}

/// Methods of [`Formatter`] that write a number.
macro_rules! numbers {
    ($($method:ident($kind:ty)),*) => {$(
        fn $method<W: ?Sized + io::Write>(&mut self, _: &mut W, value: $kind) -> io::Result<()> {
            self.whole(i64::try_from(value).ok(), &value)
        }
    )*};
}

/// Methods of [`Formatter`] that write one fixed character.
macro_rules! marks {
    ($($method:ident => $mark:literal),*) => {$(
        fn $method<W: ?Sized + io::Write>(&mut self, _: &mut W) -> io::Result<()> {
            self.out.push($mark);
            Ok(())
        }
    )*};
}

impl Formatter for &mut Writer {
    numbers!(
        write_i8(i8),
        write_i16(i16),
        write_i32(i32),
        write_i64(i64),
        write_i128(i128),
        write_u8(u8),
        write_u16(u16),
        write_u32(u32),
        write_u64(u64),
        write_u128(u128)
    );
    marks!(begin_string => '"', end_string => '"', begin_array => '[', end_array => ']');

    fn write_null<W: ?Sized + io::Write>(&mut self, _: &mut W) -> io::Result<()> {
        self.out.push_str("null");
        Ok(())
    }

    fn write_bool<W: ?Sized + io::Write>(&mut self, _: &mut W, value: bool) -> io::Result<()> {
        self.out.push_str(if value { "true" } else { "false" });
        Ok(())
    }

    fn write_f32<W: ?Sized + io::Write>(&mut self, _: &mut W, value: f32) -> io::Result<()> {
        self.whole(None, &value)
    }

    fn write_f64<W: ?Sized + io::Write>(&mut self, _: &mut W, value: f64) -> io::Result<()> {
        self.whole(None, &value)
    }

    fn write_number_str<W: ?Sized + io::Write>(&mut self, _: &mut W, value: &str) -> io::Result<()> {
        self.whole(value.parse().ok(), &value)
    }

    fn write_raw_fragment<W: ?Sized + io::Write>(&mut self, _: &mut W, _: &str) -> io::Result<()> {
        // Raw JSON would escape the sorting; no payload has any.
        Err(io::ErrorKind::Unsupported.into())
    }

    fn write_string_fragment<W: ?Sized + io::Write>(&mut self, _: &mut W, text: &str) -> io::Result<()> {
        self.out.push_str(text);
        Ok(())
    }

    fn write_char_escape<W: ?Sized + io::Write>(&mut self, _: &mut W, escape: CharEscape) -> io::Result<()> {
        use fmt::Write as _;
        match escape {
            CharEscape::Quote => self.out.push_str("\\\""),
            CharEscape::ReverseSolidus => self.out.push_str("\\\\"),
            CharEscape::Solidus => self.out.push('/'),
            CharEscape::Backspace => self.out.push_str("\\b"),
            CharEscape::FormFeed => self.out.push_str("\\f"),
            CharEscape::LineFeed => self.out.push_str("\\n"),
            CharEscape::CarriageReturn => self.out.push_str("\\r"),
            CharEscape::Tab => self.out.push_str("\\t"),
            // PostgreSQL keeps no U+0000.
            CharEscape::AsciiControl(0) => return Err(self.refuse(CanonicalError::Nul)),
            CharEscape::AsciiControl(byte) => {
                let _ = write!(self.out, "\\u{byte:04x}");
            }
        }
        Ok(())
    }

    fn begin_array_value<W: ?Sized + io::Write>(&mut self, _: &mut W, first: bool) -> io::Result<()> {
        self.separate(first);
        Ok(())
    }

    fn begin_object<W: ?Sized + io::Write>(&mut self, _: &mut W) -> io::Result<()> {
        self.out.push('{');
        self.open.push(self.members.len());
        Ok(())
    }

    fn begin_object_key<W: ?Sized + io::Write>(&mut self, _: &mut W, first: bool) -> io::Result<()> {
        self.separate(first);
        let at = self.out.len();
        self.members.push(Member {
            key: at..at,
            is_plain: false,
            end: at,
        });
        Ok(())
    }

    fn begin_object_value<W: ?Sized + io::Write>(&mut self, _: &mut W) -> io::Result<()> {
        if let Some(member) = self.members.last_mut() {
            member.key.end = self.out.len();
            let key = text(&self.out, member.key.clone());
            member.is_plain = key.bytes().all(|byte| byte.is_ascii() && byte != b'\\');
        }
        self.out.push(':');
        Ok(())
    }

    fn end_object_value<W: ?Sized + io::Write>(&mut self, _: &mut W) -> io::Result<()> {
        if let Some(member) = self.members.last_mut() {
            member.end = self.out.len();
        }
        Ok(())
    }

    fn end_object<W: ?Sized + io::Write>(&mut self, _: &mut W) -> io::Result<()> {
        let first = self.open.pop().unwrap_or_default();
        self.sort_members(first);
        self.out.push('}');
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn text_of(value: &Value) -> Result<String, CanonicalError> {
        CanonicalJson::of(value).map(|json| json.0)
    }

    #[test]
    fn keys_are_sorted_and_white_space_is_gone() {
        let value = json!({"b": [1, true, null], "a": {"z": "é\n\u{1f}\"", "\u{20ac}": 1, "\u{1f600}": 2}});
        // RFC 8785 section 3.2.3: U+1F600 is a surrogate pair and sorts before U+20AC … by code unit it is 0xD83D.
        assert_eq!(
            text_of(&value).expect("canonical"),
            "{\"a\":{\"z\":\"é\\n\\u001f\\\"\",\"\u{20ac}\":1,\"\u{1f600}\":2},\"b\":[1,true,null]}"
        );
    }

    #[test]
    fn numbers_on_which_readers_disagree_are_refused() {
        for value in [json!(1.5), json!(9_007_199_254_740_992_i64), json!(u64::MAX)] {
            assert!(
                matches!(text_of(&value), Err(CanonicalError::Number(_))),
                "{value}"
            );
        }
        assert_eq!(
            text_of(&json!(-9_007_199_254_740_991_i64)).expect("safe"),
            "-9007199254740991"
        );
    }

    #[test]
    fn fields_are_sorted_however_deep_and_whatever_stands_between() {
        #[derive(Serialize)]
        struct Inner {
            z: Vec<u8>,
            #[serde(rename = "a\"")]
            quoted: &'static str,
            a: Option<()>,
        }
        #[derive(Serialize)]
        struct Outer {
            second: [Inner; 1],
            first: std::collections::BTreeMap<u8, bool>,
        }
        let value = Outer {
            second: [Inner {
                z: vec![2, 1],
                quoted: "\u{1}/",
                a: None,
            }],
            first: [(9, true), (10, false)].into(),
        };
        assert_eq!(
            CanonicalJson::of(&value).expect("canonical").as_str(),
            r#"{"first":{"10":false,"9":true},"second":[{"a":null,"a\"":"\u0001/","z":[2,1]}]}"#
        );
    }

    #[test]
    fn a_writer_that_has_refused_a_value_writes_the_next_ones() {
        let mut writer = Writer::default();
        let refused = writer.canonical(&json!({"b": {"c": [1.5]}}));
        assert!(matches!(refused, Err(CanonicalError::Number(_))), "{refused:?}");
        for (value, text) in [
            (
                json!({"a!": 1, "a": 2, "a b": {"d": 3, "c": 4}}),
                r#"{"a":2,"a b":{"c":4,"d":3},"a!":1}"#,
            ),
            (json!([]), "[]"),
        ] {
            assert_eq!(writer.canonical(&value).expect("canonical").as_str(), text);
        }
    }

    #[test]
    fn a_nul_is_refused_in_keys_and_texts() {
        for value in [json!("\0"), json!({"\0": 1})] {
            assert!(matches!(text_of(&value), Err(CanonicalError::Nul)), "{value}");
        }
    }

    proptest! {
        #[test]
        fn the_canonical_text_reads_back_as_the_same_value(
            fields in prop::collection::btree_map("[^\u{0}]{0,8}", ("[^\u{0}]{0,12}", any::<i32>()), 0..6)
        ) {
            let value = serde_json::to_value(&fields).expect("json");
            let text = text_of(&value).expect("canonical");
            prop_assert_eq!(serde_json::from_str::<Value>(&text).expect("valid JSON"), value);
        }
    }
}
