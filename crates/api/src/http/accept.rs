//! Content types: what a body may be, and which form of answer and which language a client prefers (`facts/graphql.md`
//! 5.1, T2 and T6; 6.5, E5).

use axum::http::{HeaderMap, header};
use simpul_domain::tenancy::Language;

/// The two forms of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MediaType {
    GraphqlResponse,
    Json,
}

impl MediaType {
    pub(crate) const fn content_type(self) -> &'static str {
        match self {
            Self::GraphqlResponse => "application/graphql-response+json; charset=utf-8",
            Self::Json => "application/json; charset=utf-8",
        }
    }
}

/// The form that the client likes best; `None` when it takes neither. Without a wish: `application/json`.
pub(crate) fn negotiate(headers: &HeaderMap) -> Option<MediaType> {
    let mut wished = false;
    let (mut graphql, mut json) = (None, None);
    for value in headers.get_all(header::ACCEPT) {
        for range in value.to_str().unwrap_or_default().split(',') {
            let mut parts = range.split(';').map(str::trim);
            let name = parts.next().unwrap_or_default().to_ascii_lowercase();
            let quality = parts.find_map(quality).unwrap_or(1000);
            wished |= !name.is_empty();
            match name.as_str() {
                "application/graphql-response+json" => graphql = graphql.max(Some((2, quality))),
                "application/json" => json = json.max(Some((2, quality))),
                "application/*" => {
                    graphql = graphql.max(Some((1, quality)));
                    json = json.max(Some((1, quality)));
                }
                "*/*" => {
                    graphql = graphql.max(Some((0, quality)));
                    json = json.max(Some((0, quality)));
                }
                _ => {}
            }
        }
    }
    if !wished {
        return Some(MediaType::Json);
    }
    // The most specific range decides the quality of a type; a type that was not named loses a draw.
    let quality = |range: Option<(u8, u16)>| range.map_or(0, |(_, quality)| quality);
    let named = |range: Option<(u8, u16)>| range.map_or(0, |(named, _)| named);
    let (graphql_rank, json_rank) = ((quality(graphql), named(graphql)), (quality(json), named(json)));
    match (graphql_rank.0, json_rank.0) {
        (0, 0) => None,
        _ if graphql_rank > json_rank => Some(MediaType::GraphqlResponse),
        _ => Some(MediaType::Json),
    }
}

/// The language that the client likes best of those that we have; English without a wish.
pub(crate) fn language(headers: &HeaderMap) -> Language {
    let values = headers.get_all(header::ACCEPT_LANGUAGE).iter();
    let ranges = values.flat_map(|value| value.to_str().unwrap_or_default().split(','));
    let (mut best, mut most) = (Language::En, 0);
    for range in ranges {
        let mut parts = range.split(';').map(str::trim);
        let tag = parts.next().unwrap_or_default();
        let spoken = match tag
            .split('-')
            .next()
            .unwrap_or_default()
            .to_ascii_lowercase()
            .as_str()
        {
            // `in` is what Java still calls it.
            "id" | "in" => Language::Id,
            "en" => Language::En,
            _ => continue,
        };
        let liked = parts.find_map(quality).unwrap_or(1000);
        if liked > most {
            (best, most) = (spoken, liked);
        }
    }
    best
}

/// `q=0.5` in thousandths.
fn quality(parameter: &str) -> Option<u16> {
    let (name, value) = parameter.split_once('=')?;
    if !name.trim().eq_ignore_ascii_case("q") {
        return None;
    }
    let (whole, fraction) = value.trim().split_once('.').unwrap_or((value.trim(), ""));
    let digits: String = fraction.chars().chain("000".chars()).take(3).collect();
    let whole: u16 = whole.parse().ok()?;
    Some(
        whole
            .saturating_mul(1000)
            .saturating_add(digits.parse().ok()?)
            .min(1000),
    )
}

/// Whether a body is JSON in UTF-8: `application/json`, the character set absent or utf-8.
pub(crate) fn is_json(headers: &HeaderMap) -> bool {
    let mut values = headers.get_all(header::CONTENT_TYPE).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return false;
    };
    let mut parts = value.to_str().unwrap_or_default().split(';').map(str::trim);
    let is_json = parts
        .next()
        .is_some_and(|name| name.eq_ignore_ascii_case("application/json"));
    is_json
        && parts.all(|parameter| match parameter.split_once('=') {
            Some((name, charset)) if name.trim().eq_ignore_ascii_case("charset") => {
                charset.trim().trim_matches('"').eq_ignore_ascii_case("utf-8")
            }
            _ => true,
        })
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn headers(name: header::HeaderName, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_static(value))])
    }

    #[test]
    fn the_form_of_an_answer_follows_the_clients_wish() {
        let graphql = Some(MediaType::GraphqlResponse);
        let json = Some(MediaType::Json);
        assert_eq!(negotiate(&HeaderMap::new()), json);
        for (accept, expected) in [
            ("*/*", json),
            ("application/json", json),
            ("application/graphql-response+json", graphql),
            (
                "application/graphql-response+json, application/json;q=0.9",
                graphql,
            ),
            (
                "application/graphql-response+json;q=0.5, application/json;q=0.9",
                json,
            ),
            ("application/graphql-response+json, */*", graphql),
            ("application/graphql-response+json;q=0, */*;q=0.1", json),
            ("application/*", json),
            ("text/html, */*;q=0.8", json),
            ("text/html", None),
            ("application/json;q=0", None),
        ] {
            assert_eq!(negotiate(&headers(header::ACCEPT, accept)), expected, "{accept}");
        }
    }

    #[test]
    fn only_json_in_utf8_is_read() {
        assert!(!is_json(&HeaderMap::new()));
        for (content_type, expected) in [
            ("application/json", true),
            ("application/json; charset=utf-8", true),
            ("Application/JSON;charset=\"UTF-8\"", true),
            ("application/json; charset=latin1", false),
            ("application/graphql", false),
            ("multipart/form-data; boundary=x", false),
            ("text/plain", false),
        ] {
            let headers = headers(header::CONTENT_TYPE, content_type);
            assert_eq!(is_json(&headers), expected, "{content_type}");
        }
    }

    #[test]
    fn the_language_is_the_one_that_is_liked_best() {
        for (wish, language) in [
            (None, Language::En),
            (Some("id"), Language::Id),
            (Some("id-ID,id;q=0.9,en-US;q=0.8"), Language::Id),
            (Some("en-US,en;q=0.9,id;q=0.8"), Language::En),
            (Some("fr, in;q=0.2, en;q=0.1"), Language::Id),
            (Some("id;q=0"), Language::En),
            (Some("de"), Language::En),
        ] {
            let mut headers = HeaderMap::new();
            headers.extend(wish.map(|wish| (header::ACCEPT_LANGUAGE, wish.parse().expect("a value"))));
            assert_eq!(super::language(&headers), language, "{wish:?}");
        }
    }
}
