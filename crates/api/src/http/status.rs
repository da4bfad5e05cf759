//! The status of an answer: one table (`facts/graphql.md` 5.2, DESIGN section 10).

use axum::http::StatusCode;
use serde_json::Value;
use simpul_domain::Code;

use super::accept::MediaType;

/// An operation whose `data` is null because one code refused it all has that code's status. With `application/json`
/// what was refused before it ran is 200, as old clients expect.
pub(super) fn status(answered: &Value, media: MediaType) -> StatusCode {
    let refused_whole = answered.get("data").is_none_or(Value::is_null);
    let errors = answered
        .get("errors")
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .unwrap_or_default();
    let Some(first) = errors.first().and_then(code_of) else {
        return StatusCode::OK;
    };
    let one_code = errors.iter().all(|error| code_of(error) == Some(first));
    if !refused_whole || !one_code || (is_of_document(first) && media == MediaType::Json) {
        return StatusCode::OK;
    }
    StatusCode::from_u16(first.http_status()).unwrap_or(StatusCode::OK)
}

/// Whether the code speaks of the document and not of what came of it.
const fn is_of_document(code: Code) -> bool {
    matches!(
        code,
        Code::GraphqlParseFailed
            | Code::GraphqlValidationFailed
            | Code::OperationResolutionFailure
            | Code::DocumentTooLarge
            | Code::CostLimitExceeded
            | Code::PersistedQueryNotFound
            | Code::PersistedQueryRequired
    )
}

fn code_of(error: &Value) -> Option<Code> {
    let text = error.pointer("/extensions/code")?.as_str()?;
    Code::ALL.iter().copied().find(|code| code.as_str() == text)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_status_says_what_refused_the_whole_operation() {
        let error = |code: &str| json!({ "message": "m", "extensions": { "code": code } });
        for (data, codes, graphql, json) in [
            (Some(json!({ "a": 1 })), vec![], 200, 200),
            (Some(json!({ "a": null })), vec!["FORBIDDEN"], 200, 200),
            (Some(Value::Null), vec!["FORBIDDEN"], 403, 403),
            (Some(Value::Null), vec!["FORBIDDEN", "FORBIDDEN"], 403, 403),
            (Some(Value::Null), vec!["FORBIDDEN", "CONFLICT"], 200, 200),
            (Some(Value::Null), vec!["STALE_READ"], 503, 503),
            (None, vec!["BAD_REQUEST"], 400, 400),
            (None, vec!["GRAPHQL_PARSE_FAILED"], 400, 200),
            (None, vec!["GRAPHQL_VALIDATION_FAILED"], 400, 200),
            (None, vec!["OPERATION_RESOLUTION_FAILURE"], 400, 200),
            (None, vec!["DOCUMENT_TOO_LARGE"], 400, 200),
            (None, vec!["COST_LIMIT_EXCEEDED"], 400, 200),
            (None, vec!["PERSISTED_QUERY_NOT_FOUND"], 400, 200),
            (None, vec!["PERSISTED_QUERY_REQUIRED"], 400, 200),
            (None, vec!["RATE_LIMIT"], 429, 429),
            (None, vec!["UNAVAILABLE"], 503, 503),
        ] {
            let errors: Vec<Value> = codes.iter().map(|code| error(code)).collect();
            let mut answered = json!({ "errors": errors });
            if let Some(data) = data {
                answered["data"] = data;
            }
            let of = |media| status(&answered, media).as_u16();
            assert_eq!(of(MediaType::GraphqlResponse), graphql, "{answered}");
            assert_eq!(of(MediaType::Json), json, "{answered}");
        }
    }
}
