//! Documents that explode, each with the code that refuses it.

/// Fragments that double: 2^n fields for 36 bytes each.
pub(super) fn bomb(fragments: usize) -> String {
    let double = |index| format!("fragment F{index} on Query{{...F{0} ...F{0}}}", index + 1);
    let doubles: Vec<String> = (0..fragments).map(double).collect();
    let last = format!("fragment F{fragments} on Query{{__typename}}");
    format!("{{...F0}}{}{last}", doubles.concat())
}

/// Every one, with its code.
pub(super) fn all() -> Vec<(String, &'static str)> {
    let repeat = |times: usize, part: &str| part.repeat(times);
    vec![
        (bomb(24), "DOCUMENT_TOO_LARGE"),
        (bomb(49), "DOCUMENT_TOO_LARGE"),
        (bomb(200), "DOCUMENT_TOO_LARGE"),
        (
            "{...A} fragment A on Query{...B} fragment B on Query{...A}".to_owned(),
            "GRAPHQL_VALIDATION_FAILED",
        ),
        (
            format!("{{{}}}", repeat(1_000, "a:viewer{user{id}} ")),
            "DOCUMENT_TOO_LARGE",
        ),
        (
            format!("{{viewer{{{}}}}}", repeat(900, "a:__typename ")),
            "DOCUMENT_TOO_LARGE",
        ),
        (repeat(10_000, "{a"), "DOCUMENT_TOO_LARGE"),
        (format!("{{a(x:{}", repeat(30_000, "[")), "DOCUMENT_TOO_LARGE"),
        (format!("{{a(x:{}", repeat(10_000, "{a:")), "DOCUMENT_TOO_LARGE"),
        (format!("query($x:{}", repeat(30_000, "[")), "DOCUMENT_TOO_LARGE"),
        (
            format!("{{viewer{{user{{id}}}}{}}}", repeat(4_000, "...{a}")),
            "DOCUMENT_TOO_LARGE",
        ),
        (
            format!("{{__typename {}}}", repeat(1_500, "@skip(if:true)")),
            "DOCUMENT_TOO_LARGE",
        ),
        (
            format!("{{viewer{}}}", repeat(16, "{user")),
            "GRAPHQL_PARSE_FAILED",
        ),
        (
            format!("{{viewer{}{}}}", repeat(16, "{user"), repeat(16, "}")),
            "DOCUMENT_TOO_LARGE",
        ),
        (
            "{__schema{types{fields{type{fields{type{fields{type{name}}}}}}}}}".to_owned(),
            "DOCUMENT_TOO_LARGE",
        ),
        (
            "{invoices(first:100){nodes{customer{id} subscription{overdueInvoices{lines{amount{amount}}}}}}}"
                .to_owned(),
            "COST_LIMIT_EXCEEDED",
        ),
        (
            "{a:invoices(first:100){nodes{...F}} b:invoices(first:100){nodes{...F}}}
             fragment F on Invoice{lines{amount{amount}}}"
                .to_owned(),
            "COST_LIMIT_EXCEEDED",
        ),
        (
            "mutation($i:PaymentStartInput!){a:paymentStart(input:$i){userErrors{code}}
             b:paymentStart(input:$i){userErrors{code}}}"
                .to_owned(),
            "DOCUMENT_TOO_LARGE",
        ),
    ]
    .into_iter()
    .chain(numbered())
    .collect()
}

/// So many parts, each with another number in place of `#`.
fn numbered_parts(times: usize, part: &str) -> String {
    let parts: Vec<String> = (0..times)
        .map(|number| part.replace('#', &number.to_string()))
        .collect();
    parts.concat()
}

/// Many of what one is allowed.
fn numbered() -> Vec<(String, &'static str)> {
    let repeat = |times: usize, part: &str| part.repeat(times);
    let guess = "a#:sessionRefresh(input:{refreshToken:\"x\"}){userErrors{code}} ";
    vec![
        // Aliases of what checks credentials, or costs.
        (
            format!("{{{}}}", numbered_parts(200, "a#:viewer{user{id}} ")),
            "DOCUMENT_TOO_LARGE",
        ),
        (
            format!("mutation{{{}}}", numbered_parts(50, guess)),
            "DOCUMENT_TOO_LARGE",
        ),
        // Directives: many on one field, and one on many.
        (
            format!("{{viewer{{{}}}}}", repeat(600, "user{id @include(if:true)} ")),
            "DOCUMENT_TOO_LARGE",
        ),
        (
            format!("query {} {{__typename}}", repeat(1_000, "@a")),
            "DOCUMENT_TOO_LARGE",
        ),
        // Operations in one document.
        (numbered_parts(500, "query Q#{__typename} "), "DOCUMENT_TOO_LARGE"),
        // Texts and names that are long.
        (
            format!("{{{}}}", repeat(31_000, "a")),
            "GRAPHQL_VALIDATION_FAILED",
        ),
        (
            format!("{{viewer{{user{{id}}}} # {}}}", repeat(40_000, "x")),
            "DOCUMENT_TOO_LARGE",
        ),
        (
            format!("{{a(x:\"\"\"{}", repeat(15_000, "\\\"")),
            "GRAPHQL_PARSE_FAILED",
        ),
    ]
}
